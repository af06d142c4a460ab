"""A transparent look-ahead limiter on the circle: peaks are turned down smoothly, nothing is clipped.

The gain curve is that of Hämäläinen, "Smoothing of the Control Signal Without Clipped Output in Digital Peak
Limiters" (DAFx-02, Hamburg 2002): the attenuation that each sample needs goes through a running maximum and
then through a smoothing filter no longer than the look-ahead, so the curve is smooth and yet never less than
what is needed. Between the two the attenuation is let go exponentially in decibels, as Giannoulis, Massberg
and Reiss advise ("Digital Dynamic Range Compressor Design", JAES 60(6), 2012). Peaks are those of the
waveform between the samples (ITU-R BS.1770-4 annex 2), and all channels share one gain, so nothing moves from
left to right.

The loop is periodic in all of it: rolling the samples rolls the curve.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.ndimage
from numba import njit
from numpy.typing import NDArray

from riffsidecar.errors import AudioError

__all__ = ["ATTACK_S", "HOLD_S", "RELEASE_S", "limiting_gain", "peak_envelope"]

ATTACK_S = 0.003
"""How long before a peak the gain begins to fall."""

HOLD_S = 0.012
"""How long it stays down: longer than half a period of the lowest bass, which then is not bent."""

RELEASE_S = 0.06
"""How long the attenuation in decibels takes to fall to 1/e."""

_PHASES = 4
_HALF_TAPS = 12
_KAISER_BETA = 6.0
_BLOCK = 1024

Array = NDArray[np.float64]


def peak_envelope(samples: NDArray[np.floating[Any]]) -> Array:
    """Return how high the waveform reaches around each sample, over all channels, shape ``(num_samples,)``.

    Counted are the sample itself and what lies between it and its two neighbours on the circle, at quarters
    of a sample, by interpolation with a windowed sinc of 24 taps.

    >>> peak_envelope(np.array([[0.0, 0.5, 0.0, -0.5]])).round(2).tolist()
    [0.46, 0.5, 0.46, 0.5]

    Raises:
        AudioError: samples that are not of shape ``(channels, num_samples)``.
    """
    if samples.ndim != 2 or 0 in samples.shape:
        raise AudioError(f"samples have the shape {samples.shape}; allowed is (channels, num_samples)")
    num_samples = samples.shape[1]
    around = np.arange(1 - _HALF_TAPS, num_samples + _HALF_TAPS) % num_samples
    behind = np.zeros(num_samples, samples.dtype)
    for channel in samples:
        _raise_to_between(behind, channel[around], _between(samples.dtype.name))
    here = np.abs(samples).max(axis=0)
    return np.maximum(here, np.maximum(behind, np.roll(behind, 1))).astype(np.float64)


@njit(cache=True, nogil=True)
def _raise_to_between(envelope, wrapped, filters):  # type: ignore[no-untyped-def]  # pragma: no cover
    # A block at a time, so that the sums stay in the first-level cache.
    for start in range(0, envelope.shape[0], _BLOCK):
        block = envelope[start : start + _BLOCK]
        for taps in filters:
            sums = np.zeros_like(block)
            for at in range(taps.shape[0]):
                tap, moved = taps[at], wrapped[start + at : start + at + block.shape[0]]
                for i in range(block.shape[0]):
                    sums[i] += tap * moved[i]
            for i in range(block.shape[0]):
                block[i] = max(block[i], abs(sums[i]))


def limiting_gain(
    envelope: Array,
    sample_rate: int,
    ceiling: float,
    *,
    attack_s: float = ATTACK_S,
    hold_s: float = HOLD_S,
    release_s: float = RELEASE_S,
) -> Array:
    """Return the gain of each sample, 0 to 1, that keeps a periodic ``envelope`` at or under ``ceiling``.

    The gain falls within ``attack_s`` before a peak, stays for ``hold_s`` after it and comes back with the
    time constant ``release_s``. Where the envelope stays under the ceiling the gain is 1.

    >>> limiting_gain(np.array([0.1, 0.2, 0.1]), 8000, 0.5).tolist()
    [1.0, 1.0, 1.0]
    >>> float(limiting_gain(np.array([0.1, 1.0, 0.1] * 500), 8000, 0.5).max())
    0.5

    Raises:
        AudioError: a ceiling or a time that is not above 0.
    """
    if not (ceiling > 0 and sample_rate > 0 and min(attack_s, release_s) > 0 and hold_s >= 0):
        raise AudioError(
            f"a limiter with the ceiling {ceiling}, attack {attack_s} s, hold {hold_s} s and release "
            f"{release_s} s cannot be; all of them are above 0"
        )
    need = np.log(np.maximum(envelope / ceiling, 1.0))
    if not need.any():
        return np.ones_like(need)
    half = max(1, round(attack_s * sample_rate / 2))
    held = _running_maximum(need, behind=round(hold_s * sample_rate), ahead=2 * half)
    smooth = _released(held, math.exp(-1.0 / (release_s * sample_rate)))
    for _ in range(2):  # two boxes make a triangle as long as the look-ahead
        smooth = scipy.ndimage.uniform_filter1d(smooth, 2 * (half // 2) + 1, mode="wrap")
    # The triangle is centred on its sample; half of the look-ahead later it lies wholly before the peak.
    return np.asarray(np.exp(-np.roll(smooth, half)), dtype=np.float64)


@lru_cache(maxsize=2)
def _between(dtype: str) -> NDArray[Any]:
    """Return filters, one a row, for the waveform a quarter, a half and three quarters behind a sample."""
    at = np.arange(1 - _HALF_TAPS, _HALF_TAPS + 1)
    filters = []
    for phase in range(1, _PHASES):
        from_here = at - phase / _PHASES
        taps = np.sinc(from_here) * np.i0(
            _KAISER_BETA * np.sqrt(np.maximum(1.0 - (from_here / _HALF_TAPS) ** 2, 0.0))
        )
        filters.append(taps / taps.sum())
    return np.array(filters, dtype)


def _running_maximum(values: Array, *, behind: int, ahead: int) -> Array:
    """Return the largest value from ``behind`` places before each to ``ahead`` after it, on the circle."""
    length = values.shape[0]
    if behind + ahead + 1 >= length:
        return np.full(length, values.max())
    size = behind + ahead + 1
    # The filter of scipy is centred at size // 2: its result lies that far behind where ours begins.
    centred = scipy.ndimage.maximum_filter1d(values, size, mode="wrap")
    return np.asarray(np.roll(centred, behind - size // 2), dtype=np.float64)


@njit(cache=True, nogil=True)
def _released(held: Array, kept: float) -> Array:  # pragma: no cover
    """Return the largest of ``held[n - k] * kept**k`` over all ``k``, on the circle.

    Once round is enough: a value comes back after a whole turn smaller than it was.
    """
    released = np.empty_like(held)
    value = 0.0
    for _ in range(2):
        for n in range(held.shape[0]):
            value = max(held[n], value * kept)
            released[n] = value
    return released
