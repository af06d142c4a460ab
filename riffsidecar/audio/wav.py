"""WAV files of loops: written whole in memory, read strictly.

Chunks are written in the order that every reader we know of accepts: ``fmt``, (``fact``), ``data``, ``acid``,
``smpl``, LIST/INFO, ``id3``, and after those our own, which others skip:

    rsjs    JSON: {"riffsidecar": 1, "tags": {...}, "recipe": {...} or null}
    rslt    the latents, see `riffsidecar.audio.chunks.latents_chunk`
    rssa    the seed audio's file, byte for byte
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from riffsidecar.audio.chunks import (
    Acid,
    Chunk,
    acid_chunk,
    info_chunk,
    latents_chunk,
    parse_acid,
    parse_latents,
    riff_wave,
    smpl_chunk,
    split_riff_wave,
)
from riffsidecar.audio.id3 import id3_chunk
from riffsidecar.audio.pcm import BIT_DEPTHS, SampleFormat, decode_samples, encode_samples
from riffsidecar.audio.tags import Latents, LoopTags
from riffsidecar.audio.waveform import MAX_CHANNELS, Waveform
from riffsidecar.errors import RiffError, WavError, nearest

__all__ = ["MAX_WAV_BYTES", "DecodedWav", "decode_wav", "encode_wav"]

MAX_WAV_BYTES = 256 * 2**20
"""What `decode_wav` takes: a minute at 96 kHz in float is 46 MB, so a longer seed recording fits as well."""

_JSON_VERSION = 1
_MAX_JSON_BYTES = 2**20
_EXTENSIBLE = 0xFFFE
_EXTENSIBLE_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_MAX_WRITTEN_CHANNELS = 2


@dataclass(frozen=True, slots=True, eq=False)
class DecodedWav:
    """Hold what `decode_wav` found in a file.

    Attributes:
        waveform: the samples.
        sample_format: how they were stored.
        tags: what riffsidecar wrote about the loop; None for anybody else's file.
        recipe: the request it was made from, or None.
        latents: the latents, float16, or None.
        source: the bytes of the seed audio's file, or None.
        acid: tempo and beats as any maker's ``acid`` chunk has them, or None.
    """

    waveform: Waveform
    sample_format: SampleFormat
    tags: LoopTags | None
    recipe: dict[str, Any] | None
    latents: Latents | None
    source: bytes | None
    acid: Acid | None


def encode_wav(waveform: Waveform, bit_depth: str, tags: LoopTags, *, is_loop: bool = True) -> bytes:
    """Return the bytes of a WAV file with everything hosts read and everything a rerender needs.

    ``bit_depth`` is ``"16"``, ``"24"`` or ``"32f"``. Equal arguments give equal bytes. What is no loop, as a
    stretch of a longer sound, has no ``smpl`` chunk, so that samplers do not repeat it.

    Raises:
        WavError: if the bit depth is unknown, the waveform has more than two channels or, as integers,
            a sample beyond full scale.
    """
    sample_format = BIT_DEPTHS.get(bit_depth)
    if sample_format is None:
        hint = nearest(str(bit_depth), BIT_DEPTHS)
        raise WavError(f"bit depth {bit_depth!r} is not one of {', '.join(BIT_DEPTHS)}{hint}")
    if waveform.channels > _MAX_WRITTEN_CHANNELS:
        raise WavError(f"{waveform.channels} channels cannot be written; loops are mono or stereo")
    chunks = [
        *_format_chunks(waveform, sample_format),
        Chunk(b"data", encode_samples(waveform, sample_format)),
        acid_chunk(tags),
        *([smpl_chunk(tags, waveform.num_samples, waveform.sample_rate)] if is_loop else []),
        info_chunk(tags),
        id3_chunk(tags),
        _json_chunk(tags),
    ]
    if tags.latents is not None:
        chunks.append(latents_chunk(tags.latents))
    if tags.source is not None:
        chunks.append(Chunk(b"rssa", tags.source))
    return riff_wave(chunks)


def decode_wav(data: bytes | bytearray | memoryview) -> DecodedWav:
    """Return the samples and metadata of a WAV file's bytes, whoever wrote it.

    Memory stays within a small multiple of ``len(data)``, whatever the bytes say. Read are 8, 16, 24 and
    32-bit PCM, 32 and 64-bit float, plain or WAVE_FORMAT_EXTENSIBLE, up to eight channels.

    Raises:
        WavError: and nothing else, for anything that is not such a file from end to end.
    """
    if len(data) > MAX_WAV_BYTES:
        raise WavError(f"the WAV has {len(data)} bytes; at most {MAX_WAV_BYTES} are read: cut it shorter")
    chunks = split_riff_wave(memoryview(data).cast("B"))
    channels, sample_rate, sample_format = _parse_format(_only(chunks, b"fmt "))
    samples = decode_samples(_only(chunks, b"data"), channels, sample_format)
    own = _optional(chunks, b"rsjs")
    latents, source = _optional(chunks, b"rslt"), _optional(chunks, b"rssa")
    kept_latents = None if latents is None else parse_latents(latents)
    kept_source = None if source is None else bytes(source)
    acid = (parse_acid(chunk.data) for chunk in chunks if chunk.name == b"acid")
    try:
        waveform = Waveform(samples, sample_rate)
        tags = None if own is None else _parse_json_chunk(own, kept_latents, kept_source)
    except WavError:
        raise
    except RiffError as error:
        raise WavError(f"the WAV cannot be used: {error}") from error
    return DecodedWav(
        waveform=waveform,
        sample_format=sample_format,
        tags=tags,
        recipe=None if tags is None or tags.recipe is None else dict(tags.recipe),
        latents=kept_latents,
        source=kept_source,
        acid=next(acid, None),
    )


def _format_chunks(waveform: Waveform, sample_format: SampleFormat) -> list[Chunk]:
    frame_bytes = waveform.channels * sample_format.num_bytes
    fmt = struct.pack(
        "<HHIIHH",
        sample_format.tag,
        waveform.channels,
        waveform.sample_rate,
        waveform.sample_rate * frame_bytes,
        frame_bytes,
        sample_format.bits,
    )
    if not sample_format.is_float:
        return [Chunk(b"fmt ", fmt)]
    # All that is not PCM has an extension size, here 0, and a fact chunk with the number of samples.
    fact = struct.pack("<I", waveform.num_samples)
    return [Chunk(b"fmt ", fmt + b"\0\0"), Chunk(b"fact", fact)]


def _parse_format(data: bytes | memoryview) -> tuple[int, int, SampleFormat]:
    if len(data) < 16:
        raise WavError(f"the fmt chunk has {len(data)} bytes, 16 are needed; the WAV is damaged")
    tag, channels, sample_rate, _, frame_bytes, bits = struct.unpack_from("<HHIIHH", data)
    if tag == _EXTENSIBLE:
        if len(data) < 40 or bytes(data[26:40]) != _EXTENSIBLE_GUID_TAIL:
            raise WavError("the extensible fmt chunk names no known sample format; convert it to plain WAV")
        tag = int.from_bytes(data[24:26], "little")
    if not 1 <= channels <= MAX_CHANNELS:
        raise WavError(f"{channels} channels are not 1 to {MAX_CHANNELS}")
    if bits % 8 or frame_bytes != channels * bits // 8:
        raise WavError(f"{channels} channels of {bits} bits do not make frames of {frame_bytes} bytes")
    return channels, sample_rate, SampleFormat(tag, bits)


def _json_chunk(tags: LoopTags) -> Chunk:
    document = {"riffsidecar": _JSON_VERSION, "tags": tags.to_json(), "recipe": tags.recipe}
    text = json.dumps(document, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":"))
    if len(text) > _MAX_JSON_BYTES:
        raise WavError(f"the recipe takes {len(text)} bytes; at most {_MAX_JSON_BYTES} are allowed")
    return Chunk(b"rsjs", text.encode("ascii"))


def _parse_json_chunk(data: bytes | memoryview, latents: Latents | None, source: bytes | None) -> LoopTags:
    if len(data) > _MAX_JSON_BYTES:
        raise WavError(f"the recipe takes {len(data)} bytes; at most {_MAX_JSON_BYTES} are read")
    try:
        document = json.loads(bytes(data), parse_constant=_refuse_constant)
    # ValueError covers bad JSON, bad UTF-8 and numbers of thousands of digits.
    except (ValueError, RecursionError) as error:
        raise WavError(f"the recipe in the WAV is not JSON: {error}; the WAV is damaged") from error
    if not isinstance(document, dict) or document.get("riffsidecar") != _JSON_VERSION:
        raise WavError(
            f"the recipe in the WAV is not of version {_JSON_VERSION}; a newer riffsidecar may read it"
        )
    return LoopTags.from_json(
        document.get("tags"), recipe=document.get("recipe"), latents=latents, source=source
    )


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _only(chunks: Sequence[Chunk], name: bytes) -> bytes | memoryview:
    found = _optional(chunks, name)
    if found is None:
        raise WavError(f"the WAV has no {name.decode('ascii').strip()!r} chunk; it is damaged or not audio")
    return found


def _optional(chunks: Sequence[Chunk], name: bytes) -> bytes | memoryview | None:
    found = [chunk.data for chunk in chunks if chunk.name == name]
    if len(found) > 1:
        raise WavError(f"the WAV has {len(found)} {name.decode('ascii').strip()!r} chunks; it is damaged")
    return found[0] if found else None
