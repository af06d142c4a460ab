"""Ask over OSC whether a riffsidecar daemon listens at an address."""

from __future__ import annotations

import secrets
import socket
import time
from dataclasses import dataclass

from riffsidecar.config import OscConfig
from riffsidecar.control.osc_codec import decode_packet, encode_message
from riffsidecar.errors import OscError

__all__ = ["FoundDaemon", "find_daemon"]

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
    host = _EVERYWHERE.get(osc.bind, osc.bind)
    nonce = secrets.token_hex(4)
    arguments = (f"token:{osc.token}", nonce) if osc.token else (nonce,)
    until_s = time.monotonic() + patience_s
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as asking:
            # Connected, so that only the one asked is heard, and an error tells that nobody listens.
            asking.connect((host, osc.port))
            asking.send(encode_message("/riff/ping", *arguments))
            while (left_s := until_s - time.monotonic()) > 0:
                asking.settimeout(left_s)
                found = _daemon_in(asking.recv(_MAX_DATAGRAM_BYTES), nonce)
                if found is not None:
                    return found
    except OSError:  # nobody there, or nobody who answers in time
        return None
    return None


def _daemon_in(data: bytes, nonce: str) -> FoundDaemon | None:
    try:
        messages = decode_packet(data)
    except OscError:
        return None
    for message in messages:
        if message.address == "/riff/pong" and len(message.arguments) >= 3 and message.arguments[0] == nonce:
            return FoundDaemon(str(message.arguments[1]), str(message.arguments[2]))
        if message.address == "/riff/error":
            return FoundDaemon("", "")
    return None
