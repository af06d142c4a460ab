"""The gate lets nothing malformed through, whatever a datagram holds."""

from __future__ import annotations

import math
import random
import struct
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage as ForeignMessage
from support_control import mutated, osc

from riffsidecar.control.osc_codec import (
    MAX_ARGUMENTS,
    MAX_DEPTH,
    MAX_MESSAGES,
    MAX_PACKET_BYTES,
    OscMessage,
    check_packet,
    decode_message,
    decode_packet,
    encode_message,
)
from riffsidecar.control.osc_ids import split_id
from riffsidecar.control.osc_reference import osc_examples
from riffsidecar.control.osc_table import find_address
from riffsidecar.errors import OscError, RiffError

PING = osc("/riff/ping")
PAD = osc("/riff/pad", 3)


def bundle(*elements: bytes, time_tag: bytes = bytes(8)) -> bytes:
    return b"#bundle\0" + time_tag + b"".join(struct.pack(">i", len(item)) + item for item in elements)


def nested(depth: int) -> bytes:
    packet = PING
    for _ in range(depth):
        packet = bundle(packet)
    return packet


MALFORMED = {
    "empty": b"",
    "no address": b"riff/ping\0\0\0",
    "unterminated address": b"/riff/pi",
    "only zeros": bytes(16),
    "address not UTF-8": b"/riff/\xff\xfe\0\0\0\0,\0\0\0",
    "address with a blank": osc("/riff/a b"),
    "address with a line break": osc("/riff/a\nb"),
    "address of 300 characters": osc("/" + "a" * 300),
    "star": osc("/riff/*"),
    "question mark": osc("/riff/pa?"),
    "brackets": osc("/riff/[a-z]"),
    "braces": osc("/riff/{pad,knob}"),
    "sixty stars": osc("/riff/knob/" + "*" * 60 + "!"),
    "type tags without comma": b"/riff/pad\0\0\0i\0\0\0\0\0\0\x03",
    "unterminated type tags": b"/riff/pad\0\0\0,iii",
    "missing argument": b"/riff/pad\0\0\0,i\0\0",
    "half an argument": b"/riff/pad\0\0\0,ii\0\0\0\0\x03",
    "unknown type tag": b"/riff/pad\0\0\0,q\0\0\0\0\0\x03",
    "blob of size -1": b"/riff/pad\0\0\0,b\0\0\xff\xff\xff\xff",
    "blob of size 999999": b"/riff/pad\0\0\0,b\0\0\0\x0f\x42\x3f" + bytes(8),
    "array": b"/riff/pad\0\0\0,[i]\0\0\0\0\0\0\0\x03",
    "64-bit integer": b"/riff/pad\0\0\0,h\0\0" + bytes(8),
    "64-bit float": b"/riff/pad\0\0\0,d\0\0" + bytes(8),
    "string not UTF-8": b"/riff/key\0\0\0,s\0\0\xc3\x28\0\0",
    "unterminated string": b"/riff/key\0\0\0,s\0\0abcd",
    "bytes after the last argument": PAD + b"more",
    "not a number": osc("/riff/tempo", math.nan),
    "infinite": osc("/riff/tempo", -math.inf),
    "65 arguments": osc("/riff/render", *range(MAX_ARGUMENTS + 1)),
    "bundle without time tag": b"#bundle\0",
    "bundle element of size -4": b"#bundle\0" + bytes(8) + b"\xff\xff\xff\xfc",
    "bundle element of size 0": b"#bundle\0" + bytes(8) + bytes(4),
    "bundle element of size 6": b"#bundle\0" + bytes(8) + b"\0\0\0\x06" + PING,
    "bundle element beyond the end": b"#bundle\0" + bytes(8) + b"\0\0\x7f\xfc" + PING,
    "bundle with a stray element": bundle(b"abcd"),
    "bundles nested too deep": nested(MAX_DEPTH + 1),
    "bundles nested as deep as they fit": nested(340),
    "too many messages": bundle(*[PING] * (MAX_MESSAGES + 1)),
    "too large": osc("/riff/render", "a" * MAX_PACKET_BYTES),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_packet_is_an_osc_error(data: bytes) -> None:
    with pytest.raises(OscError):
        check_packet(data)


def test_the_corpus_would_hurt_the_parser_behind_the_gate() -> None:
    hurt = 0
    for name, data in MALFORMED.items():
        if name.startswith("bundle") or len(data) > 1000:
            continue
        try:
            ForeignMessage(data)
            hurt += 1
        except UnicodeDecodeError:
            hurt += 1
        except Exception:
            continue
    assert hurt > 10


@pytest.mark.parametrize(
    ("data", "address", "arguments"),
    [
        (PING, "/riff/ping", ()),
        (b"/riff/ping\0\0", "/riff/ping", ()),
        (b"/riff/ping\0", "/riff/ping", ()),
        (b"/riff/pad\0\0\0,i\0\0\0\0\0\x03", "/riff/pad", (3,)),
        (b"/riff/pad\0\0\0,i\0\0\0\0\0\x03" + bytes(4), "/riff/pad", (3,)),
        (b"/riff/key\0\0\0,s\0\0Am", "/riff/key", ("Am",)),
        (b"/riff/pad\0\0\0,iTF\0\0\0\0\0\0\0\x03", "/riff/pad", (3, 1, 0)),
        (osc("/riff/render", "épais 太鼓"), "/riff/render", ("épais 太鼓",)),
    ],
    ids=[
        "plain",
        "no tags",
        "final zeros omitted",
        "integer",
        "surplus zeros",
        "short string",
        "booleans",
        "UTF-8",
    ],
)
def test_what_real_clients_send_is_read(data: bytes, address: str, arguments: tuple[object, ...]) -> None:
    assert decode_packet(data) == (OscMessage(address, arguments),)  # type: ignore[arg-type]


def test_a_bundle_is_taken_apart_in_order_and_its_time_tag_is_not_waited_for() -> None:
    in_an_hour = struct.pack(">II", 0xFFFFFFFF, 0)
    packet = bundle(PAD, bundle(PING, time_tag=in_an_hour), PAD, time_tag=in_an_hour)
    assert [message.address for message in decode_packet(packet)] == ["/riff/pad", "/riff/ping", "/riff/pad"]


def test_bundles_nested_as_deep_as_allowed_are_read() -> None:
    assert [message.address for message in decode_packet(nested(MAX_DEPTH))] == ["/riff/ping"]


def test_fifty_thousand_mutated_packets_become_commands_or_errors_of_ours_and_nothing_else() -> None:
    generator = random.Random(9123)
    seeds = [*osc_examples(), *MALFORMED.values(), bundle(PAD, PING), nested(3)]
    fates: Counter[str] = Counter()
    for _ in range(50_000):
        packet = mutated(generator.choice(seeds), generator)
        try:
            messages = decode_packet(packet)
        except OscError:
            fates["malformed"] += 1
            continue
        for message in messages:
            assert all(isinstance(value, int | str) or math.isfinite(value) for value in message.arguments)
            try:
                find_address(message.address).command(split_id(message.arguments)[0])
                fates["taken"] += 1
            except RiffError:
                fates["refused"] += 1
    assert 10_000 < fates["malformed"] < 50_000
    assert min(fates["taken"], fates["refused"]) > 1_000


@given(st.binary(max_size=256))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        decode_packet(data)
    except OscError:
        return


@given(
    st.lists(
        st.integers(-(2**31), 2**31 - 1)
        | st.floats(width=32, allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40),
        max_size=20,
    )
)
def test_what_is_written_is_read_back(values: list[int | float | str]) -> None:
    assert decode_packet(encode_message("/riff/state", *values)) == (
        OscMessage("/riff/state", tuple(values)),
    )


@given(st.binary(max_size=64))
def test_the_parser_behind_the_gate_never_disagrees_with_it(tail: bytes) -> None:
    for start in (b"/riff/pad\0\0\0,", b"/riff/key\0\0\0,s"):
        try:
            (raw,) = check_packet(start + tail)
        except OscError:
            continue
        decode_message(raw)


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**31])
def test_a_number_that_osc_cannot_carry_is_refused_on_the_way_out(value: float) -> None:
    with pytest.raises(OscError):
        encode_message("/riff/done", value)


def test_a_path_that_is_not_unicode_can_still_be_told() -> None:
    path = b"/loops/\xe9.wav".decode("utf-8", "surrogateescape")
    assert decode_packet(encode_message("/riff/done", path))[0].arguments == ("/loops/?.wav",)
