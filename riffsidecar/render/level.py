"""Set the level of a loop: its loudness, or that of the earlier loop whose parts it keeps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.limiter import limiting_gain, peak_envelope
from riffsidecar.audio.loudness import MAX_REDUCTION_DB, normalise, true_peak_dbtp
from riffsidecar.audio.waveform import Waveform
from riffsidecar.diffusion.locks import keep_audio
from riffsidecar.render.ingredients import earlier_samples
from riffsidecar.render.recipe import LoopFile
from riffsidecar.session.requests import LoopRequest

__all__ = ["levelled"]

_CEILING_DBTP = -1.0
_AIM_DBTP = -1.01
"""Where a loop is levelled to: rounding to 16 or 24 bits then stays under the ceiling too."""

_ATTEMPTS = 8
_HAIR_DB = 0.001
_SILENCE = 1e-12


def levelled(rendered: Waveform, request: LoopRequest, earlier: LoopFile | None) -> Waveform:
    """Return the loop at its loudness, without DC, its true peak at most -1 dBTP.

    A loop that keeps parts of an earlier one keeps their samples too: the new parts get the level at which
    the kept ones would match, limited as every loop is, and are turned down where the sum would still pass
    the ceiling; what is kept stays as it was.
    """
    kept = earlier_samples(earlier, request) if earlier is not None else None
    if kept is None:
        return normalise(rendered, request.loudness_lufs, _AIM_DBTP)
    new = rendered.samples - rendered.samples.mean(axis=1, keepdims=True)
    new = _limited(new * _matching_gain(new, kept, request), request.sample_rate)
    gain = np.float32(1.0)
    # An earlier loop may stand at the ceiling itself, a rounding above it.
    ceiling_dbtp = max(_CEILING_DBTP, true_peak_dbtp(Waveform(kept, request.sample_rate)) + _HAIR_DB)
    for _ in range(_ATTEMPTS):
        mixed = Waveform(_pasted(new * gain, kept, request), request.sample_rate)
        over_db = true_peak_dbtp(mixed) - ceiling_dbtp
        if over_db <= 0.0:
            return mixed
        gain *= np.float32(10.0 ** (-(over_db + 0.5) / 20.0))
    return normalise(mixed, request.loudness_lufs, _AIM_DBTP)


def _limited(samples: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Return samples whose peaks are limited to where a loop is levelled to, none by more than its bound."""
    ceiling = 10.0 ** (_AIM_DBTP / 20.0)
    envelope = peak_envelope(samples)
    highest = ceiling * 10.0 ** (MAX_REDUCTION_DB / 20.0)
    boost = min(1.0, highest / max(float(envelope.max()), _SILENCE))
    gain = boost * limiting_gain(envelope, sample_rate, ceiling / boost)
    return np.asarray(samples * gain, dtype=np.float32)


def _matching_gain(new: NDArray[np.float32], kept: NDArray[Any], request: LoopRequest) -> np.float32:
    """Return the gain that makes the kept part as loud in the new loop as it was in the earlier one."""
    nothing = np.zeros_like(new)
    energy_new = float(np.sum(_pasted(nothing, new, request) ** 2))
    energy_kept = float(np.sum(_pasted(nothing, kept, request) ** 2))
    if min(energy_new, energy_kept) > _SILENCE:
        return np.float32(math.sqrt(energy_kept / energy_new))
    loud = normalise(Waveform(new, request.sample_rate), request.loudness_lufs, _AIM_DBTP)
    return np.float32(math.sqrt(np.sum(loud.samples**2) / max(float(np.sum(new**2)), _SILENCE)))


def _pasted(new: NDArray[Any], kept: NDArray[Any], request: LoopRequest) -> NDArray[np.float32]:
    return keep_audio(
        new.astype(np.float32),
        kept,
        request.length,
        request.sample_rate,
        bars=request.keep_bars,
        band_hz=request.keep_bands_hz,
    )
