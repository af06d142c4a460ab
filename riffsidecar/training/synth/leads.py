"""Build the lead and pad voices: saws, squares, supersaws, wavetables, chips, plucks and the slow ones."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from riffsidecar.training.synth.events import Audio, Event, Voice, decay, envelope, hertz
from riffsidecar.training.synth.tables import harmonics_below, random_table, shape_table
from riffsidecar.training.synth.unison import Unison, cutoff_curve, filtered, steps, vibrato

__all__ = [
    "chip_lead",
    "pad",
    "pluck",
    "saw_lead",
    "sine_lead",
    "square_lead",
    "supersaw_lead",
    "wavetable_lead",
]

_Rng: TypeAlias = np.random.Generator


def _analog(
    rng: _Rng, brightness: float, rate: int, shapes: tuple[str, ...], voices: int, cents: float
) -> Voice:
    osc = Unison.spread(rng, voices, cents, 0.15 if voices < 4 else 0.9)
    shape_name = str(rng.choice(shapes))
    rest = 950.0 * 2.0 ** (3.6 * brightness + rng.uniform(-0.4, 0.4))
    octaves = rng.uniform(0.3, 1.6)
    fall = rng.uniform(0.3, 1.5)
    damping = rng.uniform(0.45, 1.3)
    attack = rng.uniform(0.003, 0.02)
    release = rng.uniform(0.1, 0.4)
    glide = rng.uniform(0.03, 0.09)
    cents_vib = rng.uniform(0.0, 18.0) if voices < 4 else 0.0
    vib_hz = rng.uniform(4.5, 6.3)

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=attack, decay_s=1.5, sustain=0.75, release_s=release, sample_rate=rate
        )
        count = len(shape)
        step = steps(event, count, rate, glide_s=glide if event.legato else 0.0)
        if cents_vib > 4.0:
            step = vibrato(step, vib_hz, cents_vib, 0.5, rate)
        top = max(hertz(event.pitch), hertz(event.glide_from))
        raw = osc.play(top * 1.01, step, shape_name)
        # Follow the keys by half so that high notes do not drown in the filter.
        base = rest * 2.0 ** ((event.pitch - 60) / 24.0)
        cut = cutoff_curve(count, base, base * 2.0 ** (octaves * (0.3 + 0.7 * event.velocity)), fall, rate)
        wet = filtered(raw, cut, damping)
        if voices >= 4:
            wet = filtered(wet, np.full(count, 0.6 * hertz(event.pitch) / rate, dtype=np.float32), 1.41, 2)
        return wet * shape * np.float32(0.4 + 0.6 * event.velocity)

    return play


def saw_lead(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play one to three close saws with glide and vibrato."""
    return _analog(rng, brightness, rate, ("saw",), int(rng.integers(1, 4)), rng.uniform(4.0, 12.0))


