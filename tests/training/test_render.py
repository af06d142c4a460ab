"""Claims about the orchestra and the mixer."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffsidecar.errors import TrainingError
from riffsidecar.music import Meter, Tempo
from riffsidecar.training.effects import circular_filter, duck_curve, ping_pong, reverb
from riffsidecar.training.instruments import INSTRUMENTS
from riffsidecar.training.mixer import PEAK_CEILING, loudness_db
from riffsidecar.training.render import default_soundfont, render_part, render_score
from riffsidecar.training.score import Attributes, Mix, Note, Part, Score
from riffsidecar.training.synth import FALLBACKS
from riffsidecar.training.synth.events import Event, hertz
from riffsidecar.training.synth.voices import voice_for

RATE = 44100
QUARTER = 22050
needs_soundfont = pytest.mark.skipif(
    default_soundfont() is None or find_spec("tinysoundfont") is None,
    reason="no General MIDI soundfont here, or no tinysoundfont to play it",
)
ATTRIBUTES = Attributes("groove", "house", ("kit-909",), (), 0.5, 0.5, 0.5, 0.0, True, "", "mid-tempo", "")


def part_for(name: str, **changes: Any) -> Part:
    instrument = INSTRUMENTS[name]
    if instrument.family == "kit":
        notes = tuple(Note(b / 2, 0.2, (36, 42, 38, 46)[b % 4], 0.8) for b in range(8))
    elif instrument.family == "percussion":
        notes = tuple(Note(b / 2, 0.2, 60 + b % 5, 0.8) for b in range(8))
    else:
        low = min(max(instrument.low, 40 if instrument.family != "bass" else 0), instrument.high - 8)
        notes = tuple(Note(float(b), 0.9, low + (0, 3, 5, 7)[b], 0.8) for b in range(4))
    role = {"kit": "drums", "percussion": "percussion", "bass": "bass", "pad": "pad", "texture": "texture"}
    part = Part(role.get(instrument.family, "melody"), name, notes, seed=4)
    return replace(part, **changes)


def score_of(
    *parts: Part, mix: Mix | None = None, tempo: str = "120", meter: str = "4/4", seed: int = 1
) -> Score:
    return Score(seed, Tempo.parse(tempo), Meter.parse(meter), 1, None, None, parts, mix or Mix(), ATTRIBUTES)


def rotated(part: Part, quarters: float, around: float) -> Part:
    notes = tuple(replace(note, start=(note.start + quarters) % around) for note in part.notes)
    return replace(part, notes=tuple(sorted(notes, key=lambda note: note.start)))


@pytest.mark.parametrize("name", INSTRUMENTS)
def test_every_instrument_sounds_on_our_own_synthesis_alone(name: str) -> None:
    audio = render_part(part_for(name), QUARTER, 4 * QUARTER, soundfont=None)
    assert audio.shape == (2, 4 * QUARTER) and audio.dtype == np.float32
    assert np.isfinite(audio).all()
    assert loudness_db(audio, RATE) > -45.0
    assert np.abs(audio).max() < 8.0
    assert abs(audio.mean()) < 0.02 * np.abs(audio).max()


@needs_soundfont
@pytest.mark.parametrize(
    "name", [name for name, instrument in INSTRUMENTS.items() if instrument.program is not None]
)
def test_every_soundfont_instrument_sounds_and_differs_from_its_stand_in(name: str) -> None:
    audio = render_part(part_for(name), QUARTER, 4 * QUARTER, soundfont=default_soundfont())
    other = render_part(part_for(name), QUARTER, 4 * QUARTER, soundfont=None)
    assert audio.shape == (2, 4 * QUARTER) and np.isfinite(audio).all()
    assert loudness_db(audio, RATE) > -45.0
    assert not np.allclose(audio, other, atol=1e-3)


def test_every_soundfont_instrument_has_a_stand_in_that_is_ours() -> None:
    for name, instrument in INSTRUMENTS.items():
        assert (name in FALLBACKS) == (instrument.engine == "soundfont")
    assert all(INSTRUMENTS[name].engine == "synth" for name in FALLBACKS.values())


@settings(max_examples=12, deadline=None)
@given(
    tempo=st.floats(60.0, 190.0).map(lambda bpm: f"{bpm:.3f}"),
    meter=st.sampled_from(("4/4", "3/4", "6/8", "5/4", "7/8")),
    seed=st.integers(0, 1000),
)
def test_a_render_has_exactly_the_length_of_its_score(tempo: str, meter: str, seed: int) -> None:
    parts = tuple(
        replace(part, notes=tuple(note for note in part.notes if note.start < 2.0))
        for part in (part_for("kit-808"), part_for("pluck", reverb=0.5, delay=0.5))
    )
    score = score_of(*parts, tempo=tempo, meter=meter, seed=seed, mix=Mix(sidechain=0.5, lofi=0.5))
    audio = render_score(score, soundfont=None)
    assert audio.shape == (2, score.length.num_samples(RATE))
    assert np.isfinite(audio).all()
    assert 0.01 < np.abs(audio).max() <= PEAK_CEILING + 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_the_loop_is_a_circle_so_turning_the_score_turns_the_sound(seed: int) -> None:
    parts = (
        part_for("kit-909", seed=seed, reverb=0.2),
        part_for("saw-bass", seed=seed),
        part_for("pluck", seed=seed, reverb=0.6, delay=0.5, pan=0.3),
        part_for("karplus-guitar", seed=seed, reverb=0.4),
    )
    mix = Mix(drive=0.5, sidechain=0.8, reverb_size=0.8, width=0.7)
    straight = render_score(score_of(*parts, mix=mix, seed=seed, tempo="120"), soundfont=None)
    turned_parts = tuple(rotated(part, 3.0, 4.0) for part in parts)
    turned = render_score(score_of(*turned_parts, mix=mix, seed=seed, tempo="120"), soundfont=None)
    difference = np.roll(straight, 3 * QUARTER, axis=1) - turned
    # The meters that set levels see blocks, which the turn shifts: a fraction of a decibel.
    assert np.abs(difference).max() < 0.025 * np.abs(straight).max()


@needs_soundfont
@pytest.mark.parametrize("name", ["grand-piano", "kit-acoustic", "slow-strings"])
def test_soundfont_parts_turn_with_their_notes(name: str) -> None:
    part = part_for(name)
    straight = render_part(part, QUARTER, 4 * QUARTER, soundfont=default_soundfont())
    turned = render_part(rotated(part, 2.0, 4.0), QUARTER, 4 * QUARTER, soundfont=default_soundfont())
    difference = np.roll(straight, 2 * QUARTER, axis=1) - turned
    assert np.sqrt((difference**2).mean()) < 0.05 * np.sqrt((straight**2).mean())


@pytest.mark.parametrize("name", ["warm-pad", "fm-bell", "reese-bass", "noise-pad", "electric-piano"])
def test_a_tail_runs_past_the_end_into_the_start(name: str) -> None:
    instrument = INSTRUMENTS[name]
    part = part_for(name, notes=(Note(3.0, 1.4, (instrument.low + instrument.high) // 2, 0.9),))
    audio = render_part(part, QUARTER, 4 * QUARTER, soundfont=None)
    head = np.sqrt((audio[:, :2000] ** 2).mean())
    tail = np.sqrt((audio[:, -2000:] ** 2).mean())
    assert 0.4 < head / tail < 2.5
    jump = np.abs(audio[:, 0] - audio[:, -1]).max()
    assert jump <= 1.2 * np.abs(np.diff(audio[:, -4000:], axis=1)).max()


def test_rendering_again_gives_the_same_samples_and_another_seed_another_timbre() -> None:
    parts = (part_for("kit-trap"), part_for("wavetable-lead", reverb=0.4), part_for("vinyl-noise"))
    score = score_of(*parts, mix=Mix(lofi=0.4))
    first = render_score(score, soundfont=None)
    assert np.array_equal(first, render_score(score, soundfont=None))
    other = score_of(*(replace(part, seed=99) for part in parts), mix=Mix(lofi=0.4))
    assert not np.allclose(first, render_score(other, soundfont=None), atol=1e-2)


@needs_soundfont
def test_soundfont_renders_do_not_depend_on_what_was_played_before() -> None:
    part = part_for("rhodes")
    first = render_part(part, QUARTER, 4 * QUARTER, soundfont=default_soundfont())
    render_part(part_for("church-organ"), QUARTER, 4 * QUARTER, soundfont=default_soundfont())
    assert np.allclose(
        first, render_part(part, QUARTER, 4 * QUARTER, soundfont=default_soundfont()), atol=1e-5
    )


@pytest.mark.parametrize("start", [0.0, 0.5, 1.013, 3.777])
@pytest.mark.parametrize("name", ["kit-909", "kit-808", "kit-breaks"])
def test_a_hit_sounds_from_the_sample_of_its_note(name: str, start: float) -> None:
    part = part_for(name, notes=(Note(start, 0.1, 38, 1.0),))
    audio = np.abs(render_part(part, QUARTER, 4 * QUARTER, soundfont=None)).max(axis=0)
    onset = round(start * QUARTER)
    assert audio[onset : onset + 60].max() > 0.1 * audio.max()
    assert audio[(np.arange(onset - 400, onset)) % audio.size].max() < 0.01 * audio.max()


@pytest.mark.parametrize("name", ["karplus-guitar", "chip-lead", "drawbar-organ", "electric-piano"])
@pytest.mark.parametrize("pitch", [52, 64, 76])
def test_voices_are_in_tune(name: str, pitch: int) -> None:
    sound = voice_for(name, 3, 0.5, RATE)(Event(0, RATE, pitch, 0.8, pitch))
    mono = sound.mean(axis=0)[4000:36000]
    spectrum = np.abs(np.fft.rfft(mono * np.hanning(mono.size), 1 << 19))
    bins = np.fft.rfftfreq(1 << 19, 1 / RATE)
    near = (bins > hertz(pitch) * 0.95) & (bins < hertz(pitch) * 1.05)
    found = bins[near][spectrum[near].argmax()]
    assert abs(1200 * np.log2(found / hertz(pitch))) < 8.0


@pytest.mark.parametrize("pitch", [84, 95])
def test_high_saws_do_not_alias(pitch: int) -> None:
    sound = voice_for("chip-lead", 2, 1.0, RATE)(Event(0, RATE, pitch, 1.0, pitch))
    mono = sound.mean(axis=0)[2000:10192]
    spectrum = np.abs(np.fft.rfft(mono * np.blackman(mono.size)))
    bins = np.fft.rfftfreq(mono.size, 1 / RATE)
    ratio = bins / hertz(pitch)
    between = (np.abs(ratio - np.round(ratio)) > 0.12) & (bins > 500)
    assert spectrum[between].max() < 10 ** (-45 / 20) * spectrum.max()


def test_closed_hats_cut_open_ones() -> None:
    alone = part_for("kit-909", notes=(Note(0.0, 1.0, 46, 0.9),))
    cut = part_for("kit-909", notes=(Note(0.0, 1.0, 46, 0.9), Note(0.25, 0.1, 42, 0.9)))
    place = slice(QUARTER // 4 + 6000, QUARTER // 4 + 9000)
    open_rms, cut_rms = (
        np.sqrt((render_part(part, QUARTER, 4 * QUARTER)[:, place] ** 2).mean()) for part in (alone, cut)
    )
    assert cut_rms < 0.3 * open_rms


def test_the_kick_ducks_the_others_and_never_the_drums() -> None:
    gain = duck_curve([0, 2 * QUARTER], 4 * QUARTER, 0.8, QUARTER // 2, RATE)
    assert gain.min() < 0.25 and gain.max() == pytest.approx(1.0, abs=1e-5)
    assert gain[400] < 0.3 and gain[QUARTER] == pytest.approx(1.0, abs=1e-5)
    assert np.allclose(gain[: 2 * QUARTER], gain[2 * QUARTER :], atol=1e-5)
    assert np.array_equal(duck_curve([], 100, 0.8, 50, RATE), np.ones(100, dtype=np.float32))


def test_reverb_and_echo_are_circular_convolutions() -> None:
    rng = np.random.default_rng(0)
    send = np.zeros((2, 3 * QUARTER), dtype=np.float32)
    send[:, -3000:] = rng.standard_normal((2, 3000))
    wet = reverb(send, 0.9, 2, RATE)
    assert np.abs(wet[:, :3000]).max() > 0.1 * np.abs(wet).max()
    assert np.allclose(
        np.roll(wet, 1234, axis=1), reverb(np.roll(send, 1234, axis=1), 0.9, 2, RATE), atol=1e-4
    )
    echoes = ping_pong(send, QUARTER // 2, 0.5, RATE)
    assert np.abs(echoes[:, QUARTER // 2 - 3000 : QUARTER // 2]).max() > 0.1
    again = ping_pong(np.roll(send, 777, axis=1), QUARTER // 2, 0.5, RATE)
    assert np.allclose(np.roll(echoes, 777, axis=1), again, atol=1e-3)


def test_a_circular_filter_has_heard_the_end_before_the_start() -> None:
    n = np.arange(4410)
    tone = np.repeat(np.sin(2 * np.pi * 10 * n / 4410)[None].astype(np.float32), 2, axis=0)
    sections = np.array([[0.1, 0.0, 0.0, 1.0, -0.9, 0.0]])
    out = circular_filter(tone, sections, 4410)
    assert np.allclose(out[:, :441], out[:, 441:882], atol=1e-4)


def test_an_empty_part_is_silent() -> None:
    assert not render_part(part_for("pluck", notes=()), QUARTER, QUARTER).any()


@needs_soundfont
def test_a_broken_soundfont_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.sf2"
    broken.write_bytes(b"not a soundfont")
    with pytest.raises(TrainingError, match=r"broken\.sf2"):
        render_part(part_for("rhodes"), QUARTER, QUARTER, soundfont=broken)
