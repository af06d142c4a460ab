"""What a loop's WAV says about the loop."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riffsidecar.errors import AudioError
from riffsidecar.music import Key, Meter

__all__ = ["Latents", "LoopTags"]

Latents = NDArray[np.float16]

_MAX_TEXT_CHARS = 2_000
_MAX_BPM = 1_000
_MAX_BEATS = 65_535
_FRACTION = re.compile(r"[0-9]{1,12}(/[1-9][0-9]{0,11})?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopTags:
    """Hold a loop's metadata: what hosts read, the recipe, and what a rerender needs.

    Attributes:
        title: what a browser shows.
        bpm: tempo in quarter notes a minute; any real number is accepted and kept exactly.
        beats: length of the loop in beats of the meter's denominator; 21 for three bars of 7/8.
        meter: the time signature.
        key: the key, or None for loops without one, which hosts then do not transpose.
        prompt: the text the loop was made from.
        seed: the seed of its noise.
        genre: a genre, if one is known.
        software: name and version of the maker.
        recipe: the whole request, JSON-able; from it and the latents the loop can be made again.
        latents: what the decoder turned into sound, float16 of any shape.
        source: the bytes of the seed audio's own file, where there was any.

    Two tags are equal when all but latents and source are; those two are bulk, not description.

    Raises:
        AudioError: if a number is out of range, a text holds control characters, the recipe is not JSON-able
            or the latents are not float16.
    """

    title: str
    bpm: Fraction
    beats: Fraction
    meter: Meter
    key: Key | None = None
    prompt: str = ""
    seed: int = 0
    genre: str = ""
    software: str = "riffsidecar"
    recipe: Mapping[str, Any] | None = field(default=None, hash=False)
    latents: Latents | None = field(default=None, compare=False, repr=False)
    source: bytes | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "bpm", _fraction("bpm", self.bpm, _MAX_BPM))
        object.__setattr__(self, "beats", _fraction("beats", self.beats, _MAX_BEATS))
        for name in ("title", "prompt", "genre", "software"):
            _check_text(name, getattr(self, name))
        if not isinstance(self.seed, int) or isinstance(self.seed, bool) or not 0 <= self.seed < 2**63:
            raise AudioError(f"seed {self.seed!r} is not a whole number from 0 to 2^63 - 1")
        if self.recipe is not None:
            object.__setattr__(self, "recipe", _json_copy(self.recipe))
        if self.latents is not None:
            object.__setattr__(self, "latents", _read_only_latents(self.latents))
        if self.source is not None and not isinstance(self.source, bytes):
            raise AudioError(f"source is {type(self.source).__name__}; give the file's bytes")

    @property
    def quarters(self) -> Fraction:
        """Return the length of the loop in quarter notes; 21/2 for three bars of 7/8."""
        return self.beats * self.meter.quarters_per_beat

    def to_json(self) -> dict[str, object]:
        """Return all but recipe, latents and source as plain JSON values."""
        return {
            "title": self.title,
            "bpm": str(self.bpm),
            "beats": str(self.beats),
            "meter": str(self.meter),
            "key": None if self.key is None else str(self.key),
            "prompt": self.prompt,
            "seed": self.seed,
            "genre": self.genre,
            "software": self.software,
        }

    @classmethod
    def from_json(
        cls,
        values: object,
        *,
        recipe: Mapping[str, Any] | None = None,
        latents: Latents | None = None,
        source: bytes | None = None,
    ) -> LoopTags:
        """Return the tags that `to_json` wrote; nothing in ``values`` is trusted.

        Raises:
            RiffError: if a value is missing or is not what the tags allow.
        """
        if not isinstance(values, Mapping):
            raise AudioError(f"tags are {type(values).__name__}, not an object")
        key = values.get("key")
        return cls(
            title=values.get("title", ""),
            bpm=_parse_fraction("bpm", values.get("bpm")),
            beats=_parse_fraction("beats", values.get("beats")),
            meter=Meter.parse(_text("meter", values.get("meter"))),
            key=None if key is None else Key.parse(_text("key", key)),
            prompt=values.get("prompt", ""),
            seed=values.get("seed", 0),
            genre=values.get("genre", ""),
            software=values.get("software", ""),
            recipe=recipe,
            latents=latents,
            source=source,
        )

    def summary(self) -> str:
        """Return one short line of ASCII JSON for the comment fields that people and browsers see."""
        short: dict[str, object] = {"prompt": self.prompt, "seed": self.seed, "bpm": float(self.bpm)}
        short |= {"meter": str(self.meter), "beats": float(self.beats)}
        if self.key is not None:
            short["key"] = str(self.key)
        if self.recipe is not None and isinstance(self.recipe.get("model"), str):
            short["model"] = self.recipe["model"]
        return json.dumps(short, ensure_ascii=True, separators=(",", ":"))


def _fraction(name: str, value: object, maximum: int) -> Fraction:
    if isinstance(value, bool) or not isinstance(value, int | float | Fraction):
        raise AudioError(f"{name} {value!r} is not a number")
    if not 0 < value <= maximum:  # refuses NaN as well
        raise AudioError(f"{name} {value} is not above 0 and at most {maximum}")
    # A float is read as the decimal it prints as: 123.45 is 2469/20, not its 53-bit neighbour.
    return Fraction(str(value)) if isinstance(value, float) else Fraction(value)


def _parse_fraction(name: str, value: object) -> Fraction:
    # Fraction() alone would also take "1e999999999" and fill the memory with zeros.
    text = _text(name, value)
    if _FRACTION.fullmatch(text) is None:
        raise AudioError(f"{name} {text[:40]!r} is not a fraction such as 120 or 175/2")
    return Fraction(text)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT_CHARS:
        raise AudioError(f"{name} is not a text of at most {_MAX_TEXT_CHARS} characters")
    return value


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise AudioError(f"{name} {value!r} is not a text")
    if len(value) > _MAX_TEXT_CHARS:
        raise AudioError(f"{name} has {len(value)} characters; {_MAX_TEXT_CHARS} are allowed")
    # Cc are control characters, which end fields early; Cs are lone surrogates, which no encoding takes.
    bad = next((char for char in value if unicodedata.category(char) in ("Cc", "Cs")), None)
    if bad is not None:
        raise AudioError(f"{name} holds the control character {bad!r}; remove it")


def _json_copy(recipe: object) -> dict[str, Any]:
    if not isinstance(recipe, Mapping):
        raise AudioError(f"recipe is {type(recipe).__name__}; give a mapping of plain JSON values")
    try:
        copied: dict[str, Any] = json.loads(json.dumps(dict(recipe), allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise AudioError(f"recipe cannot be written as JSON: {error}") from error
    return copied


def _read_only_latents(latents: object) -> Latents:
    if not isinstance(latents, np.ndarray) or latents.dtype != np.float16:
        kind = latents.dtype if isinstance(latents, np.ndarray) else type(latents).__name__
        raise AudioError(f"latents are {kind}; give a numpy float16 array")
    kept = latents.copy()
    kept.flags.writeable = False
    return kept
