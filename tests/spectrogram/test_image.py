from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from riffsidecar.errors import SpectrogramError
from riffsidecar.music import LoopLength, Meter, Tempo
from riffsidecar.spectrogram.image import image_to_spectrogram, plot_png, spectrogram_to_image


def _length(bars: int) -> LoopLength:
    return LoopLength.parse(bars, Meter.parse("4/4"), Tempo.parse(120))


@pytest.mark.parametrize(("channels", "bars"), [(1, 1), (2, 4)])
def test_a_plot_has_a_line_at_every_bar(tmp_path: Path, channels: int, bars: int) -> None:
    length = _length(bars)
    path = plot_png(np.full((channels, 256, length.frames), -1.0), length, tmp_path / "loop.png")
    picture = np.asarray(Image.open(path).convert("L"))
    lines = np.flatnonzero((picture[20:200] == 255).all(axis=0))
    assert len(lines) == bars
    assert np.ptp(np.diff(lines)) <= 1 if bars > 2 else True


def test_low_notes_stand_below(tmp_path: Path) -> None:
    length = _length(1)
    mel = np.full((1, 256, length.frames), -1.0)
    mel[0, :20] = 1.0
    picture = np.asarray(Image.open(plot_png(mel, length, tmp_path / "loop.png")).convert("L"))
    assert picture[246:262, 300].mean() > 200
    assert picture[10:100, 300].mean() < 30


def test_a_spectrogram_of_another_format_is_not_plotted(tmp_path: Path) -> None:
    with pytest.raises(SpectrogramError, match="256"):
        plot_png(np.zeros((1, 128, 256)), _length(1), tmp_path / "loop.png")


@pytest.mark.parametrize("channels", [1, 2])
def test_riffusions_picture_comes_back(channels: int) -> None:
    mel = np.random.default_rng(0).uniform(-1.0, 1.0, (channels, 32, 20)).astype(np.float32)
    picture = spectrogram_to_image(mel)
    assert (picture.shape, picture.dtype) == ((32, 20, 3), np.uint8)
    again = image_to_spectrogram(picture, stereo=channels == 2)
    assert again.shape == mel.shape
    assert np.abs(again - mel).max() <= 2.0 / 255 + 1e-6


def test_loud_is_dark_and_low_is_below() -> None:
    mel = np.full((1, 4, 3), -1.0, dtype=np.float32)
    mel[0, 0] = 1.0
    picture = spectrogram_to_image(mel)
    assert (picture[-1] == 0).all()
    assert (picture[:-1] == 255).all()


def test_a_stereo_picture_has_no_red() -> None:
    assert (spectrogram_to_image(np.zeros((2, 4, 3)))[..., 0] == 0).all()


def test_other_shapes_are_refused() -> None:
    with pytest.raises(SpectrogramError, match="1 or 2"):
        spectrogram_to_image(np.zeros((3, 4, 5)))
    with pytest.raises(SpectrogramError, match="columns, 3"):
        image_to_spectrogram(np.zeros((4, 5), dtype=np.uint8))
