"""A worker of journeys that makes quiet noise at once, for tests of what surrounds it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from support_pipeline import DoubleRenderer

from riffsidecar.audio import LoopTags, Waveform, encode_wav
from riffsidecar.errors import CancelledError, RenderError
from riffsidecar.render.messages import Again, RenderedLoop
from riffsidecar.render.recipe import pack_journey
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.session.journeys import JourneyPart
from riffsidecar.session.requests import LoopRequest

__all__ = ["FakeJourneyWorker", "load_double", "load_either", "made"]


def made(part: JourneyPart) -> RenderedLoop:
    """Return a piece of seeded noise as the renderer of journeys writes it."""
    journey, piece = part.journey, part.piece
    rng = np.random.default_rng(journey.seed + part.index)
    samples = rng.uniform(-0.1, 0.1, (2, piece.num_samples)).astype(np.float32)
    columns = int(piece.bars * journey.window.columns / journey.window.bars)
    tags = LoopTags(
        title="double",
        bpm=journey.tempo.bpm,
        beats=Fraction(piece.bars * journey.meter.numerator),
        meter=journey.meter,
        recipe=pack_journey(journey, {"threads": "1"}, piece=part.index, anchor="tie"),
        latents=np.full((8, 32, columns), part.index, np.float16),
    )
    return RenderedLoop(
        wav=encode_wav(Waveform(samples, journey.sample_rate), journey.bit_depth, tags, is_loop=False),
        stem="riff_test",
        num_samples=piece.num_samples,
        sample_rate=journey.sample_rate,
        lufs=-14.0,
        seam={},
        timings={},
        environment={"threads": "1"},
    )


class JourneyDouble(DoubleRenderer):
    """Render parts in a worker process; the prompt ``refused`` fails at the second piece."""

    devices = ()

    def render(
        self, request: JourneyPart, progress: Callable[[str, float], None], again: Again | None = None
    ):  # type: ignore[no-untyped-def, override]
        """Render a part."""
        progress("denoise", 0.5)
        if request.journey.prompts[0] == "refused" and request.index:
            raise RenderError("refused on purpose")
        return made(request)


def load_double(settings: WorkerSettings) -> JourneyDouble:
    """Return the double at once."""
    return JourneyDouble(settings)


class EitherDouble(JourneyDouble):
    """Render parts of journeys, and loops."""

    def render(
        self,
        request: JourneyPart | LoopRequest,
        progress: Callable[[str, float], None],
        again: Again | None = None,
    ):  # type: ignore[no-untyped-def, override]
        """Render either."""
        if isinstance(request, JourneyPart):
            return super().render(request, progress, again)
        return DoubleRenderer.render(self, request, progress, again)


def load_either(settings: WorkerSettings) -> EitherDouble:
    """Return the double for both at once."""
    return EitherDouble(settings)


class FakeJourneyWorker:
    """A worker in this process that reports until it is let go or cancelled."""

    def __init__(self) -> None:
        self.parts: list[int] = []
        self.let_go = threading.Event()
        self.let_go.set()
        self.started = threading.Event()
        self.closed = threading.Event()
        self._cancelled = -1

    def render(
        self, job_id: int, request: JourneyPart, on_progress: Callable[[str, float], None] | None = None
    ) -> RenderedLoop:
        self.parts.append(request.index)
        self.started.set()
        while True:
            if self._cancelled == job_id:
                raise CancelledError("told to stop")
            if on_progress is not None:
                on_progress("denoise", 0.5)
            if self._cancelled == job_id:
                raise CancelledError("told to stop")
            if self.let_go.wait(0.005):
                return made(request)

    def cancel(self, job_id: int) -> None:
        self._cancelled = job_id

    def close(self, timeout_s: float = 3.0) -> None:
        self.closed.set()
