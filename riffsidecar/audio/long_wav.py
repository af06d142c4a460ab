"""WAV files that are written while they are made: the same chunks, with the samples in between."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

import numpy as np

from riffsidecar.audio.chunks import Chunk, split_riff_wave
from riffsidecar.audio.pcm import BIT_DEPTHS
from riffsidecar.audio.tags import LoopTags
from riffsidecar.audio.wav import encode_wav
from riffsidecar.audio.waveform import Waveform
from riffsidecar.errors import WavError

__all__ = ["MAX_DATA_BYTES", "data_bytes", "samples_of", "wav_ends"]

MAX_DATA_BYTES: Final = 2**32 - 2**24
"""What the 32-bit sizes of RIFF leave to the samples, tags and latents aside."""


def data_bytes(num_samples: int, channels: int, bit_depth: str) -> int:
    """Return how many bytes samples take.

    >>> data_bytes(44100, 2, "24")
    264600
    """
    return num_samples * channels * BIT_DEPTHS[bit_depth].num_bytes


def wav_ends(
    num_samples: int, channels: int, sample_rate: int, bit_depth: str, tags: LoopTags
) -> tuple[bytes, bytes]:
    """Return what stands before and behind the samples of a WAV that is no loop.

    What stands before has the same length whatever the number of samples.

    Raises:
        WavError: if the file would be longer than RIFF's 32-bit sizes can say.
    """
    size = data_bytes(num_samples, channels, bit_depth)
    if size > MAX_DATA_BYTES:
        raise WavError(
            f"the WAV would have {size} bytes of samples, but RIFF has room for {MAX_DATA_BYTES}: make fewer "
            "bars, use 16 bits, or ask for pieces"
        )
    model = encode_wav(
        Waveform(np.zeros((channels, 1), np.float32), sample_rate), bit_depth, tags, is_loop=False
    )
    chunks = split_riff_wave(memoryview(model))
    place = [chunk.name for chunk in chunks].index(b"data")
    # The fact chunk, where there is one, counts the samples.
    head = [
        Chunk(b"fact", struct.pack("<I", num_samples)) if chunk.name == b"fact" else chunk
        for chunk in chunks[:place]
    ]
    tail = b"\0" * (size % 2) + _joined(chunks[place + 1 :])
    front = _joined(head) + struct.pack("<4sI", b"data", size)
    return struct.pack("<4sI4s", b"RIFF", 4 + len(front) + size + len(tail), b"WAVE") + front, tail


def samples_of(wav: bytes) -> memoryview:
    """Return the bytes of the samples in a WAV of ours.

    Raises:
        WavError: if it holds none.
    """
    for chunk in split_riff_wave(memoryview(wav)):
        if chunk.name == b"data":
            return memoryview(chunk.data)
    raise WavError("the WAV has no 'data' chunk; it is damaged")


def _joined(chunks: Sequence[Chunk]) -> bytes:
    return b"".join(
        struct.pack("<4sI", chunk.name, len(chunk.data)) + bytes(chunk.data) + b"\0" * (len(chunk.data) % 2)
        for chunk in chunks
    )
