"""Mix rendered parts into one loop: levels, sends, ducking, glue and width, all of it round the circle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter

from riffsidecar.training.effects import (
    circular_filter,
    compress,
    duck_curve,
    lofi,
    ping_pong,
    reverb,
    saturate,
    widen,
)
from riffsidecar.training.score import Mix, Part
from riffsidecar.training.synth import Audio
from riffsidecar.training.synth.kernels import biquads

__all__ = ["PEAK_CEILING", "Track", "loudness_db", "mix_tracks"]

PEAK_CEILING = 10.0 ** (-3.0 / 20.0)

_ROLE_DB = {
    "drums": -17.0,
    "percussion": -25.0,
    "bass": -20.0,
    "chords": -23.5,
    "melody": -22.0,
    "arp": -24.5,
    "pad": -26.0,
    "texture": -33.0,
}
"""The momentary loudness of each role, in LUFS, before the part's own gain."""

_DUCKED = {"bass": 1.0, "chords": 0.9, "pad": 1.0, "arp": 0.7, "melody": 0.5, "texture": 0.7}


@dataclass(frozen=True, slots=True)
class Track:
    """Pair a part with its sound.

    Attributes:
        part: How it sits in the mix.
        audio: (2, num_samples) float32.
        fixed_db: Gain for kits, whose level must depend little on the pattern;
            None to bring the track to the loudness of its role.
    """

    part: Part
    audio: Audio
    fixed_db: float | None = None


def loudness_db(audio: Audio, sample_rate: int) -> float:
    """Return the loudness in LUFS of the loudest tenth of the loop's 400 ms windows.

    The weighting is that of ITU-R BS.1770-4 with a first-order shelf in place of its second-order one.
    """
    num_samples = audio.shape[1]
    cut = butter(2, 38.0, "highpass", fs=sample_rate, output="sos")
    # A first-order high-pass plus the sound itself is a shelf; both fit into one section.
    lift = butter(1, 1700.0, "highpass", fs=sample_rate, output="sos")
    lift[:, :3] = lift[:, 3:] + 0.585 * lift[:, :3]
    weighted = biquads(np.ascontiguousarray(audio), np.concatenate((cut, lift)), 0)
    block = max(1, int(0.05 * sample_rate))
    count = max(1, num_samples // block)
    energy = (weighted[:, : count * block] ** 2).sum(axis=0)
    energy = energy[: count * block].reshape(count, -1).mean(axis=1)
    windows = np.stack([np.roll(energy, -shift) for shift in range(min(8, count))]).mean(axis=0)
    loud = np.sort(windows)[-max(1, count // 10) :]
    return float(-0.691 + 10.0 * np.log10(loud.mean() + 1e-12))


def _gain(track: Track, sample_rate: int) -> float:
    wanted = _ROLE_DB[track.part.role] - loudness_db(track.audio, sample_rate)
    if track.fixed_db is not None:
        wanted = float(np.clip(wanted, track.fixed_db - 4.0, track.fixed_db + 4.0))
    return float(10.0 ** ((min(wanted, 40.0) + track.part.gain_db) / 20.0))


def _panned(audio: Audio, pan: float) -> Audio:
    angle = (pan + 1.0) * np.pi / 4.0
    sides = np.array((np.cos(angle), np.sin(angle)), dtype=np.float32) * np.float32(np.sqrt(2.0))
    return audio * sides[:, None]


def mix_tracks(
    tracks: Sequence[Track],
    mix: Mix,
    kicks: Sequence[int],
    *,
    quarter: float,
    seed: int,
    sample_rate: int,
) -> Audio:
    """Mix tracks of one length into a loop.

    Args:
        tracks: At least one.
        mix: Settings of the sum.
        kicks: Samples at which kicks start, for the side-chain.
        quarter: Samples per quarter note.
        seed: Chooses the room and the echo.
        sample_rate: In hertz.

    Returns:
        (2, num_samples) float32 with a peak of at most -3 dBFS.
    """
    num_samples = tracks[0].audio.shape[1]
    rng = np.random.default_rng((seed, 17))
    total = np.zeros((2, num_samples), dtype=np.float32)
    room = np.zeros_like(total)
    echo = np.zeros_like(total)
    has_bass = any(track.part.role == "bass" for track in tracks)
    recover = int(min(quarter * rng.uniform(0.55, 0.9), 0.45 * sample_rate))
    duck = duck_curve(kicks, num_samples, min(0.92, mix.sidechain), recover, sample_rate)
    low_cut = butter(1, 110.0, "highpass", fs=sample_rate, output="sos")
    for track in tracks:
        part = track.part
        audio = _panned(track.audio, part.pan) * np.float32(_gain(track, sample_rate))
        if has_bass and part.role not in ("bass", "drums", "percussion"):
            audio = circular_filter(audio, low_cut, 4096)
        ducked = _DUCKED.get(part.role, 0.0)
        if mix.sidechain > 0.0 and ducked and kicks:
            audio = audio * (1.0 - np.float32(ducked) * (1.0 - duck))
        total += audio
        if part.reverb > 0.01:
            room += np.float32(part.reverb) * audio
        if part.delay > 0.01:
            echo += np.float32(part.delay) * audio
    if echo.any():
        delay = max(1, round(quarter * float(rng.choice((0.75, 0.75, 0.5, 1.0)))))
        wet = ping_pong(echo, delay, rng.uniform(0.3, 0.6), sample_rate)
        total += np.float32(0.6) * wet
        room += np.float32(0.15) * wet
    if room.any():
        total += np.float32(0.75) * reverb(room, mix.reverb_size, int(rng.integers(8)), sample_rate)
    total = compress(total, 1.8, 8.0, sample_rate)
    total = saturate(total, mix.drive, sample_rate)
    total = widen(total, mix.width, sample_rate)
    total = lofi(total, mix.lofi, seed, sample_rate)
    total -= total.mean(axis=1, keepdims=True)
    peak = float(np.abs(total).max())
    if peak > PEAK_CEILING:
        total *= np.float32(PEAK_CEILING / peak)
    return np.ascontiguousarray(total, dtype=np.float32)
