"""Who may speak, and where the answers go.

An answer only ever goes to the address that a packet came from; a client merely names the port there. Max and
Pd send from a port on which they do not listen, so a client registers its reply port with ``/riff/hello``.
"""

from __future__ import annotations

import hmac
import ipaddress
import threading
from collections import OrderedDict
from dataclasses import dataclass

from riffsidecar.control.osc_codec import OscValue
from riffsidecar.control.osc_inbox import Peer
from riffsidecar.errors import ControlError, OscError

__all__ = ["TOKEN_PREFIX", "OscClients", "named_port"]

TOKEN_PREFIX = "token:"  # noqa: S105 - the word that comes before a token, not a token
_MAX_CLIENTS = 64
_HIGHEST_PORT = 65535

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(slots=True)
class _Client:
    reply_port: int
    name: str
    has_spoken_since: bool = False


class OscClients:
    """The registered clients, the token and the allow-list. Safe to use from several threads.

    >>> clients = OscClients()
    >>> clients.hello(("127.0.0.1", 50001), 9200, "max")
    9200
    >>> clients.replies(("127.0.0.1", 50001)), clients.replies(("127.0.0.1", 50002))
    ((('127.0.0.1', 9200),), (('127.0.0.1', 50002), ('127.0.0.1', 9200)))
    """

    def __init__(self, token: str = "", allow: tuple[str, ...] = (), reply_port: int = 0) -> None:
        """Take the token that every client must know, and the networks that clients may be in.

        Args:
            token: without the prefix; empty when none is wanted.
            allow: IP addresses or networks such as ``192.168.1.0/24``; empty for all. This machine is always
                allowed.
            reply_port: where answers go that nobody has named a port for; 0 for the port that the packet came
                from.

        Raises:
            ControlError: for an allow-list that holds something else.
        """
        self._token = token.encode("utf-8")
        self._allow = tuple(_network(entry) for entry in allow)
        self._reply_port = reply_port
        self._clients: OrderedDict[Peer, _Client] = OrderedDict()
        self._trusted: OrderedDict[Peer, None] = OrderedDict()
        self._lock = threading.Lock()

    def allows(self, host: str) -> bool:
        """Return whether packets from an address are looked at."""
        if not self._allow:
            return True
        address = ipaddress.ip_address(host.partition("%")[0])
        return address.is_loopback or any(address in network for network in self._allow)

    def strip_token(self, arguments: tuple[OscValue, ...]) -> tuple[tuple[OscValue, ...], str | None]:
        """Return the arguments without a token in the first place, and that token."""
        first = arguments[0] if arguments else None
        if isinstance(first, str) and first.startswith(TOKEN_PREFIX):
            return arguments[1:], first.removeprefix(TOKEN_PREFIX)
        return arguments, None

    def trusts(self, peer: Peer, token: str | None) -> bool:
        """Return whether a message may be obeyed: no token is wanted, or it or its hello brought one."""
        if not self._token:
            return True
        if token is not None:
            return hmac.compare_digest(token.encode("utf-8"), self._token)
        with self._lock:
            return peer in self._trusted

    def hello(self, peer: Peer, reply_port: int, name: str) -> int:
        """Register a client that may be obeyed, and return the port that it will be answered at.

        Raises:
            OscError: for a port that is none.
        """
        if not 0 <= reply_port <= _HIGHEST_PORT:
            raise OscError(
                f"reply_port is {reply_port}, but must be 1 to {_HIGHEST_PORT}, or 0 for the sender's own"
            )
        port = reply_port or peer[1]
        with self._lock:
            # One who says hello again from the same port does not send each message from another.
            self._clients[peer] = _Client(port, name, has_spoken_since=peer in self._clients)
            self._clients.move_to_end(peer)
            self._trusted[peer] = None
            self._trusted.move_to_end(peer)
            for known in (self._clients, self._trusted):
                while len(known) > _MAX_CLIENTS:
                    known.popitem(last=False)
        return port

    def heard(self, peer: Peer) -> None:
        """Note that a client has sent something after its hello, and is in use."""
        with self._lock:
            client = self._clients.get(peer)
            if client is not None:
                client.has_spoken_since = True
                self._clients.move_to_end(peer)
                if peer in self._trusted:
                    self._trusted.move_to_end(peer)

    def replies(self, peer: Peer) -> tuple[Peer, ...]:
        """Return where answers to a packet go.

        A registered client is answered at its port. Others are answered at the default port, or where they
        sent from; and as a client may send each message from another port (oscsend does), also at the port
        that the last hello from the same address named, if nothing else has come from the port of that hello,
        nor a second hello.
        """
        with self._lock:
            client = self._clients.get(peer)
            if client is not None:
                return ((peer[0], client.reply_port),)
            places = [(peer[0], self._reply_port or peer[1])]
            for (host, _), other in reversed(self._clients.items()):
                if host == peer[0] and not other.has_spoken_since:
                    places.append((host, other.reply_port))
                    break
            return tuple(dict.fromkeys(places))

    def listeners(self) -> tuple[Peer, ...]:
        """Return the addresses and ports of all registered clients."""
        with self._lock:
            return tuple(
                dict.fromkeys((host, client.reply_port) for (host, _), client in self._clients.items())
            )


def named_port(arguments: tuple[OscValue, ...]) -> int:
    """Return the port that the arguments of a hello name for its answers, 0 where they name none.

    >>> named_port((9124, "max")), named_port((0,)), named_port(("max",)), named_port(())
    (9124, 0, 0, 0)
    """
    first = arguments[0] if arguments else 0
    is_port = isinstance(first, int) and not isinstance(first, bool) and 0 < first <= _HIGHEST_PORT
    return int(first) if is_port else 0


def _network(entry: str) -> Network:
    try:
        return ipaddress.ip_network(entry, strict=False)
    except ValueError as error:
        raise ControlError(
            f"{entry[:64]!r} in the allow-list is no IP address or network such as 192.168.1.0/24"
        ) from error
