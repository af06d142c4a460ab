"""Idle time used for a performer: what was guessed is what is asked for, and comes in time."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pytest
from support_stage import REST_S, STEP_S, STEPS, Stage

from riffsidecar.daemon.follow import Forecaster
from riffsidecar.music import Meter, Tempo
from riffsidecar.session import Session, load_banks, packaged_presets
from riffsidecar.session.ahead import likely_next
from riffsidecar.session.commands import Command, SelectBank, SetBars, SetKnob, TriggerPad
from riffsidecar.session.events import Event, Failed, Finished, Origin
from riffsidecar.session.reports import Landed
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.transport import Transport

NORMAL_S = STEPS["normal"] * STEP_S + REST_S
BANKS = load_banks([packaged_presets()])
PATTERN = (1, 2, 3, 4, 2, 5, 3, 6)


def after(*commands: Command) -> Session:
    session = Session.start(BANKS, "house", tempo=Tempo.parse(120))
    for command in (SetBars(Fraction(1)), *commands):
        outcome = session.apply(command)
        session = outcome.session
    return session


@dataclass
class Performer:
    """Do commands at their times on a stage, as the daemon does them, and note for which bar loops came."""

    stage: Stage
    session: Session
    steps: list[tuple[float, Command]]
    ahead: int
    asked_bar: dict[str, int] = field(default_factory=dict)
    ready_bar: dict[str, int] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._forecaster = Forecaster(self.ahead)
        self._seen = 0
        self._acts = False
        self.stage.worker.idle_s = 0.02
        self.stage.worker.at_step = lambda request, step: self.act()
        self.stage.worker.at_idle = self.act

    def act(self) -> None:
        """Do what is due by now; the stage calls this while it renders and while it rests."""
        if self._acts:
            return
        self._acts = True
        now_s, song = self.stage.worker.now_s, self.stage.song
        while self.steps and self.steps[0][0] <= now_s:
            _, command = self.steps.pop(0)
            outcome = self.session.apply(command)
            self.session = outcome.session
            self._forecaster.note(command, now_s)
            for slot, request in outcome.renders:
                name = str(len(self.asked_bar))
                self.asked_bar[name] = song.bar_at(now_s)
                self.stage.service.submit(slot, request, [Origin("stage", "performer", name)])
        for event in self.stage.events[self._seen :]:
            self._hear(event)
        self._seen = len(self.stage.events)
        likely = self._forecaster.take(self.session, now_s)
        if likely is not None:
            self.stage.service.foresee(likely)
        self._acts = False
        if not self.steps and self.asked_bar.keys() <= self.ended:
            self.over.set()

    def _hear(self, event: Event) -> None:
        if isinstance(event, Finished | Failed):
            self.ended.add(event.origin.request_id)
        if isinstance(event, Finished) and event.loop is not None:
            self.ready_bar[event.origin.request_id] = self.stage.song.ready_bar(self.stage.worker.now_s)
            self.session = self.session.apply(Landed(event.slot, event.loop)).session

    @property
    def in_time(self) -> int:
        """The moves whose loop was there by the next bar line."""
        return sum(self.ready_bar.get(name, 999) <= bar + 1 for name, bar in self.asked_bar.items())


def performed(folder: Path, steps: list[tuple[float, Command]], ahead: int) -> tuple[Performer, Counter[str]]:
    stage = Stage(folder, ahead, bpm=60)
    stage.song = Transport(Tempo.parse(60), Meter(4, 4)).started(0.0)
    performer = Performer(stage, after(), list(steps), ahead)
    stage.service.start()
    try:
        assert performer.over.wait(60), performer.steps
    finally:
        stage.service.close()
    return performer, stage.service.counts


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an idle service look up often: its time is that of the worker."""
    monkeypatch.setattr("riffsidecar.render.service._IDLE_CHECK_S", 0.001)


