"""Spectrograms as pictures to look at: low bands at the bottom, time to the right, lines at the bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLOURS", "picture", "shaded", "write_sheet"]

COLOURS: Final = (
    (0.0, (8, 6, 20)),
    (0.35, (62, 18, 96)),
    (0.65, (190, 54, 84)),
    (0.87, (250, 170, 60)),
    (1.0, (255, 250, 210)),
)
"""The colour of each level, from 0 to 1; colours between are mixed."""

_LINE = (255, 255, 255)
_GAP = 4
_GROUND = 16

Pixels = NDArray[np.uint8]


def shaded(levels: NDArray[np.floating]) -> Pixels:
    """Return the colours (..., 3) of levels from 0 to 1; what lies outside is clipped.

    >>> shaded(np.array([0.0, 1.0])).tolist()
    [[8, 6, 20], [255, 250, 210]]
    """
    stops = [stop for stop, _ in COLOURS]
    channels = [np.interp(levels, stops, [colour[at] for _, colour in COLOURS]) for at in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def picture(spectrogram: NDArray[np.floating], bars: float) -> Pixels:
    """Return the picture (n_mels, frames, 3) of a spectrogram (channels, n_mels, frames) in [-1, 1]."""
    pixels = shaded((spectrogram.mean(axis=0)[::-1] + 1.0) / 2.0)
    frames = pixels.shape[1]
    for bar in range(1, int(np.ceil(bars))):
        pixels[:, min(frames - 1, round(bar * frames / bars))] = _LINE
    return pixels


def write_sheet(path: Path, rows: Sequence[Sequence[Pixels]]) -> None:
    """Write rows of pictures as one PNG, whole or not at all."""
    # Pillow takes longer to load than all the rest of the command line.
    from PIL import Image

    width = max(sum(cell.shape[1] + _GAP for cell in row) for row in rows)
    height = sum(max(cell.shape[0] for cell in row) + _GAP for row in rows)
    sheet = np.full((height, width, 3), _GROUND, np.uint8)
    top = 0
    for row in rows:
        left = 0
        for cell in row:
            sheet[top : top + cell.shape[0], left : left + cell.shape[1]] = cell
            left += cell.shape[1] + _GAP
        top += max(cell.shape[0] for cell in row) + _GAP
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    Image.fromarray(sheet).save(partial, format="PNG")
    partial.replace(path)
