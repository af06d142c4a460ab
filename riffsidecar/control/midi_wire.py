"""What the daemon and its MIDI process say to each other: lines of JSON on the process's own pipes."""

from __future__ import annotations

import json
import os
import queue
import threading
import time
from dataclasses import asdict, dataclass
from typing import BinaryIO, Final

__all__ = ["Answer", "Ask", "Channel", "Heard", "pack", "unpack_answer", "unpack_ask"]

_GRACE_S: Final = 2.0

Played = tuple[bytes, float]
"""A message, and when it came in seconds of ``time.monotonic``, which all processes of a machine share."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask for something: the names of the ports, or something of port ``number``."""

    what: str
    number: int = 0
    name: str = ""
    data: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer one Ask; ``problem`` is why it was refused, or empty."""

    problem: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """Hand over what was played on port ``number``."""

    number: int
    messages: tuple[Played, ...]


def pack(message: Ask | Answer | Heard) -> bytes:
    r"""Return the line that carries a message.

    >>> unpack_ask(pack(Ask("inputs"))) == Ask("inputs")
    True
    >>> pack(Heard(1, ((bytes((0x90, 36, 100)), 2.5),)))
    b'{"number": 1, "messages": [["902464", 2.5]]}\n'
    """
    if isinstance(message, Heard):
        played = [(data.hex(), at_s) for data, at_s in message.messages]
        return json.dumps({"number": message.number, "messages": played}).encode("ascii") + b"\n"
    return json.dumps(asdict(message)).encode("ascii") + b"\n"


def unpack_ask(line: bytes) -> Ask:
    """Return the question of a line."""
    values = json.loads(line)
    return Ask(**{**values, "data": tuple(values["data"])})


def unpack_answer(line: bytes) -> Answer | Heard:
    """Return what the process says in a line.

    >>> unpack_answer(pack(Answer("no", ("a",)))) == Answer("no", ("a",))
    True
    >>> unpack_answer(pack(Heard(1, ((b"x", 2.5),)))) == Heard(1, ((b"x", 2.5),))
    True
    """
    values = json.loads(line)
    if "messages" in values:
        played = tuple((bytes.fromhex(data), at_s) for data, at_s in values["messages"])
        return Heard(values["number"], played)
    return Answer(values["problem"], tuple(values["names"]))


class Channel:
    """The process's end: questions come in, answers and what is played go out.

    Raises:
        EOFError: from ``receive``, when the daemon has let go.
        OSError: from ``send``, when the daemon is gone.
    """

    def __init__(self) -> None:
        """Take stdin and stdout over. What libraries print goes to stderr from now on."""
        self._out = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self._asks: queue.Queue[Ask | None] = queue.Queue()
        # Not sys.stdin: Python closes that at its end, and aborts where a thread still reads it.
        asked = os.fdopen(os.dup(0), "rb")
        threading.Thread(target=self._read, args=(asked,), daemon=True).start()

    def send(self, message: Answer | Heard) -> None:
        """Say something."""
        self._out.write(pack(message))
        self._out.flush()

    def receive(self, timeout_s: float) -> Ask | None:
        """Return the next question, or None when there was none for so long."""
        try:
            ask = self._asks.get(timeout=timeout_s)
        except queue.Empty:
            return None
        if ask is None:
            raise EOFError("the daemon has let go")
        return ask

    def _read(self, pipe: BinaryIO) -> None:
        for line in pipe:
            self._asks.put(unpack_ask(line))
        self._asks.put(None)
        # A driver that does not come back must not keep the process for ever after its daemon.
        time.sleep(_GRACE_S)
        os._exit(1)
