"""Synthesise drum hits by General MIDI drum pitch: kicks, snares, claps, hats, cymbals, percussion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from riffsidecar.training.synth.events import Audio, decay, fade_tail, ramp
from riffsidecar.training.synth.kernels import stack
from riffsidecar.training.synth.kits import Kit
from riffsidecar.training.synth.tables import harmonics_below, shape_table

__all__ = ["CHOKED_BY", "drum_hit"]

CHOKED_BY: dict[int, tuple[int, ...]] = {46: (42, 44, 46)}
"""Which pitches cut the sound of a pitch."""

_Rng: TypeAlias = np.random.Generator


def _f32(audio: NDArray[Any]) -> Audio:
    return np.asarray(audio, dtype=np.float32)


def _filtered(audio: Audio, kind: str, hz: float | tuple[float, float], rate: int, order: int = 2) -> Audio:
    top = 0.48 * rate
    edge = min(hz, top) if isinstance(hz, float | int) else (hz[0], min(hz[1], top))
    return np.asarray(sosfilt(butter(order, edge, kind, fs=rate, output="sos"), audio), dtype=np.float32)


def _noise(rng: _Rng, count: int) -> Audio:
    return rng.standard_normal(count).astype(np.float32) * np.float32(0.35)


def _swept(count: int, hz: float, sweep: float, sweep_s: float, rate: int, start: float = 0.0) -> Audio:
    ratio = 1.0 + (sweep - 1.0) * decay(count, sweep_s * 2.5, rate)
    phase = np.cumsum(ratio, dtype=np.float64) * (hz / rate) + start
    return np.sin(2.0 * np.pi * phase).astype(np.float32)


def _kick(kit: Kit, rng: _Rng, velocity: float, rate: int, pitch: int) -> Audio:
    count = int((kit.kick_s + 0.02) * rate)
    hz = kit.kick_hz * (1.0 if pitch == 36 else 0.94)
    body = _swept(count, hz, kit.kick_sweep * (0.8 + 0.2 * velocity), kit.kick_sweep_s, rate)
    # A flat top before the fall makes the body long and even, as a machine's is.
    hold = np.minimum(1.0, decay(count, kit.kick_s, rate) * 1.35)
    body = body * hold * ramp(count, 0.0008, rate)
    snap = _swept(count, hz * 3.0, 12.0, 0.006, rate, 0.25) * decay(count, 0.018, rate)
    tick = _filtered(_noise(rng, count), "highpass", 2500.0, rate) * decay(count, 0.012, rate)
    click = kit.kick_click * (0.4 + 0.6 * velocity)
    mixed = body + click * (0.6 * snap + 1.4 * tick)
    return _f32(np.tanh(kit.kick_drive * mixed) / np.tanh(kit.kick_drive))


def _snare(kit: Kit, rng: _Rng, velocity: float, rate: int, pitch: int) -> Audio:
    length = max(kit.snare_tone_s, kit.snare_noise_s) + 0.02
    count = int(length * rate)
    hz = kit.snare_hz * (1.0 if pitch == 38 else 1.13)
    tone = _swept(count, hz, 1.7, 0.012, rate) + 0.6 * _swept(count, hz * 1.78, 1.4, 0.01, rate, 0.1)
    tone *= decay(count, kit.snare_tone_s, rate)
    raw = _noise(rng, count)
    wires = _filtered(raw, "highpass", 1400.0, rate)
    wires = 0.7 * wires + 1.1 * _filtered(
        wires, "bandpass", (kit.snare_bright_hz * 0.55, kit.snare_bright_hz * 1.8), rate
    )
    noise_fall = 0.75 * decay(count, kit.snare_noise_s, rate) + 0.5 * decay(
        count, kit.snare_noise_s * 0.25, rate
    )
    snap = _filtered(raw, "highpass", 3000.0, rate) * decay(count, 0.015, rate)
    share = kit.snare_noise * (0.7 + 0.3 * velocity)
    mixed = (1.0 - share) * 1.1 * tone + share * 1.6 * wires * noise_fall + 0.8 * velocity * snap
    return _f32(np.tanh(1.3 * mixed * ramp(count, 0.0004, rate)))


def _rim(kit: Kit, rng: _Rng, velocity: float, rate: int, pitch: int) -> Audio:
    count = int(0.09 * rate)
    hz = kit.snare_hz
    tone = _swept(count, hz * 9.2, 1.1, 0.004, rate) + 0.8 * _swept(count, hz * 2.6, 1.2, 0.005, rate, 0.2)
    mixed = tone * decay(count, 0.05, rate) + 1.2 * _noise(rng, count) * decay(count, 0.008, rate)
    return _f32(np.tanh(2.0 * _filtered(mixed, "highpass", 350.0, rate)))


def _clap(kit: Kit, rng: _Rng, velocity: float, rate: int, pitch: int) -> Audio:
    count = int((kit.clap_s + 0.06) * rate)
    shape = np.zeros(count, dtype=np.float32)
    gaps = np.cumsum(rng.uniform(0.008, 0.012, 3))
    for place in (0.0, *gaps[:2]):
        shape[int(place * rate) :] = np.maximum(
            shape[int(place * rate) :], decay(count - int(place * rate), 0.02, rate)
        )
    last = int(gaps[2] * rate)
    shape[last:] = np.maximum(shape[last:], decay(count - last, kit.clap_s, rate))
    raw = _noise(rng, count)
    band = _filtered(raw, "bandpass", (kit.clap_hz * 0.7, kit.clap_hz * 1.6), rate)
    air = _filtered(raw, "highpass", 3500.0, rate)
    return _f32(np.tanh(2.6 * shape * (1.5 * band + 0.45 * air)))


def _metal(hz: float, count: int, rng: _Rng, rate: int) -> Audio:
    """Ring six square oscillators at the 808's ratios."""
    ratios = np.array((1.0, 1.342, 1.2312, 1.6532, 1.9523, 2.1523)) * rng.uniform(0.985, 1.015, 6)
    table = shape_table("square", harmonics_below(hz * float(ratios.max())))
    ones = np.ones(6)
    still = np.zeros(count, dtype=np.float32)
    step = np.full(count, hz / rate)
    mono = stack(table, table, still, step, ratios, rng.random(6), ones, ones)[0]
    out = _filtered(mono, "highpass", 3800.0, rate, 4)
    return _f32(out / (2.2 * np.sqrt((out**2).mean()) + 1e-9))


