"""Loudness and true peak of a signal that repeats for ever.

Everything here reads the loop as a circle: a filter's state at sample 0 is what the end of the loop left in
it, gating blocks wrap around, and the interpolation behind the true peak is periodic. So a loop's figures do
not depend on where it was cut, and a loop shorter than a gating block has a loudness too.

Sources: ITU-R BS.1770-4 annex 1 (loudness) and annex 2 (true peak); the analogue prototypes of the two
K-weighting filters, which give the standard's table at 48 kHz and serve every other rate, are those
published by Brecht De Man in "Evaluation of Implementations of the EBU R128 Loudness Measurement" (AES 145,
2018).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

import numpy as np
import scipy.fft
from numba import njit
from numpy.typing import NDArray

from riffsidecar.audio.limiter import limiting_gain, peak_envelope
from riffsidecar.audio.waveform import Waveform
from riffsidecar.errors import AudioError

__all__ = [
    "DEFAULT_CEILING_DBTP",
    "DEFAULT_LUFS",
    "MAX_REDUCTION_DB",
    "integrated_lufs",
    "normalise",
    "true_peak_dbtp",
]

DEFAULT_LUFS = -14.0
DEFAULT_CEILING_DBTP = -1.0
MAX_REDUCTION_DB = 6.0
"""How far the limiter turns a peak down at most: half its height, which leaves a drum a drum."""

_BLOCK_S = 0.4
_STEP_S = 0.1
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
_OFFSET_LUFS = -0.691

_SETTLE_S = 1.0
"""The slower filter's poles lie at 38 Hz with Q 0.5: after one second its memory is below 1e-90."""

_MIN_BLOCKS = 16
"""Even a loop shorter than one step is looked at from this many places."""

_OVERSAMPLING = 4
_NEAR_CREST = 0.9
_CLEARLY_BELOW = 0.9
_NEAR_DB = 0.02
_ATTEMPTS = 8

Array = NDArray[np.float64]


def integrated_lufs(waveform: Waveform) -> float:
    """Return the integrated loudness in LUFS of the waveform repeated for ever.

    Blocks of 400 ms start all around the loop, at most 100 ms apart (BS.1770's 75 % overlap), and wrap past
    its end. Both gates of the standard apply. Every channel has the weight 1, as left, right and centre have.
    Silence, and anything wholly below the absolute gate of -70 LUFS, is ``-inf``.
    """
    return _gated_lufs(_k_weighted_power(waveform), waveform.sample_rate)


def _gated_lufs(power: Array, sample_rate: int) -> float:
    block = _block_powers(power, sample_rate)
    absolute = 10.0 ** ((_ABSOLUTE_GATE_LUFS - _OFFSET_LUFS) / 10.0)
    loud = block[block > absolute]
    if not loud.size:
        return -math.inf
    relative = float(loud.mean()) * 10.0 ** (_RELATIVE_GATE_LU / 10.0)
    return _OFFSET_LUFS + 10.0 * math.log10(float(loud[loud > relative].mean()))


def true_peak_dbtp(waveform: Waveform) -> float:
    """Return the true peak in dB relative to full scale. Silence is ``-inf``.

    The periodic signal is interpolated without error to at least four times the sample rate, by zero-padding
    its spectrum, and a parabola through each high point finds the crest between two of those. Four times
    alone reads a tone at 20 kHz up to 0.6 dB low (annex 2); so read, it is within some hundredths.
    """
    peak = _true_peak(waveform.samples)
    return 20.0 * math.log10(peak) if peak > 0.0 else -math.inf