def square_lead(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play squares and narrow pulses."""
    return _analog(
        rng, brightness, rate, ("square", "square", "pulse25"), int(rng.integers(1, 3)), rng.uniform(2, 8)
    )


def supersaw_lead(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play seven wide saws."""
    return _analog(rng, 0.35 + 0.65 * brightness, rate, ("saw",), 7, rng.uniform(14.0, 34.0))


def sine_lead(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play a gliding sine or triangle with vibrato."""
    osc = Unison.spread(rng, 1, 0.0, 0.0)
    mix = float(rng.uniform(0.0, 0.6) * (0.3 + brightness))
    glide = rng.uniform(0.05, 0.14)
    vib_hz = rng.uniform(4.5, 6.5)
    cents = rng.uniform(5.0, 30.0)

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=0.015, decay_s=2.0, sustain=0.85, release_s=0.2, sample_rate=rate
        )
        count = len(shape)
        step = steps(event, count, rate, glide_s=glide if event.legato else 0.0)
        step = vibrato(step, vib_hz, cents, 0.35, rate)
        fade = np.full(count, mix, dtype=np.float32)
        tone = osc.play(hertz(event.pitch) * 1.02, step, "sine", "square", fade)
        return tone * shape * np.float32(0.5 + 0.5 * event.velocity)

    return play


def wavetable_lead(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play between two seeded spectra that an envelope or a slow wave fades."""
    kinds = rng.choice(("formant", "comb", "hollow"), 2)
    seeds = rng.integers(0, 400, 2)
    osc = Unison.spread(rng, int(rng.integers(1, 5)), rng.uniform(4.0, 16.0), 0.8)
    rate_hz = rng.uniform(0.3, 4.0)
    by_wave = bool(rng.random() < 0.5)
    fall = rng.uniform(0.2, 1.2)
    cut_hz = 1800.0 * 2.0 ** (3.0 * brightness)
    release = rng.uniform(0.1, 0.35)

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=0.005, decay_s=1.5, sustain=0.7, release_s=release, sample_rate=rate
        )
        count = len(shape)
        step = steps(event, count, rate, glide_s=0.05 if event.legato else 0.0)
        harmonics = harmonics_below(max(hertz(event.pitch), hertz(event.glide_from)) * 1.02)
        first = random_table(int(seeds[0]), str(kinds[0]), harmonics)
        second = random_table(int(seeds[1]), str(kinds[1]), harmonics)
        if by_wave:
            n = (event.start + np.arange(count)) / rate
            morph = (0.5 - 0.5 * np.cos(2.0 * np.pi * rate_hz * n)).astype(np.float32)
        else:
            morph = decay(count, fall, rate) * np.float32(0.3 + 0.7 * event.velocity)
        raw = osc.sound(step, first, second, morph)
        wet = filtered(raw, cutoff_curve(count, cut_hz, cut_hz * 1.5, 0.6, rate), 1.1)
        return wet * shape * np.float32(0.4 + 0.6 * event.velocity)

    return play


def chip_lead(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play pulse waves with stepped volume and a quick vibrato, as a games console would."""
    shape_name = str(rng.choice(("square", "pulse25", "pulse12", "triangle")))
    osc = Unison.spread(rng, 1, 0.0, 0.0, reset=True)
    held = rng.uniform(0.3, 0.9)
    fall = rng.uniform(0.3, 1.5)
    cents = rng.uniform(0.0, 25.0)

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=0.0008, decay_s=fall, sustain=held, release_s=0.03, sample_rate=rate
        )
        count = len(shape)
        # Sixteen volume steps at 60 frames a second, smoothed over a millisecond to spare the ears.
        frame = rate // 60
        stepped = np.repeat(np.ceil(shape[::frame] * 15.0) / 15.0, frame)[:count]
        smooth = min(44, count)
        stepped = np.convolve(stepped, np.ones(smooth) / smooth)[:count] * np.minimum(1.0, shape * 20.0)
        step = vibrato(steps(event, count, rate), 7.5, cents, 0.3, rate)
        tone = osc.play(hertz(event.pitch) * 1.02, step, shape_name)
        return np.asarray(tone * stepped * (0.5 + 0.5 * event.velocity), dtype=np.float32)

    return play


def pluck(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play a short saw, square or wavetable note whose filter falls fast."""
    osc = Unison.spread(rng, int(rng.integers(1, 6)), rng.uniform(3.0, 16.0), 0.8)
    shape_name = str(rng.choice(("saw", "square", "pulse25")))
    length = rng.uniform(0.4, 1.3)
    fall = rng.uniform(0.2, 0.8)
    peak = 2500.0 * 2.0 ** (2.3 * brightness + rng.uniform(-0.3, 0.3))
    damping = rng.uniform(0.4, 1.2)

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=0.002, decay_s=length, sustain=0.03, release_s=0.3, sample_rate=rate
        )
        count = len(shape)
        rest = hertz(event.pitch) * 1.1
        cut = cutoff_curve(count, rest, max(rest, peak * (0.4 + 0.6 * event.velocity)), fall, rate)
        wet = filtered(
            osc.play(hertz(event.pitch), steps(event, count, rate), shape_name), cut, damping, poles=4
        )
        return wet * shape * np.float32(0.35 + 0.65 * event.velocity)

    return play


def pad(kind: str, rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play a slow pad of the kind ``warm``, ``dark``, ``glass``, ``noise`` or ``supersaw``."""
    voices, cents = {
        "warm": (3, 9.0),
        "dark": (3, 14.0),
        "glass": (2, 6.0),
        "noise": (2, 7.0),
        "supersaw": (7, 22.0),
    }[kind]
    osc = Unison.spread(rng, voices, cents * rng.uniform(0.7, 1.4), 0.95)
    open_hz = {"warm": 850.0, "dark": 260.0, "glass": 3500.0, "noise": 1400.0, "supersaw": 1800.0}[kind]
    open_hz *= 2.0 ** (2.4 * (brightness - 0.3) + rng.uniform(-0.3, 0.3))
    attack = rng.uniform(0.05, 0.4) * (0.4 if kind == "supersaw" else 1.0)
    release = rng.uniform(0.4, 1.4)
    move_hz = rng.uniform(0.08, 0.4)
    move = rng.uniform(0.2, 0.9)
    shape_name = str(rng.choice(("saw", "pulse25") if kind in ("warm", "dark") else ("saw",)))
    seeds = rng.integers(0, 400, 2)
    noise = rng.standard_normal((2, 1 << 17)).astype(np.float32) * np.float32(0.3)

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=attack, decay_s=3.0, sustain=0.85, release_s=release, sample_rate=rate
        )
        count = len(shape)
        hz = hertz(event.pitch)
        step = steps(event, count, rate)
        n = (event.start + np.arange(count)) / rate
        wave = np.sin(2.0 * np.pi * (move_hz * n + event.pitch * 0.07)).astype(np.float32)
        if kind == "glass":
            harmonics = harmonics_below(hz * 1.02)
            tables = [random_table(int(seed), "glass", harmonics) for seed in seeds]
            raw = osc.sound(step, tables[0], tables[1], 0.5 + 0.5 * wave)
            raw += np.float32(0.25) * osc.sound(step * 2.0, *(shape_table("sine", 1),) * 2)
        else:
            raw = osc.play(hz, step, shape_name)
        if kind == "noise":
            band = np.take(noise, np.arange(event.start, event.start + count), axis=1, mode="wrap")
            breath = filtered(band, np.full(count, min(0.4, 2.0 * hz / rate), dtype=np.float32), 0.25, 1)
            raw = 0.5 * raw + np.float32(3.0) * breath + np.float32(0.25) * band
        cut = (open_hz * 2.0 ** ((event.pitch - 60) / 36.0) * np.exp2(move * wave) / rate).astype(np.float32)
        wet = filtered(raw, cut, 1.1 if kind != "dark" else 0.8, poles=4 if kind == "dark" else 2)
        return wet * shape * np.float32(0.5 + 0.5 * event.velocity)

    return play
