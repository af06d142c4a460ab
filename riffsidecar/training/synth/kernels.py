"""Run the per-sample loops of the synthesisers, compiled by numba.

All of them work on float32 audio at one sample rate and on control arrays of one value a sample.
Oscillators read band-limited single-cycle tables (see `tables`), so that nothing folds back over the
Nyquist frequency.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

__all__ = ["biquads", "circular_read", "fm_pair", "karplus", "ladder", "one_pole_follow", "stack", "svf"]


@njit(cache=True, nogil=True, fastmath=True)
def stack(table_a, table_b, morph, step, ratios, phases, lefts, rights):  # type: ignore[no-untyped-def]
    """Sum detuned copies of a pair of tables.

    Args:
        table_a: One cycle, its length a power of two.
        table_b: Another of the same length.
        morph: (num_samples,) 0 for the first table to 1 for the second.
        step: (num_samples,) cycles per sample.
        ratios: (voices,) frequency ratios.
        phases: (voices,) starts in cycles.
        lefts: (voices,) gains into the left channel.
        rights: (voices,) gains into the right channel.

    Returns:
        (2, num_samples) float32.
    """
    num_samples = step.shape[0]
    size = table_a.shape[0]
    mask = size - 1
    out = np.zeros((2, num_samples), dtype=np.float32)
    for voice in range(ratios.shape[0]):
        phase = phases[voice]
        ratio = ratios[voice]
        left = lefts[voice]
        right = rights[voice]
        for i in range(num_samples):
            place = phase * size
            index = int(place)
            part = place - index
            a = index & mask
            b = (index + 1) & mask
            fade = morph[i]
            first = table_a[a] + part * (table_a[b] - table_a[a])
            second = table_b[a] + part * (table_b[b] - table_b[a])
            value = first + fade * (second - first)
            out[0, i] += left * value
            out[1, i] += right * value
            phase += step[i] * ratio
            if phase >= 1.0:
                phase -= int(phase)
    return out


@njit(cache=True, nogil=True, fastmath=True)
def svf(audio, cutoff, damping, mode):  # type: ignore[no-untyped-def]
    """Filter with a topology-preserving state-variable filter (Zavalishin, The Art of VA Filter Design, 4.4).

    Args:
        audio: (channels, num_samples) float32.
        cutoff: (num_samples,) cutoff as a fraction of the sample rate, below 0.49.
        damping: 1 / Q: 1.414 is flat, 0.1 rings.
        mode: 0 low-pass, 1 band-pass (unit gain at the peak), 2 high-pass.
    """
    channels, num_samples = audio.shape
    out = np.empty_like(audio)
    for channel in range(channels):
        s1 = 0.0
        s2 = 0.0
        g = 0.0
        h = 1.0
        for i in range(num_samples):
            if i & 7 == 0:
                g = math.tan(math.pi * min(max(cutoff[i], 0.0003), 0.47))
                h = 1.0 / (1.0 + g * (g + damping))
            x = audio[channel, i]
            high = (x - (g + damping) * s1 - s2) * h
            band = g * high + s1
            s1 = g * high + band
            low = g * band + s2
            s2 = g * band + low
            if mode == 0:
                out[channel, i] = low
            elif mode == 1:
                out[channel, i] = band * damping
            else:
                out[channel, i] = high
    return out


@njit(cache=True, nogil=True, fastmath=True)
def biquads(audio, sections, skip):  # type: ignore[no-untyped-def]
    """Filter both channels with second-order sections, in the transposed direct form II.

    Args:
        audio: (2, num_samples) float32.
        sections: (sections, 6) float64 as scipy gives them.
        skip: Samples that only warm the filter up and are not returned.
    """
    num_samples = audio.shape[1]
    out = np.empty((2, num_samples - skip), dtype=np.float32)
    count = sections.shape[0]
    state = np.zeros((count, 4))
    for i in range(num_samples):
        left = float(audio[0, i])
        right = float(audio[1, i])
        for s in range(count):
            b0 = sections[s, 0]
            b1 = sections[s, 1]
            b2 = sections[s, 2]
            a1 = sections[s, 4]
            a2 = sections[s, 5]
            y = b0 * left + state[s, 0]
            state[s, 0] = b1 * left - a1 * y + state[s, 1]
            state[s, 1] = b2 * left - a2 * y
            left = y
            z = b0 * right + state[s, 2]
            state[s, 2] = b1 * right - a1 * z + state[s, 3]
            state[s, 3] = b2 * right - a2 * z
            right = z
        if i >= skip:
            out[0, i - skip] = left
            out[1, i - skip] = right
    return out


@njit(cache=True, nogil=True, fastmath=True)
def circular_read(audio, offsets):  # type: ignore[no-untyped-def]
    """Read a loop ``offsets`` samples later at every sample, between the samples on straight lines.

    Args:
        audio: (2, num_samples) float32.
        offsets: (num_samples,) from minus to plus the length of the loop.
    """
    size = audio.shape[1]
    out = np.empty_like(audio)
    for i in range(size):
        place = i + offsets[i]
        whole = math.floor(place)
        part = place - whole
        first = int(whole) % size
        second = (first + 1) % size
        for channel in range(2):
            value = audio[channel, first]
            out[channel, i] = value + part * (audio[channel, second] - value)
    return out


@njit(cache=True, nogil=True, fastmath=True)
def ladder(audio, cutoff, resonance, drive):  # type: ignore[no-untyped-def]
    """Filter one channel with a saturating four-pole ladder at twice the sample rate (Huovilainen 2004).

    Args:
        audio: (num_samples,) float32.
        cutoff: (num_samples,) cutoff as a fraction of the sample rate.
        resonance: 0 to about 1.05, where it sings by itself.
        drive: Gain into the saturation, 1 for a clean one.
    """
    out = np.empty_like(audio)
    a = b = c = d = 0.0
    last = 0.0
    for i in range(audio.shape[0]):
        g = 1.0 - math.exp(-math.pi * min(max(cutoff[i], 0.0003), 0.4))
        x1 = audio[i] * drive
        total = 0.0
        for half in range(2):
            x = 0.5 * (last + x1) if half == 0 else x1
            x = math.tanh(x - 4.0 * resonance * (d - 0.5 * x))
            a += g * (x - math.tanh(a))
            b += g * (math.tanh(a) - math.tanh(b))
            c += g * (math.tanh(b) - math.tanh(c))
            d += g * (math.tanh(c) - math.tanh(d))
            total += d
        last = x1
        out[i] = 0.5 * total
    return out


@njit(cache=True, nogil=True, fastmath=True)
def fm_pair(step, ratio, index, feedback, carrier_phase, modulator_phase):  # type: ignore[no-untyped-def]
    """Play a sine carrier whose phase a sine modulator moves (Chowning 1973).

    Args:
        step: (num_samples,) cycles per sample of the carrier.
        ratio: Frequency of the modulator over the carrier's.
        index: (num_samples,) depth in radians.
        feedback: Depth in radians with which the modulator moves itself.
        carrier_phase: Start in cycles.
        modulator_phase: Start in cycles.
    """
    out = np.empty(step.shape[0], dtype=np.float32)
    carrier = carrier_phase
    modulator = modulator_phase
    previous = 0.0
    turn = 2.0 * math.pi
    for i in range(step.shape[0]):
        moved = math.sin(turn * modulator + feedback * previous)
        previous = moved
        out[i] = math.sin(turn * carrier + index[i] * moved)
        carrier += step[i]
        modulator += step[i] * ratio
        if carrier >= 1.0:
            carrier -= 1.0
        if modulator >= 1.0:
            modulator -= int(modulator)
    return out


@njit(cache=True, nogil=True, fastmath=True)
def karplus(excitation, period, loss, damping, num_samples):  # type: ignore[no-untyped-def]
    """Pluck a string: a delay line with a low-pass and an all-pass for the fraction (Jaffe and Smith 1983).

    Args:
        excitation: (at least the period,) the noise that fills the string.
        period: Samples per cycle.
        loss: Gain of one turn, below 1.
        damping: 0 bright to 0.5 dull, the weight of the previous sample in the low-pass.
        num_samples: Length of the result.
    """
    whole = int(period - damping - 0.3)
    if whole < 2:
        whole = 2
    fraction = period - damping - whole
    allpass = (1.0 - fraction) / (1.0 + fraction)
    line = np.zeros(whole, dtype=np.float64)
    for i in range(whole):
        line[i] = excitation[i % excitation.shape[0]]
    out = np.empty(num_samples, dtype=np.float32)
    place = 0
    last_low = 0.0
    last_in = 0.0
    last_out = 0.0
    for i in range(num_samples):
        value = line[place]
        out[i] = value
        low = loss * ((1.0 - damping) * value + damping * last_low)
        last_low = value
        tuned = allpass * low + last_in - allpass * last_out
        last_in = low
        last_out = tuned
        line[place] = tuned
        place += 1
        if place == whole:
            place = 0
    return out


@njit(cache=True, nogil=True, fastmath=True)
def one_pole_follow(level, attack, release, passes):  # type: ignore[no-untyped-def]
    """Follow a circular level with one-pole attack and release, and return the last of ``passes`` rounds."""
    out = np.empty_like(level)
    value = 0.0
    for _ in range(passes):
        for i in range(level.shape[0]):
            rate = attack if level[i] > value else release
            value += rate * (level[i] - value)
            out[i] = value
    return out
