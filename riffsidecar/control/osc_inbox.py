"""The queue between the socket and the session: bounded, and of a knob only the newest position stays.

A fader sends hundreds of messages a second, a render takes a second. So a knob message that is overtaken,
before it was looked at, by a newer one to the same address is replaced by it. Commands keep their order,
among themselves and towards the knobs: a pad between two moves of a knob is triggered between them.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass

from riffsidecar.control.osc_codec import RawMessage

__all__ = ["OscInbox", "Peer", "Received"]

Peer = tuple[str, int]
"""Where a datagram came from: IP address and port."""


@dataclass(frozen=True, slots=True)
class Received:
    """A message and where it came from."""

    raw: RawMessage
    peer: Peer


class OscInbox:
    """A bounded queue of messages in which newer knob positions replace older ones.

    >>> inbox = OscInbox(capacity=8)
    >>> for position in (b"1", b"2", b"3"):
    ...     lost = inbox.put(Received(RawMessage("/riff/knob/morph", position), ("127.0.0.1", 1)), "morph")
    >>> [received.raw.data for received in inbox.take(0.0)]
    [b'3']
    """

    def __init__(self, capacity: int = 4096) -> None:
        """Hold at most ``capacity`` messages."""
        self._capacity = capacity
        self._items: list[Received] = []
        self._knobs: dict[Hashable, int] = {}
        self._closed = False
        self._changed = threading.Condition()

    def put(
        self, received: Received, key: Hashable | None = None, *, ordered: bool = True
    ) -> Received | None:
        """Add a message.

        Args:
            received: the message.
            key: what knob it turns; it replaces an older message of the same key. None for other messages.
            ordered: no knob message may be replaced across it. False for messages that change nothing.

        Returns:
            The message that has lost its place: the older position of the knob, or ``received`` itself when
            the queue is full. None when there is none.
        """
        with self._changed:
            at = self._knobs.get(key)
            if at is not None:
                older, self._items[at] = self._items[at], received
                return older
            if len(self._items) >= self._capacity:
                return received
            if key is not None:
                self._knobs[key] = len(self._items)
            elif ordered:
                self._knobs.clear()
            self._items.append(received)
            self._changed.notify()
            return None

    def take(self, timeout_s: float | None = None) -> list[Received]:
        """Wait for a message and return all that wait, in order; none on a timeout or when closed."""
        with self._changed:
            if not self._items and not self._closed:
                self._changed.wait(timeout_s)
            taken, self._items = self._items, []
            self._knobs.clear()
            return taken

    def close(self) -> None:
        """Wake whoever waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
