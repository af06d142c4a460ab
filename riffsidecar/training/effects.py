"""Treat loops as circles: filters, reverb, delay, ducking, compression and lo-fi without a seam.

Loops are (2, num_samples) float32, and every function treats the end as touching the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import butter, sosfilt

from riffsidecar.training.synth.events import Audio
from riffsidecar.training.synth.kernels import biquads, circular_read, one_pole_follow

__all__ = [
    "chorus",
    "circular_filter",
    "compress",
    "duck_curve",
    "excite",
    "lofi",
    "ping_pong",
    "reverb",
    "saturate",
    "shelf",
    "widen",
]

_STEP = 32


def circular_filter(audio: Audio, sos: NDArray[np.float64], warm_up: int = 8192) -> Audio:
    """Filter with second-order sections that have already heard the end of the loop."""
    size = audio.shape[1]
    warm_up = min(warm_up, size)
    prepared = np.concatenate((audio[:, size - warm_up :], audio), axis=1)
    out: Audio = biquads(prepared, sos, warm_up)
    return out


def shelf(audio: Audio, edge_hz: float, gain_db: float, sample_rate: int) -> Audio:
    """Lift or lower everything above ``edge_hz``, by a first-order high-pass added to the sound."""
    high = circular_filter(audio, butter(1, edge_hz, "highpass", fs=sample_rate, output="sos"), 2048)
    return audio + np.float32(10.0 ** (gain_db / 20.0) - 1.0) * high


@lru_cache(maxsize=48)
def _room(seed: int, size: int, sample_rate: int) -> Audio:
    """Return the impulse response of a room: early echoes, then noise in bands, the higher the shorter."""
    rng = np.random.default_rng((seed, size, 11))
    amount = size / 12.0
    decay_s = 0.35 + 3.6 * amount**1.6
    before = int((0.004 + 0.03 * amount * rng.uniform(0.5, 1.0)) * sample_rate)
    count = int(min(decay_s * 0.85, 3.2) * sample_rate)
    n = np.arange(count) / sample_rate
    noise = rng.standard_normal((2, count)).astype(np.float32)
    low = sosfilt(butter(2, (150.0, 600.0), "bandpass", fs=sample_rate, output="sos"), noise)
    mid = sosfilt(butter(2, (600.0, 3500.0), "bandpass", fs=sample_rate, output="sos"), noise)
    high = sosfilt(butter(2, 3500.0, "highpass", fs=sample_rate, output="sos"), noise)
    damp = rng.uniform(0.25, 0.55)
    out = low * np.exp(-6.9 * n / decay_s) + mid * np.exp(-6.9 * n / (decay_s * 0.85))
    out += rng.uniform(0.4, 0.8) * high * np.exp(-6.9 * n / (decay_s * damp))
    out *= np.minimum(1.0, 0.2 + n / (0.01 + 0.03 * amount))
    for channel in range(2):
        for place in rng.uniform(0.003, 0.02 + 0.05 * amount, 10):
            out[channel, int(place * sample_rate)] += rng.choice((-1.0, 1.0)) * 3.0 * np.exp(-place * 20.0)
    out *= np.minimum(1.0, np.linspace(40.0, 0.0, count))
    out /= np.sqrt((out**2).sum(axis=1, keepdims=True))
    return np.concatenate((np.zeros((2, before)), out), axis=1).astype(np.float32)


def reverb(send: Audio, size: float, seed: int, sample_rate: int) -> Audio:
    """Return the reverberation of a send, wet only, by circular convolution with a seeded room.

    Args:
        send: What goes into the room.
        size: 0 to 1.
        seed: Chooses among eight rooms of each size.
        sample_rate: In hertz.
    """
    response = _room(seed % 8, round(size * 12), sample_rate)
    num_samples = send.shape[1]
    total = next_fast_len(num_samples + response.shape[1], real=True)
    wet = irfft(rfft(send, total, axis=1) * rfft(response, total, axis=1), total, axis=1)
    out = np.zeros_like(send)
    for start in range(0, num_samples + response.shape[1], num_samples):
        piece = wet[:, start : min(start + num_samples, total)]
        out[:, : piece.shape[1]] += piece
    return out


def ping_pong(send: Audio, delay: int, feedback: float, sample_rate: int) -> Audio:
    """Return echoes of a send every ``delay`` samples, swapping sides, wet only; they wrap round the loop."""
    band = butter(1, (280.0, 4500.0), "bandpass", fs=sample_rate, output="sos")
    source = circular_filter(send, band, 4096)
    mono = source.mean(axis=0)
    out = np.zeros_like(send)
    gain = 1.0
    for tap in range(1, 9):
        rolled = np.roll(mono, tap * delay % send.shape[1])
        near, far = (0, 1) if tap % 2 else (1, 0)
        out[near] += np.float32(gain) * rolled
        out[far] += np.float32(gain * 0.2) * rolled
        gain *= feedback
        if gain < 0.03:
            break
    return out


def chorus(audio: Audio, depth: float, cycles: int, sample_rate: int) -> Audio:
    """Thicken a loop with two copies whose delays swing in opposite ways, ``cycles`` whole times a loop.

    Args:
        audio: The loop.
        depth: 0 to 1, the level of the copies and how far their delays swing.
        cycles: Whole swings within the loop, so that they close.
        sample_rate: In hertz.
    """
    angle = 2.0 * np.pi * cycles * np.arange(audio.shape[1]) / audio.shape[1]
    swing = sample_rate * 0.0025 * depth * np.sin(angle)
    base = sample_rate * 0.011
    first = circular_read(audio, -base - swing)
    second = circular_read(audio, -1.37 * base + swing)
    wet = np.stack((first[0] + 0.3 * second[1], second[1] + 0.3 * first[0]))
    return np.asarray(
        (audio + np.float32(0.9 * depth) * wet) / np.float32(1.0 + 0.5 * depth), dtype=np.float32
    )


def duck_curve(
    onsets: Sequence[int], num_samples: int, depth: float, recover: int, sample_rate: int
) -> Audio:
    """Return the gain that side-chain compression from the kicks at ``onsets`` would draw.

    Args:
        onsets: Samples of the kicks, possibly none.
        num_samples: Length of the loop.
        depth: 0 none to 1 silence at the kick.
        recover: Samples until the gain is back at 1.
        sample_rate: In hertz.
    """
    if not onsets or depth <= 0.0:
        return np.ones(num_samples, dtype=np.float32)
    ordered = np.unique(np.asarray(onsets, dtype=np.int64) % num_samples)
    places = np.arange(num_samples, dtype=np.int64)
    index = np.searchsorted(ordered, places, side="right") - 1
    since = places - ordered[index]
    since[since < 0] += num_samples
    way = np.minimum(1.0, since / max(recover, 1)).astype(np.float32)
    gain = 1.0 - depth * (1.0 - way) ** 2 * (1.0 + 2.0 * way)
    smooth = max(1, int(0.003 * sample_rate))
    padded = np.concatenate((gain[-smooth:], gain))
    total = np.cumsum(padded, dtype=np.float64)
    out: Audio = ((total[smooth:] - total[:-smooth]) / smooth).astype(np.float32)
    return out


def saturate(audio: Audio, drive: float, sample_rate: int) -> Audio:
    """Push the sum into a soft, slightly uneven curve; the level of quiet sounds stays."""
    if drive < 0.02:
        return audio
    rms = float(np.sqrt((audio**2).mean())) + 1e-9
    gain = np.float32((0.25 + 1.6 * drive**1.4) / (rms * 5.0))
    bias = np.float32(0.12 * drive)
    out = (np.tanh(gain * audio + bias) - np.tanh(bias)) / (gain * (1.0 - np.tanh(bias) ** 2))
    return np.asarray(out - out.mean(axis=1, keepdims=True), dtype=np.float32)


def compress(audio: Audio, ratio: float, below_peak_db: float, sample_rate: int) -> Audio:
    """Compress both channels by one gain that follows the level round the circle."""
    num_samples = audio.shape[1]
    blocks = -(-num_samples // _STEP)
    padded = np.zeros(blocks * _STEP, dtype=np.float32)
    padded[:num_samples] = (audio**2).mean(axis=0)
    level = padded.reshape(blocks, _STEP).mean(axis=1)
    rate = sample_rate / _STEP
    followed = one_pole_follow(
        level, 1.0 - np.exp(-1.0 / (0.012 * rate)), 1.0 - np.exp(-1.0 / (0.16 * rate)), 2
    )
    decibels = 10.0 * np.log10(followed + 1e-9)
    over = np.maximum(0.0, decibels - (float(decibels.max()) - below_peak_db))
    gain = 10.0 ** (-over * (1.0 - 1.0 / ratio) / 20.0)
    places = np.arange(num_samples) / _STEP
    curve = np.interp(places, np.arange(blocks) + 0.5, gain, period=num_samples / _STEP)
    return np.asarray(audio * curve.astype(np.float32))


def excite(audio: Audio, amount: float, sample_rate: int) -> Audio:
    """Add the harmonics of what lies above 2.5 kHz, which dull recordings lack, above 5 kHz."""
    high = circular_filter(audio, butter(2, 2500.0, "highpass", fs=sample_rate, output="sos"), 2048)
    level = float(np.sqrt((high**2).mean())) + 1e-9
    driven = np.tanh(high * np.float32(0.6 / level) + np.float32(0.3)).astype(np.float32)
    air = circular_filter(driven, butter(2, 5000.0, "highpass", fs=sample_rate, output="sos"), 2048)
    return audio + np.float32(amount * level) * air


def lofi(audio: Audio, amount: float, seed: int, sample_rate: int) -> Audio:
    """Wear a loop down: narrower band, wow, coarser samples and hiss."""
    if amount < 0.02:
        return audio
    rng = np.random.default_rng((seed, 13))
    num_samples = audio.shape[1]
    top = 15000.0 * 2.0 ** (-2.1 * amount)
    out = circular_filter(audio, butter(3, top, "lowpass", fs=sample_rate, output="sos"))
    out = circular_filter(out, butter(2, 25.0 + 90.0 * amount, "highpass", fs=sample_rate, output="sos"))
    turns = max(1, round(0.55 * num_samples / sample_rate))
    flutter = max(1, round(6.3 * num_samples / sample_rate))
    angle = 2.0 * np.pi * np.arange(num_samples) / num_samples
    moved = 50.0 * np.sin(turns * angle + rng.uniform(0, 6.28))
    moved += 2.5 * np.sin(flutter * angle + rng.uniform(0, 6.28))
    out = circular_read(out, amount * moved)
    peak = float(np.abs(out).max()) + 1e-9
    steps = 2.0 ** (13.0 - 5.0 * amount)
    noise = np.resize(rng.standard_normal(1 << 17).astype(np.float32), out.shape)
    out = np.rint(out * np.float32(steps / peak) + np.float32(0.29) * noise) * np.float32(peak / steps)
    hiss = np.float32(peak * 10.0 ** ((-62.0 + 18.0 * amount) / 20.0)) * np.roll(noise, 4321, axis=1)
    return np.asarray(out + hiss, dtype=np.float32)


def widen(audio: Audio, width: float, sample_rate: int) -> Audio:
    """Scale the side signal (0 mono, 0.5 as it is, 1 wide) and keep what lies below 110 Hz in the middle."""
    mid = audio.mean(axis=0, keepdims=True)
    side = 0.5 * (audio[0:1] - audio[1:2])
    side = circular_filter(
        np.repeat(side, 2, axis=0), butter(2, 110.0, "highpass", fs=sample_rate, output="sos")
    )
    scale = 2.0 * width if width < 0.5 else 0.4 + 1.2 * width
    # A side louder than the middle falls apart on one loudspeaker.
    ratio = float(np.sqrt((mid**2).mean() / ((side**2).mean() + 1e-12)))
    side = side * np.float32(min(scale, 0.7 * ratio))
    return np.asarray(np.concatenate((mid + side[:1], mid - side[:1])), dtype=np.float32)
