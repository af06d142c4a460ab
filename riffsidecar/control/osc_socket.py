"""Open the UDP socket: loopback unless told otherwise, never shared; say who has a taken port."""

from __future__ import annotations

import errno
import ipaddress
import socket
import sys
from pathlib import Path

from riffsidecar.errors import ControlError, PortTakenError

__all__ = ["MAX_DATAGRAM_BYTES", "is_loopback", "open_udp_socket", "port_owner"]

MAX_DATAGRAM_BYTES = 65536

_RECEIVE_BUFFER_BYTES = 4 << 20
_SIO_UDP_CONNRESET = 0x9800000C
_WSAEACCES = 10013
_NEIGHBOURS = {
    4560: "Sonic Pi",
    8000: "a control surface such as TouchOSC",
    9000: "a control surface such as TouchOSC",
    9123: "another riffsidecar",
    11000: "AbletonOSC",
    57110: "SuperCollider's scsynth",
    57120: "SuperCollider's sclang",
}


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address.

    Raises:
        ControlError: when ``host`` is no IP address.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    return _address(host).is_loopback


def open_udp_socket(host: str, port: int) -> socket.socket:
    """Bind a UDP socket of its own to ``host`` and ``port``; port 0 takes a free one.

    Raises:
        PortTakenError: when somebody has the port; it names the likely one and the flag that chooses another
            port.
        ControlError: when the address cannot be bound for another reason.
    """
    address = _address(host)
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_DGRAM)
    try:
        _prepare(opened)
        opened.bind((str(address), port))
    except OSError as error:
        opened.close()
        if error.errno in (errno.EADDRINUSE, _WSAEACCES) or getattr(error, "winerror", None) == _WSAEACCES:
            owner = port_owner(port) or "another program"
            raise PortTakenError(
                f"UDP port {port} on {host} is taken, probably by {owner}: "
                "stop that program, or choose another port with --port"
            ) from error
        raise ControlError(
            f"cannot listen on UDP port {port} of {host}: {error.strerror or error}; "
            "choose an address of this machine with --bind, and another port with --port"
        ) from error
    except OverflowError as error:
        opened.close()
        raise ControlError(
            f"port is {port}, but must be from 0 to 65535: choose another with --port"
        ) from error
    return opened


def port_owner(port: int, proc: Path = Path("/proc")) -> str | None:
    """Return who has a UDP port: the process, where the system tells (Linux), or who usually has it."""
    inodes = _inodes_of_port(port, proc)
    for process in _processes(proc) if inodes else ():
        try:
            if any(str(link.readlink()) in inodes for link in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return f"{name!r} (process {process.name})"
        except OSError:
            # Another user's process, or one that has just ended: it cannot be asked.
            continue
    return _NEIGHBOURS.get(port)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise ControlError(
            f"{host[:64]!r} is no IP address: use 127.0.0.1, or one of this machine's"
        ) from error


def _prepare(opened: socket.socket) -> None:
    """Set the options; SO_REUSEADDR is not one: two daemons would steal each other's packets."""
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
    if sys.platform == "win32":
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        # Otherwise the answer to a client that has gone makes the next receive fail.
        opened.ioctl(_SIO_UDP_CONNRESET, False)


def _inodes_of_port(port: int, proc: Path) -> set[str]:
    found: set[str] = set()
    for table in ("udp", "udp6"):
        try:
            lines = (proc / "net" / table).read_text(encoding="ascii", errors="replace").splitlines()[1:]
        except OSError:
            # Not Linux.
            continue
        for line in lines:
            fields = line.split()
            if len(fields) > 9 and fields[1].endswith(f":{port:04X}"):
                found.add(f"socket:[{fields[9]}]")
    return found


def _processes(proc: Path) -> list[Path]:
    try:
        return [entry for entry in proc.iterdir() if entry.name.isdigit()]
    except OSError:
        return []
