"""Short-time Fourier transform on a circle: no edges, so no padding.

Frame ``t`` of ``num_frames`` is centred at sample ``t * num_samples / num_frames``. The transform itself
wants a whole hop; :func:`resample_circular` brings a periodic signal to one, exactly.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
import scipy.fft
from numba import njit
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from riffsidecar.errors import SpectrogramError

__all__ = [
    "circular_frames",
    "hann",
    "istft",
    "overlap_add",
    "resample_circular",
    "stft",
    "whole_hop",
    "wound_up",
]

_Real = TypeVar("_Real", np.float32, np.float64)


@lru_cache(maxsize=16)
def _hann64(win_length: int) -> NDArray[np.float64]:
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(win_length) / win_length)
    window.flags.writeable = False
    return window


@lru_cache(maxsize=16)
def hann(win_length: int, dtype: str = "float32") -> NDArray[Any]:
    """Return the periodic Hann window (win_length,), read-only.

    >>> hann(4).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    window = _hann64(win_length).astype(dtype)
    window.flags.writeable = False
    return window


def whole_hop(num_samples: float, num_frames: int) -> int:
    """Return the whole number of samples nearest to ``num_samples / num_frames``.

    >>> whole_hop(352800, 1024)
    345
    """
    return max(1, int(num_samples / num_frames + 0.5))


def resample_circular(samples: NDArray[_Real], num_samples: int, *, workers: int = 1) -> NDArray[_Real]:
    """Resample a period (..., n) to ``num_samples`` by its Fourier series: exact for what both can carry.

    Lengths with large prime factors cost about three times as much (Bluestein); they cannot be chosen, a
    loop is as long as its bars.
    """
    length = samples.shape[-1]
    if length == num_samples:
        return samples.copy()
    spectrum: NDArray[Any] = scipy.fft.rfft(samples, axis=-1, workers=workers)
    shorter = min(length, num_samples)
    bins = num_samples // 2 + 1
    kept = min(spectrum.shape[-1], bins)
    moved = np.zeros((*spectrum.shape[:-1], bins), dtype=spectrum.dtype)
    moved[..., :kept] = spectrum[..., :kept]
    if shorter % 2 == 0:
        # The bin at half the shorter rate stands for two: unfolding halves it, folding doubles it.
        moved[..., shorter // 2] *= 0.5 if num_samples > length else 2.0
    moved *= num_samples / length
    result: NDArray[_Real] = scipy.fft.irfft(moved, n=num_samples, axis=-1, overwrite_x=True, workers=workers)
    return result


def stft(
    samples: NDArray[_Real], num_frames: int, win_length: int, *, n_fft: int | None = None, workers: int = 1
) -> NDArray[Any]:
    """Transform a period (num_samples,) into (num_frames, n_fft // 2 + 1).

    ``num_samples`` is a multiple of ``num_frames``.
    ``X[t, k] = sum_n w[n] x[(t hop + n - win_length / 2) mod num_samples] exp(-2 pi i k n / n_fft)``: phases
    refer to the start of the window. float32 gives complex64, float64 complex128.

    Raises:
        SpectrogramError: samples that are not one whole-hop channel.
    """
    if samples.ndim != 1 or num_frames < 1 or samples.shape[0] % num_frames or not samples.shape[0]:
        raise SpectrogramError(
            f"samples have shape {samples.shape}, allowed is one channel whose length is "
            f"a multiple of {num_frames}"
        )
    windowed = circular_frames(samples, num_frames, win_length) * hann(win_length, samples.dtype.name)
    spectrum: NDArray[Any] = scipy.fft.rfft(windowed, n=n_fft, axis=-1, overwrite_x=True, workers=workers)
    return spectrum


def circular_frames(samples: NDArray[_Real], num_frames: int, win_length: int) -> NDArray[_Real]:
    """Return a view (num_frames, win_length) of a period (num_samples,), a frame around every hop."""
    hop = samples.shape[0] // num_frames
    half = win_length // 2
    wrapped = np.pad(samples, (half, win_length - half), mode="wrap")
    return sliding_window_view(wrapped, win_length)[: num_frames * hop : hop]


@njit(cache=True, nogil=True)
def overlap_add(frames, window, hop, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add windowed frames to a line that begins where the first of them does."""
    for t in range(frames.shape[0]):
        frame = frames[t]
        place = out[t * hop : t * hop + window.shape[0]]
        for i in range(window.shape[0]):
            place[i] += frame[i] * window[i]


@lru_cache(maxsize=32)
def _window_sum(win_length: int, hop: int, dtype: str) -> NDArray[Any]:
    """Sum the squared windows of all frames: periodic in the hop, so one hop of it says all."""
    squares = np.zeros(-(-win_length // hop) * hop)
    squares[:win_length] = _hann64(win_length) ** 2
    overlapped = squares.reshape(-1, hop).sum(axis=0)
    total: NDArray[Any] = np.roll(overlapped, -(win_length // 2)).astype(dtype)
    total.flags.writeable = False
    return total


def istft(spectrum: NDArray[Any], hop: int, win_length: int, *, workers: int = 1) -> NDArray[Any]:
    """Return the period (num_frames * hop,) whose transform is nearest to ``spectrum``.

    ``n_fft`` is ``win_length``. The least-squares inverse of Griffin and Lim (1984): windowed again,
    overlapped on the circle and divided by the sum of squared windows.

    Raises:
        SpectrogramError: a spectrum of another size, or a hop that leaves gaps.
    """
    if spectrum.ndim != 2 or spectrum.shape[1] != win_length // 2 + 1:
        raise SpectrogramError(
            f"the spectrum has shape {spectrum.shape}, allowed is (num_frames, {win_length // 2 + 1})"
        )
    frames = scipy.fft.irfft(spectrum, n=win_length, axis=-1, workers=workers)
    line = np.zeros(spectrum.shape[0] * hop + win_length, dtype=frames.dtype)
    overlap_add(frames, hann(win_length, frames.dtype.name), hop, line)
    return wound_up(line, hop, win_length)


def wound_up(line: NDArray[_Real], hop: int, win_length: int) -> NDArray[_Real]:
    """Return the period of a line of overlapped frames, divided by the sum of their squared windows.

    The line starts half a window before sample 0 and ends half a window after the last.

    Raises:
        SpectrogramError: a hop that leaves gaps.
    """
    total = _window_sum(win_length, hop, line.dtype.name)
    if float(total.min()) < 1e-3:
        raise SpectrogramError(
            f"a hop of {hop} leaves gaps between windows of {win_length}; use at most half of it"
        )
    num_samples = line.shape[0] - win_length
    circle = np.zeros(num_samples, dtype=line.dtype)
    for start in range(0, line.shape[0], num_samples):
        turn = line[start : start + num_samples]
        circle[: turn.shape[0]] += turn
    circle = np.roll(circle, -(win_length // 2))
    result: NDArray[_Real] = (circle.reshape(-1, hop) / total).reshape(-1)
    return result
