"""The lights say how it stands with every pad."""

from __future__ import annotations

import pytest
from support_control import finished

from riffsidecar.control.leds import Light, PadLights
from riffsidecar.session.events import Acked, Event, Failed, Origin, Progressed, StateChanged
from riffsidecar.session.pads import MidiMap

HERE = Origin("midi")
MAP = MidiMap()


def shown(lights: PadLights, *events: Event, midi_map: MidiMap = MAP) -> list[list[int]]:
    return [list(message) for event in events for message in lights.show(event, midi_map)]


def test_a_loop_lights_its_pad_from_waiting_to_ready() -> None:
    story = [
        Acked(HERE, 3),
        Progressed(HERE, 3, 0.1, 1.0, "denoise"),
        Progressed(HERE, 3, 0.9, 0.1, "phase"),
        finished(HERE, 3),
    ]
    assert shown(PadLights(), *story) == [
        [0x90, 38, Light.WAITING],
        [0x90, 38, Light.RENDERING],
        [0x90, 38, Light.READY],
    ]


@pytest.mark.parametrize(("code", "light"), [("worker", Light.FAILED), ("cancelled", Light.OFF)])
def test_a_render_that_ends_without_a_loop_says_why(code: str, light: Light) -> None:
    assert shown(PadLights(), Acked(HERE, 1), Failed(HERE, 1, code, ""))[-1] == [0x90, 36, light]


def test_a_stopped_render_leaves_the_earlier_loop_ready() -> None:
    story = [finished(HERE, 1), Acked(HERE, 1), Failed(HERE, 1, "cancelled", "")]
    assert shown(PadLights(), *story)[-1] == [0x90, 36, Light.READY]


def test_a_render_without_a_pad_lights_nothing() -> None:
    assert (
        shown(PadLights(), Acked(HERE, 0), finished(HERE, 0), Acked(HERE, None), Failed(HERE, None, "x", ""))
        == []
    )


def test_another_bank_puts_the_lights_out_where_they_were_lit() -> None:
    lights = PadLights()
    shown(lights, StateChanged({"bank": "house"}), finished(HERE, 2))
    assert shown(lights, StateChanged({"bank": "house"})) == []
    elsewhere = MidiMap(first_note=60)
    assert shown(lights, StateChanged({"bank": "lo-fi"}), midi_map=elsewhere) == [[0x90, 37, Light.OFF]]
    assert lights.off() == ()


def test_a_controller_that_has_just_come_is_shown_every_pad() -> None:
    lights = PadLights()
    shown(lights, finished(HERE, 16))
    assert [list(message) for message in lights.all(MAP)] == [
        [0x90, 35 + pad, Light.READY if pad == 16 else Light.OFF] for pad in range(1, 17)
    ]
