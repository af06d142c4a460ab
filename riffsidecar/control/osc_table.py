"""THE table of OSC addresses: what each takes, what it answers, what it does.

The server dispatches by it, ``/riff/query help`` reads it aloud, the README's reference is made from it, and
the fuzz tests begin from its examples. Adding an address is adding a row; the knobs bring their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from riffsidecar.control import osc_commands
from riffsidecar.control.osc_codec import OscValue
from riffsidecar.errors import OscError, UnknownNameError, nearest
from riffsidecar.session import commands
from riffsidecar.session.actions import ACTIONS, Action
from riffsidecar.session.journey_command import JOURNEY_OPTIONS
from riffsidecar.session.knobs import KNOBS, Knob
from riffsidecar.session.learning import LEARN_MODES
from riffsidecar.session.options import OPTIONS
from riffsidecar.session.seeds import USE_HELP

__all__ = [
    "ADDRESSES",
    "ANSWERS",
    "QUERIES",
    "Argument",
    "OscAddress",
    "OscAnswer",
    "find_address",
]

Kind = Literal["whole", "number", "text", "any"]

QUERIES: Final = ("state", "knobs", "banks", "pads", "loops", "seeds", "ports", "help")
"""What ``/riff/query`` can be asked for."""

_KIND_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {"whole": "a whole number", "number": "a number", "text": "text", "any": "a number or text"}
)
_MAX_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of an address; numbers come as i or f alike."""

    name: str
    kind: Kind
    required: bool = True

    def check(self, value: OscValue) -> OscValue:
        """Return the value as the kind says.

        Raises:
            OscError: when it is of another kind.

        >>> Argument("n", "whole").check(3.0)
        3
        """
        if self.kind == "text" and isinstance(value, str):
            return value
        if self.kind == "any" or (self.kind == "number" and not isinstance(value, str)):
            return value
        if self.kind == "whole" and not isinstance(value, str) and value == int(value):
            return int(value)
        shown = value[:_MAX_SHOWN] if isinstance(value, str) else value
        raise OscError(f"{self.name} is {shown!r}, but must be {_KIND_WORDS[self.kind]}")


@dataclass(frozen=True, slots=True)
class OscAddress:
    """One row: an address, its arguments and answers, its help, and the command it makes.

    Attributes:
        arguments: the named arguments; those that may be left out come last.
        rest: what more may follow, in words; empty when nothing may.
        answers: addresses that answer this one, besides ack and done.
        example: arguments that are valid.
        build: makes the command; None for the addresses that the server answers itself.
        coalesce: a newer message may replace one that nobody has looked at yet.
    """

    address: str
    arguments: tuple[Argument, ...]
    answers: tuple[str, ...]
    help: str
    example: tuple[OscValue, ...] = ()
    build: osc_commands.Build | None = None
    rest: str = ""
    coalesce: bool = False

    @property
    def usage(self) -> str:
        """Return the address with its arguments as a person writes them.

        >>> ADDRESSES["/riff/pad"].usage
        '/riff/pad n [velocity]'
        """
        words = [item.name if item.required else f"[{item.name}]" for item in self.arguments]
        return " ".join([self.address, *words, *([self.rest] if self.rest else [])])

    def check(self, arguments: tuple[OscValue, ...]) -> tuple[OscValue, ...]:
        """Return the arguments, each of its kind.

        Raises:
            OscError: when there are too few, too many, or one is of another kind.
        """
        required = sum(item.required for item in self.arguments)
        if len(arguments) < required or (len(arguments) > len(self.arguments) and not self.rest):
            raise OscError(f"{len(arguments)} arguments, but the usage is: {self.usage}")
        named = (item.check(value) for item, value in zip(self.arguments, arguments, strict=False))
        try:
            return (*named, *arguments[len(self.arguments) :])
        except OscError as error:
            raise OscError(f"{error}; the usage is: {self.usage}") from error

    def command(self, arguments: tuple[OscValue, ...]) -> commands.Command | None:
        """Return the command that a message asks for, or None when it asks for none (a pad that is let go).

        Raises:
            RiffError: when the arguments do not fit.
        """
        checked = self.check(arguments)
        return self.build(checked) if self.build else None


@dataclass(frozen=True, slots=True)
class OscAnswer:
    """An address that riffsidecar sends, and never takes."""

    address: str
    arguments: str
    help: str


