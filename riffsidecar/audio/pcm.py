"""Sample formats of WAV files: float32 samples to bytes and back, exactly.

Integers of b bits stand for ``k / 2^(b-1)``; up to 24 bits float32 holds every one of them, so reading
what was written and writing it again changes no bit.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.waveform import FloatArray, Waveform
from riffsidecar.errors import WavError

__all__ = ["BIT_DEPTHS", "SampleFormat", "decode_samples", "encode_samples"]


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """Name how samples lie in the ``data`` chunk: ``tag`` 1 is integer PCM, 3 is IEEE float."""

    tag: int
    bits: int

    @property
    def is_float(self) -> bool:
        """Tell whether samples are IEEE floats."""
        return self.tag == _FLOAT

    @property
    def num_bytes(self) -> int:
        """Return the bytes of one sample of one channel."""
        return self.bits // 8


_PCM, _FLOAT = 1, 3

BIT_DEPTHS = {"16": SampleFormat(_PCM, 16), "24": SampleFormat(_PCM, 24), "32f": SampleFormat(_FLOAT, 32)}
"""What riffsidecar writes; `decode_samples` reads 8 and 32-bit integers and 64-bit floats besides."""

_READABLE = {
    SampleFormat(_PCM, 8),
    SampleFormat(_PCM, 16),
    SampleFormat(_PCM, 24),
    SampleFormat(_PCM, 32),
    SampleFormat(_FLOAT, 32),
    SampleFormat(_FLOAT, 64),
}


def encode_samples(waveform: Waveform, sample_format: SampleFormat) -> bytes:
    """Return the interleaved little-endian bytes of the waveform.

    24 bits are rounded, 16 bits get triangular dither two steps wide first. The dither's seed comes from
    the samples themselves, so equal loops give equal bytes; a waveform that already lies on the 16-bit
    grid (silence does) is written as it is.

    Raises:
        WavError: if integers were asked for and a sample is beyond full scale.
    """
    frames = np.ascontiguousarray(waveform.samples.T)
    if sample_format.is_float:
        return frames.astype("<f4", copy=False).tobytes()
    if waveform.peak > 1.0:
        raise WavError(
            f"a sample of {waveform.peak:.4f} is beyond full scale (1.0) and would be clipped at "
            f"{sample_format.bits} bits; normalise the loop first or write 32f"
        )
    steps = 2 ** (sample_format.bits - 1)
    if sample_format.bits == 16:
        scaled: NDArray[np.floating] = _dithered(frames, steps)
    else:
        scaled = frames * np.float32(steps)
    integers = np.clip(np.rint(scaled), -steps, steps - 1).astype("<i4")
    raw: NDArray[np.uint8] = integers.reshape(-1, 1).view(np.uint8)
    return raw[:, : sample_format.num_bytes].tobytes()


def _dithered(frames: FloatArray, steps: int) -> NDArray[np.float64]:
    scaled = frames.astype(np.float64) * steps
    if np.array_equal(scaled, np.rint(scaled)):
        return scaled
    # RandomState because numpy promises never to change its streams, which the newer generators may.
    noise = np.random.RandomState(zlib.crc32(frames.data))
    return scaled + noise.random_sample(frames.shape) - noise.random_sample(frames.shape)


def decode_samples(data: bytes | memoryview, channels: int, sample_format: SampleFormat) -> FloatArray:
    """Return the samples as float32 ``(channels, num_samples)``, full scale -1 to 1.

    32-bit integers and 64-bit floats are rounded to float32's 24 bits.

    Raises:
        WavError: if the format is not one of ours to read or the bytes are no whole number of frames.
    """
    if sample_format not in _READABLE:
        kind = {_PCM: "PCM", _FLOAT: "float"}.get(sample_format.tag, f"format {sample_format.tag:#06x}")
        raise WavError(
            f"{sample_format.bits}-bit {kind} samples cannot be read; "
            "convert the file to 16, 24 or 32-bit PCM or to float"
        )
    width = sample_format.num_bytes * channels
    if not len(data) or len(data) % width:
        raise WavError(f"{len(data)} bytes of samples are no whole number of {width}-byte frames")
    frames = _to_float32(np.frombuffer(data, dtype=np.uint8), sample_format).reshape(-1, channels)
    return np.ascontiguousarray(frames.T)


def _to_float32(raw: NDArray[np.uint8], sample_format: SampleFormat) -> FloatArray:
    if sample_format.is_float:
        # An overflow becomes infinity, which the waveform refuses with a better message.
        with np.errstate(over="ignore", invalid="ignore"):
            return raw.view(f"<f{sample_format.num_bytes}").astype(np.float32)
    if sample_format.bits == 8:  # the one unsigned format, 128 is zero
        return (raw.astype(np.float32) - np.float32(128)) / np.float32(128)
    if sample_format.bits == 24:
        wide = np.zeros((raw.size // 3, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        return (wide.view("<i4")[:, 0] >> 8).astype(np.float32) / np.float32(2**23)
    integers = raw.view(f"<i{sample_format.num_bytes}")
    return integers.astype(np.float32) / np.float32(2 ** (sample_format.bits - 1))
