"""A loop request: everything that decides how a loop sounds, complete, frozen and hashable."""

from __future__ import annotations

import hashlib
import json
import math
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import PurePath
from typing import Any, Final

from riffsidecar.errors import RiffError, SessionError, nearest
from riffsidecar.music import Chords, Key, LoopLength, Meter, Tempo, check_sample_rate, parse_bars
from riffsidecar.music.shown import shown
from riffsidecar.session.checks import MAX_SEED, check_kind, check_pair, check_seed
from riffsidecar.session.knobs import find_knob
from riffsidecar.session.text import MAX_NAME, MAX_PROMPT, clean_text

__all__ = ["BIT_DEPTHS", "MAX_SEED", "RECIPE_VERSION", "LoopRequest", "check_seed"]

BIT_DEPTHS: Final = ("16", "24", "32f")
RECIPE_VERSION: Final = 1

_MAX_HZ = 22050.0
_MIN_LUFS, _MAX_LUFS = -40.0, -6.0
_FOUR_FOUR: Final = Meter(4, 4)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRequest:
    """A loop to be rendered.

    Attributes:
        prompt: what is to be heard; ``prompt_b`` is what ``morph`` 1 would be, if not empty.
        source_path: seed audio, and ``source_sha256`` the SHA-256 of the file; the path may go stale.
        of_path: an earlier loop, of which ``keep_bars`` (first and last, from 1) or ``keep_bands_hz`` stay as
            they are.
        density: like ``brightness`` and ``energy`` from 0 to 1, or None where the model is free.
        label: a name for the file, such as the pad's.
        model: the name of the checkpoint.

    Raises:
        SessionError: for a value out of range, or values that contradict each other.
        MusicError: if the length is not whole latent columns, or over 60 s.
    """

    prompt: str
    prompt_b: str = ""
    morph: float = 0.0
    negative: str = ""
    seed: int = 0
    drift: float = 0.0
    guidance: float = 4.0
    quality: str = "normal"
    strength: float = 1.0
    source_path: str | None = None
    source_sha256: str = ""
    of_path: str | None = None
    of_sha256: str = ""
    keep_bars: tuple[int, int] | None = None
    keep_bands_hz: tuple[float, float] | None = None
    density: float | None = None
    brightness: float | None = None
    energy: float | None = None
    tempo: Tempo
    meter: Meter = _FOUR_FOUR
    bars: Fraction = Fraction(4)
    key: Key | None = None
    chords: Chords | None = None
    sample_rate: int = 44100
    bit_depth: str = "24"
    loudness_lufs: float = -14.0
    label: str = ""
    model: str = "embedded"

    def __post_init__(self) -> None:
        """Refuse what cannot be rendered, and clean the texts."""
        for name in ("prompt", "prompt_b", "negative"):
            object.__setattr__(self, name, clean_text(getattr(self, name), name, MAX_PROMPT))
        if not self.prompt:
            raise SessionError("prompt is empty: say what is to be heard, such as 'dusty boom bap drums'")
        object.__setattr__(self, "label", clean_text(self.label, "label", MAX_NAME))
        for name in ("morph", "drift", "guidance", "quality", "strength", "density", "brightness", "energy"):
            object.__setattr__(self, name, find_knob(name).check(getattr(self, name)))
        object.__setattr__(self, "seed", check_seed(self.seed))
        object.__setattr__(self, "bars", parse_bars(self.bars))
        check_kind("tempo", self.tempo, Tempo)
        check_kind("meter", self.meter, Meter)
        check_kind("key", self.key, Key, optional=True)
        check_kind("chords", self.chords, Chords, optional=True)
        check_sample_rate(self.sample_rate)
        if self.bit_depth not in BIT_DEPTHS:
            raise SessionError(
                f"bit depth is {shown(self.bit_depth)}, but must be one of {', '.join(BIT_DEPTHS)}"
            )
        lufs = self.loudness_lufs
        if isinstance(lufs, bool) or not isinstance(lufs, int | float) or not _MIN_LUFS <= lufs <= _MAX_LUFS:
            raise SessionError(
                f"loudness is {shown(lufs)} LUFS, but must be from {_MIN_LUFS:g} to {_MAX_LUFS:g}"
            )
        object.__setattr__(self, "loudness_lufs", float(lufs))
        if not isinstance(self.model, str) or not _MODEL.fullmatch(self.model):
            raise SessionError(
                f"model is {shown(self.model)}, but must be a name of letters, digits, '.', '-' and '_'"
            )
        self._check_files()
        self._check_keeps(self.length)

    def _check_files(self) -> None:
        for name, path, digest in (
            ("source", self.source_path, self.source_sha256),
            ("of", self.of_path, self.of_sha256),
        ):
            if digest and not (isinstance(digest, str) and _SHA256.fullmatch(digest)):
                raise SessionError(f"{name}_sha256 is {shown(digest)}, but must be 64 hexadecimal digits")
            if path is not None and not (isinstance(path, str) and path):
                raise SessionError(f"{name}_path is {shown(path)}, but must be a path or None")
            if path is not None and not digest:
                raise SessionError(
                    f"{name}_path is given without {name}_sha256: hash the file, its content decides"
                )

    def _check_keeps(self, length: LoopLength) -> None:
        if bool(self.of_sha256) != (self.keep_bars is not None or self.keep_bands_hz is not None):
            raise SessionError(
                "an earlier loop and what to keep of it go together: give 'of' with 'keep_bars' or "
                "'keep_bands_hz'"
            )
        if self.keep_bars is not None:
            last = math.ceil(length.bars)
            first_kept, last_kept = check_pair("keep_bars", self.keep_bars)
            if (
                first_kept != int(first_kept)
                or last_kept != int(last_kept)
                or not 1 <= first_kept <= last_kept <= last
            ):
                raise SessionError(
                    f"keep_bars is {first_kept:g} to {last_kept:g}, but must be whole bars from 1 to {last}"
                )
            object.__setattr__(self, "keep_bars", (int(first_kept), int(last_kept)))
        if self.keep_bands_hz is not None:
            low, high = check_pair("keep_bands_hz", self.keep_bands_hz)
            if not 0 <= low < high <= _MAX_HZ:
                raise SessionError(
                    f"keep_bands_hz is {low:g} to {high:g}, but must rise, from 0 to {_MAX_HZ:g} Hz"
                )
            object.__setattr__(self, "keep_bands_hz", (low, high))

    @property
    def length(self) -> LoopLength:
        """Return the length of the loop."""
        return LoopLength(self.bars, self.meter, self.tempo)

    @property
    def num_samples(self) -> int:
        """Return the number of samples of the loop at its sample rate."""
        return self.length.num_samples(self.sample_rate)

    @property
    def has_source(self) -> bool:
        """Return whether there is seed audio."""
        return bool(self.source_sha256)

    @property
    def is_locked(self) -> bool:
        """Return whether parts of an earlier loop are kept."""
        return bool(self.of_sha256)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the recipe as canonical JSON, in hexadecimal digits."""
        text = json.dumps(self.to_recipe(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def to_recipe(self) -> dict[str, object]:
        """Return the request as plain strings and numbers, for JSON.

        Of a path only the file name is kept: recipes travel inside loops, the names of folders should not.
        """
        return {
            "recipe": RECIPE_VERSION,
            "prompt": self.prompt,
            "prompt_b": self.prompt_b,
            "morph": self.morph,
            "negative": self.negative,
            "seed": self.seed,
            "drift": self.drift,
            "guidance": self.guidance,
            "quality": self.quality,
            "strength": self.strength,
            "source": None if self.source_path is None else PurePath(self.source_path).name,
            "source_sha256": self.source_sha256,
            "of": None if self.of_path is None else PurePath(self.of_path).name,
            "of_sha256": self.of_sha256,
            "keep_bars": None if self.keep_bars is None else list(self.keep_bars),
            "keep_bands_hz": None if self.keep_bands_hz is None else list(self.keep_bands_hz),
            "density": self.density,
            "brightness": self.brightness,
            "energy": self.energy,
            "bpm": str(self.tempo),
            "meter": str(self.meter),
            "bars": str(self.bars),
            "key": None if self.key is None else str(self.key),
            "chords": None if self.chords is None else str(self.chords),
            "sample_rate": self.sample_rate,
            "bit_depth": self.bit_depth,
            "loudness_lufs": self.loudness_lufs,
            "label": self.label,
            "model": self.model,
        }

    @classmethod
    def from_recipe(cls, recipe: object) -> LoopRequest:
        """Build the request that a recipe describes; paths come back as bare file names.

        Raises:
            SessionError: if it is no recipe of this version, has a key too many or too few, or a bad value.
        """
        if not isinstance(recipe, dict):
            raise SessionError(f"recipe is {type(recipe).__name__}, but must be an object of keys and values")
        version = recipe.get("recipe")
        if isinstance(version, bool) or version != RECIPE_VERSION:
            raise SessionError(
                f"recipe is of version {shown(version)}, but must be of version {RECIPE_VERSION}"
            )
        known = _RECIPE_KEYS | {"recipe"}
        for name in recipe:
            if name not in known:
                raise SessionError(
                    f"recipe has the unknown key {shown(name)}{nearest(str(name)[:32], known)}"
                )
        missing = sorted(known - recipe.keys())
        if missing:
            raise SessionError(f"recipe lacks {', '.join(missing)}")
        fields = {name: value for name, value in recipe.items() if name not in _PARSED and name != "recipe"}
        try:
            return cls(
                **{name: _plain(name, value) for name, value in fields.items()},
                source_path=_text("source", recipe["source"]),
                of_path=_text("of", recipe["of"]),
                keep_bars=_list("keep_bars", recipe["keep_bars"]),
                keep_bands_hz=_list("keep_bands_hz", recipe["keep_bands_hz"]),
                tempo=Tempo.parse(_text("bpm", recipe["bpm"]) or ""),
                meter=Meter.parse(_text("meter", recipe["meter"]) or ""),
                bars=parse_bars(_text("bars", recipe["bars"]) or ""),
                key=None if recipe["key"] is None else Key.parse(_text("key", recipe["key"]) or ""),
                chords=None
                if recipe["chords"] is None
                else Chords.parse(_text("chords", recipe["chords"]) or ""),
            )
        except RiffError as error:
            raise SessionError(f"recipe: {error}") from error


_PARSED = frozenset({"source", "of", "keep_bars", "keep_bands_hz", "bpm", "meter", "bars", "key", "chords"})
_RECIPE_KEYS = _PARSED | frozenset(
    name for name in LoopRequest.__dataclass_fields__ if name not in ("source_path", "of_path", "tempo")
)


def _text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise SessionError(f"{name} is {shown(value)}, but must be text or null")


# The request checks the values of a recipe; these two only keep out what it could not name well.
def _plain(name: str, value: Any) -> Any:
    if isinstance(value, list | dict):
        raise SessionError(f"{name} is a {type(value).__name__}, but must be plain text or a number")
    return value


def _list(name: str, value: Any) -> Any:
    if value is None or isinstance(value, list):
        return value
    raise SessionError(f"{name} is {shown(value)}, but must be a list of two or null")