def _action_row(action: Action) -> OscAddress:
    needed = any(item.is_required for item in action.parameters)
    slot = Argument("slot", "whole", needed)
    values = tuple(Argument(item.name, item.kind, item.is_required) for item in action.parameters)
    text = f"{action.help}; slot {osc_commands.LAST_SLOT} is the one played last"
    answers = ("/riff/progress",) if action.makes_loop else ()
    example = (3, *action.example)
    return OscAddress(action.osc, (slot, *values), answers, text, example, osc_commands.make_action(action))


def _knob_row(knob: Knob) -> OscAddress:
    value = Argument("value", "any")
    example = knob.choices[-1] if knob.choices else knob.minimum + (knob.maximum - knob.minimum) / 4
    text = f"{knob.help} ({knob.allowed}; {commands.RELEASE} lets it go)"
    return OscAddress(knob.osc, (value,), (), text, (example,), osc_commands.make_knob(knob), coalesce=True)


_N = Argument("n", "whole")
_MORE = "..."
_ROWS = (
    OscAddress(
        "/riff/ping",
        (Argument("nonce", "any", False),),
        ("/riff/pong",),
        "asks whether the daemon is there",
        (7,),
    ),
    OscAddress(
        "/riff/hello",
        (Argument("reply_port", "whole"), Argument("name", "text", False)),
        ("/riff/welcome",),
        "names the port, at this client's own address, that answers go to (0: the port it sends from), "
        "and asks to be told of every loop and every change of state",
        (9124, "max"),
    ),
    OscAddress(
        "/riff/pad",
        (_N, Argument("velocity", "whole", False)),
        ("/riff/progress",),
        "triggers pad 1 to 16 of the current bank, with a velocity from 1 to 127; "
        "velocity 0 is a button let go, and does nothing",
        (3, 100),
        osc_commands.make_pad,
    ),
    OscAddress(
        "/riff/render",
        (Argument("prompt", "text"),),
        ("/riff/progress",),
        f"renders a prompt into slot 0; the keys are {', '.join(OPTIONS)}",
        ("warm analog pad", "bpm", 87.5, "bars", 2, "key", "Am"),
        osc_commands.make_render,
        rest="[key value]...",
    ),
    OscAddress(
        "/riff/journey",
        (Argument("prompt", "text"), Argument("next_prompt", "text")),
        ("/riff/progress",),
        "lets prompts flow into one another bar by bar, as a chain of loops in a slot, or in so many slots "
        "one after the other, as pieces or as one file, each of which ends in /riff/done; more prompts may "
        "follow, then keys: "
        f"{', '.join(JOURNEY_OPTIONS)}",
        ("ambient pad", "acid techno", "bars", 32, "loops", 4, "slot", 16),
        osc_commands.make_journey,
        rest="[next_prompt]... [key value]...",
    ),
    *(_knob_row(knob) for knob in KNOBS.values()),
    *(_action_row(action) for action in ACTIONS.values()),
    OscAddress(
        "/riff/tempo",
        (Argument("bpm", "any"), Argument("source", "text", False)),
        (),
        f"sets the tempo, 20 to 400 quarter notes a minute; {commands.RELEASE} lets the next source lead; "
        "the source is request, or live for the Live device",
        (123.45,),
        osc_commands.make_tempo,
    ),
    OscAddress(
        "/riff/meter",
        (_N, Argument("d", "whole")),
        (),
        "sets the meter, such as 7 8",
        (7, 8),
        osc_commands.make_meter,
    ),
    OscAddress(
        "/riff/learn",
        (Argument("target", "any"),),
        (),
        "ties the MIDI control that moves next to a pad such as pad 3 or a knob such as morph; the last word "
        f"may be one of {', '.join(LEARN_MODES)}; none waits no longer",
        ("pad 3",),
        osc_commands.make_learn,
        _MORE,
    ),
    OscAddress(
        "/riff/transport",
        (Argument("playing", "whole"), Argument("position", "number", False)),
        (),
        "says that the host plays, 1, or stands still, 0; position is where the song is, in quarter notes "
        "from 0, and bars are counted from there",
        (1, 16.0),
        osc_commands.make_transport,
    ),
    OscAddress(
        "/riff/follow",
        (Argument("policy", "text"),),
        (),
        "chooses what loops do when tempo or meter change: follow decodes them at the new tempo within 12 % "
        "and makes them anew beyond; decode does only the former; hold leaves them",
        ("decode",),
        osc_commands.make_follow,
    ),
    OscAddress(
        "/riff/model",
        (Argument("name", "text"),),
        (),
        "chooses an installed model by its name for every loop to come; embedded is the one in the package",
        ("embedded",),
        osc_commands.make_model,
    ),
    OscAddress(
        "/riff/bars",
        (Argument("n", "any"),),
        (),
        f"sets the bars of every loop, 1/4 to 64; {commands.RELEASE} gives each pad its own",
        (4,),
        osc_commands.make_bars,
    ),
    OscAddress(
        "/riff/key",
        (Argument("name", "any"),),
        (),
        "sets the key, or none",
        ("F#m",),
        osc_commands.make_key,
        _MORE,
    ),
    OscAddress(
        "/riff/chords",
        (Argument("chords", "any"),),
        (),
        "sets the chords, one a bar, or several between bar lines; or none",
        ("Am F | C G",),
        osc_commands.make_chords,
        _MORE,
    ),
    OscAddress(
        "/riff/bank",
        (Argument("name", "any"),),
        (),
        "selects a bank by name, or by number from 1",
        (1,),
        osc_commands.make_bank,
    ),
    OscAddress(
        "/riff/seed", (_N,), (), "sets the noise seed, 0 to 2147483647", (42,), osc_commands.make_seed
    ),
    OscAddress(
        "/riff/seedaudio",
        (Argument("slot", "whole"), Argument("name", "text")),
        (),
        f"gives a slot a seed of the seed folder by its name, or none; the use is {USE_HELP}, and sound "
        "where "
        "it is left out. What the slot played last is made anew",
        (3, "dusty-break", "groove"),
        osc_commands.make_seed_audio,
        rest="[use]...",
    ),
    OscAddress(
        "/riff/cancel",
        (Argument("slot", "whole", False),),
        (),
        "stops what a slot renders, or all slots",
        (3,),
        osc_commands.make_cancel,
    ),
    OscAddress(
        "/riff/query",
        (Argument("what", "text"),),
        ("/riff/state", "/riff/info"),
        f"asks for {', '.join(QUERIES[:-1])} or {QUERIES[-1]}",
        ("help",),
    ),
)

