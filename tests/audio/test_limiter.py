from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffsidecar.audio import Waveform
from riffsidecar.audio.limiter import ATTACK_S, HOLD_S, limiting_gain, peak_envelope
from riffsidecar.audio.loudness import MAX_REDUCTION_DB, integrated_lufs, normalise, true_peak_dbtp
from riffsidecar.errors import AudioError

RATE = 44_100


def drums(seed: int, num_samples: int, hits: int = 8) -> np.ndarray:
    """Return bursts of stereo noise over a quiet bed, without DC: a loop whose peaks forbid its loudness."""
    dice = np.random.default_rng(seed)
    loop = 0.01 * dice.standard_normal((2, num_samples))
    for at in dice.integers(0, num_samples, hits):
        decay = np.exp(-np.arange(num_samples) / (0.03 * RATE))
        hit = dice.standard_normal((2, num_samples)) * decay * dice.uniform(0.1, 0.5)
        loop += np.roll(hit, at, axis=1)
    # Recorded and rendered sound has little next to the Nyquist frequency.
    loop = (np.roll(loop, 1, axis=1) + 2 * loop + np.roll(loop, -1, axis=1)) / 4
    return (loop - loop.mean(axis=1, keepdims=True)).astype(np.float32)


lengths = st.integers(300, 12_000)
seeds = st.integers(0, 2**31)


@given(seeds, lengths, st.floats(0.01, 2.0), st.sampled_from([8_000, 44_100, 96_000]))
@settings(max_examples=25, deadline=None)
def test_no_peak_passes_the_ceiling(seed: int, num_samples: int, ceiling: float, rate: int) -> None:
    envelope = peak_envelope(drums(seed, num_samples))
    gain = limiting_gain(envelope, rate, ceiling)
    assert (envelope * gain).max() <= ceiling * (1 + 1e-9)
    assert 0 < gain.min() and gain.max() <= 1.0


