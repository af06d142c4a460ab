"""A slot that a journey has filled is one to play on: real workers, and doubles of the models."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from riffsidecar.config import Config, OutputConfig
from riffsidecar.control.midi_parse import MidiParser
from riffsidecar.daemon import Daemon
from riffsidecar.session.commands import Cancel, Command, Perform, Render, SetKnob, StartJourney
from riffsidecar.session.events import Envelope, Event, Failed, Finished, Origin

TOUR = StartJourney(("a", "b"), (("bars", 4), ("loops", 2), ("bpm", 120)))


class Stage:
    """A surface that plays one command after the other and waits for what comes of each."""

    name = "stage"

    def __init__(self) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        self._unread: list[Finished | Failed] = []
        self._submit: Callable[[Envelope], None] = lambda envelope: None
        self._number = 0

    def start(self, submit: Callable[[Envelope], None]) -> None:
        self._submit = submit

    def notify(self, event: Event) -> None:
        self.events.put(event)

    def close(self) -> None:
        """Do nothing."""

    def send(self, command: Command) -> str:
        self._number += 1
        origin = Origin(self.name, "", f"id:{self._number}")
        self._submit(Envelope(command, origin))
        return origin.request_id

    def play(self, command: Command) -> Finished | Failed:
        return self.next(self.send(command))

    def next(self, request_id: str) -> Finished | Failed:
        """Return the next ending of a request; those of others wait, for they come in any order."""
        for ending in self._unread:
            if ending.origin.request_id == request_id:
                self._unread.remove(ending)
                return ending
        while True:
            event = self.events.get(timeout=60)
            if isinstance(event, Finished | Failed):
                if event.origin.request_id == request_id:
                    return event
                self._unread.append(event)


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def daemon(stage: Stage, tmp_path: Path) -> Iterator[Daemon]:
    config = Config(output=OutputConfig(folder=str(tmp_path / "loops")))
    daemon = Daemon(config, (stage,), "support_journey:load_either")
    daemon.start()
    yield daemon
    daemon.close()


def came(ending: Finished | Failed) -> Finished:
    assert isinstance(ending, Finished), ending
    return ending


def test_again_and_undo_over_midi_go_on_from_the_loop_of_a_journey(daemon: Daemon, stage: Stage) -> None:
    before = came(stage.play(Render("quick", (("bars", 1),))))
    came(stage.play(TOUR))
    last = came(stage.next("id:2"))
    keys = MidiParser()
    (again,), (undo,) = keys.feed((0x90, 52, 100), 0.0), keys.feed((0x90, 55, 100), 0.0)
    made = came(stage.play(again))
    assert (made.slot, made.bars, made.bpm) == (0, 2.0, 120.0) and made.path != last.path
    assert came(stage.play(undo)).path == last.path
    assert came(stage.play(undo)).path == before.path


def test_a_knob_that_is_turned_before_the_first_loop_of_a_journey_leaves_it_its_slot(
    daemon: Daemon, stage: Stage
) -> None:
    before = came(stage.play(Render("quick", (("bars", 1),))))
    stage.send(TOUR)
    stage.send(SetKnob("guidance", 2.0))
    loops = [came(stage.next("id:2")) for _ in range(2)]
    assert daemon.session.slot(0).loop is not None and daemon.session.slot(0).is_passing
    assert before.path not in {loop.path for loop in loops}


def test_a_slot_that_a_cancelled_journey_leaves_answers_its_knobs_again(daemon: Daemon, stage: Stage) -> None:
    came(stage.play(Render("quick", (("bars", 1),))))
    stage.send(TOUR)
    stage.send(Cancel(0))
    assert isinstance(stage.next("id:2"), Failed)
    for _ in range(600):
        if daemon.session.slot(0).given_to is None:
            break
        time.sleep(0.05)
    assert came(stage.play(SetKnob("guidance", 2.0))).slot == 0


def test_undo_stops_the_journey_of_its_slot(daemon: Daemon, stage: Stage) -> None:
    before = came(stage.play(Render("quick", (("bars", 1),))))
    endless = StartJourney(("a", "b"), (("bars", 8), ("loops", 2), ("bpm", 60), ("endless", 1)))
    came(stage.play(endless))
    assert came(stage.play(Perform("undo", (), 0))).path == before.path
    while isinstance(stopped := stage.next("id:2"), Finished):
        continue
    assert stopped.code == "superseded"
    assert daemon.session.slot(0).loop is not None
