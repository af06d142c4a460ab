"""Build the textures, which fill the whole loop: vinyl, risers and wind."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from scipy.signal import butter, sosfilt

from riffsidecar.training.synth.events import Audio, Event, Voice, fade_tail, ramp
from riffsidecar.training.synth.kernels import svf

__all__ = ["riser", "vinyl_noise", "wind_noise"]

_Rng: TypeAlias = np.random.Generator


def vinyl_noise(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play surface noise, crackle and the odd pop."""
    density = rng.uniform(6.0, 45.0)
    hiss = rng.uniform(0.005, 0.025)
    seed = int(rng.integers(1 << 31))
    top = 3500.0 * 2.0 ** (1.8 * brightness)

    def play(event: Event) -> Audio:
        local = np.random.default_rng((seed, event.start))
        count = event.gate + 64
        out = local.standard_normal((2, count)).astype(np.float32) * np.float32(hiss)
        hits = local.poisson(density * count / rate)
        places = local.integers(0, count, hits)
        sizes = np.minimum(local.pareto(1.6, hits) * 0.25, 3.0) * local.choice((-1.0, 1.0), hits)
        sides = local.uniform(0.2, 1.0, (2, hits))
        for channel in range(2):
            np.add.at(out[channel], places, (sizes * sides[channel]).astype(np.float32))
        band = np.asarray(
            sosfilt(butter(2, (350.0, top), "bandpass", fs=rate, output="sos"), out), dtype=np.float32
        )
        return fade_tail(band * ramp(count, 0.003, rate) * np.float32(0.3 + 0.7 * event.velocity), 128)

    return play


def _swept_noise(local: _Rng, cutoff: Audio, damping: float, mode: int) -> Audio:
    noise = local.standard_normal((2, cutoff.shape[0])).astype(np.float32) * np.float32(0.3)
    out: Audio = svf(noise, cutoff, damping, mode)
    return out


def riser(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play noise, and at times a tone, whose filter rises over the note."""
    seed = int(rng.integers(1 << 31))
    low = rng.uniform(200.0, 700.0)
    high = rng.uniform(5000.0, 11000.0) * 2.0 ** (brightness - 0.5)
    damping = rng.uniform(0.2, 0.8)
    tonal = bool(rng.random() < 0.4)
    power = rng.uniform(1.2, 2.5)

    def play(event: Event) -> Audio:
        local = np.random.default_rng((seed, event.start))
        count = event.gate + 64
        way = np.linspace(0.0, 1.0, count)
        hz = low * (high / low) ** (way**1.2)
        out = _swept_noise(local, (hz / rate).astype(np.float32), damping, 1 if tonal else 0)
        if tonal:
            tone_hz = 110.0 * 2.0 ** (3.5 * way)
            tone = np.sin(2.0 * np.pi * np.cumsum(tone_hz) / rate) + 0.4 * np.sin(
                2.0 * np.pi * np.cumsum(tone_hz * 2.01) / rate
            )
            out += (0.12 * tone).astype(np.float32)
        shape = (0.03 + 0.97 * way**power) * ramp(count, 0.01, rate)
        return fade_tail((out * shape * (0.4 + 0.6 * event.velocity)).astype(np.float32), int(0.01 * rate))

    return play


def wind_noise(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play noise through a wandering band."""
    seed = int(rng.integers(1 << 31))
    centre = 500.0 * 2.0 ** (2.5 * brightness + rng.uniform(-0.4, 0.4))
    waves = rng.uniform(0.1, 0.9, 3)
    starts = rng.random(3)
    damping = rng.uniform(0.25, 0.9)

    def play(event: Event) -> Audio:
        local = np.random.default_rng((seed, event.start))
        count = event.gate + int(0.4 * rate)
        n = (event.start + np.arange(count)) / rate
        walk = (
            sum(np.sin(2.0 * np.pi * (hz * n + start)) for hz, start in zip(waves, starts, strict=True)) / 3.0
        )
        out = _swept_noise(local, (centre * np.exp2(walk) / rate).astype(np.float32), damping, 1)
        gain = (0.6 + 0.4 * walk) * ramp(count, 0.25, rate) * (0.4 + 0.6 * event.velocity)
        return fade_tail((out * gain).astype(np.float32), int(0.4 * rate))

    return play
