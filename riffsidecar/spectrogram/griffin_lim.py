"""Fast Griffin-Lim on a circle."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.fft
from numba import njit
from numpy.typing import NDArray

from riffsidecar.errors import SpectrogramError
from riffsidecar.spectrogram.stft import circular_frames, hann, istft, overlap_add, wound_up

__all__ = ["fast_griffin_lim"]

_BLOCK = 64
"""Frames that are transformed there and back at a time, so that they stay in the caches."""


@njit(cache=True, nogil=True, fastmath=True)
def _put_magnitudes(spectrum, magnitudes):  # type: ignore[no-untyped-def]  # pragma: no cover
    tiny = np.float32(1e-30)
    num_frames, num_bins = magnitudes.shape
    for t in range(num_frames):
        for k in range(num_bins):
            real, imag = spectrum[t, k].real, spectrum[t, k].imag
            gain = magnitudes[t, k] / np.sqrt(real * real + imag * imag + tiny)
            spectrum[t, k] = complex(real * gain, imag * gain)


def _projected(
    signal: NDArray[np.float32], magnitudes: NDArray[np.float32], win_length: int
) -> NDArray[np.float32]:
    """Return the period nearest to the spectrum of ``signal`` with these magnitudes in place of its own."""
    num_frames = magnitudes.shape[0]
    hop, window = signal.shape[0] // num_frames, hann(win_length)
    frames = circular_frames(signal, num_frames, win_length)
    line = np.zeros(signal.shape[0] + win_length, np.float32)
    for first in range(0, num_frames, _BLOCK):
        block = slice(first, first + _BLOCK)
        spectrum = scipy.fft.rfft(frames[block] * window, overwrite_x=True)
        _put_magnitudes(spectrum, magnitudes[block])
        again = scipy.fft.irfft(spectrum, n=win_length, overwrite_x=True)
        overlap_add(again, window, hop, line[first * hop :])
    return wound_up(line, hop, win_length)


def fast_griffin_lim(
    phases: NDArray[np.complex64],
    magnitudes: NDArray[np.float32],
    hop: int,
    win_length: int,
    *,
    iterations: int = 8,
    momentum: float = 0.99,
    callback: Callable[[float], None] | None = None,
    workers: int = 1,
    known: tuple[int, NDArray[np.float32]] | None = None,
) -> NDArray[np.float32]:
    """Find periods (channels, num_frames * hop) of ``magnitudes`` (channels, num_frames, num_bins).

    Perraudin, Balazs and Søndergaard, "A Fast Griffin-Lim Algorithm" (2013): with ``t_n`` the projection onto
    spectra of a real signal, ``c_n = t_n + momentum (t_n - t_{n-1})``. The transform is linear, so the
    signals are led on instead of their spectra. All channels begin from ``phases`` (num_frames, num_bins), of
    length 1, and each goes on by itself.

    Args:
        phases: where every channel begins.
        magnitudes: of each channel.
        hop: samples between frames.
        win_length: of the Hann window.
        iterations: how often the magnitudes are put back.
        momentum: 0 for plain Griffin-Lim.
        callback: called with the fraction done after each iteration; what it raises ends the work.
        workers: threads; each takes a channel, and their number changes no bit.
        known: a stretch of the signals that is settled, as its first sample and its samples (channels,
            num_samples): it is put back in each iteration, so that the rest fits it.

    Raises:
        SpectrogramError: shapes that differ, or a negative number of iterations.
    """
    if phases.shape != magnitudes.shape[1:]:
        raise SpectrogramError(f"phases {phases.shape} and magnitudes {magnitudes.shape} differ in shape")
    if iterations < 0:
        raise SpectrogramError(f"iterations is {iterations}, allowed is 0 or more")
    targets = np.ascontiguousarray(magnitudes, dtype=np.float32)
    channels = range(len(targets))

    def begun(channel: int) -> NDArray[np.float32]:
        signal: NDArray[np.float32] = istft(phases * targets[channel], hop, win_length)
        return signal

    def settled(channel: int) -> NDArray[np.float32]:
        signal = signals[channel].copy()
        if known is not None:
            signal[known[0] : known[0] + known[1].shape[1]] = known[1][channel]
        return signal

    def led_on(channel: int) -> NDArray[np.float32]:
        signal = now[channel]
        moved = signal + np.float32(momentum) * (signal - before[channel])
        return _projected(moved, targets[channel], win_length)

    with ThreadPoolExecutor(max(1, min(workers, len(channels)))) as pool:
        signals = list(pool.map(begun, channels))
        before: list[NDArray[np.float32]] = []
        for iteration in range(iterations):
            now = [settled(channel) for channel in channels]
            before = before or now
            signals = list(pool.map(led_on, channels))
            before = now
            if callback is not None:
                callback((iteration + 1) / iterations)
    return np.stack(signals)
