from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffsidecar.audio import Waveform
from riffsidecar.audio.loudness import _k_weighting, integrated_lufs, normalise, true_peak_dbtp
from riffsidecar.errors import AudioError

RATE = 48_000


def sine(hz: float, db: float, seconds: float, rate: int = RATE, channels: int = 2) -> np.ndarray:
    time_s = np.arange(round(seconds * rate)) / rate
    return np.tile(10 ** (db / 20) * np.sin(2 * np.pi * hz * time_s), (channels, 1))


def noise(seed: int, num_samples: int, channels: int = 2) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal((channels, num_samples))


def test_the_filters_are_those_of_the_standards_table_at_48_khz() -> None:
    # ITU-R BS.1770-4, annex 1, tables 1 and 2.
    shelf = [1.53512485958697, -2.69169618940638, 1.19839281085285, 1.0, -1.69065929318241, 0.73248077421585]
    high_pass = [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621]
    np.testing.assert_allclose(_k_weighting(48_000), [shelf, high_pass], rtol=0, atol=1e-8)


@pytest.mark.parametrize("rate", [44_100, 48_000, 88_200, 96_000])
def test_a_full_scale_997_hz_sine_in_one_channel_is_minus_3_01_lufs(rate: int) -> None:
    # BS.1770-4: "If a 0 dB FS, 997 Hz sine wave is applied to the left, center, or right channel input, the
    # indicated loudness will equal -3.01 LKFS."
    mono = Waveform(sine(997, 0.0, 2.0, rate, channels=1), rate)
    assert integrated_lufs(mono) == pytest.approx(-3.01, abs=0.02)
    assert integrated_lufs(Waveform(sine(997, 0.0, 2.0, rate), rate)) == pytest.approx(0.0, abs=0.02)


# EBU Tech 3341, table 1, cases 1 to 5: (seconds, dBFS) of a stereo 1 kHz sine, and the expected LUFS.
EBU_CASES = {
    "1": ([(20, -23)], -23.0),
    "2": ([(20, -33)], -33.0),
    "3": ([(10, -36), (60, -23), (10, -36)], -23.0),
    "4": ([(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)], -23.0),
    "5": ([(20, -26), (20.1, -20), (20, -26)], -23.0),
}


@pytest.mark.parametrize("case", EBU_CASES)
def test_the_test_signals_of_ebu_tech_3341_read_as_they_should(case: str) -> None:
    parts, expected = EBU_CASES[case]
    signal = np.concatenate([sine(1000, db, seconds, 16_000) for seconds, db in parts], axis=1)
    assert integrated_lufs(Waveform(signal, 16_000)) == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("num_samples", [1_600, 4_410, 17_640, 44_100, 88_211])
def test_a_loop_is_as_loud_as_the_same_loop_laid_end_to_end(num_samples: int) -> None:
    loop = noise(num_samples, num_samples) * np.linspace(0.05, 1.0, num_samples)
    repeats = math.ceil(30 * 44_100 / num_samples)
    once = integrated_lufs(Waveform(loop, 44_100))
    assert once == pytest.approx(integrated_lufs(Waveform(np.tile(loop, repeats), 44_100)), abs=0.15)


@pytest.mark.parametrize("hz", [30, 100, 997])
def test_a_loop_of_one_cycle_is_measured_as_if_it_had_always_been_running(hz: int) -> None:
    cycle = Waveform(sine(hz, -10, 1 / hz, 44_100), 44_100)
    endless = Waveform(np.tile(cycle.samples, 8 * hz), 44_100)
    assert integrated_lufs(cycle) == pytest.approx(integrated_lufs(endless), abs=0.02)


