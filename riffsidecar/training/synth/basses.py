"""Build the bass voices: sub, 808, acid, reese, FM, saw and pluck."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from riffsidecar.training.synth.events import Audio, Event, Voice, decay, envelope, fade_tail, hertz, ramp
from riffsidecar.training.synth.kernels import fm_pair, ladder
from riffsidecar.training.synth.tables import harmonics_below, shape_table
from riffsidecar.training.synth.unison import Unison, cutoff_curve, filtered, steps

__all__ = ["acid_bass", "bass_808", "fm_bass", "pluck_bass", "reese_bass", "saw_bass", "sub_bass"]

_Rng: TypeAlias = np.random.Generator


def _both(mono: Audio) -> Audio:
    return np.ascontiguousarray(np.broadcast_to(mono.astype(np.float32), (2, mono.shape[-1])))


def sub_bass(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play a sine with a little of the second and third harmonic."""
    warmth = rng.uniform(0.4, 1.2) * (0.5 + brightness)
    attack = rng.uniform(0.003, 0.012)
    glide = rng.uniform(0.03, 0.08)

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=attack, decay_s=1.5, sustain=0.8, release_s=0.09, sample_rate=rate
        )
        step = steps(event, len(shape), rate, glide_s=glide if event.legato else 0.0)
        sine = np.sin(2.0 * np.pi * np.cumsum(step)).astype(np.float32)
        return _both(np.tanh((0.7 + warmth) * (sine + 0.08 * warmth)) * shape * (0.5 + 0.5 * event.velocity))

    return play


