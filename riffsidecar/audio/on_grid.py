"""How a loop lies on its own grid: whether its onsets are where beats and sixteenths are.

A loop is a circle, so its pulse is a spectrum of whole numbers of cycles: onsets on quarters, eighths and
sixteenths (or triplets) stand at the number of quarters and its multiples, and those of a foreign tempo stand
elsewhere (Grosche and Müller, "Extracting Predominant Local Pulse Information from Music Recordings", 2011).
The phase there is how early or late the whole loop is. Only numpy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.onsets import find_onsets
from riffsidecar.audio.waveform import Waveform

__all__ = ["GridFit", "grid_fit"]

_GRIDS: Final = ((1, 2, 4), (1, 3, 6))
_RATIOS: Final = (1 / 2, 2 / 3, 3 / 4, 4 / 3, 3 / 2, 2.0)
"""Tempi that music of one tempo holds too: halves, thirds, and what is dotted."""

_SLOWEST, _FASTEST = 0.55, 1.9
_CLEAR: Final = 0.4
_FOREIGN: Final = 1.4
_FAINT: Final = 0.1
_MAX_OFFSET_S: Final = 0.030


@dataclass(frozen=True, slots=True)
class GridFit:
    """Say how a loop lies on its grid.

    Attributes:
        pulse: how sharply its onsets lie on the grid; near 0 for pads, over 1 for a four on the floor.
        foreign: the same for the sharpest other tempo.
        offset_s: how late its finest steps are, in seconds; of no meaning where ``pulse`` is small.
    """

    pulse: float
    foreign: float
    offset_s: float

    @property
    def is_off(self) -> bool:
        """Return whether onsets are plain to hear and lie elsewhere."""
        if self.foreign > _CLEAR and self.foreign > _FOREIGN * self.pulse:
            return True
        return self.pulse > _CLEAR and abs(self.offset_s) > _MAX_OFFSET_S


def grid_fit(waveform: Waveform, quarters: float) -> GridFit:
    """Return how a loop of so many quarter notes lies on their grid."""
    onsets = find_onsets(waveform)
    total = onsets.total.astype(np.float64)
    strength = np.maximum(total - float(np.median(total)), 0.0)
    strength /= max(float(strength.sum()), 1e-12)
    turning = np.fft.rfft(strength)
    spectrum = np.abs(turning)
    own = _sharpness(spectrum, quarters)
    others = [
        _sharpness(spectrum, other)
        for other in range(max(2, round(_SLOWEST * quarters)), round(_FASTEST * quarters) + 1)
        if not _is_kin(other, quarters)
    ]
    return GridFit(own, max(others, default=0.0), _offset_s(turning, quarters, float(waveform.duration_s)))


def _offset_s(turning: NDArray[Any], quarters: float, duration_s: float) -> float:
    """Return how late the finest steps are, sixteenths or sextuplets, whichever are there; 0 for neither."""
    cycles = [round(grid[-1] * quarters) for grid in _GRIDS]
    there = [each for each in cycles if each < turning.size and abs(turning[each]) > _FAINT]
    if not there:
        return 0.0
    finest = max(there, key=lambda each: float(abs(turning[each])))
    return -float(np.angle(turning[finest])) / (2.0 * np.pi) * duration_s / finest


def _is_kin(other: int, quarters: float) -> bool:
    ratio = other / quarters
    return abs(ratio - 1.0) < 0.02 or any(abs(ratio / kin - 1.0) < 0.02 for kin in _RATIOS)


def _sharpness(spectrum: NDArray[Any], quarters: float) -> float:
    return max(
        float(np.sqrt(sum(_at(spectrum, cycles * quarters) ** 2 for cycles in grid))) for grid in _GRIDS
    )


def _at(spectrum: NDArray[Any], cycles: float) -> float:
    nearest = round(cycles)
    return float(spectrum[nearest]) if abs(cycles - nearest) < 1e-6 and nearest < spectrum.size else 0.0
