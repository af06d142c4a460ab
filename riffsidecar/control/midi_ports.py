"""MIDI ports: what the surface needs of them, and python-rtmidi's.

python-rtmidi is optional where it has no wheels, and a machine may have no ALSA, JACK or CoreMIDI. Both
are told apart and said plainly, as a MidiError, and nothing else is the worse for it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from riffsidecar.errors import MidiError

__all__ = [
    "VIRTUAL",
    "MidiBackend",
    "MidiInput",
    "MidiOutput",
    "MidiPorts",
    "Receive",
    "RtMidiBackend",
    "choose_port",
    "list_midi_ports",
]

Receive = Callable[[Sequence[int]], None]
"""Take one message. Called from the driver's thread: it must neither block nor raise."""

VIRTUAL = "virtual"
"""Where this stands for a port's name, a port of our own is opened, for others to connect to."""

_CLIENT = "riffsidecar"
_IGNORED = ("midi through", _CLIENT)


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
    """The MIDI system. Every method raises a MidiError when the system refuses."""

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
        """Let go of the system."""
        ...


@dataclass(frozen=True, slots=True)
class MidiPorts:
    """The names of the ports of a machine."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def choose_port(names: Sequence[str], wanted: str) -> str | None:
    """Return the first port whose name contains what is wanted, in whatever case; None where there is none.

    Our own ports and ALSA's "Midi Through" are only taken when they are named.

    >>> choose_port(["Midi Through 14:0", "Launchpad Mini 20:0"], ""), choose_port(["LPD8 20:0"], "lpd8")
    ('Launchpad Mini 20:0', 'LPD8 20:0')
    """
    text = wanted.strip().lower()
    if not text:
        return next((name for name in names if not any(word in name.lower() for word in _IGNORED)), None)
    return next((name for name in names if text in name.lower()), None)


def list_midi_ports(backend: Callable[[], MidiBackend] | None = None) -> MidiPorts:
    """Return the ports that there are.

    Raises:
        MidiError: when there is no MIDI on this machine; it says why and what helps.
    """
    opened = (backend or RtMidiBackend)()
    try:
        return MidiPorts(opened.inputs(), opened.outputs())
    finally:
        opened.close()


class RtMidiBackend:
    """The MIDI system of this machine, through python-rtmidi.

    One input and one output of it live as long as the backend and do nothing but list names: to make one for
    every look would exhaust the clients of ALSA's sequencer.

    Args:
        api: ``"alsa"``, ``"jack"``, ``"core"`` or ``"mm"``; None for what this machine has.

    Raises:
        MidiError: when python-rtmidi is not installed, or there is no MIDI system.
    """

    def __init__(self, api: str | None = None) -> None:
        """Connect to the MIDI system."""
        self._rtmidi = _import_rtmidi()
        self._errors: tuple[type[Exception], ...] = (self._rtmidi.RtMidiError, OSError, NotImplementedError)
        self._api = _choose_api(self._rtmidi, api)
        self._input_names = self._guard(lambda: self._rtmidi.MidiIn(self._api, name=f"{_CLIENT} list"))
        self._output_names = self._guard(lambda: self._rtmidi.MidiOut(self._api, name=f"{_CLIENT} list"))

    def inputs(self) -> tuple[str, ...]:
        """Return the names of the ports that can be listened to."""
        return tuple(self._guard(self._input_names.get_ports))

    def outputs(self) -> tuple[str, ...]:
        """Return the names of the ports that can be sent to."""
        return tuple(self._guard(self._output_names.get_ports))

    def open_input(self, name: str, receive: Receive) -> MidiInput:
        """Open an input; system exclusive and active sensing are left out by the driver, clock is not."""
        port = self._guard(lambda: self._rtmidi.MidiIn(self._api, name=_CLIENT))
        port.ignore_types(sysex=True, timing=False, active_sense=True)
        port.set_callback(lambda event, _: receive(event[0]))
        self._open(port, name, "pads")
        return _RtInput(port)

    def open_output(self, name: str) -> MidiOutput:
        """Open an output."""
        port = self._guard(lambda: self._rtmidi.MidiOut(self._api, name=_CLIENT))
        self._open(port, name, "lights")
        return _RtOutput(port, self._errors)

    def close(self) -> None:
        """Let go of the system."""
        self._input_names.delete()
        self._output_names.delete()

    def _open(self, port: Any, name: str, own_name: str) -> None:
        try:
            if name == VIRTUAL:
                port.open_virtual_port(own_name)
                return
            names = port.get_ports()
            if name not in names:
                raise MidiError(f"MIDI port {name!r} has gone; there are: {', '.join(names) or 'none'}")
            port.open_port(names.index(name), own_name)
        except self._errors as error:
            port.delete()
            raise MidiError(
                f"MIDI port {name!r} cannot be opened: {error}; is another program using it?"
            ) from error
        except MidiError:
            port.delete()
            raise

    def _guard(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except self._errors as error:
            raise MidiError(f"the MIDI system does not answer: {error}") from error


class _RtInput:
    def __init__(self, port: Any) -> None:
        self._port = port

    def close(self) -> None:
        self._port.cancel_callback()
        self._port.close_port()
        self._port.delete()


class _RtOutput:
    def __init__(self, port: Any, errors: tuple[type[Exception], ...]) -> None:
        self._port = port
        self._errors = errors

    def send(self, data: Sequence[int]) -> None:
        try:
            self._port.send_message(list(data))
        except self._errors as error:
            raise MidiError(f"MIDI output does not take messages: {error}") from error

    def close(self) -> None:
        self._port.close_port()
        self._port.delete()


def _import_rtmidi() -> Any:
    try:
        import rtmidi
    except ImportError as error:
        raise MidiError(
            "python-rtmidi is not installed (it has no wheels for Python 3.13 and later): "
            "use OSC, or install Python 3.11 or 3.12, or build it: pip install python-rtmidi"
        ) from error
    return rtmidi


def _choose_api(rtmidi: Any, wanted: str | None) -> int:
    """Return the number of a MIDI system that is there; those that are not complain on stderr."""
    known = {
        "alsa": rtmidi.API_LINUX_ALSA,
        "jack": rtmidi.API_UNIX_JACK,
        "core": rtmidi.API_MACOSX_CORE,
        "mm": rtmidi.API_WINDOWS_MM,
    }
    compiled = rtmidi.get_compiled_api()
    if wanted is not None:
        if wanted not in known or known[wanted] not in compiled:
            have = ", ".join(name for name, number in known.items() if number in compiled)
            raise MidiError(f"there is no MIDI system {wanted!r} here, but: {have or 'none'}")
        return int(known[wanted])
    for name in ("core", "mm", "alsa", "jack"):
        if known[name] in compiled and _is_there(name):
            return int(known[name])
    raise MidiError(
        "there is no MIDI on this machine: neither ALSA's sequencer (/dev/snd/seq, try modprobe snd-seq) "
        "nor a JACK server"
    )


def _is_there(name: str) -> bool:
    if not sys.platform.startswith("linux"):
        return True
    if name == "alsa":
        return Path("/dev/snd/seq").exists()
    return "JACK_DEFAULT_SERVER" in os.environ or any(Path("/dev/shm").glob("jack_*"))  # noqa: S108
