"""Put the effects that a producer would put on a single part, drawn from the part's seed."""

from __future__ import annotations

import numpy as np

from riffsidecar.training.effects import chorus, compress, excite, reverb, saturate, shelf
from riffsidecar.training.instruments import INSTRUMENTS
from riffsidecar.training.score import Part
from riffsidecar.training.synth import Audio

__all__ = ["insert_effects"]

_CHORUS_ODDS = {
    "keys": 0.35,
    "guitar": 0.45,
    "strings": 0.25,
    "choir": 0.3,
    "mallet": 0.15,
    "pad": 0.3,
    "lead": 0.2,
}
_ROOM_ODDS = {"winds": 0.6, "strings": 0.5, "guitar": 0.3, "keys": 0.3, "mallet": 0.4, "choir": 0.4}


def _narrowed(audio: Audio, side: float) -> Audio:
    mid = audio.mean(axis=0, keepdims=True)
    return np.asarray(mid + np.float32(side) * (audio - mid))


def _sampled_drums(audio: Audio, rng: np.random.Generator, sample_rate: int) -> Audio:
    """Make sampled drums dense and near: narrower, compressed, saturated, brighter, in a room."""
    out = _narrowed(audio, rng.uniform(0.3, 0.7))
    if rng.random() < 0.6:
        wet = reverb(out, rng.uniform(0.05, 0.3), int(rng.integers(8)), sample_rate)
        out = out + np.float32(rng.uniform(0.04, 0.2)) * wet
    out = compress(out, rng.uniform(1.5, 4.0), rng.uniform(10.0, 18.0), sample_rate)
    out = saturate(out, rng.uniform(0.1, 0.8), sample_rate)
    return shelf(out, rng.uniform(4000.0, 8000.0), rng.uniform(0.0, 6.0), sample_rate)


def insert_effects(part: Part, audio: Audio, quarter: float, *, sampled: bool, sample_rate: int) -> Audio:
    """Colour one part's loop.

    Args:
        part: Its seed draws the effects, its instrument decides among them.
        audio: (2, num_samples) float32.
        quarter: Samples per quarter note.
        sampled: Whether the soundfont played it; our own voices bring most of their colour along.
        sample_rate: In hertz.

    Returns:
        (2, num_samples) float32.
    """
    family = INSTRUMENTS[part.instrument].family
    rng = np.random.default_rng((part.seed, 23))
    if not audio.any():
        return audio
    if family in ("kit", "percussion"):
        if sampled:
            return _sampled_drums(audio, rng, sample_rate)
        return compress(audio, rng.uniform(1.0, 2.5), rng.uniform(8.0, 14.0), sample_rate)
    if family == "bass":
        if sampled:
            audio = saturate(_narrowed(audio, 0.2), rng.uniform(0.1, 0.7), sample_rate)
        return compress(audio, rng.uniform(1.5, 3.5), rng.uniform(6.0, 12.0), sample_rate)
    if sampled:
        audio = excite(audio, rng.uniform(0.2, 1.6) * part.brightness, sample_rate)
    if sampled and rng.random() < 0.3:
        audio = saturate(audio, rng.uniform(0.1, 0.6), sample_rate)
    if rng.random() < _CHORUS_ODDS.get(family, 0.0):
        cycles = max(1, round(rng.uniform(0.2, 1.1) * audio.shape[1] / sample_rate))
        audio = chorus(audio, rng.uniform(0.3, 0.9), cycles, sample_rate)
    if sampled and rng.random() < 0.2 and part.role in ("chords", "pad"):
        beats = int(rng.choice((1, 2, 4)))
        turns = max(1, round(audio.shape[1] / quarter * beats))
        angle = 2.0 * np.pi * turns * np.arange(audio.shape[1]) / audio.shape[1]
        depth = rng.uniform(0.1, 0.35)
        audio = audio * (1.0 - depth * (0.5 - 0.5 * np.cos(angle))).astype(np.float32)
    if sampled and rng.random() < _ROOM_ODDS.get(family, 0.0):
        wet = reverb(audio, rng.uniform(0.05, 0.35), int(rng.integers(8)), sample_rate)
        audio = audio + np.float32(rng.uniform(0.05, 0.2)) * wet
    return audio
