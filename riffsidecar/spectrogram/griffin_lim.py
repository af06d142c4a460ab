"""Fast Griffin-Lim on a circle."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import njit
from numpy.typing import NDArray

from riffsidecar.errors import SpectrogramError
from riffsidecar.spectrogram.stft import istft, stft

__all__ = ["fast_griffin_lim"]


@njit(cache=True, nogil=True, fastmath=True)
def _project(spectrum, previous, magnitudes, momentum):  # type: ignore[no-untyped-def]  # pragma: no cover
    # Extrapolate from the previous projection and put the magnitudes back, in one pass over memory.
    tiny = np.float32(1e-30)
    num_frames, num_bins = magnitudes.shape
    for t in range(num_frames):
        for k in range(num_bins):
            real, imag = spectrum[t, k].real, spectrum[t, k].imag
            moved_real = real + momentum * (real - previous[t, k].real)
            moved_imag = imag + momentum * (imag - previous[t, k].imag)
            gain = magnitudes[t, k] / np.sqrt(moved_real * moved_real + moved_imag * moved_imag + tiny)
            previous[t, k] = spectrum[t, k]
            spectrum[t, k] = complex(moved_real * gain, moved_imag * gain)


def fast_griffin_lim(
    spectrum: NDArray[np.complex64],
    magnitudes: NDArray[np.float32],
    hop: int,
    win_length: int,
    *,
    iterations: int = 8,
    momentum: float = 0.99,
    callback: Callable[[float], None] | None = None,
    workers: int = 1,
    known: tuple[int, NDArray[np.float32]] | None = None,
) -> NDArray[np.complex64]:
    """Refine the phase of ``spectrum`` until its ``magnitudes`` (num_frames, num_bins) agree with each other.

    Perraudin, Balazs and Søndergaard, "A Fast Griffin-Lim Algorithm" (2013): with ``t_n`` the projection onto
    spectra of a real signal, ``c_n = t_n + momentum (t_n - t_{n-1})``. ``callback`` is called with the
    fraction done after each iteration; what it raises ends the work. ``known`` is a stretch of the signal
    that is settled, as its first sample and its samples: it is put back in each iteration, so that the rest
    fits it.

    Returns:
        A new spectrum with exactly those magnitudes.

    Raises:
        SpectrogramError: shapes that differ, or a negative number of iterations.
    """
    if spectrum.shape != magnitudes.shape:
        raise SpectrogramError(f"spectrum {spectrum.shape} and magnitudes {magnitudes.shape} differ in shape")
    if iterations < 0:
        raise SpectrogramError(f"iterations is {iterations}, allowed is 0 or more")
    estimate = spectrum.copy()
    previous = np.empty_like(estimate)
    target = np.ascontiguousarray(magnitudes, dtype=np.float32)
    for iteration in range(iterations):
        signal = istft(estimate, hop, win_length, workers=workers)
        if known is not None:
            start, samples = known
            signal[start : start + samples.shape[0]] = samples
        estimate = stft(signal, target.shape[0], win_length, workers=workers)
        if iteration == 0:
            previous[...] = estimate
        _project(estimate, previous, target, np.float32(momentum))
        if callback is not None:
            callback((iteration + 1) / iterations)
    return estimate
