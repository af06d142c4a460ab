"""Tests of the pictures of spectrograms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from riffsidecar.spectrogram.picture import COLOURS, picture, shaded, write_sheet


def test_low_bands_are_at_the_bottom_and_bars_are_lines() -> None:
    spectrogram = np.full((2, 8, 32), -1.0, np.float32)
    spectrogram[:, 0] = 1.0
    drawn = picture(spectrogram, 2)
    assert drawn.shape == (8, 32, 3)
    assert tuple(drawn[-1, 0]) == COLOURS[-1][1] and tuple(drawn[0, 0]) == COLOURS[0][1]
    lines = np.flatnonzero((drawn == 255).all(axis=(0, 2)))
    assert lines.tolist() == [16]


def test_levels_outside_are_clipped() -> None:
    assert np.array_equal(shaded(np.array([-3.0, 7.0])), shaded(np.array([0.0, 1.0])))


def test_a_sheet_holds_its_pictures(tmp_path: Path) -> None:
    cell = picture(np.zeros((1, 4, 6)), 1)
    write_sheet(tmp_path / "new" / "sheet.png", [[cell, cell], [cell]])
    sheet = np.asarray(Image.open(tmp_path / "new" / "sheet.png"))
    assert sheet.shape == (16, 20, 3)
    assert np.array_equal(sheet[8:12, :6], cell)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["sheet.png"]
