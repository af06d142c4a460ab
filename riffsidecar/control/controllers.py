"""The table of pad controllers: which notes are their pads, which controllers their knobs, how they light up.

Notes, controllers and colours come from the makers' programmer's references and from what the devices were
seen to send with their factory settings. What a table does not know, learn mode does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from riffsidecar.control.leds import Light
from riffsidecar.errors import UnknownNameError, nearest
from riffsidecar.session.knobs import KNOBS
from riffsidecar.session.pads import FIRST_NOTE, NUM_PADS

__all__ = ["CONTROLLERS", "GENERIC", "Controller", "controller_table", "find_controller", "guess_controller"]

_NOTE_ON = 0x90
_PULSING_CHANNEL = 2  # the third, where Launchpads let a colour pulse
_STATES = {light: int(light) for light in Light}


@dataclass(frozen=True, slots=True)
class Controller:
    """One row: a controller as its maker ships it.

    Attributes:
        name: for the configuration, and ``title`` for people.
        port: a pattern that the names of its ports match; empty for none.
        notes: the notes of pads 1 to 16, on any channel.
        knobs: the knobs by their controller numbers.
        relative: how its knobs write their steps where they are endless; empty where they are not.
        colors: the velocity that lights a pad in each state, empty where its pads have no lights of ours.
        pulses: whether a pad that is being rendered pulses, on the third channel.
        enter: what brings it into the mode in which all this is so, and ``leave`` back.
        note: what a person has to know.
    """

    name: str
    title: str
    port: str
    notes: tuple[int, ...]
    knobs: Mapping[int, str]
    relative: str = ""
    colors: Mapping[Light, int] = field(default_factory=lambda: _STATES)
    pulses: bool = False
    enter: bytes = b""
    leave: bytes = b""
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse a row that contradicts itself."""
        if len(self.notes) != NUM_PADS or len(set(self.notes)) != NUM_PADS:
            raise UnknownNameError(f"controller {self.name} needs {NUM_PADS} different notes")
        object.__setattr__(self, "knobs", MappingProxyType(dict(self.knobs)))
        object.__setattr__(self, "colors", MappingProxyType(dict(self.colors)))

    def pad_of(self, note: int) -> int | None:
        """Return the pad, 1 to 16, that a note plays, or None."""
        return self.notes.index(note) + 1 if note in self.notes else None

    def lit(self, pad: int, light: Light) -> bytes:
        """Return the message that shows a state on a pad.

        >>> launchpad = CONTROLLERS["launchpad"]
        >>> launchpad.lit(1, Light.READY).hex(), launchpad.lit(5, Light.RENDERING).hex()
        ('900b15', '921509')
        """
        channel = _PULSING_CHANNEL if self.pulses and light is Light.RENDERING else 0
        return bytes((_NOTE_ON | channel, self.notes[pad - 1], self.colors.get(light, 0)))


def _rows_of(first: int, step: int) -> tuple[int, ...]:
    """Return four rows of four notes from the lowest left one, ``step`` from row to row.

    >>> _rows_of(11, 10)[:6]
    (11, 12, 13, 14, 21, 22)
    """
    return tuple(first + step * row + column for row in range(4) for column in range(4))


def _knobs_from(*controllers: int) -> dict[int, str]:
    """Return the knobs of the table in their order, as far as there are controllers."""
    return dict(zip(controllers, KNOBS, strict=False))


# The palette that Novation's pads and the first Push share: amber, red, green.
_PALETTE = {Light.OFF: 0, Light.WAITING: 9, Light.RENDERING: 9, Light.FAILED: 5, Light.READY: 21}
_PUSH_2_PALETTE = {Light.OFF: 0, Light.WAITING: 8, Light.RENDERING: 8, Light.FAILED: 127, Light.READY: 126}
_NOVATION = bytes((0xF0, 0x00, 0x20, 0x29, 0x02))
_LAUNCHPAD_IDS = {"launchpad": 0x0C, "launchpad-mini": 0x0D, "launchpad-pro": 0x0E}


def _launchpad(name: str, title: str, port: str) -> Controller:
    def mode(number: int) -> bytes:
        return _NOVATION + bytes((_LAUNCHPAD_IDS[name], 0x0E, number, 0xF7))

    return Controller(
        name,
        title,
        port,
        _rows_of(11, 10),
        {},
        colors=_PALETTE,
        pulses=True,
        enter=mode(1),
        leave=mode(0),
        note="Name its MIDI port, not its DAW port, as input and as output: through that it is put into "
        "programmer mode. The lower left 4x4 plays.",
    )


