"""Keep what waits and what runs: the newest request of a slot wins.

A value without threads, clock or files; the service owns the lock around it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from riffsidecar.errors import BusyError, RenderError
from riffsidecar.session.events import Origin
from riffsidecar.session.loops import Loop
from riffsidecar.session.requests import LoopRequest

__all__ = ["MAX_JOINED", "Cancelled", "Mailbox", "Posted", "Ticket"]

MAX_JOINED: Final = 64
"""How many requesters may wait for one render: each of them is told of each of its steps."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Stand for one render: its slot, its request, the key of the request and everybody who asked for it.

    ``base`` is a loop of the same latents, which are then decoded alone.
    """

    job_id: int
    slot: int
    key: str
    request: LoopRequest
    origins: tuple[Origin, ...]
    base: Loop | None = None

    def __post_init__(self) -> None:
        """Refuse a ticket that nobody asked for.

        Raises:
            RenderError: there is no origin.
        """
        if not self.origins:
            raise RenderError(
                f"render {self.job_id} for slot {self.slot} has no requester; give at least one origin"
            )


@dataclass(frozen=True, slots=True)
class Posted:
    """Tell what a new request did: join an equal one, displace a waiting one, interrupt the running one."""

    joined: bool = False
    displaced: Ticket | None = None
    interrupted: Ticket | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Tell what a cancel did: the waiting renders it took away and the running one it interrupted."""

    withdrawn: tuple[Ticket, ...] = ()
    interrupted: Ticket | None = None


class Mailbox:
    """Hold at most one running render, and at most one waiting render a slot.

    Slots are served in the order in which they began to wait; a newer request takes the place of the older
    one in the line, so that a knob in motion does not push its slot to the end for ever.
    """

    __slots__ = ("_capacity", "_committed", "_running", "_stop_code", "_waiting")

    def __init__(self, capacity: int = 64) -> None:
        """Make an empty mailbox for at most ``capacity`` waiting slots."""
        self._capacity = capacity
        self._waiting: dict[int, Ticket] = {}
        self._running: Ticket | None = None
        self._stop_code: str | None = None
        self._committed = False

    @property
    def running(self) -> Ticket | None:
        """The render in work, or None."""
        return self._running

    @property
    def waiting(self) -> tuple[Ticket, ...]:
        """The waiting renders, next first."""
        return tuple(self._waiting.values())

    @property
    def stop_code(self) -> str | None:
        """Why the running render is to stop, ``superseded`` or ``cancelled``, or None."""
        return self._stop_code

    def post(self, ticket: Ticket, *, spares: bool = False) -> Posted:
        """Put ``ticket`` in and return what it did to the ones before it.

        An equal request that waits or runs in the same slot is joined: both requesters get the one loop.
        With ``spares`` the running render of the slot is let end, so that a slot whose knob never rests is
        heard all the same.

        Raises:
            BusyError: as many slots wait as the mailbox holds, or as many requesters wait for the render.
        """
        slot = ticket.slot
        before = self._waiting.get(slot)
        if before is not None and before.key == ticket.key:
            self._waiting[slot] = _join(before, ticket)
            return Posted(joined=True)
        running = self._running if self._running is not None and self._running.slot == slot else None
        if running is not None and running.key == ticket.key and self._stop_code is None:
            self._running = _join(running, ticket)
            return Posted(joined=True, displaced=self._waiting.pop(slot, None))
        if before is None and len(self._waiting) >= self._capacity:
            raise BusyError(
                f"{self._capacity} slots are waiting for a render already; wait for one to finish or "
                "cancel some"
            )
        self._waiting[slot] = ticket
        if running is None or self._committed or spares or self._stop_code is not None:
            return Posted(displaced=before)
        self._stop_code = "superseded"
        return Posted(displaced=before, interrupted=running)

    def start_next(self) -> Ticket | None:
        """Move the render that waits longest to work and return it; None when nothing waits.

        Raises:
            RenderError: a render is in work already.
        """
        if self._running is not None:
            raise RenderError(
                f"render {self._running.job_id} is in work; finish it before the next one starts"
            )
        if not self._waiting:
            return None
        slot = next(iter(self._waiting))
        self._running = self._waiting.pop(slot)
        return self._running

    def commit(self) -> bool:
        """Return whether the running render may be published; after True nothing interrupts it any more."""
        self._committed = self._running is not None and self._stop_code is None
        return self._committed

    def finish(self) -> Ticket:
        """Take the running render out, with everybody who joined it meanwhile.

        Raises:
            RenderError: nothing is in work.
        """
        if self._running is None:
            raise RenderError("no render is in work; start one before finishing it")
        ticket, self._running = self._running, None
        self._stop_code = None
        self._committed = False
        return ticket

    def cancel(self, slot: int | None, code: str = "cancelled") -> Cancelled:
        """Take the waiting render of ``slot`` out and mark its running one to stop; None means every slot.

        ``code`` is why: ``cancelled``, or ``superseded`` where a finished loop from the cache takes the
        place.
        """
        slots = tuple(self._waiting) if slot is None else (slot,)
        withdrawn = tuple(self._waiting.pop(each) for each in slots if each in self._waiting)
        running = self._running
        if running is None or self._committed or (slot is not None and running.slot != slot):
            return Cancelled(withdrawn)
        if self._stop_code is None:
            self._stop_code = code
        return Cancelled(withdrawn, running)


def _join(ticket: Ticket, other: Ticket) -> Ticket:
    # Who gives no name to a request cannot tell two endings apart: a pad that is hit again and again over
    # MIDI is one requester.
    known = frozenset(ticket.origins)
    more = tuple(origin for origin in other.origins if origin.request_id or origin not in known)
    if more and len(ticket.origins) + len(more) > MAX_JOINED:
        raise BusyError(
            f"the loop of slot {ticket.slot} was asked for {len(ticket.origins)} times already while it is "
            "being rendered; wait for it"
        )
    return replace(ticket, origins=ticket.origins + more)
