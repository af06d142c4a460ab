"""Build the voices of electric piano, organ, bells, plucked strings and string machine."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from scipy.signal import butter, sosfilt

from riffsidecar.training.synth.events import Audio, Event, Voice, decay, envelope, fade_tail, hertz, ramp
from riffsidecar.training.synth.kernels import fm_pair, karplus
from riffsidecar.training.synth.tables import harmonics_below, organ_table
from riffsidecar.training.synth.unison import Unison, cutoff_curve, filtered, steps, vibrato

__all__ = ["drawbar_organ", "electric_piano", "fm_bell", "karplus_guitar", "synth_strings"]

_Rng: TypeAlias = np.random.Generator

_DRAWBARS = (
    (8, 8, 8, 0, 0, 0, 0, 0, 0), (8, 8, 8, 8, 0, 0, 0, 0, 0), (0, 0, 8, 4, 3, 0, 0, 0, 0),
    (8, 8, 8, 6, 4, 4, 4, 4, 8), (0, 0, 8, 0, 8, 0, 0, 0, 8), (8, 0, 8, 0, 0, 0, 0, 0, 4),
    (0, 0, 7, 8, 5, 3, 2, 1, 0), (8, 8, 0, 0, 0, 0, 0, 0, 8),
)  # fmt: skip


def _tremolo(event: Event, count: int, rate_hz: float, depth: float, rate: int) -> Audio:
    """Return a (2, count) gain that pans to and fro, its phase tied to the loop."""
    n = (event.start + np.arange(count)) / rate
    move = depth * np.sin(2.0 * np.pi * rate_hz * n)
    return np.stack((1.0 + move, 1.0 - move)).astype(np.float32)


def electric_piano(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play FM tines: a soft pair, a bell pair that dies fast, and a detuned copy for chorus."""
    bell_ratio = float(rng.choice((14.0, 13.0, 7.0, 9.0)))
    bell = rng.uniform(0.15, 0.5) * (0.4 + 1.2 * brightness)
    index_top = rng.uniform(1.1, 2.8) * (0.5 + brightness)
    length = rng.uniform(2.5, 5.0)
    detune = rng.uniform(1.0, 4.0)
    trem_hz = rng.uniform(3.0, 6.0)
    trem = float(rng.choice((0.0, rng.uniform(0.1, 0.4))))
    bark = rng.uniform(0.0, 0.9)

    def play(event: Event) -> Audio:
        hz = hertz(event.pitch)
        fall = length * 2.0 ** ((60 - event.pitch) / 30.0)
        shape = envelope(
            event.gate, attack_s=0.002, decay_s=fall, sustain=0.0, release_s=0.25, sample_rate=rate
        )
        count = len(shape)
        step = steps(event, count, rate)
        index = (index_top * event.velocity**1.3 * (0.3 + 0.7 * decay(count, fall * 0.5, rate))).astype(
            np.float32
        )
        out = np.empty((2, count), dtype=np.float32)
        for channel, sign in ((0, -1.0), (1, 1.0)):
            bent = step * 2.0 ** (sign * detune / 1200.0)
            out[channel] = fm_pair(bent, 1.0, index, bark * event.velocity, 0.0, 0.0)
        if hz * bell_ratio < 0.42 * rate:
            fast = decay(count, 0.6, rate)
            chime = fm_pair(step * bell_ratio, 1.0, 0.3 * fast, 0.0, 0.0, 0.0) * fast
            out += np.float32(bell * event.velocity) * chime
        return (
            out * shape * np.float32(0.3 + 0.7 * event.velocity) * _tremolo(event, count, trem_hz, trem, rate)
        )

    return play