def _hat(kit: Kit, rng: _Rng, velocity: float, rate: int, pitch: int) -> Audio:
    seconds = kit.open_s if pitch == 46 else kit.closed_s * (0.8 if pitch == 44 else 1.0)
    seconds *= 0.75 + 0.35 * velocity
    count = int((seconds + 0.01) * rate)
    raw = kit.hat_metal * 1.2 * _metal(kit.hat_hz, count, rng, rate) + (1.0 - kit.hat_metal) * 1.6 * _noise(
        rng, count
    )
    bright = _filtered(raw, "highpass", kit.hat_cut_hz * (1.12 - 0.15 * velocity), rate, 3)
    body = _filtered(raw, "bandpass", (kit.hat_cut_hz * 0.5, kit.hat_cut_hz), rate) * 0.25
    if pitch == 46:
        shape = 0.55 * decay(count, seconds, rate) + 0.45 * decay(count, seconds * 0.3, rate)
    else:
        shape = 0.6 * decay(count, seconds * 0.6, rate) + 0.4 * decay(count, seconds, rate)
    return _f32(2.0 * (bright + body) * shape * ramp(count, 0.0003, rate))


def _tom(kit: Kit, rng: _Rng, velocity: float, rate: int, pitch: int) -> Audio:
    step = {41: -7, 43: -5, 45: -2, 47: 0, 48: 3, 50: 6}.get(pitch, 0)
    hz = kit.tom_hz * 2.0 ** (step / 12.0)
    seconds = 0.75 * (120.0 / hz) ** 0.4
    count = int(seconds * rate)
    tone = _swept(count, hz, 1.9, 0.05, rate) + 0.25 * _swept(count, hz * 1.6, 1.5, 0.03, rate)
    skin = _filtered(_noise(rng, count), "bandpass", (300.0, 4000.0), rate) * decay(count, 0.05, rate)
    return np.tanh(1.4 * (tone * decay(count, seconds, rate) + 0.6 * skin) * ramp(count, 0.0008, rate))