@given(st.integers(2_000, 60_000), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_a_loops_loudness_and_true_peak_do_not_depend_on_where_it_begins(
    num_samples: int, shift: int
) -> None:
    loop = noise(3, num_samples) * np.linspace(0.05, 1.0, num_samples)
    here, there = Waveform(loop, 44_100), Waveform(np.roll(loop, shift, axis=1), 44_100)
    # Blocks start at other places, never more than 100 ms away: the gate may include one more or less.
    assert integrated_lufs(here) == pytest.approx(integrated_lufs(there), abs=0.5)
    assert true_peak_dbtp(here) == pytest.approx(true_peak_dbtp(there), abs=0.05)


def test_silence_is_minus_infinity_and_no_warning() -> None:
    silence = Waveform(np.zeros((2, 5000)), RATE)
    assert integrated_lufs(silence) == -math.inf
    assert true_peak_dbtp(silence) == -math.inf
    assert not normalise(silence).samples.any()


def test_what_lies_below_the_absolute_gate_has_no_loudness_and_is_not_blown_up() -> None:
    hiss = Waveform(noise(0, RATE) * 1e-5, RATE)
    assert integrated_lufs(hiss) == -math.inf
    assert normalise(hiss).peak <= hiss.peak * 1.01


def test_the_true_peak_finds_what_lies_between_the_samples() -> None:
    # A sine at a quarter of the sample rate, 45 degrees off: every sample is 3 dB below the crest.
    count = 4_096
    samples = np.sin(2 * np.pi * (np.arange(count) / 4 + 1 / 8))[np.newaxis]
    waveform = Waveform(samples, RATE)
    assert 20 * math.log10(waveform.peak) == pytest.approx(-3.01, abs=0.01)
    assert true_peak_dbtp(waveform) == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("cycles", [200, 900, 1_600, 1_814, 1_900])
@pytest.mark.parametrize("num_samples", [4_000, 4_001])
def test_the_true_peak_of_a_tone_is_right_up_to_the_top_of_the_band(num_samples: int, cycles: int) -> None:
    phases = np.linspace(0, np.pi, 9)[:, np.newaxis]
    tones = np.sin(2 * np.pi * cycles * np.arange(num_samples) / num_samples + phases)
    peaks = [true_peak_dbtp(Waveform(tone[np.newaxis], RATE)) for tone in tones]
    assert -0.05 < min(peaks) <= max(peaks) < 0.001


def test_the_true_peak_is_never_below_the_sample_peak_even_at_nyquist() -> None:
    alternating = Waveform(np.tile([0.5, -0.5], 500)[np.newaxis], RATE)
    assert true_peak_dbtp(alternating) == pytest.approx(20 * math.log10(0.5), abs=0.01)


@pytest.mark.parametrize("lufs", [-30.0, -23.0, -14.0])
def test_normalising_reaches_the_loudness_that_was_asked_for(lufs: float) -> None:
    loop = normalise(Waveform(sine(440, -40, 3.0) + noise(1, 3 * RATE) * 0.01, RATE), lufs)
    assert integrated_lufs(loop) == pytest.approx(lufs, abs=0.01)


def test_the_true_peak_ceiling_wins_over_loudness() -> None:
    clicks = np.zeros((2, RATE))
    clicks[:, ::12_000] = 1.0
    loop = normalise(Waveform(clicks, RATE), -14.0)
    assert true_peak_dbtp(loop) == pytest.approx(-1.0, abs=0.001)
    assert integrated_lufs(loop) < -14.0


def test_no_dc_is_left_in_any_channel() -> None:
    offset = sine(220, -20, 2.0) + np.array([[0.3], [-0.1]])
    loop = normalise(Waveform(offset, RATE))
    means = np.abs(loop.samples.mean(axis=1, dtype=np.float64))
    assert (20 * np.log10(means + 1e-30) < -100).all()


def test_normalising_is_one_gain_for_everything() -> None:
    loop = Waveform(noise(5, RATE), RATE)
    centred = loop.samples - loop.samples.mean(axis=1, keepdims=True, dtype=np.float64)
    gains = normalise(loop).samples[np.abs(centred) > 0.01] / centred[np.abs(centred) > 0.01]
    assert np.ptp(gains) < 1e-5


def test_normalising_twice_changes_nothing() -> None:
    once = normalise(Waveform(noise(6, RATE), RATE))
    np.testing.assert_allclose(normalise(once).samples, once.samples, atol=1e-6)


@pytest.mark.parametrize(("lufs", "ceiling"), [(1.0, -1.0), (-71.0, -1.0), (-14.0, 0.1), (math.nan, -1.0)])
def test_absurd_targets_are_refused(lufs: float, ceiling: float) -> None:
    with pytest.raises(AudioError):
        normalise(Waveform(np.ones((1, 10)), RATE), lufs, ceiling)
