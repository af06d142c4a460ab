"""Read and write OSC packets; let nothing malformed any further.

python-osc 1.10.2 loops for ever on a bundle whose element size is negative, recurses without limit, lets
``UnicodeDecodeError`` out and obeys time tags. So a packet passes the gate here first: sizes, nesting, types,
text and numbers are checked in one pass over the bytes, bundles are taken apart without reading their time
tags, and only then does python-osc parse the single messages that remain.

Layout: the OpenSound Control specification 1.0 (Wright 2002). Sizes are judged strictly, padding mildly: a
packet whose last zeros are missing, or that has too many, is read (Reaktor and SuperCollider send such
packets).
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from pythonosc import osc_message, osc_message_builder
from pythonosc.parsing import osc_types

from riffsidecar.errors import OscError

__all__ = [
    "MAX_ARGUMENTS",
    "MAX_DEPTH",
    "MAX_MESSAGES",
    "MAX_PACKET_BYTES",
    "OscMessage",
    "OscValue",
    "RawMessage",
    "check_packet",
    "decode_message",
    "decode_packet",
    "encode_message",
]

OscValue = int | float | str

MAX_PACKET_BYTES = 8192
MAX_DEPTH = 4
MAX_ARGUMENTS = 64
MAX_MESSAGES = 128
MAX_ADDRESS_CHARS = 255

_BUNDLE = b"#bundle\0"
_BUNDLE_HEADER_BYTES = 16
_WILDCARDS = frozenset("*?[]{}")
_FORBIDDEN = frozenset(" #,")
_FLOAT = struct.Struct(">f")
_SIZE = struct.Struct(">i")


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One message that has passed the gate: its address, and its bytes without surplus padding."""

    address: str
    data: bytes


@dataclass(frozen=True, slots=True)
class OscMessage:
    """One decoded message. Booleans have become the integers 1 and 0."""

    address: str
    arguments: tuple[OscValue, ...] = ()


def check_packet(data: bytes) -> tuple[RawMessage, ...]:
    """Pass a datagram through the gate and return its messages, bundles taken apart, time tags unread.

    Raises:
        OscError: when the datagram is not OSC as riffsidecar accepts it; the text names the rule.

    >>> [raw.address for raw in check_packet(encode_message("/riff/ping"))]
    ['/riff/ping']
    """
    if not data:
        raise OscError("empty datagram: an OSC packet begins with '/' or '#bundle'")
    if len(data) > MAX_PACKET_BYTES:
        raise OscError(f"packet of {len(data)} bytes: at most {MAX_PACKET_BYTES} are accepted, send several")
    padded = data + bytes(-len(data) % 4)
    found: list[RawMessage] = []
    _check_element(padded, 0, found)
    return tuple(found)


def decode_message(raw: RawMessage) -> OscMessage:
    """Parse one message that has passed the gate.

    Raises:
        OscError: when python-osc disagrees with the gate about the message.
    """
    try:
        parsed = osc_message.OscMessage(raw.data)
    except (osc_message.ParseError, osc_types.ParseError, ValueError) as error:
        raise OscError(f"message to {raw.address!r} cannot be parsed: {error}") from error
    arguments = tuple(int(value) if isinstance(value, bool) else value for value in parsed.params)
    return OscMessage(raw.address, arguments)


def decode_packet(data: bytes) -> tuple[OscMessage, ...]:
    """Pass a datagram through the gate and parse its messages.

    Raises:
        OscError: when the datagram is not OSC as riffsidecar accepts it.

    >>> decode_packet(encode_message("/riff/pad", 3, 100))
    (OscMessage(address='/riff/pad', arguments=(3, 100)),)
    """
    return tuple(decode_message(raw) for raw in check_packet(data))


def encode_message(address: str, *values: OscValue) -> bytes:
    """Return the datagram of one message, in the types i, f and s alone.

    Characters that UTF-8 cannot carry (half of a surrogate pair, from a file name) become ``?``.

    Raises:
        OscError: when a number is not finite or does not fit in 32 bits.
    """
    builder = osc_message_builder.OscMessageBuilder(address=address)
    for value in values:
        if isinstance(value, str):
            clean = value.replace("\0", " ").encode("utf-8", "replace").decode("utf-8")
            builder.add_arg(clean, builder.ARG_TYPE_STRING)
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise OscError(f"{address}: {value!r} is not a finite number")
            builder.add_arg(value, builder.ARG_TYPE_FLOAT)
        else:
            builder.add_arg(int(value), builder.ARG_TYPE_INT)
    try:
        return bytes(builder.build().dgram)
    except osc_message_builder.BuildError as error:
        raise OscError(f"{address}: {values!r} cannot be sent as OSC: {error}") from error


