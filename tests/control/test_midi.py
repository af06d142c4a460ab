"""The MIDI surface: ports come and go, the surface stays."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence

import pytest
from support_control import WAIT_S, FakeMidi, FakeOutput, Recorder, finished

from riffsidecar.control.leds import Light
from riffsidecar.control.midi import MidiSurface
from riffsidecar.errors import MidiError
from riffsidecar.music import Tempo
from riffsidecar.session.commands import HearClock, ReleaseTempo, SelectBank, SetKnob, SetTempo, TriggerPad
from riffsidecar.session.events import Acked, Origin, StateChanged
from riffsidecar.session.pads import MidiMap

PADS = "Pads 20:0"
Rig = tuple[MidiSurface, Recorder, FakeMidi]


@pytest.fixture(autouse=True)
def no_defect_is_hidden(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail where the surface had to catch a defect, since it would go on as if nothing were."""
    yield
    if "defect" not in request.node.name:
        assert "MIDI failed" not in caplog.text


@pytest.fixture
def rig() -> Iterator[Rig]:
    midi, recorder = FakeMidi(), Recorder()
    surface = MidiSurface("pads", "pads", backend=midi, poll_s=0.005)
    surface.start(recorder)
    midi.wait_for(PADS)
    yield surface, recorder, midi
    surface.close()


def test_pads_knobs_and_program_changes_are_submitted_with_the_name_of_the_port(rig: Rig) -> None:
    _, recorder, midi = rig
    midi.play(0x90, 36, 100)
    midi.play(0xB0, 75, 127)
    midi.play(0xC0, 1)
    envelopes = [recorder.next() for _ in range(3)]
    commands = [envelope.command for envelope in envelopes]
    assert commands == [TriggerPad(1, 100), SetKnob("density", 1.0), SelectBank(2)]
    assert {envelope.origin for envelope in envelopes} == {Origin("midi", PADS)}


def test_the_map_of_the_bank_in_force_is_used() -> None:
    midi, recorder, maps = FakeMidi(), Recorder(), [MidiMap()]
    surface = MidiSurface(backend=midi, midi_map=lambda: maps[-1], poll_s=0.005)
    surface.start(recorder)
    midi.wait_for(PADS)
    midi.play(0x90, 36, 1)
    assert recorder.command() == TriggerPad(1, 1)
    maps.append(MidiMap(first_note=60))
    midi.play(0x90, 36, 1)
    midi.play(0x90, 61, 1)
    assert recorder.command() == TriggerPad(2, 1)
    surface.close()


def test_of_a_run_of_moves_the_newest_is_submitted_and_other_commands_keep_their_place(rig: Rig) -> None:
    _, recorder, midi = rig
    for value in range(0, 128):
        midi.play(0xB0, 75, value)
    midi.play(0x90, 36, 64)
    midi.play(0xB0, 75, 5)
    midi.play(0x90, 37, 64)
    heard = [recorder.command()]
    while heard[-1] != TriggerPad(2, 64):
        heard.append(recorder.command())
    first = heard.index(TriggerPad(1, 64))
    assert heard[first - 1] == SetKnob("density", 1.0)
    assert heard[first + 1 :] == [SetKnob("density", round(5 / 127, 5)), TriggerPad(2, 64)]


def test_a_port_that_comes_and_goes_fifty_times_is_found_every_time(rig: Rig) -> None:
    _, recorder, midi = rig
    threads = threading.active_count()
    for number in range(50):
        midi.input_names = midi.output_names = ()
        while midi.closed.get(timeout=WAIT_S) != PADS:
            continue
        midi.input_names = midi.output_names = (PADS,)
        midi.wait_for(PADS)
        midi.play(0x90, 36 + number % 16, 64)
        assert recorder.command() == TriggerPad(1 + number % 16, 64)
    assert threading.active_count() == threads
    assert len(midi.receivers) == 1


