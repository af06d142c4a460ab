"""Where the bars of a recording begin: the phase of its grid, and which of its steps is the downbeat."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.onsets import Onsets

__all__ = ["EDGE_S", "downbeat_marks", "grid_phase", "has_silent_edges", "sounding", "sway"]

EDGE_S: Final = 0.06
_ALL_WEIGHT, _LOW_WEIGHT, _HARMONY_WEIGHT = 0.5, 1.0, 1.0
_SILENCE = 10.0 ** (-45.0 / 20.0)
_SWAY_QUARTERS = 0.15

Curve = NDArray[Any]


def grid_phase(strength: Curve, hop_s: float, period_s: float) -> float:
    """Return when the first grid point comes, in seconds, of a grid of ``period_s``."""
    times = np.arange(strength.size) * hop_s
    phase = np.angle(np.sum(strength * np.exp(2j * np.pi * times / period_s)))
    return float(phase / (2.0 * np.pi) % 1.0 * period_s)


def sway(strength: Curve, hop_s: float, line_s: float, quarter_s: float) -> float:
    """Return how far the quarters lie from the sixteenths, in seconds: in swung music they do a little."""
    num_bins = 96
    phases = ((np.arange(strength.size) * hop_s - line_s) / quarter_s) % 1.0
    folded = np.bincount((phases * num_bins).astype(int) % num_bins, weights=strength, minlength=num_bins)
    folded = np.convolve(np.concatenate([folded[-3:], folded, folded[:3]]), np.ones(7) / 7.0, mode="valid")
    reach = round(_SWAY_QUARTERS * num_bins)
    near = np.roll(folded, reach)[: 2 * reach + 1]
    if float(near.max()) < 1.5 * float(folded.mean()):
        return 0.0
    return float((int(np.argmax(near)) - reach + 0.5) / num_bins * quarter_s)


def has_silent_edges(onsets: Onsets) -> bool:
    """Tell whether a recording begins or ends with silence."""
    first_s, last_s = sounding(onsets)
    return first_s > EDGE_S or last_s < onsets.level.size * onsets.hop_s - EDGE_S


def sounding(onsets: Onsets) -> tuple[float, float]:
    """Return where the sound begins and ends, in seconds."""
    loud = np.flatnonzero(onsets.level > _SILENCE * float(onsets.level.max()))
    return float(loud[0] * onsets.hop_s), float((loud[-1] + 1) * onsets.hop_s)


def downbeat_marks(onsets: Onsets, grid_s: float, step_s: float, steps: int) -> NDArray[np.float64]:
    """Return how much each step of the bar (steps,) is like a downbeat: accents, low notes, new harmony."""
    frames = onsets.level.size
    places = np.arange(math.floor((frames * onsets.hop_s - grid_s) / step_s))
    centres = np.clip(np.round((grid_s + places * step_s) / onsets.hop_s).astype(int), 0, frames - 1)
    reach = max(1, round(0.25 * step_s / onsets.hop_s))
    window = np.clip(centres[:, None] + np.arange(-reach, reach + 1), 0, frames - 1)
    half_bar = max(2, round(2 * step_s / onsets.hop_s))
    after = _smoothed(onsets.chroma, half_bar)
    change = np.linalg.norm(np.roll(after, -half_bar // 2, axis=1) - np.roll(after, half_bar, axis=1), axis=0)
    marks = np.zeros(steps)
    for curve, weight in (
        (onsets.total[window].max(axis=1), _ALL_WEIGHT),
        (onsets.bands[0][window].max(axis=1), _LOW_WEIGHT),
        (change[centres], _HARMONY_WEIGHT),
    ):
        sums = np.bincount(places % steps, weights=curve, minlength=steps)
        means = sums / np.maximum(np.bincount(places % steps, minlength=steps), 1)
        spread = float(means.std())
        if spread > 1e-9:
            marks += weight * (means - means.mean()) / spread / 3.0
    return marks


def _smoothed(chroma: Curve, width: int) -> Curve:
    """Return the mean of the ``width`` frames from each on, around the circle."""
    sums = np.cumsum(np.concatenate([chroma, chroma[:, :width]], axis=1), axis=1)
    return np.asarray((sums[:, width:] - sums[:, : chroma.shape[1]]) / width)
