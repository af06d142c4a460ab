"""Apply commands to the session, one after the other on one thread, and hand the renders they ask for on.

The only writer of the session. Knob moves wait for 50 ms, counted from the first of them, so that a turned
knob asks for a render of its newest state and not of every state between.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from riffsidecar.daemon.bars import BarKeeper
from riffsidecar.daemon.follow import FOLLOW, Follower, Forecaster
from riffsidecar.errors import BusyError, CancelledError, RiffError
from riffsidecar.session.commands import Command, SetKnob
from riffsidecar.session.events import Acked, Envelope, Event, Failed, Origin, StateChanged
from riffsidecar.session.journeys import JourneyRequest
from riffsidecar.session.loops import Loop
from riffsidecar.session.passages import Passage
from riffsidecar.session.reports import EndJourney, Landed
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.state import Announcement, Outcome, Session

__all__ = ["DEBOUNCE_S", "Conductor", "Journeys", "Service"]

logger = logging.getLogger(__name__)

DEBOUNCE_S = 0.05
_CAPACITY = 4096
_STOPPING = "the daemon is stopping; send the command again when it runs"


class Service(Protocol):
    """Render requests; what ``RenderService`` does."""

    def submit(
        self, slot: int, request: LoopRequest, origins: list[Origin], base: Loop | None = None
    ) -> None:
        """Ask for a render; ``base`` is a loop of the same latents."""

    def foresee(self, requests: Sequence[LoopRequest]) -> None:
        """Take what is likely to be asked for next."""

    def announce(self, announcement: Announcement, origins: list[Origin]) -> None:
        """Tell of a loop that lies in its file already."""

    def make_way(self, slot: int) -> None:
        """Stop what a slot renders and waits for because something newer takes its place."""

    def cancel(self, slot: int | None) -> None:
        """Cancel what a slot renders and waits for."""


class Journeys(Protocol):
    """Play journeys; what ``JourneyPlayer`` does."""

    def holds(self, slot: int) -> bool:
        """Tell whether the journey that plays goes on in a slot."""

    def play(
        self, slots: range, journey: JourneyRequest, origin: Origin, given: tuple[tuple[str, Any], ...] = ()
    ) -> None:
        """Begin a journey, its pieces in one slot after the other; ``given`` is what its command named."""

    def cancel(self, slot: int | None) -> None:
        """Stop the journey of a slot."""

    def make_way(self, slot: int) -> None:
        """Stop the journey of a slot because a loop is asked for there."""


@dataclass(frozen=True, slots=True)
class _Pending:
    due_s: float
    request: LoopRequest
    origins: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class _Problem:
    source: str
    text: str


class Conductor:
    """Own the session: take envelopes from any thread, apply them in their order, tell what came of it."""

    def __init__(
        self,
        session: Session,
        service: Service,
        emit: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
        journeys: Journeys | None = None,
        on_mark: Callable[[Loop, bool], None] = lambda loop, starred: None,
        bars: BarKeeper | None = None,
        forecaster: Forecaster | None = None,
        check: Callable[[Command], None] = lambda command: None,
    ) -> None:
        """Prepare a conductor; nothing runs before ``start``.

        ``on_mark`` is told of loops that become favourites, and of those that are none any more. ``bars`` is
        told of tempo, meter and transport; ``forecaster`` says what may be asked for next. ``check`` raises a
        RiffError for what the session cannot know to be impossible.
        """
        self._bars = bars
        self._check = check
        self._forecaster = forecaster or Forecaster(0)
        self._follower = Follower()
        self._on_mark = on_mark
        self._journeys = journeys
        self._session = session
        self._service = service
        self._emit = emit
        self._clock = clock
        self._queue: queue.Queue[Envelope | _Problem | None] = queue.Queue(_CAPACITY)
        self._pending: dict[int, _Pending] = {}
        self._come: deque[Landed | EndJourney] = deque()
        self._noted: deque[_Problem] = deque()
        self._problems: dict[str, str] = {}
        self._problem = ""
        self._shown: dict[str, object] = {}
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="riffsidecar-session", daemon=True)

    @property
    def session(self) -> Session:
        """The session as it is now."""
        return self._session

    def start(self) -> None:
        """Show the first state and begin to take commands."""
        self._absorb()
        self._show_state()
        self._thread.start()

    def submit(self, envelope: Envelope) -> None:
        """Queue a command; never blocks.

        Raises:
            BusyError: more commands wait than the daemon takes.
            CancelledError: the daemon is stopping.
        """
        if self._closed.is_set():
            raise CancelledError(_STOPPING)
        try:
            self._queue.put_nowait(envelope)
        except queue.Full:
            raise BusyError(
                f"{_CAPACITY} commands are waiting already; send fewer, or wait a moment"
            ) from None

    def note_loop(self, slot: int, loop: Loop, passage: Passage | None = None) -> None:
        """Take note of a loop that has come, before any command that is submitted after this."""
        self._come.append(Landed(slot, loop, passage))
        self._wake()

    def note_end(self, journey: JourneyRequest) -> None:
        """Take note that no more loops of a journey come."""
        self._come.append(EndJourney(journey))
        self._wake()

    def note_problem(self, source: str, text: str) -> None:
        """Show a lasting problem of ``source``, as a preset that cannot be read, in the state; "" ends it."""
        self._noted.append(_Problem(source, text))
        self._wake()

    def _wake(self) -> None:
        """Have what was noted looked at; what waits in a full queue does so as well."""
        with contextlib.suppress(queue.Full):
            self._queue.put_nowait(_NOTHING)

    def close(self, timeout_s: float = 1.0) -> None:
        """Stop to take commands and answer those that wait; closing twice is closing once."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._thread.is_alive():
            try:
                self._queue.put(None, timeout=timeout_s / 2)
            except queue.Full:
                logger.warning("commands that still wait are left unanswered")
            self._thread.join(timeout_s / 2)
        elif self._thread.ident is None:
            self._turn_away()

    def _run(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=self._time_to_flush_s())
            except queue.Empty:
                item = _NOTHING
            if item is None:
                break
            try:
                self._take(item)
                self._flush(self._clock())
            except Exception:
                logger.exception("a command failed in the daemon")
        for slot in tuple(self._pending):
            self._drop_pending(slot)
        self._turn_away()

    def _turn_away(self) -> None:
        """Answer what slipped in between the look at "closed" and the end."""
        while not self._queue.empty():
            late = self._queue.get()
            if isinstance(late, Envelope):
                self._emit(Failed(late.origin, None, CancelledError.code, _STOPPING))

    def _take(self, item: Envelope | _Problem) -> None:
        self._absorb()
        if isinstance(item, Envelope):
            self._apply(item)

    def _absorb(self) -> None:
        """Take note of the loops that have come, and of problems that have come or gone."""
        while self._noted:
            noted = self._noted.popleft()
            self._problems[noted.source] = noted.text
            self._problem = "; ".join(text for text in self._problems.values() if text)
            self._show_state()
        landed, before = False, self._session
        while self._come:
            come, landed = self._come.popleft(), True
            try:
                self._session = self._session.apply(come).session
            except RiffError as error:
                # The loop lies in its file and its requester hears of it; only the session goes without.
                logger.error("the session took no note of a %s: %s", type(come).__name__, error)
        if landed:
            now_s = self._clock()
            self._follower.note(before, self._session, now_s)
            self._forecaster.look_again(now_s)
            self._show_state()

    def _apply(self, envelope: Envelope) -> None:
        origin = envelope.origin
        try:
            self._check(envelope.command)
            outcome = self._session.apply(envelope.command)
        except RiffError as error:
            self._emit(Failed(origin, None, error.code, str(error)))
            return
        except Exception as error:
            logger.exception("%s failed", type(envelope.command).__name__)
            self._emit(Failed(origin, None, "internal", _defect(error)))
            return
        now_s = self._clock()
        self._follower.note(self._session, outcome.session, now_s)
        self._session = outcome.session
        if self._bars is not None:
            self._bars.take(self._session, envelope.command)
        self._forecaster.note(envelope.command, now_s)
        for slot in outcome.cancels:
            self._drop_pending(slot)
            self._service.cancel(slot)
            if self._journeys is not None:
                self._journeys.cancel(slot)
        for command, journey in outcome.journeys:
            if self._journeys is not None:
                for slot in command.slots:
                    self._drop_pending(slot)
                    self._service.make_way(slot)
                self._journeys.play(command.slots, journey, origin, command.options)
        if outcome.problem is not None:
            self._emit(Failed(origin, None, outcome.problem.code, str(outcome.problem)))
        elif not (outcome.renders or outcome.announcements or outcome.journeys):
            self._emit(Acked(origin, None))
        self._ask(outcome, origin, at_once=not isinstance(envelope.command, SetKnob))
        self._tell(outcome, origin)
        for loop, starred in outcome.marks:
            self._on_mark(loop, starred)
        self._show_state()

    def _ask(self, outcome: Outcome, origin: Origin, at_once: bool) -> None:
        for slot, request in outcome.renders:
            before = self._pending.pop(slot, None)
            # The newest request holds every earlier move of a knob, so it answers those as well.
            origins = tuple(dict.fromkeys((*(before.origins if before is not None else ()), origin)))
            if at_once:
                self._hand_on(slot, request, origins)
            else:
                due_s = before.due_s if before is not None else self._clock() + DEBOUNCE_S
                self._pending[slot] = _Pending(due_s, request, origins)

    def _tell(self, outcome: Outcome, origin: Origin) -> None:
        for announcement in outcome.announcements:
            if announcement.supersedes:
                self._drop_pending(announcement.slot)
                if self._journeys is not None:
                    self._journeys.make_way(announcement.slot)
            try:
                self._service.announce(announcement, [origin])
            except Exception as error:
                logger.exception("the loop of slot %d could not be told of", announcement.slot)
                self._emit(Failed(origin, announcement.slot, "internal", _defect(error)))

    def _flush(self, now_s: float) -> None:
        for slot, pending in tuple(self._pending.items()):
            if pending.due_s <= now_s:
                del self._pending[slot]
                self._hand_on(slot, pending.request, pending.origins)
        self._follow(now_s)
        likely = self._forecaster.take(self._session, now_s)
        if likely is not None:
            self._service.foresee(likely)

    def _follow(self, now_s: float) -> None:
        """Ask for what loops become under another tempo, meter or harmony; what they keep stays as it is."""
        self._session, found = self._follower.take(self._session, now_s)
        for following in found:
            if following.request is None:
                logger.warning("the loop of slot %d cannot follow: %s", following.slot, following.problem)
            elif self._journeys is None or not self._journeys.holds(following.slot):
                before = self._pending.pop(following.slot, None)
                origins = before.origins if before is not None else (FOLLOW,)
                self._hand_on(following.slot, following.request, origins, following.decoded_from)

    def _hand_on(
        self, slot: int, request: LoopRequest, origins: tuple[Origin, ...], base: Loop | None = None
    ) -> None:
        try:
            if self._journeys is not None:
                self._journeys.make_way(slot)
            if base is None:
                self._service.submit(slot, request, list(origins))
            else:
                self._service.submit(slot, request, list(origins), base)
        except Exception as error:
            logger.exception("the render for slot %d could not be asked for", slot)
            for origin in origins:
                self._emit(Failed(origin, slot, "internal", _defect(error)))

    def _time_to_flush_s(self) -> float | None:
        others = (self._follower.due_s, self._forecaster.due_s)
        due_s = [pending.due_s for pending in self._pending.values()]
        due_s += [other for other in others if other is not None]
        return max(0.0, min(due_s) - self._clock()) if due_s else None

    def _drop_pending(self, slot: int) -> None:
        pending = self._pending.pop(slot, None)
        for origin in pending.origins if pending is not None else ():
            text = f"the render for slot {slot} was cancelled; ask again when it is wanted"
            self._emit(Failed(origin, slot, CancelledError.code, text))

    def _show_state(self) -> None:
        state = {**self._session.state_dict(), "problem": self._problem}
        if state != self._shown:
            self._shown = state
            self._emit(StateChanged(state))


def _defect(error: Exception) -> str:
    return f"{type(error).__name__}: {error}; this is a defect, the daemon's log has the details"


_NOTHING = _Problem("", "")