def drawbar_organ(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play nine drawbars with key click, percussion and a turning speaker."""
    bars = _DRAWBARS[int(rng.integers(len(_DRAWBARS)))]
    turn_hz = float(rng.choice((0.8, 6.4))) * rng.uniform(0.9, 1.1)
    depth = rng.uniform(0.1, 0.3)
    click = rng.uniform(0.02, 0.12)
    percussion = float(rng.choice((0.0, 0.35)))
    drive = rng.uniform(0.7, 2.0) * (0.6 + brightness)
    raw = rng.standard_normal(int(0.012 * rate)) * np.hanning(int(0.012 * rate))
    noise = np.asarray(sosfilt(butter(2, 3000.0, fs=rate, output="sos"), raw), dtype=np.float32)
    wheels = Unison.spread(rng, 1, 0.0, 0.0)

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=0.004, decay_s=1.0, sustain=1.0, release_s=0.06, sample_rate=rate
        )
        count = len(shape)
        # The table's fundamental is the sub-octave of the 16-foot bar.
        step = vibrato(
            steps(event, count, rate), turn_hz, 4.0 * depth / 0.3, 1e-3, rate, event.start * turn_hz / rate
        )
        table = organ_table(bars, min(16, harmonics_below(hertz(event.pitch) * 0.5)))
        tone = wheels.sound(step * 0.5, table, table)
        if percussion:
            hit = np.sin(2.0 * np.pi * 2.0 * np.cumsum(step)) * decay(count, 0.5, rate)
            tone = tone + (percussion * hit).astype(np.float32)
        part = min(count, len(noise))
        tone[:, :part] += np.float32(click) * noise[:part]
        wet: Audio = np.tanh(drive * 0.7 * tone) / np.float32(drive**0.6)
        return wet * shape * _tremolo(event, count, turn_hz, depth, rate)

    return play


def fm_bell(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play inharmonic FM pairs that ring."""
    ratio = float(rng.choice((3.5, 1.41, 2.76, 3.0, 4.24, 5.4)))
    second = float(rng.choice((1.0, 2.0, 4.0)))
    peak = rng.uniform(0.8, 2.4) * (0.4 + 1.1 * brightness)
    length = rng.uniform(1.2, 3.5)
    strike = rng.uniform(0.1, 0.5)

    def play(event: Event) -> Audio:
        hz = hertz(event.pitch)
        # Keep the highest strong side band under the Nyquist frequency.
        room = max(0.1, (0.42 * rate / hz - 1.0) / ratio - 1.0)
        shape = decay(int(min(length, 4.0) * rate), length, rate) * ramp(
            int(min(length, 4.0) * rate), 0.001, rate
        )
        count = len(shape)
        step = steps(event, count, rate)
        depth = min(peak * (0.4 + 0.6 * event.velocity), room)
        index = (depth * decay(count, length * 0.7, rate)).astype(np.float32)
        one = fm_pair(step, ratio, index, 0.0, 0.0, 0.0)
        two = fm_pair(step * 1.0015, ratio, index * np.float32(0.8), 0.0, 0.3, 0.2)
        out = np.stack((one + 0.35 * two, two + 0.35 * one)) * shape
        if hz * second * 2 < 0.42 * rate:
            top = np.sin(2.0 * np.pi * second * 2.0 * np.cumsum(step)) * decay(count, 0.4, rate)
            out += (strike * event.velocity * top).astype(np.float32)
        return fade_tail((out * (0.25 + 0.75 * event.velocity)).astype(np.float32), 256)

    return play


def karplus_guitar(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play a plucked string with a body."""
    damping = 0.42 - 0.36 * brightness * rng.uniform(0.7, 1.2)
    damping = float(np.clip(damping, 0.04, 0.48))
    sustain = rng.uniform(1.5, 5.0)
    place = rng.uniform(0.08, 0.3)
    noise = rng.standard_normal((4, 4096)).astype(np.float32)
    body = butter(1, (rng.uniform(90, 130), rng.uniform(220, 420)), "bandpass", fs=rate, output="sos")
    body_level = rng.uniform(0.4, 1.2)
    spread = rng.uniform(0.0, 0.25)

    def play(event: Event) -> Audio:
        hz = hertz(event.pitch)
        period = rate / hz
        count = min(event.gate + int(0.15 * rate), int(5.0 * rate))
        loss = 10.0 ** (-3.0 / (hz * sustain))
        raw = noise[int(event.pitch) % 4][: int(period) + 2].copy()
        soft = float(np.clip(0.03 + 0.5 * event.velocity * (0.15 + 0.85 * brightness**1.5), 0.03, 0.9))
        raw = np.asarray(sosfilt(butter(1, min(0.9, soft), output="sos"), raw), dtype=np.float32)
        # Plucking at a place cancels the harmonics that have a node there.
        raw = raw - np.roll(raw, int(place * len(raw)))
        raw = (raw - raw.mean()) * np.float32(0.45 / (raw.std() + 1e-6))
        mono = karplus(raw, period, loss, damping, count)
        mono = mono + np.float32(body_level) * np.asarray(sosfilt(body, mono), dtype=np.float32)
        mono = fade_tail(mono, int(0.12 * rate)) * np.float32(0.3 + 0.7 * event.velocity)
        pan = spread * ((event.pitch % 12) / 6.0 - 1.0)
        return np.stack((mono * np.float32(1.0 - pan), mono * np.float32(1.0 + pan)))

    return play


def synth_strings(rng: _Rng, brightness: float, rate: int) -> Voice:
    """Play a string machine: octave-stacked saws through an ensemble chorus."""
    body = Unison.spread(rng, 5, rng.uniform(9.0, 18.0), 0.9)
    upper = Unison.spread(rng, 3, rng.uniform(6.0, 14.0), 0.9)
    attack = rng.uniform(0.03, 0.25)
    release = rng.uniform(0.3, 0.9)
    cut_hz = 1400.0 * 2.0 ** (2.6 * brightness + rng.uniform(-0.3, 0.3))
    octave = rng.uniform(0.2, 0.7)
    rate_hz = rng.uniform(4.8, 6.2)

    def play(event: Event) -> Audio:
        shape = envelope(
            event.gate, attack_s=attack, decay_s=2.0, sustain=0.9, release_s=release, sample_rate=rate
        )
        count = len(shape)
        step = vibrato(steps(event, count, rate), rate_hz, 5.0, 0.4, rate)
        hz = hertz(event.pitch)
        raw = body.play(hz, step, "saw") + np.float32(octave) * upper.play(hz * 2.0, step * 2.0, "saw")
        wet = filtered(raw, cutoff_curve(count, cut_hz, cut_hz * 1.2, 1.0, rate), 1.3)
        wet = filtered(wet, np.full(count, 160.0 / rate, dtype=np.float32), 1.41, 2)
        return wet * shape * np.float32(0.5 + 0.5 * event.velocity)

    return play
