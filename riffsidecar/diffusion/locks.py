"""Locks: keep some bars, or some bands, of an earlier loop while the rest is made anew.

A lock is the earlier loop's latents and a mask over their rows and columns. While denoising, what is kept is
put back after each step at the noise level just reached; a mask between 0 and 1 is put back until sigma falls
below 1 - mask ("Differential Diffusion", Levin & Fried 2023), so that softness does not depend on the number
of steps. At the end the kept latents are pasted exactly.

The decoder and the phase reconstruction look beyond the kept part, so equal latents are not yet equal sound.
The pipeline also pastes the decoded spectrogram (`spectrogram_weights`), and `keep_audio` pastes the samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riffsidecar.errors import DiffusionError, MusicError
from riffsidecar.music import BarSpans, LoopLength
from riffsidecar.spectrogram.formats import SpectrogramFormat
from riffsidecar.spectrogram.mel import hz_to_mel, mel_to_hz

__all__ = [
    "LatentLock",
    "band_rows",
    "bar_columns",
    "keep_audio",
    "make_lock",
    "reimposed",
    "seam_lock",
    "spectrogram_weights",
]

_SHOULDER = 0.5
_BAND_EDGE_OCTAVES = 1.0 / 6.0


@dataclass(frozen=True, slots=True, eq=False)
class LatentLock:
    """What to keep, and where.

    Attributes:
        latents: float32 (channels, rows, columns) of the earlier loop.
        mask: float32 (rows, columns), 1 kept, 0 free, between: kept while the noise is above 1 - mask.

    Raises:
        DiffusionError: shapes that do not fit, or a mask outside 0 to 1.
    """

    latents: NDArray[np.float32]
    mask: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Refuse a lock that fits no loop."""
        if self.latents.ndim != 3 or self.mask.shape != self.latents.shape[1:]:
            raise DiffusionError(
                f"lock: latents are {self.latents.shape} and the mask {self.mask.shape}: "
                "must be (channels, rows, columns) and (rows, columns)"
            )
        if not np.all(np.isfinite(self.latents)) or not np.all((self.mask >= 0.0) & (self.mask <= 1.0)):
            raise DiffusionError("lock: latents must be finite and the mask from 0 to 1")


def bar_columns(length: LoopLength, bars: BarSpans, columns: int | None = None) -> NDArray[np.float32]:
    """Return (columns,): how much of each latent column lies in ``bars``; the beat grid's unless given.

    >>> bar_columns(LoopLength.parse(2, "4/4", 120), BarSpans.parse("2")).tolist() == [0.0] * 16 + [1.0] * 16
    True

    Raises:
        DiffusionError: bars that the loop does not have.
    """
    _check_bars(length, bars)
    columns = length.columns if columns is None else columns
    edges = np.arange(columns + 1, dtype=np.float64)
    shares = [np.diff(np.clip(edges, start, end)) for start, end in _column_spans(length, bars, columns)]
    return np.sum(shares, axis=0).astype(np.float32)


def _check_bars(length: LoopLength, bars: BarSpans) -> None:
    try:
        bars.check_within(length.bars)
    except MusicError as error:
        raise DiffusionError(f"keep bars: {error}") from error


def _column_spans(length: LoopLength, bars: BarSpans, columns: int) -> list[tuple[float, float]]:
    """Return each span in latent columns."""
    per_bar = columns / length.bars
    return [(float(start * per_bar), float(min(end, length.bars) * per_bar)) for start, end in bars.spans]


