"""A short description of how a loop sounds, to find loops that are alike. Only numpy.

Three things side by side: the timbre (mean and spread of 24 bands), the groove (onsets of low, middle and
high bands at each sixteenth of the bar, whatever the tempo) and the harmony (pitch classes). Each is brought
to length 1 and weighted, so that the distance of two loops is one number.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.onsets import Onsets, find_onsets
from riffsidecar.audio.waveform import Waveform

__all__ = ["FINGERPRINT_SIZE", "fingerprint", "likeness"]

_BANDS = 24
_STEPS = 16
_LOW_HZ, _HIGH_HZ = 40.0, 15_000.0
_WINDOW = 2048
_MAX_FRAMES = 1024
_FLOOR_DB = -80.0
_TIMBRE, _GROOVE, _HARMONY = 1.0, 0.8, 0.6

FINGERPRINT_SIZE: Final = 2 * _BANDS + 3 * _STEPS + 12
"""How many numbers a fingerprint has."""


def fingerprint(waveform: Waveform, bars: float) -> NDArray[np.float16]:
    """Return the fingerprint (FINGERPRINT_SIZE,) of a loop of so many bars."""
    onsets = find_onsets(waveform)
    parts = (
        (_timbre(waveform), _TIMBRE),
        (_groove(onsets, max(1, round(bars))), _GROOVE),
        (_centred(onsets.chroma.mean(axis=1)), _HARMONY),
    )
    return np.concatenate([weight * _unit(part) for part, weight in parts]).astype(np.float16)


def likeness(one: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """Return how alike a fingerprint (size,) is to each of ``others`` (count, size), from -1 to 1.

    >>> round(float(likeness(np.array([1.0, 0.0]), np.array([[2.0, 0.0]]))[0]), 6)
    1.0
    """
    left, right = one.astype(np.float64), others.astype(np.float64)
    lengths = np.linalg.norm(left) * np.linalg.norm(right, axis=1)
    return np.asarray(right @ left / np.maximum(lengths, 1e-12))


def _timbre(waveform: Waveform) -> NDArray[np.float64]:
    mono = waveform.samples.mean(axis=0)
    count = min(_MAX_FRAMES, max(4, mono.shape[0] // (_WINDOW // 2)))
    wrapped = np.pad(mono, (0, _WINDOW), mode="wrap")
    starts = np.linspace(0, mono.shape[0], count, endpoint=False).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(wrapped, _WINDOW)[starts] * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    hz = np.fft.rfftfreq(_WINDOW, 1.0 / waveform.sample_rate)
    edges = np.searchsorted(hz, np.geomspace(_LOW_HZ, _HIGH_HZ, _BANDS + 1))
    bands = np.stack([power[:, low : max(high, low + 1)].mean(axis=1) for low, high in pairwise(edges)])
    decibels = 10.0 * np.log10(np.maximum(bands / max(float(bands.max()), 1e-20), 10.0 ** (_FLOOR_DB / 10.0)))
    return np.concatenate([_centred(decibels.mean(axis=1)), _centred(decibels.std(axis=1))])


def _groove(onsets: Onsets, bars: int) -> NDArray[np.float64]:
    """Return the onsets (3 * 16,) of low, middle and high bands, folded onto one bar."""
    frames = onsets.level.size
    steps = np.floor(np.arange(frames) * (bars * _STEPS / frames) + 0.5).astype(int) % _STEPS
    middle = onsets.bands[1:3].mean(axis=0)
    rows = [
        np.bincount(steps, weights=row, minlength=_STEPS)[:_STEPS]
        for row in (onsets.bands[0], middle, onsets.bands[3])
    ]
    return np.concatenate([_centred(_unit(row)) for row in rows])


def _centred(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(values - values.mean(), dtype=np.float64)


def _unit(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-9), dtype=np.float64)
