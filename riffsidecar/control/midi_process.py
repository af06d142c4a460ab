"""The MIDI system behind a process of its own, so that no driver can stop or kill the daemon."""

from __future__ import annotations

import contextlib
import itertools
import logging
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import BinaryIO, cast

from riffsidecar.control.midi_host import DEFAULT_HOST, JACK_ENDED
from riffsidecar.control.midi_ports import (
    MidiBackend,
    MidiInput,
    MidiOutput,
    MidiPorts,
    Receive,
    choose_port,
)
from riffsidecar.control.midi_system import find_midi_system
from riffsidecar.control.midi_wire import Answer, Ask, pack, unpack_answer
from riffsidecar.errors import MidiError

__all__ = ["MidiProcess", "list_midi_ports", "midi_input_problem"]

logger = logging.getLogger(__name__)

_START_PATIENCE_S = 60.0
_PATIENCE_S = 5.0
_END_S = 1.0
_START = "import sys; sys.path[:] = {path!r}; from riffsidecar.control.midi_host import main; main()"


class MidiProcess:
    """Reach the MIDI system of this machine through a process that holds its ports.

    When that process dies, or does not answer, every call raises and :attr:`is_gone` tells that a new one is
    needed. Safe to use from several threads.

    Args:
        api: ``"alsa"``, ``"jack"``, ``"core"`` or ``"mm"``; None for what this machine has.
        patience_s: how long a driver may take for one answer.
        host: what the process runs, as ``module:function``.

    Raises:
        MidiError: when python-rtmidi is not installed, there is no MIDI system, or it does not answer.
    """

    def __init__(
        self, api: str | None = None, patience_s: float = _PATIENCE_S, host: str = DEFAULT_HOST
    ) -> None:
        """Start the process and wait until it is connected."""
        # No process for nothing: most machines without MIDI can be told from here.
        find_midi_system(api)
        self._patience_s = patience_s
        self._numbers = itertools.count(1)
        self._receivers: dict[int, Receive] = {}
        self._answers: queue.Queue[Answer | None] = queue.Queue()
        self._asking = threading.Lock()
        self._sending = threading.Lock()
        self._ending = threading.Lock()
        self._gone = threading.Event()
        self._tell_gone: Callable[[], None] = lambda: None
        try:
            # Not multiprocessing: it would import the daemon's main module, and with it a hundred megabytes.
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-c", _START.format(path=sys.path), host, api or ""],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        except OSError as error:
            raise MidiError(f"the MIDI process cannot be started: {error.strerror or error}") from error
        self._pipe = cast(BinaryIO, self._process.stdin)
        self._reader = threading.Thread(
            target=self._read,
            args=(cast(BinaryIO, self._process.stdout),),
            name="riffsidecar-midi-read",
            daemon=True,
        )
        self._reader.start()
        try:
            self._await(_START_PATIENCE_S)
        except MidiError:
            self.close()
            raise

    @property
    def is_gone(self) -> bool:
        """Return whether the process has ended, and a new one is needed."""
        return self._gone.is_set()

    def when_gone(self, tell: Callable[[], None]) -> None:
        """Call ``tell``, on a thread of this object, as soon as the process has ended."""
        self._tell_gone = tell

    def inputs(self) -> tuple[str, ...]:
        """Return the names of the ports that can be listened to."""
        return self._ask(Ask("inputs")).names

    def outputs(self) -> tuple[str, ...]:
        """Return the names of the ports that can be sent to."""
        return self._ask(Ask("outputs")).names

    def open_input(self, name: str, receive: Receive) -> MidiInput:
        """Open an input; ``receive`` is called on a thread of this object."""
        number = next(self._numbers)
        self._receivers[number] = receive
        try:
            self._ask(Ask("open-input", number, name))
        except MidiError:
            del self._receivers[number]
            raise
        return _Port(self, number)

    def open_output(self, name: str) -> MidiOutput:
        """Open an output."""
        number = next(self._numbers)
        self._ask(Ask("open-output", number, name))
        return _Port(self, number)

    def send(self, number: int, data: Sequence[int]) -> None:
        """Send one message to an output."""
        self._ask(Ask("send", number, data=tuple(data)))

    def close_port(self, number: int) -> None:
        """Close a port; one of a process that is gone is closed already."""
        self._receivers.pop(number, None)
        with contextlib.suppress(MidiError):
            self._ask(Ask("close", number))

    def close(self) -> None:
        """End the process, by force where it does not end by itself; closing twice is closing once."""
        with self._ending:
            with contextlib.suppress(OSError), self._sending:
                self._pipe.close()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)
            self._kill()
        if self._reader is not threading.current_thread():
            self._reader.join(_END_S)

    def _ask(self, ask: Ask) -> Answer:
        with self._asking:
            with self._sending:
                if self.is_gone:
                    raise MidiError(self._obituary())
                try:
                    self._pipe.write(pack(ask))
                    self._pipe.flush()
                except (OSError, ValueError) as error:
                    raise MidiError(self._obituary()) from error
            return self._await(self._patience_s)

    def _await(self, patience_s: float) -> Answer:
        try:
            answer = self._answers.get(timeout=patience_s)
        except queue.Empty:
            # Whatever it waits for, a late answer must not be taken for that to a later question.
            self._gone.set()
            self._kill()
            raise MidiError(
                f"the MIDI system has not answered for {patience_s:g} s; it is asked anew"
            ) from None
        if answer is None:
            raise MidiError(self._obituary())
        if answer.problem:
            raise MidiError(answer.problem)
        return answer

    def _read(self, pipe: BinaryIO) -> None:
        """Take what comes from the process until it ends."""
        try:
            for line in pipe:
                message = unpack_answer(line)
                if isinstance(message, Answer):
                    self._answers.put(message)
                    continue
                receive = self._receivers.get(message.number)
                if receive is not None:
                    for data, at_s in message.messages:
                        receive(data, at_s)
        except (OSError, ValueError, KeyError) as error:
            # Half a line of a process that was killed while it wrote.
            logger.debug("the MIDI process ended in the middle of a line: %s", error)
        finally:
            self._gone.set()
            self._answers.put(None)
            pipe.close()
            self._tell_gone()

    def _kill(self) -> None:
        """End the process by force, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)

    def _obituary(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        code = self._process.poll()
        if code == JACK_ENDED:
            return "the JACK server has ended; MIDI goes on when it runs again"
        return f"the MIDI process has ended (exit code {code}); it is started anew"


class _Port:
    def __init__(self, process: MidiProcess, number: int) -> None:
        self._process = process
        self._number = number

    def send(self, data: Sequence[int]) -> None:
        """Send one message."""
        self._process.send(self._number, data)

    def close(self) -> None:
        """Close the port."""
        self._process.close_port(self._number)


def list_midi_ports(backend: Callable[[], MidiBackend] = MidiProcess) -> MidiPorts:
    """Return the ports that there are.

    Raises:
        MidiError: when there is no MIDI on this machine; it says why and what helps.
    """
    opened = backend()
    try:
        return MidiPorts(opened.inputs(), opened.outputs())
    finally:
        opened.close()


def midi_input_problem(wanted: str, backend: Callable[[], MidiBackend] = MidiProcess) -> str:
    """Return why the input that the daemon would take cannot be opened, or an empty string.

    An input that is not there is none: it may come while the daemon runs.

    Args:
        wanted: a part of its name, or an empty string, as the configuration has it.
        backend: opens the MIDI system.

    Raises:
        MidiError: when there is no MIDI on this machine.
    """
    opened = backend()
    try:
        name = choose_port(opened.inputs(), wanted)
        if name is not None:
            opened.open_input(name, lambda data, at_s: None).close()
    except MidiError as error:
        return str(error)
    finally:
        opened.close()
    return ""
