"""What the render service promises: whole event sequences, in their order."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support_pipeline import DIGEST, wav_bytes

from riffsidecar.errors import CancelledError, CheckpointError, DropError, WorkerError
from riffsidecar.render.cache import LoopCache
from riffsidecar.render.messages import Ready, RenderedLoop
from riffsidecar.render.service import RenderService
from riffsidecar.session.events import Acked, Event, Failed, Finished, Origin, Progressed
from riffsidecar.session.requests import LoopRequest

ME = Origin("test", "me", "1")
YOU = Origin("test", "you", "2")


class StepWorker:
    """Render in this process, one step each time the test lets it."""

    def __init__(self) -> None:
        self.ready: Ready | None = None
        self.renders: list[str] = []
        self.errors: list[Exception] = []
        self.closed = 0
        self.rest_s = 0.0
        self.tended = threading.Event()
        self.in_step = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self._stop: set[int] = set()

    def start(self) -> Ready:
        self.ready = Ready(DIGEST, {}, 0.0)
        return self.ready

    def render(
        self, job_id: int, request: LoopRequest, on_progress: Callable[[str, float], None] | None = None
    ) -> RenderedLoop:
        self.renders.append(request.prompt)
        if self.errors:
            raise self.errors.pop(0)
        for fraction in (0.25, 0.75):
            if on_progress is not None:
                on_progress("denoise", fraction)
            if "held" in request.prompt:
                self.in_step.release()
                assert self.go.acquire(timeout=10)
            if job_id in self._stop:
                raise CancelledError("stopped")
        wav = wav_bytes(request)
        return RenderedLoop(wav, "riff", request.num_samples, request.sample_rate, -14.0, {}, {}, {})

    def tend(self) -> bool:
        self.tended.set()
        return True

    def cancel(self, job_id: int) -> None:
        self._stop.add(job_id)

    def close(self, timeout_s: float = 3.0) -> None:
        self.closed += 1
        self.go.release(100)


class NumberedDrop:
    """Publish under numbers, or fail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.error: DropError | None = None
        self.count = 0

    def publish(self, name_stem: str, wav: bytes, /) -> Path:
        if self.error is not None:
            raise self.error
        self.count += 1
        path = self.folder / f"{name_stem}_{self.count}.wav"
        path.write_bytes(wav)
        return path


