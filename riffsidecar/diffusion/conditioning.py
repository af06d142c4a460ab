"""What the denoiser is told beside the prompt: where each column lies, its harmony, and the controls."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from riffsidecar.music import Chords, Key, LoopLength, phases

__all__ = [
    "COLUMN_CHANNELS",
    "CONTROL_NAMES",
    "CONTROL_SIZE",
    "PHASE_CHANNELS",
    "column_conditions",
    "control_vector",
]

#: sin and cos of the phase in the beat, in the bar and in the loop.
PHASE_CHANNELS = 6
_KEY_CHANNELS = 1 + 12 + 12
_CHORD_CHANNELS = 1 + 12 + 12
COLUMN_CHANNELS = PHASE_CHANNELS + _KEY_CHANNELS + _CHORD_CHANNELS

CONTROL_NAMES = ("density", "brightness", "energy")
CONTROL_SIZE = 5 + 2 * len(CONTROL_NAMES)


def column_conditions(length: LoopLength, key: Key | None, chords: Chords | None) -> NDArray[np.float32]:
    """Return ``(COLUMN_CHANNELS, columns)``: phases, then key, then chord, each with a flag for "known".

    A key is its pitch classes and its tonic, a chord its pitch classes and its bass, as 0 or 1 for C to B.
    """
    conditions = np.zeros((COLUMN_CHANNELS, length.columns), np.float32)
    for column, triple in enumerate(phases(length)):
        for index, phase in enumerate(triple):
            conditions[2 * index, column] = math.sin(2 * math.pi * phase)
            conditions[2 * index + 1, column] = math.cos(2 * math.pi * phase)
    if key is not None:
        at = PHASE_CHANNELS
        conditions[at] = 1.0
        conditions[[at + 1 + p for p in key.pitch_classes]] = 1.0
        conditions[at + 13 + key.tonic] = 1.0
    if chords is not None:
        at = PHASE_CHANNELS + _KEY_CHANNELS
        conditions[at] = 1.0
        for column, chord in enumerate(chords.per_column(length)):
            conditions[[at + 1 + p for p in chord.pitch_classes], column] = 1.0
            conditions[at + 13 + (chord.root if chord.bass is None else chord.bass), column] = 1.0
    return conditions


def control_vector(
    length: LoopLength,
    *,
    density: float | None = None,
    brightness: float | None = None,
    energy: float | None = None,
) -> NDArray[np.float32]:
    """Return ``(CONTROL_SIZE,)``: tempo, tempo octave, loop length, meter, and the controls in [-1, 1].

    Each control is followed by a flag that is 1 where it is known, 0 where the model is free.
    """
    vector = [
        math.log2(float(length.tempo.bpm) / 120.0),
        length.grid.octave / 2.0,
        math.log2(length.columns / 64.0) / 2.0,
        math.log2(float(length.meter.quarters_per_bar) / 4.0),
        1.0 if length.meter.denominator == 8 else 0.0,
    ]
    for value in (density, brightness, energy):
        vector += [0.0, 0.0] if value is None else [2.0 * float(value) - 1.0, 1.0]
    return np.asarray(vector, np.float32)
