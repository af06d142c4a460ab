"""Play journeys beside the pads: one at a time, the newest wins, and the pads come first.

A journey has a worker process of its own, which is started for it and ends with it. It is asked for one
window after another and is stopped between two windows as soon as a pad's loop is rendered; when that is
done, it goes on where it stopped. Should loops be rendered without a break, it takes a turn now and then.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from riffsidecar.errors import CancelledError, RiffError, SupersededError
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.journeys import JOURNEY_FACTORY, Published, publish_journey
from riffsidecar.render.messages import RenderedLoop
from riffsidecar.render.settings import DEFAULT_FACTORY, WorkerSettings
from riffsidecar.session.events import Acked, Event, Failed, Finished, Origin, Progressed
from riffsidecar.session.journeys import JourneyPart, JourneyRequest
from riffsidecar.session.loops import Loop
from riffsidecar.session.passages import Passage

__all__ = ["AHEAD_S", "JourneyPlayer", "JourneyWorker", "journey_settings"]

logger = logging.getLogger(__name__)

AHEAD_S = 60.0
"""How many seconds of sound an endless journey is ahead of whoever plays it from its first piece on."""

_LONGEST_PAUSE_S = 5.0
_TURN_S = 1.0
_LOOK_S = 0.05
_NICER = 5
_PATIENCE_S = 2.0
"""How long a loop that takes a journey's place waits for a piece that is on its way into the folder."""


def journey_settings(settings: WorkerSettings) -> WorkerSettings:
    """Return the settings of the worker for journeys beside that for pads: it steps back further."""
    factory = JOURNEY_FACTORY if settings.factory == DEFAULT_FACTORY else settings.factory
    return replace(settings, factory=factory, nice=min(19, settings.nice + _NICER))


class JourneyWorker(Protocol):
    """Render parts of journeys; what ``RenderWorker`` does with the factory of journeys."""

    def render(
        self, job_id: int, request: JourneyPart, on_progress: Callable[[str, float], None] | None = None
    ) -> RenderedLoop:
        """Render a part, or go on with one that was stopped."""

    def cancel(self, job_id: int) -> None:
        """Stop the render ``job_id`` at its next step."""

    def close(self, timeout_s: float = 3.0) -> None:
        """End."""


@dataclass(slots=True)
class _Tour:
    """One journey that was asked for; ``stop`` says why it is to stop."""

    slots: range
    journey: JourneyRequest
    origin: Origin
    given: tuple[tuple[str, Any], ...] = ()
    stop: RiffError | None = None
    job_id: int = -1
    made: int = 0
    made_s: float = 0.0
    since_s: float | None = field(default=None)

    @property
    def slot(self) -> int:
        """The slot of the piece that is made."""
        return self.slots[self.made % len(self.slots)]

    @property
    def coming(self) -> frozenset[int]:
        """The slots of this piece and of those that follow."""
        count = self.journey.num_pieces
        left = len(self.slots) if count is None else min(len(self.slots), count - self.made)
        return frozenset(self.slots[(self.made + ahead) % len(self.slots)] for ahead in range(left))


