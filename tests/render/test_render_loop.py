"""What a render promises, seen on a tiny untrained pipeline."""

from __future__ import annotations

import hashlib
import io
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from support_diffusion import tiny_pipeline

from riffsidecar.audio import Waveform, decode_wav, encode_wav
from riffsidecar.audio.loudness import integrated_lufs, true_peak_dbtp
from riffsidecar.audio.tags import LoopTags
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.shelf import ModelShelf
from riffsidecar.errors import CancelledError, DiffusionError, ModelError, SessionError, WavError
from riffsidecar.models import ModelStore
from riffsidecar.music import Chords, Key, Meter, Tempo
from riffsidecar.render.ingredients import load_seed
from riffsidecar.render.messages import STAGES, Again, RenderedLoop
from riffsidecar.render.recipe import MADE_WITH, parse_loop, read_loop, unpack_recipe
from riffsidecar.render.render_loop import QUALITY_STEPS, LoopRenderer, render_loop
from riffsidecar.session.knobs import KNOBS
from riffsidecar.session.requests import LoopRequest
from riffsidecar.spectrogram.formats import BEAT_GRID

MADE_BY = {"torch": "test", "threads": "1"}


@pytest.fixture(scope="module")
def pipeline() -> LoopPipeline:
    torch.set_num_threads(1)
    return tiny_pipeline()


def ask(**options: object) -> LoopRequest:
    values = {
        "prompt": "dusty drums",
        "tempo": Tempo.parse(120),
        "bars": Fraction(1),
        "quality": "draft",
        **options,
    }
    return LoopRequest(**values)  # type: ignore[arg-type]


def make(pipeline: LoopPipeline, request: LoopRequest, again: Again | None = None) -> RenderedLoop:
    return render_loop(pipeline, request, lambda stage, fraction: None, environment=MADE_BY, again=again)


@pytest.fixture(scope="module")
def two_bars(pipeline: LoopPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loops") / "earlier.wav"
    path.write_bytes(make(pipeline, ask(bars=Fraction(2), seed=3)).wav)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("bpm", "meter", "bars", "rate", "depth"),
    [
        (87.5, "4/4", 1, 44100, "24"),
        (174, "7/8", 2, 48000, "16"),
        (53, "3/4", 1, 96000, "32f"),
        (120, "4/4", "1/2", 88200, "24"),
    ],
)
def test_a_loop_is_exact_stereo_at_its_loudness_and_says_what_it_is(
    pipeline: LoopPipeline, bpm: float, meter: str, bars: int | str, rate: int, depth: str
) -> None:
    request = ask(
        tempo=Tempo.parse(bpm), meter=Meter.parse(meter), bars=Fraction(bars), sample_rate=rate,
        bit_depth=depth, key=Key.parse("Am"), chords=Chords.parse("Am F"), label="my pad", seed=5,
    )  # fmt: skip
    loop = make(pipeline, request)
    decoded = decode_wav(loop.wav)
    exact = request.bars * request.meter.quarters_per_bar * 60 * rate / Fraction(str(bpm))
    assert loop.num_samples == decoded.waveform.num_samples == round(exact)
    assert (decoded.waveform.channels, decoded.waveform.sample_rate) == (2, rate)
    assert true_peak_dbtp(decoded.waveform) <= -1.0
    assert integrated_lufs(decoded.waveform) <= -13.95
    assert np.abs(decoded.waveform.samples.mean(axis=1)).max() < 1e-4
    assert decoded.tags is not None
    assert (decoded.tags.title, decoded.tags.key, decoded.tags.bpm, decoded.tags.seed) == (
        "my pad", request.key, request.tempo.bpm, 5,
    )  # fmt: skip
    assert decoded.latents is not None and decoded.latents.dtype == np.float16
    assert parse_loop(loop.wav, "x").request == request
    assert parse_loop(loop.wav, "x").made_with == MADE_BY
    assert set(loop.timings) == set(loop.cpu_s) == set(STAGES) and set(loop.seam) == {"jump", "lpc_db"}
    assert loop.stem.startswith("riff_") and "my_pad" in loop.stem


def test_a_model_that_is_not_installed_is_refused_by_its_name(pipeline: LoopPipeline, tmp_path: Path) -> None:
    shelf = ModelShelf(pipeline, "0" * 64, ModelStore(tmp_path))
    renderer = LoopRenderer(shelf, "0" * 64, MADE_BY)
    with pytest.raises(ModelError, match="riffusion-v1"):
        renderer.render(ask(model="riffusion-v1"), lambda stage, fraction: None)
    assert renderer.render(ask(), lambda stage, fraction: None).num_samples == 88200


