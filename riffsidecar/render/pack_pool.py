"""Make the loops of a pack with several workers of this machine, each a process with threads of its own."""

from __future__ import annotations

import hashlib
import json
import logging
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from riffsidecar.errors import RiffError, WorkerError
from riffsidecar.render.messages import Ready, RenderedLoop
from riffsidecar.render.pack_ledger import Job
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.render.worker import RenderWorker

__all__ = ["MAX_ATTEMPTS", "Done", "LocalPool", "Pool", "build_of", "check_same"]

logger = logging.getLogger(__name__)

MAX_ATTEMPTS: Final = 3
"""How often a loop is tried when the worker that makes it is lost."""

_POLL_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a job: the loop, or why there is none."""

    job: Job
    loop: RenderedLoop | None
    error: RiffError | None = None


class Pool(Protocol):
    """Make loops, several at a time."""

    @property
    def size(self) -> int:
        """How many loops are made at a time."""

    def start(self) -> Ready:
        """Load the models, at least that of the first worker."""

    def submit(self, job: Job) -> None:
        """Ask for a loop."""

    def next_done(self) -> Done:
        """Wait for the next job that has ended, in any order."""

    def close(self) -> None:
        """End all workers."""


def build_of(ready: Ready) -> str:
    """Return a digest of all that decides the samples beside the request."""
    told = json.dumps([ready.checkpoint, dict(ready.environment)], sort_keys=True)
    return hashlib.sha256(told.encode("utf-8")).hexdigest()[:16]


def check_same(first: Ready, other: Ready, where: str) -> None:
    """Refuse a worker that would make other samples than the first.

    Raises:
        WorkerError: naming what differs.
    """
    if build_of(first) == build_of(other):
        return
    one, two = ({**dict(each.environment), "models": each.checkpoint[:16]} for each in (first, other))
    apart = [
        f"{name} {one.get(name, 'none')} and {two.get(name, 'none')}"
        for name in sorted({*one, *two})
        if one.get(name) != two.get(name)
    ]
    raise WorkerError(
        f"the workers differ ({where}): {'; '.join(apart)}; a pack is made by one build alone, so install "
        "the same everywhere, or make it on machines that are alike"
    )


class LocalPool:
    """Run worker processes on this machine, one thread beside each.

    A worker that dies costs its loop alone, and that is given to another.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        workers: int,
        make_worker: Callable[[WorkerSettings], RenderWorker] = RenderWorker,
    ) -> None:
        """Prepare ``workers`` workers; nothing runs before ``start``."""
        self._workers = [make_worker(settings) for _ in range(workers)]
        self._jobs: queue.SimpleQueue[tuple[Job, int] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[Done] = queue.SimpleQueue()
        self._readies: queue.SimpleQueue[Ready | RiffError] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._alive = workers

    @property
    def size(self) -> int:
        """How many loops are made at a time."""
        return len(self._workers)

    def start(self) -> Ready:
        """Start all workers, and wait for the first to have loaded its model.

        Raises:
            RiffError: none could.
        """
        for number, worker in enumerate(self._workers, 1):
            thread = threading.Thread(
                target=self._serve, args=(worker,), name=f"riffsidecar-pack-{number}", daemon=True
            )
            thread.start()
            self._threads.append(thread)
        error: RiffError | None = None
        for _ in self._workers:
            told = self._readies.get()
            if isinstance(told, Ready):
                return told
            error = told
        raise error if error is not None else WorkerError("no worker could be started; ask again")

    def submit(self, job: Job) -> None:
        """Ask for a loop."""
        self._jobs.put((job, 1))

    def next_done(self) -> Done:
        """Wait for the next job that has ended."""
        return self._done.get()

    def close(self) -> None:
        """End all workers; closing twice is closing once."""
        if self._closing.is_set():
            return
        self._closing.set()
        closers = [threading.Thread(target=worker.close) for worker in self._workers]
        for thread in closers:
            thread.start()
        for _ in self._threads:
            self._jobs.put(None)
        for thread in (*closers, *self._threads):
            thread.join(5.0)

    def _serve(self, worker: RenderWorker) -> None:
        try:
            self._readies.put(worker.start())
        except RiffError as error:
            self._readies.put(error)
            self._leave(error)
            return
        while (taken := self._jobs.get()) is not None and not self._closing.is_set():
            job, attempt = taken
            try:
                worker.start()
                self._done.put(Done(job, worker.render(attempt, job.request)))
            except WorkerError as error:
                if self._closing.is_set():
                    return
                logger.warning("a worker was lost with cell %d, try %d: %s", job.cell, job.number, error)
                if worker.rest_s > 0:
                    # This one stays down for minutes; the others take its loop.
                    self._give_back(job, attempt, error)
                    self._leave(error)
                    return
                self._give_back(job, attempt, error)
            except RiffError as error:
                self._done.put(Done(job, None, error))
            except Exception as error:
                # Whoever waits for this loop would wait for ever.
                logger.exception("cell %d, try %d failed outside its worker", job.cell, job.number)
                text = f"{type(error).__name__}: {error}; run the same command to go on"
                self._done.put(Done(job, None, WorkerError(text)))

    def _give_back(self, job: Job, attempt: int, error: RiffError) -> None:
        if attempt >= MAX_ATTEMPTS:
            self._done.put(Done(job, None, error))
        else:
            self._jobs.put((job, attempt + 1))

    def _leave(self, error: RiffError) -> None:
        """Go; the last one tells all jobs that nobody makes them."""
        with self._lock:
            self._alive -= 1
            if self._alive:
                return
        while not self._closing.is_set():
            try:
                taken = self._jobs.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if taken is None:
                return
            self._done.put(Done(taken[0], None, error))
