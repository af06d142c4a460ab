"""The socket of the OSC surface and the thread that empties it."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterable

from riffsidecar.control.limits import LimitedLog
from riffsidecar.control.osc_answers import Answer
from riffsidecar.control.osc_codec import encode_message
from riffsidecar.control.osc_inbox import Peer
from riffsidecar.control.osc_socket import MAX_DATAGRAM_BYTES, open_udp_socket
from riffsidecar.errors import OscError

__all__ = ["OscPort"]

logger = logging.getLogger(__name__)

_POLL_S = 0.5
_JOIN_S = 5.0
_MANY_FAILURES = 1000
_SELF = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}  # noqa: S104 - looked up, not bound


class OscPort:
    """A UDP port: it hands datagrams to ``receive`` on a thread of its own, and sends from any."""

    def __init__(self, bind: str, port: int, receive: Callable[[bytes, Peer], None]) -> None:
        """Open nothing yet."""
        self._bind = bind
        self._number = port
        self._receive = receive
        self._log = LimitedLog(logger)
        self._socket: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    @property
    def number(self) -> int:
        """Return the port; once it is open the one that was really taken."""
        return self._number

    def open(self) -> None:
        """Bind the port and begin to receive.

        Raises:
            PortTakenError: when somebody has the port.
            ControlError: when the address cannot be bound.
        """
        opened = open_udp_socket(self._bind, self._number)
        opened.settimeout(_POLL_S)
        self._socket, self._number = opened, opened.getsockname()[1]
        self._thread = threading.Thread(
            target=self._drain, args=(opened,), name="riffsidecar-osc-drain", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Give the port back; closing twice is closing once."""
        self._closing.set()
        thread, self._thread = self._thread, None
        opened, self._socket = self._socket, None
        if opened is None:
            return
        try:
            # An empty datagram wakes the thread, so that nobody waits for its timeout.
            opened.sendto(b"", (_SELF.get(self._bind, self._bind), self._number))
        except OSError as error:
            logger.debug("the OSC thread will notice by itself that it is to end: %s", error)
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)
        opened.close()

    def send(self, places: Iterable[Peer], answer: Answer) -> None:
        """Send an answer; a client that is gone is no reason to stop."""
        opened = self._socket
        if opened is None:
            return
        try:
            data = encode_message(answer.address, *answer.values)
        except OscError as error:
            self._log.warning("%s cannot be sent: %s", answer.address, error)
            return
        for place in places:
            try:
                opened.sendto(data, place)
            except (OSError, OverflowError) as error:
                self._log.warning("%s to %s port %d failed: %s", answer.address, *place, error)

    def _drain(self, opened: socket.socket) -> None:
        """Empty the socket as fast as packets come."""
        failures = 0
        while not self._closing.is_set():
            try:
                data, address = opened.recvfrom(MAX_DATAGRAM_BYTES)
            except TimeoutError:
                continue
            except OSError as error:
                # Windows reports here that a client we have answered is gone; the others are still there.
                self._log.warning("OSC receive failed, going on: %s", error)
                failures += 1
                if failures > _MANY_FAILURES:
                    self._closing.wait(_POLL_S)
                continue
            failures = 0
            if self._closing.is_set():
                return
            try:
                self._receive(data, (address[0], address[1]))
            except Exception:
                # A defect costs this packet; without this thread nobody would be heard any more.
                self._log.exception("a packet from %s port %d failed", address[0], address[1])
