"""The table of actions: what can be done to the loop of a slot, besides turning a knob.

OSC dispatch, the MIDI maps of presets, ``riffsidecar do`` and the README are all read from :data:`ACTIONS`;
adding an action is adding a row, and what it does to a slot.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from riffsidecar.errors import SessionError, UnknownNameError, nearest
from riffsidecar.music.shown import shown

__all__ = [
    "ACTIONS",
    "DRUM_PARTS",
    "Action",
    "ActionValue",
    "BoundAction",
    "Parameter",
    "action_rows",
    "action_table",
    "default_keys",
    "find_action",
    "read_action",
]

ActionValue = float | str
"""A value of an action: a number, or one of its words."""

BoundAction = tuple[str, tuple[ActionValue, ...]]
"""An action by its name, with all its values."""

DRUM_PARTS: Final = ("only", "without", "both")
"""What can be asked of the drums of a loop."""

_DECIMALS = 5
_MAX_TEXT = 100


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value that an action takes; without a default it has to be given.

    ``like`` names an earlier parameter whose value is the default.
    """

    name: str
    kind: Literal["whole", "number", "text"]
    minimum: float = 0.0
    maximum: float = 0.0
    default: ActionValue | None = None
    choices: tuple[str, ...] = ()
    like: str = ""

    @property
    def is_required(self) -> bool:
        """Return whether the value has to be given."""
        return self.default is None and not self.like

    @property
    def allowed(self) -> str:
        """Return what may be given, in words."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        what = "a whole number" if self.kind == "whole" else "a number"
        return f"{what} from {self.minimum:g} to {self.maximum:g}"

    def check(self, value: object) -> ActionValue:
        """Return a value from a client as the action takes it.

        Raises:
            SessionError: naming the range, or the choice that is nearest.

        >>> ACTIONS["change"].parameters[0].check(3.0), ACTIONS["drums"].parameters[0].check("Only")
        (3, 'only')
        """
        if self.choices:
            text = value.strip().lower() if isinstance(value, str) else ""
            if text in self.choices:
                return text
            raise SessionError(
                f"{self.name} is {shown(value)}, but must be {self.allowed}{nearest(text[:32], self.choices)}"
            )
        number = _number(value)
        fits = number is not None and self.minimum <= number <= self.maximum
        if number is None or not fits or (self.kind == "whole" and number != int(number)):
            raise SessionError(f"{self.name} is {shown(value)}, but must be {self.allowed}")
        return int(number) if self.kind == "whole" else round(number, _DECIMALS)


@dataclass(frozen=True, slots=True)
class Action:
    """One row of the table.

    Attributes:
        example: values that it takes.
        makes_loop: whether it asks for a new loop.
        keys: what the notes above the pads do where a bank says nothing else: how far above the last pad, and
            with which values.
    """

    name: str
    parameters: tuple[Parameter, ...]
    help: str
    example: tuple[ActionValue, ...] = ()
    makes_loop: bool = True
    keys: tuple[tuple[int, tuple[ActionValue, ...]], ...] = ()

    @property
    def osc(self) -> str:
        """Return the OSC address of the action.

        >>> ACTIONS["lock-bars"].osc
        '/riff/lock/bars'
        """
        return f"/riff/{self.name.replace('-', '/')}"

    @property
    def usage(self) -> str:
        """Return the action as a preset or a person writes it.

        >>> ACTIONS["like"].usage, ACTIONS["lock-bars"].usage
        ('like [distance]', 'lock-bars from [to]')
        """
        words = [item.name if item.is_required else f"[{item.name}]" for item in self.parameters]
        return " ".join([self.name, *words])

    def check(self, values: Sequence[object]) -> tuple[ActionValue, ...]:
        """Return all values of the action, those that were left out by their defaults.

        Raises:
            SessionError: when there are too few or too many, or one cannot be.

        >>> ACTIONS["change"].check([3]), ACTIONS["like"].check([])
        ((3, 3), (0.5,))
        """
        required = sum(item.is_required for item in self.parameters)
        if not required <= len(values) <= len(self.parameters):
            raise SessionError(f"{self.name} has {len(values)} values, but must be written as: {self.usage}")
        checked: dict[str, ActionValue] = {}
        for index, item in enumerate(self.parameters):
            if index < len(values):
                checked[item.name] = item.check(values[index])
            elif item.default is not None:
                checked[item.name] = item.default
            else:
                checked[item.name] = checked[item.like]
        return tuple(checked.values())


def _number(value: object) -> float | None:
    if isinstance(value, str):
        above, slash, below = value.strip().partition("/")
        if len(value) > 24 or (slash and not (above.isdecimal() and below.isdecimal() and int(below))):
            return None
        try:
            value = int(above) / int(below) if slash else float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e12:
        return None
    return float(value) if math.isfinite(value) else None


_BARS = (Parameter("from", "whole", 1, 64), Parameter("to", "whole", 1, 64, like="from"))
_BAR = (Parameter("bar", "whole", 1, 64), Parameter("to", "whole", 1, 64, like="bar"))
_HZ = (Parameter("low", "number", 0, 22050), Parameter("high", "number", 0, 22050))

_ROWS = (
    Action("again", (), "makes the loop anew from another seed", keys=((1, ()),)),
    Action(
        "like",
        (Parameter("distance", "number", 0, 1, 0.5),),
        "makes a neighbour of the current loop: distance 0 is that loop, 1 forgets it",
        example=(0.3,),
        keys=((2, ()),),
    ),
    Action(
        "keep",
        (Parameter("on", "whole", 0, 1, 1),),
        "marks the current loop as a favourite: knobs leave it alone, it is never made anew; 0 lets it go",
        example=(1,),
        makes_loop=False,
        keys=((3, ()),),
    ),
    Action(
        "undo", (), "goes back to the loop before, as the file that it is", makes_loop=False, keys=((4, ()),)
    ),
    Action("redo", (), "takes an undo back", makes_loop=False, keys=((5, ()),)),
    Action(
        "fill",
        (Parameter("bars", "number", 0.125, 16, 0.5),),
        "makes the last bars, or part of one, anew and busier; the rest is kept",
        example=(0.5,),
        keys=((6, ()),),
    ),
    Action(
        "drums",
        (Parameter("part", "text", choices=DRUM_PARTS),),
        "asks for the drums only, for all without drums, or for both again",
        example=("only",),
        keys=((7, ("only",)), (8, ("without",))),
    ),
    Action(
        "change",
        _BAR,
        "makes one bar anew, or those from bar to bar; all others are kept",
        example=(3,),
        keys=tuple((8 + bar, (bar,)) for bar in range(1, 5)),
    ),
    Action(
        "lock-bars",
        _BARS,
        "keeps these bars of the current loop in every loop to come, until unlock",
        example=(1, 2),
        makes_loop=False,
        keys=tuple((12 + bar, (bar,)) for bar in range(1, 4)),
    ),
    Action(
        "lock-band",
        _HZ,
        "keeps this band of the current loop, in Hz, in every loop to come, until unlock",
        example=(20, 200),
        makes_loop=False,
    ),
    Action("unlock", (), "lets every locked bar and band go", makes_loop=False, keys=((16, ()),)),
)

ACTIONS: Final[Mapping[str, Action]] = MappingProxyType({row.name: row for row in _ROWS})
"""Every action by its name."""


def find_action(name: str) -> Action:
    """Return an action by its name.

    Raises:
        UnknownNameError: naming the nearest one.
    """
    if name not in ACTIONS:
        raise UnknownNameError(
            f"no action {shown(name)}, but one of {', '.join(ACTIONS)}{nearest(str(name)[:32], ACTIONS)}"
        )
    return ACTIONS[name]


def read_action(text: str) -> BoundAction:
    """Read an action with its values as a preset writes it.

    Raises:
        UnknownNameError: for an unknown action, with the nearest one.
        SessionError: for values that it does not take.

    >>> read_action("change 3"), read_action("again")
    (('change', (3, 3)), ('again', ()))
    """
    name, *values = text[:_MAX_TEXT].split() or [""]
    return name, find_action(name).check(values)


def default_keys() -> dict[int, BoundAction]:
    """Return what the sixteen notes above the pads do, from 1, where a bank says nothing else.

    >>> default_keys()[1], len(default_keys())
    (('again', ()), 16)
    """
    return {key: (row.name, row.check(values)) for row in ACTIONS.values() for key, values in row.keys}


def action_rows() -> list[tuple[str, str, str, str]]:
    """Return usage, OSC address, notes above the pads and help of every action, as people read them."""
    rows = []
    for row in ACTIONS.values():
        notes = ", ".join(
            f"{key}" + (f" ({' '.join(str(value) for value in values)})" if values else "")
            for key, values in row.keys
        )
        rows.append((row.usage, row.osc, notes, row.help))
    return rows


def action_table() -> str:
    """Return the table of actions as Markdown.

    >>> print(action_table().splitlines()[0])
    | action | OSC | note above the pads | what it does |
    """
    lines = ["| action | OSC | note above the pads | what it does |", "|---|---|---|---|"]
    lines += [f"| `{usage}` | `{osc}` | {notes} | {text} |" for usage, osc, notes, text in action_rows()]
    return "\n".join(lines) + "\n"
