"""python-rtmidi, asked for what came and never called back.

python-rtmidi is optional where it has no wheels, and a machine may have no ALSA, JACK or CoreMIDI. Both
are told apart and said plainly, as a MidiError, and nothing else is the worse for it.

A callback of python-rtmidi needs the interpreter, and opening or closing a JACK port holds the interpreter
while the server waits for every client to have finished its callback: the two wait for each other for ever.
So messages are fetched from RtMidi's own queue, which the driver fills without Python.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from riffsidecar.control.jack_watch import hush_jack
from riffsidecar.control.midi_ports import OWN_INPUT, OWN_OUTPUT, VIRTUAL
from riffsidecar.errors import MidiError

__all__ = ["ArrivalTimes", "RtMidiInput", "RtMidiOutput", "RtMidiSystem", "find_midi_system"]

_CLIENT = "riffsidecar"
_MAX_WAITING = 4096
_ACTIVE_SENSING = 0xFE
_SLACK_S = 0.005


class ArrivalTimes:
    """Tell when messages came, finer than they are fetched.

    The driver says how long after the one before a message came. Added up, these gaps would run away from our
    clock; so a message is held between the two looks that it came between.

    >>> times = ArrivalTimes()
    >>> [round(times.stamp(gap_s, 1.0, 2.0), 3) for gap_s in (0.0, -0.25, -2.0)]
    [2.0, 1.75, 0.995]
    """

    def __init__(self) -> None:
        """Know of no message yet."""
        self._last_s: float | None = None

    def stamp(self, gap_s: float, looked_s: float, now_s: float) -> float:
        """Return when a message came.

        Args:
            gap_s: how long after the one before, as the driver says; without meaning for the first.
            looked_s: the time of the look that it was not there at.
            now_s: the time of the look that it was there at.
        """
        at_s = now_s if self._last_s is None else self._last_s + gap_s
        # The driver takes the time a little before it hands a message over.
        self._last_s = min(max(at_s, looked_s - _SLACK_S), now_s)
        return self._last_s


class RtMidiInput:
    """An open input of python-rtmidi."""

    def __init__(self, port: Any, clock: Callable[[], float] = time.monotonic) -> None:
        """Take an open port that has no callback."""
        self._port = port
        self._clock = clock
        self._times = ArrivalTimes()
        self._looked_s = clock()

    def read(self) -> tuple[tuple[bytes, float], ...]:
        """Return the messages that have come since the last look, and when each did."""
        now_s = self._clock()
        found: list[tuple[bytes, float]] = []
        # At most what can wait, so that a flood does not keep everything else from being done.
        for _ in range(_MAX_WAITING):
            event = self._port.get_message()
            if event is None:
                break
            data, gap_s = event
            at_s = self._times.stamp(gap_s, self._looked_s, now_s)
            if data[:1] != [_ACTIVE_SENSING]:
                found.append((bytes(data), at_s))
        self._looked_s = now_s
        return tuple(found)

    def close(self) -> None:
        """Close it."""
        self._port.close_port()
        self._port.delete()


class RtMidiOutput:
    """An open output of python-rtmidi."""

    def __init__(self, port: Any, errors: tuple[type[Exception], ...]) -> None:
        """Take an open port, and what it raises."""
        self._port = port
        self._errors = errors

    def send(self, data: Sequence[int]) -> None:
        """Send one message.

        Raises:
            MidiError: when the port does not take it.
        """
        try:
            self._port.send_message(list(data))
        except self._errors as error:
            raise MidiError(f"MIDI output does not take messages: {error}") from error

    def close(self) -> None:
        """Close it."""
        self._port.close_port()
        self._port.delete()


class RtMidiSystem:
    """The MIDI system of this machine, through python-rtmidi.

    One input and one output of it live as long as the system and do nothing but list names: to make one for
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
        if self.is_jack:
            hush_jack(self.library)
        self._input_names = self._guard(lambda: self._rtmidi.MidiIn(self._api, name=f"{_CLIENT} list"))
        self._output_names = self._guard(lambda: self._rtmidi.MidiOut(self._api, name=f"{_CLIENT} list"))

    @property
    def is_jack(self) -> bool:
        """Return whether it is JACK."""
        return bool(self._api == self._rtmidi.API_UNIX_JACK)

    @property
    def library(self) -> str:
        """Return the file of python-rtmidi that brings the MIDI system's own library along."""
        return importlib.import_module("rtmidi._rtmidi").__file__ or ""

    def inputs(self) -> tuple[str, ...]:
        """Return the names of the ports that can be listened to."""
        return tuple(self._guard(self._input_names.get_ports))

    def outputs(self) -> tuple[str, ...]:
        """Return the names of the ports that can be sent to."""
        return tuple(self._guard(self._output_names.get_ports))

    def open_input(self, name: str) -> RtMidiInput:
        """Open an input; system exclusive is left out by the driver, clock is not.

        Raises:
            MidiError: when it has gone, or is refused.
        """
        port = self._guard(
            lambda: self._rtmidi.MidiIn(self._api, name=_CLIENT, queue_size_limit=_MAX_WAITING)
        )
        # Active sensing comes along because JACK's driver loses the time of what it leaves out.
        port.ignore_types(sysex=True, timing=False, active_sense=False)
        self._open(port, name, OWN_INPUT)
        return RtMidiInput(port)

    def open_output(self, name: str) -> RtMidiOutput:
        """Open an output.

        Raises:
            MidiError: when it has gone, or is refused.
        """
        port = self._guard(lambda: self._rtmidi.MidiOut(self._api, name=_CLIENT))
        self._open(port, name, OWN_OUTPUT)
        return RtMidiOutput(port, self._errors)

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


def find_midi_system(api: str | None = None) -> None:
    """Look whether there is a MIDI system, without connecting to it.

    Raises:
        MidiError: when python-rtmidi is not installed, or nothing on this machine could be connected to.
    """
    _choose_api(_import_rtmidi(), api)


def _import_rtmidi() -> Any:
    try:
        import rtmidi
    except ImportError as error:
        raise MidiError(
            "python-rtmidi is not installed (it has no wheels for Python 3.13 and later or Windows on ARM): "
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
