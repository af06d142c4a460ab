"""Describe a composed loop as plain values: notes, parts, mix and what it is about.

A score is what the composer hands to the orchestra (which renders it) and to the caption writer (which
describes it). Positions and durations are quarter notes from the start of the loop; a note that rings past
the end wraps round to the beginning, because the loop is a circle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from riffsidecar.errors import TrainingError, nearest
from riffsidecar.music import Chords, Key, LoopLength, Meter, Tempo
from riffsidecar.training.instruments import INSTRUMENTS

__all__ = ["FAMILIES", "ROLES", "Attributes", "Mix", "Note", "Part", "Score"]

ROLES = ("drums", "percussion", "bass", "chords", "melody", "arp", "pad", "texture")
"""What a part does in the loop."""

FAMILIES = ("drums", "bass", "piano", "guitar", "strings", "choir-pad", "lead-arp", "groove")
"""What a loop is dominated by; the evaluation asks a classifier for it."""

_LONGEST = 1e6


def _check_range(name: str, value: float, minimum: float, maximum: float) -> None:
    if not (math.isfinite(value) and minimum <= value <= maximum):
        raise TrainingError(f"{name} is {value!r}; it must lie in {minimum}..{maximum}")


@dataclass(frozen=True, slots=True)
class Note:
    """Hold one note: where it starts, how long it is held, which pitch, how hard.

    Attributes:
        start: quarter notes from the start of the loop, at least 0.
        duration: quarter notes held, above 0; it may run past the end of the loop and wraps.
        pitch: MIDI note number; for kits a key of the General MIDI drum map.
        velocity: 0 to 1.
    """

    start: float
    duration: float
    pitch: int
    velocity: float

    def __post_init__(self) -> None:
        """Refuse a note outside the ranges above."""
        if (
            0.0 <= self.start <= _LONGEST
            and 0.0 < self.duration <= _LONGEST
            and 0 <= self.pitch <= 127
            and 0.0 <= self.velocity <= 1.0
        ):
            return
        _check_range("a note's start", self.start, 0.0, _LONGEST)
        _check_range("a note's duration", self.duration, 1e-6, _LONGEST)
        _check_range("a note's pitch", self.pitch, 0, 127)
        _check_range("a note's velocity", self.velocity, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Part:
    """Hold one instrument's line and how it sits in the mix.

    Attributes:
        role: one of `ROLES`.
        instrument: a key of `INSTRUMENTS`.
        notes: in order of start.
        gain_db: relative to the mixer's reference for the role.
        pan: -1 (left) to 1 (right).
        reverb: 0 to 1, send to the reverb.
        delay: 0 to 1, send to the tempo-synced delay.
        brightness: 0 to 1, how open the filter is.
        seed: seeds the variation of the timbre within the instrument.
    """

    role: str
    instrument: str
    notes: tuple[Note, ...]
    gain_db: float = 0.0
    pan: float = 0.0
    reverb: float = 0.0
    delay: float = 0.0
    brightness: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse unknown roles and instruments and settings out of range."""
        if self.role not in ROLES:
            raise TrainingError(f"role {self.role!r} is unknown{nearest(self.role, ROLES)}")
        if self.instrument not in INSTRUMENTS:
            raise TrainingError(
                f"instrument {self.instrument!r} is unknown{nearest(self.instrument, INSTRUMENTS)}"
            )
        _check_range("gain_db", self.gain_db, -60.0, 24.0)
        _check_range("pan", self.pan, -1.0, 1.0)
        for name, value in (("reverb", self.reverb), ("delay", self.delay), ("brightness", self.brightness)):
            _check_range(name, value, 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Mix:
    """Hold the settings of the mixer, each 0 to 1.

    Attributes:
        drive: saturation on the sum.
        sidechain: how far the kick ducks everything that is not drums.
        reverb_size: from a small room to a cathedral.
        lofi: band limit, wow and crackle.
        width: from mono to wide.
    """

    drive: float = 0.1
    sidechain: float = 0.0
    reverb_size: float = 0.4
    lofi: float = 0.0
    width: float = 0.5

    def __post_init__(self) -> None:
        """Refuse settings outside 0 to 1."""
        for name in ("drive", "sidechain", "reverb_size", "lofi", "width"):
            _check_range(name, getattr(self, name), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Attributes:
    """Hold what a listener would say about the loop.

    Attributes:
        family: one of `FAMILIES`.
        genre: a genre of the composer's grammar.
        instruments: keys of `INSTRUMENTS`, the most prominent first.
        mood: adjectives of mood and texture.
        energy: 0 to 1.
        density: 0 to 1, how many notes there are.
        brightness: 0 to 1.
        swing: 0 (straight) to 1 (triplets).
        drums: whether a kit plays.
        key: short name of the key, empty when the loop has none.
        tempo_word: "slow", "mid-tempo", "fast", ...
        stem: "", "drums only", "no drums", "bassline", "solo", ...
    """

    family: str
    genre: str
    instruments: tuple[str, ...]
    mood: tuple[str, ...]
    energy: float
    density: float
    brightness: float
    swing: float
    drums: bool
    key: str
    tempo_word: str
    stem: str

    def __post_init__(self) -> None:
        """Refuse unknown families and figures outside 0 to 1."""
        if self.family not in FAMILIES:
            raise TrainingError(f"family {self.family!r} is unknown{nearest(self.family, FAMILIES)}")
        for name in ("energy", "density", "brightness", "swing"):
            _check_range(name, getattr(self, name), 0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Score:
    """Hold a whole composed loop.

    Attributes:
        seed: what the composer drew it from.
        tempo: quarter notes a minute.
        meter: the time signature.
        bars: how many bars it lasts.
        key: None where the loop has no pitch centre (drums).
        chords: the harmony really played, one or more chords a bar; None without harmony.
        parts: the lines.
        mix: the mixer's settings.
        attributes: what a listener would say.
    """

    seed: int
    tempo: Tempo
    meter: Meter
    bars: int
    key: Key | None
    chords: Chords | None
    parts: tuple[Part, ...]
    mix: Mix
    attributes: Attributes

    def __post_init__(self) -> None:
        """Refuse an empty score, a length off the column grid, and notes that start outside the loop."""
        if not self.parts:
            raise TrainingError("a score needs at least one part; it has none")
        quarters = float(self.length.quarters)
        for part in self.parts:
            for note in part.notes:
                if note.start >= quarters:
                    raise TrainingError(
                        f"a note of {part.instrument} starts at quarter {note.start}; "
                        f"the loop ends at {quarters}: wrap it into the loop"
                    )

    @property
    def length(self) -> LoopLength:
        """Give the exact length of the loop."""
        return LoopLength(Fraction(self.bars), self.meter, self.tempo)
