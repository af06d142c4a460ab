"""What a command made of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from riffsidecar.errors import RiffError
from riffsidecar.session.journey_command import StartJourney
from riffsidecar.session.journeys import JourneyRequest
from riffsidecar.session.loops import Loop
from riffsidecar.session.requests import LoopRequest

if TYPE_CHECKING:
    from riffsidecar.session.state import Session

__all__ = ["Announcement", "Outcome"]


@dataclass(frozen=True, slots=True)
class Announcement:
    """A loop that lies in a file already and is current, or told of, again.

    ``may_remake``: whether it may be made anew should its file be gone. ``supersedes``: whether it takes the
    place of what its slot renders and waits for.
    """

    slot: int
    loop: Loop
    may_remake: bool
    supersedes: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command made: the session after it, slots with what to render there, and slots to stop.

    ``problem`` is what kept a turned knob from rendering the last loop anew; the knob is turned all the same.
    ``announcements`` are earlier loops to tell of, ``journeys`` are to begin in their slots. ``marks`` are
    loops that became favourites, or, with False, are none any more.
    """

    session: Session
    renders: tuple[tuple[int, LoopRequest], ...] = ()
    cancels: tuple[int, ...] = ()
    problem: RiffError | None = None
    announcements: tuple[Announcement, ...] = ()
    journeys: tuple[tuple[StartJourney, JourneyRequest], ...] = ()
    marks: tuple[tuple[Loop, bool], ...] = ()
