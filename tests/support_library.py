"""Loops with recipes and sound of their own, without a model."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from riffsidecar.audio import LoopTags, Waveform, encode_wav
from riffsidecar.music import Key, Tempo
from riffsidecar.render.recipe import pack_recipe
from riffsidecar.session.requests import LoopRequest

RATE = 44_100


def loop_bytes(
    prompt: str = "dusty drums",
    bpm: float = 120,
    bars: int = 1,
    key: str | None = None,
    seed: int = 0,
    hz: float = 0.0,
) -> bytes:
    """Return the WAV of a loop: noise in bursts, or a tone of ``hz``."""
    options: dict[str, Any] = {} if key is None else {"key": Key.parse(key)}
    request = LoopRequest(prompt=prompt, tempo=Tempo.parse(bpm), bars=Fraction(bars), seed=seed, **options)
    times = np.arange(request.num_samples) / RATE
    if hz:
        samples = 0.3 * np.sin(2 * np.pi * hz * times)
    else:
        beats = (times * float(bpm) / 60.0) % 1.0
        samples = np.random.default_rng(seed).normal(0, 0.1, times.size) * np.exp(-beats * 9)
    stereo = np.stack([samples, samples]).astype(np.float32)
    tags = LoopTags(
        title=prompt,
        bpm=request.tempo.bpm,
        beats=request.length.beats,
        meter=request.meter,
        key=request.key,
        prompt=prompt,
        seed=seed,
        recipe=pack_recipe(request, {}),
    )
    return encode_wav(Waveform(stereo, RATE), "16", tags)


def write_loop(path: Path, **options: Any) -> Path:
    """Write a loop whole, under its name, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(loop_bytes(**options))
    part.replace(path)
    return path
