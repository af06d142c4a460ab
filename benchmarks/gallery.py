"""Draw forty loops beside composed loops of the same kind, and measure how open and how sharp they are.

    python -m benchmarks.gallery [--out gallery.png] [--keep runs/gallery] [--bars 2] [--loops 40] [--json]

One prompt for each genre, in wordings that no training caption has; the families take turns. Of each pair the
model's loop stands on the left, the composed one on the right, both at the loudness that the model was
trained at, with lines at the bars and at 16 kHz. The baseline of the figures is the composed loops; beside
them stand the same loops through the codec.

Bandwidth is the highest third of an octave within 60 dB of the loudest. The crest of onsets is the peak of
the 3 ms envelope above 500 Hz over its mean in the 200 ms around, for the sharpest onsets. The contrast of
the bass is the octave-based spectral contrast (Jiang et al., "Music Type Classification by Spectral Contrast
Feature", 2002) from 40 to 160 Hz: the upper fifth of the bins over the lower fifth, in decibels.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from riffsidecar.audio.loudness import integrated_lufs
from riffsidecar.audio.waveform import Waveform
from riffsidecar.diffusion.checkpoints import find_checkpoint
from riffsidecar.errors import RiffError
from riffsidecar.music import Meter
from riffsidecar.spectrogram import BEAT_GRID, analyse
from riffsidecar.spectrogram.mel import hz_to_mel
from riffsidecar.spectrogram.picture import picture
from riffsidecar.training.compose import GENRES, compose
from riffsidecar.training.config import DataConfig, EvaluationConfig
from riffsidecar.training.evaluation.bench import SPLITS, caption
from riffsidecar.training.evaluation.loops import Ask, Loop, Studio, rendered
from riffsidecar.training.evaluation.sound import bandwidth_khz
from riffsidecar.training.score import FAMILIES, Score

__all__ = ["bass_contrast_db", "draw", "main", "onset_crest_db", "scores"]

_RATE = BEAT_GRID.sample_rate
_FIRST_SEED, _ASK_SEED = 75_000_000, 7_700_000
_ONSETS_ABOVE_HZ = 500.0
_ENVELOPE_S, _AROUND_S = 0.003, 0.2
_ONSETS_A_QUARTER = 1
_BASS_WINDOW, _BASS_HZ, _FIFTH = 8192, (40.0, 160.0), 0.2
_MARK_HZ = 16_000.0
_FIGURES = ("kHz", "onset crest dB", "bass contrast dB")

_CELL_WIDTH, _CELL_HEIGHT, _GAP, _LABEL = 232, 96, 4, 14
_BACKGROUND, _INK, _HIGH = (16, 16, 16), (225, 225, 225), (90, 220, 160)

Stereo = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Pair:
    """Hold a prompt, the model's loop, the composed one, and the composed one through the codec."""

    prompt: str
    score: Score
    made: Loop
    real: Loop
    codec: Loop


def onset_crest_db(samples: Stereo, quarters: float, sample_rate: int = _RATE) -> float:
    """Return how far the sharpest onsets of a loop (channels, num_samples) stand out, in dB; nan in silence.

    One onset a quarter is looked at, where there are so many.
    """
    spectrum = np.fft.rfft(samples.mean(axis=0))
    hertz = np.fft.rfftfreq(samples.shape[1], 1.0 / sample_rate)
    spectrum[hertz < _ONSETS_ABOVE_HZ] = 0.0
    treble = np.abs(np.fft.irfft(spectrum, samples.shape[1]))
    envelope = uniform_filter1d(treble, round(_ENVELOPE_S * sample_rate), mode="wrap")
    around = round(_AROUND_S * sample_rate)
    mean = uniform_filter1d(envelope, around, mode="wrap")
    if float(envelope.max()) <= 1e-6:
        return float("nan")
    peaks = envelope >= maximum_filter1d(envelope, around, mode="wrap")
    crests = np.sort((envelope / np.maximum(mean, 1e-9))[peaks])[::-1]
    wanted = max(1, round(_ONSETS_A_QUARTER * quarters))
    return float(20.0 * np.log10(crests[:wanted]).mean())


