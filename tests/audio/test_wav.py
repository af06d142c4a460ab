from __future__ import annotations

import io
import json
import struct
import tracemalloc
import wave
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from riffsidecar.audio import MAX_WAV_BYTES, LoopTags, SampleFormat, Waveform, decode_wav, encode_wav
from riffsidecar.audio.chunks import Chunk, riff_wave, split_riff_wave
from riffsidecar.errors import WavError
from riffsidecar.music import Meter

MakeTags = Callable[..., LoopTags]
DEPTHS = ["16", "24", "32f"]


def chunk_names(data: bytes) -> list[bytes]:
    return [chunk.name for chunk in split_riff_wave(memoryview(data))]


def chunk_of(data: bytes, name: bytes) -> bytes:
    return next(bytes(chunk.data) for chunk in split_riff_wave(memoryview(data)) if chunk.name == name)


def plain_wav(tag: int, bits: int, samples: bytes, channels: int = 1, extensible: bool = False) -> bytes:
    block = channels * bits // 8
    fmt = struct.pack("<HHIIHH", 0xFFFE if extensible else tag, channels, 44_100, 44_100 * block, block, bits)
    if extensible:
        guid = bytes.fromhex("000000001000800000aa00389b71")
        fmt += struct.pack("<HHIH", 22, bits, 3, tag) + guid
    return riff_wave([Chunk(b"fmt ", fmt), Chunk(b"data", samples)])


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [44_100, 48_000, 88_200, 96_000])
def test_null_test_our_decoder_and_libsndfile_read_the_same_bits(
    make_tags: MakeTags, depth: str, channels: int, rate: int
) -> None:
    noise = np.random.default_rng(rate).uniform(-1, 1, (channels, 3_001)).astype(np.float32)
    data = encode_wav(Waveform(noise, rate), depth, make_tags())
    own = decode_wav(data).waveform
    theirs, their_rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    assert own.sample_rate == their_rate == rate
    assert own.samples.tobytes() == np.ascontiguousarray(theirs.T).tobytes()
    if depth == "32f":
        assert own.samples.tobytes() == noise.tobytes()
    # What was read and is written again is the same file: nothing is lost in a second pass.
    assert encode_wav(own, depth, make_tags()) == data


@pytest.mark.parametrize(("depth", "width"), [("16", 2), ("24", 3)])
def test_null_test_the_standard_library_reads_the_same_bits(
    waveform: Waveform, make_tags: MakeTags, depth: str, width: int
) -> None:
    data = encode_wav(waveform, depth, make_tags())
    with wave.open(io.BytesIO(data)) as reader:
        assert reader.getparams()[:4] == (2, width, 44_100, waveform.num_samples)
        frames = reader.readframes(reader.getnframes())
    assert frames == chunk_of(data, b"data")
    own = decode_wav(data).waveform.samples * 2.0 ** (8 * width - 1)
    theirs = np.frombuffer(frames, np.uint8).reshape(-1, width)
    signed = [int.from_bytes(row.tobytes(), "little", signed=True) for row in theirs]
    assert own.T.ravel().tolist() == signed


def test_chunks_lie_in_the_order_that_every_reader_accepts(waveform: Waveform, make_tags: MakeTags) -> None:
    tags = make_tags(latents=np.zeros((2, 2), np.float16), source=b"RIFF...")
    expected = [b"fmt ", b"data", b"acid", b"smpl", b"LIST", b"id3 ", b"rsjs", b"rslt", b"rssa"]
    assert chunk_names(encode_wav(waveform, "24", tags)) == expected
    assert chunk_names(encode_wav(waveform, "32f", make_tags()))[:3] == [b"fmt ", b"fact", b"data"]


@pytest.mark.parametrize(
    ("depth", "fmt"), [("16", (1, 2, 4, 16)), ("24", (1, 2, 6, 24)), ("32f", (3, 2, 8, 32))]
)
def test_the_format_is_plain_not_extensible(
    waveform: Waveform, make_tags: MakeTags, depth: str, fmt: tuple[int, int, int, int]
) -> None:
    tag, channels, rate, byte_rate, block, bits = struct.unpack_from(
        "<HHIIHH", chunk_of(encode_wav(waveform, depth, make_tags()), b"fmt ")
    )
    assert (tag, channels, block, bits) == fmt
    assert (rate, byte_rate) == (44_100, 44_100 * block)


