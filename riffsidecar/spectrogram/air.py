"""Put air above a format that ends early: what the highest octave would go on to be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from riffsidecar.errors import SpectrogramError

__all__ = ["add_air"]

_STEEPEST_DB, _FLATTEST_DB = -40.0, -3.0
_TINY = 1e-9


def add_air(magnitudes: NDArray[np.float32], edge: int, amount: float = 1.0) -> None:
    """Fill the bins from ``edge`` on with the texture of the octave below, falling on as it falls.

    A frame goes on as steeply as its highest octave falls from its lower to its upper half, at least 3 and at
    most 40 dB an octave: cymbals stay bright, basses stay dark. Partials stay on their series, because a bin
    is copied from half its frequency; phases come from the magnitudes later, as for all bins.

    Args:
        magnitudes: (channels, num_frames, num_bins), changed in place.
        edge: the first bin that the format says nothing of.
        amount: from 0, nothing, to 1.

    Raises:
        SpectrogramError: an edge outside the bins, or an amount outside 0 to 1.
    """
    num_bins = magnitudes.shape[-1]
    if not 8 <= edge <= num_bins or not 0.0 <= amount <= 1.0:
        raise SpectrogramError(
            f"air from bin {edge} of {num_bins}, amount {amount}: must be from 8, and from 0 to 1"
        )
    half, middle = edge // 2, round(edge * 0.5**0.5)
    # The last band of the format fades out towards its edge: it is filled up from where it is whole.
    top = max(middle + 1, edge - 4)
    low = np.sqrt(np.mean(magnitudes[..., half:middle] ** 2, axis=-1, keepdims=True)) + _TINY
    high = np.sqrt(np.mean(magnitudes[..., middle:top] ** 2, axis=-1, keepdims=True)) + _TINY
    # The two halves of the octave lie half an octave apart, the upper around this bin.
    slope_db = np.clip(40.0 * np.log10(high / low), _STEEPEST_DB, _FLATTEST_DB)
    centre = 0.5 * (middle + top)
    targets = np.arange(top, min(num_bins, 2 * top))
    sources = targets // 2
    level = high * 10.0 ** (slope_db * np.log2(targets / centre) / 20.0)
    texture = magnitudes[..., sources] / np.where(sources < middle, low, high)
    filled = (amount * level * texture).astype(np.float32)
    magnitudes[..., targets] = np.maximum(magnitudes[..., targets], filled)
