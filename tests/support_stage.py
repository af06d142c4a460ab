"""A stage for performances: the real service on the clock of a worker that takes a known time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from support_pipeline import DIGEST, wav_bytes

from riffsidecar.errors import CancelledError
from riffsidecar.music import Meter, Tempo
from riffsidecar.render.cache import LoopCache
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.lookahead import LookAhead
from riffsidecar.render.messages import Again, Ready, RenderedLoop
from riffsidecar.render.service import RenderService
from riffsidecar.session.events import Event, Finished, Origin, Previewed
from riffsidecar.session.loops import Loop
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.transport import Transport

STEPS = {"draft": 6, "normal": 12, "fine": 20}
STEP_S = 0.1
REST_S = 0.6
RESTS = 4
REQUEST = LoopRequest(prompt="bass", tempo=Tempo.parse(120), bars=Fraction(1))


class PacedWorker:
    """Render in the time of a clock of its own, which it moves; ``at_step`` is called at each step."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.idle_s = 0.5
        self.at_idle: Callable[[], None] = lambda: None
        self.ready: Ready | None = None
        self.rest_s = 0.0
        self.renders: list[tuple[str, str, bool]] = []
        self.at_step: Callable[[LoopRequest, int], None] = lambda request, step: None
        self._stopped: set[int] = set()
        self.idle = threading.Event()

    def clock(self) -> float:
        return self.now_s

    def start(self) -> Ready:
        self.ready = Ready(DIGEST, {}, 0.0)
        return self.ready

    def render(
        self,
        job_id: int,
        request: LoopRequest,
        on_progress: Callable[[str, float], None] | None = None,
        *,
        again: Again | None = None,
    ) -> RenderedLoop:
        self.renders.append((request.label, request.quality, again is not None))
        steps = 0 if again is not None else STEPS[request.quality]
        for step in range(steps):
            self.at_step(request, step)
            self.now_s += STEP_S
            self._check(job_id)
        for step in range(RESTS):
            self.at_step(request, steps + step)
            self.now_s += REST_S / RESTS
            self._check(job_id)
        wav, timings = wav_bytes(request), {"denoise": steps * STEP_S}
        return RenderedLoop(wav, "riff", request.num_samples, 44100, -14.0, {}, timings, {})

    def tend(self) -> bool:
        self.now_s += self.idle_s
        self.at_idle()
        self.idle.set()
        return True

    def _check(self, job_id: int) -> None:
        if job_id in self._stopped:
            raise CancelledError("stopped")

    def cancel(self, job_id: int) -> None:
        self._stopped.add(job_id)

    def close(self, timeout_s: float = 3.0) -> None:
        pass


class Stage:
    """A service that plays against a transport, on the worker's clock."""

    def __init__(self, folder: Path, ahead: int = 0, bpm: float = 120) -> None:
        self.worker = PacedWorker()
        self.events: list[Event] = []
        self.changed = threading.Condition()
        self.song = Transport(Tempo.parse(bpm), Meter(4, 4)).started(0.0)
        self.service = RenderService(
            self.worker,
            DropFolder(folder),
            LoopCache(100_000_000),
            self._emit,
            self.worker.clock,
            ahead=LookAhead(ahead),
            ready_bar=lambda ready_s: self.song.ready_bar(ready_s),
        )

    def _emit(self, event: Event) -> None:
        with self.changed:
            self.events.append(event)
            self.changed.notify_all()

    def loops(self) -> list[tuple[str, str, str]]:
        """Return what has come: preview or done, the label and the quality."""
        found = []
        for event in self.events:
            come = event.loop if isinstance(event, Previewed) else event
            if isinstance(come, Finished) and come.loop is not None:
                kind = "preview" if isinstance(event, Previewed) else "done"
                found.append((kind, come.loop.request.label, come.loop.request.quality))
        return found

    def ask(self, label: str, slot: int = 1, base: Loop | None = None, **fields: object) -> LoopRequest:
        request = replace(REQUEST, label=label, **fields)  # type: ignore[arg-type]
        self.service.submit(slot, request, [Origin("test", "me", label)], base)
        return request

    def wait(self, ready: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(ready, timeout=20), self.events

    def done(self, label: str) -> bool:
        return any(kind == "done" and name == label for kind, name, _ in self.loops())