def band_rows(
    spectrogram_format: SpectrogramFormat, rows: int, low_hz: float, high_hz: float
) -> NDArray[np.float32]:
    """Return (rows,): how much of each latent row lies between two frequencies; half and more counts as all.

    Raises:
        DiffusionError: a band that is empty, or that no row lies in.
    """
    if not 0.0 <= low_hz < high_hz:
        raise DiffusionError(f"keep band {low_hz:g}-{high_hz:g} Hz: must be 0 or more, the lower first")
    scale = spectrogram_format.mel_scale
    ends = hz_to_mel([spectrogram_format.fmin_hz, spectrogram_format.fmax_hz], scale)
    centres = mel_to_hz(np.linspace(ends[0], ends[1], spectrogram_format.n_mels + 2)[1:-1], scale)
    inside = (centres >= low_hz) & (centres <= high_hz)
    share = inside.reshape(rows, -1).mean(axis=1)
    if share.max() < 0.5:
        nearest_row = int(np.argmin(np.abs(centres - 0.5 * (low_hz + high_hz)))) // (len(centres) // rows)
        size = len(centres) // rows
        low, high = centres[nearest_row * size], centres[nearest_row * size + size - 1]
        raise DiffusionError(
            f"keep band {low_hz:g}-{high_hz:g} Hz is too narrow to keep: the nearest that can be kept is "
            f"{low:.0f}-{high:.0f} Hz"
        )
    return np.where(share >= 0.5, 1.0, share).astype(np.float32)


def make_lock(
    latents: NDArray[np.float32],
    length: LoopLength,
    spectrogram_format: SpectrogramFormat,
    *,
    bars: BarSpans | None = None,
    band_hz: tuple[float, float] | None = None,
    columns: int | None = None,
) -> LatentLock:
    """Lock bars, bands, or both: what lies in either is kept.

    Args:
        latents: float32 (channels, rows, columns) of the earlier loop, which is as long as ``length``.
        length: of the loop to come.
        spectrogram_format: of the checkpoint.
        bars: what to keep.
        band_hz: lowest and highest frequency to keep.
        columns: how many latent columns the loop has, where that is not one for each step of the beat grid.

    Raises:
        DiffusionError: nothing to keep, or an earlier loop of another length.
    """
    if bars is None and band_hz is None:
        raise DiffusionError("lock: name the bars or the band to keep")
    columns = length.columns if columns is None else columns
    if latents.ndim != 3 or latents.shape[2] != columns:
        raise DiffusionError(
            f"lock: the earlier loop has latents {latents.shape}, this loop has {columns} columns: "
            "keep the model, the bars, the meter and about the tempo"
        )
    mask = np.zeros(latents.shape[1:], np.float32)
    if bars is not None:
        mask = np.maximum(mask, _with_shoulders(bar_columns(length, bars, columns))[None, :])
    if band_hz is not None:
        mask = np.maximum(mask, band_rows(spectrogram_format, latents.shape[1], *band_hz)[:, None])
    return LatentLock(np.ascontiguousarray(latents, dtype=np.float32), mask)


