"""Find where a loop begins: a model that was never told of bars puts its downbeat anywhere on the circle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from riffsidecar.music import LoopLength

__all__ = ["downbeat_frame"]

_LOW_ROWS = 0.07
"""How much of the rows, from below, a kick drum is in: to about 150 Hz in Riffusion's format."""

_LEAD_FRAMES = 3
"""A window ten frames wide begins to hear a hit before its middle: it rises most three frames early."""

_BAR_WEIGHT = 1.0
_BRIGHT_WEIGHT = 0.5
_FLAT = 1e-3
_BETTER = 1.03


def downbeat_frame(spectrogram: NDArray[np.float32], length: LoopLength) -> int:
    """Return the frame that should come first, so that what begins in the loop begins on beats and bars.

    Rises from frame to frame (spectral flux) are correlated with the loop's beats at every turn of the
    circle, and those of the lowest bands with its bar lines; what is bright and not low speaks against a bar
    line, for that is where snares are not. A loop without onsets stays, and so does one that another turn
    would hardly better.

    Args:
        spectrogram: (channels, n_mels, frames), normalised.
        length: of the loop.
    """
    rises = np.maximum(spectrogram - np.roll(spectrogram, 1, axis=-1), 0.0).mean(axis=0, dtype=np.float64)
    low_rows = max(1, round(_LOW_ROWS * len(rises)))
    low, bright = rises[:low_rows].mean(axis=0), rises[low_rows:].mean(axis=0)
    onsets = low + bright
    frames = rises.shape[1]
    if frames < 2 or float(onsets.max()) < _FLAT:
        return 0
    beats = _comb(frames, float(length.beats), 1)
    bars = _comb(frames, float(length.beats), length.meter.numerator)
    scores = _correlated(onsets, beats) + _BAR_WEIGHT * _correlated(low - _BRIGHT_WEIGHT * bright, bars)
    best = int(np.argmax(scores))
    if scores[best] <= _BETTER * scores[-_LEAD_FRAMES % frames]:
        return 0
    return (best + _LEAD_FRAMES) % frames


def _comb(frames: int, beats: float, every: int) -> NDArray[np.float64]:
    """Return (frames,): hats three frames wide on every so many beats, of mean 0, so that noise scores 0."""
    comb = np.zeros(frames)
    for beat in range(0, max(1, int(beats)), every):
        comb[round(beat * frames / beats) % frames] += 1.0 / every**0.5
    comb += 0.5 * (np.roll(comb, 1) + np.roll(comb, -1))
    centred: NDArray[np.float64] = comb - comb.mean()
    return centred


def _correlated(onsets: NDArray[np.float64], comb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (frames,): how well the comb fits when its first tooth lies on each frame."""
    spectrum = np.fft.rfft(onsets) * np.conj(np.fft.rfft(comb))
    scores: NDArray[np.float64] = np.fft.irfft(spectrum, len(onsets))
    return scores