def bass_contrast_db(samples: Stereo, sample_rate: int = _RATE) -> float:
    """Return the spectral contrast from 40 to 160 Hz of a loop (channels, num_samples), by energy, in dB."""
    mono = samples.mean(axis=0)
    window = min(_BASS_WINDOW, mono.size)
    starts = np.arange(0, mono.size, window // 4)
    frames = np.stack([np.take(mono, np.arange(at, at + window), mode="wrap") for at in starts])
    power = np.abs(np.fft.rfft(frames * np.hanning(window), axis=1)) ** 2
    hertz = np.fft.rfftfreq(window, 1.0 / sample_rate)
    bass = np.sort(power[:, (hertz >= _BASS_HZ[0]) & (hertz <= _BASS_HZ[1])], axis=1)
    energy = bass.sum(axis=1)
    if float(energy.max()) < 1e-9 * float(power.sum(axis=1).max()) or float(energy.max()) <= 0.0:
        return float("nan")
    few = max(1, round(_FIFTH * bass.shape[1]))
    top, bottom = bass[:, -few:].mean(axis=1), bass[:, :few].mean(axis=1)
    contrast = 10.0 * np.log10(np.maximum(top, 1e-20) / np.maximum(bottom, 1e-20))
    return float(np.average(contrast, weights=energy))


def scores(count: int, bars: int) -> Iterator[Score]:
    """Compose a loop of each genre in turn, of the family that was least heard among those it has."""
    heard = dict.fromkeys(FAMILIES, 0)
    names = list(GENRES)
    for index in range(count):
        genre = GENRES[names[index % len(names)]]
        family = min((name for name in FAMILIES if name in genre.weights), key=lambda name: heard[name])
        heard[family] += 1
        meter = Meter.parse("4/4")
        yield compose(_FIRST_SEED + index, family=family, genre=genre.name, bars=bars, meter=meter)


def pairs(studio: Studio, count: int, bars: int) -> Iterator[Pair]:
    """Make the loops; those that the model has made before are taken as they were kept."""
    for index, score in enumerate(scores(count, bars)):
        prompt = caption(score, SPLITS["unseen"])
        ask = Ask(prompt, score.length, _ASK_SEED + index, key=score.key, chords=score.chords)
        real = rendered(score, DataConfig())
        yield Pair(prompt, score, studio.made(ask), real, studio.coded(real))


def _levelled(samples: Stereo) -> NDArray[np.float32]:
    loudness = integrated_lufs(Waveform(samples.astype(np.float32), _RATE))
    gain = 10 ** ((BEAT_GRID.reference_lufs - loudness) / 20) if np.isfinite(loudness) else 1.0
    return np.asarray(samples * gain, np.float32)


def _figures(loop: Loop) -> dict[str, float]:
    values = (
        bandwidth_khz(loop.samples),
        onset_crest_db(loop.samples, float(loop.length.quarters)),
        bass_contrast_db(loop.samples),
    )
    return dict(zip(_FIGURES, values, strict=True))


def _panel(loop: Loop) -> Image.Image:
    """Return the picture of a loop, low bands at the bottom, with lines at its bars and at 16 kHz."""
    pixels = picture(analyse(_levelled(loop.samples), loop.length.frames, BEAT_GRID), 1.0)
    panel = Image.fromarray(pixels).resize((_CELL_WIDTH, _CELL_HEIGHT), Image.Resampling.BOX)
    pen = ImageDraw.Draw(panel)
    bars = int(loop.length.bars)
    for bar in range(1, bars):
        pen.line([(bar * _CELL_WIDTH // bars, 0), (bar * _CELL_WIDTH // bars, _CELL_HEIGHT)], _INK)
    mark, top = (float(hz_to_mel(hertz, BEAT_GRID.mel_scale)) for hertz in (_MARK_HZ, BEAT_GRID.fmax_hz))
    row = round(_CELL_HEIGHT * (1.0 - mark / top))
    for left in (0, _CELL_WIDTH - 7):
        pen.line([(left, row), (left + 6, row)], _HIGH)
    return panel


def draw(made: Sequence[Pair], across: int = 4) -> Image.Image:
    """Return one sheet of all pairs: the model's loop on the left, the composed one on the right."""
    width, height = 2 * _CELL_WIDTH + 3 * _GAP, _CELL_HEIGHT + _LABEL + _GAP
    rows = -(-len(made) // across)
    sheet = Image.new("RGB", (across * width, rows * height), _BACKGROUND)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(10)
    for index, pair in enumerate(made):
        left, top = index % across * width + _GAP, index // across * height
        named = f"{pair.score.attributes.genre}: {pair.prompt}"
        pen.text((left, top + 1), named[:84], _INK, font)
        sheet.paste(_panel(pair.made), (left, top + _LABEL))
        sheet.paste(_panel(pair.real), (left + _CELL_WIDTH + _GAP, top + _LABEL))
    return sheet


def report(figures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Give the lines of the report."""
    yield f"{'prompt':<58} {'family':<10}" + "".join(f"{name:>24}" for name in _FIGURES)
    for row in figures:
        cells = "".join(f"{row['model'][name]:>12.1f} /{row['composed'][name]:>10.1f}" for name in _FIGURES)
        yield f"{row['prompt'][:58]:<58} {row['family']:<10}{cells}"
    kinds = {"all": FAMILIES, **{family: (family,) for family in FAMILIES}}
    yield f"{'means: composed, codec and model over it':<69}" + "".join(f"{name:>24}" for name in _FIGURES)
    for kind, families in kinds.items():
        rows = [row for row in figures if row["family"] in families]
        if rows:
            yield f"{kind:<58} {len(rows):>4} loops" + "".join(_compared(rows, name) for name in _FIGURES)


def _compared(rows: Sequence[Mapping[str, Any]], name: str) -> str:
    each = np.asarray([[row[who][name] for who in ("composed", "codec", "model")] for row in rows])
    composed, codec, model = each[np.isfinite(each).all(axis=1)].mean(axis=0)
    return f"{composed:>12.1f} {codec / composed:>5.2f} {model / composed:>5.2f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Make the loops, print the figures, write the sheet."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("gallery.png"), help="a PNG, JPEG or WebP file")
    parser.add_argument("--keep", type=Path, default=Path("runs/gallery"), help="where made loops are kept")
    parser.add_argument("--checkpoint", default="embedded", help="a checkpoint instead of the embedded one")
    parser.add_argument("--loops", type=int, default=len(GENRES), metavar="N")
    parser.add_argument("--bars", type=int, default=2)
    parser.add_argument("--across", type=int, default=4, help="pairs in a row")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    try:
        studio = Studio(
            find_checkpoint(args.checkpoint),
            args.keep,
            EvaluationConfig(),
            lambda text: print(text, file=sys.stderr, flush=True),
        )
        made = list(pairs(studio, args.loops, args.bars))
    except RiffError as error:
        print(f"gallery: error: {error}", file=sys.stderr)
        return 1
    figures = [
        {
            "prompt": pair.prompt,
            "family": pair.score.attributes.family,
            "model": _figures(pair.made),
            "composed": _figures(pair.real),
            "codec": _figures(pair.codec),
        }
        for pair in made
    ]
    print(json.dumps(figures, indent=2) if args.json else "\n".join(report(figures)))
    draw(made, args.across).save(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
