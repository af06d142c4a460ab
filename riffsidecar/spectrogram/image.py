"""Spectrograms as pictures: plots with bar lines, and Riffusion's own images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from riffsidecar.errors import SpectrogramError
from riffsidecar.music import LoopLength
from riffsidecar.spectrogram.formats import BEAT_GRID, SpectrogramFormat
from riffsidecar.spectrogram.mel import hz_to_mel

__all__ = ["image_to_spectrogram", "plot_png", "spectrogram_to_image"]

_LEFT, _TOP, _GAP, _BOTTOM = 44, 8, 10, 18
_LABELS_HZ = (100, 300, 1000, 3000, 10000)
_BACKGROUND = (14, 14, 18)
_INK = (200, 200, 205)
_BAR_LINE = (255, 255, 255)
_BEAT_LINE = (110, 110, 125)
_COLOURS = (
    (0.0, (8, 6, 20)),
    (0.3, (62, 18, 96)),
    (0.6, (190, 54, 84)),
    (0.85, (250, 170, 60)),
    (1.0, (255, 250, 210)),
)


def _coloured(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    shade = np.clip((values + 1.0) * 0.5, 0.0, 1.0)
    stops = [stop for stop, _ in _COLOURS]
    channels = [np.interp(shade, stops, [colour[i] for _, colour in _COLOURS]) for i in range(3)]
    return np.asarray(np.rint(np.stack(channels, axis=-1)), dtype=np.uint8)


def plot_png(
    spectrogram: NDArray[np.floating[Any]],
    length: LoopLength,
    path: str | Path,
    fmt: SpectrogramFormat = BEAT_GRID,
) -> Path:
    """Write a normalised spectrogram (channels, n_mels, num_frames) as a PNG with numbered bars.

    Low notes are below, channels stand under each other; bars are white lines, beats grey ticks.

    Raises:
        SpectrogramError: a spectrogram that is not of this format.
        OSError: the file cannot be written.
    """
    if spectrogram.ndim != 3 or spectrogram.shape[1] != fmt.n_mels or 0 in spectrogram.shape:
        raise SpectrogramError(
            f"the spectrogram has shape {spectrogram.shape}, allowed is (channels, {fmt.n_mels}, num_frames)"
        )
    channels, rows, num_frames = spectrogram.shape
    zoom = max(1, min(4, 1024 // num_frames))
    width = num_frames * zoom
    height = channels * rows + (channels - 1) * _GAP
    image = Image.new("RGB", (_LEFT + width + 8, _TOP + height + _BOTTOM), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    bars = [float(line) for line in length.bar_lines(width)]
    beats = [beat * width / float(length.beats) for beat in range(int(length.beats) + 1)]
    low, high = (float(hz_to_mel(hz, fmt.mel_scale)) for hz in (fmt.fmin_hz, fmt.fmax_hz))
    for channel in range(channels):
        top = _TOP + channel * (rows + _GAP)
        picture = Image.fromarray(_coloured(spectrogram[channel, ::-1]))
        image.paste(picture.resize((width, rows), Image.Resampling.NEAREST), (_LEFT, top))
        for hz in _LABELS_HZ:
            y = (
                top
                + rows
                - 1
                - round((float(hz_to_mel(hz, fmt.mel_scale)) - low) / (high - low) * (rows + 1))
            )
            if y > top:
                draw.text((4, y - 5), f"{hz // 1000}k" if hz >= 1000 else str(hz), fill=_INK)
                draw.line((_LEFT - 5, y, _LEFT - 1, y), fill=_INK)
        for beat in beats:
            draw.line((_LEFT + beat, top + rows - 6, _LEFT + beat, top + rows), fill=_BEAT_LINE)
        for bar in bars:
            draw.line((_LEFT + bar, top, _LEFT + bar, top + rows), fill=_BAR_LINE)
    for number, bar in enumerate(bars, start=1):
        draw.text((_LEFT + bar + 3, _TOP + height + 3), str(number), fill=_INK)
    target = Path(path)
    image.save(target, format="PNG")
    return target


def spectrogram_to_image(spectrogram: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Turn a normalised spectrogram (1 or 2, rows, columns) into Riffusion's RGB picture (rows, columns, 3).

    Loud is dark, low is below, values are truncated; mono fills all three colours, stereo is green and blue.

    Raises:
        SpectrogramError: another number of channels.
    """
    if spectrogram.ndim != 3 or spectrogram.shape[0] not in (1, 2):
        raise SpectrogramError(
            f"the spectrogram has shape {spectrogram.shape}, allowed is (1 or 2, rows, columns)"
        )
    shade = np.clip((spectrogram[:, ::-1].astype(np.float64) + 1.0) * 0.5, 0.0, 1.0) * 255.0
    planes = (255.0 - shade).astype(np.uint8)
    if planes.shape[0] == 1:
        return np.repeat(planes.transpose(1, 2, 0), 3, axis=2)
    return np.stack([np.zeros_like(planes[0]), planes[0], planes[1]], axis=-1)


def image_to_spectrogram(picture: NDArray[np.uint8], *, stereo: bool = False) -> NDArray[np.float32]:
    """Turn Riffusion's RGB picture (rows, columns, 3) into a normalised spectrogram (1 or 2, rows, columns).

    Mono reads red alone, stereo green and blue, as Riffusion does.

    Raises:
        SpectrogramError: a picture that is not RGB.
    """
    if picture.ndim != 3 or picture.shape[2] != 3:
        raise SpectrogramError(f"the picture has shape {picture.shape}, allowed is (rows, columns, 3)")
    planes = picture[::-1, :, 1:] if stereo else picture[::-1, :, :1]
    shade = (255.0 - planes.transpose(2, 0, 1).astype(np.float32)) * np.float32(1.0 / 255.0)
    return np.ascontiguousarray(shade * np.float32(2.0) - np.float32(1.0))