def test_the_same_request_gives_the_same_bytes(pipeline: LoopPipeline) -> None:
    assert make(pipeline, ask(seed=9)).wav == make(pipeline, ask(seed=9)).wav
    assert make(pipeline, ask(seed=9)).wav != make(pipeline, ask(seed=10)).wav


def test_decoding_the_latents_of_a_loop_gives_its_very_samples(pipeline: LoopPipeline) -> None:
    loop = make(pipeline, ask(seed=9))
    decoded = make(pipeline, ask(seed=9), Again(loop.wav, denoise=False))
    assert decoded.wav == loop.wav and decoded.latents_db == -math.inf


def test_a_loop_made_again_with_other_threads_has_the_same_samples(pipeline: LoopPipeline) -> None:
    loop = make(pipeline, ask(seed=9))
    torch.set_num_threads(2)
    try:
        again = make(pipeline, ask(seed=9), Again(loop.wav))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert again.wav == loop.wav
    assert again.latents_db is not None and again.latents_db < -60


def test_a_loop_whose_latents_do_not_come_again_is_rendered_from_the_new_ones(pipeline: LoopPipeline) -> None:
    other = make(pipeline, ask(seed=10))
    again = make(pipeline, ask(seed=9), Again(other.wav))
    assert again.wav == make(pipeline, ask(seed=9)).wav
    assert again.latents_db is not None and again.latents_db > -20


def test_progress_only_grows_through_the_stages_to_the_end(pipeline: LoopPipeline) -> None:
    seen: list[tuple[str, float]] = []
    render_loop(pipeline, ask(), lambda stage, fraction: seen.append((stage, fraction)))
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions) and fractions[0] == 0.0 and fractions[-1] == 1.0
    assert list(dict.fromkeys(stage for stage, _ in seen)) == list(STAGES)
    assert sum(stage == "denoise" for stage, _ in seen) >= QUALITY_STEPS["draft"]
    assert sum(stage == "phase" for stage, _ in seen) >= 5


@pytest.mark.parametrize("stage", STAGES)
def test_a_render_can_be_cancelled_in_every_stage(pipeline: LoopPipeline, stage: str) -> None:
    after: list[str] = []

    def cancel(at: str, fraction: float) -> None:
        after.append(at)
        if at == stage:
            raise CancelledError("stop")

    with pytest.raises(CancelledError):
        render_loop(pipeline, ask(), cancel)
    assert after[-1] == stage and after.count(stage) == 1


def test_every_quality_of_the_knob_has_its_steps() -> None:
    assert tuple(QUALITY_STEPS) == KNOBS["quality"].choices
    assert list(QUALITY_STEPS.values()) == sorted(QUALITY_STEPS.values())


def test_kept_bars_stay_as_they_were(pipeline: LoopPipeline, two_bars: Path) -> None:
    earlier = read_loop(two_bars)
    request = ask(
        prompt="strings",
        bars=Fraction(2),
        seed=77,
        of_path=str(two_bars),
        of_sha256=sha256(two_bars),
        keep_bars=(1, 1),
    )
    new = decode_wav(make(pipeline, request).wav).waveform.samples
    old = earlier.waveform.samples
    bar = new.shape[1] // 2
    away = slice(bar // 16, bar - bar // 16)
    np.testing.assert_allclose(new[:, away], old[:, away], rtol=0, atol=1e-6)
    free_db = 10 * np.log10(np.sum((new - old)[:, bar:] ** 2) / np.sum(old[:, bar:] ** 2))
    assert free_db > -20


def test_a_kept_band_stays_as_it_was(pipeline: LoopPipeline, two_bars: Path) -> None:
    request = ask(
        bars=Fraction(2),
        seed=77,
        of_path=str(two_bars),
        of_sha256=sha256(two_bars),
        keep_bands_hz=(1000.0, 4000.0),
    )
    new = np.fft.rfft(decode_wav(make(pipeline, request).wav).waveform.samples[0])
    old = np.fft.rfft(read_loop(two_bars).waveform.samples[0])
    hz = np.fft.rfftfreq(read_loop(two_bars).waveform.num_samples, 1 / 44100)
    inside = (hz > 1200) & (hz < 3400)
    assert 10 * np.log10(np.sum(np.abs(new - old)[inside] ** 2) / np.sum(np.abs(old)[inside] ** 2)) < -40


def test_a_locked_loop_decodes_from_its_own_latents(pipeline: LoopPipeline, two_bars: Path) -> None:
    request = ask(
        bars=Fraction(2), seed=7, of_path=str(two_bars), of_sha256=sha256(two_bars), keep_bars=(2, 2)
    )
    loop = make(pipeline, request)
    assert make(pipeline, request, Again(loop.wav, denoise=False)).wav == loop.wav


def test_bars_can_be_kept_at_another_tempo_or_rate(pipeline: LoopPipeline, two_bars: Path) -> None:
    lock = {"of_path": str(two_bars), "of_sha256": sha256(two_bars), "keep_bars": (1, 1), "bars": Fraction(2)}
    assert make(pipeline, ask(tempo=Tempo.parse(126), **lock)).num_samples == round(8 * 60 * 44100 / 126)
    assert make(pipeline, ask(sample_rate=48000, **lock)).num_samples == 192000


def test_a_changed_or_missing_earlier_loop_is_refused(
    pipeline: LoopPipeline, two_bars: Path, tmp_path: Path
) -> None:
    gone = ask(bars=Fraction(2), of_path=str(tmp_path / "gone.wav"), of_sha256="0" * 64, keep_bars=(1, 1))
    with pytest.raises(SessionError, match="cannot be read"):
        make(pipeline, gone)
    with pytest.raises(SessionError, match="another file"):
        make(pipeline, replace(gone, of_path=str(two_bars)))
    plain = tmp_path / "plain.wav"
    plain.write_bytes(tone(tmp_path, 44100))
    with pytest.raises(WavError, match="recipe"):
        make(pipeline, replace(gone, of_path=str(plain), of_sha256=sha256(plain)))
    shorter = ask(bars=Fraction(1), of_path=str(two_bars), of_sha256=sha256(two_bars), keep_bars=(1, 1))
    with pytest.raises(DiffusionError, match="columns"):
        make(pipeline, shorter)


def tone(folder: Path, num_samples: int, sample_rate: int = 44100, kind: str = "WAV") -> bytes:
    buffer = io.BytesIO()
    samples = 0.3 * np.sin(2 * np.pi * 220 * np.arange(num_samples) / sample_rate)
    soundfile.write(buffer, samples, sample_rate, format=kind)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "AIFF"])
