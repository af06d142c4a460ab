"""Let loops follow each other: at the bar line all loops of a chain share some milliseconds of sound.

Where a host goes from loop A to loop B, the end of A meets the beginning of B, which was made to follow B's
own end. Both are smooth only if both loops are alike there. So every loop of a chain turns, shortly before
its bar line, into one and the same stretch, and out of it again shortly after: the low part of the first
loop, which has no hit in it that the others could not continue. Any loop of the chain can follow any other.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from riffsidecar.audio.waveform import FloatArray
from riffsidecar.errors import AudioError

__all__ = ["HEAD_S", "TAIL_S", "chain_stitch", "stitched"]

TAIL_S: Final = 0.008
HEAD_S: Final = 0.003
"""How long before and after the bar line: after it less, because hits begin there."""

_LOW_HZ: Final = 400.0


def _sizes(sample_rate: int) -> tuple[int, int]:
    return round(TAIL_S * sample_rate), round(HEAD_S * sample_rate)


def chain_stitch(samples: FloatArray, sample_rate: int) -> FloatArray:
    """Return what a chain that begins with a loop (channels, num_samples) shares, (channels, tail + head).

    Raises:
        AudioError: a loop that is too short.
    """
    tail, head = _sizes(sample_rate)
    _check(samples, tail + head)
    spectrum = np.fft.rfft(samples, axis=1)
    hz = np.fft.rfftfreq(samples.shape[1], 1.0 / sample_rate)
    # Whole up to half the corner, gone at one and a half: no ringing before the bar line.
    spectrum *= 0.5 + 0.5 * np.cos(np.pi * np.clip((hz - _LOW_HZ / 2.0) / _LOW_HZ, 0.0, 1.0))
    low = np.fft.irfft(spectrum, samples.shape[1], axis=1).astype(np.float32)
    return np.concatenate([low[:, -tail:], low[:, :head]], axis=1)


def stitched(samples: FloatArray, stitch: FloatArray, sample_rate: int) -> FloatArray:
    """Return a loop (channels, num_samples) with the stitch of its chain at its bar line.

    Raises:
        AudioError: a loop too short, or a stitch of another size.
    """
    tail, head = _sizes(sample_rate)
    _check(samples, tail + head)
    if stitch.shape != (samples.shape[0], tail + head):
        raise AudioError(
            f"the stitch is {stitch.shape}, allowed is {(samples.shape[0], tail + head)} for this loop"
        )
    woven = samples.copy()
    rise = (0.5 - 0.5 * np.cos(np.pi * (np.arange(tail) + 1) / tail)).astype(np.float32)
    fall = (0.5 + 0.5 * np.cos(np.pi * np.arange(head) / head)).astype(np.float32)
    woven[:, -tail:] += rise * (stitch[:, :tail] - woven[:, -tail:])
    woven[:, :head] += fall * (stitch[:, tail:] - woven[:, :head])
    return woven


def _check(samples: FloatArray, needed: int) -> None:
    if samples.ndim != 2 or samples.shape[1] < 2 * needed:
        raise AudioError(
            f"a loop of shape {samples.shape} is too short to be stitched: {2 * needed} samples are needed"
        )
