"""Seed audio by name: what the seed folder holds, and how a slot or a pad uses one of them. Pure."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, Literal

from riffsidecar.errors import MusicError, SessionError, UnknownNameError, nearest
from riffsidecar.music import BarSpans, Meter
from riffsidecar.music.shown import shown
from riffsidecar.session.checks import check_int
from riffsidecar.session.text import MAX_NAME, clean_text

__all__ = [
    "SOUND",
    "SOURCE_USES",
    "USE_HELP",
    "SeedChoice",
    "SeedShelf",
    "SeedSource",
    "SeedUse",
    "seed_name",
]

SOURCE_USES: Final = ("sound", "groove")
"""What a render begins from: the seed as it sounds, or its rhythm alone."""

USE_HELP: Final = "sound, groove, bars A-B or band LOW-HIGH"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MAX_HZ = 22050.0


def seed_name(stem: str) -> str:
    """Return the name of the seed that a file holds: its stem in lower case, with hyphens.

    Letters lose their accents. Where none is left that is plain, the name ends in a digest.

    >>> seed_name("Dusty Break (92)"), seed_name("Größer"), seed_name("太鼓"), seed_name("___")
    ('dusty-break-92', 'grosser', 'seed-981c05', 'seed')
    """
    folded = stem.casefold()
    plain = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_NAME].strip("-")
    if name or not any(c.isalnum() for c in folded):
        return name or "seed"
    composed = unicodedata.normalize("NFC", folded)
    return f"seed-{hashlib.sha256(composed.encode()).hexdigest()[:6]}"


@dataclass(frozen=True, slots=True)
class SeedSource:
    """A seed that lies ready: fitted to whole bars, in a file of its own.

    Attributes:
        name: how it is called; see `seed_name`.
        path: the fitted WAV, and ``sha256`` its digest.
        bpm: quarter notes a minute, as they were told or measured.
        bars: how long it is, in bars of ``meter``.
        was_told: whether the file told its tempo; else it was measured.
    """

    name: str
    path: str
    sha256: str
    bpm: float
    bars: Fraction
    meter: Meter
    was_told: bool = False

    def __post_init__(self) -> None:
        """Refuse what no seed is."""
        if seed_name(self.name) != self.name:
            raise SessionError(f"seed is {shown(self.name)}, but must be like {seed_name(self.name)!r}")
        if not self.path or not _SHA256.fullmatch(self.sha256):
            raise SessionError(f"seed {self.name} needs a file and its SHA-256")
        if not (0 < self.bpm <= 1000 and self.bars > 0):
            raise SessionError(f"seed {self.name} has {self.bars} bars at {self.bpm:g} BPM")


@dataclass(frozen=True, slots=True)
class SeedUse:
    """How a seed is used.

    ``sound`` and ``groove`` are begun from, as far as ``strength`` allows; ``bars`` and ``band`` are kept as
    they are, and the rest is made new around them.
    """

    how: Literal["sound", "groove", "bars", "band"] = "sound"
    bars: BarSpans | None = None
    band_hz: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Refuse a use without its range, and a range without its use."""
        if (self.bars is not None) != (self.how == "bars") or (self.band_hz is not None) != (
            self.how == "band"
        ):
            raise SessionError(f"seed use is {self.how} with another's range; give {USE_HELP}")

    @classmethod
    def parse(cls, text: object) -> SeedUse:
        """Read a use as a person writes it.

        Raises:
            SessionError: for anything else.

        >>> SeedUse.parse("groove").how, str(SeedUse.parse("bars 1-2")), SeedUse.parse("band 20-200").band_hz
        ('groove', 'bars 1-2', (20.0, 200.0))
        """
        words = clean_text(text, "seed use", MAX_NAME).lower().split()
        if words[:1] in (["sound"], ["groove"]) and len(words) == 1:
            return cls("groove" if words[0] == "groove" else "sound")
        try:
            if words[:1] == ["bars"] and len(words) > 1:
                return cls("bars", bars=BarSpans.parse("".join(words[1:])))
            if words[:1] == ["band"] and len(words) == 2:
                low, high = (float(part) for part in words[1].split("-"))
                if 0 <= low < high <= _MAX_HZ:
                    return cls("band", band_hz=(low, high))
        except (MusicError, ValueError) as error:
            raise SessionError(f"seed use is {shown(text)}, but must be {USE_HELP}: {error}") from error
        raise SessionError(f"seed use is {shown(text)}, but must be {USE_HELP}")

    def __str__(self) -> str:
        """Write the use as it is read."""
        if self.band_hz is not None:
            return f"band {self.band_hz[0]:g}-{self.band_hz[1]:g}"
        return f"bars {self.bars}" if self.bars is not None else self.how


