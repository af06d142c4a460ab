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
from riffsidecar.session.actions import BoundAction, default_keys, find_action
from riffsidecar.session.engines import AUTO_GUIDED, check_anchor, check_guided, check_lora, check_model
from riffsidecar.session.knobs import KnobValue, default_ccs, find_knob
from riffsidecar.session.seeds import SeedChoice
from riffsidecar.session.text import MAX_NAME, MAX_PROMPT, clean_text

__all__ = ["FIRST_NOTE", "NUM_PADS", "Bank", "MidiMap", "Pad", "keys_above"]

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
        seed_audio: the seed that its loops begin from or keep parts of, where the slot was given no other.
        tonal: whether its loops have a pitch, and so follow key and chords. Drums do not.
        model: the model of its loops, empty for that of the session; ``lora``, ``anchor`` and ``guided``
            as a request has them.
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
    seed_audio: SeedChoice | None = None
    model: str = ""
    lora: str = ""
    anchor: str = ""
    guided: float = AUTO_GUIDED

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
        if self.model:
            check_model(self.model)
        object.__setattr__(self, "lora", check_lora(self.lora))
        object.__setattr__(self, "anchor", check_anchor(self.anchor))
        object.__setattr__(self, "guided", check_guided(self.guided))
        checked = {name: find_knob(name).check(value) for name, value in self.knobs.items()}
        object.__setattr__(self, "knobs", MappingProxyType(checked))


@dataclass(frozen=True, slots=True)
class MidiMap:
    """Which notes are the pads, which controllers turn which knob, and which of both do what to a loop.

    Attributes:
        first_note: the note of pad 1.
        ccs: controllers and the knobs that they turn.
        velocity_knob: the knob that velocity turns, if any.
        keys: notes and the actions that they do to the slot that was played last; those left out are the
            sixteen above the pads, as :func:`default_keys` has them.
        buttons: controllers that do actions when their value rises to 64 or more.

    >>> MidiMap().pad_of(36), MidiMap().pad_of(35), MidiMap(ccs={1: "morph"}).knob_of(1)
    (1, None, 'morph')
    >>> MidiMap().action_of_note(52)
    ('again', ())
    """

    first_note: int = FIRST_NOTE
    ccs: Mapping[int, str] = field(default_factory=default_ccs, hash=False)
    velocity_knob: str | None = None
    keys: Mapping[int, BoundAction] | None = field(default=None, hash=False)
    buttons: Mapping[int, BoundAction] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Refuse notes, controllers, knobs and actions that are none."""
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
            _check_controller(cc)
            find_knob(name)
        for cc in self.buttons:
            _check_controller(cc)
            if cc in self.ccs:
                raise SessionError(f"controller {cc} turns {self.ccs[cc]}, so it cannot do an action as well")
        if self.velocity_knob is not None:
            find_knob(self.velocity_knob)
        keys = keys_above(self.first_note) if self.keys is None else dict(self.keys)
        for note in keys:
            if isinstance(note, bool) or not isinstance(note, int) or not 0 <= note <= 127:
                raise SessionError(f"note is {shown(note)}, but must be a whole number from 0 to 127")
            if self.pad_of(note) is not None:
                raise SessionError(
                    f"note {note} is pad {self.pad_of(note)}, so it cannot do an action as well"
                )
        for name, mapping in (("ccs", self.ccs), ("keys", keys), ("buttons", self.buttons)):
            object.__setattr__(self, name, MappingProxyType(dict(mapping)))
        for action, values in (*keys.values(), *self.buttons.values()):
            find_action(action).check(values)

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

    def action_of_note(self, note: int) -> BoundAction | None:
        """Return the action that a note does, with its values, or None."""
        return None if self.keys is None else self.keys.get(note)

    def action_of_cc(self, cc: int) -> BoundAction | None:
        """Return the action that a controller does, with its values, or None."""
        return self.buttons.get(cc)


def keys_above(first_note: int) -> dict[int, BoundAction]:
    """Return what the notes above the pads do where a bank says nothing else.

    >>> keys_above(36)[52], len(keys_above(100))
    (('again', ()), 12)
    """
    above = ((first_note + NUM_PADS - 1 + key, bound) for key, bound in default_keys().items())
    return {note: bound for note, bound in above if note <= 127}


def _check_controller(cc: object) -> None:
    if isinstance(cc, bool) or not isinstance(cc, int) or not 0 <= cc <= 119:
        raise SessionError(f"controller is {shown(cc)}, but must be a whole number from 0 to 119")


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

    def pad_rows(self) -> list[dict[str, object]]:
        """Return what clients are told of every pad."""
        return [
            {
                "pad": number,
                "name": pad.name,
                "prompt": pad.prompt,
                "color": pad.color,
                "tonal": pad.tonal,
            }
            for number, pad in enumerate(self.pads, 1)
        ]


def _named(value: object, what: str) -> str:
    text = clean_text(value, what, MAX_NAME)
    if not text:
        raise SessionError(f"{what} is empty: give it a short name")
    return text
