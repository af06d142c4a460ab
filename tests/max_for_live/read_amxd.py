"""Read the file of a device as Max lays it out: written apart from what writes it, from measured devices."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Any

Box = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FrozenFile:
    name: str
    sort: str
    flag: int
    data: bytes


def read_chunks(data: bytes) -> list[tuple[str, bytes]]:
    """Return the chunks: a tag, a little-endian length without the header, the payload."""
    chunks, at = [], 0
    while at < len(data):
        tag, size = struct.unpack_from("<4sI", data, at)
        payload = data[at + 8 : at + 8 + size]
        assert len(payload) == size, f"{tag!r} ends early"
        chunks.append((tag.decode("ascii"), payload))
        at += 8 + size
    return chunks


def read_frozen(payload: bytes) -> list[FrozenFile]:
    """Return the files of a frozen device; here all numbers are big-endian and lengths take in the header."""
    tag, head, listed_at = struct.unpack_from(">4sIQ", payload)
    assert (tag, head) == (b"mx@c", 16)
    tag, size = struct.unpack_from(">4sI", payload, listed_at)
    assert tag == b"dlst" and listed_at + size == len(payload)
    files, at = [], listed_at + 8
    while at < len(payload):
        tag, size = struct.unpack_from(">4sI", payload, at)
        assert tag == b"dire"
        fields: dict[str, bytes] = {}
        inner = at + 8
        while inner < at + size:
            name, length = struct.unpack_from(">4sI", payload, inner)
            fields[name.decode("ascii")] = payload[inner + 8 : inner + length]
            inner += length
        assert inner == at + size and list(fields) == ["type", "fnam", "sz32", "of32", "vers", "flag", "mdat"]
        assert len(fields["fnam"]) % 4 == 0 and fields["fnam"].endswith(b"\0")
        numbers = {key: int.from_bytes(fields[key], "big") for key in ("sz32", "of32", "flag")}
        body = payload[numbers["of32"] : numbers["of32"] + numbers["sz32"]]
        name = fields["fnam"].rstrip(b"\0").decode("ascii")
        files.append(FrozenFile(name, fields["type"].decode("ascii"), numbers["flag"], body))
        at += size
    return files


def read_patcher(data: bytes) -> Box:
    """Return the patcher of a device, frozen or not."""
    payload = dict(read_chunks(data))["ptch"]
    text = read_frozen(payload)[0].data if payload.startswith(b"mx@c") else payload
    assert text.endswith(b"\n\0") and text.count(b"\0") == 1
    return dict(json.loads(text[:-1])["patcher"])
