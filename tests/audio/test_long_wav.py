"""A WAV that is written while it is made is the WAV that is written at once."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from riffsidecar.audio.long_wav import MAX_DATA_BYTES, samples_of, wav_ends
from riffsidecar.audio.tags import LoopTags
from riffsidecar.audio.wav import decode_wav, encode_wav
from riffsidecar.audio.waveform import Waveform
from riffsidecar.errors import WavError
from riffsidecar.music import Meter

TAGS = LoopTags(
    title="long",
    bpm=Fraction(126),
    beats=Fraction(8),
    meter=Meter(4, 4),
    recipe={"journey": 1},
    latents=np.ones((8, 32, 4), np.float16),
)


@pytest.mark.parametrize("depth", ["16", "24", "32f"])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_ends_fit_the_samples(depth: str, channels: int) -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (channels, 1001)).astype(np.float32)
    whole = encode_wav(Waveform(samples, 44100), depth, TAGS, is_loop=False)
    head, tail = wav_ends(1001, channels, 44100, depth, TAGS)
    assert head + bytes(samples_of(whole)) + tail == whole
    assert decode_wav(whole).tags == TAGS


def test_what_stands_before_the_samples_is_as_long_for_any_number_of_them() -> None:
    assert len(wav_ends(1, 2, 44100, "32f", TAGS)[0]) == len(wav_ends(10**8, 2, 44100, "32f", TAGS)[0])


def test_more_than_riff_can_say_is_refused() -> None:
    with pytest.raises(WavError, match="ask for pieces"):
        wav_ends(MAX_DATA_BYTES // 6 + 1, 2, 44100, "24", TAGS)


def test_what_is_no_loop_has_no_loop_points() -> None:
    wave = Waveform(np.zeros((2, 100), np.float32), 44100)
    assert b"smpl" in encode_wav(wave, "24", TAGS) and b"smpl" not in encode_wav(
        wave, "24", TAGS, is_loop=False
    )