SOUND: Final = SeedUse()
"""Begin from the seed as it sounds."""


@dataclass(frozen=True, slots=True)
class SeedChoice:
    """A seed by its name, and how it is used."""

    name: str
    use: SeedUse = SOUND

    def __post_init__(self) -> None:
        """Bring the name to the form that seeds have."""
        object.__setattr__(self, "name", seed_name(clean_text(self.name, "seed", MAX_NAME)))


@dataclass(frozen=True, slots=True)
class SeedShelf:
    """The seeds that lie ready, those of a problem, and which slot was given which.

    Attributes:
        seeds: in the order in which they came.
        problem: what is wrong with files of the seed folder, or empty.
        chosen: the seed of each slot that was given one; it wins over that of its pad. None is a slot whose
            pad's own seed was taken away.
    """

    seeds: tuple[SeedSource, ...] = ()
    problem: str = ""
    chosen: Mapping[int, SeedChoice | None] = field(default_factory=dict, hash=False)

    def __iter__(self) -> Iterator[SeedSource]:
        """Return the seeds in order."""
        return iter(self.seeds)

    def find(self, name: str) -> SeedSource:
        """Return a seed by its name.

        Raises:
            UnknownNameError: naming the nearest, or what to do where there is none.
        """
        wanted = seed_name(name)
        for seed in self.seeds:
            if seed.name == wanted:
                return seed
        names = [seed.name for seed in self.seeds]
        known = f"but {', '.join(names[:12])}" if names else "the seed folder has none yet"
        raise UnknownNameError(
            f"no seed {shown(name)}, {known}{nearest(wanted, names)}; drop an audio file of that name into "
            "the seed folder"
        )

    def chosen_for(self, slot: int, own: SeedChoice | None) -> SeedChoice | None:
        """Return the seed that a slot was given, else its pad's own."""
        return self.chosen.get(slot, own)

    def values(self, choice: SeedChoice | None) -> dict[str, Any]:
        """Return what a choice means in a request; nothing without one.

        Raises:
            UnknownNameError: there is no seed of that name.
        """
        if choice is None:
            return {}
        seed, use = self.find(choice.name), choice.use
        if use.how in SOURCE_USES:
            return {"source_path": seed.path, "source_sha256": seed.sha256, "source_use": use.how}
        return {
            "of_path": seed.path,
            "of_sha256": seed.sha256,
            "keep_bars": use.bars,
            "keep_bands_hz": use.band_hz,
        }

    def put(self, slot: int, choice: SeedChoice | None) -> SeedShelf:
        """Return the shelf with another choice for a slot.

        Raises:
            UnknownNameError: there is no seed of that name.
            SessionError: there is no such slot.
        """
        check_int("slot", slot, 0, 16)
        if choice is not None:
            self.find(choice.name)
        return SeedShelf(self.seeds, self.problem, {**self.chosen, slot: choice})

    def replaced(self, seeds: tuple[SeedSource, ...], problem: str) -> SeedShelf:
        """Return the shelf with other seeds on it; slots keep their choices."""
        return SeedShelf(seeds, problem, self.chosen)

    def rows(self) -> list[dict[str, object]]:
        """Return the seeds as plain values, for ``/riff/query seeds`` and for JSON."""
        users: dict[str, list[str]] = {}
        for slot, choice in sorted(self.chosen.items()):
            if choice is not None:
                users.setdefault(choice.name, []).append(f"{slot}:{choice.use}")
        return [
            {
                "name": seed.name,
                "bpm": round(float(seed.bpm), 3),
                "bars": float(seed.bars),
                "meter": str(seed.meter),
                "told": int(seed.was_told),
                "slots": " ".join(users.get(seed.name, [])),
            }
            for seed in self.seeds
        ]
