"""Measure the seam of a loop beside its own inner bar lines.

A loop is seamless when its wrap is an ordinary bar line, so both are measured in the same way, in the same
audio.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riffsidecar.errors import AudioError

__all__ = ["Seam", "seam_measure"]

_ORDER = 32
_WINDOW_S = 0.003
_SILENCE = 1e-12


@dataclass(frozen=True, slots=True)
class Seam:
    """Hold how the wrap and the inner bar lines of one loop look.

    ``jump`` is the step of the samples at the wrap over the 99.9th percentile of all steps; ``lpc_db`` the
    error of linear prediction in the 3 ms after the wrap over that of the whole loop, in decibels.
    ``inner_jumps`` and ``inner_lpc_db`` are the same at the bar lines inside.
    """

    jump: float
    lpc_db: float
    inner_jumps: tuple[float, ...]
    inner_lpc_db: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        values = asdict(self)
        values["inner_jumps"] = list(self.inner_jumps)
        values["inner_lpc_db"] = list(self.inner_lpc_db)
        return values


def _prediction(channel: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Fit the circular prediction filter (Yule-Walker): its error filter, and the mean squared error."""
    length = channel.shape[0]
    ahead = np.resize(channel, length + _ORDER)
    # Not a product by BLAS, which starts a thread a core for it, and they spin.
    products = [np.einsum("i,i", channel, ahead[lag : lag + length]) for lag in range(_ORDER + 1)]
    correlation = np.array(products) / length
    if correlation[0] < _SILENCE:
        return np.eye(1, _ORDER + 1)[0], 0.0
    lags = np.abs(np.subtract.outer(np.arange(_ORDER), np.arange(_ORDER)))
    # A noise floor of -90 dB keeps the equations solvable for pure tones.
    matrix = correlation[lags] + np.eye(_ORDER) * correlation[0] * 1e-9
    weights = np.linalg.solve(matrix, correlation[1:])
    error = float(correlation[0] - weights @ correlation[1:])
    return np.concatenate(([1.0], -weights)), max(error, correlation[0] * 1e-12)


def _channel_measure(
    channel: NDArray[np.float64], points: Sequence[int], window: int
) -> tuple[list[float], list[float]]:
    length = channel.shape[0]
    steps = np.abs(channel - np.roll(channel, 1))
    ordinary = float(np.percentile(steps, 99.9))
    filter_, in_sample = _prediction(channel)
    jumps, errors = [], []
    for point in points:
        jumps.append(float(steps[point]) / ordinary if ordinary > _SILENCE else 0.0)
        stretch = channel[np.arange(point - _ORDER, point + window) % length]
        residual = np.convolve(stretch, filter_, mode="valid")
        energy = float(np.mean(residual * residual))
        floor = in_sample * 1e-9
        errors.append(10.0 * float(np.log10(max(energy, floor) / in_sample)) if in_sample > 0.0 else 0.0)
    return jumps, errors


def seam_measure(
    samples: NDArray[np.floating[Any]], bar_lines: Sequence[Fraction | float], *, sample_rate: int = 44100
) -> Seam:
    """Measure the wrap and the inner bar lines of one period (channels, num_samples).

    ``bar_lines`` are the positions of the bars' first samples; 0 is the wrap and may be among them. Jump:
    ``|x[p] - x[p - 1]| / p99.9(|dx|)``. LPC error: order 32, autocorrelation method on the circle, mean
    square in the 3 ms after ``p`` over that of the whole loop. Of several channels the worst counts.

    >>> saw = np.linspace(-0.5, 0.5, 4410)[None]
    >>> seam = seam_measure(saw, [0, 2205])
    >>> seam.jump > 1000.0, seam.inner_jumps[0] < 2.0
    (True, True)

    Raises:
        AudioError: samples that are not (channels, num_samples), too short, or not finite.
    """
    if samples.ndim != 2 or samples.shape[0] < 1:
        raise AudioError(f"samples have shape {samples.shape}, allowed is (channels, num_samples)")
    length = samples.shape[1]
    window = max(1, round(_WINDOW_S * sample_rate))
    if length < window + _ORDER:
        raise AudioError(
            f"a loop of {length} samples is too short to measure, at least {window + _ORDER} are needed"
        )
    audio = samples.astype(np.float64)
    if not np.isfinite(audio).all():
        raise AudioError("samples contain NaN or infinity; only finite samples have a seam")
    inner = sorted({round(line) % length for line in bar_lines} - {0})
    measures = [_channel_measure(channel, [0, *inner], window) for channel in audio]
    jumps = np.max([jumps for jumps, _ in measures], axis=0)
    errors = np.max([errors for _, errors in measures], axis=0)
    return Seam(
        float(jumps[0]), float(errors[0]), tuple(map(float, jumps[1:])), tuple(map(float, errors[1:]))
    )
