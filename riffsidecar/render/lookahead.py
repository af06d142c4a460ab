"""What is rendered while nothing was asked for: bounded, last in line, and given up at once.

A value without threads or files; the service owns the lock around it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from riffsidecar.session.requests import LoopRequest

__all__ = ["AHEAD_SHARE", "LookAhead"]

AHEAD_SHARE: Final = 0.75
"""The part of idle time that goes into looking ahead; the rest belongs to the DAW."""

_MAX_REMEMBERED: Final = 1024


class LookAhead:
    """Hold what is likely to be asked for next, and say when the next of it may be rendered.

    Args:
        limit: how many loops may be made ahead from one state of the session; 0 makes none.
        share: the part of idle time that may be spent, above 0 to 1.
        is_allowed: whether anything may be made ahead now.

    Attributes:
        running: what is being made ahead.
    """

    __slots__ = ("_is_allowed", "_limit", "_made", "_rest_until_s", "_share", "_wanted", "running")

    def __init__(
        self,
        limit: int = 24,
        share: float = AHEAD_SHARE,
        is_allowed: Callable[[], bool] = lambda: True,
    ) -> None:
        self._limit = limit
        self._share = share
        self._is_allowed = is_allowed
        self._wanted: list[LoopRequest] = []
        self._made: dict[str, None] = {}
        self._rest_until_s = 0.0
        self.running: LoopRequest | None = None

    def foresee(self, requests: Sequence[LoopRequest]) -> bool:
        """Take what is likely now, in place of all before; return whether the running one is none of it."""
        self._wanted = list(requests[: self._limit])
        if self.running is None:
            return False
        if self.running in self._wanted:
            self._wanted.remove(self.running)
            return False
        return True

    def begin(self, now_s: float, is_there: Callable[[LoopRequest], bool]) -> LoopRequest | None:
        """Return the likeliest loop that is not there yet, and take it in work; None while there is rest."""
        if now_s < self._rest_until_s or not self._wanted or not self._is_allowed():
            return None
        while self._wanted:
            request = self._wanted.pop(0)
            if not is_there(request):
                self.running = request
                return request
        return None

    def end(self, began_s: float, now_s: float, *, made: bool) -> None:
        """Note how it went; an equal share of time is left to others."""
        request, self.running = self.running, None
        self._rest_until_s = now_s + (now_s - began_s) * (1.0 - self._share) / self._share
        if made and request is not None:
            self._made[request.digest] = None
            while len(self._made) > _MAX_REMEMBERED:
                self._made.pop(next(iter(self._made)))

    def wait_s(self, now_s: float) -> float | None:
        """Return the seconds until the next may be made; None where nothing is wanted."""
        return max(0.0, self._rest_until_s - now_s) if self._wanted else None

    def was_made_ahead(self, request: LoopRequest) -> bool:
        """Return whether a loop was made before it was asked for, and forget it."""
        return self._made.pop(request.digest, 0) is None
