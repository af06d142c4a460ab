"""A figure of a loop read off its spectrogram: how far its onsets keep to the grid."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from riffsidecar.music import LoopLength
from riffsidecar.spectrogram import BEAT_GRID

__all__ = ["grid_share", "onset_strength"]


def onset_strength(spectrogram: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the positive spectral flux of ``(2, n_mels, frames)`` at each frame, circular in time."""
    level = spectrogram.mean(0).astype(np.float64)
    return np.maximum(level - np.roll(level, 1, axis=-1), 0.0).mean(0)


def grid_share(spectrogram: NDArray[np.float32], length: LoopLength) -> float:
    """Return how much of the flux above its median lies within 1/6 of a sixteenth of the sixteenth grid.

    Flux that knows no grid gives about one third.
    """
    flux = onset_strength(spectrogram)
    flux = np.maximum(flux - np.median(flux), 0.0)
    period = BEAT_GRID.frames_per_quarter * 2.0**length.grid.octave / 4.0
    distance = np.abs((np.arange(flux.size) + period / 2) % period - period / 2)
    total = float(flux.sum())
    return float(flux[distance <= period / 6].sum()) / total if total > 0 else 0.0
