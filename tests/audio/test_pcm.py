from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffsidecar.audio import BIT_DEPTHS, SampleFormat, Waveform
from riffsidecar.audio.pcm import decode_samples, encode_samples
from riffsidecar.errors import WavError


def roundtrip(samples: np.ndarray, depth: str) -> np.ndarray:
    data = encode_samples(Waveform(samples, 44_100), BIT_DEPTHS[depth])
    return decode_samples(data, samples.shape[0], BIT_DEPTHS[depth])


@pytest.mark.parametrize(("depth", "bits"), [("16", 16), ("24", 24)])
@given(data=st.data())
@settings(deadline=None, max_examples=50)
def test_every_integer_comes_back_as_itself(data: st.DataObject, depth: str, bits: int) -> None:
    top = 2 ** (bits - 1)
    values = data.draw(st.lists(st.integers(-top, top - 1), min_size=1, max_size=64))
    samples = (np.array([values], np.float64) / top).astype(np.float32)
    assert np.array_equal(roundtrip(samples, depth) * np.float64(top), [values])


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=64))
@settings(deadline=None)
def test_every_finite_float_comes_back_bit_for_bit(values: list[float]) -> None:
    samples = np.array([values], np.float32)
    assert roundtrip(samples, "32f").tobytes() == samples.tobytes()


def test_24_bits_round_to_the_nearest_step() -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, (2, 20_000)).astype(np.float32)
    assert np.abs(roundtrip(samples, "24").astype(np.float64) - samples).max() <= 0.5 / 2**23


def test_full_scale_is_held_not_wrapped() -> None:
    samples = np.array([[1.0, -1.0]], np.float32)
    for depth, bits in (("16", 16), ("24", 24)):
        assert roundtrip(samples, depth)[0, 0] == 1.0 - 2.0 ** (1 - bits)
        assert roundtrip(samples, depth)[0, 1] == -1.0


@pytest.mark.parametrize("depth", ["16", "24"])
def test_what_would_clip_is_refused_and_told_what_to_do(depth: str) -> None:
    loud = Waveform(np.array([[0.0, 1.001]], np.float32), 44_100)
    with pytest.raises(WavError, match="normalise"):
        encode_samples(loud, BIT_DEPTHS[depth])
    assert encode_samples(loud, BIT_DEPTHS["32f"])


def test_dither_frees_the_error_from_the_signal_and_is_always_the_same() -> None:
    # A sine of a third of a step is lost by plain rounding; dithered, it is still there under the noise.
    count = 1 << 16
    quiet = (np.sin(2 * np.pi * 1000 * np.arange(count) / count) / 3 / 2**15).astype(np.float32)[np.newaxis]
    first, second = roundtrip(quiet, "16"), roundtrip(quiet, "16")
    assert np.array_equal(first, second)
    spectrum = np.abs(np.fft.rfft(first[0].astype(np.float64))) * 2 / count * 2**15
    assert spectrum[1000] == pytest.approx(1 / 3, abs=0.02)
    error = (first.astype(np.float64) - quiet) * 2**15
    # TPDF of two steps plus rounding: variance 1/6 + 1/12 of a step squared, no mean.
    assert error.var() == pytest.approx(0.25, abs=0.01)
    assert abs(error.mean()) < 0.02
    assert np.abs(error).max() <= 1.5


def test_silence_stays_silence_at_16_bits() -> None:
    assert not roundtrip(np.zeros((2, 1000), np.float32), "16").any()


def test_channels_are_interleaved() -> None:
    samples = np.array([[0.25, 0.5], [-0.25, -0.5]], np.float32)
    raw = encode_samples(Waveform(samples, 44_100), BIT_DEPTHS["16"])
    assert np.frombuffer(raw, "<i2").tolist() == [8192, -8192, 16384, -16384]


@pytest.mark.parametrize(
    ("data", "sample_format", "expected"),
    [
        (bytes([0, 128, 192]), SampleFormat(1, 8), [-1.0, 0.0, 0.5]),
        (np.array([-(2**31), 2**30], "<i4").tobytes(), SampleFormat(1, 32), [-1.0, 0.5]),
        (np.array([0.25, -3.0], "<f8").tobytes(), SampleFormat(3, 64), [0.25, -3.0]),
    ],
)
def test_other_peoples_formats_are_read(
    data: bytes, sample_format: SampleFormat, expected: list[float]
) -> None:
    assert decode_samples(data, 1, sample_format)[0].tolist() == expected


@pytest.mark.parametrize(
    "sample_format", [SampleFormat(2, 4), SampleFormat(7, 8), SampleFormat(1, 0), SampleFormat(3, 16)]
)
def test_unknown_formats_are_refused(sample_format: SampleFormat) -> None:
    with pytest.raises(WavError, match="convert"):
        decode_samples(bytes(16), 1, sample_format)


@pytest.mark.parametrize("data", [b"", bytes(5)])
def test_a_broken_frame_is_refused(data: bytes) -> None:
    with pytest.raises(WavError, match="frames"):
        decode_samples(data, 2, BIT_DEPTHS["16"])
