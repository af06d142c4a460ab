"""Turn notes into events on the circle of samples, and shape them with envelopes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Audio", "Event", "Voice", "add_circular", "decay", "envelope", "fade_tail", "hertz", "ramp"]

Audio: TypeAlias = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Event:
    """One note in samples.

    Attributes:
        start: First sample, within the loop.
        gate: Samples until the key is released.
        pitch: MIDI note number.
        velocity: 0 to 1.
        glide_from: Pitch from which a mono voice slides, or the pitch itself.
        legato: Whether the note continues the one before it.
    """

    start: int
    gate: int
    pitch: float
    velocity: float
    glide_from: float
    legato: bool = False


Voice: TypeAlias = Callable[[Event], Audio]


def hertz(pitch: float) -> float:
    """Return the frequency of a MIDI pitch in equal temperament.

    >>> hertz(69)
    440.0
    """
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def decay(num_samples: int, time_s: float, sample_rate: int) -> Audio:
    """Return an exponential that falls by 60 dB in ``time_s``."""
    n = np.arange(num_samples, dtype=np.float32)
    out: Audio = np.exp(n * np.float32(-6.9078 / (max(time_s, 1e-4) * sample_rate)))
    return out


def ramp(num_samples: int, time_s: float, sample_rate: int) -> Audio:
    """Return a raised-cosine fade from 0 to 1 over ``time_s``, then 1."""
    out = np.ones(num_samples, dtype=np.float32)
    length = min(num_samples, max(1, int(time_s * sample_rate)))
    out[:length] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)
    return out


def fade_tail(audio: Audio, num_samples: int) -> Audio:
    """Fade the last ``num_samples`` to zero, in place, and return the array."""
    length = min(num_samples, audio.shape[-1])
    if length:
        audio[..., -length:] *= (0.5 + 0.5 * np.cos(np.pi * (np.arange(length) + 1) / length)).astype(
            np.float32
        )
    return audio


def envelope(
    gate: int, *, attack_s: float, decay_s: float, sustain: float, release_s: float, sample_rate: int
) -> Audio:
    """Return an exponential attack-decay-sustain-release envelope, ``gate`` plus release samples long.

    The decay and the release times are those of a fall by 60 dB towards the sustain and towards nothing.
    """
    gate = max(gate, 32)
    held = (sustain + (1.0 - sustain) * decay(gate, decay_s, sample_rate)) * ramp(gate, attack_s, sample_rate)
    tail = held[-1] * decay(max(64, int(release_s * sample_rate)), release_s, sample_rate)
    return fade_tail(np.concatenate((held, tail)).astype(np.float32), 64)


def add_circular(out: Audio, audio: Audio, start: int) -> None:
    """Add ``audio`` to the loop ``out`` from sample ``start``, wrapping round its end as often as needed."""
    size = out.shape[1]
    start %= size
    done = 0
    while done < audio.shape[1]:
        count = min(size - start, audio.shape[1] - done)
        out[:, start : start + count] += audio[:, done : done + count]
        done += count
        start = 0