def test_everything_a_rerender_needs_comes_back(waveform: Waveform, make_tags: MakeTags) -> None:
    latents = np.random.default_rng(0).standard_normal((8, 32, 42)).astype(np.float16)
    tags = make_tags(meter=Meter(7, 8), latents=latents, source=b"RIFF odd")
    decoded = decode_wav(encode_wav(waveform, "24", tags))
    assert decoded.tags == tags
    assert decoded.recipe == {"recipe": 1, "model": "embedded", "bars": "4"}
    assert decoded.latents is not None and decoded.latents.tobytes() == latents.tobytes()
    assert decoded.latents.shape == latents.shape
    assert decoded.source == b"RIFF odd"
    assert decoded.tags is not None and np.array_equal(decoded.tags.latents, latents)
    assert decoded.tags.source == decoded.source
    assert decoded.sample_format == SampleFormat(1, 24)


def test_without_recipe_latents_and_source_there_are_none(waveform: Waveform, make_tags: MakeTags) -> None:
    decoded = decode_wav(encode_wav(waveform, "16", make_tags(recipe=None)))
    assert (decoded.recipe, decoded.latents, decoded.source) == (None, None, None)


def test_equal_loops_give_equal_bytes(waveform: Waveform, make_tags: MakeTags) -> None:
    for depth in DEPTHS:
        assert encode_wav(waveform, depth, make_tags()) == encode_wav(waveform, depth, make_tags())


def test_hosts_read_acid_and_smpl_through_libsndfile(waveform: Waveform, make_tags: MakeTags) -> None:
    data = encode_wav(waveform, "24", make_tags())
    info = soundfile.SoundFile(io.BytesIO(data)).extra_info
    for line in ("Beats     : 16", "Meter     : 4/4", "Tempo     : 87.5", "Root note : 0x36", "End  :  5000"):
        assert " ".join(line.split()) in " ".join(info.split())


def test_a_foreign_file_is_read_with_its_tempo(make_tags: MakeTags) -> None:
    acid = struct.pack("<IHHfIHHf", 0x05, 60, 0x8000, 0.0, 8, 4, 4, 128.0)
    plain = split_riff_wave(memoryview(plain_wav(1, 16, bytes(200))))
    decoded = decode_wav(riff_wave([*plain, Chunk(b"acid", acid), Chunk(b"what", b"ever")]))
    assert decoded.tags is None and decoded.recipe is None
    assert decoded.acid is not None
    assert (decoded.acid.bpm, decoded.acid.beats, decoded.acid.one_shot) == (128.0, 8, True)
    assert decoded.acid.root is None


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("kind", ["WAV", "WAVEX"])
def test_what_libsndfile_writes_is_read_as_it_reads_it(subtype: str, kind: str) -> None:
    noise = np.random.default_rng(3).uniform(-1, 1, (400, 3)).astype(np.float32)
    buffer = io.BytesIO()
    soundfile.write(buffer, noise, 48_000, format=kind, subtype=subtype)
    own = decode_wav(buffer.getvalue()).waveform
    theirs, _ = soundfile.read(io.BytesIO(buffer.getvalue()), dtype="float32", always_2d=True)
    assert np.array_equal(own.samples.T, theirs)


def test_bytes_behind_the_riff_are_not_looked_at() -> None:
    assert decode_wav(plain_wav(1, 16, bytes(8)) + b"TAG junk").waveform.num_samples == 4


@pytest.mark.parametrize("depth", ["8", "32", "24 bit", "", "float"])
def test_an_unknown_bit_depth_is_refused(waveform: Waveform, make_tags: MakeTags, depth: str) -> None:
    with pytest.raises(WavError, match="16, 24, 32f"):
        encode_wav(waveform, depth, make_tags())


def test_more_than_two_channels_are_refused(make_tags: MakeTags) -> None:
    with pytest.raises(WavError, match="mono or stereo"):
        encode_wav(Waveform(np.zeros((3, 4), np.float32), 44_100), "24", make_tags())


def with_chunk(name: bytes, data: bytes) -> bytes:
    return riff_wave([*split_riff_wave(memoryview(plain_wav(1, 16, bytes(8)))), Chunk(name, data)])


