"""What the conductor promises: one writer, knobs that coalesce, an answer to everything."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace

import pytest

from riffsidecar.daemon.conductor import Conductor
from riffsidecar.errors import BusyError, CancelledError
from riffsidecar.music import Tempo
from riffsidecar.session.commands import (
    Cancel,
    Command,
    Render,
    SelectBank,
    SetBars,
    SetKnob,
    SetTempo,
    TriggerPad,
)
from riffsidecar.session.events import Acked, Envelope, Event, Failed, Origin, StateChanged
from riffsidecar.session.presets import load_banks, packaged_presets
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.state import Session


class Bench:
    """A conductor whose service and events are lists."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.submitted: list[tuple[int, LoopRequest, list[str]]] = []
        self.cancelled: list[int | None] = []
        self.events: list[Event] = []
        self._changed = threading.Condition()
        service = SimpleNamespace(submit=self._submit, cancel=self.cancelled.append)
        session = Session.start(load_banks([packaged_presets()]))
        self.conductor = Conductor(session, service, self._emit, clock)

    def _submit(self, slot: int, request: LoopRequest, origins: Sequence[Origin]) -> None:
        with self._changed:
            self.submitted.append((slot, request, [origin.request_id for origin in origins]))
            self._changed.notify_all()

    def _emit(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait(self, ready: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(ready, timeout=60), (self.submitted, self.events)

    def send(self, command: Command, request_id: str = "") -> None:
        self.conductor.submit(Envelope(command, Origin("test", "me", request_id)))

    def settle(self) -> None:
        """Wait until all that was sent has been applied."""
        self.send(SelectBank("nowhere"), "settle")
        self.wait(
            lambda: any(
                isinstance(event, Failed) and event.origin.request_id == "settle" for event in self.events
            )
        )
        self.events[:] = [
            event for event in self.events if getattr(event, "origin", None) != Origin("test", "me", "settle")
        ]


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def bench(now: list[float]) -> Iterator[Bench]:
    bench = Bench(lambda: now[0])
    bench.conductor.start()
    yield bench
    bench.conductor.close()


def test_a_pad_is_rendered_at_once(bench: Bench) -> None:
    bench.send(TriggerPad(3), "a")
    bench.wait(lambda: bool(bench.submitted))
    assert [(slot, ids) for slot, _, ids in bench.submitted] == [(3, ["a"])]


def test_knob_moves_wait_and_become_one_render_of_the_newest_state(bench: Bench, now: list[float]) -> None:
    bench.send(TriggerPad(3), "pad")
    for index in range(20):
        bench.send(SetKnob("guidance", 1 + index / 10), f"k{index}")
    bench.settle()
    assert len(bench.submitted) == 1
    now[0] = 1.0
    bench.settle()
    bench.wait(lambda: len(bench.submitted) == 2)
    slot, request, ids = bench.submitted[1]
    assert (slot, request.guidance) == (3, 2.9)
    assert ids == [f"k{index}" for index in range(20)]


def test_the_wait_counts_from_the_first_move(bench: Bench, now: list[float]) -> None:
    bench.send(TriggerPad(3))
    bench.send(SetKnob("guidance", 3.0))
    bench.settle()
    now[0] = 0.04
    bench.send(SetKnob("guidance", 4.0))
    bench.settle()
    now[0] = 0.05
    bench.settle()
    bench.wait(lambda: len(bench.submitted) == 2)
    assert bench.submitted[1][1].guidance == 4.0


def test_a_waiting_knob_move_is_rendered_without_further_commands() -> None:
    bench = Bench(time.monotonic)
    bench.conductor.start()
    bench.send(TriggerPad(3))
    bench.send(SetKnob("guidance", 3.0))
    bench.wait(lambda: len(bench.submitted) == 2)
    bench.conductor.close()


def test_a_pad_takes_the_waiting_moves_of_its_slot_along(bench: Bench) -> None:
    bench.send(TriggerPad(3), "one")
    bench.send(SetKnob("guidance", 3.0), "knob")
    bench.send(TriggerPad(3), "two")
    bench.wait(lambda: len(bench.submitted) == 2)
    assert bench.submitted[1][2] == ["knob", "two"]
    assert bench.submitted[1][1].guidance == 3.0


def test_a_command_without_a_render_is_acked_and_shows_the_state(bench: Bench) -> None:
    bench.send(SetTempo(Tempo.parse(87.5)), "t")
    bench.settle()
    assert Acked(Origin("test", "me", "t"), None) in bench.events
    states = [event.state for event in bench.events if isinstance(event, StateChanged)]
    assert states[-1]["tempo"] == 87.5


def test_the_state_is_shown_only_when_it_changes(bench: Bench) -> None:
    for _ in range(3):
        bench.send(SetTempo(Tempo.parse(87.5)))
    bench.settle()
    assert sum(isinstance(event, StateChanged) for event in bench.events) == 2


def test_a_refused_command_is_answered_and_changes_nothing(bench: Bench) -> None:
    before = bench.conductor.session
    bench.send(SelectBank("no such bank"), "b")
    bench.wait(lambda: any(isinstance(event, Failed) for event in bench.events))
    failed = next(event for event in bench.events if isinstance(event, Failed))
    assert (failed.origin.request_id, failed.code) == ("b", "unknown-name")
    assert bench.conductor.session == before


def test_a_knob_that_cannot_render_is_answered_once(bench: Bench) -> None:
    bench.send(Render("drums", (("bars", 2),)))
    bench.send(SetTempo(Tempo.parse(20)))
    bench.send(SetBars(64), "bars")  # type: ignore[arg-type]
    bench.send(TriggerPad(1), "pad")
    bench.settle()
    ends = [event for event in bench.events if isinstance(event, Failed) and event.origin.request_id == "pad"]
    assert len(ends) == 1


def test_cancel_takes_waiting_moves_away_and_answers_them(bench: Bench) -> None:
    bench.send(TriggerPad(3))
    bench.send(SetKnob("guidance", 3.0), "knob")
    bench.send(Cancel(3), "cancel")
    bench.settle()
    assert bench.cancelled == [3]
    failed = [event for event in bench.events if isinstance(event, Failed)]
    assert [(event.origin.request_id, event.code) for event in failed] == [("knob", "cancelled")]
    assert Acked(Origin("test", "me", "cancel"), None) in bench.events


def test_a_defect_in_a_command_is_answered_and_the_next_one_works(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Session, command: Command) -> None:
        raise ZeroDivisionError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(Session, "apply", broken)
        bench.send(TriggerPad(1), "x")
        bench.wait(lambda: any(isinstance(event, Failed) for event in bench.events))
    failed = next(event for event in bench.events if isinstance(event, Failed))
    assert failed.code == "internal" and "ZeroDivisionError" in failed.text
    bench.send(TriggerPad(1), "y")
    bench.wait(lambda: bool(bench.submitted))


def test_a_problem_is_shown_in_the_state_until_it_is_over(bench: Bench) -> None:
    bench.conductor.note_problem("presets", "house.toml: pad 3 has no prompt")
    bench.conductor.note_problem("rendering", "the worker died")
    bench.conductor.note_problem("presets", "")
    bench.conductor.note_problem("rendering", "")
    bench.settle()
    problems = [event.state["problem"] for event in bench.events if isinstance(event, StateChanged)]
    both = "house.toml: pad 3 has no prompt; the worker died"
    assert problems == ["", "house.toml: pad 3 has no prompt", both, "the worker died", ""]


def test_more_commands_than_fit_are_refused_at_once(now: list[float]) -> None:
    bench = Bench(lambda: now[0])
    for _ in range(4096):
        bench.send(TriggerPad(1))
    with pytest.raises(BusyError):
        bench.send(TriggerPad(1))


def test_closing_answers_waiting_moves_and_refuses_more(bench: Bench) -> None:
    bench.send(TriggerPad(3))
    bench.send(SetKnob("guidance", 3.0), "knob")
    bench.conductor.close()
    bench.conductor.close()
    assert [event.code for event in bench.events if isinstance(event, Failed)] == ["cancelled"]
    with pytest.raises(CancelledError):
        bench.send(TriggerPad(1))


def test_a_render_that_cannot_be_asked_for_is_answered_and_the_next_one_works(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(slot: int, request: LoopRequest, origins: Sequence[Origin]) -> None:
        raise AttributeError("no such thing")

    monkeypatch.setattr(bench.conductor._service, "submit", broken)
    bench.send(TriggerPad(1), "lost")
    bench.settle()
    failures = [event for event in bench.events if isinstance(event, Failed)]
    assert [(each.origin.request_id, each.slot, each.code) for each in failures] == [("lost", 1, "internal")]
    monkeypatch.setattr(bench.conductor._service, "submit", bench._submit)
    bench.send(TriggerPad(1), "ok")
    bench.wait(lambda: bool(bench.submitted))


def test_a_command_that_slips_in_while_closing_is_answered(now: list[float]) -> None:
    bench = Bench(lambda: now[0])
    bench.conductor._queue.put(None)
    bench.send(TriggerPad(1), "late")
    bench.conductor.start()
    bench.wait(lambda: any(isinstance(event, Failed) for event in bench.events))
    assert [event.code for event in bench.events if isinstance(event, Failed)] == ["cancelled"]
    assert not bench.submitted
