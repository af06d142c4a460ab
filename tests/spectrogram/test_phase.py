from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from riffsidecar.errors import SpectrogramError
from riffsidecar.spectrogram.griffin_lim import fast_griffin_lim
from riffsidecar.spectrogram.phase import heap_phase
from riffsidecar.spectrogram.stft import istft, resample_circular, stft

_HOP, _WINDOW, _FRAMES = 345, 2048, 512


def _magnitudes(loop: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.abs(stft(resample_circular(loop[0], _FRAMES * _HOP), _FRAMES, _WINDOW))


def _convergence_db(spectrum: NDArray[np.complex64], magnitudes: NDArray[np.float32]) -> float:
    again = np.abs(stft(istft(spectrum, _HOP, _WINDOW), _FRAMES, _WINDOW))
    return float(20 * np.log10(np.linalg.norm(again - magnitudes) / np.linalg.norm(magnitudes)))


def test_the_heap_alone_comes_close_and_griffin_lim_closer(loop: NDArray[np.float32]) -> None:
    magnitudes = _magnitudes(loop)
    zero = _convergence_db(magnitudes.astype(np.complex64), magnitudes)
    spectrum = heap_phase(magnitudes, _HOP, _WINDOW)
    heap = _convergence_db(spectrum, magnitudes)
    refined = fast_griffin_lim(spectrum, magnitudes, _HOP, _WINDOW, iterations=8)
    np.testing.assert_allclose(np.abs(refined), magnitudes, rtol=1e-4, atol=1e-5)
    assert heap < min(-15.0, zero - 10.0)
    assert _convergence_db(refined, magnitudes) < heap - 2.0


def test_momentum_speeds_griffin_lim_up(loop: NDArray[np.float32]) -> None:
    magnitudes = _magnitudes(loop)
    start = magnitudes.astype(np.complex64)
    plain = fast_griffin_lim(start, magnitudes, _HOP, _WINDOW, iterations=12, momentum=0.0)
    fast = fast_griffin_lim(start, magnitudes, _HOP, _WINDOW, iterations=12)
    assert _convergence_db(fast, magnitudes) < _convergence_db(plain, magnitudes) - 1.0


def test_a_steady_sine_keeps_its_frequency() -> None:
    n = np.arange(_FRAMES * _HOP)
    # A whole number of periods: the circle closes.
    sine = np.sin(2 * np.pi * 4001 * n / n.size).astype(np.float32)
    magnitudes = np.abs(stft(sine, _FRAMES, _WINDOW))
    made = istft(heap_phase(magnitudes, _HOP, _WINDOW), _HOP, _WINDOW)
    spectrum = np.abs(np.fft.rfft(made))
    assert abs(int(np.argmax(spectrum)) - 4001) <= 1


def test_turning_the_circle_turns_the_phase(loop: NDArray[np.float32]) -> None:
    magnitudes = _magnitudes(loop)
    turned = heap_phase(np.roll(magnitudes, 100, axis=0), _HOP, _WINDOW)
    np.testing.assert_allclose(turned, np.roll(heap_phase(magnitudes, _HOP, _WINDOW), 100, axis=0), atol=1e-3)


def test_the_same_magnitudes_give_the_same_bits(loop: NDArray[np.float32]) -> None:
    magnitudes = _magnitudes(loop)
    assert np.array_equal(heap_phase(magnitudes, _HOP, _WINDOW), heap_phase(magnitudes.copy(), _HOP, _WINDOW))


def test_silence_stays_silent() -> None:
    assert not heap_phase(np.zeros((16, 129), dtype=np.float32), 64, 256).any()


def test_one_frame_is_enough() -> None:
    magnitudes = np.random.default_rng(0).random((1, 129), dtype=np.float32)
    np.testing.assert_allclose(np.abs(heap_phase(magnitudes, 64, 256)), magnitudes, rtol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_magnitudes_that_cannot_be_are_refused(bad: float) -> None:
    magnitudes = np.ones((4, 129), dtype=np.float32)
    magnitudes[2, 3] = bad
    with pytest.raises(SpectrogramError, match="negative, NaN or infinite"):
        heap_phase(magnitudes, 64, 256)


def test_shapes_and_options_out_of_range_are_refused() -> None:
    ones = np.ones((4, 129), dtype=np.float32)
    with pytest.raises(SpectrogramError, match="129"):
        heap_phase(np.ones((4, 100), dtype=np.float32), 64, 256)
    with pytest.raises(SpectrogramError, match="tolerance"):
        heap_phase(ones, 64, 256, tolerance=0.0)
    with pytest.raises(SpectrogramError, match="iterations"):
        fast_griffin_lim(ones.astype(np.complex64), ones, 64, 256, iterations=-1)
    with pytest.raises(SpectrogramError, match="differ"):
        fast_griffin_lim(ones.astype(np.complex64), ones[:2], 64, 256)