GOOD = plain_wav(1, 16, bytes(8))
JSON = {"riffsidecar": 1, "tags": {"bpm": "120", "beats": "4", "meter": "4/4"}, "recipe": None}
DAMAGED = {
    "nothing": b"",
    "a few bytes": b"RIFF",
    "another format": b"fLaC" + bytes(100),
    "big-endian": b"RIFX" + GOOD[4:],
    "64-bit": b"RF64" + GOOD[4:],
    "not a wave": GOOD[:8] + b"AVI " + GOOD[12:],
    "cut short": GOOD[:-1],
    "a header never finished": GOOD[:4] + b"\xff\xff\xff\xff" + GOOD[8:],
    "a riff of no length": GOOD[:4] + bytes(4) + GOOD[8:],
    "a chunk beyond the end": GOOD[:16] + b"\xff\xff\xff\xff" + GOOD[20:],
    "no format": riff_wave([Chunk(b"data", bytes(8))]),
    "no samples": riff_wave([Chunk(b"fmt ", GOOD[20:36])]),
    "empty samples": plain_wav(1, 16, b""),
    "half a frame": plain_wav(1, 16, bytes(6), channels=2),
    "two formats": with_chunk(b"fmt ", GOOD[20:36]),
    "two datas": with_chunk(b"data", bytes(8)),
    "a short format": riff_wave([Chunk(b"fmt ", GOOD[20:34]), Chunk(b"data", bytes(8))]),
    "no channels": plain_wav(1, 16, bytes(8), channels=0),
    "many channels": plain_wav(1, 16, bytes(65_535 * 2), channels=9),
    "no bits": plain_wav(1, 0, bytes(8)),
    "odd bits": plain_wav(1, 12, bytes(8)),
    "adpcm": plain_wav(2, 8, bytes(8)),
    "not a number": plain_wav(3, 32, struct.pack("<f", float("nan"))),
    "infinite": plain_wav(3, 64, struct.pack("<d", float("-inf"))),
    "beyond float32": plain_wav(3, 64, struct.pack("<d", 1e300)),
    "an absurd rate": GOOD[:24] + struct.pack("<I", 1) + GOOD[28:],
    "an unfinished extensible": riff_wave(
        [Chunk(b"fmt ", struct.pack("<HHIIHH", 0xFFFE, 1, 44_100, 0, 2, 16)), Chunk(b"data", bytes(8))]
    ),
    "a foreign guid": plain_wav(1, 16, bytes(8), extensible=True).replace(b"\x38\x9b\x71", b"\0\0\0"),
    "too many chunks": riff_wave(
        [Chunk(b"junk", b"")] * 1_023 + [Chunk(b"fmt ", GOOD[20:36]), Chunk(b"data", bytes(8))]
    ),
    "json that is none": with_chunk(b"rsjs", b"{"),
    "json of a list": with_chunk(b"rsjs", b"[]"),
    "json of another version": with_chunk(b"rsjs", b'{"riffsidecar": 99}'),
    "json without tags": with_chunk(b"rsjs", b'{"riffsidecar": 1}'),
    "json of NaN": with_chunk(b"rsjs", b'{"riffsidecar": NaN}'),
    "json not utf-8": with_chunk(b"rsjs", b'{"riffsidecar": "\xff"}'),
    "json very deep": with_chunk(b"rsjs", b"[" * 500_000),
    "json of a long number": with_chunk(b"rsjs", b"9" * 500_000),
    "json too long": with_chunk(b"rsjs", json.dumps(JSON).encode() + b" " * 2**20),
    "latents that are none": with_chunk(b"rslt", b"lat1"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_file_is_refused_with_a_wav_error(damage: str) -> None:
    with pytest.raises(WavError):
        decode_wav(DAMAGED[damage])


def test_the_files_that_the_damaged_ones_came_from_are_read() -> None:
    assert decode_wav(GOOD).waveform.num_samples == 4
    assert decode_wav(with_chunk(b"rsjs", json.dumps(JSON).encode())).tags is not None


def test_a_recipe_with_an_infinite_number_is_refused(waveform: Waveform, make_tags: MakeTags) -> None:
    document = {"riffsidecar": 1, "tags": make_tags().to_json(), "recipe": {"x": 1}}
    text = json.dumps(document).replace('"x": 1', '"x": 1e999')
    with pytest.raises(WavError):
        decode_wav(with_chunk(b"rsjs", text.encode()))


def test_a_file_over_the_limit_is_refused_unread() -> None:
    class Long(bytes):
        def __len__(self) -> int:
            return MAX_WAV_BYTES + 1

    with pytest.raises(WavError, match="at most"):
        decode_wav(Long())


def reads_or_refuses(data: bytes) -> None:
    try:
        decoded = decode_wav(data)
    except WavError:
        return
    assert np.isfinite(decoded.waveform.samples).all()


SEED_TAGS = LoopTags(
    title="seed", bpm=120, beats=4, meter=Meter(4, 4), recipe={"a": [1, {"b": None}]},
    latents=np.ones((2, 3), np.float16), source=b"source",
)  # fmt: skip
SEEDS = [encode_wav(Waveform(np.zeros((2, 7), np.float32), 44_100), depth, SEED_TAGS) for depth in DEPTHS] + [
    plain_wav(1, 24, bytes(30), extensible=True)
]
EDGES = [0, 1, 2, 0x7F, 0x80, 0xFF]
mutations = st.lists(
    st.tuples(st.integers(0, 1_000), st.sampled_from(EDGES) | st.integers(0, 255)), min_size=1, max_size=6
)


@given(st.sampled_from(SEEDS), mutations, st.integers(0, 40), st.booleans())
@settings(max_examples=1_500, deadline=None)
def test_mutated_files_are_read_or_refused_and_nothing_else(
    seed: bytes, changes: list[tuple[int, int]], cut: int, mend: bool
) -> None:
    data = bytearray(seed[: len(seed) - cut])
    for at, value in changes:
        data[at % len(data)] = value
    if mend:  # so that the mutation gets past the outermost check
        data[0:4], data[8:12] = b"RIFF", b"WAVE"
        data[4:8] = struct.pack("<I", len(data) - 8)
    reads_or_refuses(bytes(data))


names = st.sampled_from([b"fmt ", b"data", b"acid", b"smpl", b"LIST", b"id3 ", b"rsjs", b"rslt", b"rssa"])


@given(st.lists(st.tuples(names, st.binary(max_size=60)), max_size=6))
@settings(max_examples=500, deadline=None)
def test_chunks_of_anything_are_read_or_refused_and_nothing_else(pairs: list[tuple[bytes, bytes]]) -> None:
    reads_or_refuses(riff_wave([Chunk(b"fmt ", GOOD[20:36]), *(Chunk(*pair) for pair in pairs)]))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=10,
    ),
    st.sampled_from(["tags", "recipe", "title", "bpm", "beats", "meter", "key", "prompt", "seed", "genre"]),
)
@settings(max_examples=500, deadline=None)
def test_json_of_anything_is_read_or_refused_and_nothing_else(value: object, field: str) -> None:
    document = {"riffsidecar": 1, "tags": SEED_TAGS.to_json(), "recipe": None}
    target = document if field in document else document["tags"]
    target[field] = value  # type: ignore[index]
    reads_or_refuses(with_chunk(b"rsjs", json.dumps(document).encode()))


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_read_or_refused_and_nothing_else(data: bytes) -> None:
    reads_or_refuses(data)
    reads_or_refuses(b"RIFF" + struct.pack("<I", len(data) + 4) + b"WAVE" + data)


@pytest.mark.parametrize(
    "data",
    [
        with_chunk(b"rslt", b"lat1\1\0\x02\0" + b"\xff\xff\xff\xff" * 2),
        with_chunk(b"rsjs", b'{"riffsidecar": 1, "tags": {"bpm": "1e999999999"}}'),
        with_chunk(b"rsjs", b"[" * 100_000),
        riff_wave([Chunk(b"junk", b"")] * 1_025),
        plain_wav(1, 8, bytes(200_000), channels=8),
    ],
    ids=["shape", "exponent", "depth", "chunks", "8-bit"],
)
def test_memory_stays_within_a_small_multiple_of_the_file(data: bytes) -> None:
    tracemalloc.start()
    try:
        reads_or_refuses(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * len(data) + 500_000
