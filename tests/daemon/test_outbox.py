"""What the outbox promises: order, bounds, and that a bad surface harms nobody."""

from __future__ import annotations

import threading

from riffsidecar.control.surface import Submit
from riffsidecar.daemon.outbox import Outbox
from riffsidecar.session.events import Acked, Event, Failed, Origin, Progressed, StateChanged

ME = Origin("test")


class SlowSurface:
    """Show nothing until it may, and fail where told."""

    name = "slow"

    def __init__(self, fail_on: type[Event] | None = None) -> None:
        self.shown: list[Event] = []
        self.go = threading.Event()
        self.busy = threading.Event()
        self._fail_on = fail_on

    def start(self, submit: Submit) -> None:
        pass

    def notify(self, event: Event) -> None:
        self.busy.set()
        assert self.go.wait(10)
        if self._fail_on is not None and isinstance(event, self._fail_on):
            raise ZeroDivisionError("a defect")
        self.shown.append(event)

    def close(self) -> None:
        pass


def progress(fraction: float) -> Progressed:
    return Progressed(ME, 1, fraction, 0.0, "denoise")


def test_a_full_outbox_drops_the_oldest_progress_and_never_an_answer() -> None:
    surface = SlowSurface()
    outbox = Outbox(surface, limit=4)
    outbox.start()
    outbox.put(Acked(ME, 1))
    assert surface.busy.wait(10)
    for step in range(6):
        outbox.put(progress(step / 10))
    failures = [Failed(ME, 1, "render", str(index)) for index in range(6)]
    for failure in failures:
        outbox.put(failure)
    surface.go.set()
    outbox.close(10)
    assert surface.shown == [Acked(ME, 1), *failures]


def test_only_the_newest_state_waits() -> None:
    surface = SlowSurface()
    outbox = Outbox(surface)
    outbox.start()
    outbox.put(Acked(ME, 1))
    assert surface.busy.wait(10)
    for tempo in range(5):
        outbox.put(StateChanged({"tempo": tempo}))
    surface.go.set()
    outbox.close(10)
    assert surface.shown == [Acked(ME, 1), StateChanged({"tempo": 4})]


def test_a_surface_that_fails_gets_the_next_event_all_the_same() -> None:
    surface = SlowSurface(fail_on=Progressed)
    surface.go.set()
    outbox = Outbox(surface)
    outbox.start()
    outbox.put(progress(0.5))
    outbox.put(Acked(ME, 1))
    outbox.close(10)
    outbox.close()
    assert surface.shown == [Acked(ME, 1)]
