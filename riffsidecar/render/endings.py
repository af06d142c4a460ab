"""What those who asked are told: how far a render is, the loop that came of it, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from riffsidecar.audio.content import content_digest
from riffsidecar.errors import CancelledError, RiffError, SupersededError
from riffsidecar.render.mailbox import Ticket
from riffsidecar.session.events import Event, Finished, Origin, Progressed
from riffsidecar.session.loops import Loop

__all__ = ["as_told", "cancelled", "finished", "progress_report", "stopped", "superseded"]


def as_told(loop: Loop) -> bytes | None:
    """Return the content of a loop's file; None where it has gone or is another one by now."""
    try:
        content = Path(loop.path).read_bytes()
    except OSError:
        return None
    return content if content_digest(content) == loop.sha256 else None


def finished(origin: Origin, slot: int, loop: Loop, render_s: float, cached: bool) -> Finished:
    """Return the event that says that a loop lies in its file."""
    request = loop.request
    return Finished(
        origin=origin,
        slot=slot,
        path=loop.path,
        bars=float(request.bars),
        bpm=float(request.tempo),
        key=str(request.key) if request.key is not None else "",
        seed=request.seed,
        num_samples=request.num_samples,
        sample_rate=request.sample_rate,
        render_s=render_s,
        cached=cached,
        loop=loop,
    )


def progress_report(
    emit: Callable[[Event], None], running: Callable[[], Ticket | None], clock: Callable[[], float]
) -> Callable[[str, float], None]:
    """Return what tells everybody who waits for the running render how far it is, from now on."""
    started_s = clock()

    def report(stage: str, fraction: float) -> None:
        elapsed_s = clock() - started_s
        eta_s = elapsed_s * (1.0 - fraction) / fraction if fraction > 0 else 0.0
        ticket = running()
        if ticket is not None:
            for origin in ticket.origins:
                emit(Progressed(origin, ticket.slot, fraction, eta_s, stage))

    return report


def superseded(ticket: Ticket) -> SupersededError:
    """Return what a request ends in whose place a newer one took."""
    return SupersededError(
        f"a newer request for slot {ticket.slot} took the place of this one; wait for its loop"
    )


def cancelled(ticket: Ticket) -> CancelledError:
    """Return what a request ends in that was cancelled."""
    return CancelledError(f"the render for slot {ticket.slot} was cancelled; ask again when it is wanted")


def stopped(ticket: Ticket, code: str) -> RiffError:
    """Return what a render ends in that was stopped, by the code that says why."""
    return superseded(ticket) if code == SupersededError.code else cancelled(ticket)
