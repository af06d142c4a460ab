"""What a pack has to know of a loop that was made for it: whether it is fit, and what it sounds like.

All of it is read from the file itself, so that it can be had again whenever a note of it was lost.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.content import content_digest
from riffsidecar.audio.fingerprint import FINGERPRINT_SIZE, fingerprint
from riffsidecar.audio.on_grid import grid_fit
from riffsidecar.audio.seam import seam_measure
from riffsidecar.audio.waveform import Waveform
from riffsidecar.errors import RenderError
from riffsidecar.render.recipe import parse_loop
from riffsidecar.session.requests import LoopRequest

__all__ = ["FAULTS", "LoopFacts", "measured"]

FAULTS: Final = ("silence", "length", "seam", "off-grid", "level", "duplicate")
"""Why a loop is not taken; a duplicate is known only beside the others."""

_SILENT_PEAK: Final = 1e-3
_MAX_JUMP: Final = 2.0
_MAX_LPC_DB: Final = 24.0
_OVER_INNER_DB: Final = 6.0
_LEVEL_LU: Final = 0.5
"""How far from the loudness of the pack a loop may lie."""

_PEAKED_LU: Final = 9.0
"""How far below it one may lie whose peaks stand at the ceiling: punchy drums do by six or so."""

_NEAR_CEILING_DB: Final = 0.2


@dataclass(frozen=True, slots=True)
class LoopFacts:
    """Hold what was measured of one loop.

    Attributes:
        asked: the digest of the request, and ``build`` what made it; together they name the loop.
        sha256: of the file.
        fault: the first of `FAULTS` that it has, or empty.
        fingerprint: float16 values, little endian.
        grid_late_ms: how late its sixteenths are; ``pulse`` how sharply it lies on them.
    """

    asked: str
    build: str
    sha256: str
    fault: str
    lufs: float
    seam_jump: float
    seam_lpc_db: float
    pulse: float
    grid_late_ms: float
    num_samples: int
    fingerprint: bytes

    def __post_init__(self) -> None:
        """Refuse what no measure gives."""
        if self.fault and self.fault not in FAULTS:
            raise RenderError(f"the fault {self.fault!r} is none; there are {', '.join(FAULTS)}")
        if len(self.fingerprint) != 2 * FINGERPRINT_SIZE:
            raise RenderError(f"a fingerprint has {2 * FINGERPRINT_SIZE} bytes, not {len(self.fingerprint)}")

    @property
    def features(self) -> NDArray[np.float64]:
        """Return the fingerprint as numbers."""
        return np.frombuffer(self.fingerprint, "<f2").astype(np.float64)

    def to_line(self) -> dict[str, object]:
        """Return plain values for a line of JSON."""
        values: dict[str, object] = {name: getattr(self, name) for name in self.__slots__}
        values["lufs"] = self.lufs if math.isfinite(self.lufs) else None
        values["fingerprint"] = base64.b64encode(self.fingerprint).decode("ascii")
        return values

    @classmethod
    def from_line(cls, values: Mapping[str, Any]) -> LoopFacts:
        """Read what `to_line` wrote.

        Raises:
            RenderError: it is something else.
        """
        try:
            rest = dict(values)
            told = rest.pop("lufs")
            rest["lufs"] = -math.inf if told is None else float(told)
            rest["fingerprint"] = base64.b64decode(rest["fingerprint"], validate=True)
            return cls(**rest)
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise RenderError(f"a line of the pack's journal cannot be read: {error}") from error


def measured(wav: bytes, request: LoopRequest, build: str) -> LoopFacts:
    """Return what a pack has to know of the loop in ``wav``, which ``request`` asked for.

    Raises:
        WavError: it is no loop of ours.
    """
    from riffsidecar.audio.loudness import integrated_lufs

    waveform = parse_loop(wav, "the loop").waveform
    lufs = integrated_lufs(waveform)
    empty = bytes(2 * FINGERPRINT_SIZE)
    sha256 = content_digest(wav)
    if waveform.peak < _SILENT_PEAK or not math.isfinite(lufs):
        return LoopFacts(
            request.digest, build, sha256, "silence", lufs, 0.0, 0.0, 0.0, 0.0, waveform.num_samples, empty
        )
    seam = seam_measure(
        waveform.samples, request.length.bar_lines(request.num_samples), sample_rate=waveform.sample_rate
    )
    fit = grid_fit(waveform, float(request.length.beats * 4 / request.meter.denominator))
    return LoopFacts(
        asked=request.digest,
        build=build,
        sha256=sha256,
        fault=_fault(waveform, request, lufs, seam.jump <= _jump_limit(seam.inner_jumps)
                     and seam.lpc_db <= _lpc_limit(seam.inner_lpc_db), fit.is_off),
        lufs=round(lufs, 3),
        seam_jump=round(seam.jump, 4),
        seam_lpc_db=round(seam.lpc_db, 3),
        pulse=round(fit.pulse, 4),
        grid_late_ms=round(1000.0 * fit.offset_s, 2),
        num_samples=waveform.num_samples,
        fingerprint=fingerprint(waveform, float(request.bars)).astype("<f2").tobytes(),
    )  # fmt: skip


def _fault(waveform: Waveform, request: LoopRequest, lufs: float, seamless: bool, is_off: bool) -> str:
    if waveform.num_samples != request.num_samples or waveform.sample_rate != request.sample_rate:
        return "length"
    if not seamless:
        return "seam"
    if is_off:
        return "off-grid"
    return "" if _is_level(waveform, lufs - request.loudness_lufs) else "level"


def _is_level(waveform: Waveform, over_lu: float) -> bool:
    """Tell whether a loop is as loud as its pack, or as near below as its peaks allow, but not far below."""
    from riffsidecar.audio.loudness import DEFAULT_CEILING_DBTP, true_peak_dbtp

    if -_PEAKED_LU <= over_lu < -_LEVEL_LU:
        return true_peak_dbtp(waveform) >= DEFAULT_CEILING_DBTP - _NEAR_CEILING_DB
    return abs(over_lu) <= _LEVEL_LU


def _jump_limit(inner: tuple[float, ...]) -> float:
    return max(_MAX_JUMP, 2.0 * max(inner, default=0.0))


def _lpc_limit(inner: tuple[float, ...]) -> float:
    return max(_MAX_LPC_DB, max(inner, default=0.0) + _OVER_INNER_DB)