def test_looking_ahead_brings_loops_in_time_that_would_have_missed_the_bar(tmp_path: Path) -> None:
    # A bar lasts 4 s, and a pad is hit 1 s before the next: a loop of 1.8 s is late, unless it is there.
    bar_s, hits = 4.0, PATTERN * 3
    knob: list[tuple[float, Command]] = [
        (bar * bar_s + 0.2, SetKnob("energy", 0.3 + bar / 40)) for bar in (8, 16)
    ]
    pads: list[tuple[float, Command]] = [
        ((bar + 0.75) * bar_s, TriggerPad(pad)) for bar, pad in enumerate(hits)
    ]
    steps = sorted([*pads, *knob], key=lambda step: step[0])
    assert NORMAL_S > 0.25 * bar_s
    without, plain = performed(tmp_path / "without", steps, 0)
    with_it, counts = performed(tmp_path / "with", steps, 24)
    assert plain["predicted"] == 0 and counts["predicted"] >= 10, counts
    assert with_it.in_time >= without.in_time + 10, (without.in_time, with_it.in_time)


def test_what_is_foreseen_is_the_very_request_that_a_pad_then_asks_for() -> None:
    session = after(TriggerPad(3, 100), SetKnob("energy", 0.4))
    likely = likely_next(session, velocity=100)
    for pad in range(1, 17):
        ((_, asked),) = session.apply(TriggerPad(pad, 102)).renders
        assert asked in likely or asked == session.latest.get(pad), "velocities close to each other are alike"


def test_a_pattern_that_repeats_is_foreseen_in_its_order() -> None:
    session, hits = after(), (1, 9, 4, 12, 1, 9)
    for pad in hits:
        session = session.apply(TriggerPad(pad)).session
    session = session.apply(SetKnob("energy", 0.9)).session
    assert likely_next(session, hits=hits)[0] == session.pad_request(4)


def test_whoever_turns_a_knob_finds_pads_foreseen_beside_its_next_places() -> None:
    moves = (SetKnob("energy", 0.5), SetKnob("energy", 0.52))
    session = after(TriggerPad(1), TriggerPad(2), *moves)
    likely = likely_next(session, moves, is_turning=True)
    ((_, onward),) = session.apply(SetKnob("energy", 0.54)).renders
    assert likely[0].energy == pytest.approx(onward.energy)
    assert session.pad_request(1) in likely[:4]


def test_a_bank_that_was_chosen_calls_for_its_pads_first() -> None:
    forecaster = Forecaster(24)
    session = after(TriggerPad(1), SetKnob("energy", 0.2))
    commands: tuple[Command, ...] = (TriggerPad(1), SetKnob("energy", 0.2), SelectBank(2))
    for at_s, command in enumerate(commands):
        forecaster.note(command, float(at_s))
    session = session.apply(SelectBank(2)).session
    likely = forecaster.take(session, 10.0)
    assert likely is not None and likely[0].prompt in {pad.prompt for pad in session.bank.pads}


def test_a_loop_that_somebody_waits_for_is_not_stopped_by_the_next_forecast(tmp_path: Path) -> None:
    stage = Stage(tmp_path, ahead=4)
    ahead, other = (
        LoopRequest(prompt=name, label=name, tempo=Tempo.parse(120), bars=Fraction(1)) for name in "ab"
    )

    def press(request: LoopRequest, step: int) -> None:
        if request == ahead and step == 2:
            stage.service.submit(4, ahead, [Origin("stage", "performer", "1")])
        if request == ahead and step == 3:
            stage.service.foresee([other])

    stage.worker.at_step = press
    stage.service.start()
    try:
        stage.ask("first")
        stage.wait(lambda: stage.done("first"))
        stage.service.foresee([ahead])
        stage.wait(lambda: stage.done("a"))
        assert [label for label, _, _ in stage.worker.renders][:2] == ["first", "a"]
        assert stage.worker.renders.count(("a", "normal", False)) == 1
        assert stage.service.counts["predicted"] == 1
    finally:
        stage.service.close()
