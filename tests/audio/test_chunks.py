from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffsidecar.audio import LoopTags
from riffsidecar.audio.chunks import (
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
from riffsidecar.audio.id3 import id3_chunk, initial_key
from riffsidecar.errors import WavError
from riffsidecar.music import Key, Meter

MakeTags = Callable[..., LoopTags]


@given(st.lists(st.tuples(st.binary(min_size=4, max_size=4), st.binary(max_size=40)), max_size=20))
@settings(deadline=None)
def test_chunks_come_back_as_they_were_written(pairs: list[tuple[bytes, bytes]]) -> None:
    data = riff_wave(Chunk(*pair) for pair in pairs)
    assert len(data) % 2 == 0
    assert [(chunk.name, bytes(chunk.data)) for chunk in split_riff_wave(memoryview(data))] == pairs


def test_acid_has_the_bytes_that_hosts_read(make_tags: MakeTags) -> None:
    tags = make_tags(key=Key.parse("Am"), bpm=120)
    assert acid_chunk(tags).data == struct.pack("<IHHfIHHf", 0x06, 57, 0x8000, 0.0, 16, 4, 4, 120.0)


def test_acid_without_a_key_says_not_to_transpose(make_tags: MakeTags) -> None:
    flags, root = struct.unpack_from("<IH", acid_chunk(make_tags(key=None)).data)
    assert (flags, root) == (0x04, 0x3C)


@pytest.mark.parametrize(("tonic", "note"), [("C", 0x30), ("F#", 54), ("B", 0x3B)])
def test_acid_roots_lie_in_the_octave_that_acid_uses(make_tags: MakeTags, tonic: str, note: int) -> None:
    assert struct.unpack_from("<H", acid_chunk(make_tags(key=Key.parse(tonic))).data, 4) == (note,)


@pytest.mark.parametrize(
    ("beats", "meter", "written"), [(16, "4/4", 16), (6, "6/8", 3), (21, "7/8", 21), (1, "1/1", 4)]
)
def test_acid_counts_quarters_or_an_exact_multiple(
    make_tags: MakeTags, beats: int, meter: str, written: int
) -> None:
    tags = make_tags(beats=Fraction(beats), meter=Meter.parse(meter))
    acid = parse_acid(acid_chunk(tags).data)
    assert acid is not None
    assert acid.beats == written
    assert f"{acid.numerator}/{acid.denominator}" == meter
    assert (acid.beats / tags.quarters).denominator == 1


def test_a_foreign_acid_that_makes_no_sense_is_ignored() -> None:
    assert parse_acid(bytes(23)) is None
    assert parse_acid(struct.pack("<IHHfIHHf", 0, 0, 0, 0.0, 4, 4, 4, float("nan"))) is None
    assert parse_acid(struct.pack("<IHHfIHHf", 0, 0, 0, 0.0, 4, 4, 4, -1.0)) is None


def test_smpl_loops_over_every_sample_for_ever(make_tags: MakeTags) -> None:
    data = smpl_chunk(make_tags(key=Key.parse("A")), 352_800, 44_100).data
    head, loop = struct.unpack_from("<9I", data), struct.unpack_from("<6I", data, 36)
    assert head == (0, 0, 22_676, 57, 0, 0, 0, 1, 0)
    assert loop == (0, 0, 0, 352_799, 0, 0)
    assert len(data) == 60


def test_info_fields_are_terminated_padded_and_left_out_when_empty(make_tags: MakeTags) -> None:
    data = bytes(info_chunk(make_tags(title="abc", genre="")).data)
    assert data.startswith(b"INFOINAM\x04\0\0\0abc\0ICMT")
    assert b"IGNR" not in data
    odd = bytes(info_chunk(make_tags(title="ab")).data)
    assert odd.startswith(b"INFOINAM\x03\0\0\0ab\0\0IGNR")


def frames_of(chunk: Chunk) -> dict[bytes, bytes]:
    data = bytes(chunk.data)
    assert data[:6] == b"ID3\x03\0\0"
    size = sum(byte << shift for byte, shift in zip(data[6:10], (21, 14, 7, 0), strict=True))
    assert size == len(data) - 10
    frames, at = {}, 10
    while at < len(data):
        name, length, flags = struct.unpack_from(">4sIH", data, at)
        assert flags == 0
        frames[name] = data[at + 10 : at + 10 + length]
        at += 10 + length
    return frames


def test_id3_has_the_frames_that_browsers_read(make_tags: MakeTags) -> None:
    tags = make_tags()
    assert frames_of(id3_chunk(tags)) == {
        b"TIT2": b"\0Dusty drums",
        b"TBPM": b"\x0087.5",
        b"TKEY": b"\0F#m",
        b"TCON": b"\0Lo-Fi",
        b"COMM": b"\0eng\0" + tags.summary().encode(),
        b"TSSE": b"\0riffsidecar 0.1.0",
    }


def test_id3_text_beyond_latin_1_is_utf_16_with_a_mark(make_tags: MakeTags) -> None:
    frames = frames_of(id3_chunk(make_tags(title="太鼓", genre="Café")))
    assert frames[b"TIT2"] == b"\x01\xff\xfe" + "太鼓".encode("utf-16-le")
    assert frames[b"TCON"] == b"\x00Caf\xe9"


def test_id3_sizes_over_127_bytes_are_still_right(make_tags: MakeTags) -> None:
    assert frames_of(id3_chunk(make_tags(title="x" * 2000)))[b"TIT2"] == b"\0" + b"x" * 2000


@pytest.mark.parametrize(
    ("key", "expected"),
    [("C", "C"), ("Am", "Am"), ("Bb dorian", "Bbm"), ("G mixolydian", "G"), ("E blues", "Em")],
)
def test_the_initial_key_has_three_characters_at_most(key: str, expected: str) -> None:
    assert initial_key(Key.parse(key)) == expected


@given(st.lists(st.integers(0, 5), max_size=6), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_latents_of_any_shape_come_back_bit_for_bit(shape: list[int], seed: int) -> None:
    # Every bit pattern, so NaN with a payload, both infinities and both zeros are among them.
    size = int(np.prod(shape, dtype=int))
    bits = np.random.default_rng(seed).integers(0, 2**16, size, dtype=np.uint16)
    latents = bits.view(np.float16).reshape(shape)
    back = parse_latents(latents_chunk(latents).data)
    assert back.shape == latents.shape
    assert back.dtype == np.float16
    assert back.tobytes() == latents.tobytes()
    assert not back.flags.writeable


def test_latents_that_are_strided_or_big_endian_come_back_in_order() -> None:
    latents = np.arange(24, dtype=np.float16).reshape(4, 6).T[::2]
    assert np.array_equal(parse_latents(latents_chunk(latents).data), latents)
    assert np.array_equal(parse_latents(latents_chunk(latents.astype(">f2")).data), latents)


GOOD = bytes(latents_chunk(np.ones((2, 3), np.float16)).data)
HUGE = struct.pack("<I", 2**32 - 1)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD[:7],
        GOOD[:12],
        GOOD[:-1],
        GOOD + b"\0",
        b"lat2" + GOOD[4:],
        GOOD[:4] + b"\2\0" + GOOD[6:],
        GOOD[:6] + b"\xff\xff" + GOOD[8:],
        GOOD[:8] + HUGE * 2 + GOOD[16:],
        b"lat1\1\0\x08\0" + bytes(4) + HUGE * 7,
    ],
)
def test_damaged_latents_are_refused(data: bytes) -> None:
    with pytest.raises(WavError):
        parse_latents(data)
