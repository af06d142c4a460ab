"""The chunks of a RIFF file: finding them, and the bytes of those that riffsidecar writes.

Layouts: "Multimedia Programming Interface and Data Specifications 1.0" (IBM, Microsoft 1991) for RIFF and
LIST/INFO; RIFF MCI 3.0 (1994) for ``smpl``; the ``acid`` layout as libsndfile and JUCE read it. All numbers
are little-endian, every chunk is padded to an even length and its size leaves the padding out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from riffsidecar.audio.tags import Latents, LoopTags
from riffsidecar.errors import WavError

__all__ = [
    "MAX_CHUNKS",
    "Acid",
    "Chunk",
    "acid_chunk",
    "info_chunk",
    "latents_chunk",
    "parse_acid",
    "parse_latents",
    "riff_wave",
    "smpl_chunk",
    "split_riff_wave",
]

MAX_CHUNKS = 1_024

_ACID = struct.Struct("<IHHfIHHf")
_ACID_ROOT_VALID = 0x02
_ACID_STRETCH = 0x04
_ACID_ONE_SHOT = 0x01
_LOWEST_ROOT = 0x30
_MIDDLE_C = 60

_LATENTS_HEADER = struct.Struct("<4sHH")
_LATENTS_MAGIC = b"lat1"
_LATENTS_FLOAT16 = 1
_MAX_LATENTS_DIMENSIONS = 8


@dataclass(frozen=True, slots=True)
class Chunk:
    """Hold one chunk: a four-byte name and its bytes, without padding."""

    name: bytes
    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class Acid:
    """Hold what an ``acid`` chunk says of a loop; a foreign file's words, so only roughly checked.

    ``beats`` is the number of beats as its maker counted them, ``bpm`` may be 0 where the maker left it out,
    ``root`` is a MIDI note or None.
    """

    bpm: float
    beats: int
    numerator: int
    denominator: int
    root: int | None
    one_shot: bool


def riff_wave(chunks: Iterable[Chunk]) -> bytes:
    """Return the bytes of a RIFF/WAVE file made of ``chunks``.

    Raises:
        WavError: if the file would be longer than RIFF's 32-bit sizes can say.
    """
    parts: list[bytes | memoryview] = []
    size = 4
    for chunk in chunks:
        length = len(chunk.data)
        size += 8 + length + length % 2
        if size >= 2**32:
            raise WavError("the WAV would be over 4 GiB, which RIFF cannot say; make the loop shorter")
        parts += [struct.pack("<4sI", chunk.name, length), chunk.data, b"\0" * (length % 2)]
    return b"".join([struct.pack("<4sI4s", b"RIFF", size, b"WAVE"), *parts])


def split_riff_wave(data: memoryview) -> list[Chunk]:
    """Return the chunks of a RIFF/WAVE file, as views of ``data``.

    Bytes after the RIFF chunk's own end are not looked at. Every size is checked against what is there.

    Raises:
        WavError: if the file is no RIFF/WAVE, is cut short or holds too many chunks.
    """
    if len(data) < 12 or bytes(data[8:12]) != b"WAVE" or bytes(data[:4]) != b"RIFF":
        start = bytes(data[:4])
        raise WavError(f"not a RIFF/WAVE file: it begins with {start!r}; convert it to plain WAV")
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise WavError(
            f"the WAV is cut short: its header says {end} bytes, there are {len(data)}; copy it again"
        )
    chunks: list[Chunk] = []
    at = 12
    while at + 8 <= end:
        name = bytes(data[at : at + 4])
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > end:
            raise WavError(f"chunk {name!r} says {length} bytes, {end - at - 8} are left; the WAV is damaged")
        if len(chunks) == MAX_CHUNKS:
            raise WavError(f"the WAV holds more than {MAX_CHUNKS} chunks; it is damaged")
        chunks.append(Chunk(name, data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    return chunks


def acid_chunk(tags: LoopTags) -> Chunk:
    """Return the ``acid`` chunk: a loop to be stretched, its root note, beats, meter and tempo.

    Hosts take the tempo from beats and length, so beats are quarter notes here, as ``bpm`` counts them. A
    length that is no whole number of quarters, 21/2 say, is given as 21: a host then stretches at exactly
    twice the tempo and stays in time, where 10 or 11 would drift.
    """
    flags = _ACID_STRETCH | (0 if tags.key is None else _ACID_ROOT_VALID)
    return Chunk(
        b"acid",
        _ACID.pack(
            flags,
            _root_note(tags),
            0x8000,
            0.0,
            tags.quarters.numerator,
            tags.meter.denominator,
            tags.meter.numerator,
            float(tags.bpm),
        ),
    )


def parse_acid(data: bytes | memoryview) -> Acid | None:
    """Return what an ``acid`` chunk says, or None if it is too short or its tempo is no tempo."""
    if len(data) < _ACID.size:
        return None
    flags, root, _, _, beats, denominator, numerator, bpm = _ACID.unpack_from(data)
    if not 0.0 <= bpm <= 1_000.0:
        return None
    return Acid(
        bpm=bpm,
        beats=beats,
        numerator=numerator,
        denominator=denominator,
        root=root if flags & _ACID_ROOT_VALID and root < 128 else None,
        one_shot=bool(flags & _ACID_ONE_SHOT),
    )


def smpl_chunk(tags: LoopTags, num_samples: int, sample_rate: int) -> Chunk:
    """Return the ``smpl`` chunk: one endless forward loop over everything; its end sample is inclusive."""
    head = struct.pack("<9I", 0, 0, round(1e9 / sample_rate), _root_note(tags), 0, 0, 0, 1, 0)
    loop = struct.pack("<6I", 0, 0, 0, num_samples - 1, 0, 0)
    return Chunk(b"smpl", head + loop)


def info_chunk(tags: LoopTags) -> Chunk:
    """Return the LIST/INFO chunk: title, genre, software and the short recipe as comment, in UTF-8."""
    fields = {b"INAM": tags.title, b"IGNR": tags.genre, b"ICMT": tags.summary(), b"ISFT": tags.software}
    parts = [b"INFO"]
    for name, text in fields.items():
        if text:
            value = text.encode("utf-8") + b"\0"
            parts += [struct.pack("<4sI", name, len(value)), value, b"\0" * (len(value) % 2)]
    return Chunk(b"LIST", b"".join(parts))


def latents_chunk(latents: Latents) -> Chunk:
    """Return our own ``rslt`` chunk: magic, element type, shape, then little-endian float16, row by row.

    Uncompressed: latents are as good as noise to a compressor, and 8 kB a bar need none.

    Raises:
        WavError: if the array has more than eight dimensions.
    """
    if latents.ndim > _MAX_LATENTS_DIMENSIONS:
        raise WavError(f"latents of {latents.ndim} dimensions; at most {_MAX_LATENTS_DIMENSIONS} are allowed")
    head = _LATENTS_HEADER.pack(_LATENTS_MAGIC, _LATENTS_FLOAT16, latents.ndim)
    shape = struct.pack(f"<{latents.ndim}I", *latents.shape)
    return Chunk(b"rslt", head + shape + latents.astype("<f2", copy=False).tobytes())


def parse_latents(data: bytes | memoryview) -> Latents:
    """Return the latents of a ``rslt`` chunk, read-only, bit for bit those that were written.

    Raises:
        WavError: if the chunk is not what `latents_chunk` writes.
    """
    if len(data) < _LATENTS_HEADER.size:
        raise WavError(f"the latents chunk has {len(data)} bytes; the WAV is damaged")
    magic, kind, dimensions = _LATENTS_HEADER.unpack_from(data)
    if magic != _LATENTS_MAGIC or kind != _LATENTS_FLOAT16 or dimensions > _MAX_LATENTS_DIMENSIONS:
        raise WavError(f"latents of the unknown kind {magic!r} {kind}; a newer riffsidecar may read them")
    start = _LATENTS_HEADER.size + 4 * dimensions
    if len(data) < start:
        raise WavError("the latents chunk ends inside its shape; the WAV is damaged")
    shape = struct.unpack_from(f"<{dimensions}I", data, _LATENTS_HEADER.size)
    count = 1
    for extent in shape:
        count *= extent
    if len(data) - start != 2 * count:
        raise WavError(f"latents of shape {shape} do not fill {len(data) - start} bytes; the WAV is damaged")
    latents = np.frombuffer(data, dtype="<f2", count=count, offset=start).astype(np.float16)
    try:
        shaped = latents.reshape(shape)
    except ValueError as error:  # numpy counts extents beside a zero too, and finds them too many
        raise WavError(f"latents cannot have the shape {shape}: {error}") from error
    shaped.flags.writeable = False
    return shaped


def _root_note(tags: LoopTags) -> int:
    """Return the MIDI note of the key's tonic in the octave that ``acid`` uses, or middle C without a key."""
    return _MIDDLE_C if tags.key is None else _LOWEST_ROOT + tags.key.tonic
