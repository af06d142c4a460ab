"""What a file is, apart from what it carries of others: its identity as seed audio or as an earlier loop.

A loop made from seed audio carries the seed's file. Were the seed's own seed left in it, a loop made from a
loop made from a loop would hold all of them.
"""

from __future__ import annotations

import hashlib

from riffsidecar.audio.chunks import riff_wave, split_riff_wave
from riffsidecar.errors import WavError

__all__ = ["content_digest", "without_source"]

_SOURCE = b"rssa"


def without_source(data: bytes) -> bytes:
    """Return the bytes of a file without the seed audio that a loop carries; other files as they are."""
    if data[:4] != b"RIFF" or _SOURCE not in data:
        return data
    try:
        chunks = split_riff_wave(memoryview(data))
    except WavError:
        return data
    if all(chunk.name != _SOURCE for chunk in chunks):
        return data
    return riff_wave(chunk for chunk in chunks if chunk.name != _SOURCE)


def content_digest(data: bytes) -> str:
    """Return the SHA-256 of a file without the seed audio that it carries, in hexadecimal digits.

    >>> content_digest(b"abc")[:8]
    'ba7816bf'
    """
    return hashlib.sha256(without_source(data)).hexdigest()
