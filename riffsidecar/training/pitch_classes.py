"""Hear which pitch classes sound: do they lie in the asked scale and chords, do two loops agree.

The energy of each stretch is folded into twelve pitch classes (Fujishima, "Realtime Chord Recognition of
Musical Sound", 1999), from the peaks of one spectrum of the whole stretch. What a loop that knows nothing of
its chords would have is measured on the same loop: the mean over the eleven other transpositions.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riffsidecar.music import Chords, LoopLength

__all__ = ["Chroma", "Stretch", "agreement", "bar_stretches", "chord_stretches", "chroma", "share_in"]

_LOW_HZ, _HIGH_HZ = 50.0, 2000.0
_A4_HZ = 440.0
_PITCH_CLASSES = 12
_LEAST = 1e-30

Chroma = NDArray[np.float64]

Stretch = tuple[Chroma, tuple[int, ...]]
"""The pitch classes of a stretch of sound, and those of the chord that was asked for there."""


def chroma(samples: NDArray[np.floating[Any]], sample_rate: int) -> Chroma:
    """Return how the energy of a stretch (num_samples,) is spread over the pitch classes, C first; sum 1.

    Only local peaks of the spectrum count, by their energy: the skirt of a bass note covers semitones.
    Silence has zeros.

    >>> time = np.arange(44100) / 44100
    >>> int(chroma(np.sin(2 * np.pi * 220.0 * time), 44100).argmax())
    9
    """
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    hertz = np.fft.rfftfreq(len(samples), 1.0 / sample_rate)
    inner = spectrum[1:-1]
    peaks = 1 + np.flatnonzero((inner > spectrum[:-2]) & (inner >= spectrum[2:]))
    peaks = peaks[(hertz[peaks] >= _LOW_HZ) & (hertz[peaks] <= _HIGH_HZ)]
    pitch = np.round(69.0 + 12.0 * np.log2(hertz[peaks] / _A4_HZ)).astype(int) % _PITCH_CLASSES
    folded = np.bincount(pitch, weights=spectrum[peaks] ** 2, minlength=_PITCH_CLASSES)
    return np.asarray(folded / max(float(folded.sum()), _LEAST))


def bar_stretches(
    samples: NDArray[np.floating[Any]], length: LoopLength, sample_rate: int
) -> tuple[Chroma, ...]:
    """Return the pitch classes of each bar of a loop (channels, num_samples)."""
    lines = [int(line) for line in length.bar_lines(samples.shape[1])] + [samples.shape[1]]
    mono = samples.mean(axis=0)
    return tuple(chroma(mono[begin:end], sample_rate) for begin, end in itertools.pairwise(lines))


def chord_stretches(
    samples: NDArray[np.floating[Any]], length: LoopLength, chords: Chords, sample_rate: int
) -> tuple[Stretch, ...]:
    """Return the pitch classes heard under each chord of a loop (channels, num_samples), and the chord's."""
    mono = samples.mean(axis=0)
    per_column = chords.per_column(length)
    edges = [column for column in range(1, length.columns) if per_column[column] != per_column[column - 1]]
    stretches = []
    for begin, end in itertools.pairwise([0, *edges, length.columns]):
        first, last = (column * mono.size // length.columns for column in (begin, end))
        stretches.append((chroma(mono[first:last], sample_rate), per_column[begin].pitch_classes))
    return tuple(stretches)


def share_in(
    chromas: Sequence[Chroma], notes: Sequence[Collection[int]] | Collection[int], moved: int = 0
) -> float:
    """Return the mean share of energy in the notes of each stretch, moved by so many semitones.

    ``notes`` are pitch classes for each stretch, or the same for all.

    >>> share_in([np.eye(12)[9]], [(9, 0, 4)]), share_in([np.eye(12)[9]], [(9, 0, 4)], moved=1)
    (1.0, 0.0)
    """
    same = [note for note in notes if isinstance(note, int)]
    each = [asked for asked in notes if not isinstance(asked, int)] or [same] * len(chromas)
    shares = [
        sum(float(stretch[(note + moved) % _PITCH_CLASSES]) for note in set(asked))
        for stretch, asked in zip(chromas, each, strict=True)
    ]
    return float(np.mean(shares))


def agreement(one: Sequence[Chroma], other: Sequence[Chroma], moved: int = 0) -> float:
    """Return the mean cosine of two loops' pitch classes stretch by stretch, one of them moved by semitones.

    >>> agreement([np.eye(12)[0]], [np.eye(12)[11]], moved=1)
    1.0
    """
    cosines = [
        float(a @ np.roll(b, moved) / max(float(np.linalg.norm(a) * np.linalg.norm(b)), _LEAST))
        for a, b in zip(one, other, strict=True)
    ]
    return float(np.mean(cosines))
