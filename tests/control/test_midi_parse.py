"""Bytes become commands, and nothing a controller sends does any harm."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.control.midi_parse import MidiParser
from riffsidecar.music import Tempo
from riffsidecar.session.actions import default_keys
from riffsidecar.session.commands import (
    HearClock,
    Perform,
    ReleaseTempo,
    SelectBank,
    SetKnob,
    SetTempo,
    SetTransport,
    TriggerPad,
)
from riffsidecar.session.knobs import KNOBS
from riffsidecar.session.pads import MidiMap

WHEEL = MidiMap(ccs={1: "morph", 2: "guidance", 74: "quality"})


def test_notes_36_to_51_are_the_sixteen_pads() -> None:
    parser = MidiParser()
    found = [parser.feed((0x90, note, 1 + note), 0.0) for note in range(127)]
    pads = [TriggerPad(pad, 36 + pad) for pad in range(1, 17)]
    keys = [Perform(*bound) for _, bound in sorted(default_keys().items())]
    assert [command for commands in found for command in commands] == [*pads, *keys]
    assert found[35] == found[68] == ()


def test_a_button_does_its_action_once_when_it_is_pressed() -> None:
    where = MidiMap(keys={}, buttons={20: ("change", (3, 3))})
    parser = MidiParser()
    values = (0, 63, 64, 127, 100, 64, 63, 127, 0)
    found = [parser.feed((0xB0, 20, value), 0.0, where) for value in values]
    assert [bool(commands) for commands in found] == [value in (2, 7) for value in range(len(values))]
    assert found[2] == (Perform("change", (3,)),)
    assert parser.feed((0x90, 52, 100), 0.0, where) == ()


def test_a_note_let_go_does_nothing() -> None:
    parser = MidiParser()
    assert parser.feed((0x90, 52, 0), 0.0) == parser.feed((0x80, 52, 64), 0.0) == ()


def test_the_bank_says_which_note_is_pad_one() -> None:
    assert MidiParser().feed((0x99, 60, 64), 0.0, MidiMap(first_note=60)) == (TriggerPad(1, 64),)


@pytest.mark.parametrize("data", [(0x80, 36, 64), (0x90, 36, 0), (0xA0, 36, 64), (0xD0, 64), (0xE0, 0, 64)])
def test_letting_go_and_pressing_on_trigger_nothing(data: tuple[int, ...]) -> None:
    assert MidiParser().feed(data, 0.0) == ()


def test_a_program_change_selects_the_bank_of_that_number() -> None:
    assert MidiParser().feed((0xC5, 0), 0.0) == (SelectBank(1),)


def test_only_the_chosen_channel_is_heard_but_the_clock_has_none() -> None:
    parser = MidiParser(channel=10)
    assert parser.feed((0x99, 36, 100), 0.0) == (TriggerPad(1, 100),)
    assert parser.feed((0x90, 36, 100), 0.0) == ()
    told = [parser.feed((0xF8,), i / 48) for i in range(200)]
    assert [command for commands in told for command in commands] == [
        HearClock(is_heard=True),
        HearClock(is_heard=True, tempo=Tempo.parse(120)),
        SetTempo(Tempo.parse(120), "clock"),
        HearClock(is_heard=False),
    ]


def test_every_default_controller_reaches_both_ends_of_its_knob() -> None:
    for knob in KNOBS.values():
        assert knob.cc is not None
        parser = MidiParser(takeover=False)
        low, high = (parser.feed((0xB0, knob.cc, value), 0.0) for value in (0, 127))
        assert low == (SetKnob(knob.name, knob.minimum),)
        assert high == (SetKnob(knob.name, knob.maximum),)


def test_a_controller_without_a_knob_does_nothing() -> None:
    parser = MidiParser()
    assert [parser.feed((0xB0, cc, 64), 0.0) for cc in (0, 7, 64, 123)] == [()] * 4


def test_a_controller_of_14_bits_is_read_in_fine_steps() -> None:
    parser = MidiParser(takeover=False)
    parser.feed((0xB0, 1, 64), 0.0, WHEEL)
    assert parser.feed((0xB0, 33, 1), 0.0, WHEEL) == (SetKnob("morph", round((64 * 128 + 1) / 16383, 5)),)
    assert parser.feed((0xB0, 1, 65), 0.0, WHEEL) == ()
    assert parser.feed((0xB0, 33, 0), 0.0, WHEEL) == (SetKnob("morph", round(65 * 128 / 16383, 5)),)
    parser.feed((0xB0, 1, 127), 0.0, WHEEL)
    assert parser.feed((0xB0, 33, 127), 0.0, WHEEL) == (SetKnob("morph", 1.0),)


def test_a_controller_32_higher_that_is_a_knob_itself_is_no_fine_half() -> None:
    both = MidiMap(ccs={1: "morph", 33: "drift"})
    parser = MidiParser(takeover=False)
    parser.feed((0xB0, 1, 64), 0.0, both)
    assert parser.feed((0xB0, 33, 127), 0.0, both) == (SetKnob("drift", 1.0),)


@pytest.mark.parametrize(
    ("mode", "right", "left"),
    [("twos-complement", 1, 127), ("offset", 65, 63), ("sign-magnitude", 1, 65)],
)
def test_an_endless_encoder_turns_from_where_the_knob_stands(mode: str, right: int, left: int) -> None:
    parser = MidiParser(relative={1: mode})  # type: ignore[dict-item]
    parser.observe({"morph": 0.5})
    (first,) = parser.feed((0xB0, 1, right), 0.0, WHEEL)
    assert first == SetKnob("morph", round(0.5 + 1 / 127, 5))
    (second,) = parser.feed((0xB0, 1, left), 0.0, WHEEL)
    assert second == SetKnob("morph", 0.5)
    parser.observe({"morph": 1.0})
    assert parser.feed((0xB0, 1, right), 0.0, WHEEL) == (SetKnob("morph", 1.0),)


def test_an_endless_encoder_on_a_free_knob_begins_in_the_middle() -> None:
    parser = MidiParser(relative={75: "offset"})
    parser.observe({"density": None})
    assert parser.feed((0xB0, 75, 65), 0.0) == (SetKnob("density", round(0.5 + 1 / 127, 5)),)


def test_an_absolute_knob_waits_until_it_meets_the_value() -> None:
    parser = MidiParser()
    parser.observe({"guidance": 3.5})
    assert parser.feed((0xB0, 2, 10), 0.0, WHEEL) == ()
    assert parser.feed((0xB0, 2, 40), 0.0, WHEEL) == ()
    (met,) = parser.feed((0xB0, 2, 70), 0.0, WHEEL)
    assert isinstance(met, SetKnob)
    parser.observe({"guidance": met.value})
    assert len(parser.feed((0xB0, 2, 127), 0.0, WHEEL)) == 1
    parser.observe({"guidance": 1.0})
    assert parser.feed((0xB0, 2, 120), 0.0, WHEEL) == ()


@pytest.mark.parametrize(
    "data",
    [
        (),
        (36, 100),
        (0x90,),
        (0x90, 36),
        (0x90, 36, 200),
        (0x90, 36, -1),
        (0x90, 36, 100, 0),
        (0xF0, 0x7E, 0xF7),
        (0xF0, *[1] * 5000),
        (0xF4,),
        (0xF7,),
        (0xFF,),
        (0x1FF,),
        (0xF2, 1),
    ],
)
def test_a_malformed_or_foreign_message_is_ignored(data: tuple[int, ...]) -> None:
    assert MidiParser().feed(data, 0.0) == ()


@given(st.lists(st.lists(st.integers(-1, 256), max_size=5), max_size=30))
def test_any_bytes_are_taken(messages: list[list[int]]) -> None:
    parser = MidiParser(relative={2: "offset"})
    parser.observe({"morph": 0.5})
    for number, data in enumerate(messages):
        parser.feed(data, number * 0.02, WHEEL)


def test_a_clock_that_is_measured_is_told_of_with_what_it_may_be_until_it_is_known_or_stops() -> None:
    jitter = random.Random(1)
    parser, now_s, told = MidiParser(), 0.0, []
    for _ in range(2):
        for _ in range(72):
            now_s += 60 / (24 * 126)
            told += parser.feed((0xF8,), now_s + jitter.uniform(-0.002, 0.002))
        told += parser.paused()
        assert parser.paused() == ()
    heard, known, silent = (
        HearClock(is_heard=True),
        HearClock(is_heard=True, tempo=Tempo.parse(126)),
        HearClock(is_heard=False),
    )
    assert told == [heard, known, silent] * 2


def test_when_the_port_goes_the_clock_lets_the_tempo_go_once() -> None:
    parser = MidiParser()
    assert parser.lost() == ()
    for i in range(200):
        parser.feed((0xF8,), i / 48)
    assert parser.lost() == (ReleaseTempo("clock"),)
    assert parser.lost() == ()


def test_when_the_port_of_a_song_goes_no_bars_are_counted_any_more() -> None:
    parser = MidiParser()
    for data in ((0xFA,), (0xF8,)):
        parser.feed(data, 0.0)
    assert parser.lost() == (SetTransport(False),)
    assert parser.lost() == ()


def test_start_stop_and_song_position_are_followed() -> None:
    parser = MidiParser()
    told = [parser.feed(data, 0.0) for data in ((0xFA,), (0xF8,), (0xFC,), (0xF2, 16, 0), (0xFB,), (0xF8,))]
    began, stopped, went_on = (
        SetTransport(True, Fraction(0)),
        SetTransport(False),
        SetTransport(True, Fraction(4)),
    )
    assert told == [(), (began,), (stopped,), (), (), (went_on,)]
    assert parser.clock.running and parser.clock.position_quarters == pytest.approx(4 + 1 / 24)