def _with_shoulders(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Hold the neighbours of kept columns until half of the noise is gone, so that borders fit both sides."""
    kept = (columns >= 1.0).astype(np.float32)
    return np.maximum(columns, _SHOULDER * np.maximum(np.roll(kept, 1), np.roll(kept, -1)))


def seam_lock(latents: NDArray[np.float32], seam: int, keep: LatentLock | None = None) -> LatentLock:
    """Lock all of a loop but the neighbourhood of a seam, an eighth of the loop on either side of it.

    Args:
        latents: float32 (channels, rows, columns), turned so that the seam lies at column ``seam``.
        seam: where it lies.
        keep: what is kept anyway, as it lies before the turn.
    """
    columns = latents.shape[-1]
    apart = np.abs(np.arange(columns) - (seam - 0.5))
    reach = max(2.0, columns / 8.0)
    mask = np.tile(
        np.clip((apart - reach / 2.0) / (reach / 2.0), 0.0, 1.0).astype(np.float32), (latents.shape[1], 1)
    )
    if keep is not None:
        mask = np.maximum(mask, np.roll(keep.mask, seam, axis=1))
    return LatentLock(np.ascontiguousarray(latents, dtype=np.float32), mask)


def reimposed(mask: NDArray[np.float32], before: float, after: float) -> NDArray[np.float32]:
    """Return how much of the kept latents to put back after a step from sigma ``before`` to ``after``.

    1 where the lock still holds at ``after``, 0 where it let go before, and the share of the step in which it
    held between, which makes the result continuous in the mask.

    >>> reimposed(np.array([0.0, 0.4, 0.5, 1.0], np.float32), 0.7, 0.5).round(2).tolist()
    [0.0, 0.5, 1.0, 1.0]
    """
    release = 1.0 - mask
    share = np.clip((before - release) / max(before - after, 1e-9), 0.0, 1.0)
    return np.where(mask <= 0.0, 0.0, np.where(mask >= 1.0, 1.0, share)).astype(np.float32)


def spectrogram_weights(mask: NDArray[np.float32], n_mels: int, frames: int) -> NDArray[np.float32]:
    """Return (n_mels, frames): 1 where the mask is 1, falling to 0 over the neighbouring row and column."""
    rows, columns = mask.shape
    tall, wide = n_mels // rows, frames // columns
    kept = np.repeat(np.repeat((mask >= 1.0).astype(np.float32), tall, axis=0), wide, axis=1)
    weights = kept.copy()
    for distance in range(1, wide):
        near = np.maximum(np.roll(kept, distance, axis=1), np.roll(kept, -distance, axis=1))
        np.maximum(weights, near * np.float32(1.0 - distance / wide), out=weights)
    across = weights.copy()
    for distance in range(1, tall):
        fall = np.float32(1.0 - distance / tall)
        np.maximum(across[distance:], weights[:-distance] * fall, out=across[distance:])
        np.maximum(across[:-distance], weights[distance:] * fall, out=across[:-distance])
    return across


def keep_audio(
    rendered: NDArray[np.float32],
    earlier: NDArray[np.float32],
    length: LoopLength,
    sample_rate: int,
    *,
    bars: BarSpans | None = None,
    band_hz: tuple[float, float] | None = None,
) -> NDArray[np.float32]:
    """Return ``rendered`` with the kept bars and bands of ``earlier`` in it, sample for sample.

    Outside kept bars the two cross over within one latent column, outside a kept band within a sixth of an
    octave, both as raised cosines and on the circle. Scale ``earlier`` to the loudness of ``rendered`` first.

    Args:
        rendered: (channels, num_samples).
        earlier: the same shape, the loop the lock was made of.
        length: of both.
        sample_rate: of both, in Hz.
        bars: what to keep.
        band_hz: lowest and highest frequency to keep.

    Raises:
        DiffusionError: shapes that differ.
    """
    if rendered.shape != earlier.shape or rendered.ndim != 2:
        raise DiffusionError(
            f"lock: the new loop is {rendered.shape} and the earlier {earlier.shape}: must be the same "
            "(channels, num_samples)"
        )
    num_samples = rendered.shape[1]
    mixed = rendered.astype(np.float64)
    if band_hz is not None:
        hz = np.fft.rfftfreq(num_samples, 1.0 / sample_rate)
        above = np.log2(np.maximum(hz, 1e-3) / max(band_hz[1], 1e-3))
        below = (
            np.log2(max(band_hz[0], 1e-3) / np.maximum(hz, 1e-3))
            if band_hz[0] > 0.0
            else np.full_like(hz, -1.0)
        )
        gain = _raised_cosine(np.maximum(above, below) / _BAND_EDGE_OCTAVES)
        change = np.fft.rfft(earlier - mixed, axis=1) * gain
        mixed = mixed + np.fft.irfft(change, num_samples, axis=1)
    if bars is not None:
        _check_bars(length, bars)
        at = np.arange(num_samples) * (length.columns / num_samples)
        gain = np.zeros(num_samples)
        for start, end in _column_spans(length, bars, length.columns):
            outside = np.full(num_samples, np.inf)
            for turn in (-length.columns, 0, length.columns):
                outside = np.minimum(outside, np.maximum(start - (at + turn), at + turn - end))
            gain = np.maximum(gain, _raised_cosine(outside))
        mixed = mixed + gain * (earlier - mixed)
    return mixed.astype(np.float32)


def _raised_cosine(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 1 at distance 0 and inside (negative), 0 from distance 1 on, half a cosine between."""
    return 0.5 + 0.5 * np.cos(np.pi * np.clip(distance, 0.0, 1.0))