def test_a_port_that_is_plugged_in_later_is_opened(caplog: pytest.LogCaptureFixture) -> None:
    midi, recorder = FakeMidi(inputs=("Keys 16:0",), outputs=()), Recorder()
    surface = MidiSurface("pads", backend=midi, poll_s=0.005)
    surface.start(recorder)
    midi.input_names = ("Keys 16:0", PADS)
    midi.wait_for(PADS)
    midi.play(0x90, 36, 64)
    assert recorder.command() == TriggerPad(1, 64)
    surface.close()
    missing = [record for record in caplog.records if "no MIDI input called 'pads'" in record.getMessage()]
    assert len(missing) <= 1


def test_a_missing_port_is_named_once_with_the_ones_that_are_there(caplog: pytest.LogCaptureFixture) -> None:
    midi = FakeMidi(inputs=("Keys 16:0",))
    surface = MidiSurface("push", "keys", backend=midi, poll_s=0.001)
    midi.output_names = ("Keys 16:0",)
    surface.start(Recorder())
    midi.wait_for("out Keys 16:0")
    for pad in range(1, 17):
        surface.notify(finished(Origin("osc"), pad))
    lights = [midi.light() for _ in range(32)]
    assert lights[-1] == (0x90, 51, Light.READY)
    assert "'push'" in surface.problem
    surface.close()
    texts = [record.getMessage() for record in caplog.records if "'push'" in record.getMessage()]
    assert texts == ["no MIDI input called 'push' yet; there are: Keys 16:0"]


def test_without_midi_it_says_why_once_and_looks_for_it_again(caplog: pytest.LogCaptureFixture) -> None:
    midi, recorder, has_come, tries = FakeMidi(), Recorder(), threading.Event(), threading.Semaphore(0)

    def absent() -> FakeMidi:
        tries.release()
        if not has_come.is_set():
            raise MidiError("no ALSA here")
        return midi

    surface = MidiSurface(backend=absent, poll_s=0.001)
    surface.start(recorder)
    surface.notify(Acked(Origin("osc"), 1))
    for _ in range(3):
        assert tries.acquire(timeout=WAIT_S)
    assert surface.problem == "MIDI is off, everything else works: no ALSA here"
    assert [record.getMessage() for record in caplog.records] == [surface.problem]
    has_come.set()
    midi.wait_for(PADS)
    midi.play(0x90, 36, 64)
    assert recorder.command() == TriggerPad(1, 64)
    surface.close()


def test_a_midi_system_that_has_died_is_opened_anew_with_its_ports_and_its_clock_lets_go() -> None:
    systems, recorder, now = [FakeMidi(), FakeMidi()], Recorder(), [0.0]
    first, second = systems
    first.clock = second.clock = lambda: now[0]
    surface = MidiSurface("pads", "pads", backend=lambda: systems.pop(0), poll_s=0.001)
    surface.start(recorder)
    first.wait_for(PADS)
    for _ in range(100):
        now[0] += 1 / 50
        first.play(0xF8)
    assert recorder.command() == HearClock(is_heard=True)
    assert recorder.command() == HearClock(is_heard=True, tempo=Tempo.parse(125))
    assert recorder.command() == SetTempo(Tempo.parse(125), "clock")
    assert recorder.command() == HearClock(is_heard=False)
    first.problem, first.is_gone = "the server has ended", True
    assert recorder.command() == ReleaseTempo("clock")
    second.wait_for(PADS)
    assert first.is_closed and first.receivers == {}
    second.play(0x90, 36, 64)
    assert recorder.command() == TriggerPad(1, 64)
    surface.close()
    assert second.is_closed


