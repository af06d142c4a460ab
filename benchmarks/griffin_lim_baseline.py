"""The baseline of the phase benchmarks: plain Griffin-Lim with reflect padding, as most projects have it.

It shares the transforms' kernels with the package, so that CPU seconds compare methods and not programmers.
"""

from __future__ import annotations

import numpy as np
import scipy.fft
from numba import njit
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from riffsidecar.spectrogram.stft import hann

__all__ = ["griffin_lim_reflect", "reflect_istft", "reflect_stft"]


@njit(cache=True, nogil=True)
def _overlap_add(frames, window, hop, out, total):
    for t in range(frames.shape[0]):
        frame = frames[t]
        place = out[t * hop : t * hop + window.shape[0]]
        weight = total[t * hop : t * hop + window.shape[0]]
        for i in range(window.shape[0]):
            place[i] += frame[i] * window[i]
            weight[i] += window[i] * window[i]


@njit(cache=True, nogil=True, fastmath=True)
def _with_magnitudes(spectrum, magnitudes):
    tiny = np.float32(1e-30)
    for t in range(magnitudes.shape[0]):
        for k in range(magnitudes.shape[1]):
            real, imag = spectrum[t, k].real, spectrum[t, k].imag
            spectrum[t, k] *= magnitudes[t, k] / np.sqrt(real * real + imag * imag + tiny)


def reflect_stft(samples: NDArray[np.float32], hop: int, win_length: int) -> NDArray[np.complex64]:
    """Transform with centred frames and reflected ends: ``num_samples / hop + 1`` frames."""
    padded = np.pad(samples, win_length // 2, mode="reflect")
    frames = sliding_window_view(padded, win_length)[::hop]
    return scipy.fft.rfft(frames * hann(win_length), axis=-1, overwrite_x=True)


def reflect_istft(spectrum: NDArray[np.complex64], hop: int, win_length: int) -> NDArray[np.float32]:
    """Overlap and add, then cut half a window off either end."""
    frames = scipy.fft.irfft(spectrum, n=win_length, axis=-1)
    out = np.zeros((spectrum.shape[0] - 1) * hop + win_length, dtype=np.float32)
    total = np.zeros_like(out)
    _overlap_add(frames, hann(win_length), hop, out, total)
    half = win_length // 2
    return out[half:-half] / np.maximum(total[half:-half], np.float32(1e-8))


def griffin_lim_reflect(
    magnitudes: NDArray[np.float32], hop: int, win_length: int, *, iterations: int = 32, seed: int = 0
) -> NDArray[np.float32]:
    """Griffin and Lim (1984) from random phase; magnitudes as those of :func:`reflect_stft`."""
    angle = (2.0 * np.pi) * np.random.default_rng(seed).random(magnitudes.shape, dtype=np.float32)
    spectrum = np.empty(magnitudes.shape, dtype=np.complex64)
    spectrum.real = np.cos(angle)
    spectrum.imag = np.sin(angle)
    spectrum *= magnitudes
    for _ in range(iterations):
        spectrum = reflect_stft(reflect_istft(spectrum, hop, win_length), hop, win_length)
        _with_magnitudes(spectrum, magnitudes)
    return reflect_istft(spectrum, hop, win_length)
