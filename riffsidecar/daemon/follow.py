"""When loops follow the session, and when it is time to say what may come next."""

from __future__ import annotations

from collections import deque
from typing import Final

from riffsidecar.session.ahead import likely_next
from riffsidecar.session.commands import Command, SelectBank, SetKnob, SetTransport, TriggerPad
from riffsidecar.session.events import Origin
from riffsidecar.session.follow import Following, followed, followings, must_follow
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.state import Session

__all__ = ["FOLLOW", "Follower", "Forecaster"]

FOLLOW: Final = Origin("follow")
"""Who asks for loops that follow the tempo, the meter or the harmony."""

_SETTLE_S = 0.2
_REMEMBERED_HITS = 64


class Follower:
    """Wait a moment after a change, so that a tempo that is dragged asks for its newest value."""

    def __init__(self, settle_s: float = _SETTLE_S) -> None:
        """Wait for nothing."""
        self._settle_s = settle_s
        self.due_s: float | None = None

    def note(self, before: Session, after: Session, now_s: float) -> None:
        """Look at what a command has changed."""
        if self.due_s is None and must_follow(before, after):
            self.due_s = now_s + self._settle_s

    def take(self, session: Session, now_s: float) -> tuple[Session, tuple[Following, ...]]:
        """Return what has to change now, the slot played last first, and the session that asked for it."""
        if self.due_s is None or now_s < self.due_s:
            return session, ()
        self.due_s = None
        found = sorted(followings(session), key=lambda each: each.slot != session.last)
        for following in found:
            session = followed(session, following)
        return session, tuple(found)


class Forecaster:
    """Remember what was played, and say once it is quiet what may be played next."""

    def __init__(self, limit: int, settle_s: float = _SETTLE_S) -> None:
        """Know nothing; ``limit`` 0 never says anything."""
        self._limit = limit
        self._settle_s = settle_s
        self._moves: deque[SetKnob] = deque(maxlen=2)
        self._hits: deque[int] = deque(maxlen=_REMEMBERED_HITS)
        self._velocity: int | None = None
        self._is_turning = False
        self.due_s: float | None = None

    def note(self, command: Command, now_s: float) -> None:
        """Take note of a command; the forecast waits until no other comes."""
        match command:
            case SetTransport():
                # It changes no loop, and a host that tells where it is may do so all the time.
                return
            case SetKnob():
                self._moves.append(command)
                self._is_turning = True
            case TriggerPad():
                self._hits.append(command.pad)
                self._velocity, self._is_turning = command.velocity, False
            case SelectBank():
                self._is_turning = False
        self.look_again(now_s)

    def look_again(self, now_s: float) -> None:
        """Forecast anew in a moment: a command, or a loop that has come, may have changed what is next."""
        if self._limit:
            self.due_s = now_s + self._settle_s

    def take(self, session: Session, now_s: float) -> tuple[LoopRequest, ...] | None:
        """Return what is likely next, once after a while without commands; else None."""
        if self.due_s is None or now_s < self.due_s:
            return None
        self.due_s = None
        return likely_next(
            session,
            tuple(self._moves),
            self._velocity,
            hits=tuple(self._hits),
            is_turning=self._is_turning,
            limit=self._limit,
        )