def _cymbal(kit: Kit, rng: _Rng, velocity: float, rate: int, pitch: int) -> Audio:
    ride = pitch in (51, 53, 59)
    splash = pitch == 55
    seconds = 1.6 if ride else 0.8 if splash else 2.4
    count = int(seconds * rate)
    metal = _metal(kit.hat_hz * (0.83 if ride else 0.61), count, rng, rate) + _metal(
        kit.hat_hz * 1.37, count, rng, rate
    )
    wash = _filtered(_noise(rng, count), "highpass", 3500.0, rate)
    shape = 0.65 * decay(count, seconds, rate) + 0.35 * decay(count, seconds * 0.15, rate)
    out = (0.8 * metal + (0.25 if ride else 1.2) * wash) * shape
    if ride:
        count_ping = np.arange(count, dtype=np.float64) / rate
        ping_hz = 5200.0 if pitch != 53 else 2900.0
        ping = np.sin(2.0 * np.pi * ping_hz * count_ping) + 0.7 * np.sin(
            2.0 * np.pi * ping_hz * 1.483 * count_ping
        )
        out += (0.5 * ping).astype(np.float32) * decay(count, 0.25 if pitch != 53 else 0.7, rate)
        out += 0.8 * wash * decay(count, 0.03, rate)
    return _filtered(out, "highpass", 2500.0 if ride else 1800.0, rate) * ramp(count, 0.0008, rate)


def _bell(kit: Kit, rng: _Rng, velocity: float, rate: int, pitch: int) -> Audio:
    """Play cowbells, agogos, claves, wood blocks and triangles as pairs of tones."""
    tones: dict[int, tuple[float, float, float]] = {
        56: (540.0, 800.0, 0.35), 67: (900.0, 1350.0, 0.35), 68: (680.0, 1020.0, 0.4),
        75: (2500.0, 5100.0, 0.07),
        76: (1150.0, 2350.0, 0.09), 77: (820.0, 1700.0, 0.1), 80: (4100.0, 6700.0, 0.12),
        81: (4100.0, 6700.0, 1.2),
    }  # fmt: skip
    low, high, seconds = tones.get(pitch, (700.0, 1100.0, 0.2))
    count = int((seconds + 0.01) * rate)
    n = np.arange(count, dtype=np.float64) / rate
    out = np.zeros(count, dtype=np.float64)
    tune = rng.uniform(0.97, 1.03)
    for hz in (low * tune, high * tune):
        for odd in (1, 3, 5, 7) if pitch in (56, 67, 68) else (1,):
            if hz * odd < 0.45 * rate:
                out += np.sin(2.0 * np.pi * hz * odd * n) / odd
    shape = 0.5 * decay(count, seconds, rate) + 0.5 * decay(count, seconds * 0.25, rate)
    tick = _noise(rng, count) * decay(count, 0.006, rate)
    return (out.astype(np.float32) * 0.6 + 0.5 * tick) * shape * ramp(count, 0.0005, rate)


def _shaker(kit: Kit, rng: _Rng, velocity: float, rate: int, pitch: int) -> Audio:
    jingle = pitch == 54
    seconds = {54: 0.22, 69: 0.12, 70: 0.07, 82: 0.12, 58: 0.8}.get(pitch, 0.15)
    count = int((seconds + 0.02) * rate)
    raw = _noise(rng, count)
    if jingle:
        raw = raw + 1.2 * _metal(1900.0, count, rng, rate)
    rise = 0.002 if jingle else rng.uniform(0.008, 0.022)
    return (
        1.5
        * _filtered(raw, "highpass", 5500.0, rate, 3)
        * decay(count, seconds, rate)
        * ramp(count, rise, rate)
    )


def _hand(kit: Kit, rng: _Rng, velocity: float, rate: int, pitch: int) -> Audio:
    """Play bongos, congas, timbales and other skins."""
    skins: dict[int, tuple[float, float]] = {
        60: (390.0, 0.14), 61: (290.0, 0.18), 62: (330.0, 0.06), 63: (235.0, 0.3), 64: (180.0, 0.34),
        65: (430.0, 0.4), 66: (320.0, 0.45), 78: (500.0, 0.12), 79: (420.0, 0.3),
    }  # fmt: skip
    hz, seconds = skins.get(pitch, (300.0, 0.2))
    hz *= rng.uniform(0.95, 1.05)
    count = int((seconds + 0.02) * rate)
    tone = _swept(count, hz, 1.25, 0.012, rate) + 0.35 * _swept(count, hz * 2.14, 1.1, 0.01, rate)
    slap = _filtered(_noise(rng, count), "bandpass", (900.0, 7000.0), rate) * decay(count, 0.025, rate)
    wet = tone * decay(count, seconds, rate) + (1.5 if pitch == 62 else 0.7) * slap
    return np.tanh(1.2 * wet * ramp(count, 0.0005, rate))


_Hit: TypeAlias = Callable[[Kit, _Rng, float, int, int], Audio]

