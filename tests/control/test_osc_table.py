"""One table drives dispatch, help, reference and examples."""

from __future__ import annotations

from fractions import Fraction

import pytest

from riffsidecar.control.osc_codec import decode_packet
from riffsidecar.control.osc_reference import osc_examples, osc_reference_markdown
from riffsidecar.control.osc_table import ADDRESSES, ANSWERS, find_address
from riffsidecar.errors import OscError, RiffError, UnknownNameError
from riffsidecar.music import Chords, Key, Meter, Tempo
from riffsidecar.session.commands import (
    Cancel,
    ReleaseTempo,
    Render,
    SelectBank,
    SetBars,
    SetChords,
    SetKey,
    SetKnob,
    SetMeter,
    SetSeed,
    SetTempo,
    SetTransport,
    StartJourney,
    TriggerPad,
)
from riffsidecar.session.knobs import KNOBS
from riffsidecar.session.options import LOCAL_OPTIONS

MEANINGS = [
    ("/riff/pad", (3,), TriggerPad(3)),
    ("/riff/pad", (3.0, 100.0), TriggerPad(3, 100)),
    ("/riff/pad", (3, 0), None),
    ("/riff/render", ("drums",), Render("drums")),
    (
        "/riff/render",
        ("drums", "bpm", 123.4499969, "key", "Am", "morph", 1),
        Render("drums", (("bpm", 123.45), ("key", "Am"), ("morph", 1))),
    ),
    ("/riff/knob/morph", (0.25,), SetKnob("morph", 0.25)),
    ("/riff/knob/morph", (1,), SetKnob("morph", 1.0)),
    ("/riff/knob/density", ("free",), SetKnob("density", None)),
    ("/riff/knob/quality", ("fine",), SetKnob("quality", "fine")),
    ("/riff/tempo", (123.4499969,), SetTempo(Tempo(Fraction(12345, 100)))),
    ("/riff/tempo", (90, "live"), SetTempo(Tempo(Fraction(90)), "live")),
    ("/riff/tempo", ("default",), ReleaseTempo("request")),
    ("/riff/meter", (7, 8), SetMeter(Meter(7, 8))),
    ("/riff/transport", (1.0,), SetTransport(True)),
    ("/riff/transport", (0,), SetTransport(False)),
    ("/riff/bars", (0.5,), SetBars(Fraction(1, 2))),
    ("/riff/bars", ("default",), SetBars(None)),
    ("/riff/key", ("F#m",), SetKey(Key.parse("F#m"))),
    ("/riff/key", ("D", "dorian"), SetKey(Key.parse("D dorian"))),
    ("/riff/key", ("none",), SetKey(None)),
    ("/riff/chords", ("Am F C G",), SetChords(Chords.parse("Am F C G"))),
    ("/riff/chords", ("Am", "F", "C", "G"), SetChords(Chords.parse("Am F C G"))),
    ("/riff/bank", ("house",), SelectBank("house")),
    ("/riff/bank", (2.0,), SelectBank(2)),
    ("/riff/seed", (7.0,), SetSeed(7)),
    ("/riff/cancel", (), Cancel(None)),
    ("/riff/cancel", (0,), Cancel(0)),
]


@pytest.mark.parametrize(("address", "arguments", "command"), MEANINGS)
def test_a_message_becomes_its_command(address: str, arguments: tuple[object, ...], command: object) -> None:
    assert find_address(address).command(arguments) == command  # type: ignore[arg-type]


REFUSED = [
    ("/riff/pad", ()),
    ("/riff/pad", (0,)),
    ("/riff/pad", (17,)),
    ("/riff/pad", (3.5,)),
    ("/riff/pad", ("three",)),
    ("/riff/pad", (3, 200)),
    ("/riff/pad", (17, 0)),
    ("/riff/pad", (1, 2, 3)),
    ("/riff/render", ("",)),
    ("/riff/render", (3,)),
    ("/riff/render", ("drums", "bpm")),
    ("/riff/render", ("drums", "bpm", 1e30)),
    ("/riff/render", ("drums", "seed", -1)),
    ("/riff/render", ("a" * 1001,)),
    ("/riff/knob/morph", (1.5,)),
    ("/riff/knob/morph", ("high",)),
    ("/riff/knob/quality", ("finest",)),
    ("/riff/tempo", (19,)),
    ("/riff/tempo", (3e38,)),
    ("/riff/tempo", (120, "clock")),
    ("/riff/meter", (0, 4)),
    ("/riff/meter", (4, 3)),
    ("/riff/bars", (0,)),
    ("/riff/bars", (1e9,)),
    ("/riff/key", ("H",)),
    ("/riff/chords", ("Am Q",)),
    ("/riff/bank", (0,)),
    ("/riff/bank", (1.5,)),
    ("/riff/seed", (3e38,)),
    ("/riff/cancel", (17,)),
]


@pytest.mark.parametrize(("address", "arguments"), REFUSED)
def test_what_makes_no_sense_is_refused(address: str, arguments: tuple[object, ...]) -> None:
    with pytest.raises(RiffError):
        find_address(address).command(arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", [*LOCAL_OPTIONS, "path", "out", "out-dir", "drop_folder", "source-path", "file"]
)
def test_no_path_comes_off_the_wire(name: str) -> None:
    with pytest.raises(RiffError, match="off the wire"):
        find_address("/riff/render").command(("drums", name, "/etc/passwd"))


def test_an_unknown_option_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'negative'"):
        find_address("/riff/render").command(("drums", "negatve", "vocals"))


def test_an_unknown_address_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean '/riff/knob/morph'"):
        find_address("/riff/knob/morhp")


def test_a_wrong_argument_is_answered_with_the_usage() -> None:
    with pytest.raises(OscError, match=r"usage is: /riff/pad n \[velocity\]"):
        find_address("/riff/pad").command(("three",))


def test_a_journey_takes_every_option_of_its_own_and_no_name_of_a_model() -> None:
    row = find_address("/riff/journey")
    command = row.command(("pad", "techno", "file", 1, "anchor", "boom-bap", "guided", 0.30000001192))
    assert command == StartJourney(("pad", "techno"), (("file", 1), ("anchor", "boom-bap"), ("guided", 0.3)))
    for options in (("lora", "dusty"), ("source_path", "/etc")):
        with pytest.raises(RiffError):
            row.command(("pad", "techno", "bars", 8, *options))


def test_every_knob_has_its_address_and_coalesces() -> None:
    rows = [row for row in ADDRESSES.values() if row.coalesce]
    assert {row.address for row in rows} == {knob.osc for knob in KNOBS.values()}


def test_every_example_is_a_valid_packet_that_makes_its_command() -> None:
    for packet, row in zip(osc_examples(), ADDRESSES.values(), strict=True):
        (message,) = decode_packet(packet)
        command = find_address(message.address).command(message.arguments)
        assert (command is None) == (row.build is None)


def test_the_reference_holds_every_address_and_every_answer() -> None:
    text = osc_reference_markdown()
    for row in ADDRESSES.values():
        assert f"`{row.usage}`" in text
        assert set(row.answers) <= set(ANSWERS)
    for answer in ANSWERS.values():
        assert f"| `{answer.address}` | `{answer.arguments}` |" in text
    tables = text.split("\n\n")
    assert [len({line.count("|") for line in table.strip().splitlines()}) for table in tables] == [1, 1]


def test_nothing_that_is_sent_is_also_taken() -> None:
    assert not set(ADDRESSES) & set(ANSWERS)
