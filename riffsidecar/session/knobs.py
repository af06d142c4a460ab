"""The table of knobs: what can be turned, how far, from where, and what it does.

OSC dispatch, validation, MIDI mapping, the README, ``riffsidecar knobs`` and the parameters of Max devices
are all read from :data:`KNOBS`; adding a knob is adding a row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from riffsidecar.errors import SessionError, UnknownNameError, nearest
from riffsidecar.music.shown import shown

__all__ = [
    "FREE",
    "KNOBS",
    "Knob",
    "KnobValue",
    "check_knob",
    "default_ccs",
    "find_knob",
    "knob_rows",
    "knob_table",
]

KnobValue = float | str | None
"""A number, one of the knob's choices, or None where the model is free."""

FREE: Final = "free"
"""How None is written by a client or in a preset."""

# A value crosses OSC as a 32-bit float: 0.7 arrives as 0.69999999, which would be another request.
_DECIMALS = 5


@dataclass(frozen=True, slots=True)
class Knob:
    """One row of the table: a range, or a list of choices.

    A default of None leaves the model free until the knob is turned; such a knob takes ``"free"`` as well.
    """

    name: str
    minimum: float
    maximum: float
    default: KnobValue
    unit: str
    cc: int | None
    help: str
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a row that contradicts itself."""
        if not self.minimum < self.maximum:
            raise SessionError(
                f"knob {self.name} goes from {self.minimum} to {self.maximum}: nothing lies between"
            )
        if self.choices and self.maximum - self.minimum != len(self.choices) - 1:
            raise SessionError(f"knob {self.name} has {len(self.choices)} choices and another range")
        if self.cc is not None and not 0 <= self.cc <= 119:
            raise SessionError(
                f"knob {self.name} has the controller {self.cc}, but must have one from 0 to 119"
            )
        self.check(self.default)

    @property
    def osc(self) -> str:
        """Return the OSC address that sets the knob."""
        return f"/riff/knob/{self.name}"

    @property
    def allowed(self) -> str:
        """Return what the knob takes, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}, or {self.minimum:g} to {self.maximum:g}"
        return f"a number from {self.minimum:g} to {self.maximum:g}" + (
            f", or {FREE}" if self.is_optional else ""
        )

    @property
    def is_optional(self) -> bool:
        """Return whether the model may be left free."""
        return self.default is None

    def check(self, value: object) -> KnobValue:
        """Return a value from a client as this knob holds it.

        Raises:
            SessionError: naming the range, or the choice that is nearest.

        >>> KNOBS["morph"].check(0.30000001), KNOBS["quality"].check(2), KNOBS["energy"].check("free")
        (0.3, 'fine', None)
        """
        if self.is_optional and (value is None or value == FREE):
            return None
        if isinstance(value, str) and self.choices:
            if value.strip().lower() in self.choices:
                return value.strip().lower()
            raise SessionError(
                f"{self.name} is {shown(value)}, but must be {self.allowed}"
                + nearest(value[:32].lower(), self.choices)
            )
        number = _number(value)
        if number is None:
            raise SessionError(f"{self.name} is {shown(value)}, but must be {self.allowed}")
        number = round(number, _DECIMALS) + 0.0
        if not self.minimum <= number <= self.maximum:
            raise SessionError(f"{self.name} is {number:g}, but must be {self.allowed}")
        if not self.choices:
            return number
        if number != int(number):
            raise SessionError(f"{self.name} is {number:g}, but must be {self.allowed}")
        return self.choices[int(number - self.minimum)]

    def from_unit(self, position: float) -> KnobValue:
        """Return the value at a position of a controller, 0 (left) to 1 (right).

        >>> KNOBS["guidance"].from_unit(0.5), KNOBS["quality"].from_unit(0.5), KNOBS["quality"].from_unit(1.0)
        (3.5, 'normal', 'fine')
        """
        place = min(max(position, 0.0), 1.0)
        if self.choices:
            return self.choices[min(int(place * len(self.choices)), len(self.choices) - 1)]
        return self.check(self.minimum + place * (self.maximum - self.minimum))

    def to_unit(self, value: KnobValue) -> float | None:
        """Return the position of a controller, 0 to 1, for a value of the knob; None where it is free.

        >>> KNOBS["guidance"].to_unit(3.5), KNOBS["density"].to_unit(None), KNOBS["quality"].to_unit("fine")
        (0.5, None, 1.0)
        """
        checked = self.check(value)
        if checked is None:
            return None
        number = self.choices.index(checked) + self.minimum if isinstance(checked, str) else checked
        return (number - self.minimum) / (self.maximum - self.minimum)


