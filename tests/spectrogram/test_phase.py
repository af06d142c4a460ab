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


def _convergence_db(signal: NDArray[np.float32], magnitudes: NDArray[np.float32]) -> float:
    again = np.abs(stft(signal, _FRAMES, _WINDOW))
    return float(20 * np.log10(np.linalg.norm(again - magnitudes) / np.linalg.norm(magnitudes)))


def test_the_heap_alone_comes_close_and_griffin_lim_closer(loop: NDArray[np.float32]) -> None:
    magnitudes = _magnitudes(loop)
    zero = _convergence_db(istft(magnitudes.astype(np.complex64), _HOP, _WINDOW), magnitudes)
    spectrum = heap_phase(magnitudes, _HOP, _WINDOW)
    heap = _convergence_db(istft(spectrum, _HOP, _WINDOW), magnitudes)
    phases = spectrum / np.maximum(magnitudes, np.float32(1e-30))
    refined = fast_griffin_lim(phases, magnitudes[None], _HOP, _WINDOW, iterations=8)[0]
    assert heap < min(-15.0, zero - 10.0)
    assert _convergence_db(refined, magnitudes) < heap - 2.0


def test_momentum_speeds_griffin_lim_up(loop: NDArray[np.float32]) -> None:
    magnitudes = _magnitudes(loop)
    start = np.ones_like(magnitudes, np.complex64)
    plain = fast_griffin_lim(start, magnitudes[None], _HOP, _WINDOW, iterations=12, momentum=0.0)[0]
    fast = fast_griffin_lim(start, magnitudes[None], _HOP, _WINDOW, iterations=12)[0]
    assert _convergence_db(fast, magnitudes) < _convergence_db(plain, magnitudes) - 1.0


def test_iterations_are_those_of_the_paper(loop: NDArray[np.float32]) -> None:
    magnitudes = _magnitudes(loop)
    target, momentum = magnitudes.astype(np.float64), 0.9
    spectrum, before = target.astype(np.complex128), None
    for _ in range(3):
        projected = stft(istft(spectrum, _HOP, _WINDOW), _FRAMES, _WINDOW)
        moved = projected + (0.0 if before is None else momentum * (projected - before))
        spectrum, before = target * moved / np.abs(moved), projected
    start = np.ones_like(magnitudes, np.complex64)
    made = fast_griffin_lim(start, magnitudes[None], _HOP, _WINDOW, iterations=3, momentum=momentum)[0]
    assert np.linalg.norm(made - istft(spectrum, _HOP, _WINDOW)) < 1e-3 * np.linalg.norm(made)


def test_a_channel_each_in_threads_of_their_own_gives_the_same_bits(loop: NDArray[np.float32]) -> None:
    both = np.stack([_magnitudes(loop), _magnitudes(loop[::-1])])
    start = np.ones_like(both[0], np.complex64)
    done: list[float] = []
    one = fast_griffin_lim(start, both, _HOP, _WINDOW, iterations=2)
    two = fast_griffin_lim(start, both, _HOP, _WINDOW, iterations=2, workers=2, callback=done.append)
    alone = fast_griffin_lim(start, both[1:], _HOP, _WINDOW, iterations=2)
    assert np.array_equal(one, two) and np.array_equal(one[1:], alone) and done == [0.5, 1.0]


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
        fast_griffin_lim(ones.astype(np.complex64), ones[None], 64, 256, iterations=-1)
    with pytest.raises(SpectrogramError, match="differ"):
        fast_griffin_lim(ones.astype(np.complex64), ones[None, :2], 64, 256)