def normalise(
    waveform: Waveform,
    lufs: float = DEFAULT_LUFS,
    ceiling_dbtp: float = DEFAULT_CEILING_DBTP,
    max_reduction_db: float = MAX_REDUCTION_DB,
) -> Waveform:
    """Return the waveform without DC, at ``lufs`` or as near below it as the true-peak ceiling allows.

    Where no peak passes the ceiling it is one gain for all channels and samples. Else the peaks are limited
    (`riffsidecar.audio.limiter`), none by more than ``max_reduction_db``: a loop that would need more stays
    as much below ``lufs`` as it has to, so that drums stay drums. A waveform without any loudness (silence,
    or wholly below the absolute gate) only loses its DC.

    Raises:
        AudioError: if ``lufs`` is not from -70 to 0, ``ceiling_dbtp`` not from -20 to 0 or
            ``max_reduction_db`` not from 0 to 24.
    """
    if not -70.0 <= lufs <= 0.0:
        raise AudioError(f"a loudness of {lufs} LUFS is not from -70 to 0; music loops sit near -14")
    if not -20.0 <= ceiling_dbtp <= 0.0:
        raise AudioError(f"a true-peak ceiling of {ceiling_dbtp} dBTP is not from -20 to 0; -1 is usual")
    if not 0.0 <= max_reduction_db <= 24.0:
        raise AudioError(f"limiting by {max_reduction_db} dB is not from 0 to 24; 6 leaves drums alone")
    centred = replace(waveform, samples=_without_dc(waveform.samples))
    power = _k_weighted_power(centred)
    loudness = _gated_lufs(power, centred.sample_rate)
    if math.isinf(loudness):
        return centred
    wanted = 10.0 ** ((lufs - loudness) / 20.0)
    ceiling = 10.0 ** (ceiling_dbtp / 20.0)
    envelope = peak_envelope(centred.samples)
    allowed = ceiling / float(envelope.max())
    if wanted < _CLEARLY_BELOW * allowed:
        return replace(centred, samples=centred.samples * np.float32(wanted))

    def limited(boost: float) -> tuple[Array, float]:
        # One filtering serves all attempts, for the gain changes slowly beside the filter.
        gain = boost * limiting_gain(envelope, centred.sample_rate, ceiling / boost)
        return gain, _gated_lufs(power * np.square(gain), centred.sample_rate) - lufs

    most = allowed * 10.0 ** (max_reduction_db / 20.0)
    gain = _gain_that_reaches(limited, min(wanted, most), most)
    loud = _without_dc(centred.samples * gain.astype(np.float32))
    # The envelope sees peaks between samples to some hundredths of a decibel, and DC may have moved them.
    over = max(1.0, _true_peak(loud) / ceiling)
    return replace(centred, samples=loud * np.float32(1.0 / over))


def _gain_that_reaches(limited: Callable[[float], tuple[Array, float]], low: float, high: float) -> Array:
    """Return the limited gain for the boost from ``low`` to ``high`` that comes to the loudness, or nearest.

    ``limited`` gives, for a boost, the gain of each sample and how many LU it lies above what is asked for.
    Limiting takes loudness, so the boost lies above the one that would do without: regula falsi (Illinois).
    """
    gain, above = limited(high)
    low_db, high_db = 20.0 * math.log10(low), 20.0 * math.log10(high)
    if above <= _NEAR_DB or high_db - low_db <= _NEAR_DB:
        return gain
    gain, below = limited(low)
    for _ in range(_ATTEMPTS):
        if below >= -_NEAR_DB:
            break
        middle_db = (low_db * above - high_db * below) / (above - below)
        gain, error = limited(10.0 ** (middle_db / 20.0))
        if abs(error) <= _NEAR_DB:
            break
        if error > 0.0:
            high_db, above, below = middle_db, error, below / 2.0
        else:
            low_db, below, above = middle_db, error, above / 2.0
    return gain


