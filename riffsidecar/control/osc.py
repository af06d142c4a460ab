"""The OSC surface: a UDP server that turns messages into commands, and events into answers.

Two threads: one does nothing but empty the socket, check packets and queue their messages, so that the
kernel's buffer never fills and the newest position of a fader is never the one that is lost; the other looks
at the messages and submits commands. Answers are sent from whichever thread has one.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping

from riffsidecar import __version__
from riffsidecar.control.limits import LimitedLog, RateLimit
from riffsidecar.control.osc_answers import (
    Answer,
    Row,
    changed_rows,
    done_without_loop,
    event_answers,
    query_rows,
    request_error,
    state_rows,
)
from riffsidecar.control.osc_clients import OscClients, named_port
from riffsidecar.control.osc_codec import (
    OscValue,
    RawMessage,
    check_packet,
    decode_message,
)
from riffsidecar.control.osc_ids import ID_PREFIX, id_at_end, id_of, peer_of, split_id
from riffsidecar.control.osc_inbox import OscInbox, Peer, Received
from riffsidecar.control.osc_port import OscPort
from riffsidecar.control.osc_socket import is_loopback
from riffsidecar.control.osc_table import ADDRESSES, ANSWERS, OscAddress, find_address
from riffsidecar.control.surface import Submit
from riffsidecar.errors import (
    CancelledError,
    ControlError,
    OscError,
    RiffError,
    SupersededError,
    UnknownNameError,
)
from riffsidecar.session.events import (
    Acked,
    Envelope,
    Event,
    Failed,
    Finished,
    Origin,
    Previewed,
    StateChanged,
)

__all__ = ["DEFAULT_PORT", "OscSurface"]

logger = logging.getLogger(__name__)

DEFAULT_PORT = 9123
_POLL_S = 0.5
_JOIN_S = 5.0


class OscSurface:
    """Serve OSC on one UDP port.

    Args:
        bind: the IP address to listen on. Anything but loopback wants a token or an allow-list.
        port: the UDP port; 0 takes a free one, which :attr:`port` then tells.
        token: what clients have to send first, as ``token:...``; empty for none.
        allow: the addresses and networks that packets may come from; empty for all.
        reply_port: where answers go when a client has named no port; 0 for the port that it sends from.
        version: what ``/riff/pong`` says.
        status: tells in one word how the daemon is.
        ports: tells the rows that ``/riff/query ports`` answers.

    Raises:
        ControlError: when others could reach the address and nothing guards it, or the allow-list cannot be
            read.
    """

    def __init__(
        self,
        bind: str = "127.0.0.1",
        port: int = DEFAULT_PORT,
        *,
        token: str = "",
        allow: tuple[str, ...] = (),
        reply_port: int = 0,
        version: str = __version__,
        status: Callable[[], str] = lambda: "ready",
        ports: Callable[[], Iterable[Row]] = lambda: (),
    ) -> None:
        """Check the settings; nothing is opened yet."""
        if not is_loopback(bind) and not token and not allow:
            raise ControlError(
                f"OSC on {bind} could be reached by anybody on the network: "
                "set a token or an allow-list too, or bind 127.0.0.1"
            )
        self._bind = bind
        self._port = OscPort(bind, port, self._receive)
        self._clients = OscClients(token, allow, reply_port)
        self._version = version
        self._status = status
        self._ports = ports
        self._inbox = OscInbox()
        self._log = LimitedLog(logger)
        self._malformed_answers = RateLimit(per_s=20.0, burst=50)
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._submit: Submit = _refuse
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self._state: Mapping[str, object] = {}
        self._rows: dict[tuple[OscValue, ...], Row] = {}

    @property
    def name(self) -> str:
        """Return ``"osc"``."""
        return "osc"

    @property
    def port(self) -> int:
        """Return the UDP port; after the start the one that was really taken."""
        return self._port.number

    def start(self, submit: Submit) -> None:
        """Bind the port and begin to serve.

        Raises:
            PortTakenError: when somebody has the port.
            ControlError: when the address cannot be bound, or the surface was started before.
        """
        with self._lock:
            if self._thread is not None or self._closing.is_set():
                raise ControlError("this OSC surface was started before: make a new one")
            self._submit = submit
            self._port.open()
            self._thread = threading.Thread(target=self._serve, name="riffsidecar-osc-serve", daemon=True)
            self._thread.start()
        if not is_loopback(self._bind):
            logger.warning("OSC listens on %s, where others on the network can reach it", self._bind)
        logger.info("OSC listens on %s, UDP port %d", self._bind, self.port)

    def notify(self, event: Event) -> None:
        """Answer the client that asked, and tell the registered ones of loops and changes."""
        if isinstance(event, StateChanged):
            rows = state_rows(event.state)
            with self._lock:
                changed = changed_rows(self._rows, rows)
                self._state, self._rows = event.state, rows
            listeners = self._clients.listeners()
            for row in changed if listeners else ():
                self._port.send(listeners, Answer("/riff/state", row))
            return
        own = event.origin.surface == self.name
        places = self._clients.replies(peer_of(event.origin)) if own else self._clients.listeners()
        if own and isinstance(event, Finished | Previewed):
            places = tuple(dict.fromkeys((*places, *self._clients.listeners())))
        elif not own and _concerns_nobody_else(event):
            return
        for answer in event_answers(event):
            self._port.send(places, answer)

    def close(self) -> None:
        """Stop serving and give the port back."""
        self._closing.set()
        self._inbox.close()
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)
        self._port.close()

    def _receive(self, data: bytes, peer: Peer) -> None:
        if not self._clients.allows(peer[0]):
            self._log.warning("packet from %s ignored: it is not in the allow-list", peer[0])
            return
        try:
            found = check_packet(data)
        except OscError as error:
            self._log.warning("malformed packet from %s port %d: %s", *peer, error)
            if self._clients.trusts(peer, None) and self._malformed_answers.allows():
                self._port.send(
                    self._clients.replies(peer), request_error(id_at_end(data), error.code, str(error))
                )
            return
        for raw in found:
            self._queue(raw, peer)

    def _queue(self, raw: RawMessage, peer: Peer) -> None:
        row = ADDRESSES.get(raw.address)
        key: Hashable | None = None
        is_ordered = row is not None and row.build is not None
        if row is not None and row.coalesce:
            # A message that will be refused must neither take the place of one that will not, nor keep newer
            # positions from doing so.
            is_ordered = False
            if self._will_turn(row, raw, peer):
                key = raw.address
        received = Received(raw, peer)
        lost = self._inbox.put(received, key, ordered=is_ordered)
        if lost is received:
            self._log.warning("message to %s dropped: too many are waiting", raw.address)
            if self._malformed_answers.allows():
                text = f"{raw.address}: too many messages are waiting, send fewer"
                self._port.send(self._clients.replies(peer), request_error(id_of(raw), "busy", text))
        elif lost is not None and (lost_id := id_of(lost.raw)):
            self._port.send(self._clients.replies(lost.peer), done_without_loop(lost_id))

    def _will_turn(self, row: OscAddress, raw: RawMessage, peer: Peer) -> bool:
        """Return whether a knob's message comes from somebody who may turn it, to where it can stand."""
        try:
            arguments, token = self._clients.strip_token(decode_message(raw).arguments)
            if not self._clients.trusts(peer, token):
                return False
            row.command(split_id(arguments)[0])
        except RiffError:
            # Whoever carries it out says why not.
            return False
        return True

    def _serve(self) -> None:
        """Look at the messages in their order; those that still wait at the end are told so."""
        while not self._closing.is_set():
            for received in self._inbox.take(_POLL_S):
                if self._closing.is_set():
                    self._turn_away(received)
                else:
                    self._handle(received.raw, received.peer)
        for received in self._inbox.take(0.0):
            self._turn_away(received)

    def _turn_away(self, received: Received) -> None:
        text = "the daemon is stopping; send the message again when it runs"
        if received.raw.address not in ANSWERS and self._clients.trusts(received.peer, None):
            answer = request_error(id_of(received.raw), CancelledError.code, text)
            self._port.send(self._clients.replies(received.peer), answer)

    def _handle(self, raw: RawMessage, peer: Peer) -> None:
        """Carry out one message; whatever happens, it ends in an answer."""
        request_id = ""
        try:
            arguments, token = self._clients.strip_token(decode_message(raw).arguments)
            if not self._clients.trusts(peer, token):
                self._forbid(raw.address, arguments, peer, id_of(raw), token)
                return
            arguments, request_id = split_id(arguments)
            if raw.address in ANSWERS:
                self._refuse_answer(raw.address, peer, request_id)
                return
            self._carry_out(raw.address, arguments, peer, request_id)
        except RiffError as error:
            self._log.warning("%s from %s port %d refused: %s", raw.address, *peer, error)
            self._port.send(
                self._clients.replies(peer),
                request_error(request_id or self._new_id(), error.code, str(error)),
            )
        except Exception:
            self._log.exception("%s from %s port %d failed", raw.address, *peer)
            text = f"{raw.address} failed inside riffsidecar: its log says why"
            self._port.send(
                self._clients.replies(peer), request_error(request_id or self._new_id(), "internal", text)
            )

    def _refuse_answer(self, address: str, peer: Peer, request_id: str) -> None:
        """Say that an address is one that we send; an error about an error could be answered for ever."""
        self._log.warning("%s from %s port %d refused: it is an answer", address, *peer)
        if address == "/riff/error" or not self._malformed_answers.allows():
            return
        text = f"{address} is what riffsidecar answers, and takes from nobody; is this your own reply port?"
        answer = request_error(request_id or self._new_id(), UnknownNameError.code, text)
        self._port.send(self._clients.replies(peer), answer)

    def _forbid(
        self,
        address: str,
        arguments: tuple[OscValue, ...],
        peer: Peer,
        request_id: str,
        token: str | None,
    ) -> None:
        """Say that a token is wanted; to one who says hello also at the reply port that the hello names."""
        why = "no token" if token is None else "another token than the daemon's"
        self._log.warning("%s from %s port %d refused: %s", address, *peer, why)
        if self._malformed_answers.allows():
            text = (
                "send token:... with the token of this daemon as the first argument, here or with /riff/hello"
            )
            port = named_port(arguments) if address == "/riff/hello" else 0
            places = dict.fromkeys((peer[0], each) for each in (peer[1], port) if each)
            self._port.send(tuple(places), request_error(request_id, "forbidden", text))

    def _carry_out(self, address: str, arguments: tuple[OscValue, ...], peer: Peer, request_id: str) -> None:
        if address != "/riff/hello":
            self._clients.heard(peer)
        row = find_address(address)
        name = request_id or self._new_id()
        if row.build is not None:
            command = row.command(arguments)
            if command is not None:
                self._submit(Envelope(command, Origin(self.name, f"{peer[0]}:{peer[1]}", name)))
                return
            rows = [Answer("/riff/ack", (name, -1))]
        else:
            tail = (request_id,) if request_id else ()
            rows = [
                Answer(answer.address, (*answer.values, *tail))
                for answer in self._ask(address, row.check(arguments), peer)
            ]
        places = self._clients.replies(peer)
        for answer in (*rows, done_without_loop(name)):
            self._port.send(places, answer)

    def _ask(self, address: str, arguments: tuple[OscValue, ...], peer: Peer) -> list[Answer]:
        """Answer what needs no command."""
        match address:
            case "/riff/ping":
                nonce = arguments[0] if arguments else ""
                return [Answer("/riff/pong", (nonce, self._version, self._status()))]
            case "/riff/hello":
                wanted, name = int(arguments[0]), str(arguments[1]) if len(arguments) > 1 else ""
                if wanted == self.port and is_loopback(peer[0]):
                    raise OscError(
                        f"reply_port is {wanted}, but that is the port of riffsidecar: name your own"
                    )
                port = self._clients.hello(peer, wanted, name)
                return [Answer("/riff/welcome", (port, self._version, self._status(), name))]
        what = str(arguments[0])
        with self._lock:
            state, rows = self._state, list(self._rows.values())
        if what == "state":
            return [Answer("/riff/state", row) for row in rows]
        return [Answer("/riff/info", (what, *row)) for row in query_rows(what, state, self._ports())]

    def _new_id(self) -> str:
        return f"{ID_PREFIX}auto-{next(self._ids)}"


def _concerns_nobody_else(event: Event) -> bool:
    """Return whether those who did not ask need not hear of it.

    What somebody did elsewhere concerns a client when it makes a loop, and else as a state. What a newer move
    took the place of is no failure, and the newer one is told.
    """
    if isinstance(event, Failed) and event.code == SupersededError.code:
        return True
    return isinstance(event, Acked | Failed) and event.slot is None


def _refuse(envelope: Envelope) -> None:
    raise ControlError(f"{envelope.command} came before the start")
