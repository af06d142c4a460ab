"""Spectrogram formats as values: what a checkpoint's pictures of sound mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, Literal

from riffsidecar.errors import SpectrogramError, nearest

__all__ = ["BEAT_GRID", "FORMATS", "RIFFUSION", "SpectrogramFormat", "format_named"]


@dataclass(frozen=True, slots=True)
class SpectrogramFormat:
    """Say how audio becomes a normalised mel spectrogram.

    Magnitudes are scaled by ``2 / sum(window)``, so a full-scale sine has amplitude 1 at its bin, and are
    summed by triangles of peak 1 (no area norm) as amplitudes, not as power.

    ``scale`` is ``"decibels"`` (``floor_db`` to ``ceiling_db`` becomes -1 to 1, clamped below and open
    above) or ``"root"`` (amplitude relative to the loudest of the clip, to the power ``exponent``,
    0 to 1 becomes -1 to 1).

    ``time`` is ``"beats"`` (``frames_per_quarter`` frames a quarter note, doubled or halved with the
    tempo's octave) or ``"seconds"`` (nominally ``hop_ms`` a frame).

    Raises:
        SpectrogramError: a field that cannot be.
    """

    name: str
    sample_rate: int
    n_fft: int
    win_length: int
    n_mels: int
    fmin_hz: float
    fmax_hz: float
    mel_scale: Literal["slaney", "htk"]
    scale: Literal["decibels", "root"]
    time: Literal["beats", "seconds"]
    floor_db: float = -80.0
    ceiling_db: float = 0.0
    exponent: float = 0.25
    frames_per_quarter: int = 64
    hop_ms: float = 10.0
    reference_lufs: float = -20.0

    def __post_init__(self) -> None:
        """Refuse a format that no spectrogram can have."""
        checks = (
            (bool(self.name), "name", self.name, "a non-empty string"),
            (self.sample_rate >= 8000, "sample_rate", self.sample_rate, "at least 8000 Hz"),
            (
                self.win_length >= 16 and self.win_length % 2 == 0,
                "win_length",
                self.win_length,
                "even, at least 16",
            ),
            (self.n_fft % max(self.win_length, 1) == 0, "n_fft", self.n_fft, "a multiple of win_length"),
            (1 <= self.n_mels <= self.n_fft // 2, "n_mels", self.n_mels, "1 to n_fft / 2"),
            (self.fmin_hz >= 0.0, "fmin_hz", self.fmin_hz, "0 or more"),
            (
                self.fmin_hz < self.fmax_hz < 0.49 * self.sample_rate,
                "fmax_hz",
                self.fmax_hz,
                "above fmin_hz, below 0.49 sample_rate",
            ),
            (self.mel_scale in ("slaney", "htk"), "mel_scale", self.mel_scale, "slaney or htk"),
            (self.scale in ("decibels", "root"), "scale", self.scale, "decibels or root"),
            (self.time in ("beats", "seconds"), "time", self.time, "beats or seconds"),
            (self.floor_db < self.ceiling_db, "floor_db", self.floor_db, "below ceiling_db"),
            (0.0 < self.exponent <= 1.0, "exponent", self.exponent, "above 0, at most 1"),
            (self.frames_per_quarter >= 1, "frames_per_quarter", self.frames_per_quarter, "1 or more"),
            (self.hop_ms > 0.0, "hop_ms", self.hop_ms, "above 0"),
        )
        for holds, field, value, allowed in checks:
            if not holds:
                raise SpectrogramError(
                    f"spectrogram format {self.name!r}: {field} is {value!r}, allowed is {allowed}"
                )

    @property
    def num_bins(self) -> int:
        """Count the bins of the analysis, ``n_fft // 2 + 1``."""
        return self.n_fft // 2 + 1

    @property
    def range_db(self) -> float:
        """Give the decibels that -1 to 1 spans."""
        return self.ceiling_db - self.floor_db

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SpectrogramFormat:
        """Build a format from what :meth:`to_dict` gave.

        Raises:
            SpectrogramError: an unknown or missing field, or one that cannot be.
        """
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                raise SpectrogramError(f"a spectrogram format has no field {key!r}{nearest(key, known)}")
        try:
            return cls(**values)
        except TypeError as error:
            raise SpectrogramError(f"a spectrogram format cannot be read: {error}") from error


BEAT_GRID = SpectrogramFormat(
    name="beat-grid",
    sample_rate=44100,
    n_fft=2048,
    win_length=2048,
    n_mels=256,
    fmin_hz=0.0,
    fmax_hz=20000.0,
    mel_scale="slaney",
    scale="decibels",
    time="beats",
)
"""The embedded model's format. Frozen: a checkpoint is worth nothing under another one."""

RIFFUSION = SpectrogramFormat(
    name="riffusion",
    sample_rate=44100,
    n_fft=17640,
    win_length=4410,
    n_mels=512,
    fmin_hz=0.0,
    fmax_hz=10000.0,
    mel_scale="htk",
    scale="root",
    time="seconds",
)
"""Riffusion v1's format: 512 x 10 ms columns, 100 ms window padded to 400 ms."""

FORMATS: Mapping[str, SpectrogramFormat] = MappingProxyType({f.name: f for f in (BEAT_GRID, RIFFUSION)})
"""Every format by its name."""


def format_named(name: str) -> SpectrogramFormat:
    """Return the format of that name.

    >>> format_named("beat-grid").n_mels
    256

    Raises:
        SpectrogramError: no format of that name.
    """
    if name not in FORMATS:
        raise SpectrogramError(
            f"no spectrogram format {name!r}{nearest(name, FORMATS)}; there are {', '.join(sorted(FORMATS))}"
        )
    return FORMATS[name]
