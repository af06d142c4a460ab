"""An audio file becomes a seed: cut to whole bars, telling its beats, or refused with a reason."""

from __future__ import annotations

import os
import random
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support_pipeline import SoundingRenderer
from support_seeds import RATE, audio_bytes, beat

from riffsidecar.audio import LoopTags, Waveform, encode_wav
from riffsidecar.audio.content import content_digest
from riffsidecar.audio.wav import decode_wav
from riffsidecar.errors import AudioError, DropError
from riffsidecar.music import Meter, Tempo
from riffsidecar.render.ingredients import load_kept_seed, load_seed
from riffsidecar.render.seeds import Unfinished, fit_seed, keep_fitted, sweep_fitted
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.seeds import SeedSource
from riffsidecar.spectrogram.formats import BEAT_GRID

FOUR, TEMPO = Meter(4, 4), Tempo.parse(120)


def fitted_file(samples: np.ndarray, folder: Path) -> SeedSource:
    seed = fit_seed(audio_bytes(samples), "beat", TEMPO, FOUR)
    return seed.source("beat", keep_fitted(seed, folder))


@pytest.mark.parametrize("kind", ["WAV", "AIFF", "FLAC", "MP3", "OGG"])
def test_every_kind_of_file_becomes_a_seed_of_its_bars(kind: str) -> None:
    seed = fit_seed(audio_bytes(beat(98.0, 2), kind), "beat", TEMPO, FOUR)
    assert seed.bpm == pytest.approx(98.0, rel=0.01) and seed.bars == 2
    decoded = decode_wav(seed.content)
    assert decoded.tags is not None and decoded.tags.quarters == 8 and decoded.recipe is None


def test_a_loop_keeps_its_samples_and_a_take_is_cut_at_its_downbeat() -> None:
    loop = beat(100.0, 2)
    whole = decode_wav(fit_seed(audio_bytes(loop), "a", TEMPO, FOUR).content).waveform
    assert whole.num_samples == loop.shape[1]
    lead = np.zeros((2, RATE // 2), np.float32)
    seed = fit_seed(audio_bytes(np.concatenate([lead, loop, lead], axis=1)), "a", TEMPO, FOUR)
    cut = decode_wav(seed.content).waveform.samples
    assert abs(cut.shape[1] - loop.shape[1]) < 0.01 * loop.shape[1]
    assert np.abs(cut[:, : RATE // 20]).max() > 0.1


def test_a_loop_that_was_cut_in_mid_bar_is_turned_to_its_downbeat_and_loses_no_sample() -> None:
    loop = beat(100.0, 4)
    first = round(1.63 * 0.6 * RATE)
    seed = fit_seed(audio_bytes(np.roll(loop, -first, axis=1)), "a", TEMPO, FOUR)
    assert seed.measurement is not None and seed.measurement.is_loop and seed.bars == 4
    turned = decode_wav(seed.content).waveform.samples
    assert turned.shape == loop.shape
    shift = round(seed.measurement.start_s * RATE)
    bar = loop.shape[1] // 4
    late = (shift + first + bar // 2) % bar - bar // 2
    assert abs(late) < 0.04 * RATE
    np.testing.assert_allclose(np.roll(turned, shift + first, axis=1), loop, atol=1e-3)


def test_a_file_that_tells_its_beats_is_believed() -> None:
    waveform = Waveform(beat(100.0, 4), RATE)
    tags = LoopTags(title="x", bpm=Fraction(100), beats=Fraction(8), meter=FOUR)
    seed = fit_seed(encode_wav(waveform, "16", tags), "x", TEMPO, FOUR)
    assert (seed.bars, round(seed.bpm), seed.measurement) == (2, 50, None)


def test_a_loop_of_ours_stays_as_it_is(tmp_path: Path) -> None:
    request = LoopRequest(prompt="keys", tempo=TEMPO, bars=Fraction(1))
    wav = object.__new__(SoundingRenderer)
    wav.environment = {}
    content = wav.wav(request)
    seed = fit_seed(content, "x", Tempo.parse(70), FOUR)
    assert seed.content == content and seed.bars == 1 and seed.bpm == 120


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"no audio at all",
        random.Random(1).randbytes(4096),
        b"fLaC" + random.Random(2).randbytes(100),
        b"ID3" + bytes(400),
    ],
)
def test_what_is_no_audio_is_refused(content: bytes) -> None:
    with pytest.raises(AudioError):
        fit_seed(content, "x", TEMPO, FOUR)


@pytest.mark.parametrize("kind", ["WAV", "AIFF"])
def test_half_a_file_is_known_to_be_half(kind: str) -> None:
    content = audio_bytes(beat(120, 2), kind)
    with pytest.raises(Unfinished, match="still being copied"):
        fit_seed(content[: len(content) // 2], "x", TEMPO, FOUR)


def test_a_seed_is_laid_on_the_beats_of_any_tempo(tmp_path: Path) -> None:
    source = fitted_file(beat(90.0, 2), tmp_path)
    spectra = []
    for bpm in (90, 130):
        request = LoopRequest(
            prompt="x", tempo=Tempo.parse(bpm), bars=Fraction(2), source_path=source.path,
            source_sha256=source.sha256,
        )  # fmt: skip
        seed = load_seed(request)
        assert seed is not None
        spectra.append(seed.spectrogram(request, BEAT_GRID))
        kept = LoopRequest(
            prompt="x", tempo=Tempo.parse(bpm), bars=Fraction(2), of_path=source.path,
            of_sha256=source.sha256, keep_bars="1",
        )  # fmt: skip
        assert load_kept_seed(kept) is not None
    assert spectra[0].shape == spectra[1].shape
    assert np.corrcoef(spectra[0].ravel(), spectra[1].ravel())[0, 1] > 0.95
    assert seed is not None
    groove = seed.spectrogram(request, BEAT_GRID, only_groove=True)
    assert groove.shape == spectra[1].shape and not np.allclose(groove, spectra[1])


def test_the_same_seed_is_kept_once_and_an_old_one_is_swept(tmp_path: Path) -> None:
    seed = fit_seed(audio_bytes(beat(120, 1)), "x", TEMPO, FOUR)
    first, second = keep_fitted(seed, tmp_path), keep_fitted(seed, tmp_path)
    assert first == second and [first] == list(tmp_path.iterdir())
    assert content_digest(first.read_bytes()) == seed.source("x", first).sha256
    sweep_fitted(tmp_path)
    assert first.exists()
    os.utime(first, (1.0, 1.0))
    sweep_fitted(tmp_path)
    assert not first.exists()


def test_a_folder_that_takes_nothing_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DropError, match="fitted seed"):
        keep_fitted(fit_seed(audio_bytes(beat(120, 1)), "x", TEMPO, FOUR), tmp_path / "file")
