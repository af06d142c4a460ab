from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffsidecar.errors import SpectrogramError
from riffsidecar.spectrogram.stft import hann, istft, resample_circular, stft, whole_hop


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(8, 128), st.integers(0, 2**31))
def test_reconstruction_is_perfect_in_float64(num_frames: int, hop: int, seed: int) -> None:
    samples = np.random.default_rng(seed).standard_normal(num_frames * hop)
    again = istft(stft(samples, num_frames, 256), hop, 256)
    np.testing.assert_allclose(again, samples, atol=1e-12)


def test_reconstruction_in_float32_stays_float32() -> None:
    samples = np.random.default_rng(0).standard_normal(64 * 345).astype(np.float32)
    spectrum = stft(samples, 64, 2048)
    again = istft(spectrum, 345, 2048)
    assert (spectrum.dtype, again.dtype) == (np.complex64, np.float32)
    np.testing.assert_allclose(again, samples, atol=1e-5)


def test_the_transform_is_the_one_that_is_written_down() -> None:
    rng = np.random.default_rng(2)
    samples = rng.standard_normal(6 * 40)
    spectrum = stft(samples, 6, 64, n_fft=128)
    n = np.arange(64)
    for t, k in ((0, 3), (5, 64), (3, 17)):
        frame = hann(64, "float64") * samples[(t * 40 + n - 32) % 240]
        assert spectrum[t, k] == pytest.approx(np.sum(frame * np.exp(-2j * np.pi * k * n / 128)), abs=1e-10)


def test_turning_the_circle_by_frames_turns_the_transform() -> None:
    samples = np.random.default_rng(3).standard_normal(32 * 50)
    turned = stft(np.roll(samples, 7 * 50), 32, 256)
    np.testing.assert_allclose(turned, np.roll(stft(samples, 32, 256), 7, axis=0), atol=1e-12)


def test_a_loop_shorter_than_the_window_winds_round_it() -> None:
    samples = np.random.default_rng(4).standard_normal(4 * 100)
    np.testing.assert_allclose(istft(stft(samples, 4, 2048), 100, 2048), samples, atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(st.integers(40, 400), st.integers(40, 400), st.integers(1, 18), st.floats(0.0, 6.28))
def test_resampling_is_exact_for_what_both_rates_carry(
    length: int, target: int, harmonic: int, phase: float
) -> None:
    source = np.cos(2 * np.pi * harmonic * np.arange(length) / length + phase)
    expected = np.cos(2 * np.pi * harmonic * np.arange(target) / target + phase)
    np.testing.assert_allclose(resample_circular(source, target), expected, atol=1e-10)


@pytest.mark.parametrize("length", [100, 101])
def test_resampling_there_and_back_loses_nothing(length: int) -> None:
    samples = np.random.default_rng(5).standard_normal((2, length))
    np.testing.assert_allclose(
        resample_circular(resample_circular(samples, 173), length), samples, atol=1e-12
    )


def test_resampling_to_the_same_length_copies() -> None:
    samples = np.ones(10)
    again = resample_circular(samples, 10)
    again[0] = 2.0
    assert samples[0] == 1.0


def test_the_hop_is_the_nearest_whole_one() -> None:
    assert [whole_hop(n, 10) for n in (94, 95, 100, 105, 1)] == [9, 10, 10, 11, 1]


@pytest.mark.parametrize("shape", [(2, 640), (641,), (0,)])
def test_samples_that_are_not_whole_hops_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SpectrogramError, match="multiple of 64"):
        stft(np.zeros(shape, dtype=np.float32), 64, 256)


def test_a_hop_that_leaves_gaps_is_refused() -> None:
    with pytest.raises(SpectrogramError, match="gaps"):
        istft(np.zeros((4, 129), dtype=np.complex64), 256, 256)


def test_a_spectrum_of_another_size_is_refused() -> None:
    with pytest.raises(SpectrogramError, match="129"):
        istft(np.zeros((4, 100), dtype=np.complex64), 64, 256)
