"""Mel bands of magnitudes, and magnitudes from mel bands.

Triangles of peak 1 whose feet are their neighbours' peaks have a structure worth using: a bin between two
peaks lies in exactly two triangles, with weights ``1 - f`` and ``f``. So the transpose of the filterbank is
linear interpolation, a bin's weights sum to 1, and both directions cost a few operations a bin.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from riffsidecar.errors import SpectrogramError
from riffsidecar.spectrogram.formats import SpectrogramFormat

__all__ = [
    "MelBank",
    "hz_to_mel",
    "magnitudes_to_mel",
    "mel_bank",
    "mel_filterbank",
    "mel_to_hz",
    "mel_to_magnitudes",
    "mel_to_uint8",
    "uint8_to_mel",
]

_SLANEY_HZ_PER_MEL = 200.0 / 3.0
_SLANEY_KNEE_HZ = 1000.0
_SLANEY_KNEE_MEL = _SLANEY_KNEE_HZ / _SLANEY_HZ_PER_MEL
_SLANEY_LOG_STEP = float(np.log(6.4)) / 27.0
_HTK_FACTOR = 2595.0 / float(np.log(10.0))
_HTK_KNEE_HZ = 700.0

_UINT8_LOW = -1.0
_UINT8_HIGH = 1.06
_LANES = 32


def hz_to_mel(hz: Any, mel_scale: str) -> NDArray[np.float64]:
    """Convert hertz to mel, Slaney's scale (linear to 1 kHz) or HTK's (O'Shaughnessy).

    >>> round(float(hz_to_mel(1000.0, "slaney")), 6)
    15.0
    """
    values = np.asarray(hz, dtype=np.float64)
    if mel_scale == "htk":
        return np.asarray(_HTK_FACTOR * np.log1p(values / _HTK_KNEE_HZ))
    log_part = (
        _SLANEY_KNEE_MEL + np.log(np.maximum(values, _SLANEY_KNEE_HZ) / _SLANEY_KNEE_HZ) / _SLANEY_LOG_STEP
    )
    return np.where(values < _SLANEY_KNEE_HZ, values / _SLANEY_HZ_PER_MEL, log_part)


def mel_to_hz(mel: Any, mel_scale: str) -> NDArray[np.float64]:
    """Convert mel to hertz, the inverse of :func:`hz_to_mel`.

    >>> round(float(mel_to_hz(15.0, "slaney")), 6)
    1000.0
    """
    values = np.asarray(mel, dtype=np.float64)
    if mel_scale == "htk":
        return np.asarray(_HTK_KNEE_HZ * np.expm1(values / _HTK_FACTOR))
    log_part = _SLANEY_KNEE_HZ * np.exp(
        _SLANEY_LOG_STEP * (np.maximum(values, _SLANEY_KNEE_MEL) - _SLANEY_KNEE_MEL)
    )
    return np.where(values < _SLANEY_KNEE_MEL, values * _SLANEY_HZ_PER_MEL, log_part)


@dataclass(frozen=True, slots=True, eq=False)
class MelBank:
    """Hold a filterbank as two weights a bin.

    ``bands`` (num_bins,) is the segment between two peaks a bin lies in; its weights are ``falling`` on band
    ``bands - 1`` and ``rising`` on band ``bands`` (0 where there is no such band). ``normaliser`` is
    the reciprocal of the sum of both, 0 for a bin that no band hears.
    """

    n_mels: int
    bands: NDArray[np.int32]
    falling: NDArray[np.float32]
    rising: NDArray[np.float32]
    normaliser: NDArray[np.float32]

    @property
    def num_bins(self) -> int:
        """Count the bins."""
        return int(self.bands.shape[0])


@lru_cache(maxsize=64)
def mel_bank(fmt: SpectrogramFormat, sample_rate: float | None = None) -> MelBank:
    """Return the filterbank for bins of a signal at ``sample_rate`` (the format's own unless given).

    Bands are fixed in hertz. A loop whose hop is not whole is analysed at a slightly different rate; its
    bank moves with the bins, so a note keeps its band at every tempo.
    """
    rate = float(fmt.sample_rate if sample_rate is None else sample_rate)
    low, high = (float(hz_to_mel(f, fmt.mel_scale)) for f in (fmt.fmin_hz, fmt.fmax_hz))
    edges = mel_to_hz(np.linspace(low, high, fmt.n_mels + 2), fmt.mel_scale)
    bins_hz = np.arange(fmt.num_bins) * (rate / fmt.n_fft)
    segment = np.searchsorted(edges, bins_hz, side="right") - 1
    heard = (segment >= 0) & (segment <= fmt.n_mels)
    bands = np.clip(segment, 0, fmt.n_mels)
    fraction = (bins_hz - edges[bands]) / (edges[bands + 1] - edges[bands])
    falling = np.where(heard & (bands > 0), 1.0 - fraction, 0.0)
    rising = np.where(heard & (bands < fmt.n_mels), fraction, 0.0)
    total = falling + rising
    normaliser = np.divide(1.0, total, out=np.zeros_like(total), where=total > 1e-6)
    bank = MelBank(
        fmt.n_mels,
        bands.astype(np.int32),
        falling.astype(np.float32),
        rising.astype(np.float32),
        normaliser.astype(np.float32),
    )
    for array in (bank.bands, bank.falling, bank.rising, bank.normaliser):
        array.flags.writeable = False
    return bank


@lru_cache(maxsize=8)
def mel_filterbank(fmt: SpectrogramFormat) -> NDArray[np.float32]:
    """Return the filterbank as a dense matrix (n_mels, num_bins), read-only."""
    bank = mel_bank(fmt)
    dense = np.zeros((bank.n_mels + 2, bank.num_bins), dtype=np.float32)
    columns = np.arange(bank.num_bins)
    # One spare row on either side takes the zero weights of the first and last segments.
    dense[bank.bands, columns] += bank.falling
    dense[bank.bands + 1, columns] += bank.rising
    matrix = np.ascontiguousarray(dense[1:-1])
    matrix.flags.writeable = False
    return matrix


@njit(cache=True, nogil=True)
def _forward(magnitudes, bands, falling, rising, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    num_frames, num_bins = magnitudes.shape
    n_mels = out.shape[0]
    sums = np.zeros(n_mels + 2, dtype=np.float32)
    for t in range(num_frames):
        sums[:] = 0.0
        for k in range(num_bins):
            value = magnitudes[t, k]
            sums[bands[k]] += falling[k] * value
            sums[bands[k] + 1] += rising[k] * value
        for m in range(n_mels):
            out[m, t] = sums[m + 1]


def magnitudes_to_mel(magnitudes: NDArray[np.float32], bank: MelBank) -> NDArray[np.float32]:
    """Sum magnitudes (num_frames, num_bins) into mel amplitudes (n_mels, num_frames).

    Raises:
        SpectrogramError: magnitudes whose bins are not the bank's.
    """
    if magnitudes.ndim != 2 or magnitudes.shape[1] != bank.num_bins:
        raise SpectrogramError(
            f"magnitudes have shape {magnitudes.shape}, allowed is (num_frames, {bank.num_bins})"
        )
    out = np.empty((bank.n_mels, magnitudes.shape[0]), dtype=np.float32)
    values = np.ascontiguousarray(magnitudes, dtype=np.float32)
    _forward(values, bank.bands, bank.falling, bank.rising, out)
    return out


@njit(cache=True, nogil=True, fastmath=True)
def _invert(mel, first, falling, rising, normaliser, iterations, out):  # type: ignore[no-untyped-def]  # pragma: no cover
    # Thirty-two frames side by side: every inner loop is four vector instructions, and a block stays in the
    # second-level cache through all of its iterations. Bins ``first[m]`` to ``first[m + 1]`` lie between the
    # peaks of the bands m - 1 and m.
    n_mels, num_frames = mel.shape
    num_bins = falling.shape[0]
    tiny = np.float32(1e-12)
    target = np.zeros((n_mels + 2, _LANES), dtype=np.float32)
    value = np.empty((num_bins, _LANES), dtype=np.float32)
    ratio = np.empty((n_mels + 2, _LANES), dtype=np.float32)
    for start in range(0, num_frames, _LANES):
        count = min(_LANES, num_frames - start)
        for m in range(n_mels):
            for i in range(count):
                target[m + 1, i] = mel[m, start + i]
        ratio[:, :] = target
        value[:, :] = np.float32(1.0)
        # Once more than it iterates: first of all, the transpose.
        for iteration in range(iterations + 1):
            if iteration:
                ratio[:, :] = np.float32(0.0)
                for m in range(n_mels + 1):
                    below, above = ratio[m], ratio[m + 1]
                    for k in range(first[m], first[m + 1]):
                        low, high, values = falling[k], rising[k], value[k]
                        for i in range(_LANES):
                            below[i] += low * values[i]
                            above[i] += high * values[i]
                for m in range(n_mels + 2):
                    for i in range(_LANES):
                        ratio[m, i] = target[m, i] / (ratio[m, i] + tiny)
            for m in range(n_mels + 1):
                below, above = ratio[m], ratio[m + 1]
                for k in range(first[m], first[m + 1]):
                    low, high, values = falling[k] * normaliser[k], rising[k] * normaliser[k], value[k]
                    for i in range(_LANES):
                        values[i] *= low * below[i] + high * above[i]
        for i in range(count):
            for k in range(num_bins):
                out[start + i, k] = value[k, i]


def mel_to_magnitudes(
    mel: NDArray[np.float32], bank: MelBank, *, iterations: int = 30
) -> NDArray[np.float32]:
    """Find magnitudes (num_frames, num_bins) whose bands are ``mel`` (n_mels, num_frames).

    Multiplicative updates for the Kullback-Leibler divergence (Lee and Seung 2001) with the filterbank fixed,
    from the transpose. Never negative, and silent where no band hears.

    Raises:
        SpectrogramError: mel amplitudes of another bank, or negative ones.
    """
    if mel.ndim != 2 or mel.shape[0] != bank.n_mels:
        raise SpectrogramError(
            f"mel amplitudes have shape {mel.shape}, allowed is ({bank.n_mels}, num_frames)"
        )
    values = np.ascontiguousarray(mel, dtype=np.float32)
    if not float(values.min(initial=0.0)) >= 0.0:
        raise SpectrogramError("mel amplitudes are negative or NaN; amplitudes are 0 or more")
    out = np.empty((values.shape[1], bank.num_bins), dtype=np.float32)
    first = np.searchsorted(bank.bands, np.arange(bank.n_mels + 2))
    _invert(values, first, bank.falling, bank.rising, bank.normaliser, iterations, out)
    return out


def mel_to_uint8(normalised: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Quantise a normalised spectrogram, -1 to 1.06 (0.32 dB a step in the beat-grid format), for storage.

    >>> mel_to_uint8(np.array([-1.0, 1.06, 2.0])).tolist()
    [0, 255, 255]
    """
    scaled = (np.asarray(normalised, dtype=np.float32) - _UINT8_LOW) * (255.0 / (_UINT8_HIGH - _UINT8_LOW))
    quantised: NDArray[np.uint8] = np.clip(np.rint(scaled), 0.0, 255.0).astype(np.uint8)
    return quantised


def uint8_to_mel(quantised: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give back the normalised spectrogram that :func:`mel_to_uint8` quantised.

    >>> uint8_to_mel(np.array([0, 255], dtype=np.uint8)).round(2).tolist()
    [-1.0, 1.059999942779541]
    """
    step = np.float32((_UINT8_HIGH - _UINT8_LOW) / 255.0)
    return quantised.astype(np.float32) * step + np.float32(_UINT8_LOW)
