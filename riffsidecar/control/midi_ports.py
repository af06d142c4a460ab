"""MIDI ports: what the surface needs of them, and which of them it takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = [
    "OWN_INPUT",
    "OWN_OUTPUT",
    "VIRTUAL",
    "MidiBackend",
    "MidiInput",
    "MidiOutput",
    "MidiPorts",
    "Receive",
    "choose_port",
    "is_own",
    "missing_port",
]

Receive = Callable[[Sequence[int], float], None]
"""Take one message and when it came, in seconds of ``time.monotonic``.

Called from a thread of the backend: it must neither block nor raise.
"""

VIRTUAL = "virtual"
"""Where this stands for a port's name, a port of our own is opened, for others to connect to."""

OWN_INPUT, OWN_OUTPUT = "pads", "lights"
"""What our own ports are called: others send to the one and hear the other."""

_CLIENT = "riffsidecar"
_THROUGH = "midi through"


class MidiInput(Protocol):
    """An open input."""

    def close(self) -> None:
        """Close it; no message is received afterwards."""
        ...


class MidiOutput(Protocol):
    """An open output."""

    def send(self, data: Sequence[int]) -> None:
        """Send one message."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class MidiBackend(Protocol):
    """The MIDI system. Every method but ``close`` raises a MidiError when the system refuses."""

    @property
    def is_gone(self) -> bool:
        """Return whether it will never answer again, and a new one is needed."""
        ...

    def when_gone(self, tell: Callable[[], None]) -> None:
        """Call ``tell``, on any thread, as soon as it is gone; it must neither block nor raise."""
        ...

    def inputs(self) -> tuple[str, ...]:
        """Return the names of the ports that can be listened to."""
        ...

    def outputs(self) -> tuple[str, ...]:
        """Return the names of the ports that can be sent to."""
        ...

    def open_input(self, name: str, receive: Receive) -> MidiInput:
        """Open an input, or a virtual one for :data:`VIRTUAL`."""
        ...

    def open_output(self, name: str) -> MidiOutput:
        """Open an output, or a virtual one for :data:`VIRTUAL`."""
        ...

    def close(self) -> None:
        """Let go of the system; from any thread, at any time, any number of times."""
        ...


@dataclass(frozen=True, slots=True)
class MidiPorts:
    """The names of the ports of a machine."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def is_own(name: str) -> bool:
    """Return whether a port is one of riffsidecar's; CoreMIDI leaves the client out of its name.

    A virtual cable that somebody called riffsidecar is none.

    >>> is_own("riffsidecar-01:pads"), is_own("lights"), is_own("Pads 20:0"), is_own("riffsidecar 1")
    (True, True, False, False)
    """
    port = name.lower().partition(_CLIENT)[2].partition(":")[2]
    return name in (OWN_INPUT, OWN_OUTPUT) or OWN_INPUT in port or OWN_OUTPUT in port


def missing_port(kind: str, names: Sequence[str], wanted: str) -> str:
    """Say that there is no ``"input"`` or ``"output"`` of that name, and which others there are.

    >>> missing_port("input", ("LPD8 20:0", "riffsidecar:lights"), "mpk")
    "no MIDI input called 'mpk' yet; there are: LPD8 20:0"
    """
    called = f"called {wanted!r}" if wanted else "to listen to"
    others = [name for name in names if not is_own(name)]
    return f"no MIDI {kind} {called} yet; there are: {', '.join(others) or 'none'}"


def choose_port(names: Sequence[str], wanted: str) -> str | None:
    """Return the first port whose name contains what is wanted, in whatever case; None where there is none.

    Our own ports and ALSA's "Midi Through" are only taken when they are named.

    >>> choose_port(["Midi Through 14:0", "Launchpad Mini 20:0"], ""), choose_port(["LPD8 20:0"], "lpd8")
    ('Launchpad Mini 20:0', 'LPD8 20:0')
    """
    text = wanted.strip().lower()
    if not text:
        return next((name for name in names if not is_own(name) and _THROUGH not in name.lower()), None)
    return next((name for name in names if text in name.lower()), None)
