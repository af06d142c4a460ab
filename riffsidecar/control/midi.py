"""The MIDI surface: a controller's pads, knobs and clock become commands, and its pads light up.

What is played is only put in a queue where it comes in. One thread does the rest: it looks once a second
which ports there are, because no driver says when one is unplugged, opens them by name, reads what came, and
sends what is to light up. A MIDI system that dies is opened anew at once, and for as long as that fails, or
there is none, it is looked for again.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from riffsidecar.control.leds import PadLights
from riffsidecar.control.limits import LimitedLog
from riffsidecar.control.midi_parse import MAX_MESSAGE_BYTES, MidiParser, Relative
from riffsidecar.control.midi_ports import (
    OWN_INPUT,
    OWN_OUTPUT,
    VIRTUAL,
    MidiBackend,
    MidiInput,
    MidiOutput,
    choose_port,
    is_own,
    missing_port,
)
from riffsidecar.control.midi_process import MidiProcess
from riffsidecar.control.surface import Submit
from riffsidecar.control.teaching import ControllerDesk
from riffsidecar.errors import ControlError, MidiError, RiffError
from riffsidecar.session.commands import Command, SetKnob
from riffsidecar.session.events import Envelope, Event, Origin, StateChanged
from riffsidecar.session.pads import MidiMap

__all__ = ["MidiSurface"]

logger = logging.getLogger(__name__)

_PATIENCE_S = 2.0
_JOIN_S = 3.0
_CLOCK = 0xF8
_CLOCK_PATIENCE_S = 1.0
_MAX_WAITING = 4096
_MAX_POLLS_BETWEEN_TRIES = 32
_POLLS_UNTIL_TRUSTED = 60


class MidiSurface:
    """Serve one MIDI controller.

    Args:
        input_name: a part of the input port's name; empty for the first that is there; ``"virtual"`` for one
            of our own.
        output_name: a part of the output port's name, for the lights; empty for none; ``"virtual"`` for one
            of our own.
        midi_map: tells the map of the current bank.
        channel: the only MIDI channel to listen to, 1 to 16; None for all.
        relative: the controllers that are endless encoders.
        takeover: whether absolute controllers wait until they meet the knob.
        backend: opens the MIDI system; called again when it is gone, from the surface's own thread.
        clock: tells the time, in seconds that never go back.
        poll_s: how often to look which ports there are.
        controller: the name of a known controller; empty to go by the port's name.
        learned: the file of what was learned; None keeps it until the end.
    """

    def __init__(
        self,
        input_name: str = "",
        output_name: str = "",
        *,
        midi_map: Callable[[], MidiMap] = MidiMap,
        channel: int | None = None,
        relative: Mapping[int, Relative] = MappingProxyType({}),
        takeover: bool = True,
        backend: Callable[[], MidiBackend] = MidiProcess,
        clock: Callable[[], float] = time.monotonic,
        poll_s: float = 1.0,
        controller: str = "",
        learned: Path | None = None,
    ) -> None:
        """Open nothing yet.

        Raises:
            UnknownNameError: there is no controller of that name.
        """
        self._input_name = input_name
        self._output_name = output_name
        self._midi_map = midi_map
        self._parser = MidiParser(channel=channel, relative=relative, takeover=takeover)
        self._lights = PadLights()
        self._desk = ControllerDesk(self._parser, self._lights, controller, learned)
        self._make_backend = backend
        self._clock = clock
        self._poll_s = poll_s
        self._log = LimitedLog(logger)
        self._backend: MidiBackend | None = None
        self._next_try_s = self._born_s = clock()
        self._try_again_s = poll_s
        self._input: tuple[str, MidiInput] | None = None
        self._output: tuple[str, MidiOutput] | None = None
        self._names: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
        self._problem = ""
        self._incoming: deque[tuple[tuple[int, ...], float]] = deque(maxlen=_MAX_WAITING)
        self._events: deque[Event] = deque(maxlen=_MAX_WAITING)
        self._clock_came_s = self._born_s
        self._submit: Submit | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """Return ``"midi"``."""
        return "midi"

    @property
    def problem(self) -> str:
        """Return why nothing can be heard over MIDI, or an empty string."""
        return self._problem

    def ports(self) -> list[tuple[str, str, int]]:
        """Return the direction and name of every port at the last look, and whether it is open, 1 or 0.

        Of our own ports only those that are open here are told, by their own names.
        """
        inputs, outputs = self._names
        return [
            *_rows("in", inputs, self._input, OWN_INPUT),
            *_rows("out", outputs, self._output, OWN_OUTPUT),
        ]

    def start(self, submit: Submit) -> None:
        """Begin to look for ports. Without a MIDI system say so, and look for it from time to time.

        Raises:
            ControlError: when the surface was started before.
        """
        with self._lock:
            if self._submit is not None or self._closing.is_set():
                raise ControlError("this MIDI surface was started before: make a new one")
            self._submit = submit
            self._thread = threading.Thread(target=self._run, name="riffsidecar-midi", daemon=True)
            self._thread.start()

    def notify(self, event: Event) -> None:
        """Leave the event for the MIDI thread."""
        if self._thread is not None and not self._closing.is_set():
            self._events.append(event)
            self._wake.set()

    def close(self) -> None:
        """Put the lights out and close the ports."""
        self._closing.set()
        self._wake.set()
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        thread.join(_PATIENCE_S)
        if thread.is_alive() and (backend := self._backend) is not None:
            logger.warning("the MIDI system holds its ports; they are taken from it")
            backend.close()
        thread.join(_JOIN_S)

    def _receive(self, data: Sequence[int], at_s: float) -> None:
        """Queue a message; a thread of the backend calls this."""
        if len(data) <= MAX_MESSAGE_BYTES:
            if len(self._incoming) == _MAX_WAITING:
                self._log.warning("more MIDI comes than can be read: the oldest message is dropped")
            self._incoming.append((tuple(data), at_s))
            self._wake.set()

    def _run(self) -> None:
        next_look_s = self._clock()
        try:
            while not self._closing.is_set():
                if self._clock() >= next_look_s or self._is_lost():
                    self._guard(self._look)
                    self._guard(self._listen)
                    next_look_s = self._next_look_s()
                self._guard(self._read_events)
                self._guard(self._read_messages)
                self._wake.wait(max(0.0, next_look_s - self._clock()))
                self._wake.clear()
        finally:
            self._guard(self._let_go)

    def _guard(self, action: Callable[[], None]) -> None:
        """Carry out one part of the work; whatever goes wrong with it is logged, and the others go on."""
        try:
            action()
        except RiffError as error:
            self._log.warning("MIDI: %s", error)
        except Exception:
            self._log.exception("MIDI failed, going on")

    def _listen(self) -> None:
        """Say that a clock has stopped; what waits to be read comes first."""
        self._read_messages()
        if self._clock() - self._clock_came_s > _CLOCK_PATIENCE_S:
            for command in self._parser.paused():
                self._hand_over(command)

    def _is_lost(self) -> bool:
        return self._backend is not None and self._backend.is_gone

    def _next_look_s(self) -> float:
        """Return when to look again; at once where a MIDI system has just died that had lived for a while."""
        now_s = self._clock()
        if self._backend is None:
            return min(max(now_s, self._next_try_s), now_s + self._poll_s)
        return now_s + self._poll_s

    def _look(self) -> None:
        """Open the ports that have come, close those that have gone."""
        try:
            backend = self._system()
            if backend is None:
                return
            self._names = inputs, outputs = backend.inputs(), backend.outputs()
            if self._input is not None and self._input[0] not in (VIRTUAL, *inputs):
                logger.info("MIDI input %s has gone", self._input[0])
                self._close_input()
            if self._output is not None and self._output[0] not in (VIRTUAL, *outputs):
                logger.info("MIDI output %s has gone", self._output[0])
                self._close_output()
            # Each by itself: a controller without lights is still one to play on.
            dark = self._problem_of(lambda: self._open_output(backend, outputs))
            deaf = self._problem_of(lambda: self._open_input(backend, inputs))
            self._complain(deaf or dark)
        except MidiError as error:
            self._complain(str(error))
        if self._is_lost():
            self._drop_system()

    def _system(self) -> MidiBackend | None:
        """Return the MIDI system, opening it when it is time to; it is asked for ever less often in vain."""
        now_s = self._clock()
        if self._backend is not None:
            if now_s - self._born_s > _POLLS_UNTIL_TRUSTED * self._poll_s:
                self._try_again_s = self._poll_s
            return self._backend
        if now_s < self._next_try_s:
            return None
        self._next_try_s = now_s + self._try_again_s
        self._try_again_s = min(2 * self._try_again_s, _MAX_POLLS_BETWEEN_TRIES * self._poll_s)
        try:
            self._backend = self._make_backend()
        except MidiError as error:
            raise MidiError(f"MIDI is off, everything else works: {error}") from error
        self._born_s = now_s
        self._backend.when_gone(self._wake.set)
        return self._backend

    def _drop_system(self) -> None:
        """Let go of a MIDI system that is gone, with its ports."""
        self._names = ((), ())
        self._close_input()
        self._close_output()
        backend, self._backend = self._backend, None
        if backend is not None:
            backend.close()

    def _problem_of(self, opening: Callable[[], None]) -> str:
        try:
            opening()
        except MidiError as error:
            return str(error)
        return ""

    def _open_input(self, backend: MidiBackend, names: Sequence[str]) -> None:
        if self._input is not None:
            return
        name = VIRTUAL if self._input_name == VIRTUAL else choose_port(names, self._input_name)
        if name is None:
            raise MidiError(missing_port("input", names, self._input_name))
        self._input = (name, backend.open_input(name, self._receive))
        self._desk.meet(name)
        logger.info("MIDI input %s is open", name)
        if self._desk.controller.enter and not self._output_name:
            title = self._desk.controller.title
            logger.warning("name the output of the %s under [midi], or it is left in its own mode", title)

    def _open_output(self, backend: MidiBackend, names: Sequence[str]) -> None:
        if self._output is not None or not self._output_name:
            return
        name = VIRTUAL if self._output_name == VIRTUAL else choose_port(names, self._output_name)
        if name is None:
            raise MidiError(missing_port("output", names, self._output_name))
        self._output = (name, backend.open_output(name))
        logger.info("MIDI output %s is open", name)
        if self._input is None:
            self._desk.meet(name)
        self._send((self._desk.controller.enter,) if self._desk.controller.enter else ())
        self._send(self._lights.all(self._midi_map()))

    def _complain(self, problem: str) -> None:
        """Say once what keeps a port from being used; it is looked for every second."""
        if problem and problem != self._problem:
            logger.warning("%s", problem)
        self._problem = problem

    def _read_events(self) -> None:
        while self._events:
            event = self._events.popleft()
            if isinstance(event, StateChanged):
                knobs = event.state.get("knobs")
                if isinstance(knobs, Mapping):
                    self._parser.observe(knobs)
                if (learned := self._desk.watch(event)) is not None:
                    self._hand_over(learned)
            self._send(self._lights.show(event, self._midi_map()))

    def _read_messages(self) -> None:
        commands: list[Command] = []
        try:
            while self._incoming:
                data, at_s = self._incoming.popleft()
                if data[0] == _CLOCK:
                    self._clock_came_s = self._clock()
                is_taken, learned = self._desk.hear(data)
                if learned is not None:
                    commands.append(learned)
                if not is_taken:
                    commands += self._parser.feed(data, at_s, self._midi_map())
        finally:
            # A defect costs the message that brought it up, and not those before it.
            for command in _newest_moves(commands):
                self._hand_over(command)

    def _hand_over(self, command: Command) -> None:
        submit = self._submit
        if submit is not None:
            self._guard(lambda: submit(Envelope(command, Origin(self.name, self._input_label()))))

    def _input_label(self) -> str:
        return "" if self._input is None else self._input[0]

    def _send(self, messages: Sequence[bytes]) -> None:
        if self._output is None:
            return
        try:
            for message in messages:
                self._output[1].send(message)
        except MidiError as error:
            self._log.warning("MIDI output %s: %s", self._output[0], error)
            self._close_output()

    def _close_input(self) -> None:
        opened, self._input = self._input, None
        for command in self._parser.lost():
            self._hand_over(command)
        if opened is not None:
            opened[1].close()

    def _close_output(self) -> None:
        opened, self._output = self._output, None
        if opened is not None:
            opened[1].close()

    def _let_go(self) -> None:
        self._send(self._lights.off())
        self._send((self._desk.controller.leave,) if self._desk.controller.leave else ())
        opened, self._input = self._input, None
        if opened is not None:
            opened[1].close()
        self._close_output()
        if self._backend is not None:
            self._backend.close()


def _rows(
    direction: str, names: Sequence[str], opened: tuple[str, object] | None, own: str
) -> list[tuple[str, str, int]]:
    name = "" if opened is None else opened[0]
    rows = [(direction, other, int(other == name)) for other in names if other == name or not is_own(other)]
    return [*rows, (direction, own, 1)] if name == VIRTUAL else rows


def _newest_moves(commands: Sequence[Command]) -> list[Command]:
    """Leave out moves of a knob that are directly followed by another move of it."""
    kept: list[Command] = []
    for command in commands:
        last = kept[-1] if kept else None
        if isinstance(command, SetKnob) and isinstance(last, SetKnob) and command.name == last.name:
            kept[-1] = command
        else:
            kept.append(command)
    return kept
