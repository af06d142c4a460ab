"""The samples of a loop: finite float32, channels first, never changed after they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from riffsidecar.errors import AudioError

__all__ = ["MAX_CHANNELS", "MAX_SAMPLE_RATE", "MIN_SAMPLE_RATE", "FloatArray", "Waveform"]

FloatArray = NDArray[np.float32]

MAX_CHANNELS = 8
MIN_SAMPLE_RATE = 8_000
MAX_SAMPLE_RATE = 768_000


@dataclass(frozen=True, slots=True, eq=False)
class Waveform:
    """Hold audio as a read-only float32 array of shape ``(channels, num_samples)``.

    Any floating-point array is accepted and copied if it could still be changed elsewhere. Full scale is
    -1 to 1; larger samples are allowed here and refused only where a file could not hold them.

    Raises:
        AudioError: if the array is not two-dimensional, empty, not floating-point or not finite, or if the
            sample rate (in Hz) is not a whole number from 8,000 to 768,000.

    >>> tone = Waveform(np.zeros((2, 44100), np.float32), 44100)
    >>> tone.channels, tone.num_samples, tone.duration_s
    (2, 44100, Fraction(1, 1))
    """

    samples: FloatArray = field(repr=False)
    sample_rate: int

    def __post_init__(self) -> None:
        _check_sample_rate(self.sample_rate)
        object.__setattr__(self, "samples", _checked_samples(self.samples))

    @property
    def channels(self) -> int:
        """Return the number of channels."""
        return int(self.samples.shape[0])

    @property
    def num_samples(self) -> int:
        """Return the number of samples of one channel."""
        return int(self.samples.shape[1])

    @property
    def duration_s(self) -> Fraction:
        """Return the exact duration in seconds."""
        return Fraction(self.num_samples, self.sample_rate)

    @property
    def peak(self) -> float:
        """Return the largest absolute sample (1.0 is full scale), not the true peak."""
        return float(max(self.samples.max(), -self.samples.min()))


def _check_sample_rate(sample_rate: object) -> None:
    if (
        not isinstance(sample_rate, int)
        or isinstance(sample_rate, bool)
        or not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE
    ):
        raise AudioError(
            f"sample rate {sample_rate!r} is not a whole number from {MIN_SAMPLE_RATE} to "
            f"{MAX_SAMPLE_RATE} Hz"
        )


def _checked_samples(samples: object) -> FloatArray:
    if not isinstance(samples, np.ndarray) or not np.issubdtype(samples.dtype, np.floating):
        kind = samples.dtype if isinstance(samples, np.ndarray) else type(samples).__name__
        raise AudioError(f"samples are {kind}; give a float32 array of shape (channels, num_samples)")
    if samples.ndim != 2 or not 1 <= samples.shape[0] <= MAX_CHANNELS or samples.shape[1] < 1:
        raise AudioError(
            f"samples have the shape {samples.shape}; allowed is (channels, num_samples) with 1 to "
            f"{MAX_CHANNELS} channels and at least one sample"
        )
    # A float64 beyond float32's range becomes inf here and is refused below, so numpy need not warn of it.
    with np.errstate(over="ignore", invalid="ignore"):
        kept = np.ascontiguousarray(samples, dtype=np.float32)
    # min and max carry NaN and infinity through without a boolean copy of the whole signal.
    if not (np.isfinite(kept.min()) and np.isfinite(kept.max())):
        bad = int(kept.size - np.count_nonzero(np.isfinite(kept)))
        raise AudioError(f"{bad} of {kept.size} samples are not finite; NaN and infinity cannot be played")
    if kept.flags.writeable:
        kept = kept.copy() if np.may_share_memory(kept, samples) else kept
        kept.flags.writeable = False
    return kept