_MAKERS: dict[int, tuple[_Hit, float, float]] = {
    # pitch: maker, gain in dB, pan
    35: (_kick, -2.0, 0.0), 36: (_kick, -2.0, 0.0), 37: (_rim, -7.0, 0.1), 38: (_snare, -3.0, 0.0),
    39: (_clap, -4.0, 0.0), 40: (_snare, -3.5, 0.05), 41: (_tom, -4.0, 0.45), 43: (_tom, -4.0, 0.35),
    45: (_tom, -4.0, 0.15), 47: (_tom, -4.0, -0.05), 48: (_tom, -4.0, -0.2), 50: (_tom, -4.0, -0.4),
    42: (_hat, -5.0, 0.22), 44: (_hat, -8.0, 0.22), 46: (_hat, -6.0, 0.22),
    49: (_cymbal, -8.0, -0.35), 57: (_cymbal, -8.0, 0.35), 52: (_cymbal, -8.0, 0.3),
    55: (_cymbal, -10.0, -0.2),
    51: (_cymbal, -11.0, 0.35), 59: (_cymbal, -11.0, 0.4), 53: (_cymbal, -10.0, 0.35),
    54: (_shaker, -9.0, -0.3), 69: (_shaker, -9.0, -0.35), 70: (_shaker, -8.0, 0.4),
    82: (_shaker, -8.0, -0.4),
    58: (_shaker, -12.0, 0.2),
    56: (_bell, -9.0, 0.15), 67: (_bell, -10.0, -0.3), 68: (_bell, -10.0, -0.3), 75: (_bell, -8.0, 0.3),
    76: (_bell, -9.0, 0.3), 77: (_bell, -9.0, 0.3), 80: (_bell, -15.0, -0.4), 81: (_bell, -15.0, -0.4),
    60: (_hand, -7.0, -0.3), 61: (_hand, -7.0, -0.3), 62: (_hand, -7.0, 0.3), 63: (_hand, -6.0, 0.3),
    64: (_hand, -6.0, 0.25), 65: (_hand, -7.0, -0.15), 66: (_hand, -7.0, -0.1),
}  # fmt: skip


def drum_hit(kit: Kit, pitch: int, velocity: float, seed: int, sample_rate: int) -> Audio:
    """Synthesise one hit.

    Args:
        kit: Settings of the machine.
        pitch: General MIDI drum pitch; those without a sound of their own play the nearest skin.
        velocity: 0 to 1: louder hits are also brighter and longer.
        seed: Fixes the noise of the hit.
        sample_rate: In hertz.

    Returns:
        (2, num_samples) float32, faded to nothing at its end.
    """
    maker, gain_db, pan = _MAKERS.get(pitch, (_hand, -7.0, 0.2))
    rng = np.random.default_rng((seed, pitch))
    mono = maker(kit, rng, velocity, sample_rate, pitch)
    if kit.drive > 1.0:
        mono = np.tanh(kit.drive * mono) / np.float32(np.tanh(kit.drive))
    if kit.crush_bits:
        steps = 2.0 ** (kit.crush_bits - 1.0)
        mono = np.round(mono * steps) / np.float32(steps)
    if kit.top_hz < 19000.0:
        mono = _filtered(mono, "lowpass", kit.top_hz, sample_rate, 3)
    angle = (pan + 1.0) * np.pi / 4.0
    gain = 10.0 ** (gain_db / 20.0) * (0.25 + 0.75 * velocity) * velocity**0.4
    sides = np.array((np.cos(angle), np.sin(angle)), dtype=np.float32) * np.float32(gain * np.sqrt(2.0))
    out = sides[:, None] * mono.astype(np.float32)
    if kit.room > 0.0 and pitch not in (35, 36):
        out = _with_room(out, kit.room, rng, sample_rate)
    return fade_tail(np.ascontiguousarray(out, dtype=np.float32), int(0.004 * sample_rate))


def _with_room(audio: Audio, level: float, rng: _Rng, rate: int) -> Audio:
    """Add a dozen early reflections, different on the two sides."""
    longest = int(0.07 * rate)
    out = np.zeros((2, audio.shape[1] + longest), dtype=np.float32)
    out[:, : audio.shape[1]] = audio
    dull = _filtered(audio, "lowpass", 6000.0, rate)
    for channel in range(2):
        for place in rng.uniform(0.004, 0.068, 12):
            start = int(place * rate)
            gain = level * 0.35 * np.exp(-place * 30.0) * rng.choice((-1.0, 1.0))
            out[channel, start : start + audio.shape[1]] += np.float32(gain) * dull[channel]
    return out