def bass_808(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play the long, driven kick that hip-hop and trap use as a bass, sliding between legato notes."""
    drive = rng.uniform(0.9, 2.2) + 3.0 * brightness**1.5
    length = rng.uniform(1.2, 3.2)
    glide = rng.uniform(0.06, 0.16)
    click = rng.uniform(0.1, 0.4)
    asymmetry = rng.uniform(0.0, 0.35)
    noise = 0.5 * rng.standard_normal(int(0.02 * rate))

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=0.002, decay_s=length, sustain=0.12, release_s=0.14, sample_rate=rate
        )
        count = len(shape)
        step = steps(event, count, rate, glide_s=glide if event.legato else 0.0)
        if not event.legato:
            step = step * (1.0 + 2.2 * decay(count, 0.09, rate))
        sine = np.sin(2.0 * np.pi * np.cumsum(step))
        body = np.tanh(drive * (sine + asymmetry)) - np.tanh(drive * asymmetry)
        out = body / np.tanh(drive) * shape * (0.6 + 0.4 * event.velocity)
        if not event.legato:
            tick = noise[:count]
            out[: len(tick)] += click * tick * decay(len(tick), 0.02, rate)
        cut = cutoff_curve(count, 250.0 + 3500.0 * brightness**2, 2500.0 + 6000.0 * brightness, 0.5, rate)
        return filtered(_both(out.astype(np.float32)), cut, 1.4)

    return play


def acid_bass(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play a saw or square through a ringing ladder whose envelope accents open, after the 303."""
    square = bool(rng.random() < 0.35)
    resonance = rng.uniform(0.62, 0.93)
    rest = 150.0 * 2.0 ** rng.uniform(0.0, 1.6) * 2.0 ** (1.6 * (brightness - 0.5))
    octaves = rng.uniform(2.0, 4.0)
    fall = rng.uniform(0.35, 1.4)
    drive = rng.uniform(1.0, 2.6)

    def play(event: Event) -> Audio:
        accent = event.velocity**1.5
        shape = envelope(
            event.gate, attack_s=0.003, decay_s=3.0, sustain=0.5, release_s=0.03, sample_rate=rate
        )
        count = len(shape)
        step = steps(event, count, rate, glide_s=0.07 if event.legato else 0.0)
        hz = max(hertz(event.pitch), hertz(event.glide_from))
        table = shape_table("square" if square else "saw", harmonics_below(hz))
        osc = Unison.spread(rng, 1, 0.0, 0.0, reset=True).sound(step, table, table)[0]
        depth = octaves * (0.35 + 0.65 * accent) * (0.6 if event.legato else 1.0)
        cut = cutoff_curve(count, rest, rest * 2.0**depth, fall * (1.3 - 0.6 * accent), rate)
        wet = ladder(osc * np.float32(0.7), cut, resonance * (0.85 + 0.15 * accent), drive)
        wet = np.tanh(1.8 * wet * (1.0 + 1.4 * resonance))
        return _both(wet * shape * np.float32(0.55 + 0.45 * accent))

    return play


def reese_bass(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play slowly beating detuned saws over a clean sub, through a moving low-pass with some drive."""
    cents = rng.uniform(12.0, 38.0)
    voices = int(rng.integers(2, 5))
    high = Unison.spread(rng, voices, cents, 0.7)
    rest = 180.0 * 2.0 ** (3.4 * brightness + rng.uniform(-0.4, 0.6))
    wobble_hz = rng.uniform(0.15, 0.9)
    wobble = rng.uniform(0.2, 1.0)
    drive = rng.uniform(1.0, 3.5)
    damping = rng.uniform(0.5, 1.3)

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=0.008, decay_s=2.0, sustain=0.85, release_s=0.12, sample_rate=rate
        )
        count = len(shape)
        step = steps(event, count, rate, glide_s=0.08 if event.legato else 0.0)
        saws = high.play(max(hertz(event.pitch), hertz(event.glide_from)), step, "saw")
        n = (event.start + np.arange(count)) / rate
        cut = rest * np.exp2(wobble * np.sin(2.0 * np.pi * wobble_hz * n)) / rate
        growl = np.tanh(drive * filtered(saws, cut.astype(np.float32), damping, poles=4)) / np.float32(
            drive**0.5
        )
        growl = filtered(growl, np.full(count, 90.0 / rate, dtype=np.float32), 1.41, 2)
        sub = np.sin(2.0 * np.pi * np.cumsum(step)).astype(np.float32)
        return (0.8 * growl + 0.55 * sub) * shape * np.float32(0.6 + 0.4 * event.velocity)

    return play


def fm_bass(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play a two-operator bass whose index falls: from donk to solid."""
    ratio = float(rng.choice((0.5, 1.0, 1.0, 2.0, 3.0)))
    peak = rng.uniform(2.0, 5.0) * (0.4 + 1.2 * brightness)
    rest = rng.uniform(0.2, 1.0)
    fall = rng.uniform(0.12, 0.7)
    feedback = rng.uniform(0.0, 0.7)
    held = rng.uniform(0.25, 0.8)

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=0.002, decay_s=1.2, sustain=held, release_s=0.08, sample_rate=rate
        )
        count = len(shape)
        step = steps(event, count, rate, glide_s=0.05 if event.legato else 0.0)
        index = (rest + (peak * (0.4 + 0.6 * event.velocity) - rest) * decay(count, fall, rate)).astype(
            np.float32
        )
        tone = fm_pair(step, ratio, index, feedback, 0.0, 0.0)
        sub = np.sin(2.0 * np.pi * np.cumsum(step)).astype(np.float32)
        return _both((0.75 * tone + 0.35 * sub) * shape * (0.5 + 0.5 * event.velocity))

    return play


def saw_bass(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play two saws or a saw and a pulse, an octave of sub below, through a four-pole filter."""
    pair = Unison.spread(rng, 2, rng.uniform(3.0, 9.0), 0.15)
    low = Unison.spread(rng, 1, 0.0, 0.0, reset=True)
    shape_name = str(rng.choice(("saw", "saw", "square", "pulse25")))
    rest = 150.0 * 2.0 ** (3.2 * brightness + rng.uniform(-0.5, 0.5))
    octaves = rng.uniform(0.8, 2.6)
    fall = rng.uniform(0.3, 1.2)
    damping = rng.uniform(0.35, 1.2)
    sub_level = rng.uniform(0.15, 0.6)
    drive = rng.uniform(0.8, 2.0)

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=0.004, decay_s=1.4, sustain=0.7, release_s=0.1, sample_rate=rate
        )
        count = len(shape)
        step = steps(event, count, rate, glide_s=0.06 if event.legato else 0.0)
        top = max(hertz(event.pitch), hertz(event.glide_from))
        raw = pair.play(top, step, shape_name)
        if event.pitch >= 33:
            raw = raw + np.float32(sub_level) * low.play(top, step * 0.5, "square")
        cut = cutoff_curve(count, rest, rest * 2.0 ** (octaves * (0.3 + 0.7 * event.velocity)), fall, rate)
        wet: Audio = np.tanh(drive * filtered(raw, cut, damping, poles=4)) / np.float32(np.tanh(drive))
        return wet * shape * np.float32(0.5 + 0.5 * event.velocity)

    return play


def pluck_bass(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play a short bass whose filter snaps shut."""
    pair = Unison.spread(rng, 2, rng.uniform(2.0, 8.0), 0.2, reset=True)
    shape_name = str(rng.choice(("saw", "square", "pulse25")))
    rest = rng.uniform(140.0, 420.0)
    peak = 1400.0 * 2.0 ** (2.2 * brightness + rng.uniform(-0.3, 0.6))
    fall = rng.uniform(0.2, 0.7)
    length = rng.uniform(0.5, 1.1)
    damping = rng.uniform(0.4, 1.1)

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=0.002, decay_s=length, sustain=0.1, release_s=0.12, sample_rate=rate
        )
        count = len(shape)
        step = steps(event, count, rate)
        cut = cutoff_curve(count, rest, peak * (0.5 + 0.5 * event.velocity), fall, rate)
        wet = filtered(pair.play(hertz(event.pitch), step, shape_name), cut, damping, poles=4)
        sub = np.sin(2.0 * np.pi * np.cumsum(step)).astype(np.float32) * ramp(count, 0.004, rate)
        out: Audio = (wet + 0.5 * sub) * shape * np.float32(0.5 + 0.5 * event.velocity)
        return fade_tail(out, 64)

    return play