def test_a_midi_system_that_dies_is_opened_anew_at_once_and_not_with_the_next_look() -> None:
    day_s, now = 86400.0, [0.0]
    systems, recorder = [FakeMidi(), FakeMidi()], Recorder()
    first, second = systems
    surface = MidiSurface("pads", backend=lambda: systems.pop(0), poll_s=day_s, clock=lambda: now[0])
    surface.start(recorder)
    first.wait_for(PADS)
    # It has lived for a while, so it is no system that dies as often as it is opened.
    now[0] = 2 * day_s
    first.die("the driver has crashed")
    second.wait_for(PADS)
    second.play(0x90, 36, 64)
    assert recorder.command() == TriggerPad(1, 64)
    surface.close()


def test_a_midi_system_that_dies_as_soon_as_it_is_opened_is_not_opened_again_without_a_pause() -> None:
    systems = [FakeMidi(), FakeMidi()]
    first = systems[0]
    surface = MidiSurface("pads", backend=lambda: systems.pop(0), poll_s=86400.0, clock=lambda: 0.0)
    surface.start(Recorder())
    first.wait_for(PADS)
    first.die("the driver has crashed")
    assert first.closed.get(timeout=WAIT_S) == PADS
    surface.close()
    assert first.is_closed and len(systems) == 1


def test_a_driver_that_does_not_come_back_does_not_keep_the_surface_from_closing() -> None:
    midi, is_in, let_go = FakeMidi(), threading.Event(), threading.Event()

    def never() -> tuple[str, ...]:
        is_in.set()
        assert let_go.wait(WAIT_S)
        raise MidiError("it was taken down")

    midi.inputs = never  # type: ignore[method-assign]
    midi.close = let_go.set  # type: ignore[method-assign]
    threads = threading.active_count()
    surface = MidiSurface(backend=midi)
    surface.start(Recorder())
    assert is_in.wait(WAIT_S)
    surface.close()
    assert threading.active_count() == threads


def test_a_midi_system_that_fails_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    midi, recorder = FakeMidi(inputs=()), Recorder()
    midi.problem = "the driver is away"
    surface = MidiSurface(backend=midi, poll_s=0.001)
    surface.start(recorder)
    midi.input_names, midi.problem = (PADS,), ""
    midi.wait_for(PADS)
    midi.play(0x90, 36, 64)
    assert recorder.command() == TriggerPad(1, 64)
    surface.close()


def test_the_lights_follow_the_loops(rig: Rig) -> None:
    surface, _, midi = rig
    assert {midi.light()[2] for _ in range(16)} == {Light.OFF}
    surface.notify(Acked(Origin("osc"), 2))
    surface.notify(finished(Origin("osc"), 2))
    assert [midi.light(), midi.light()] == [(0x90, 37, Light.WAITING), (0x90, 37, Light.READY)]
    surface.close()
    assert midi.light() == (0x90, 37, Light.OFF)
    assert midi.is_closed
    assert midi.receivers == {}


def test_knobs_wait_until_they_meet_what_the_session_says(rig: Rig) -> None:
    surface, recorder, midi = rig
    surface.notify(StateChanged({"bank": "house", "knobs": {"guidance": 6.0}}))
    surface.notify(Acked(Origin("osc"), 1))
    for _ in range(17):
        midi.light()
    midi.play(0xB0, 73, 10)
    midi.play(0x90, 36, 64)
    assert recorder.command() == TriggerPad(1, 64)


def test_the_clock_sets_the_tempo_and_lets_it_go_with_its_port() -> None:
    midi, recorder, now = FakeMidi(), Recorder(), [0.0]
    midi.clock = lambda: now[0]
    surface = MidiSurface(backend=midi, clock=midi.clock, poll_s=0.0)
    surface.start(recorder)
    midi.wait_for(PADS)
    for _ in range(100):
        now[0] += 1 / 50
        midi.play(0xF8)
    assert recorder.command() == HearClock(is_heard=True)
    assert recorder.command() == HearClock(is_heard=True, tempo=Tempo.parse(125))
    assert recorder.command() == SetTempo(Tempo.parse(125), "clock")
    assert recorder.command() == HearClock(is_heard=False)
    midi.input_names = ()
    assert recorder.command() == ReleaseTempo("clock")
    surface.close()


