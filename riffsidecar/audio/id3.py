"""An ID3v2.3 tag, written by hand: the few frames that browsers and hosts read from a loop.

Source: ID3 tag version 2.3.0 (Martin Nilsson, 1999). Text that fits Latin-1 is written so, the rest as
UTF-16 with a byte order mark; version 2.3 knows no UTF-8.
"""

from __future__ import annotations

import struct
from fractions import Fraction

from riffsidecar.audio.chunks import Chunk
from riffsidecar.audio.tags import LoopTags
from riffsidecar.music import Key, spell

__all__ = ["id3_chunk", "initial_key"]


def id3_chunk(tags: LoopTags) -> Chunk:
    """Return the ``id3`` chunk: TIT2, TBPM, TKEY, TCON, COMM and TSSE, those that have a value.

    TBPM is a whole number in the letter of the standard; a tempo of 87.5 is written ``87.5`` all the same, as
    DJ software writes and reads it, because 88 would be wrong.
    """
    frames = [_text_frame(b"TIT2", tags.title), _text_frame(b"TBPM", _decimal(tags.bpm))]
    if tags.key is not None:
        frames.append(_text_frame(b"TKEY", initial_key(tags.key)))
    frames += [
        _text_frame(b"TCON", tags.genre),
        _comment_frame(tags.summary()),
        _text_frame(b"TSSE", tags.software),
    ]
    body = b"".join(frames)
    # The tag's own size is four times seven bits, a frame's is not: that came with version 2.4.
    size = bytes((len(body) >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return Chunk(b"id3 ", b"ID3\x03\x00\x00" + size + body)


def initial_key(key: Key) -> str:
    """Return the key as TKEY has it: a tonic, and ``m`` where the third is minor, three characters at most.

    >>> initial_key(Key.parse("F#m")), initial_key(Key.parse("D dorian")), initial_key(Key.parse("C"))
    ('F#m', 'Dm', 'C')
    """
    return spell(key.tonic, key.is_minor) + ("m" if key.is_minor else "")


def _decimal(value: Fraction) -> str:
    return f"{float(value):.3f}".rstrip("0").rstrip(".")


def _text_frame(name: bytes, text: str) -> bytes:
    if not text:
        return b""
    encoding, value, _ = _encoded(text)
    return _frame(name, encoding + value)


def _comment_frame(text: str) -> bytes:
    encoding, value, empty_description = _encoded(text)
    return _frame(b"COMM", encoding + b"eng" + empty_description + value)


def _encoded(text: str) -> tuple[bytes, bytes, bytes]:
    """Return the encoding byte, the text, and an empty terminated text in the same encoding."""
    try:
        return b"\x00", text.encode("latin-1"), b"\x00"
    except UnicodeEncodeError:
        return b"\x01", b"\xff\xfe" + text.encode("utf-16-le"), b"\xff\xfe\x00\x00"


def _frame(name: bytes, data: bytes) -> bytes:
    return struct.pack(">4sIH", name, len(data), 0) + data