def _number(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        try:
            value = float(value) if len(value) <= 24 else None
        except ValueError:
            return None
    if isinstance(value, int | float) and abs(value) < 1e12 and math.isfinite(value):
        return float(value)
    return None


# 70 to 77 are what the eight knobs of common pad keyboards send; 74 is brightness in MIDI itself.
_ROWS = (
    Knob("morph", 0, 1, 0.0, "", 70, "from prompt A (0) to prompt B (1)"),
    Knob("drift", 0, 1, 0.0, "", 71, "walks from this seed to the next: the same idea, played otherwise"),
    Knob(
        "strength",
        0,
        1,
        1.0,
        "",
        72,
        "how far the next loop of a slot goes from its current one, or from its seed audio: 1 is a new loop, "
        "less stays nearer, 0 is the same again",
    ),
    Knob("guidance", 1, 6, 4.0, "", 73, "how strictly the prompt is followed: 1 loosely, 6 to the letter"),
    Knob("brightness", 0, 1, None, "", 74, "dark (0) to bright (1)"),
    Knob("density", 0, 1, None, "", 75, "few notes (0) to many (1)"),
    Knob("energy", 0, 1, None, "", 76, "thin and gentle (0) to full and forceful (1)"),
    Knob(
        "quality", 0, 2, "normal", "", 77, "denoising steps: draft is quickest", ("draft", "normal", "fine")
    ),
)

KNOBS: Final[Mapping[str, Knob]] = MappingProxyType({row.name: row for row in _ROWS})
"""Every knob by its name."""


def find_knob(name: str) -> Knob:
    """Return a knob by its name.

    Raises:
        UnknownNameError: naming the nearest one.
    """
    if name not in KNOBS:
        raise UnknownNameError(
            f"no knob {shown(name)}, but one of {', '.join(KNOBS)}{nearest(str(name)[:32], KNOBS)}"
        )
    return KNOBS[name]


def check_knob(name: str, value: object) -> KnobValue:
    """Return a value as the knob of this name holds it.

    Raises:
        UnknownNameError: for an unknown name, with the nearest one.
        SessionError: for a value out of range.

    >>> check_knob("guidance", 2)
    2.0
    """
    return find_knob(name).check(value)


def default_ccs() -> dict[int, str]:
    """Return the knob that each MIDI controller turns where a bank says nothing else."""
    return {knob.cc: knob.name for knob in KNOBS.values() if knob.cc is not None}


def knob_rows() -> list[tuple[str, str, str, str, str, str]]:
    """Return name, range, default, OSC address, MIDI controller and help of every knob, as people read them.

    >>> knob_rows()[0][:5]
    ('morph', '0 to 1', '0', '/riff/knob/morph', '70')
    """
    rows = []
    for knob in KNOBS.values():
        unit = f" {knob.unit}" if knob.unit else ""
        span = ", ".join(knob.choices) or f"{knob.minimum:g} to {knob.maximum:g}{unit}"
        if knob.default is None:
            default = FREE
        else:
            default = f"{knob.default:g}" if isinstance(knob.default, float) else knob.default
        rows.append((knob.name, span, default, knob.osc, "" if knob.cc is None else str(knob.cc), knob.help))
    return rows


def knob_table() -> str:
    """Return the table of knobs as Markdown.

    >>> print(knob_table().splitlines()[0])
    | knob | range | default | OSC | CC | what it does |
    """
    lines = ["| knob | range | default | OSC | CC | what it does |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {name} | {span} | {default} | `{osc}` | {cc} | {text} |"
        for name, span, default, osc, cc, text in knob_rows()
    ]
    return "\n".join(lines) + "\n"