class JourneyPlayer:
    """Make the journey that was asked for last, piece by piece, on a thread of its own.

    Args:
        new_worker: makes a worker that is not started yet.
        drop: takes the files.
        emit: is told what happens; must not block.
        busy: says whether a loop is rendered for a pad.
        on_end: is told of each journey once no more pieces of it come; must not block.
        clock: seconds.
    """

    def __init__(
        self,
        new_worker: Callable[[], JourneyWorker],
        drop: DropFolder,
        emit: Callable[[Event], None],
        busy: Callable[[], bool],
        on_end: Callable[[JourneyRequest], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._new_worker, self._drop, self._emit = new_worker, drop, emit
        self._busy, self._on_end, self._clock = busy, on_end, clock
        self._job_ids = itertools.count(1)
        self._condition = threading.Condition()
        self._waiting: _Tour | None = None
        self._running: _Tour | None = None
        self._worker: JourneyWorker | None = None
        self._closing = False
        self._is_resting = self._is_telling = False
        self._thread: threading.Thread | None = None

    @property
    def is_making(self) -> bool:
        """Whether anything is made for a journey now; an endless one that is far enough ahead rests."""
        return self.is_playing and not self._is_resting

    @property
    def is_playing(self) -> bool:
        """Whether a journey runs or waits."""
        return self._waiting is not None or self._running is not None

    def holds(self, slot: int) -> bool:
        """Tell whether pieces are still to come in a slot."""
        tour = self._waiting or self._running
        return tour is not None and slot in tour.coming

    def play(
        self, slots: range, journey: JourneyRequest, origin: Origin, given: tuple[tuple[str, Any], ...] = ()
    ) -> None:
        """Begin a journey, its pieces in one slot after the other; the one that runs is stopped.

        ``given`` are the options that its command named.
        """
        tour = _Tour(slots, journey, origin, given)
        self._emit(Acked(origin, tour.slot))
        with self._condition:
            if self._closing:
                self._fail(tour, CancelledError("the daemon is stopping; ask again when it runs"))
                return
            self._stop_all(SupersededError("a newer journey took the place of this one; wait for its pieces"))
            self._waiting = tour
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="riffsidecar-journey", daemon=True)
                self._thread.start()
            self._condition.notify_all()

    def cancel(self, slot: int | None) -> None:
        """Stop the journey, if pieces of it are still to come in ``slot``; None is any."""
        with self._condition:
            if slot is None or self.holds(slot):
                self._stop_all(CancelledError("the journey was cancelled; its finished pieces stay"))

    def make_way(self, slot: int) -> None:
        """Stop the journey of a slot because a loop is asked for there; what is published is told first."""
        with self._condition:
            if self.holds(slot):
                text = f"a newer request for slot {slot} took the place of the journey; its pieces stay"
                self._stop_all(SupersededError(text))
                self._condition.wait_for(lambda: not self._is_telling, _PATIENCE_S)

    def close(self, timeout_s: float = 2.0) -> None:
        """Stop everything and end the worker; closing twice is closing once."""
        with self._condition:
            self._closing = True
            self._stop_all(CancelledError("the daemon is stopping; the finished pieces of the journey stay"))
            worker, thread = self._worker, self._thread
            self._condition.notify_all()
        if worker is not None:
            worker.close(timeout_s * 0.75)
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s * 0.25)

    def _stop_all(self, why: RiffError) -> None:
        if self._waiting is not None:
            self._fail(self._waiting, why)
            self._on_end(self._waiting.journey)
            self._waiting = None
        running = self._running
        if running is not None and running.stop is None:
            running.stop = why
            if self._worker is not None:
                self._worker.cancel(running.job_id)
        self._condition.notify_all()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._running = None
                while self._waiting is None and not self._closing:
                    self._condition.wait()
                if self._closing:
                    return
                tour, self._waiting = self._waiting, None
                self._running = tour
                self._worker = self._new_worker()
            if tour is not None:
                self._travel(tour, self._worker)
            self._worker.close()

    def _travel(self, tour: _Tour, worker: JourneyWorker) -> None:
        def ask(part: JourneyPart) -> RenderedLoop:
            return self._asked(tour, worker, part)

        try:
            for published in publish_journey(ask, self._drop, tour.journey):
                self._announce(tour, published)
                self._note_told()
                self._keep_pace(tour)
        except RiffError as error:
            self._fail(tour, tour.stop or error)
        except Exception as error:
            logger.exception("the journey of slot %d failed in the daemon", tour.slot)
            text = f"{type(error).__name__}: {error}; this is a defect, the daemon's log has the details"
            self._emit(Failed(tour.origin, tour.slot, "internal", text))
        finally:
            self._note_told()
            self._on_end(tour.journey)

    def _begin_telling(self, tour: _Tour) -> None:
        """Let whatever takes the journey's place wait for a piece that is published now."""
        with self._condition:
            if tour.stop is not None:
                raise tour.stop
            self._is_telling = True

    def _note_told(self) -> None:
        with self._condition:
            self._is_telling = False
            self._condition.notify_all()

    def _asked(self, tour: _Tour, worker: JourneyWorker, part: JourneyPart) -> RenderedLoop:
        """Render a part, in as many goes as the pads leave it."""
        started_s = self._clock()
        while True:
            self._pause(tour)
            job_id = next(self._job_ids)
            turn_until_s = self._clock() + _TURN_S
            with self._condition:
                if tour.stop is not None:
                    raise tour.stop
                tour.job_id = job_id

            def report(
                stage: str, fraction: float, job_id: int = job_id, until_s: float = turn_until_s
            ) -> None:
                self._tell(tour, part, stage, fraction, started_s)
                if self._clock() > until_s and self._busy():
                    worker.cancel(job_id)

            try:
                loop = worker.render(job_id, part, report)
                if tour.journey.form != "file":
                    self._begin_telling(tour)
                return loop
            except CancelledError:
                if tour.stop is not None:
                    raise tour.stop from None
                if not self._busy() and self._clock() <= turn_until_s:
                    raise

    def _pause(self, tour: _Tour) -> None:
        """Wait while a pad's loop is rendered, but not for ever."""
        until_s = self._clock() + _LONGEST_PAUSE_S
        with self._condition:
            while self._busy() and tour.stop is None and self._clock() < until_s:
                self._condition.wait(_LOOK_S)

    def _keep_pace(self, tour: _Tour) -> None:
        """Wait while an endless journey is far enough ahead."""
        if not tour.journey.endless:
            return
        with self._condition:
            while tour.stop is None and tour.since_s is not None:
                ahead_s = tour.made_s - (self._clock() - tour.since_s)
                if ahead_s <= AHEAD_S:
                    break
                self._is_resting = True
                self._condition.wait(min(1.0, ahead_s - AHEAD_S))
            self._is_resting = False

    def _tell(self, tour: _Tour, part: JourneyPart, stage: str, fraction: float, started_s: float) -> None:
        elapsed_s = self._clock() - started_s
        eta_s = elapsed_s * (1.0 - fraction) / fraction if fraction > 0 else 0.0
        count = tour.journey.num_pieces
        whole = fraction if count is None else (part.index + fraction) / count
        self._emit(Progressed(tour.origin, tour.slot, whole, eta_s, stage))

    def _announce(self, tour: _Tour, published: Published) -> None:
        journey = tour.journey
        if tour.since_s is None:
            tour.since_s = self._clock()
        tour.made_s += published.num_samples / published.sample_rate
        logger.info("slot %d: %s in %.3f s", tour.slot, published.path.name, published.render_s)
        loop, passage = _as_loop(tour, published)
        self._emit(
            Finished(
                origin=tour.origin,
                slot=tour.slot,
                path=str(published.path),
                bars=float(published.bars),
                bpm=float(journey.tempo),
                key=str(journey.key) if journey.key is not None else "",
                seed=journey.seed,
                num_samples=published.num_samples,
                sample_rate=published.sample_rate,
                render_s=published.render_s,
                cached=False,
                loop=loop,
                passage=passage,
            )
        )
        with self._condition:
            tour.made += 1

    def _fail(self, tour: _Tour, error: RiffError) -> None:
        self._emit(Failed(tour.origin, tour.slot, error.code, str(error)))


def _as_loop(tour: _Tour, published: Published) -> tuple[Loop, Passage] | tuple[None, None]:
    """Return what the session keeps of a piece; nothing of what is no loop, as a file of some minutes.

    What comes after the journey was stopped is told of, and changes nothing in its slot.
    """
    if published.piece is None or tour.stop is not None:
        return None, None
    passage = Passage(tour.journey, published.piece, tour.given)
    try:
        return Loop(passage.request, str(published.path), published.sha256), passage
    except RiffError:
        return None, None
