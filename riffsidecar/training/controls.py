"""What the knobs density, brightness and energy ask for, measured on the loops of the data set.

A control is the rank of a loop among the loops of its family, so that a knob goes all the way from the
darkest bass to the brightest bass, and not from basses to cymbals, which is what prompts are for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from riffsidecar.music import LoopLength
from riffsidecar.spectrogram import BEAT_GRID
from riffsidecar.training.measures import onset_strength

__all__ = ["FIGURES_VERSION", "control_figures", "ranked_within"]

FIGURES_VERSION = 1
"""Changes when :func:`control_figures` says something else of the same loop."""

_ONSET_RISE_DB = 1.0
_ONSET_SHARE = 0.15
"""A local peak of the flux is an onset from so many dB, and from such a share of the loop's strongest, on."""


def control_figures(spectrogram: NDArray[np.float32], length: LoopLength) -> tuple[float, float, float]:
    """Return density, brightness and energy of a loop as plain figures of ``(2, n_mels, frames)`` in [-1, 1].

    Density is onsets a quarter note. Brightness is the centre of gravity, in bands, of the magnitudes above
    the lowest eighth of the bands, where basses and kicks lie. Energy is the mean level over all cells in dB:
    loops lie at equal loudness, so that it tells a full and forceful one from one with few and soft sounds.
    """
    span_db = (BEAT_GRID.ceiling_db - BEAT_GRID.floor_db) / 2.0
    flux_db = onset_strength(spectrogram) * span_db
    around = np.stack([np.roll(flux_db, shift) for shift in range(-3, 4)]).max(0)
    threshold = max(_ONSET_RISE_DB, _ONSET_SHARE * float(flux_db.max()))
    onsets = int(((flux_db >= around) & (flux_db > threshold)).sum())
    level_db = spectrogram.mean((0, 2), dtype=np.float64) * span_db
    bands = np.arange(spectrogram.shape[1] // 8, spectrogram.shape[1])
    share = 10.0 ** (level_db[bands] / 20.0)
    return (
        onsets / float(length.quarters),
        float((share * bands).sum() / share.sum()),
        float(level_db.mean()),
    )


def ranked_within(figures: NDArray[np.floating], groups: Sequence[str]) -> NDArray[np.float32]:
    """Return the rank, 0 to 1, of each of ``(loops, figures)`` among those of its group, figure by figure.

    Loops that share a figure share the mean of their ranks.

    >>> ranked_within(np.asarray([[1.0], [5.0], [3.0], [9.0]]), ["a", "a", "a", "b"])[:, 0].tolist()
    [0.0, 1.0, 0.5, 0.5]
    """
    members = defaultdict(list)
    for index, group in enumerate(groups):
        members[group].append(index)
    ranks = np.full(figures.shape, 0.5, np.float32)
    for indices in members.values():
        if len(indices) > 1:
            ranks[indices] = (rankdata(figures[indices], axis=0) - 1.0) / (len(indices) - 1)
    return ranks
