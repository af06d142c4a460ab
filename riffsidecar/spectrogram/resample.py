"""Read a line of samples at any other rate, any stretch of it alone, without drift.

Output sample ``n`` lies at ``n * step`` input samples, an exact fraction; only its distance from the nearest
input sample is rounded, so the millionth bar is as exact as the first. The kernel is a sinc under a Kaiser
window (Smith, "Digital Audio Resampling Home Page": windowed-sinc interpolation from a table). It passes all
that lies below 0.46 of the input rate, 20 kHz at 44.1 kHz, within 0.01 dB.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from riffsidecar.errors import SpectrogramError

__all__ = ["HALF_TAPS", "reach", "read_line"]

HALF_TAPS = 32
"""Input samples on either side that an output sample hears."""

_TABLE_STEPS = 1024
_BETA = 9.0


@lru_cache(maxsize=1)
def _table() -> NDArray[np.float64]:
    """Return (steps + 1, taps): the kernel at every place between two input samples."""
    offsets = np.arange(_TABLE_STEPS + 1)[:, None] / _TABLE_STEPS
    at = np.arange(1 - HALF_TAPS, HALF_TAPS + 1)[None, :] - offsets
    window = np.i0(_BETA * np.sqrt(np.maximum(1.0 - (at / HALF_TAPS) ** 2, 0.0))) / np.i0(_BETA)
    kernel: NDArray[np.float64] = np.sinc(at) * window
    return np.ascontiguousarray(kernel / kernel.sum(axis=1, keepdims=True))


@njit(cache=True, nogil=True)
def _read(samples, whole, part, table, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    steps = table.shape[0] - 1
    taps = table.shape[1]
    for n in range(out.shape[0]):
        place = part[n] * steps
        row = min(int(place), steps - 1)
        mix = place - row
        first = whole[n] - taps // 2 + 1
        total = 0.0
        for tap in range(taps):
            weight = table[row, tap] + mix * (table[row + 1, tap] - table[row, tap])
            total += weight * samples[first + tap]
        out[n] = total


def reach(step: Fraction, first: int, count: int) -> tuple[int, int]:
    """Return the first input sample, and the one after the last, that a stretch of outputs hears.

    >>> reach(Fraction(1), 100, 10)
    (69, 142)
    """
    return int(first * step // 1) - HALF_TAPS + 1, int((first + count - 1) * step // 1) + HALF_TAPS + 1


def read_line(
    samples: NDArray[np.float32], start: int, step: Fraction, first: int, count: int
) -> NDArray[np.float32]:
    """Return output samples ``first`` to ``first + count - 1`` (channels, count).

    Args:
        samples: (channels, n), of which the first is number ``start`` of the line.
        start: see there.
        step: input samples an output sample.
        first: number of the first output sample; sample 0 of both lies at one time.
        count: how many.

    Raises:
        SpectrogramError: a stretch that hears more than ``samples`` holds.
    """
    low, high = reach(step, first, count)
    if low < start or high > start + samples.shape[1]:
        raise SpectrogramError(
            f"samples {low} to {high} are heard, but only {start} to {start + samples.shape[1]} are there"
        )
    origin = first * step
    base = int(origin // 1)
    # Exact up to here; within a stretch a float64 errs by less than a millionth of a sample.
    places: NDArray[Any] = float(origin - base) + np.arange(count) * float(step)
    whole = np.floor(places).astype(np.int64)
    out = np.empty((samples.shape[0], count), np.float32)
    for channel in range(samples.shape[0]):
        line = np.ascontiguousarray(samples[channel], np.float32)
        _read(line, whole + (base - start), places - whole, _table(), out[channel])
    return out
