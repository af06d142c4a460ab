"""Apply commands to the session, one after the other on one thread, and hand the renders they ask for on.

The only writer of the session. Knob moves wait for 50 ms, counted from the first of them, so that a turned
knob asks for a render of its newest state and not of every state between.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from riffsidecar.errors import BusyError, CancelledError, RiffError
from riffsidecar.session.commands import Render, TriggerPad
from riffsidecar.session.events import Acked, Envelope, Event, Failed, Origin, StateChanged
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.state import Outcome, Session

__all__ = ["DEBOUNCE_S", "Conductor", "Service"]

logger = logging.getLogger(__name__)

DEBOUNCE_S = 0.05
_CAPACITY = 4096
_STOPPING = "the daemon is stopping; send the command again when it runs"


class Service(Protocol):
    """Render requests; what ``RenderService`` does."""

    def submit(self, slot: int, request: LoopRequest, origins: list[Origin]) -> None:
        """Ask for a render."""

    def cancel(self, slot: int | None) -> None:
        """Cancel what a slot renders and waits for."""


@dataclass(frozen=True, slots=True)
class _Pending:
    due_s: float
    request: LoopRequest
    origins: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class _Problem:
    text: str


class Conductor:
    """Own the session: take envelopes from any thread, apply them in their order, tell what came of it."""

    def __init__(
        self,
        session: Session,
        service: Service,
        emit: Callable[[Event], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare a conductor; nothing runs before ``start``."""
        self._session = session
        self._service = service
        self._emit = emit
        self._clock = clock
        self._queue: queue.Queue[Envelope | _Problem | None] = queue.Queue(_CAPACITY)
        self._pending: dict[int, _Pending] = {}
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

    def note_problem(self, text: str) -> None:
        """Show a lasting problem, as a preset that cannot be read, in the state; "" when it is over."""
        try:
            self._queue.put_nowait(_Problem(text))
        except queue.Full:
            logger.warning("not shown, the daemon is busy: %s", text)

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
        while not self._queue.empty():
            # They slipped in between the look at "closed" and the end.
            late = self._queue.get()
            if isinstance(late, Envelope):
                self._emit(Failed(late.origin, None, CancelledError.code, _STOPPING))

    def _take(self, item: Envelope | _Problem) -> None:
        if isinstance(item, Envelope):
            self._apply(item)
        elif item is not _NOTHING:
            self._problem = item.text
            self._show_state()

    def _apply(self, envelope: Envelope) -> None:
        origin = envelope.origin
        try:
            outcome = self._session.apply(envelope.command)
        except RiffError as error:
            self._emit(Failed(origin, None, error.code, str(error)))
            return
        except Exception as error:
            logger.exception("%s failed", type(envelope.command).__name__)
            self._emit(Failed(origin, None, "internal", _defect(error)))
            return
        self._session = outcome.session
        for slot in outcome.cancels:
            self._drop_pending(slot)
            self._service.cancel(slot)
        if outcome.problem is not None:
            self._emit(Failed(origin, None, outcome.problem.code, str(outcome.problem)))
        elif not outcome.renders:
            self._emit(Acked(origin, None))
        self._ask(outcome, origin, at_once=isinstance(envelope.command, TriggerPad | Render))
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

    def _flush(self, now_s: float) -> None:
        for slot, pending in tuple(self._pending.items()):
            if pending.due_s <= now_s:
                del self._pending[slot]
                self._hand_on(slot, pending.request, pending.origins)

    def _hand_on(self, slot: int, request: LoopRequest, origins: tuple[Origin, ...]) -> None:
        try:
            self._service.submit(slot, request, list(origins))
        except Exception as error:
            logger.exception("the render for slot %d could not be asked for", slot)
            for origin in origins:
                self._emit(Failed(origin, slot, "internal", _defect(error)))

    def _time_to_flush_s(self) -> float | None:
        if not self._pending:
            return None
        return max(0.0, min(pending.due_s for pending in self._pending.values()) - self._clock())

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


_NOTHING = _Problem("")