def _without_dc(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    # The mean is taken in double precision: at 96 kHz a minute of float32 sums would leave DC of its own.
    means = samples.mean(axis=1, dtype=np.float64, keepdims=True)
    return (samples - means).astype(np.float32)


def _block_powers(power: Array, sample_rate: int) -> Array:
    """Return the mean of the K-weighted ``power`` over every gating block, shape ``(num_blocks,)``."""
    total_to = np.concatenate(([0.0], np.cumsum(power)))
    length = power.shape[0]
    width = round(_BLOCK_S * sample_rate)
    num_blocks = max(_MIN_BLOCKS, math.ceil(length / round(_STEP_S * sample_rate)))
    first = (np.arange(num_blocks, dtype=np.int64) * length) // num_blocks
    turns, last = np.divmod(first + width, length)
    sums = turns * total_to[-1] + total_to[last] - total_to[first]
    # A difference of running sums may fall a rounding error below zero on a silent stretch.
    return np.asarray(np.maximum(sums, 0.0) / width, dtype=np.float64)


def _k_weighted_power(waveform: Waveform) -> Array:
    """Return the K-weighted power of every sample, summed over channels, shape ``(num_samples,)``."""
    weighted = _k_weighted(waveform)
    return np.asarray(np.einsum("ci,ci->i", weighted, weighted), dtype=np.float64)


def _k_weighted(waveform: Waveform) -> Array:
    """Return the periodic steady state of the K-weighting filter, float64 ``(channels, num_samples)``."""
    samples = waveform.samples.astype(np.float64)
    settle = round(_SETTLE_S * waveform.sample_rate)
    # Indices running up to sample -1, wrapped: the tail of the loop, repeated when the loop is short.
    lead_in = np.ascontiguousarray(samples[:, np.arange(-settle, 0) % waveform.num_samples])
    sections = _k_weighting(waveform.sample_rate)
    state = np.zeros((waveform.channels, len(sections), 2))
    _filter_sections(sections, lead_in, state)
    _filter_sections(sections, samples, state)
    return samples


@njit(cache=True, nogil=True)
def _filter_sections(sections: Array, samples: Array, state: Array) -> None:  # pragma: no cover
    """Filter samples (channels, num_samples) where they are, by second-order sections (sections, 6).

    ``state`` (channels, sections, 2) is that of the transposed direct form II, and goes on. As
    `scipy.signal.sosfilt`, whose package takes longer to import than the embedded model takes to load.
    """
    for channel in range(samples.shape[0]):
        for sample in range(samples.shape[1]):
            value = samples[channel, sample]
            for section in range(sections.shape[0]):
                b0, b1, b2, _, a1, a2 = sections[section]
                given = value
                value = b0 * given + state[channel, section, 0]
                state[channel, section, 0] = b1 * given - a1 * value + state[channel, section, 1]
                state[channel, section, 1] = b2 * given - a2 * value
            samples[channel, sample] = value


@lru_cache(maxsize=16)
def _k_weighting(sample_rate: int) -> Array:
    """Return the two K-weighting filters as second-order sections of shape ``(2, 6)``."""
    shelf_hz, shelf_db, shelf_q = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k = math.tan(math.pi * shelf_hz / sample_rate)
    high = 10.0 ** (shelf_db / 20.0)
    band = high**0.4996667741545416
    a0 = 1.0 + k / shelf_q + k * k
    shelf = [
        (high + band * k / shelf_q + k * k) / a0,
        2.0 * (k * k - high) / a0,
        (high - band * k / shelf_q + k * k) / a0,
        1.0,
        2.0 * (k * k - 1.0) / a0,
        (1.0 - k / shelf_q + k * k) / a0,
    ]
    pass_hz, pass_q = 38.13547087602444, 0.5003270373238773
    k = math.tan(math.pi * pass_hz / sample_rate)
    a0 = 1.0 + k / pass_q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2.0 * (k * k - 1.0) / a0, (1.0 - k / pass_q + k * k) / a0]
    sections = np.array([shelf, high_pass])
    sections.flags.writeable = False
    return sections


def _true_peak(samples: NDArray[np.float32]) -> float:
    length = samples.shape[1]
    # A length that the FFT likes, no less than four times: four samples between neighbours, or a shade more.
    longer = int(scipy.fft.next_fast_len(_OVERSAMPLING * length, real=True))
    spectrum = scipy.fft.rfft(samples, axis=1) * np.float32(longer / length)
    if length % 2 == 0:
        # The Nyquist bin stands for both its signs; in the longer spectrum each sign has a bin of its own.
        spectrum[:, -1] *= 0.5
    dense = scipy.fft.irfft(spectrum, n=longer, axis=1)
    np.abs(dense, out=dense)
    # What one step of this grid can miss is less than a tenth: only points this high can hide the crest.
    channel, at = np.divmod(np.flatnonzero(dense >= _NEAR_CREST * dense.max()), longer)
    here = dense[channel, at]
    before, after = dense[channel, at - 1], dense[channel, (at + 1) % longer]
    highest = (here >= before) & (here >= after) & (here > 0)
    here, before, after = here[highest], before[highest], after[highest]
    bend = before - 2 * here + after
    crests = here - np.square(after - before) / (8 * np.where(bend < 0, bend, -np.inf))
    return float(max(np.abs(samples).max(), crests.max(initial=0.0)))