def _check_element(data: bytes, depth: int, found: list[RawMessage]) -> None:
    """Check one message or bundle, whose length is a multiple of 4, and append what it holds."""
    if data[0] == 0x2F:
        if len(found) >= MAX_MESSAGES:
            raise OscError(f"more than {MAX_MESSAGES} messages in one packet: send several")
        found.append(_check_message(data))
    elif data.startswith(_BUNDLE):
        _check_bundle(data, depth + 1, found)
    else:
        raise OscError(f"packet begins with {data[:8]!r}: an OSC packet begins with '/' or '#bundle'")


def _check_bundle(data: bytes, depth: int, found: list[RawMessage]) -> None:
    if depth > MAX_DEPTH:
        raise OscError(f"bundles nested more than {MAX_DEPTH} deep")
    if len(data) < _BUNDLE_HEADER_BYTES:
        raise OscError(f"bundle of {len(data)} bytes: its header alone has {_BUNDLE_HEADER_BYTES}")
    at = _BUNDLE_HEADER_BYTES
    while at < len(data):
        (size,) = _SIZE.unpack_from(data, at)
        at += 4
        left = len(data) - at
        if size <= 0 or size % 4 or size > left:
            raise OscError(f"bundle element of {size} bytes: 4 to {left} in steps of 4 are possible here")
        _check_element(data[at : at + size], depth, found)
        at += size


def _check_message(data: bytes) -> RawMessage:
    address, at = _string(data, 0, "address")
    if len(address) > MAX_ADDRESS_CHARS:
        raise OscError(f"address of {len(address)} characters: at most {MAX_ADDRESS_CHARS} are accepted")
    if not _WILDCARDS.isdisjoint(address):
        raise OscError(f"address {address[:80]!r} holds a wildcard: name one address")
    if not address.isprintable() or not _FORBIDDEN.isdisjoint(address):
        raise OscError(f"address {address[:80]!r} holds a character that OSC addresses may not hold")
    if not any(data[at:]):
        return RawMessage(address, data[:at])
    tags, at = _string(data, at, "type tags")
    if not tags.startswith(","):
        raise OscError(f"{address[:80]}: type tags {tags[:80]!r} do not begin with a comma")
    if len(tags) - 1 > MAX_ARGUMENTS:
        raise OscError(f"{address[:80]}: {len(tags) - 1} arguments, at most {MAX_ARGUMENTS} are accepted")
    for tag in tags[1:]:
        at = _check_argument(data, at, tag, address)
    if any(data[at:]):
        raise OscError(f"{address[:80]}: {len(data) - at} bytes after the last argument")
    return RawMessage(address, data[:at])


def _check_argument(data: bytes, at: int, tag: str, address: str) -> int:
    """Check the argument at ``at`` and return where the next one begins."""
    if tag == "s":
        return _string(data, at, "string")[1]
    if tag in "TF":
        return at
    if tag not in "if":
        raise OscError(f"{address[:80]}: type tag {tag!r} is not accepted, send i, f or s")
    if at + 4 > len(data):
        raise OscError(f"{address[:80]}: the message ends inside an argument of type {tag!r}")
    if tag == "f" and not math.isfinite(_FLOAT.unpack_from(data, at)[0]):
        raise OscError(f"{address[:80]}: a number that is not finite")
    return at + 4


def _string(data: bytes, at: int, what: str) -> tuple[str, int]:
    """Read the OSC string at ``at``; return it and where the next item begins."""
    end = data.find(b"\0", at)
    if end < 0:
        raise OscError(f"{what} without a terminating zero")
    try:
        text = data[at:end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise OscError(f"{what} {data[at:end][:40]!r} is not UTF-8") from error
    return text, end + 4 - (end - at) % 4
