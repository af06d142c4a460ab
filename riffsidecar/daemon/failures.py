"""Say in the log what failed: whoever hit a pad on a controller, or over UDP, may see no words at all."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from riffsidecar.control.leds import STOPPED
from riffsidecar.control.limits import LimitedLog
from riffsidecar.session.events import Failed

__all__ = ["FailureLog"]

logger = logging.getLogger(__name__)

_LOGGED: Final = ("internal", *STOPPED)
"""Defects have their traceback in the log already, and what somebody stopped is no failure."""

_SPEAKING: Final = ("keys",)
"""Surfaces that say what failed themselves, on the same terminal."""

_AT_ONCE_S: Final = 0.05


class FailureLog:
    """Log a line for each request that failed: one, however many moves of a knob had asked for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Know of no failure."""
        self._clock = clock
        self._log = LimitedLog(logger, clock=clock)
        self._last: tuple[int | None, str] = (None, "")
        self._last_s = clock() - _AT_ONCE_S

    def note(self, failed: Failed) -> None:
        """Log a failure, unless it is the one before told to somebody else."""
        if failed.code in _LOGGED or failed.origin.surface in _SPEAKING:
            return
        now_s, what = self._clock(), (failed.slot, failed.text)
        before, before_s, self._last, self._last_s = self._last, self._last_s, what, now_s
        if what == before and now_s - before_s < _AT_ONCE_S:
            return
        where = "" if failed.slot is None else f" slot {failed.slot}:"
        surface = failed.origin.surface
        self._log.warning("failed:%s %s (%s, over %s)", where, failed.text, failed.code, surface)
