"""Be the MIDI process: hold the ports, hand over what is played, and die instead of the daemon.

A driver can take its process with it or never come back from a call. libjack does so when its server is
killed; RtMidi's input for JACK when the machine is so busy that it comes a whole period too late: by then the
sender has emptied its buffer, jack_midi_event_get has no message to give, and RtMidi, which does not look
whether it was given one, reads where a message would have been.
Here that costs a moment of MIDI: the daemon sees the pipe end, or hears no answer, and starts another one.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from riffsidecar.control.jack_watch import JackWatch
from riffsidecar.control.midi_system import RtMidiInput, RtMidiOutput, RtMidiSystem
from riffsidecar.control.midi_wire import Answer, Ask, Channel, Heard
from riffsidecar.errors import MidiError

__all__ = ["DEFAULT_HOST", "JACK_ENDED", "main", "serve_midi"]

DEFAULT_HOST: Final = "riffsidecar.control.midi_host:serve_midi"

JACK_ENDED: Final = 3
"""The exit code when the JACK server has ended."""

_BUSY_S = 0.002
_QUIET_S = 0.008
_BUSY_FOR_S = 1.0
_NO_INPUT_S = 1.0


def main() -> None:
    """Serve with the host and the MIDI system that the command line names."""
    # Ctrl-C in a terminal reaches the whole process group; the daemon decides when its processes end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    host, api = sys.argv[1:3]
    module, _, function = host.partition(":")
    serve: Callable[[Channel, str | None], None] = getattr(importlib.import_module(module), function)
    try:
        serve(Channel(), api or None)
    except (EOFError, OSError):
        # The daemon is gone; there is nobody left to tell.
        return


def serve_midi(channel: Channel, api: str | None) -> None:
    """Connect to the MIDI system, say whether that went well, and serve until the daemon lets go."""
    try:
        host = _Host(channel, api)
    except MidiError as error:
        channel.send(Answer(str(error)))
        return
    channel.send(Answer())
    try:
        host.serve()
    finally:
        host.close()


class _Host:
    def __init__(self, channel: Channel, api: str | None) -> None:
        self._channel = channel
        self._system = RtMidiSystem(api)
        self._inputs: dict[int, RtMidiInput] = {}
        self._outputs: dict[int, RtMidiOutput] = {}
        self._heard_s = 0.0
        self._watch: JackWatch | None = None
        if self._system.is_jack:
            self._watch = JackWatch(self._system.library, lambda: os._exit(JACK_ENDED))

    def serve(self) -> None:
        """Answer and listen."""
        while True:
            ask = self._channel.receive(self._pause_s())
            if ask is not None:
                self._channel.send(self._answer(ask))
            for number, port in self._inputs.items():
                if messages := port.read():
                    self._heard_s = time.monotonic()
                    self._channel.send(Heard(number, messages))

    def close(self) -> None:
        """Close every port."""
        for number in (*self._inputs, *self._outputs):
            self._close(Ask("close", number))
        self._system.close()

    def _pause_s(self) -> float:
        if not self._inputs:
            return _NO_INPUT_S
        return _BUSY_S if time.monotonic() - self._heard_s < _BUSY_FOR_S else _QUIET_S

    def _answer(self, ask: Ask) -> Answer:
        try:
            return Answer(names=_DOING[ask.what](self, ask))
        except MidiError as error:
            return Answer(str(error))

    def _list_inputs(self, ask: Ask) -> tuple[str, ...]:
        return self._system.inputs()

    def _list_outputs(self, ask: Ask) -> tuple[str, ...]:
        return self._system.outputs()

    def _open_input(self, ask: Ask) -> tuple[str, ...]:
        self._inputs[ask.number] = self._system.open_input(ask.name)
        return ()

    def _open_output(self, ask: Ask) -> tuple[str, ...]:
        self._outputs[ask.number] = self._system.open_output(ask.name)
        return ()

    def _send(self, ask: Ask) -> tuple[str, ...]:
        self._outputs[ask.number].send(ask.data)
        return ()

    def _close(self, ask: Ask) -> tuple[str, ...]:
        for ports in (self._inputs, self._outputs):
            port = ports.pop(ask.number, None)
            if port is not None:
                port.close()
        return ()


_DOING: Final[Mapping[str, Callable[[_Host, Ask], tuple[str, ...]]]] = MappingProxyType(
    {
        "inputs": _Host._list_inputs,
        "outputs": _Host._list_outputs,
        "open-input": _Host._open_input,
        "open-output": _Host._open_output,
        "send": _Host._send,
        "close": _Host._close,
    }
)