def test_seed_audio_of_any_length_and_format_goes_in_and_travels_along(
    pipeline: LoopPipeline, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"seed.{kind.lower()}"
    path.write_bytes(tone(tmp_path, 30_000, 48_000, kind))
    request = ask(source_path=str(path), source_sha256=sha256(path), strength=0.5)
    loop = make(pipeline, request)
    assert loop.num_samples == 88200
    assert decode_wav(loop.wav).source == path.read_bytes()
    assert loop.wav != make(pipeline, replace(request, strength=1.0)).wav


def test_a_seed_loop_is_laid_on_the_beats_whatever_its_tempo(pipeline: LoopPipeline, tmp_path: Path) -> None:
    path = tmp_path / "seed.wav"
    quarter = 44100 * 60 // 90
    clicks = np.zeros((2, 4 * quarter), np.float32)
    for beat in range(4):
        clicks[:, beat * quarter : beat * quarter + 200] = 0.5
    tags = LoopTags(title="clicks", bpm=Fraction(90), beats=Fraction(4), meter=Meter.parse("4/4"))
    path.write_bytes(encode_wav(Waveform(clicks, 44100), "24", tags))
    request = ask(tempo=Tempo.parse(140), source_path=str(path), source_sha256=sha256(path), strength=0.5)
    seed = load_seed(request)
    assert seed is not None and seed.samples_per_quarter == quarter
    energy = seed.spectrogram(request, BEAT_GRID).mean(axis=(0, 1))
    per_beat = energy.reshape(4, -1)
    assert per_beat.shape[1] == 64 and (per_beat.argmax(axis=1) <= 2).all()


def test_strength_zero_gives_the_seed_loop_back(pipeline: LoopPipeline, two_bars: Path) -> None:
    request = ask(
        bars=Fraction(2), seed=8, source_path=str(two_bars), source_sha256=sha256(two_bars), strength=0.0
    )
    made, before = decode_wav(make(pipeline, request).wav), decode_wav(two_bars.read_bytes())
    np.testing.assert_array_equal(made.latents, before.latents)
    np.testing.assert_array_equal(made.waveform.samples, before.waveform.samples)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"not audio at all" * 10])
def test_seed_audio_that_cannot_be_read_is_refused(
    pipeline: LoopPipeline, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "seed.wav"
    path.write_bytes(content)
    with pytest.raises(WavError, match="seed audio cannot be read"):
        make(pipeline, ask(source_path=str(path), source_sha256=sha256(path)))


def test_a_recipe_with_a_damaged_environment_is_refused() -> None:
    with pytest.raises(SessionError, match=MADE_WITH):
        unpack_recipe({**ask().to_recipe(), MADE_WITH: "by hand"})
