"""Turn requests into published loops: from the cache at once, else through the mailbox and the worker.

Every request that is submitted ends in exactly one ``Finished`` or ``Failed`` for each of its requesters.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from riffsidecar.audio.names import draft_name
from riffsidecar.errors import (
    BusyError,
    CancelledError,
    DropError,
    RiffError,
    SupersededError,
    WorkerError,
)
from riffsidecar.render.cache import CachedLoop, LoopCache
from riffsidecar.render.endings import as_told, cancelled, finished, progress_report, stopped, superseded
from riffsidecar.render.estimate import RenderTimes
from riffsidecar.render.health import WorkerHealth
from riffsidecar.render.lookahead import LookAhead
from riffsidecar.render.loop_store import LoopStore
from riffsidecar.render.mailbox import Mailbox, Ticket
from riffsidecar.render.messages import Again, RenderedLoop
from riffsidecar.render.protocols import Drop, Worker
from riffsidecar.session.events import Acked, Event, Failed, Origin, Previewed
from riffsidecar.session.loops import Loop
from riffsidecar.session.outcomes import Announcement
from riffsidecar.session.requests import LoopRequest

__all__ = ["RenderService"]

logger = logging.getLogger(__name__)

_IDLE_CHECK_S = 0.5
_PATIENCE_S = 2.0
"""How long a slot may be silent because newer requests keep coming; then a render of it is let end."""

_DRAFT = "draft"


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
        on_problem: Callable[[str], None] = lambda problem: None,
        *,
        ahead: LookAhead | None = None,
        ready_bar: Callable[[float], int] = lambda ready_s: 0,
    ) -> None:
        """Prepare a service; nothing runs before ``start``.

        ``on_problem`` is told what keeps every loop from being rendered, and "" when it is over. ``ahead``
        says what to render while nothing is asked for. ``ready_bar`` tells the first bar that begins when or
        after a loop is ready, by ``clock``, and 0 where there is none: a draft is published first where the
        loop would miss a bar that the draft does not. ``counts`` tells how requests were answered.
        """
        self.counts: Counter[str] = Counter()
        self._ahead = ahead or LookAhead(0)
        self._ahead_job = -1
        self._ready_bar = ready_bar
        self._times = RenderTimes()
        self._unheard_s: dict[int, float] = {}
        self._telling: int | None = None
        self._worker = worker
        self._store = LoopStore(worker, drop, cache)
        self._emit = emit
        self._clock = clock
        self._mailbox = Mailbox()
        self._job_ids = itertools.count(1)
        self._condition = threading.Condition()
        self._closing = False
        self._health = WorkerHealth(worker, on_problem, lambda: self._closing)
        self._thread: threading.Thread | None = None

    @property
    def status(self) -> str:
        """One word on how things are.

        loading, ready, rendering, stopping, no-model where loading failed, or worker-down where the worker
        died too often and is not started again for a while.
        """
        if self._closing:
            return "stopping"
        if self._mailbox.running is not None:
            return "rendering"
        if self._worker.rest_s > 0:
            return "worker-down"
        if self._health.load_problem:
            return "no-model"
        return "ready" if self._worker.ready is not None else "loading"

    def start(self) -> None:
        """Start serving and load the model in the background; starting twice is starting once."""
        with self._condition:
            if self._thread is not None or self._closing:
                return
            self._thread = threading.Thread(target=self._run, name="riffsidecar-render", daemon=True)
            self._thread.start()

    def submit(
        self, slot: int, request: LoopRequest, origins: Sequence[Origin], base: Loop | None = None
    ) -> None:
        """Ask for ``request`` in ``slot`` on behalf of ``origins``; ``base`` is a loop of the same latents.

        Supersedes what waits or runs in the slot, unless it is the same request, which is joined.
        """
        ticket = Ticket(next(self._job_ids), slot, request.digest, request, tuple(origins), base)
        for origin in ticket.origins:
            self._emit(Acked(origin, slot))
        cached = self._store.find(request)
        with self._condition:
            if self._closing:
                self._fail(ticket, CancelledError("the daemon is stopping; ask again when it runs"))
                return
            if cached is None:
                self._post(ticket)
                return
        self.make_way(slot)
        self._publish_cached(ticket, cached, self._clock())

    def announce(self, announcement: Announcement, origins: Sequence[Origin]) -> None:
        """Tell ``origins`` of a loop that lies in its file already; nothing is published again.

        Where the file has gone or is another one by now, the loop is made anew, from the cache if it is
        there; one that must not be made anew ends in an error.
        """
        slot, loop = announcement.slot, announcement.loop
        if as_told(loop) is None:
            if announcement.may_remake:
                self.submit(slot, loop.request, origins)
                return
            error = DropError(
                f"{loop.path} is a favourite, and its file has gone or is another by now; put it back, or "
                "let it go with keep 0 to have it made anew"
            )
            for origin in origins:
                self._emit(Failed(origin, slot, error.code, str(error)))
            return
        for origin in origins:
            self._emit(Acked(origin, slot))
        if announcement.supersedes:
            self.make_way(slot)
        for origin in origins:
            self._emit(finished(origin, slot, loop, 0.0, cached=True))

    def foresee(self, requests: Sequence[LoopRequest]) -> None:
        """Take what is likely to be asked for next, to be rendered while nothing is asked for.

        What is being made ahead goes on where it is still likely, and where somebody waits for it by now.
        """
        with self._condition:
            is_over = self._ahead.foresee(requests)
            asked = {ticket.request for ticket in self._mailbox.waiting}
            if is_over and self._ahead.running not in asked:
                self._worker.cancel(self._ahead_job)
            self._condition.notify_all()

    def cancel(self, slot: int | None) -> None:
        """Cancel what waits and runs in ``slot``, or with None everywhere."""
        for ticket in self._stopped(slot, CancelledError.code):
            self._fail(ticket, cancelled(ticket))

    def make_way(self, slot: int) -> None:
        """Stop what a slot renders and waits for, because something newer takes its place."""
        withdrawn = self._stopped(slot, SupersededError.code)
        with self._condition:
            # What is on its way into the folder is told of first: the newest is heard last.
            self._condition.wait_for(lambda: self._telling != slot, _PATIENCE_S)
        for ticket in withdrawn:
            self._fail(ticket, superseded(ticket))

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

    def _stopped(self, slot: int | None, code: str) -> tuple[Ticket, ...]:
        with self._condition:
            taken = self._mailbox.cancel(slot, code)
            if taken.interrupted is not None:
                self._worker.cancel(taken.interrupted.job_id)
            self._forget_waiting(slot)
        return taken.withdrawn

    def _post(self, ticket: Ticket) -> None:
        now_s = self._clock()
        since_s = self._unheard_s.setdefault(ticket.slot, now_s)
        try:
            posted = self._mailbox.post(ticket, spares=now_s - since_s >= _PATIENCE_S)
        except BusyError as error:
            self._fail(ticket, error)
            return
        if self._ahead.running is not None and self._ahead.running != ticket.request:
            self._worker.cancel(self._ahead_job)
        if posted.interrupted is not None:
            self._worker.cancel(posted.interrupted.job_id)
        if posted.displaced is not None:
            self._fail(posted.displaced, superseded(posted.displaced))
        self._condition.notify_all()

    def _run(self) -> None:
        self._health.look_after(self._worker.start)
        while (ticket := self._next()) is not None:
            try:
                self._serve(ticket)
            except Exception as error:
                logger.exception("render %d for slot %d failed in the daemon", ticket.job_id, ticket.slot)
                self._finish_failed(WorkerError(f"{type(error).__name__}: {error}; see the daemon's log"))
            finally:
                self._note_told()
            self._health.note()

    def _next(self) -> Ticket | None:
        """Wait for the next render and put it in work; None when the service closes."""
        while True:
            with self._condition:
                if self._closing:
                    return None
                ticket = self._mailbox.start_next()
                if ticket is not None:
                    return ticket
                request = self._ahead.begin(self._clock(), self._is_there)
                if request is not None:
                    self._ahead_job = next(self._job_ids)
                else:
                    rest_s = self._ahead.wait_s(self._clock())
                    self._condition.wait(_IDLE_CHECK_S if not rest_s else min(rest_s, _IDLE_CHECK_S))
                idle = request is None and not self._mailbox.waiting and not self._closing
            if request is not None:
                self._make_ahead(request)
            elif idle:
                self._health.look_after(self._worker.tend)

    def _is_there(self, request: LoopRequest) -> bool:
        """Return whether a loop lies in the cache; nothing is made ahead before the model is loaded."""
        return self._worker.ready is None or self._worker.rest_s > 0 or self._store.find(request) is not None

    def _make_ahead(self, request: LoopRequest) -> None:
        """Render what nobody has asked for yet; whatever goes wrong is told to whoever asks for it."""
        began_s, made = self._clock(), False
        try:
            loop = self._worker.render(self._ahead_job, request)
            self._times.note(request, loop, self._clock() - began_s)
            self._store.keep(request, loop, on_disk=False)
            made = True
        except RiffError as error:
            logger.debug("a loop was not made ahead: %s", error)
        except Exception:
            logger.exception("a loop could not be made ahead; what is asked for is made all the same")
        with self._condition:
            self._ahead.end(began_s, self._clock(), made=made)
        self.counts["ahead" if made else "ahead given up"] += 1

    def _serve(self, ticket: Ticket) -> None:
        started_s = self._clock()
        cached = self._store.find(ticket.request)
        try:
            if cached is None:
                self._preview(ticket, started_s)
            loop = cached.loop if cached is not None else self._render(ticket, ticket.request)
        except RiffError as error:
            self._finish_failed(error)
            return
        with self._condition:
            wanted = self._mailbox.commit()
            self._telling = ticket.slot if wanted else None
        if cached is None and not wanted:
            self._store.keep(ticket.request, loop)
        if not wanted:
            self._finish_failed(cancelled(ticket))
            return
        try:
            path = self._store.publish(ticket.request, loop, cached)
        except RiffError as error:
            # The loop itself is good: asking again once the folder is mended costs no second render.
            self._store.keep(ticket.request, loop)
            self._finish_failed(error)
            return
        if cached is None:
            self._store.keep(ticket.request, loop, path)
        with self._condition:
            ticket = self._mailbox.finish()
        self._announce(ticket, loop, path, started_s, cached is not None)

    def _preview(self, ticket: Ticket, started_s: float) -> None:
        """Publish a draft first, where it comes in time for a bar that the loop itself would miss."""
        request = replace(ticket.request, quality=_DRAFT)
        full_s, draft_s = self._times.seconds(ticket.request), self._times.seconds(request)
        if full_s is None or draft_s is None or request == ticket.request:
            return
        if request.latents_tempo or ticket.base is not None:
            return
        cached, now_s = self._store.find(request), self._clock()
        ready_s = now_s if cached is not None else now_s + draft_s
        if not 0 < self._ready_bar(ready_s) < self._ready_bar(now_s + full_s):
            return
        loop = cached.loop if cached is not None else self._render(ticket, request)
        with self._condition:
            if self._mailbox.stop_code is not None:
                raise cancelled(ticket)
            self._telling = ticket.slot
        path = self._store.publish(request, replace(loop, stem=draft_name(loop.stem)), cached)
        if cached is None:
            self._store.keep(request, loop, path)
        self.counts["previewed"] += 1
        made, render_s = Loop(request, str(path), loop.sha256), self._clock() - started_s
        with self._condition:
            self._unheard_s.pop(ticket.slot, None)
            running = self._mailbox.running
        for origin in running.origins if running is not None else ():
            self._emit(Previewed(finished(origin, ticket.slot, made, render_s, cached is not None)))
        self._note_told()

    def _note_told(self) -> None:
        with self._condition:
            self._telling = None
            self._condition.notify_all()

    def _render(self, ticket: Ticket, request: LoopRequest) -> RenderedLoop:
        started_s = self._clock()
        report = progress_report(self._emit, lambda: self._mailbox.running, self._clock)
        self._worker.start()
        self._health.load_problem = ""
        with self._condition:
            if self._mailbox.stop_code is not None:
                raise cancelled(ticket)
        content = None if ticket.base is None else as_told(ticket.base)
        if content is not None:
            return self._worker.render(ticket.job_id, request, report, again=Again(content, denoise=False))
        loop = self._worker.render(ticket.job_id, request, report)
        self._times.note(request, loop, self._clock() - started_s)
        return loop

    def _finish_failed(self, error: RiffError) -> None:
        with self._condition:
            if self._mailbox.running is None:
                return
            stop_code, ticket = self._mailbox.stop_code, self._mailbox.finish()
        self._fail(ticket, error if stop_code is None else stopped(ticket, stop_code))

    def _publish_cached(self, ticket: Ticket, cached: CachedLoop, started_s: float) -> None:
        try:
            path = self._store.publish(ticket.request, cached.loop, cached)
        except RiffError as error:
            self._fail(ticket, error)
            return
        self._announce(ticket, cached.loop, path, started_s, cached=True)

    def _announce(
        self, ticket: Ticket, loop: RenderedLoop, path: Path, started_s: float, cached: bool
    ) -> None:
        render_s = self._clock() - started_s
        with self._condition:
            self._unheard_s.pop(ticket.slot, None)
        self.counts["cached" if cached else "rendered"] += 1
        self.counts["predicted"] += self._ahead.was_made_ahead(ticket.request)
        source = " from the cache" if cached else ""
        logger.info("slot %d: %s in %.3f s%s", ticket.slot, path.name, render_s, source)
        made = Loop(ticket.request, str(path), loop.sha256)
        for origin in ticket.origins:
            self._emit(finished(origin, ticket.slot, made, render_s, cached))

    def _forget_waiting(self, slot: int | None) -> None:
        """Let a slot begin anew to wait to be heard; None means every slot."""
        for each in tuple(self._unheard_s) if slot is None else (slot,):
            self._unheard_s.pop(each, None)

    def _fail(self, ticket: Ticket, error: RiffError) -> None:
        if error.code != SupersededError.code:
            self._forget_waiting(ticket.slot)
        for origin in ticket.origins:
            self._emit(Failed(origin, ticket.slot, error.code, str(error)))