def test_a_clock_that_stops_before_it_is_known_is_heard_no_more() -> None:
    midi, recorder, now = FakeMidi(), Recorder(), [0.0]
    midi.clock = lambda: now[0]
    surface = MidiSurface(backend=midi, clock=midi.clock, poll_s=0.0)
    surface.start(recorder)
    midi.wait_for(PADS)
    for _ in range(12):
        now[0] += 1 / 50
        midi.play(0xF8)
    midi.play(0x90, 36, 64)
    assert recorder.command() == HearClock(is_heard=True)
    assert recorder.command() == TriggerPad(1, 64)  # and so every beat of the clock has been read
    now[0] += 2.0
    assert recorder.command() == HearClock(is_heard=False)
    surface.close()


def test_an_endless_system_exclusive_message_is_not_kept(rig: Rig) -> None:
    _, recorder, midi = rig
    midi.play(0xF0, *[1] * 1_000_000)
    midi.play(0x90, 36, 64)
    assert recorder.command() == TriggerPad(1, 64)


def test_a_defect_in_a_driver_is_logged_and_the_surface_goes_on(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    surface, recorder, midi = rig
    caplog.set_level(logging.ERROR)
    midi.problem = ""
    midi.inputs = lambda: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    midi.play(0x90, 40, 64)
    assert recorder.command() == TriggerPad(5, 64)
    del midi.inputs
    midi.play(0x90, 41, 64)
    assert recorder.command() == TriggerPad(6, 64)
    assert surface.ports() == [("in", PADS, 1), ("out", PADS, 1)]


def test_our_own_ports_are_told_by_their_own_names_and_those_of_others_like_us_are_not() -> None:
    midi = FakeMidi(("keys:out", "riffsidecar:lights"), ("keys:in", "riffsidecar-01:pads"))
    surface, recorder = MidiSurface("virtual", backend=midi, poll_s=0.01), Recorder()
    surface.start(recorder)
    try:
        midi.wait_for("virtual")
        midi.play(0x90, 36, 64)
        assert recorder.command() == TriggerPad(1, 64)
        assert surface.ports() == [("in", "keys:out", 0), ("in", "pads", 1), ("out", "keys:in", 0)]
    finally:
        surface.close()


def test_a_message_that_brings_up_a_defect_costs_no_other(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    surface, recorder, midi = rig
    feed = surface._parser.feed

    def broken(data: Sequence[int], *rest: object) -> object:
        return 1 / 0 if data[1] == 50 else feed(data, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(surface._parser, "feed", broken)
    for note in (36, 50, 37, 50, 38):
        midi.play(0x90, note, 64)
    assert [recorder.command() for _ in range(3)] == [TriggerPad(1, 64), TriggerPad(2, 64), TriggerPad(3, 64)]


class _NoLights(FakeMidi):
    def open_output(self, name: str) -> FakeOutput:
        raise MidiError(f"{name} is used by another program")


def test_lights_that_cannot_be_opened_leave_the_pads_playable() -> None:
    midi, recorder = _NoLights(), Recorder()
    surface = MidiSurface("pads", "pads", backend=midi, poll_s=0.001)
    surface.start(recorder)
    midi.wait_for(PADS)
    midi.play(0x90, 36, 64)
    assert recorder.command() == TriggerPad(1, 64)
    assert "another program" in surface.problem
    surface.close()


def test_a_missing_output_is_named_with_the_ones_that_are_there() -> None:
    midi, recorder = FakeMidi(), Recorder()
    surface = MidiSurface("pads", "push", backend=midi, poll_s=0.001)
    surface.start(recorder)
    midi.wait_for(PADS)
    midi.play(0x90, 36, 64)
    recorder.next()
    assert surface.problem == "no MIDI output called 'push' yet; there are: Pads 20:0"
    surface.close()
