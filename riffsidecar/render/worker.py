"""Own the render worker from the daemon's side: start it, ask it, and start it again when it dies."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import NoReturn

from riffsidecar.errors import CancelledError, WorkerError
from riffsidecar.render.messages import (
    Again,
    FromWorker,
    Ready,
    RenderDone,
    RenderedLoop,
    RenderFailed,
    RenderJob,
    RenderProgress,
    error_from_code,
)
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.render.worker_main import worker_main
from riffsidecar.session.journeys import JourneyPart
from riffsidecar.session.requests import LoopRequest

__all__ = ["DEATH_WINDOW_S", "LOAD_LIMIT_S", "MAX_DEATHS", "DeathLog", "RenderWorker"]

logger = logging.getLogger(__name__)

MAX_DEATHS = 3
DEATH_WINDOW_S = 600.0
LOAD_LIMIT_S = 900.0
"""The very first start compiles the phase reconstruction, which a busy machine takes minutes for."""

_POLL_S = 0.2


class DeathLog:
    """Count the deaths of a worker and say whether another start is allowed."""

    def __init__(self, limit: int = MAX_DEATHS, window_s: float = DEATH_WINDOW_S) -> None:
        """Allow fewer than ``limit`` deaths within ``window_s`` seconds."""
        self._limit = limit
        self._window_s = window_s
        self._deaths_s: deque[float] = deque(maxlen=limit)

    def record(self, now_s: float) -> None:
        """Note a death at ``now_s``."""
        self._deaths_s.append(now_s)

    def wait_s(self, now_s: float) -> float:
        """Return how many seconds the next start has to wait; 0 when it is allowed now.

        >>> log = DeathLog(limit=2, window_s=10.0)
        >>> log.record(0.0); log.record(4.0)
        >>> log.wait_s(5.0), log.wait_s(10.0)
        (5.0, 0.0)
        """
        if len(self._deaths_s) < self._limit:
            return 0.0
        return max(0.0, self._deaths_s[0] + self._window_s - now_s)


class RenderWorker:
    """Run one worker process and render through it, one job at a time.

    ``start`` and ``render`` are called from one thread; ``cancel`` and ``close`` from any.
    """

    def __init__(self, settings: WorkerSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Prepare a worker that is not started yet."""
        self._settings = settings
        self._clock = clock
        self._context = multiprocessing.get_context("spawn")
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        # Shared memory without a lock: a killed worker cannot leave a lock held.
        self._cancelled_job = self._context.RawValue("q", -1)
        self._ready: Ready | None = None
        self._deaths = DeathLog()
        self._is_owed = False
        self._closing = threading.Event()
        self._lock = threading.Lock()

    @property
    def ready(self) -> Ready | None:
        """What the newest worker said when its model was loaded; kept after its death."""
        return self._ready

    @property
    def pid(self) -> int | None:
        """The process id of the worker that lives now, or None."""
        process = self._process
        return process.pid if process is not None and process.is_alive() else None

    @property
    def rest_s(self) -> float:
        """How many seconds it stays down yet because it died too often; 0 where it does not."""
        return self._deaths.wait_s(self._clock())

    def start(self) -> Ready:
        """Start the process unless it lives, and wait until its model is loaded.

        Raises:
            WorkerError: it died too often, died while loading, or does not answer.
            CancelledError: the worker was closed meanwhile.
            RiffError: what the worker says stands in its way, as CheckpointError.
        """
        if self.pid is not None and self._connection is not None and self._ready is not None:
            return self._ready
        self._bury()
        wait_s = self.rest_s
        if wait_s > 0:
            raise WorkerError(
                f"the render worker died {MAX_DEATHS} times in {DEATH_WINDOW_S / 60:.0f} minutes; the daemon "
                f"goes on and starts it again in {wait_s:.0f} s; run 'riffsidecar doctor' to find the cause"
            )
        self._is_owed = False
        self._spawn()
        message = self._receive(max(LOAD_LIMIT_S, self._settings.silence_limit_s))
        if isinstance(message, Ready):
            self._ready = message
            logger.info("the model is loaded in %.1f s, checkpoint %.12s", message.load_s, message.checkpoint)
            return message
        # The process said why and ends by itself: no death to count, the next request tries again.
        self._discard()
        if isinstance(message, RenderFailed):
            raise error_from_code(message.code, message.text)
        raise WorkerError(
            f"the render worker began with {type(message).__name__} instead of Ready; reinstall riffsidecar"
        )

    def render(
        self,
        job_id: int,
        request: LoopRequest | JourneyPart,
        on_progress: Callable[[str, float], None] | None = None,
        *,
        again: Again | None = None,
        beside: Sequence[LoopRequest] = (),
    ) -> RenderedLoop:
        """Render ``request`` in the worker and return the loop; ``again`` is a loop that it made before.

        ``beside`` are the requests that are to follow.

        Raises:
            CancelledError: it was cancelled by its ``job_id`` or the worker was closed.
            WorkerError: the process died or hung; the next call starts a new one.
            RiffError: what the render itself raised.
        """
        job = RenderJob(job_id, request, again, tuple(beside))
        self.start()
        try:
            self._send(job)
        except OSError:
            # It died while idle: nothing was lost, so the job gets the new process and no error.
            self._count_death()
            self.start()
            self._send(job)
        while True:
            message = self._receive(self._settings.silence_limit_s)
            match message:
                case RenderProgress(job_id=at, stage=stage, fraction=fraction) if at == job_id:
                    if on_progress is not None:
                        on_progress(stage, fraction)
                case RenderDone(job_id=at, loop=loop) if at == job_id:
                    return loop
                case RenderFailed(job_id=at, code=code, text=text, fatal=fatal) if at == job_id:
                    if fatal:
                        self._count_death()
                    raise error_from_code(code, text)
                case _:
                    logger.warning("the render worker sent %s out of turn", type(message).__name__)

    def tend(self) -> bool:
        """Start the process anew when it has died, so that the next request finds a loaded model.

        Returns:
            Whether the process lives.

        Raises:
            RiffError: it did not come back; it is not tried again before the next request, unless it died.
        """
        if self._closing.is_set():
            return False
        process = self._process
        if process is not None and process.is_alive():
            return True
        if process is not None:
            logger.warning("the render worker died while idle with exit code %s", process.exitcode)
            self._count_death()
        if not self._is_owed or self.rest_s > 0:
            return False
        self.start()
        return True

    def cancel(self, job_id: int) -> None:
        """Tell the render ``job_id`` to stop at its next step; without effect when it is over."""
        self._cancelled_job.value = job_id

    def close(self, timeout_s: float = 3.0) -> None:
        """End the process, by force after ``timeout_s``; closing twice is closing once."""
        self._closing.set()
        with self._lock:
            process, connection = self._process, self._connection
            if process is None:
                return
            if connection is not None and process.is_alive():
                try:
                    connection.send(None)
                except OSError:
                    logger.debug("the render worker has closed its end already")
            # It writes no file, so nothing is lost when it is in the middle of a load or a step.
            process.join(timeout_s / 3)
            for end in (process.terminate, process.kill):
                if process.is_alive():
                    end()
                    process.join(timeout_s / 3)

    def _spawn(self) -> None:
        with self._lock:
            if self._closing.is_set():
                raise CancelledError("the render worker is closed; start a new one")
            try:
                self._process, self._connection = self._new_process()
            except OSError as error:
                raise WorkerError(
                    f"the render worker cannot be started: {error.strerror or error}; close some programs, "
                    "for memory, processes or open files have run out, and ask again"
                ) from error

    def _new_process(self) -> tuple[SpawnProcess, Connection]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=worker_main,
            args=(theirs, self._cancelled_job, self._settings),
            name="riffsidecar-render",
            daemon=True,
        )
        try:
            process.start()
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        return process, ours

    def _send(self, job: RenderJob) -> None:
        if self._connection is None:
            raise BrokenPipeError("the render worker has no pipe")
        self._connection.send(job)

    def _receive(self, patience_s: float) -> FromWorker:
        """Wait for the next message; a dead, hung or closed worker becomes an error."""
        process, connection = self._process, self._connection
        if process is None or connection is None:
            raise WorkerError("the render worker is not started; ask again")
        limit_s = self._clock() + patience_s
        while not self._closing.is_set():
            arrived = wait([connection, process.sentinel], _POLL_S)
            if connection in arrived:
                try:
                    message: FromWorker = connection.recv()
                except (EOFError, OSError):
                    self._die(process)
                return message
            if arrived:
                self._die(process)
            if self._clock() > limit_s:
                self._count_death()
                raise WorkerError(
                    f"the render worker said nothing for {patience_s:.0f} s and was "
                    "ended; ask again, or choose quality draft if this machine is slow"
                )
        raise CancelledError("the render worker is being closed; start the daemon again")

    def _die(self, process: SpawnProcess) -> NoReturn:
        process.join(1.0)
        code = process.exitcode
        self._count_death()
        if self._closing.is_set():
            raise CancelledError("the render worker is being closed; start the daemon again")
        raise WorkerError(
            f"the render worker died with exit code {code}; it is started again for the next request"
        )

    def _count_death(self) -> None:
        if not self._closing.is_set():
            self._deaths.record(self._clock())
            self._is_owed = True
        self._discard()

    def _bury(self) -> None:
        process = self._process
        if process is None:
            return
        if not process.is_alive():
            self._count_death()
        else:
            self._discard()

    def _discard(self) -> None:
        with self._lock:
            process, connection = self._process, self._connection
            self._process = self._connection = None
            if connection is not None:
                connection.close()
            if process is not None:
                if process.is_alive():
                    process.kill()
                process.join(2.0)
