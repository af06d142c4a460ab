"""What the render worker promises, with a real process and a double in place of the model."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from riffsidecar.errors import (
    AudioError,
    CancelledError,
    CheckpointError,
    ConfigError,
    RenderError,
    WorkerError,
)
from riffsidecar.render.messages import STAGES, RenderedLoop, error_from_code
from riffsidecar.render.settings import WorkerSettings, default_threads
from riffsidecar.render.worker import MAX_DEATHS, DeathLog, RenderWorker
from riffsidecar.render.worker_main import thread_environment
from riffsidecar.session.requests import LoopRequest


@pytest.fixture
def worker(double_settings: WorkerSettings) -> Iterator[RenderWorker]:
    worker = RenderWorker(double_settings)
    yield worker
    worker.close()


def test_a_worker_renders_and_reports_its_stages_in_order(
    worker: RenderWorker, request_120: LoopRequest
) -> None:
    seen: list[tuple[str, float]] = []
    loop = worker.render(1, request_120, lambda stage, fraction: seen.append((stage, fraction)))
    assert loop.num_samples == request_120.num_samples
    assert [STAGES.index(stage) for stage, _ in seen] == sorted(STAGES.index(stage) for stage, _ in seen)
    assert [fraction for _, fraction in seen] == sorted(fraction for _, fraction in seen)


def test_the_worker_sets_its_environment_before_the_model_loads_and_leaves_ours_alone(
    worker: RenderWorker,
) -> None:
    before = dict(os.environ)
    environment = worker.start().environment
    assert environment["wait"] == "PASSIVE"
    assert environment["threads"] == "1"
    assert int(environment["nice"]) >= min(19, os.nice(0) + 5)
    assert dict(os.environ) == before


def test_starting_twice_is_starting_once_and_closing_twice_is_closing_once(worker: RenderWorker) -> None:
    worker.start()
    pid = worker.pid
    worker.start()
    assert worker.pid == pid
    worker.close()
    worker.close()
    assert worker.pid is None
    with pytest.raises(CancelledError):
        worker.start()


def test_a_dying_worker_fails_its_render_and_the_next_one_succeeds(
    worker: RenderWorker, request_120: LoopRequest
) -> None:
    with pytest.raises(WorkerError, match="exit code 9"):
        worker.render(1, replace(request_120, prompt="die"))
    assert worker.render(2, request_120).num_samples == request_120.num_samples


def test_a_worker_killed_while_idle_costs_no_render(worker: RenderWorker, request_120: LoopRequest) -> None:
    worker.start()
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    while worker.pid is not None:
        time.sleep(0.01)
    assert worker.render(1, request_120).num_samples == request_120.num_samples


def test_tending_brings_a_dead_worker_back(worker: RenderWorker) -> None:
    worker.tend()
    assert worker.pid is None
    worker.start()
    first = worker.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    deadline_s = time.monotonic() + 30
    while worker.pid in (first, None) and time.monotonic() < deadline_s:
        worker.tend()
    assert worker.pid not in (first, None)


def test_after_too_many_deaths_the_worker_stays_down_until_the_window_has_passed(
    double_settings: WorkerSettings, request_120: LoopRequest
) -> None:
    now_s = 0.0
    worker = RenderWorker(double_settings, clock=lambda: now_s)
    for job_id in range(MAX_DEATHS):
        with pytest.raises(WorkerError, match="died with exit code"):
            worker.render(job_id, replace(request_120, prompt="die"))
    with pytest.raises(WorkerError, match="3 times in 10 minutes"):
        worker.render(8, request_120)
    assert worker.rest_s == 600.0
    assert not worker.tend() and worker.pid is None
    now_s = 601.0
    assert worker.tend() and worker.pid is not None
    assert worker.rest_s == 0.0
    assert worker.render(9, request_120).num_samples == request_120.num_samples
    worker.close()


@pytest.mark.parametrize(
    ("word", "error", "text"),
    [("broken", RenderError, "ZeroDivisionError: a defect"), ("refused", AudioError, "refused on purpose")],
)
def test_an_error_of_a_render_leaves_the_worker_alive(
    worker: RenderWorker, request_120: LoopRequest, word: str, error: type[Exception], text: str
) -> None:
    worker.start()
    pid = worker.pid
    with pytest.raises(error, match=text):
        worker.render(1, replace(request_120, prompt=word))
    assert worker.render(2, request_120) and worker.pid == pid


def test_a_poisoned_device_gets_a_new_process(worker: RenderWorker, request_120: LoopRequest) -> None:
    worker.start()
    pid = worker.pid
    with pytest.raises(RenderError, match="CUDA error"):
        worker.render(1, replace(request_120, prompt="poisoned"))
    assert worker.render(2, request_120) and worker.pid != pid


def test_a_cancelled_render_stops_at_its_next_step(worker: RenderWorker, request_120: LoopRequest) -> None:
    steps: list[float] = []

    def cancel_at_the_third(stage: str, fraction: float) -> None:
        steps.append(fraction)
        if len(steps) == 3:
            worker.cancel(1)

    with pytest.raises(CancelledError):
        worker.render(1, replace(request_120, prompt="slow"), cancel_at_the_third)
    assert steps[-1] < 0.5
    assert worker.render(2, request_120).num_samples == request_120.num_samples


def test_a_silent_worker_is_ended(double_settings: WorkerSettings, request_120: LoopRequest) -> None:
    now_s = 0.0
    worker = RenderWorker(double_settings, clock=lambda: now_s)
    worker.start()
    pid = worker.pid

    def wait_long(stage: str, fraction: float) -> None:
        nonlocal now_s
        now_s += 1000

    jumped = threading.Timer(0.5, wait_long, ("", 0.0))
    jumped.start()
    with pytest.raises(WorkerError, match="said nothing"):
        worker.render(1, replace(request_120, prompt="hang"))
    assert worker.render(2, request_120) and worker.pid != pid
    worker.close()


def test_closing_ends_a_worker_in_the_middle_of_a_render(
    worker: RenderWorker, request_120: LoopRequest
) -> None:
    worker.start()
    pid = worker.pid
    assert pid is not None
    timer = threading.Timer(0.2, worker.close)
    timer.start()
    with pytest.raises(CancelledError):
        worker.render(1, replace(request_120, prompt="hang"))
    timer.join()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_missing_checkpoint_is_told_each_time_and_never_counts_as_a_death(
    double_settings: WorkerSettings, request_120: LoopRequest
) -> None:
    worker = RenderWorker(replace(double_settings, factory="support_pipeline:no_checkpoint"))
    for job_id in range(MAX_DEATHS + 1):
        with pytest.raises(CheckpointError, match="reinstall"):
            worker.render(job_id, request_120)
    worker.close()


@pytest.mark.parametrize(
    "factory", ["support_pipeline:broken_factory", "support_pipeline:absent", "no_such_room:x"]
)
def test_a_model_that_cannot_be_loaded_is_a_worker_error(
    double_settings: WorkerSettings, factory: str
) -> None:
    worker = RenderWorker(replace(double_settings, factory=factory))
    with pytest.raises(WorkerError, match="cannot be loaded"):
        worker.start()
    worker.close()


def test_a_worker_ends_when_its_daemon_is_killed() -> None:
    script = (
        "import os, sys\n"
        "from riffsidecar.render.worker import RenderWorker\n"
        "from riffsidecar.render.settings import WorkerSettings\n"
        "if __name__ == '__main__':\n"
        "    worker = RenderWorker(WorkerSettings(factory='support_pipeline:load_double', threads=1))\n"
        "    worker.start()\n"
        "    print(worker.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
        timeout=60,
    )
    pid = int(run.stdout)
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    pytest.fail(f"worker {pid} outlived its daemon")


def test_deaths_outside_the_window_do_not_count() -> None:
    log = DeathLog(limit=3, window_s=600)
    for at_s in (0.0, 10.0, 590.0):
        log.record(at_s)
    assert log.wait_s(595.0) == 5.0
    assert log.wait_s(600.0) == 0.0
    log.record(601.0)
    assert log.wait_s(602.0) == 8.0


def test_an_error_keeps_its_class_and_code_across_the_pipe() -> None:
    assert isinstance(error_from_code("checkpoint", "x"), CheckpointError)
    assert error_from_code("of-tomorrow", "x").code == "of-tomorrow"
    assert RenderError.code == "render"


@pytest.mark.parametrize(
    "bad",
    [
        {"threads": -1},
        {"threads": 1000},
        {"nice": 20},
        {"silence_limit_s": 0},
        {"factory": "x"},
        {"factory": ":x"},
    ],
)
def test_settings_no_worker_can_run_with_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        WorkerSettings(**bad)  # type: ignore[arg-type]


def test_one_core_is_left_to_the_daw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("riffsidecar.render.settings.available_cores", lambda: 8)
    assert WorkerSettings().resolved_threads == 7
    assert WorkerSettings(threads=8).resolved_threads == 8
    assert [default_threads(cores) for cores in (1, 2, 4, 16)] == [1, 1, 3, 15]
    assert thread_environment(3)["OMP_WAIT_POLICY"] == "PASSIVE"


def test_a_loop_without_samples_cannot_be_built() -> None:
    with pytest.raises(RenderError):
        RenderedLoop(b"", "x", 1, 44100, 0.0, {}, {}, {})


def test_a_process_that_cannot_be_started_is_a_worker_error_and_the_next_try_works(
    worker: RenderWorker, request_120: LoopRequest
) -> None:
    def exhausted(process: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(WorkerError, match=r"cannot be started: Resource.*close some programs"),
    ):
        patch.setattr("multiprocessing.process.BaseProcess.start", exhausted)
        worker.start()
    assert worker.pid is None
    assert worker.render(1, request_120).num_samples == request_120.num_samples
