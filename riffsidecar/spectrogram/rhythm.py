"""Take the groove out of a spectrogram: when something sounds, and how high, but not what."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from riffsidecar.spectrogram.codec import denormalise, normalise
from riffsidecar.spectrogram.formats import SpectrogramFormat

__all__ = ["GROOVE_BANDS", "groove_of"]

GROOVE_BANDS = 6
"""Regions from low to high that keep a rhythm of their own: kick, bass, snare, hats."""


def groove_of(spectrogram: NDArray[np.float32], fmt: SpectrogramFormat) -> NDArray[np.float32]:
    """Return a spectrogram (channels, n_mels, num_frames) with the energy of each region spread evenly in it.

    Each region keeps its power at every frame, and so its rhythm and its loudness; within a region all bands
    are alike, and so pitch and timbre are gone.
    """
    mel = denormalise(spectrogram, fmt)
    edges = np.linspace(0, mel.shape[1], GROOVE_BANDS + 1).round().astype(int)
    for low, high in pairwise(edges):
        power = np.mean(mel[:, low:high] ** 2, axis=1, keepdims=True)
        mel[:, low:high] = np.sqrt(power)
    return normalise(mel, fmt)
