"""Carry events to one surface on a thread of its own, so that a slow surface holds nobody up.

The queue is bounded: when it is full the oldest progress goes first, then an older state; answers that a
client waits for are never dropped.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque

from riffsidecar.control.surface import Surface
from riffsidecar.session.events import Event, Progressed, StateChanged

__all__ = ["Outbox"]

logger = logging.getLogger(__name__)


class Outbox:
    """Queue events for ``surface`` and deliver them in order."""

    def __init__(self, surface: Surface, limit: int = 1024) -> None:
        """Prepare an outbox that begins to thin out at ``limit`` events."""
        self._surface = surface
        self._limit = limit
        self._queue: deque[Event] = deque()
        self._condition = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(
            target=self._run, name=f"riffsidecar-events-{surface.name}", daemon=True
        )

    def start(self) -> None:
        """Start to deliver."""
        self._thread.start()

    def put(self, event: Event) -> None:
        """Queue ``event``; never blocks."""
        with self._condition:
            if isinstance(event, StateChanged):
                self._drop_first(StateChanged)
            elif len(self._queue) >= self._limit:
                self._drop_first(Progressed)
            self._queue.append(event)
            self._condition.notify()

    def close(self, timeout_s: float = 0.5) -> None:
        """Deliver what is queued, for ``timeout_s`` at most, and end."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _drop_first(self, kind: type[Event]) -> None:
        for index, queued in enumerate(self._queue):
            if isinstance(queued, kind):
                del self._queue[index]
                return

    def _run(self) -> None:
        while True:
            with self._condition:
                while not self._queue and not self._closing:
                    self._condition.wait()
                if not self._queue:
                    return
                event = self._queue.popleft()
            self._deliver(event)

    def _deliver(self, event: Event) -> None:
        started_s = time.monotonic()
        try:
            self._surface.notify(event)
        except Exception:
            # A surface is at the edge of the process; its defect costs this one event, not the daemon.
            logger.exception("surface %s failed to show %s", self._surface.name, type(event).__name__)
        took_s = time.monotonic() - started_s
        if took_s > 0.5:
            logger.warning(
                "surface %s took %.1f s to show %s", self._surface.name, took_s, type(event).__name__
            )
