"""A loop request: everything that decides how a loop sounds, complete, frozen and hashable."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Final

from riffsidecar.errors import MusicError, RiffError, SessionError, nearest
from riffsidecar.music import BarSpans, Chords, Key, LoopLength, Meter, Tempo, parse_bars
from riffsidecar.music.shown import shown
from riffsidecar.session.checks import BIT_DEPTHS, MAX_SEED, check_kind, check_output, check_pair, check_seed
from riffsidecar.session.engines import (
    ALL_GUIDED,
    AUTO_ANCHOR,
    AUTO_GUIDED,
    EMBEDDED_MODEL,
    SEAMS,
    check_air,
    check_anchor,
    check_lora,
    check_model,
    check_seam,
    guided_by,
)
from riffsidecar.session.knobs import find_knob
from riffsidecar.session.text import MAX_NAME, MAX_PROMPT, clean_text

__all__ = [
    "BIT_DEPTHS",
    "MAX_RETUNE",
    "MAX_SEED",
    "RECIPE_VERSION",
    "SEED_STRENGTH",
    "LoopRequest",
    "check_seed",
]

RECIPE_VERSION: Final = 1
SEED_STRENGTH: Final = 0.7
"""How far a loop goes from seed audio that somebody named where nobody says how far."""

MAX_RETUNE: Final = Fraction(12, 100)
"""How far from the tempo that its latents were made at a loop may be decoded, as a part of that tempo."""

SOUND_USE: Final = "sound"
_MAX_HZ = 22050.0
_FOUR_FOUR: Final = Meter(4, 4)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ENGINE_CHECKS: Final = MappingProxyType(
    {"model": check_model, "lora": check_lora, "anchor": check_anchor, "seam": check_seam, "air": check_air}
)
_ENGINE_DEFAULTS: Final = MappingProxyType(
    {"lora": "", "anchor": AUTO_ANCHOR, "seam": SEAMS[0], "air": 0.0, "guided": ALL_GUIDED}
)
"""What a key that a recipe leaves out means: what loops were made with before there was such a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRequest:
    """A loop to be rendered.

    Attributes:
        prompt: what is to be heard; ``prompt_b`` is what ``morph`` 1 would be, if not empty.
        source_path: seed audio, and ``source_sha256`` the SHA-256 of the file; the path may go stale.
        source_use: ``sound`` begins from the seed audio as it sounds, ``groove`` from its rhythm alone.
        of_path: an earlier loop, or seed audio, of which ``keep_bars`` or ``keep_bands_hz`` stay as they are.
        density: like ``brightness`` and ``energy`` from 0 to 1, or None where the model is free.
        label: a name for the file, such as the pad's.
        model: the name of the checkpoint.
        lora: LoRAs of that model and how much of each, such as ``dusty:0.8``.
        anchor: the drawn groove that a model without a tempo begins from, ``none``, or empty for one of its
            own choice.
        seam: how such a model closes the loop.
        air: how much is filled in above the highest band of a model that ends early, 0 to 1.
        guided: the share of the denoising steps, from the noisiest on, that such a model guides, 0 to 1; left
            out, half. The embedded model guides all of them, whatever is asked.
        latents_tempo: the tempo that the latents are made at before they are decoded at ``tempo``, within
            12 %; None where it is the same, as it is unless a loop has followed another tempo.

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
    source_use: str = SOUND_USE
    of_path: str | None = None
    of_sha256: str = ""
    keep_bars: BarSpans | None = None
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
    model: str = EMBEDDED_MODEL
    lora: str = ""
    anchor: str = AUTO_ANCHOR
    seam: str = SEAMS[0]
    air: float = 0.0
    guided: float = AUTO_GUIDED
    latents_tempo: Tempo | None = None

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
        lufs = check_output(self.sample_rate, self.bit_depth, self.loudness_lufs)
        object.__setattr__(self, "loudness_lufs", lufs)
        for name, check in _ENGINE_CHECKS.items():
            object.__setattr__(self, name, check(getattr(self, name)))
        object.__setattr__(self, "guided", guided_by(self.model, self.guided))
        self._check_latents_tempo()
        self._check_files()
        self._check_keeps(self.length)

    def _check_latents_tempo(self) -> None:
        check_kind("latents_tempo", self.latents_tempo, Tempo, optional=True)
        if self.latents_tempo == self.tempo:
            object.__setattr__(self, "latents_tempo", None)
        if self.latents_tempo is None:
            return
        if abs(self.tempo.bpm / self.latents_tempo.bpm - 1) > MAX_RETUNE:
            raise SessionError(
                f"latents of {self.latents_tempo} BPM cannot be decoded at {self.tempo} BPM: at most 12 % "
                "apart; make the loop anew"
            )
        LoopLength(self.bars, self.meter, self.latents_tempo)

    def _check_files(self) -> None:
        if self.source_use not in (SOUND_USE, "groove"):
            raise SessionError(f"source_use is {shown(self.source_use)}, but must be sound or groove")
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
            try:
                kept = BarSpans.parse(self.keep_bars)
                kept.check_within(length.bars)
            except MusicError as error:
                raise SessionError(f"keep_bars: {error}") from error
            object.__setattr__(self, "keep_bars", kept)
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
    def at_its_own_tempo(self) -> LoopRequest:
        """Return the request at the tempo that its latents are made at."""
        return self if self.latents_tempo is None else self.retuned(self.latents_tempo)

    def retuned(self, tempo: Tempo) -> LoopRequest:
        """Return the request of the same latents, decoded at another tempo.

        Raises:
            RiffError: if that is over 12 % from the tempo of the latents, or the length cannot be there.
        """
        return replace(self, tempo=tempo, latents_tempo=self.latents_tempo or self.tempo)

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
            **({} if self.source_use == SOUND_USE else {"source_use": self.source_use}),
            "of": None if self.of_path is None else PurePath(self.of_path).name,
            "of_sha256": self.of_sha256,
            "keep_bars": None if self.keep_bars is None else str(self.keep_bars),
            "keep_bands_hz": None if self.keep_bands_hz is None else list(self.keep_bands_hz),
            "density": self.density,
            "brightness": self.brightness,
            "energy": self.energy,
            "bpm": str(self.tempo),
            **({} if self.latents_tempo is None else {"latents_bpm": str(self.latents_tempo)}),
            "meter": str(self.meter),
            "bars": str(self.bars),
            "key": None if self.key is None else str(self.key),
            "chords": None if self.chords is None else str(self.chords),
            "sample_rate": self.sample_rate,
            "bit_depth": self.bit_depth,
            "loudness_lufs": self.loudness_lufs,
            "label": self.label,
            "model": self.model,
            **{
                name: getattr(self, name)
                for name, default in _ENGINE_DEFAULTS.items()
                if getattr(self, name) != default
            },
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
        missing = sorted(known - recipe.keys() - _LEFT_OUT)
        if missing:
            raise SessionError(f"recipe lacks {', '.join(missing)}")
        fields = dict(_ENGINE_DEFAULTS)
        fields |= {name: value for name, value in recipe.items() if name not in _PARSED and name != "recipe"}
        try:
            return cls(
                **{name: _plain(name, value) for name, value in fields.items()},
                source_path=_text("source", recipe["source"]),
                of_path=_text("of", recipe["of"]),
                keep_bars=None if recipe["keep_bars"] is None else BarSpans.parse(recipe["keep_bars"]),
                keep_bands_hz=_list("keep_bands_hz", recipe["keep_bands_hz"]),
                tempo=Tempo.parse(_text("bpm", recipe["bpm"]) or ""),
                latents_tempo=None
                if recipe.get("latents_bpm") is None
                else Tempo.parse(_text("latents_bpm", recipe["latents_bpm"]) or ""),
                meter=Meter.parse(_text("meter", recipe["meter"]) or ""),
                bars=parse_bars(_text("bars", recipe["bars"]) or ""),
                key=None if recipe["key"] is None else Key.parse(_text("key", recipe["key"]) or ""),
                chords=None
                if recipe["chords"] is None
                else Chords.parse(_text("chords", recipe["chords"]) or ""),
            )
        except RiffError as error:
            raise SessionError(f"recipe: {error}") from error


_PARSED = frozenset(
    {
        "source",
        "of",
        "keep_bars",
        "keep_bands_hz",
        "bpm",
        "latents_bpm",
        "meter",
        "bars",
        "key",
        "chords",
    }
)
_RECIPE_KEYS = _PARSED | frozenset(
    name
    for name in LoopRequest.__dataclass_fields__
    if name not in ("source_path", "of_path", "tempo", "latents_tempo")
)


_LEFT_OUT = frozenset({"source_use", "latents_bpm", *_ENGINE_DEFAULTS})
"""Keys that a recipe leaves out where they have their default: loops from before there were such keys read
as they are."""


def _text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise SessionError(f"{name} is {shown(value)}, but must be text or null")


# The request checks the values of a recipe; these only keep out what it could not name well.
def _plain(name: str, value: Any) -> Any:
    if isinstance(value, list | dict):
        raise SessionError(f"{name} is a {type(value).__name__}, but must be plain text or a number")
    return value


def _list(name: str, value: Any) -> Any:
    if value is None or isinstance(value, list):
        return value
    raise SessionError(f"{name} is {shown(value)}, but must be a list of two or null")
