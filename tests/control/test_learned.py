"""Learn mode: what is heard while a target waits is tied to it, kept in a file, and heeded from then on."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_control import FakeMidi, Recorder

from riffsidecar.control import controllers, learned, relative
from riffsidecar.control.controllers import GENERIC, find_controller
from riffsidecar.control.learned import (
    LearnedControl,
    Learner,
    Nrpn,
    read_learned,
    with_learned,
    write_learned,
)
from riffsidecar.control.midi import MidiSurface
from riffsidecar.control.midi_parse import MidiParser
from riffsidecar.control.relative import RELATIVE_MODES, guess_relative, relative_steps
from riffsidecar.errors import MidiError, SessionError, UnknownNameError
from riffsidecar.session import learning
from riffsidecar.session.commands import Learn, Learned, SetKnob, TriggerPad
from riffsidecar.session.events import StateChanged
from riffsidecar.session.knobs import KNOBS

MORPH_NRPN = LearnedControl("knob morph", "nrpn", 1, 130)


def taught(*ties: LearnedControl) -> MidiParser:
    parser = MidiParser(takeover=False)
    parser.observe({each.name: each.default for each in KNOBS.values()})
    parser.use(GENERIC, ties)
    return parser


def test_the_first_note_is_a_pads_and_what_clocks_and_senses_is_passed_over() -> None:
    learner = Learner("pad 3")
    noise: list[tuple[int, ...]] = [(0xF8,), (0xFE,), (0x80, 40, 0), (0x90, 40, 0), (0xE0, 0, 64), ()]
    assert [learner.feed(data) for data in noise] == [None] * len(noise)
    assert learner.feed((0x99, 40, 100)) == LearnedControl("pad 3", "note", 10, 40)


def test_a_switch_may_be_a_pad_too_but_only_when_it_is_pressed() -> None:
    learner = Learner("pad 3")
    assert learner.feed((0xB0, 20, 0)) is None
    assert learner.feed((0xB0, 20, 127)) == LearnedControl("pad 3", "cc", 1, 20)


def test_a_fader_and_endless_encoders_are_told_apart() -> None:
    def learn(*values: int) -> str:
        learner = Learner("morph")
        tie = None
        for value in values:
            tie = tie or learner.feed((0xB0, 21, value))
        assert tie is not None and tie.number == 21
        return tie.mode

    assert learn(10, 11, 13, 14, 16, 17) == ""
    assert learn(1, 1, 2, 127, 127, 1) == "twos-complement"
    assert learn(65, 65, 66, 63, 63, 65) == "offset"
    assert learn(1, 1, 65, 65, 66, 1) == "sign-magnitude"


def test_a_controller_of_14_bits_is_learned_by_its_coarse_half_and_read_in_fine_steps() -> None:
    tie = LearnedControl("knob morph", "cc", 1, 20)
    for first, second in ((20, 52), (52, 20)):
        learner = Learner("morph")
        assert learner.feed((0xB0, first, 65)) is None
        assert learner.feed((0xB0, second, 65)) == tie
    parser = taught(tie)
    assert parser.feed((0xB0, 20, 64), 0.0) == (SetKnob("morph", round(64 / 127, 5)),)
    assert parser.feed((0xB0, 52, 1), 0.0) == (SetKnob("morph", round((64 * 128 + 1) / 16383, 5)),)
    assert parser.feed((0xB0, 20, 65), 0.0) == (), "the fine half follows"
    assert parser.feed((0xB0, 52, 0), 0.0) == (SetKnob("morph", round(65 * 128 / 16383, 5)),)
    both = taught(tie, LearnedControl("knob drift", "cc", 1, 52))
    assert both.feed((0xB0, 52, 127), 0.0) == (SetKnob("drift", 1.0),)
    endless = taught(LearnedControl("knob morph", "cc", 1, 20, "offset"))
    assert endless.feed((0xB0, 52, 127), 0.0) == ()


@given(st.sampled_from(RELATIVE_MODES), st.lists(st.sampled_from([-2, -1, 1, 2]), min_size=8, max_size=20))
def test_an_encoder_that_is_turned_both_ways_is_never_mistaken(mode: str, steps: list[int]) -> None:
    steps = [1, 1, -1, -1, *steps]
    write = {
        "twos-complement": lambda step: step % 128,
        "offset": lambda step: 64 + step,
        "sign-magnitude": lambda step: step if step > 0 else 64 - step,
    }[mode]
    values = [write(step) for step in steps]
    assert guess_relative(values) == mode
    assert [relative_steps(value, mode) for value in values] == steps  # type: ignore[arg-type]


def test_a_mode_that_is_named_is_taken_at_once() -> None:
    assert Learner("morph", "offset").feed((0xB0, 21, 10)) == LearnedControl(
        "knob morph", "cc", 1, 21, "offset"
    )
    assert Learner("morph", "absolute").feed((0xB0, 21, 10)) == LearnedControl("knob morph", "cc", 1, 21)


def test_an_nrpn_is_learned_as_one_and_turns_its_knob_in_14_bits() -> None:
    learner = Learner("morph")
    messages = [(0xB0, 99, 1), (0xB0, 98, 2), (0xB0, 6, 64)]
    assert [learner.feed(data) for data in messages] == [None, None, MORPH_NRPN]
    parser = taught(MORPH_NRPN)
    for data in messages[:2]:
        assert parser.feed(data, 0.0) == ()
    assert parser.feed((0xB0, 6, 64), 0.0) == (SetKnob("morph", round(8192 / 16383, 5)),)
    assert parser.feed((0xB0, 38, 127), 0.0) == (SetKnob("morph", round((64 * 128 + 127) / 16383, 5)),)


def test_another_parameter_a_null_and_an_rpn_are_not_the_one_that_was_learned() -> None:
    for selecting in ([(99, 1), (98, 3)], [(99, 127), (98, 127)], [(99, 1), (98, 2), (101, 0), (100, 0)]):
        parser = taught(MORPH_NRPN)
        for cc, value in (*selecting, (6, 64)):
            assert parser.feed((0xB0, cc, value), 0.0) == ()


@given(st.lists(st.tuples(st.integers(0, 15), st.integers(0, 127), st.integers(0, 127)), max_size=60))
def test_whatever_comes_an_nrpn_and_its_value_have_14_bits(messages: list[tuple[int, int, int]]) -> None:
    nrpn = Nrpn()
    for channel, cc, value in messages:
        found = nrpn.feed(channel, cc, value)
        assert found is None or all(0 <= part < 16384 for part in found)


def test_what_was_learned_wins_over_what_the_bank_and_the_table_say() -> None:
    parser = taught(
        LearnedControl("pad 9", "note", 1, 36),
        LearnedControl("knob drift", "cc", 1, 70),
        LearnedControl("pad 2", "cc", 1, 22),
        LearnedControl("knob guidance", "cc", 1, 23, "twos-complement"),
    )
    assert parser.feed((0x90, 36, 5), 0.0) == (TriggerPad(9, 5),)
    assert parser.feed((0x91, 36, 5), 0.0) == (TriggerPad(1, 5),)
    assert parser.feed((0xB0, 70, 127), 0.0) == (SetKnob("drift", 1.0),)
    assert parser.feed((0xB0, 22, 100), 0.0) == (TriggerPad(2, 100),)
    assert parser.feed((0xB0, 22, 110), 0.0) == ()
    (turned,) = parser.feed((0xB0, 23, 1), 0.0)
    assert isinstance(turned, SetKnob) and turned.name == "guidance"


def test_a_new_tie_takes_the_place_of_what_its_target_or_its_control_had() -> None:
    one, other = LearnedControl("pad 1", "note", 1, 40), LearnedControl("pad 2", "note", 1, 41)
    assert with_learned((one, other), LearnedControl("pad 1", "note", 1, 50))[0] == other
    assert with_learned((one, other), LearnedControl("pad 3", "note", 1, 40)) == (
        other,
        LearnedControl("pad 3", "note", 1, 40),
    )


def test_what_was_learned_is_read_back_and_a_file_that_cannot_be_is_told(tmp_path: Path) -> None:
    path = tmp_path / "config" / "learned.toml"
    assert read_learned(path) == ()
    ties = (LearnedControl("pad 3", "note", 10, 40), LearnedControl("knob morph", "cc", 1, 21, "offset"))
    write_learned(path, ties)
    assert read_learned(path) == ties and [each.name for each in path.parent.iterdir()] == ["learned.toml"]
    for text in ("[[learned]", "[[learned]]\ntarget = 'pad 99'", "[[learned]]\ncolour = 1", "learned = 3"):
        path.write_text(text)
        with pytest.raises(MidiError, match=r"learned\.toml cannot be read"):
            read_learned(path)


@pytest.mark.parametrize(
    "row",
    [
        ("pad 0", "note", 1, 1),
        ("knob mroph", "cc", 1, 1),
        ("pad 1", "key", 1, 1),
        ("pad 1", "note", 17, 1),
        ("pad 1", "note", 1, 128),
        ("pad 1", "nrpn", 1, 1),
        ("knob morph", "cc", 1, 1, "sideways"),
    ],
)
def test_a_tie_that_cannot_be_is_refused(row: tuple[object, ...]) -> None:
    with pytest.raises(SessionError):
        LearnedControl(*row)  # type: ignore[arg-type]


def test_doctests() -> None:
    assert [doctest.testmod(each).failed for each in (controllers, learned, relative, learning)] == [0] * 4


def wait(surface: MidiSurface, recorder: Recorder, target: str, mode: str = "auto") -> None:
    surface.notify(StateChanged({"learning": target, "learn_mode": mode, "learned": ""}))


def test_a_surface_learns_keeps_and_heeds_what_it_heard(tmp_path: Path) -> None:
    path = tmp_path / "learned.toml"
    midi, recorder = FakeMidi(), Recorder()
    surface = MidiSurface(backend=midi, poll_s=0.05, learned=path)
    surface.start(recorder)
    try:
        midi.wait_for("Pads 20:0")
        wait(surface, recorder, "pad 5")
        while not (learnt := recorder_of(midi, recorder, (0x90, 60, 100))):
            continue
        assert learnt == Learned("pad 5: note 60 on channel 1")
        assert read_learned(path) == (LearnedControl("pad 5", "note", 1, 60),)
        surface.notify(StateChanged({"learning": "", "learn_mode": "auto"}))
        midi.play(0x90, 60, 90)
        while recorder.command() != TriggerPad(5, 90):
            continue
        surface.notify(StateChanged({"learning": "pad 5", "learn_mode": "forget"}))
        while recorder.command() != Learned("pad 5: forgotten"):
            continue
        assert read_learned(path) == ()
    finally:
        surface.close()


def recorder_of(midi: FakeMidi, recorder: Recorder, data: tuple[int, int, int]) -> Learned | None:
    """Play until the surface, which reads events in a thread of its own, has been armed."""
    midi.play(*data)
    command = recorder.command()
    return command if isinstance(command, Learned) else None


def test_a_surface_lights_a_launchpad_in_its_colours_and_brings_it_into_its_mode() -> None:
    row = find_controller("launchpad-mini")
    midi = FakeMidi(("LPMiniMK3 MIDI 28:1",), ("LPMiniMK3 MIDI 28:1",))
    surface = MidiSurface("LPMini", "LPMini", backend=midi, poll_s=0.05)
    surface.start(Recorder())
    midi.wait_for("out LPMiniMK3 MIDI 28:1")
    assert midi.light() == tuple(row.enter)
    assert midi.light() == (0x90, 11, 0)
    surface.close()
    sent = []
    while not midi.sent.empty():
        sent.append(midi.sent.get())
    assert sent[-1] == row.leave


def test_a_launchpad_without_an_output_cannot_be_brought_into_its_mode_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    midi = FakeMidi(("LPMiniMK3 MIDI 28:1",), ("LPMiniMK3 MIDI 28:1",))
    surface = MidiSurface(backend=midi, poll_s=0.05)
    surface.start(Recorder())
    midi.wait_for("LPMiniMK3 MIDI 28:1")
    surface.close()
    assert "name the output of the Novation Launchpad Mini mk3 under [midi]" in caplog.text
    assert midi.sent.empty()


def test_a_controller_that_is_named_wins_over_the_name_of_the_port_and_an_unknown_one_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="one of generic"):
        MidiSurface(backend=FakeMidi(), controller="theremin")
    recorder, midi = Recorder(), FakeMidi()
    surface = MidiSurface(backend=midi, poll_s=0.05, controller="maschine")
    surface.start(recorder)
    try:
        midi.wait_for("Pads 20:0")
        midi.play(0x90, 12, 80)
        assert recorder.command() == TriggerPad(1, 80)
    finally:
        surface.close()


def test_a_target_is_checked_where_it_is_asked_for() -> None:
    assert Learn("16").target == "pad 16" and Learn("MORPH").target == "knob morph" and Learn().target == ""
    for bad in (("pad 17",), ("theremin",), ("morph", "sideways")):
        with pytest.raises(SessionError):
            Learn(*bad)