ADDRESSES: Final[Mapping[str, OscAddress]] = MappingProxyType({row.address: row for row in _ROWS})
"""Every address that riffsidecar takes."""

_ANSWER_ROWS = (
    OscAnswer(
        "/riff/pong",
        "nonce version state",
        "the daemon is there; state is loading, ready, rendering, stopping, no-model or worker-down; "
        "what is wrong is in the state's problem",
    ),
    OscAnswer("/riff/welcome", "reply_port version state name", "answers go to this port from now on"),
    OscAnswer("/riff/ack", "id slot", "the request was taken; slot is -1 when it makes no loop"),
    OscAnswer(
        "/riff/progress", "id fraction eta_s slot stage", "a render goes on, 0 to 1; seconds that are left"
    ),
    OscAnswer(
        "/riff/done",
        "id slot path bars bpm key seed samples sr render_s cached bar",
        "the request is done; without a loop slot is -1, path and key are empty and the numbers 0; bar is "
        "the first one, counted from 1, that the loop is ready for, 0 while nothing plays",
    ),
    OscAnswer(
        "/riff/preview",
        "id slot path bars bpm key seed samples sr render_s cached bar",
        "a draft of the loop, in time for a bar that the loop itself would miss; /riff/done follows",
    ),
    OscAnswer(
        "/riff/error",
        "id code text",
        "the request failed: a short code for programs, a text for people; superseded and cancelled are no "
        "failures, and superseded is told to nobody but who asked",
    ),
    OscAnswer(
        "/riff/state",
        "name value...",
        "one entry of the session's state; sent unasked when it changes; a seed that has gone has none",
    ),
    OscAnswer("/riff/info", "what value...", "one row of an answer to knobs, banks, pads, ports or help"),
)

ANSWERS: Final[Mapping[str, OscAnswer]] = MappingProxyType({row.address: row for row in _ANSWER_ROWS})
"""Every address that riffsidecar sends."""


def find_address(address: str) -> OscAddress:
    """Return the row of an address.

    Raises:
        UnknownNameError: naming the nearest one.
    """
    row = ADDRESSES.get(address)
    if row is None:
        raise UnknownNameError(
            f"no address {address[:80]!r}{nearest(address[:80], ADDRESSES)} (/riff/query help lists them)"
        )
    return row
