"""Be the render worker: a spawned process that loads the model once and renders one job after another.

Only this process imports torch, and only after the environment is set, because OpenMP reads it once, when it
loads.
"""

from __future__ import annotations

import importlib
import logging
import os
import signal
import time
from collections.abc import Callable, Mapping, MutableMapping
from ctypes import c_longlong
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from typing import Any, Protocol

from riffsidecar.errors import CancelledError, RiffError, WorkerError
from riffsidecar.render.messages import (
    Again,
    FromWorker,
    Ready,
    RenderDone,
    RenderedLoop,
    RenderFailed,
    RenderJob,
    RenderProgress,
    ToWorker,
)
from riffsidecar.render.settings import WorkerSettings

__all__ = ["Progress", "Renderer", "thread_environment", "worker_main"]

logger = logging.getLogger(__name__)

Progress = Callable[[str, float], None]
"""Called with the stage and the fraction of the whole render; raises CancelledError to stop it."""

_PROGRESS_INTERVAL_S = 0.03


class Renderer(Protocol):
    """Turn requests into loops; what a worker factory returns."""

    @property
    def checkpoint(self) -> str:
        """Digest of the checkpoint."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What decides the samples beside the request: package, torch, dtype, threads."""

    @property
    def devices(self) -> tuple[str, ...]:
        """A line for each device that could compute here, and which one does."""

    def render(
        self, request: Any, progress: Progress, again: Again | None = None, **beside: Any
    ) -> RenderedLoop:
        """Render ``request``, or make a loop ``again``, calling ``progress`` at every step.

        A renderer of loops takes a `LoopRequest`, one of journeys a `JourneyPart`. ``beside`` is given to one
        of loops where other requests are known to follow.
        """


def thread_environment(threads: int) -> dict[str, str]:
    """Return the environment that keeps the numeric libraries to ``threads`` and from spinning on idle cores.

    >>> thread_environment(3)["OMP_NUM_THREADS"]
    '3'
    """
    count = str(threads)
    return {
        "OMP_WAIT_POLICY": "PASSIVE",
        "GOMP_SPINCOUNT": "0",
        "KMP_BLOCKTIME": "0",
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "NUMBA_NUM_THREADS": count,
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
    }


def worker_main(connection: Connection, cancelled_job: c_longlong, settings: WorkerSettings) -> None:
    """Load the model, say so, and render the jobs that come until told to end or the daemon is gone.

    ``cancelled_job`` is shared memory: the id of the job that is to stop at its next step.
    """
    _prepare_process(settings, os.environ)
    try:
        renderer = _load(connection, settings)
        while renderer is not None:
            job: ToWorker = connection.recv()
            if job is None or not _serve(connection, cancelled_job, renderer, job):
                break
    except (EOFError, BrokenPipeError, ConnectionResetError):
        logger.info("the daemon is gone; the render worker ends")


def _prepare_process(settings: WorkerSettings, environ: MutableMapping[str, str]) -> None:
    environ.update(thread_environment(settings.resolved_threads))
    # Ctrl-C in a terminal reaches the whole process group; the daemon decides when its worker ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    if settings.nice and hasattr(os, "nice"):
        os.nice(settings.nice)


def _load(connection: Connection, settings: WorkerSettings) -> Renderer | None:
    start_s = time.monotonic()
    try:
        renderer = _call_factory(settings)
    except RiffError as error:
        connection.send(RenderFailed(None, error.code, str(error), fatal=True))
        return None
    except Exception as error:
        logger.exception("the model cannot be loaded")
        cause = f"{type(error).__name__}: {error}"
        text = f"the model cannot be loaded: {cause}; run 'riffsidecar doctor' for what is missing"
        connection.send(RenderFailed(None, WorkerError.code, text, fatal=True))
        return None
    load_s = time.monotonic() - start_s
    connection.send(Ready(renderer.checkpoint, dict(renderer.environment), load_s, renderer.devices))
    return renderer


def _call_factory(settings: WorkerSettings) -> Renderer:
    module, _, function = settings.factory.partition(":")
    factory: Callable[[WorkerSettings], Renderer] = getattr(importlib.import_module(module), function)
    return factory(settings)


def _serve(connection: Connection, cancelled_job: c_longlong, renderer: Renderer, job: RenderJob) -> bool:
    """Render one job and send how it ended; False when the process can not go on."""
    answer: FromWorker
    known = {"beside": job.beside} if job.beside else {}
    try:
        report = _reporter(connection, cancelled_job, job.job_id)
        loop = renderer.render(job.request, report, job.again, **known)
        answer = RenderDone(job.job_id, loop)
    except RiffError as error:
        answer = RenderFailed(job.job_id, error.code, str(error))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:
        logger.exception("render %d failed", job.job_id)
        text = f"the render failed: {type(error).__name__}: {error}; the daemon's log has the details"
        answer = RenderFailed(job.job_id, "render", text, fatal=_is_poisoned(error))
    # Sent outside the except block: until it is left, the exception keeps every tensor of its frames alive.
    connection.send(answer)
    return not (isinstance(answer, RenderFailed) and answer.fatal)


def _is_poisoned(error: Exception) -> bool:
    """Tell whether the device refuses all work after ``error``, as CUDA does after a device-side assert."""
    return "CUDA error" in str(error) or type(error).__name__ == "AcceleratorError"


def _reporter(connection: Connection, cancelled_job: c_longlong, job_id: int) -> Progress:
    last_s = -1.0
    last_stage = ""

    def report(stage: str, fraction: float) -> None:
        nonlocal last_s, last_stage
        if cancelled_job.value == job_id:
            raise CancelledError(
                f"render {job_id} was told to stop during {stage}; ask again when it is wanted"
            )
        now_s = time.monotonic()
        if stage == last_stage and now_s - last_s < _PROGRESS_INTERVAL_S:
            return
        parent = parent_process()
        if parent is not None and not parent.is_alive():
            raise EOFError("the daemon is gone")
        last_s, last_stage = now_s, stage
        connection.send(RenderProgress(job_id, stage, min(1.0, max(0.0, fraction))))

    return report
