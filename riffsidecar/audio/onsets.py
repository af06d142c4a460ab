"""Where sounds begin: onset strength by frequency band, and how the harmony moves. Only numpy.

Spectral flux of compressed magnitudes (Bello et al., "A Tutorial on Onset Detection in Music Signals", 2005),
one curve for each of a few bands, so that a kick and a hat can be told apart afterwards.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.waveform import Waveform

__all__ = ["BAND_EDGES_HZ", "HOP_S", "Onsets", "chroma_of", "find_onsets"]

HOP_S: Final = 1 / 172
"""Seconds between frames; onsets are read to a fraction of it."""

BAND_EDGES_HZ: Final = (30.0, 160.0, 600.0, 2500.0, 11000.0)
_WINDOW_S = 0.023
_LOW_WINDOW_S = 0.046
_COMPRESSION = 300.0
_BLOCK_FRAMES = 2048
_CHROMA_LOW_HZ, _CHROMA_HIGH_HZ = 110.0, 2200.0

Curve = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Onsets:
    """Hold onset curves (bands, num_frames) and chroma (12, num_frames); frame ``t`` lies at ``t * hop_s``.

    ``level`` (num_frames,) is the amplitude of the whole signal.
    """

    bands: Curve
    chroma: Curve
    level: Curve
    hop_s: float

    @property
    def total(self) -> Curve:
        """Return one curve (num_frames,) of all bands, each as heavy as the others, with mean 1."""
        means = self.bands.mean(axis=1, keepdims=True)
        loud = means[:, 0] > 0.03 * max(float(means.max()), 1e-12)
        scaled = self.bands[loud] / np.maximum(means[loud], 1e-12)
        return np.asarray(scaled.mean(axis=0) if loud.any() else np.zeros(self.bands.shape[1]), np.float32)


def find_onsets(waveform: Waveform) -> Onsets:
    """Return the onset curves of a recording, read as a circle: what wraps is what follows.

    The circle costs a recording that does not repeat one false onset at its start, where one is expected.
    """
    rate = waveform.sample_rate
    mono = waveform.samples.mean(axis=0)
    hop = HOP_S * rate
    num_frames = max(8, round(mono.shape[0] / hop))
    hop = mono.shape[0] / num_frames
    magnitudes = _magnitudes(mono, num_frames, round(_WINDOW_S * rate))
    hz = np.fft.rfftfreq(round(_WINDOW_S * rate), 1.0 / rate)
    peak = max(float(magnitudes.max()), 1e-9)
    squeezed = np.log1p(_COMPRESSION * magnitudes / peak)
    rise = np.maximum(squeezed - np.roll(squeezed, 2, axis=0), 0.0)
    edges = np.searchsorted(hz, BAND_EDGES_HZ)
    bands = np.stack(
        [rise[:, low : max(high, low + 1)].mean(axis=1) for low, high in itertools.pairwise(edges)]
    )
    return Onsets(
        bands.astype(np.float32),
        chroma_of(mono, rate, num_frames),
        np.sqrt((magnitudes**2).mean(axis=1)).astype(np.float32),
        hop / rate,
    )


def chroma_of(mono: NDArray[Any], rate: int, num_frames: int) -> Curve:
    """Return the energy of each pitch class (12, num_frames), C first, each frame of at most length 1."""
    size = 1 << max(10, int(0.12 * rate)).bit_length()
    every = max(1, num_frames // max(1, round(mono.shape[0] / (0.04 * rate))))
    frames = -(-num_frames // every)
    magnitudes = _magnitudes(mono, frames, size)
    hz = np.fft.rfftfreq(size, 1.0 / rate)
    used = (hz >= _CHROMA_LOW_HZ) & (hz <= _CHROMA_HIGH_HZ)
    classes = np.round(12.0 * np.log2(hz[used] / 261.6256)).astype(int) % 12
    power = magnitudes[:, used] ** 2
    chroma = np.stack([power[:, classes == pitch].sum(axis=1) for pitch in range(12)])
    chroma = np.sqrt(chroma)
    floor = 1e-3 * max(float(np.linalg.norm(chroma, axis=0).max()), 1e-9)
    chroma /= np.maximum(np.linalg.norm(chroma, axis=0, keepdims=True), floor)
    return np.repeat(chroma, every, axis=1)[:, :num_frames].astype(np.float32)


def _magnitudes(mono: NDArray[Any], num_frames: int, window: int) -> Curve:
    """Return circular STFT magnitudes (num_frames, window // 2 + 1), block by block to bound memory."""
    half = window // 2
    wrapped = np.pad(mono, (half, window), mode="wrap").astype(np.float32)
    starts = np.round(np.arange(num_frames) * (mono.shape[0] / num_frames)).astype(np.int64)
    shape = np.hanning(window + 1)[:-1].astype(np.float32)
    views = np.lib.stride_tricks.sliding_window_view(wrapped, window)
    out = np.empty((num_frames, half + 1), np.float32)
    for first in range(0, num_frames, _BLOCK_FRAMES):
        block = views[starts[first : first + _BLOCK_FRAMES]] * shape
        out[first : first + _BLOCK_FRAMES] = np.abs(np.fft.rfft(block, axis=1))
    return out
