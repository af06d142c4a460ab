"""Pads, and banks of sixteen of them with their MIDI map."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from riffsidecar.errors import SessionError
from riffsidecar.music import Chords, Key, Meter, Tempo, parse_bars
from riffsidecar.music.shown import shown
from riffsidecar.session.knobs import KnobValue, default_ccs, find_knob
from riffsidecar.session.text import MAX_NAME, MAX_PROMPT, clean_text

__all__ = ["FIRST_NOTE", "NUM_PADS", "Bank", "MidiMap", "Pad"]

NUM_PADS: Final = 16
FIRST_NOTE: Final = 36
"""The MIDI note of pad 1 where a bank says nothing else: the lowest pad of an MPC."""

_COLOR = re.compile(r"#[0-9a-f]{6}")
_BANK_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Pad:
    """A pad: what it asks the model for.

    Attributes:
        prompt_b: what the morph knob goes to; empty where it goes nowhere.
        color: of the pad on a controller or a screen, ``"#rrggbb"``.
        bars: the length of its loops, None for that of the bank.
        knobs: values that hold for this pad until the knob itself is turned.
        key: the harmony of this pad where the session sets none; ``chords`` likewise.
        tonal: whether its loops have a pitch, and so follow key and chords. Drums do not.
    """

    name: str
    prompt: str
    prompt_b: str = ""
    negative: str = ""
    color: str = "#808080"
    bars: Fraction | None = None
    knobs: Mapping[str, KnobValue] = field(default_factory=dict, hash=False)
    key: Key | None = None
    chords: Chords | None = None
    tonal: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be a pad."""
        object.__setattr__(self, "name", _named(self.name, "name"))
        for part in ("prompt", "prompt_b", "negative"):
            object.__setattr__(self, part, clean_text(getattr(self, part), part, MAX_PROMPT))
        if not self.prompt:
            raise SessionError("prompt is empty: say what the pad is to sound like")
        if not isinstance(self.color, str) or not _COLOR.fullmatch(self.color.lower()):
            raise SessionError(
                f"color is {shown(self.color)}, but must be six hexadecimal digits such as '#ff8800'"
            )
        object.__setattr__(self, "color", self.color.lower())
        if self.bars is not None:
            object.__setattr__(self, "bars", parse_bars(self.bars))
        checked = {name: find_knob(name).check(value) for name, value in self.knobs.items()}
        object.__setattr__(self, "knobs", MappingProxyType(checked))


@dataclass(frozen=True, slots=True)
class MidiMap:
    """Which notes are the pads, which controllers turn which knob, and which knob velocity turns, if any.

    >>> MidiMap().pad_of(36), MidiMap().pad_of(35), MidiMap(ccs={1: "morph"}).knob_of(1)
    (1, None, 'morph')
    """

    first_note: int = FIRST_NOTE
    ccs: Mapping[int, str] = field(default_factory=default_ccs, hash=False)
    velocity_knob: str | None = None

    def __post_init__(self) -> None:
        """Refuse notes, controllers and knobs that are none."""
        last = 128 - NUM_PADS
        if (
            isinstance(self.first_note, bool)
            or not isinstance(self.first_note, int)
            or not 0 <= self.first_note <= last
        ):
            raise SessionError(
                f"first_note is {shown(self.first_note)}, but must be a whole number from 0 to {last}"
            )
        for cc, name in self.ccs.items():
            if isinstance(cc, bool) or not isinstance(cc, int) or not 0 <= cc <= 119:
                raise SessionError(f"controller is {shown(cc)}, but must be a whole number from 0 to 119")
            find_knob(name)
        object.__setattr__(self, "ccs", MappingProxyType(dict(self.ccs)))
        if self.velocity_knob is not None:
            find_knob(self.velocity_knob)

    def pad_of(self, note: int) -> int | None:
        """Return the pad, 1 to 16, that a MIDI note plays, or None."""
        pad = note - self.first_note + 1
        return pad if 1 <= pad <= NUM_PADS else None

    def note_of(self, pad: int) -> int:
        """Return the MIDI note of a pad from 1 to 16."""
        return self.first_note + pad - 1

    def knob_of(self, cc: int) -> str | None:
        """Return the knob that a controller turns, or None."""
        return self.ccs.get(cc)


@dataclass(frozen=True, slots=True)
class Bank:
    """Sixteen pads, and what they suggest where nobody has set it: tempo, meter, bars, key and chords."""

    name: str
    title: str
    pads: tuple[Pad, ...]
    midi: MidiMap = field(default_factory=MidiMap)
    tempo: Tempo | None = None
    meter: Meter | None = None
    bars: Fraction | None = None
    key: Key | None = None
    chords: Chords | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be a bank."""
        if not isinstance(self.name, str) or len(self.name) > MAX_NAME or not _BANK_NAME.fullmatch(self.name):
            raise SessionError(
                f"name is {shown(self.name)}, but must be lower-case letters and digits with "
                "hyphens, such as 'drum-and-bass'"
            )
        object.__setattr__(self, "title", _named(self.title, "title"))
        if len(self.pads) != NUM_PADS:
            raise SessionError(f"bank {self.name} has {len(self.pads)} pads, but must have {NUM_PADS}")
        if self.bars is not None:
            object.__setattr__(self, "bars", parse_bars(self.bars))

    def pad(self, number: int) -> Pad:
        """Return pad 1 to 16.

        Raises:
            SessionError: for another number.
        """
        if not 1 <= number <= NUM_PADS:
            raise SessionError(f"pad is {number}, but must be a whole number from 1 to {NUM_PADS}")
        return self.pads[number - 1]


def _named(value: object, what: str) -> str:
    text = clean_text(value, what, MAX_NAME)
    if not text:
        raise SessionError(f"{what} is empty: give it a short name")
    return text
