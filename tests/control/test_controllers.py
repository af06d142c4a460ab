"""The table of pad controllers: what each sends becomes pads and knobs, and its pads light up."""

from __future__ import annotations

import pytest

from riffsidecar.control.controllers import (
    CONTROLLERS,
    GENERIC,
    Controller,
    controller_table,
    find_controller,
    guess_controller,
)
from riffsidecar.control.leds import Light
from riffsidecar.control.midi_parse import MidiParser
from riffsidecar.errors import UnknownNameError
from riffsidecar.session.commands import Perform, SetKnob, TriggerPad
from riffsidecar.session.knobs import KNOBS
from riffsidecar.session.pads import NUM_PADS, MidiMap


def parser_of(name: str) -> MidiParser:
    parser = MidiParser(takeover=False)
    parser.observe({each.name: each.default for each in KNOBS.values()})
    parser.use(find_controller(name))
    return parser


@pytest.mark.parametrize("name", CONTROLLERS)
@pytest.mark.parametrize("channel", [0, 9])
def test_every_pad_of_a_controller_plays_its_own_pad(name: str, channel: int) -> None:
    parser = parser_of(name)
    played = [parser.feed((0x90 | channel, note, 100), 0.0) for note in CONTROLLERS[name].notes]
    assert played == [(TriggerPad(number, 100),) for number in range(1, NUM_PADS + 1)]


@pytest.mark.parametrize("name", CONTROLLERS)
def test_every_knob_of_a_controller_turns_its_knob(name: str) -> None:
    controller = CONTROLLERS[name]
    for cc, knob in controller.knobs.items():
        parser = parser_of(name)
        (turned,) = parser.feed((0xB0, cc, 5 if controller.relative else 127), 0.0)
        assert isinstance(turned, SetKnob) and turned.name == knob
        if not controller.relative:
            assert turned.value == KNOBS[knob].from_unit(1.0)


def test_an_endless_encoder_of_push_goes_both_ways() -> None:
    parser = parser_of("push")
    parser.observe({"guidance": 3.5})
    cc = next(cc for cc, knob in CONTROLLERS["push"].knobs.items() if knob == "guidance")
    (up,) = parser.feed((0xB0, cc, 3), 0.0)
    (down,) = parser.feed((0xB0, cc, 125), 0.0)
    assert isinstance(up, SetKnob) and isinstance(down, SetKnob)
    assert float(str(up.value)) > 3.5 and float(str(down.value)) == pytest.approx(3.5, abs=1e-4)


def test_the_other_pads_of_a_large_grid_do_nothing_and_those_above_a_small_one_do_actions() -> None:
    assert parser_of("push").feed((0x90, 40, 100), 0.0) == ()
    assert parser_of("launchpad").feed((0x90, 52, 100), 0.0) == ()
    (action,) = parser_of("mpd218").feed((0x90, 52, 100), 0.0)
    assert isinstance(action, Perform)


def test_the_generic_controller_is_what_the_bank_says() -> None:
    parser = parser_of("generic")
    moved = MidiMap(first_note=60, ccs={1: "morph"})
    assert parser.feed((0x90, 60, 7), 0.0, moved) == (TriggerPad(1, 7),)
    assert parser.feed((0xB0, 1, 127), 0.0, moved) == (SetKnob("morph", 1.0),)


@pytest.mark.parametrize("name", CONTROLLERS)
def test_every_state_that_a_controller_can_show_looks_other_than_the_rest(name: str) -> None:
    controller = CONTROLLERS[name]
    if not controller.colors:
        return
    shown = {light: controller.lit(3, light) for light in Light}
    assert shown[Light.OFF][2] == 0 and all(message[1] == controller.notes[2] for message in shown.values())
    assert len({shown[light] for light in (Light.OFF, Light.RENDERING, Light.FAILED, Light.READY)}) == 4
    assert all(0x90 <= message[0] <= 0x9F and message[2] < 128 for message in shown.values())


@pytest.mark.parametrize(
    ("port", "name"),
    [
        ("MPK mini 3:MPK mini 3 MIDI 1 24:0", "mpk-mini"),
        ("MPD218 Port A", "mpd218"),
        ("LPX MIDI Out", "launchpad"),
        ("Launchpad X:Launchpad X LPX MIDI In 28:1", "launchpad"),
        ("LPMiniMK3 MIDI", "launchpad-mini"),
        ("LPProMK3 MIDI", "launchpad-pro"),
        ("Ableton Push User Port", "push"),
        ("Ableton Push 2 User Port", "push-2"),
        ("Maschine MK3 Ctrl MIDI", "maschine"),
        ("UM-ONE MIDI 1", "generic"),
        ("", "generic"),
    ],
)
def test_a_controller_is_known_by_the_name_of_its_port(port: str, name: str) -> None:
    assert guess_controller(port).name == name


def test_launchpads_are_put_into_programmer_mode_and_back() -> None:
    for name in ("launchpad", "launchpad-mini", "launchpad-pro"):
        row = CONTROLLERS[name]
        assert row.enter[:5] == row.leave[:5] == bytes.fromhex("f000202902")
        assert (row.enter[6:], row.leave[6:]) == (bytes((0x0E, 1, 0xF7)), bytes((0x0E, 0, 0xF7)))


def test_an_unknown_controller_and_a_row_with_too_few_pads_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'launchpad"):
        find_controller("lanchpad")
    with pytest.raises(UnknownNameError, match="16 different notes"):
        Controller("x", "X", "", (1, 2), {})
    assert GENERIC.name == "generic" and all(f"| `{name}` |" in controller_table() for name in CONTROLLERS)
