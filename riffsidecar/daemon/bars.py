"""Know where the bars lie, for every thread of the daemon."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from riffsidecar.session.commands import Command, SetTransport
from riffsidecar.session.events import Event, Finished, Previewed
from riffsidecar.session.state import Session
from riffsidecar.session.transport import Transport

__all__ = ["BarKeeper"]


class BarKeeper:
    """Hold the transport of a session: told by MIDI clock, Live or a client, else counted from its start."""

    def __init__(self, session: Session, clock: Callable[[], float] = time.monotonic) -> None:
        """Stand still at bar 1."""
        self._clock = clock
        self._lock = threading.Lock()
        self._transport = Transport(session.tempo, session.meter, clock())

    @property
    def transport(self) -> Transport:
        """The transport as it is now."""
        return self._transport

    def take(self, session: Session, command: Command) -> None:
        """Take note of what a command has made of tempo, meter and transport."""
        now_s = self._clock()
        with self._lock:
            song = self._transport.retimed(now_s, session.tempo, session.meter)
            if isinstance(command, SetTransport):
                song = song.started(now_s, command.position) if command.is_playing else song.stopped(now_s)
            self._transport = song

    def ready_bar(self, ready_s: float) -> int:
        """Return the first bar that a loop can sound in that is ready at a time; 0 while nothing plays."""
        return self._transport.ready_bar(ready_s)

    def stamped(self, event: Event) -> Event:
        """Return a loop that has come with the bar that it is ready for; other events as they are."""
        match event:
            case Finished():
                return replace(event, bar=self.ready_bar(self._clock()))
            case Previewed():
                return replace(event, loop=replace(event.loop, bar=self.ready_bar(self._clock())))
        return event