_EIGHT = _knobs_from(*range(70, 78))
_ENCODERS = _knobs_from(*range(71, 79))
_MPC = tuple(range(FIRST_NOTE, FIRST_NOTE + NUM_PADS))
_ROWS = (
    Controller(
        "generic",
        "any 4x4 pads",
        "",
        _MPC,
        _EIGHT,
        note="Notes 36 to 51 and controllers 70 to 77; a bank may map others.",
    ),
    Controller(
        "mpk-mini",
        "Akai MPK Mini mk3",
        r"MPK ?mini",
        _MPC,
        _EIGHT,
        colors={},
        note="Pads of bank A are 1 to 8, of bank B 9 to 16. An mk2 has its knobs on 1 to 8: learn them.",
    ),
    Controller(
        "mpd218",
        "Akai MPD218",
        r"MPD ?2",
        _MPC,
        _knobs_from(3, 9, 12, 13, 14, 15),
        note="Bank A of pads and knobs, as it is shipped; the last two knobs of the table have none.",
    ),
    _launchpad("launchpad", "Novation Launchpad X", r"(LPX|Launchpad X).*MIDI|Launchpad X$"),
    _launchpad("launchpad-mini", "Novation Launchpad Mini mk3", r"(LPMiniMK3|Launchpad Mini MK3).*MIDI"),
    _launchpad("launchpad-pro", "Novation Launchpad Pro mk3", r"(LPProMK3|Launchpad Pro MK3).*MIDI"),
    Controller(
        "push",
        "Ableton Push, user mode",
        r"Ableton Push(?! ?[23]).*User|Ableton Push$",
        _rows_of(36, 8),
        _ENCODERS,
        "twos-complement",
        colors=_PALETTE,
        note="Press User. The lower left 4x4 plays, the eight encoders above the display turn the knobs.",
    ),
    Controller(
        "push-2",
        "Ableton Push 2 and 3, user mode",
        r"Ableton Push [23]",
        _rows_of(36, 8),
        _ENCODERS,
        "twos-complement",
        colors=_PUSH_2_PALETTE,
        note="Press User, and name its User port. The lower left 4x4 plays, eight encoders turn the knobs.",
    ),
    Controller(
        "maschine",
        "Native Instruments Maschine, MIDI mode",
        r"Maschine",
        tuple(range(12, 12 + NUM_PADS)),
        {},
        note="Press Shift and the button for MIDI mode. The knobs depend on its template: learn them.",
    ),
)

CONTROLLERS: Final[Mapping[str, Controller]] = MappingProxyType({row.name: row for row in _ROWS})
"""Every known controller by its name."""

GENERIC: Final = CONTROLLERS["generic"]
"""What is taken where no other is known; its notes and controllers are those of the bank."""


def find_controller(name: str) -> Controller:
    """Return a controller by its name.

    Raises:
        UnknownNameError: naming the nearest one.
    """
    if name not in CONTROLLERS:
        known = ", ".join(CONTROLLERS)
        raise UnknownNameError(
            f"no controller {name[:40]!r}, but one of {known}{nearest(name[:40], CONTROLLERS)}"
        )
    return CONTROLLERS[name]


def guess_controller(port: str) -> Controller:
    """Return the controller that a port's name tells, or the generic one.

    >>> guess_controller("MPD218:MPD218 MIDI 1 24:0").name, guess_controller("UM-ONE").name
    ('mpd218', 'generic')
    """
    for controller in CONTROLLERS.values():
        if controller.port and re.search(controller.port, re.sub(r" \d+:\d+$", "", port), re.IGNORECASE):
            return controller
    return GENERIC


def controller_table() -> str:
    """Return the table as Markdown.

    >>> print(controller_table().splitlines()[0])
    | name | controller | pads | knobs | what to know |
    """
    lines = ["| name | controller | pads | knobs | what to know |", "|---|---|---|---|---|"]
    for row in CONTROLLERS.values():
        notes = f"notes {row.notes[0]} to {row.notes[-1]}"
        ccs = f"CC {', '.join(str(cc) for cc in row.knobs)}" if row.knobs else "none: learn them"
        lines.append(f"| `{row.name}` | {row.title} | {notes} | {ccs} | {row.note} |")
    return "\n".join(lines) + "\n"
