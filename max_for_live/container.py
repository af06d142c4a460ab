"""Write the file of a Max for Live device around a patcher.

The outer container is a list of chunks, each a tag of four characters and a little-endian length: ``ampf``
with the kind of device, ``meta``, and ``ptch`` with the patcher. A device without files is its JSON and a
zero. A frozen one is ``mx@c``, the JSON, the files, and a list of them, all of it big-endian (both measured
on devices that Max saved).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

__all__ = ["frozen_device", "unfrozen_device"]

_UNFROZEN, _FROZEN = 0, 7
_HEAD_BYTES = 16
_IS_DEVICE, _IS_ON_DISK = 0x11, 8
_HFS_FROM_UNIX = 2082844800
# The files' dates; a fixed one (2026-01-01) keeps the bytes the same.
_DATE = 1767225600 + _HFS_FROM_UNIX


def unfrozen_device(kind: bytes, patcher: Mapping[str, Any]) -> bytes:
    """Return a device of one patcher, with whatever script lies inside it."""
    return _chunks(kind, _UNFROZEN, _json_bytes(patcher))


def frozen_device(kind: bytes, name: str, patcher: Mapping[str, Any], scripts: Mapping[str, bytes]) -> bytes:
    """Return a device that carries files which Max lays out on disk: the scripts of ``node.script``.

    Args:
        kind: the four letters of the container.
        name: the device's own file name.
        patcher: its JSON.
        scripts: the files by their names.
    """
    files = {name: (b"JSON", _IS_DEVICE, _json_bytes(patcher))}
    files |= {each: (b"TEXT", _IS_ON_DISK, data) for each, data in scripts.items()}
    entries, bodies, offset = [], [], _HEAD_BYTES
    for each, (sort, flags, data) in files.items():
        entries.append(_entry(each, sort, flags, len(data), offset))
        bodies.append(data)
        offset += len(data)
    listed = b"".join(entries)
    head = b"mx@c" + struct.pack(">IQ", _HEAD_BYTES, offset)
    return _chunks(
        kind, _FROZEN, head + b"".join(bodies) + b"dlst" + struct.pack(">I", len(listed) + 8) + listed
    )


def _json_bytes(patcher: Mapping[str, Any]) -> bytes:
    return json.dumps(patcher, indent="\t", ensure_ascii=False).encode("utf-8") + b"\n\0"


def _entry(name: str, sort: bytes, flags: int, size: int, offset: int) -> bytes:
    """Return one line of the list; its lengths take in the eight bytes before them."""
    padded = name.encode("ascii") + b"\0"
    padded += b"\0" * (-len(padded) % 4)
    numbers = (("sz32", size), ("of32", offset), ("vers", 0), ("flag", flags), ("mdat", _DATE))
    fields = [b"type" + struct.pack(">I", 12) + sort, b"fnam" + struct.pack(">I", len(padded) + 8) + padded]
    fields += [tag.encode("ascii") + struct.pack(">II", 12, value) for tag, value in numbers]
    body = b"".join(fields)
    return b"dire" + struct.pack(">I", len(body) + 8) + body


def _chunks(kind: bytes, frozen: int, payload: bytes) -> bytes:
    return b"".join(
        tag + struct.pack("<I", len(data)) + data
        for tag, data in ((b"ampf", kind), (b"meta", struct.pack("<I", frozen)), (b"ptch", payload))
    )
