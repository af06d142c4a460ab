"""Recordings with a known tempo and downbeat, made of clicks and tones; no model is stood in for here."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from riffsidecar.audio.waveform import Waveform

RATE = 44_100


def beat(bpm: float, bars: int, quarters_per_bar: float = 4.0, seed: int = 0) -> NDArray[np.float32]:
    """Return (2, num_samples): a kick at each bar and its middle, hats on eighths, a bass note a bar."""
    dice = np.random.default_rng(seed)
    quarter = 60.0 * RATE / bpm
    total = round(bars * quarters_per_bar * quarter)
    out = np.zeros(total)
    times = np.arange(round(0.25 * RATE)) / RATE
    kick = np.sin(2 * np.pi * 55 * times) * np.exp(-times * 18)
    hat = dice.normal(size=times.size) * np.exp(-times * 90) * 0.25
    for bar in range(bars):
        at = bar * quarters_per_bar
        _add(out, 1.0 * kick, at * quarter)
        _add(out, 0.6 * kick, (at + quarters_per_bar / 2) * quarter)
        length = np.arange(round(quarters_per_bar * quarter)) / RATE
        note = 0.2 * np.sin(2 * np.pi * 110 * 2 ** ((bar * 5 % 12) / 12) * length) * np.exp(-length * 1.5)
        _add(out, note, at * quarter)
        for eighth in range(round(2 * quarters_per_bar)):
            _add(out, hat * (1.0 if eighth % 2 == 0 else 0.6), (at + eighth / 2) * quarter)
    return np.stack([out, out]).astype(np.float32) * np.float32(0.5 / np.abs(out).max())


def _add(out: NDArray[np.float64], sound: NDArray[np.float64], at: float) -> None:
    places = (round(at) + np.arange(sound.size)) % out.size
    np.add.at(out, places, sound)


def recording(samples: NDArray[np.float32]) -> Waveform:
    return Waveform(np.ascontiguousarray(samples, dtype=np.float32), RATE)


def audio_bytes(samples: NDArray[np.float32], kind: str = "WAV") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples.T, RATE, format=kind)
    return buffer.getvalue()


def write_audio(path: Path, samples: NDArray[np.float32]) -> Path:
    """Write a recording whole, under its name, in one step."""
    kind = {"aif": "AIFF", "aiff": "AIFF"}.get(path.suffix[1:], path.suffix[1:].upper())
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(audio_bytes(samples, kind))
    part.replace(path)
    return path
