"""Hold back what a stranger can cause too often: log lines, and answers to malformed packets."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

__all__ = ["LimitedLog", "RateLimit"]


class RateLimit:
    """A bucket of ``burst`` tokens that fills at ``per_s`` a second.

    >>> now = 0.0
    >>> limit = RateLimit(per_s=1.0, burst=2, clock=lambda: now)
    >>> [limit.allows() for _ in range(3)]
    [True, True, False]
    >>> now = 1.0
    >>> limit.allows()
    True
    """

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with a full bucket."""
        self._per_s = per_s
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._last_s = clock()
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Take a token if there is one."""
        with self._lock:
            now = self._clock()
            self._tokens = min(float(self._burst), self._tokens + max(0.0, now - self._last_s) * self._per_s)
            self._last_s = now
            if self._tokens < 1.0:
                return False
            self._tokens -= 1.0
            return True


class LimitedLog:
    """Log what strangers cause, a few lines a second; count the rest and say how many there were."""

    def __init__(
        self,
        logger: logging.Logger,
        per_s: float = 2.0,
        burst: int = 10,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Log to ``logger``."""
        self._logger = logger
        self._limit = RateLimit(per_s, burst, clock)
        self._lock = threading.Lock()
        self._held = 0

    def warning(self, message: str, *args: object) -> None:
        """Log a warning with %-arguments, or hold it back."""
        self._log(logging.WARNING, message, args, with_traceback=False)

    def exception(self, message: str, *args: object) -> None:
        """Log the exception that is being handled, with its traceback, or hold it back."""
        self._log(logging.ERROR, message, args, with_traceback=True)

    def _log(self, level: int, message: str, args: tuple[object, ...], *, with_traceback: bool) -> None:
        if not self._limit.allows():
            with self._lock:
                self._held += 1
            return
        with self._lock:
            held, self._held = self._held, 0
        if held:
            self._logger.warning("%d lines like the next one were held back", held)
        self._logger.log(level, message, *args, exc_info=with_traceback)