@given(seeds, lengths, st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_rolling_the_loop_rolls_the_gain(seed: int, num_samples: int, shift: int) -> None:
    loop = drums(seed, num_samples)
    gain = limiting_gain(peak_envelope(loop), RATE, 0.2)
    rolled = limiting_gain(peak_envelope(np.roll(loop, shift, axis=1)), RATE, 0.2)
    np.testing.assert_allclose(rolled, np.roll(gain, shift), rtol=0, atol=1e-6)


@given(seeds, st.integers(4_000, 20_000), st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_rolling_a_loop_rolls_the_levelled_loop(seed: int, num_samples: int, shift: int) -> None:
    loop = drums(seed, num_samples)
    # No drums reach 0 LUFS: the bound decides, not the gates, whose blocks would start elsewhere.
    here = normalise(Waveform(loop, RATE), 0.0).samples
    there = normalise(Waveform(np.roll(loop, shift, axis=1), RATE), 0.0).samples
    rolled = np.roll(here, shift, axis=1)
    # The true peak is looked for on a grid that begins at sample 0: the level alone may differ a hair.
    level = float(np.vdot(there, rolled) / np.vdot(rolled, rolled))
    assert level == pytest.approx(1.0, abs=0.01)
    np.testing.assert_allclose(there, level * rolled, rtol=0, atol=2e-6)


@given(seeds, st.integers(4_000, 20_000), st.floats(-30.0, -6.0), st.floats(-6.0, 0.0))
@settings(max_examples=25, deadline=None)
def test_true_peak_holds_and_no_peak_loses_more_than_the_bound(
    seed: int, num_samples: int, lufs: float, ceiling: float
) -> None:
    loop = Waveform(drums(seed, num_samples), RATE)
    loud = normalise(loop, lufs, ceiling)
    assert true_peak_dbtp(loud) <= ceiling + 1e-4
    assert integrated_lufs(loud) <= lufs + 0.1
    boost = np.abs(loud.samples).max(axis=0) / np.maximum(np.abs(loop.samples).max(axis=0), 1e-9)
    audible = np.abs(loop.samples).max(axis=0) > 0.05
    spread_db = 20 * np.log10(boost[audible].max() / boost[audible].min())
    assert spread_db <= MAX_REDUCTION_DB + 0.5


def test_a_loop_whose_peaks_are_a_little_high_comes_to_its_loudness() -> None:
    loop = Waveform(drums(1, 4 * RATE, hits=60), RATE)
    plain = normalise(loop, max_reduction_db=0.0)
    assert integrated_lufs(plain) < -18.0
    loud = normalise(loop, -15.0)
    assert integrated_lufs(loud) == pytest.approx(-15.0, abs=0.15)
    assert true_peak_dbtp(loud) == pytest.approx(-1.0, abs=0.05)


def test_a_loop_that_would_need_more_than_the_bound_stays_below() -> None:
    clicks = drums(2, RATE, hits=0)
    clicks[:, ::12_000] = 1.0
    plain, loud = (normalise(Waveform(clicks, RATE), -14.0, -1.0, bound) for bound in (0.0, 6.0))
    assert integrated_lufs(plain) < integrated_lufs(loud) < -14.0
    assert integrated_lufs(loud) <= integrated_lufs(plain) + 6.0
    assert true_peak_dbtp(loud) <= -1.0 + 1e-4


def test_both_channels_get_one_gain_so_nothing_moves() -> None:
    loop = drums(4, RATE)
    loop[1] = 0.25 * loop[0]
    loud = normalise(Waveform(loop, RATE)).samples
    np.testing.assert_allclose(loud[1], 0.25 * loud[0], atol=2e-4)


def test_a_steady_tone_is_turned_down_and_not_bent() -> None:
    cycles = np.sin(2 * np.pi * 40 * np.arange(RATE) / RATE)[np.newaxis]
    gain = limiting_gain(peak_envelope(cycles), RATE, 0.5)
    assert np.ptp(gain) < 1e-3


def test_the_gain_moves_within_the_look_ahead_and_nowhere_else() -> None:
    click = np.zeros((1, RATE))
    click[0, 20_000] = 1.0
    gain = limiting_gain(peak_envelope(click), RATE, 0.5)
    ahead, hold = round(ATTACK_S * RATE), round(HOLD_S * RATE)
    assert gain[20_000] <= 0.5 + 1e-12 and np.all(gain[20_000 - ahead - 12 : 20_000] < 1.0 + 1e-12)
    assert np.all(gain[10_000 : 20_000 - ahead - 14] > 0.9999)
    assert np.all(np.diff(gain[20_000 + hold + ahead : 40_000]) >= -1e-12)
    assert np.abs(np.diff(20 * np.log10(gain))).max() < 2 * 6.03 / ahead + 1e-3


def test_the_envelope_finds_what_lies_between_the_samples() -> None:
    samples = np.sin(2 * np.pi * (np.arange(4_096) / 4 + 1 / 8))[np.newaxis]
    assert peak_envelope(samples).min() == pytest.approx(1.0, abs=0.01)


def test_a_limited_loop_has_no_dc() -> None:
    loop = np.abs(drums(7, RATE))
    loud = normalise(Waveform(loop, RATE))
    assert np.abs(loud.samples.mean(axis=1, dtype=np.float64)).max() < 1e-6


def test_equal_loops_are_limited_to_equal_bits() -> None:
    first, second = (normalise(Waveform(drums(9, RATE), RATE)).samples for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("bound", [-1.0, 25.0, float("nan")])
def test_an_absurd_bound_is_refused(bound: float) -> None:
    with pytest.raises(AudioError):
        normalise(Waveform(drums(1, 5_000), RATE), max_reduction_db=bound)


@pytest.mark.parametrize("options", [{"ceiling": 0.0}, {"ceiling": 1.0, "attack_s": 0.0}])
def test_a_limiter_that_cannot_be_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(AudioError):
        limiting_gain(np.ones(10), RATE, **options)


def test_samples_of_another_shape_are_refused() -> None:
    with pytest.raises(AudioError):
        peak_envelope(np.zeros(10))
