"""Turn requests into published loops: from the cache at once, else through the mailbox and the worker.

Every request that is submitted ends in exactly one ``Finished`` or ``Failed`` for each of its requesters.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from riffsidecar.errors import BusyError, CancelledError, RiffError, SupersededError, WorkerError
from riffsidecar.render.cache import CachedLoop, LoopCache, cache_key
from riffsidecar.render.mailbox import Mailbox, Ticket
from riffsidecar.render.messages import RenderedLoop
from riffsidecar.render.protocols import Drop, Worker
from riffsidecar.session.events import Acked, Event, Failed, Finished, Origin, Progressed
from riffsidecar.session.requests import LoopRequest

__all__ = ["RenderService"]

logger = logging.getLogger(__name__)

_IDLE_CHECK_S = 0.5


class RenderService:
    """Serve render requests for a number of slots with one worker, one drop folder and one cache.

    A cached loop whose published file still lies there unchanged is answered with that same file; otherwise
    it is published again under a new name. Events go to ``emit``, which must not block.
    """

    def __init__(
        self,
        worker: Worker,
        drop: Drop,
        cache: LoopCache,
        emit: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a service; nothing runs before ``start``."""
        self._worker = worker
        self._drop = drop
        self._cache = cache
        self._emit = emit
        self._clock = clock
        self._mailbox = Mailbox()
        self._job_ids = itertools.count(1)
        self._condition = threading.Condition()
        self._closing = False
        self._load_failed = False
        self._thread: threading.Thread | None = None

    @property
    def status(self) -> str:
        """One word on how things are: loading, ready, rendering, stopping, or no-model if loading failed."""
        if self._closing:
            return "stopping"
        if self._mailbox.running is not None:
            return "rendering"
        if self._worker.ready is not None:
            return "ready"
        return "no-model" if self._load_failed else "loading"

    def start(self) -> None:
        """Start serving and load the model in the background; starting twice is starting once."""
        with self._condition:
            if self._thread is not None or self._closing:
                return
            self._thread = threading.Thread(target=self._run, name="riffsidecar-render", daemon=True)
            self._thread.start()

    def submit(self, slot: int, request: LoopRequest, origins: Sequence[Origin]) -> None:
        """Ask for ``request`` in ``slot`` on behalf of ``origins``.

        Supersedes what waits or runs in the slot, unless it is the same request, which is joined.
        """
        ticket = Ticket(next(self._job_ids), slot, request.digest, request, tuple(origins))
        for origin in ticket.origins:
            self._emit(Acked(origin, slot))
        cached = self._lookup(request)
        with self._condition:
            if self._closing:
                self._fail(ticket, CancelledError("the daemon is stopping; ask again when it runs"))
                return
            if cached is None:
                self._post(ticket)
                return
            cancelled = self._mailbox.cancel(slot, SupersededError.code)
            if cancelled.interrupted is not None:
                self._worker.cancel(cancelled.interrupted.job_id)
        for withdrawn in cancelled.withdrawn:
            self._fail(withdrawn, _superseded(withdrawn))
        self._publish_cached(ticket, cached, self._clock())

    def cancel(self, slot: int | None) -> None:
        """Cancel what waits and runs in ``slot``, or with None everywhere."""
        with self._condition:
            cancelled = self._mailbox.cancel(slot)
            if cancelled.interrupted is not None:
                self._worker.cancel(cancelled.interrupted.job_id)
        for ticket in cancelled.withdrawn:
            self._fail(ticket, _cancelled(ticket))

    def close(self, timeout_s: float = 4.0) -> None:
        """Cancel everything, end the worker, return within ``timeout_s``; closing twice is closing once."""
        with self._condition:
            self._closing = True
            thread = self._thread
            self._condition.notify_all()
        self.cancel(None)
        self._worker.close(timeout_s * 0.75)
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s * 0.25)

    def _post(self, ticket: Ticket) -> None:
        try:
            posted = self._mailbox.post(ticket)
        except BusyError as error:
            self._fail(ticket, error)
            return
        if posted.interrupted is not None:
            self._worker.cancel(posted.interrupted.job_id)
        if posted.displaced is not None:
            self._fail(posted.displaced, _superseded(posted.displaced))
        self._condition.notify_all()

    def _run(self) -> None:
        try:
            self._worker.start()
        except RiffError as error:
            self._load_failed = True
            logger.error("no loop can be rendered yet: %s", error)
        while (ticket := self._next()) is not None:
            try:
                self._serve(ticket)
            except Exception as error:
                logger.exception("render %d for slot %d failed in the daemon", ticket.job_id, ticket.slot)
                self._finish_failed(WorkerError(f"{type(error).__name__}: {error}; see the daemon's log"))

    def _next(self) -> Ticket | None:
        """Wait for the next render and put it in work; None when the service closes."""
        while True:
            with self._condition:
                if self._closing:
                    return None
                ticket = self._mailbox.start_next()
                if ticket is not None:
                    return ticket
                self._condition.wait(_IDLE_CHECK_S)
                idle = not self._mailbox.waiting and not self._closing
            if idle:
                self._worker.tend()

    def _serve(self, ticket: Ticket) -> None:
        started_s = self._clock()
        cached = self._lookup(ticket.request)
        try:
            loop = cached.loop if cached is not None else self._render(ticket, started_s)
        except RiffError as error:
            self._finish_failed(error)
            return
        with self._condition:
            wanted = self._mailbox.commit()
        if cached is None and not wanted:
            self._cache.put(self._key(ticket.request), loop)
        if not wanted:
            self._finish_failed(_cancelled(ticket))
            return
        try:
            path = self._publish(ticket.request, loop, cached)
        except RiffError as error:
            # The loop itself is good: asking again once the folder is mended costs no second render.
            self._cache.put(self._key(ticket.request), loop)
            self._finish_failed(error)
            return
        if cached is None:
            self._cache.put(self._key(ticket.request), loop, path)
        with self._condition:
            ticket = self._mailbox.finish()
        self._announce(ticket, loop, path, started_s, cached is not None)

    def _render(self, ticket: Ticket, started_s: float) -> RenderedLoop:
        def report(stage: str, fraction: float) -> None:
            elapsed_s = self._clock() - started_s
            eta_s = elapsed_s * (1.0 - fraction) / fraction if fraction > 0 else 0.0
            running = self._mailbox.running
            for origin in running.origins if running is not None else ():
                self._emit(Progressed(origin, ticket.slot, fraction, eta_s, stage))

        self._worker.start()
        with self._condition:
            if self._mailbox.stop_code is not None:
                raise _cancelled(ticket)
        return self._worker.render(ticket.job_id, ticket.request, report)

    def _finish_failed(self, error: RiffError) -> None:
        with self._condition:
            if self._mailbox.running is None:
                return
            stop_code = self._mailbox.stop_code
            ticket = self._mailbox.finish()
        if stop_code == SupersededError.code:
            error = _superseded(ticket)
        elif stop_code is not None:
            error = _cancelled(ticket)
        self._fail(ticket, error)

    def _lookup(self, request: LoopRequest) -> CachedLoop | None:
        ready = self._worker.ready
        return self._cache.get(cache_key(request.digest, ready.checkpoint)) if ready is not None else None

    def _key(self, request: LoopRequest) -> str:
        ready = self._worker.ready
        return cache_key(request.digest, ready.checkpoint if ready is not None else "")

    def _publish(self, request: LoopRequest, loop: RenderedLoop, cached: CachedLoop | None) -> Path:
        if cached is not None and cached.published is not None and cached.published.is_unchanged():
            return cached.published.path
        path = self._drop.publish(loop.stem, loop.wav)
        if cached is not None:
            self._cache.note_published(self._key(request), path)
        return path

    def _publish_cached(self, ticket: Ticket, cached: CachedLoop, started_s: float) -> None:
        try:
            path = self._publish(ticket.request, cached.loop, cached)
        except RiffError as error:
            self._fail(ticket, error)
            return
        self._announce(ticket, cached.loop, path, started_s, cached=True)

    def _announce(
        self, ticket: Ticket, loop: RenderedLoop, path: Path, started_s: float, cached: bool
    ) -> None:
        request = ticket.request
        render_s = self._clock() - started_s
        logger.info(
            "slot %d: %s in %.3f s%s", ticket.slot, path.name, render_s, " from the cache" if cached else ""
        )
        for origin in ticket.origins:
            self._emit(
                Finished(
                    origin=origin,
                    slot=ticket.slot,
                    path=str(path),
                    bars=float(request.bars),
                    bpm=float(request.tempo),
                    key=str(request.key) if request.key is not None else "",
                    seed=request.seed,
                    num_samples=loop.num_samples,
                    sample_rate=loop.sample_rate,
                    render_s=render_s,
                    cached=cached,
                )
            )

    def _fail(self, ticket: Ticket, error: RiffError) -> None:
        for origin in ticket.origins:
            self._emit(Failed(origin, ticket.slot, error.code, str(error)))


def _superseded(ticket: Ticket) -> SupersededError:
    return SupersededError(
        f"a newer request for slot {ticket.slot} took the place of this one; wait for its loop"
    )


def _cancelled(ticket: Ticket) -> CancelledError:
    return CancelledError(f"the render for slot {ticket.slot} was cancelled; ask again when it is wanted")
