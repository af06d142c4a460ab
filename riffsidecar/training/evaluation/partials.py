"""Are partials steady where notes are held: jitter and shimmer of sinusoidal tracks.

Peaks of the short-time spectrum, read between its bins as in J. O. Smith and X. Serra, "PARSHL" (1987), are
linked to tracks after R. J. McAulay and T. F. Quatieri, "Speech Analysis/Synthesis Based on a Sinusoidal
Representation" (1986). Of each track that is held, the figures are those of voice analysis, taken frame by
frame: the relative average perturbation of the frequency (jitter, in cents) and the three-point amplitude
perturbation (shimmer, in decibels) are the mean distance of a frame from the mean of itself and its two
neighbours. So decay, glides and slow vibrato count little, and roughness counts in full.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riffsidecar.spectrogram import BEAT_GRID

__all__ = ["Steadiness", "steadiness", "with_blurred_phases"]

_RATE = BEAT_GRID.sample_rate
_WINDOW, _HOP = 4096, 1024
_LOW_HZ, _HIGH_HZ = 150.0, 5000.0
_BELOW_FRAME_DB, _BELOW_LOOP_DB = 40.0, 60.0
_LINK_CENTS = 50.0
_HELD_S = 0.25
_EDGE_FRAMES = 2
"""Frames at both ends of a track in which the note begins or is let go."""

_BLUR_WINDOW = 2048

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Steadiness:
    """How steady held partials are; nan where a loop holds none.

    Attributes:
        held: share of the energy of all peaks, 150 to 5000 Hz, that lies in tracks of 250 ms or more.
        jitter_cents: mean three-point perturbation of their frequency, weighted by amplitude.
        shimmer_db: the same of their level.
    """

    held: float
    jitter_cents: float
    shimmer_db: float


@dataclass(slots=True)
class _Track:
    """A partial from its first frame on: cents above 1 Hz and decibels, a value a frame."""

    cents: list[float]
    levels: list[float]


def _magnitudes(samples: NDArray[np.floating[Any]]) -> Values:
    """Return the amplitudes (frames, bins) of one period of a channel; frames wrap around its end."""
    window = np.hanning(_WINDOW + 1)[:-1]
    starts = np.arange(0, samples.size, _HOP)
    frames = samples[(starts[:, None] + np.arange(_WINDOW)) % samples.size]
    return np.asarray(np.abs(np.fft.rfft(frames * window, axis=1)) * 2.0 / window.sum())


def _peaks(levels: Values, floor_db: float) -> tuple[Values, Values]:
    """Return cents above 1 Hz and decibels of the peaks of one frame of levels (bins,), loudest first."""
    inner = levels[1:-1]
    at = 1 + np.flatnonzero((inner > levels[:-2]) & (inner >= levels[2:]))
    hertz = at * _RATE / _WINDOW
    at = at[(hertz >= _LOW_HZ) & (hertz <= _HIGH_HZ)]
    if at.size:
        at = at[levels[at] >= max(floor_db, float(levels[at].max()) - _BELOW_FRAME_DB)]
    before, here, after = levels[at - 1], levels[at], levels[at + 1]
    offset = 0.5 * (before - after) / np.minimum(before - 2.0 * here + after, -1e-9)
    cents = 1200.0 * np.log2((at + offset) * _RATE / _WINDOW)
    heights = here - 0.25 * (before - after) * offset
    loudest = np.argsort(-heights)
    return cents[loudest], heights[loudest]


def _tracks(samples: NDArray[np.floating[Any]]) -> list[_Track]:
    """Link the peaks of one channel: each, loudest first, goes on with the nearest track within 50 cents."""
    levels = 20.0 * np.log10(np.maximum(_magnitudes(samples), 1e-9))
    floor_db = max(float(levels.max()) - _BELOW_LOOP_DB, -120.0)
    done: list[_Track] = []
    active: list[_Track] = []
    for frame in levels:
        left = np.asarray([track.cents[-1] for track in active])
        following: list[_Track] = []
        for cents, level in zip(*_peaks(frame, floor_db), strict=True):
            nearest = int(np.argmin(np.abs(left - cents))) if left.size else -1
            if nearest >= 0 and abs(left[nearest] - cents) <= _LINK_CENTS:
                track = active[nearest]
                left[nearest] = np.inf
                track.cents.append(float(cents))
                track.levels.append(float(level))
            else:
                track = _Track([float(cents)], [float(level)])
            following.append(track)
        done += [track for track, place in zip(active, left, strict=True) if np.isfinite(place)]
        active = following
    return done + active


def _perturbation(values: Values) -> Values:
    """Return how far each inner value lies from the mean of itself and its neighbours."""
    return np.asarray(np.abs(values[1:-1] - (values[:-2] + values[1:-1] + values[2:]) / 3.0))


def steadiness(samples: NDArray[np.floating[Any]]) -> Steadiness:
    """Return how steady the held partials of a loop (channels, num_samples) are, at 44.1 kHz.

    >>> time = np.arange(44100) / 44100
    >>> steadiness(0.1 * np.sin(2 * np.pi * 440.0 * time)[None]).shimmer_db < 0.01
    True
    """
    least = max(round(_HELD_S * _RATE / _HOP), 2 * _EDGE_FRAMES + 3)
    jitters, shimmers, weights = [], [], []
    energy_held = energy = 0.0
    for channel in samples.astype(np.float64):
        for track in _tracks(channel):
            power = float(np.sum(10.0 ** (np.asarray(track.levels) / 10.0)))
            energy += power
            if len(track.cents) < least:
                continue
            energy_held += power
            inner = slice(_EDGE_FRAMES, len(track.cents) - _EDGE_FRAMES)
            cents, levels = np.asarray(track.cents)[inner], np.asarray(track.levels)[inner]
            jitters.append(_perturbation(cents))
            shimmers.append(_perturbation(levels))
            weights.append(10.0 ** (levels[1:-1] / 20.0))
    if not weights:
        return Steadiness(0.0, float("nan"), float("nan"))
    every = np.concatenate(weights)
    jitter, shimmer = (
        float(np.average(np.concatenate(values), weights=every)) for values in (jitters, shimmers)
    )
    return Steadiness(energy_held / energy, jitter, shimmer)


def with_blurred_phases(samples: NDArray[np.floating[Any]], seed: int = 0) -> NDArray[np.float32]:
    """Return a loop (channels, num_samples) whose phases are off by up to a quarter turn in every frame.

    It is what partials become when little keeps them together from frame to frame.
    """
    rng = np.random.default_rng(seed)
    num_samples = samples.shape[1]
    window = np.sqrt(np.hanning(_BLUR_WINDOW + 1)[:-1])
    hop = _BLUR_WINDOW // 4
    whole = -(-num_samples // hop) * hop
    places = (np.arange(0, whole, hop)[:, None] + np.arange(_BLUR_WINDOW)) % whole
    blurred = np.empty_like(samples, dtype=np.float32)
    for channel, heard in enumerate(samples):
        spectra = np.fft.rfft(np.resize(heard, whole)[places] * window, axis=1)
        turned = spectra * np.exp(0.5j * np.pi * rng.uniform(-1.0, 1.0, spectra.shape))
        total = np.zeros(whole)
        np.add.at(total, places, np.fft.irfft(turned, _BLUR_WINDOW, axis=1) * window / 2.0)
        blurred[channel] = total[:num_samples]
    return blurred