class Log:
    """Collect events and wait for them."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()

    def __call__(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def ends(self) -> list[Finished | Failed]:
        return [event for event in self.events if isinstance(event, Finished | Failed)]

    def wait(self, num_ends: int) -> list[Finished | Failed]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.ends()) >= num_ends, timeout=10), self.events
        return self.ends()


class Bench:
    """A service with everything around it."""

    def __init__(self, folder: Path) -> None:
        self.worker = StepWorker()
        self.drop = NumberedDrop(folder)
        self.cache = LoopCache(50_000_000)
        self.log = Log()
        self.problems: list[str] = []
        self._changed = threading.Condition()
        self.service = RenderService(
            self.worker, self.drop, self.cache, self.log, on_problem=self._take_problem
        )

    def _take_problem(self, problem: str) -> None:
        with self._changed:
            self.problems.append(problem)
            self._changed.notify_all()

    def wait_for_problem(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.problems) >= count, timeout=10), self.problems

    def hold(self, slot: int, request: LoopRequest, origin: Origin = ME) -> LoopRequest:
        """Submit a render and wait until it is in its first step."""
        held = replace(request, prompt=f"held {request.prompt}")
        self.service.submit(slot, held, [origin])
        assert self.worker.in_step.acquire(timeout=10)
        return held


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    bench.service.start()
    yield bench
    bench.service.close()


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def test_a_request_is_acked_progresses_and_ends_with_a_file(bench: Bench, request_120: LoopRequest) -> None:
    bench.service.submit(3, request_120, [ME])
    (finished,) = bench.log.wait(1)
    assert kinds(bench.log.events) == ["Acked", "Progressed", "Progressed", "Finished"]
    assert isinstance(finished, Finished)
    assert Path(finished.path).read_bytes() == wav_bytes(request_120)
    assert (finished.origin, finished.slot, finished.bars, finished.bpm) == (ME, 3, 1.0, 120.0)
    assert (finished.num_samples, finished.sample_rate, finished.cached) == (88200, 44100, False)
    progressed = [event for event in bench.log.events if isinstance(event, Progressed)]
    assert [event.fraction for event in progressed] == [0.25, 0.75]


def test_a_repeated_request_is_answered_with_the_same_file_without_a_render(
    bench: Bench, request_120: LoopRequest
) -> None:
    bench.service.submit(3, request_120, [ME])
    bench.log.wait(1)
    bench.service.submit(5, request_120, [YOU])
    first, second = bench.log.wait(2)
    assert isinstance(first, Finished) and isinstance(second, Finished)
    assert second.cached and second.path == first.path and second.slot == 5 and second.origin == YOU
    assert bench.worker.renders == ["quick"] and bench.drop.count == 1


@pytest.mark.parametrize("change", ["removed", "changed"])
def test_a_cached_loop_whose_file_is_not_what_it_was_gets_a_new_name(
    bench: Bench, request_120: LoopRequest, change: str
) -> None:
    bench.service.submit(3, request_120, [ME])
    (first,) = bench.log.wait(1)
    assert isinstance(first, Finished)
    path = Path(first.path)
    path.unlink() if change == "removed" else path.write_bytes(b"edited by the musician")
    for ends in (2, 3):
        bench.service.submit(3, request_120, [ME])
        bench.log.wait(ends)
    _, second, third = bench.log.ends()
    assert isinstance(second, Finished) and isinstance(third, Finished)
    assert second.path != first.path and third.path == second.path
    assert bench.drop.count == 2 and bench.worker.renders == ["quick"]


def test_a_newer_request_for_the_slot_supersedes_the_running_one(
    bench: Bench, request_120: LoopRequest
) -> None:
    bench.hold(3, request_120)
    bench.service.submit(3, request_120, [YOU])
    bench.worker.go.release(2)
    failed, finished = bench.log.wait(2)
    assert isinstance(failed, Failed) and (failed.origin, failed.slot, failed.code) == (ME, 3, "superseded")
    assert isinstance(finished, Finished) and finished.origin == YOU
    assert bench.drop.count == 1


def test_a_superseded_render_that_finishes_all_the_same_is_cached_but_not_published(
    bench: Bench, request_120: LoopRequest
) -> None:
    held = bench.hold(3, request_120)
    bench.worker.cancel = lambda job_id: None  # type: ignore[method-assign]
    bench.service.submit(3, request_120, [YOU])
    bench.worker.go.release(2)
    failed, _ = bench.log.wait(2)
    assert isinstance(failed, Failed) and failed.code == "superseded"
    bench.service.submit(3, held, [ME])
    assert bench.log.wait(3)[2].origin == ME
    assert bench.worker.renders == ["held quick", "quick"]


def test_a_cached_loop_supersedes_the_running_render_of_its_slot(
    bench: Bench, request_120: LoopRequest
) -> None:
    bench.service.submit(3, request_120, [ME])
    bench.log.wait(1)
    bench.hold(3, request_120)
    bench.service.submit(3, request_120, [YOU])
    bench.worker.go.release(2)
    _, cached, failed = bench.log.wait(3)
    assert isinstance(cached, Finished) and cached.cached and cached.origin == YOU
    assert isinstance(failed, Failed) and failed.code == "superseded"


def test_a_loop_that_is_on_its_way_into_the_folder_is_told_of_before_a_newer_one_from_the_cache(
    bench: Bench, request_120: LoopRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.service.submit(3, request_120, [ME])
    bench.log.wait(1)
    publish, arrived, go = bench.drop.publish, threading.Event(), threading.Event()

    def slowly(name_stem: str, wav: bytes) -> Path:
        arrived.set()
        assert go.wait(timeout=10)
        return publish(name_stem, wav)

    monkeypatch.setattr(bench.drop, "publish", slowly)
    bench.service.submit(3, replace(request_120, prompt="older"), [ME])
    assert arrived.wait(timeout=10)
    newer = threading.Thread(target=bench.service.submit, args=(3, request_120, [YOU]))
    newer.start()
    newer.join(0.2)
    go.set()
    newer.join(10)
    assert [end.origin for end in bench.log.wait(3)] == [ME, ME, YOU], "the last value is the one heard last"


def test_only_the_newest_of_many_waiting_requests_is_rendered(bench: Bench, request_120: LoopRequest) -> None:
    bench.hold(1, request_120)
    for seed in range(50):
        bench.service.submit(2, replace(request_120, seed=seed), [Origin("test", "me", str(seed))])
    bench.worker.go.release(2)
    ends = bench.log.wait(51)
    superseded = [end.origin.request_id for end in ends if isinstance(end, Failed)]
    assert superseded == [str(seed) for seed in range(49)]
    assert bench.worker.renders == ["held quick", "quick"]


def test_equal_requests_share_one_render_and_both_are_answered(
    bench: Bench, request_120: LoopRequest
) -> None:
    held = bench.hold(1, request_120)
    bench.service.submit(1, held, [YOU])
    bench.worker.go.release(2)
    ends = bench.log.wait(2)
    assert all(isinstance(end, Finished) for end in ends)
    assert {end.origin for end in ends} == {ME, YOU}
    assert len({end.path for end in ends if isinstance(end, Finished)}) == 1
    assert len(bench.worker.renders) == 1


def test_equal_requests_in_two_slots_render_once(bench: Bench, request_120: LoopRequest) -> None:
    held = bench.hold(1, request_120)
    bench.service.submit(2, held, [YOU])
    bench.worker.go.release(2)
    first, second = bench.log.wait(2)
    assert isinstance(first, Finished) and isinstance(second, Finished)
    assert second.cached and second.path == first.path


def test_cancel_ends_what_runs_and_what_waits(bench: Bench, request_120: LoopRequest) -> None:
    bench.hold(1, request_120)
    bench.service.submit(2, request_120, [YOU])
    bench.service.cancel(2)
    bench.service.cancel(None)
    bench.worker.go.release(1)
    first, second = bench.log.wait(2)
    assert isinstance(first, Failed) and isinstance(second, Failed)
    assert [(first.slot, first.code), (second.slot, second.code)] == [(2, "cancelled"), (1, "cancelled")]
    bench.service.submit(1, request_120, [ME])
    assert isinstance(bench.log.wait(3)[2], Finished)


def test_an_error_of_the_worker_is_told_and_the_next_render_succeeds(
    bench: Bench, request_120: LoopRequest
) -> None:
    bench.worker.errors = [WorkerError("it died"), CheckpointError("none"), ZeroDivisionError("a defect")]
    for code in ("worker", "checkpoint", "worker"):
        bench.service.submit(1, request_120, [ME])
        end = bench.log.wait(len(bench.log.ends()) + 1)[-1]
        assert isinstance(end, Failed) and end.code == code
    bench.service.submit(1, request_120, [ME])
    assert isinstance(bench.log.wait(4)[3], Finished)


def test_a_full_disk_costs_no_second_render(bench: Bench, request_120: LoopRequest) -> None:
    bench.drop.error = DropError("the disk is full")
    bench.service.submit(1, request_120, [ME])
    (failed,) = bench.log.wait(1)
    assert isinstance(failed, Failed) and (failed.code, failed.text) == ("drop-folder", "the disk is full")
    bench.service.submit(1, request_120, [ME])
    assert bench.log.wait(2)[1] == failed
    bench.drop.error = None
    bench.service.submit(1, request_120, [ME])
    assert isinstance(bench.log.wait(3)[2], Finished)
    assert bench.worker.renders == ["quick"]


def test_closing_answers_everybody_and_ends_the_worker(bench: Bench, request_120: LoopRequest) -> None:
    bench.hold(1, request_120)
    bench.service.submit(2, request_120, [YOU])
    bench.service.close()
    assert {(end.slot, end.code) for end in bench.log.wait(2) if isinstance(end, Failed)} == {
        (1, "cancelled"),
        (2, "cancelled"),
    }
    bench.service.close()
    bench.service.submit(1, request_120, [ME])
    late = bench.log.wait(3)[2]
    assert isinstance(late, Failed) and late.code == "cancelled"
    assert isinstance(bench.log.events[-2], Acked)


def test_ten_thousand_requests_leave_at_most_one_render_waiting_a_slot(
    bench: Bench, request_120: LoopRequest
) -> None:
    bench.hold(0, request_120)
    requests = [replace(request_120, seed=seed) for seed in range(10)]
    for index in range(10_000):
        bench.service.submit(1 + index % 16, requests[(index // 16) % 10], [ME])
    bench.service.cancel(None)
    bench.worker.go.release(2)
    assert len(bench.log.wait(10_001)) == 10_001
    assert bench.worker.renders == ["held quick"]


def test_a_worker_that_died_too_often_is_told_with_the_time_it_is_started_again(
    bench: Bench, request_120: LoopRequest
) -> None:
    bench.service.submit(1, request_120, [ME])
    bench.log.wait(1)
    assert bench.service.status == "ready"
    bench.worker.rest_s = 500.0
    bench.worker.errors = [WorkerError("it died"), WorkerError("it rests")]
    for seed in (1, 2):
        bench.service.submit(1, replace(request_120, seed=seed), [ME])
        bench.log.wait(1 + seed)
    assert bench.service.status == "worker-down"
    bench.wait_for_problem(1)
    (problem,) = bench.problems
    assert re.search(r"died too often.*started again at \d\d:\d\d:\d\d.*doctor", problem)
    bench.worker.rest_s = 0.0
    bench.wait_for_problem(2)
    assert bench.problems[1:] == [""]
    assert bench.service.status == "ready"


def test_a_worker_that_does_not_come_back_is_told_until_it_does(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    back = bench.worker.tend

    def gone() -> bool:
        raise CheckpointError("the checkpoint is gone")

    bench.worker.tend = gone  # type: ignore[method-assign]
    bench.wait_for_problem(1)
    assert bench.problems == ["no loop can be rendered yet: the checkpoint is gone"]
    assert bench.service.status == "no-model"
    bench.worker.tend = back  # type: ignore[method-assign]
    bench.wait_for_problem(2)
    assert (bench.problems[1], bench.service.status) == ("", "ready")


def test_closing_while_the_model_is_loading_is_no_failure(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    is_loading, is_closed = threading.Event(), threading.Event()

    def start() -> Ready:
        is_loading.set()
        assert is_closed.wait(10)
        raise CancelledError("the render worker is being closed")

    slow = Bench(tmp_path)
    slow.worker.start = start  # type: ignore[method-assign]
    slow.worker.close = lambda timeout_s=3.0: is_closed.set()  # type: ignore[method-assign]
    slow.service.start()
    assert is_loading.wait(10)
    slow.service.close()
    assert caplog.records == []
    assert slow.problems == []


def test_an_idle_service_looks_after_its_worker(bench: Bench) -> None:
    assert bench.worker.tended.wait(timeout=10)
