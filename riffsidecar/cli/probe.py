"""Ask over OSC whether a riffsidecar daemon listens at an address, and which MIDI ports it has."""

from __future__ import annotations

import contextlib
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from riffsidecar.config import OscConfig
from riffsidecar.control.osc_codec import OscMessage, decode_packet, encode_message
from riffsidecar.errors import OscError

__all__ = ["FoundDaemon", "find_daemon", "open_midi_ports"]

_PATIENCE_S = 1.0
_MAX_DATAGRAM_BYTES = 65_536
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}  # noqa: S104 - read, not bound


@dataclass(frozen=True, slots=True)
class FoundDaemon:
    """Tell the version of a daemon and how it is; both are empty where it answers only clients it trusts."""

    version: str
    state: str

    def __str__(self) -> str:
        """Return it as people read it."""
        return (
            f"riffsidecar {self.version}, {self.state}" if self.version else "riffsidecar with another token"
        )


def find_daemon(osc: OscConfig, patience_s: float = _PATIENCE_S) -> FoundDaemon | None:
    """Return the daemon that answers a ping where ``osc`` says, or None when none does in time."""
    nonce = secrets.token_hex(4)
    for message in _answers(osc, "/riff/ping", nonce, patience_s):
        words = message.arguments
        if message.address == "/riff/pong" and len(words) >= 3 and words[0] == nonce:
            return FoundDaemon(str(words[1]), str(words[2]))
        if message.address == "/riff/error":
            return FoundDaemon("", "")
    return None


def open_midi_ports(osc: OscConfig, patience_s: float = _PATIENCE_S) -> tuple[tuple[str, str], ...] | None:
    """Return ``"in"`` or ``"out"`` and the name of each MIDI port that a daemon has open.

    None where no daemon answers there, or none that knows the token.
    """
    found = []
    for message in _answers(osc, "/riff/query", "ports", patience_s):
        match message.address, message.arguments:
            case "/riff/info", ("ports", str(way), str(name), 1):
                found.append((way, name))
            case "/riff/done", _:
                return tuple(found)
            case "/riff/error", _:
                return None
    return None


def _answers(osc: OscConfig, address: str, word: str, patience_s: float) -> Iterator[OscMessage]:
    """Ask one thing, and give what comes back until nobody answers in time."""
    host = _EVERYWHERE.get(osc.bind, osc.bind)
    arguments = (f"token:{osc.token}", word) if osc.token else (word,)
    until_s = time.monotonic() + patience_s
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as asking:
            # Connected, so that only the one asked is heard, and an error tells that nobody listens.
            asking.connect((host, osc.port))
            asking.send(encode_message(address, *arguments))
            while (left_s := until_s - time.monotonic()) > 0:
                asking.settimeout(left_s)
                with contextlib.suppress(OscError):
                    yield from decode_packet(asking.recv(_MAX_DATAGRAM_BYTES))
    except OSError:  # nobody there, or nobody who answers in time
        return
