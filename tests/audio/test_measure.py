"""Tempo, bars and downbeat of recordings whose truth is known."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from support_seeds import RATE, beat, recording

import riffsidecar.audio.measure
from riffsidecar.audio.measure import Measurement, measure
from riffsidecar.audio.waveform import Waveform
from riffsidecar.errors import AudioError
from riffsidecar.music import Meter, Tempo

FOUR = Meter(4, 4)


@pytest.mark.parametrize("bpm", [61.0, 87.5, 120.0, 140.2, 174.0])
@pytest.mark.parametrize("meter", ["4/4", "3/4", "7/8", "5/4"])
def test_a_loop_is_measured_exactly_whatever_its_tempo_and_meter(bpm: float, meter: str) -> None:
    parsed = Meter.parse(meter)
    samples = beat(bpm, 4, float(parsed.quarters_per_bar))
    found = measure(recording(samples), Tempo.parse(round(bpm * 1.15, 2)), parsed)
    assert found.bpm == pytest.approx(bpm, rel=1e-3)
    assert (found.bars, found.meter, found.start_s, found.is_loop) == (4, parsed, 0.0, True)


def test_the_session_decides_between_a_tempo_and_its_double() -> None:
    loop = recording(beat(87.0, 2))
    slow, fast = measure(loop, Tempo.parse(90), FOUR), measure(loop, Tempo.parse(170), FOUR)
    assert (round(slow.bpm), slow.bars) == (87, 2)
    assert (round(fast.bpm), fast.bars) == (174, 4)


@pytest.mark.parametrize(("lead_s", "rest_s"), [(0.21, 0.4), (0.6, 1.1), (0.0, 0.7)])
def test_silence_around_a_loop_is_no_part_of_it(lead_s: float, rest_s: float) -> None:
    loop = beat(112.0, 4)
    silence = [np.zeros((2, round(seconds * RATE)), np.float32) for seconds in (lead_s, rest_s)]
    found = measure(recording(np.concatenate([silence[0], loop, silence[1]], axis=1)), Tempo.parse(120), FOUR)
    assert found.bpm == pytest.approx(112.0, rel=0.01)
    assert found.bars == 4 and not found.is_loop
    assert found.start_s == pytest.approx(lead_s, abs=0.03)


def test_a_take_of_any_length_has_the_tempo_of_its_onsets() -> None:
    take = np.tile(beat(98.0, 2), (1, 4))[:, : round(11.3 * RATE)]
    found = measure(recording(take), Tempo.parse(110), FOUR)
    assert found.bpm == pytest.approx(98.0, rel=0.01)
    assert not found.is_loop and found.bars in (4, 5)
    assert found.start_s == pytest.approx(0.0, abs=0.04)


def test_composed_loops_are_measured_right() -> None:
    from benchmarks.measure import CUTS, composed, measured

    loops = list(composed(8, 40_000))
    whole = measured(loops, CUTS["whole loop"])
    assert min(whole.tempo, whole.bars, whole.downbeat) >= 7 / 8
    padded = measured(loops, CUTS["silence around"])
    assert padded.tempo >= 5 / 8


@pytest.mark.parametrize("cut_beats", [0.63, 1.37, 2.4, 3.13])
@pytest.mark.parametrize("bpm", [92.0, 124.0])
def test_a_take_that_begins_in_mid_bar_is_placed_by_its_kicks_and_bass(bpm: float, cut_beats: float) -> None:
    played = np.tile(beat(bpm, 4), (1, 2))
    first = round(cut_beats * 60.0 / bpm * RATE)
    found = measure(recording(played[:, first : first + round(9.4 * RATE)]), Tempo.parse(110), FOUR)
    bar_s = 240.0 / bpm
    late_s = (found.start_s + cut_beats * 60.0 / bpm + bar_s / 2) % bar_s - bar_s / 2
    assert late_s == pytest.approx(0.0, abs=0.04)


def test_composed_takes_that_begin_anywhere_are_placed_far_better_than_by_chance() -> None:
    from benchmarks.measure import CUTS, composed, measured

    loops = list(composed(12, 40_000))
    assert measured(loops, CUTS["take, cut anywhere"]).downbeat >= 3 / 12, "a sixteenth by chance is 1 in 16"


@pytest.mark.parametrize(
    ("samples", "match"),
    [
        (np.zeros((1, RATE), np.float32), "silent"),
        (np.ones((1, 900), np.float32), "at least a bar"),
    ],
)
def test_what_has_no_tempo_is_refused(samples: np.ndarray, match: str) -> None:
    with pytest.raises(AudioError, match=match):
        measure(Waveform(samples, RATE), Tempo.parse(120), FOUR)


def test_noise_and_one_click_are_measured_somehow_and_never_crash() -> None:
    click = np.zeros((1, RATE), np.float32)
    click[0, 100] = 1.0
    noise = np.random.default_rng(3).normal(0, 0.1, (2, 3 * RATE)).astype(np.float32)
    for samples in (click, noise, np.full((1, RATE), 0.3, np.float32)):
        found = measure(recording(samples), Tempo.parse(120), FOUR)
        assert found.bars >= 1 and 40 <= found.bpm <= 240


def test_a_measurement_that_cannot_be_is_refused() -> None:
    with pytest.raises(AudioError, match="bars"):
        Measurement(120.0, FOUR, 0, 0.0, True, 1.0)


def test_the_examples_are_true() -> None:
    assert doctest.testmod(riffsidecar.audio.measure).failed == 0
