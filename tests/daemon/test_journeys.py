"""A journey beside the pads: it waits for them, the newest wins, and everything ends in an answer."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support_journey import FakeJourneyWorker

from riffsidecar.audio.content import content_digest
from riffsidecar.daemon.journeys import AHEAD_S, JourneyPlayer, journey_settings
from riffsidecar.music import Tempo
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.journeys import JOURNEY_FACTORY
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.session.events import Acked, Event, Failed, Finished, Origin, Progressed
from riffsidecar.session.journeys import JourneyRequest
from riffsidecar.session.passages import Passage

ORIGIN = Origin("osc", "client", "id:1")


def journey(**values: object) -> JourneyRequest:
    given = {"prompts": ("a", "b"), "tempo": Tempo.parse(159), "bars": 4, "form": "loops", "piece_bars": 2}
    return JourneyRequest(**{**given, **values})  # type: ignore[arg-type]


class Rig:
    """A player with a worker in this process, and the events that it emits."""

    def __init__(self, folder: Path, clock: Callable[[], float] | None = None) -> None:
        self.events: queue.Queue[Event] = queue.Queue()
        self.worker = FakeJourneyWorker()
        self.is_busy = threading.Event()
        self.ended: queue.Queue[JourneyRequest] = queue.Queue()
        keywords = {} if clock is None else {"clock": clock}
        self.player = JourneyPlayer(
            lambda: self.worker,
            DropFolder(folder),
            self.events.put,
            self.is_busy.is_set,
            self.ended.put,
            **keywords,
        )

    def next(self, *kinds: type[Event]) -> Event:
        while True:
            event = self.events.get(timeout=60)
            if isinstance(event, kinds):
                return event


@pytest.fixture
def rig(tmp_path: Path):  # type: ignore[no-untyped-def]
    rig = Rig(tmp_path)
    yield rig
    rig.player.close()


def test_every_piece_is_told_of(rig: Rig, tmp_path: Path) -> None:
    rig.player.play(range(3, 4), journey(), ORIGIN)
    assert rig.next(Acked, Finished) == Acked(ORIGIN, 3)
    told = rig.next(Progressed)
    assert isinstance(told, Progressed) and 0 <= told.fraction <= 1
    done = [rig.next(Finished), rig.next(Finished)]
    assert all(isinstance(event, Finished) and event.slot == 3 and event.bars == 2 for event in done)
    assert len([path for path in tmp_path.iterdir() if path.suffix == ".wav"]) == 2
    assert rig.worker.closed.wait(10)


def test_the_end_of_a_journey_is_told_whatever_it_was(rig: Rig) -> None:
    tours = [journey(seed=number) for number in range(4)]
    rig.player.play(range(3, 4), tours[0], ORIGIN)
    assert rig.ended.get(timeout=60) == tours[0]
    rig.worker.let_go.clear()
    for tour in tours[1:]:
        rig.player.play(range(3, 4), tour, ORIGIN)
    rig.player.cancel(3)
    rig.worker.let_go.set()
    assert sorted((rig.ended.get(timeout=60) for _ in range(3)), key=tours.index) == tours[1:]


def test_the_session_is_told_of_what_is_a_loop_and_of_nothing_else(rig: Rig) -> None:
    given = (("bars", 4), ("loops", 2))
    rig.player.play(range(3, 4), journey(), ORIGIN, given)
    done = rig.next(Finished)
    assert isinstance(done, Finished) and done.passage == Passage(journey(), 0, given)
    assert done.loop is not None and done.loop.path == done.path
    assert done.loop.sha256 == content_digest(Path(done.path).read_bytes())
    assert isinstance(rig.next(Finished), Finished)
    rig.player.play(range(3, 4), journey(form="file"), ORIGIN)
    whole = rig.next(Finished)
    assert isinstance(whole, Finished) and whole.loop is None and whole.passage is None


def test_a_chain_goes_from_slot_to_slot_and_around(rig: Rig) -> None:
    rig.player.play(range(3, 5), journey(bars=6), ORIGIN)
    assert rig.next(Acked) == Acked(ORIGIN, 3)
    done = [rig.next(Finished) for _ in range(3)]
    assert [event.slot for event in done if isinstance(event, Finished)] == [3, 4, 3]


def test_a_pad_stops_a_chain_only_where_loops_are_still_to_come(rig: Rig) -> None:
    rig.worker.let_go.clear()
    rig.player.play(range(3, 7), journey(), ORIGIN)
    assert rig.worker.started.wait(10)
    assert [slot for slot in range(17) if rig.player.holds(slot)] == [3, 4]
    for other in (2, 5, 6):
        rig.player.make_way(other)
    rig.player.make_way(4)
    failed = rig.next(Failed)
    assert isinstance(failed, Failed) and (failed.slot, failed.code) == (3, "superseded")


def test_the_newest_journey_wins(rig: Rig) -> None:
    rig.worker.let_go.clear()
    rig.player.play(range(0, 1), journey(), ORIGIN)
    assert rig.worker.started.wait(10)
    other = Origin("osc", "client", "id:2")
    rig.player.play(range(0, 1), journey(seed=2), other)
    failed = rig.next(Failed)
    assert isinstance(failed, Failed) and (failed.origin, failed.code) == (ORIGIN, "superseded")
    rig.worker.let_go.set()
    done = rig.next(Finished)
    assert isinstance(done, Finished) and done.origin == other and done.seed == 2


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (lambda player: player.cancel(5), "cancelled"),
        (lambda player: player.cancel(None), "cancelled"),
        (lambda player: player.make_way(5), "superseded"),
        (lambda player: player.close(), "cancelled"),
    ],
)
def test_whatever_stops_it_is_told(rig: Rig, stop: Callable[[JourneyPlayer], None], code: str) -> None:
    rig.worker.let_go.clear()
    rig.player.play(range(5, 6), journey(), ORIGIN)
    assert rig.worker.started.wait(10)
    rig.player.cancel(4)
    rig.player.make_way(4)
    stop(rig.player)
    failed = rig.next(Failed)
    assert isinstance(failed, Failed) and (failed.slot, failed.code) == (5, code)


def test_a_pad_goes_first_and_the_journey_goes_on_where_it_was(tmp_path: Path) -> None:
    now = iter(range(10**9))
    rig = Rig(tmp_path, clock=lambda: float(next(now)))
    rig.worker.let_go.clear()
    rig.player.play(range(0, 1), journey(), ORIGIN)
    assert rig.worker.started.wait(10)
    rig.is_busy.set()
    while len(rig.worker.parts) < 3:
        assert rig.worker.started.wait(10)
    assert set(rig.worker.parts) == {0}
    rig.is_busy.clear()
    rig.worker.let_go.set()
    assert isinstance(rig.next(Finished, Failed), Finished)
    rig.player.close()


def test_an_endless_journey_keeps_so_far_ahead_and_no_further(tmp_path: Path) -> None:
    moment = [0.0]
    rig = Rig(tmp_path, clock=lambda: moment[0])
    rig.player.play(range(0, 1), journey(endless=True, form="pieces", piece_bars=16), ORIGIN)
    piece_s = 16 * 4 * 60 / 159
    most = int(AHEAD_S // piece_s) + 1
    for _ in range(most):
        rig.next(Finished)
    assert rig.events.empty() or not isinstance(rig.events.get_nowait(), Finished)
    while rig.player.is_making:
        time.sleep(0.01)
    moment[0] = 2 * piece_s
    rig.next(Finished)
    rig.player.cancel(0)
    assert isinstance(rig.next(Failed), Failed)
    rig.player.close()


def test_a_piece_on_its_way_into_the_folder_is_told_of_before_the_loop_that_takes_its_place(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish, arrived, go = DropFolder.publish, threading.Event(), threading.Event()

    def slowly(drop: DropFolder, stem: str, data: bytes) -> Path:
        arrived.set()
        assert go.wait(10)
        return publish(drop, stem, data)

    monkeypatch.setattr(DropFolder, "publish", slowly)
    rig.player.play(range(5, 6), journey(), ORIGIN)
    assert arrived.wait(10)
    told: list[Event] = []
    pad = threading.Thread(target=lambda: (rig.player.make_way(5), told.extend(rig.events.queue)))
    pad.start()
    pad.join(0.2)
    go.set()
    pad.join(10)
    assert any(isinstance(event, Finished) for event in told)
    assert isinstance(rig.next(Failed), Failed)


def test_after_the_end_nothing_begins(rig: Rig) -> None:
    rig.player.close()
    rig.player.close()
    rig.player.play(range(0, 1), journey(), ORIGIN)
    failed = rig.next(Failed)
    assert isinstance(failed, Failed) and failed.code == "cancelled"


def test_the_worker_of_journeys_steps_back_further_than_that_of_pads() -> None:
    settings = journey_settings(WorkerSettings(nice=5))
    assert settings.nice == 10 and settings.factory == JOURNEY_FACTORY
    assert journey_settings(WorkerSettings(nice=19, factory="a:b")).factory == "a:b"
