"""Set the level of a loop: its loudness, or that of the earlier loop whose parts it keeps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.loudness import normalise, true_peak_dbtp
from riffsidecar.audio.waveform import Waveform
from riffsidecar.diffusion.locks import keep_audio
from riffsidecar.render.ingredients import earlier_samples
from riffsidecar.render.recipe import LoopFile
from riffsidecar.session.requests import LoopRequest

__all__ = ["levelled"]

_CEILING_DBTP = -1.0
_ATTEMPTS = 8
_HAIR_DB = 0.01
_SILENCE = 1e-12


def levelled(rendered: Waveform, request: LoopRequest, earlier: LoopFile | None) -> Waveform:
    """Return the loop at its loudness, without DC, its true peak at most -1 dBTP.

    A loop that keeps parts of an earlier one keeps their samples too: the new parts get the level at which
    the kept ones would match, and are turned down where the sum would pass the ceiling; what is kept stays as
    it was.
    """
    kept = earlier_samples(earlier, request) if earlier is not None else None
    if kept is None:
        return normalise(rendered, request.loudness_lufs, _CEILING_DBTP)
    new = rendered.samples - rendered.samples.mean(axis=1, keepdims=True)
    gain = _matching_gain(new, kept, request)
    mixed = Waveform(_pasted(new * gain, kept, request), request.sample_rate)
    # An earlier loop stands at the ceiling itself, and its rounding to 24 bits may be a hair above.
    ceiling_dbtp = max(_CEILING_DBTP, true_peak_dbtp(Waveform(kept, request.sample_rate))) + _HAIR_DB
    for _ in range(_ATTEMPTS):
        over_db = true_peak_dbtp(mixed) - ceiling_dbtp
        if over_db <= 0.0:
            return mixed
        gain *= np.float32(10.0 ** (-(over_db + 0.5) / 20.0))
        mixed = Waveform(_pasted(new * gain, kept, request), request.sample_rate)
    return normalise(mixed, request.loudness_lufs, _CEILING_DBTP)


def _matching_gain(new: NDArray[Any], kept: NDArray[Any], request: LoopRequest) -> np.float32:
    """Return the gain that makes the kept part as loud in the new loop as it was in the earlier one."""
    nothing = np.zeros_like(new)
    energy_new = float(np.sum(_pasted(nothing, new, request) ** 2))
    energy_kept = float(np.sum(_pasted(nothing, kept, request) ** 2))
    if min(energy_new, energy_kept) > _SILENCE:
        return np.float32(math.sqrt(energy_kept / energy_new))
    loud = normalise(
        Waveform(new.astype(np.float32), request.sample_rate), request.loudness_lufs, _CEILING_DBTP
    )
    return np.float32(loud.peak / max(float(np.abs(new).max()), _SILENCE))


def _pasted(new: NDArray[Any], kept: NDArray[Any], request: LoopRequest) -> NDArray[np.float32]:
    return keep_audio(
        new.astype(np.float32),
        kept,
        request.length,
        request.sample_rate,
        bars=request.keep_bars,
        band_hz=request.keep_bands_hz,
    )
