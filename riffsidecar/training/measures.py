"""Figures of a loop read off its spectrogram: do onsets keep to the grid, do they make a rhythm."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from riffsidecar.music import LoopLength
from riffsidecar.spectrogram import BEAT_GRID

__all__ = ["downbeat_accent", "grid_share", "onset_strength", "pulse"]


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


def _steps(spectrogram: NDArray[np.float32], length: LoopLength) -> NDArray[np.float64]:
    """Return the strongest onset near each sixteenth of the loop, the first one on the downbeat."""
    flux = onset_strength(spectrogram)
    frames = length.grid.frames_per_quarter // 4
    return np.asarray(np.roll(flux, frames // 2).reshape(-1, frames).max(1))


def pulse(spectrogram: NDArray[np.float32], length: LoopLength) -> float:
    """Return how much the onsets of a loop repeat after a quarter, two quarters or a bar, whichever is most.

    The figure is the circular autocorrelation of the onset strength per sixteenth, without its mean: 1 for a
    rhythm that repeats, about 0 for sixteenths that know nothing of one another.
    """
    steps = _steps(spectrogram, length)
    steps = steps - steps.mean()
    energy = float((steps * steps).sum())
    lags = {4, 8, round(length.meter.quarters_per_bar * 4)}
    shifted = [float((steps * np.roll(steps, lag)).sum()) for lag in lags if lag % steps.size]
    return max(shifted) / energy if energy > 0 and shifted else 0.0


def downbeat_accent(spectrogram: NDArray[np.float32], length: LoopLength) -> float:
    """Return the correlation of the onset strength per sixteenth with the weights of the bar.

    The weights are 3 on the downbeat, 2 on other quarters, 1 on other eighths, 0 between (after Lerdahl and
    Jackendoff 1983, metrical structure). A loop that begins on another sixteenth has less.
    """
    steps = _steps(spectrogram, length)
    bar = round(length.meter.quarters_per_bar * 4)
    place = np.arange(steps.size) % bar
    weights = (place % 2 == 0).astype(float) + (place % 4 == 0) + (place == 0)
    if steps.std() == 0 or weights.std() == 0:
        return 0.0
    return float(np.corrcoef(steps, weights)[0, 1])
