"""Say what the render service needs of a worker and of a drop folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from riffsidecar.render.messages import Again, Ready, RenderedLoop
from riffsidecar.session.requests import LoopRequest

__all__ = ["Drop", "Worker"]


class Worker(Protocol):
    """Render one job at a time; what ``RenderWorker`` does in a process of its own."""

    @property
    def ready(self) -> Ready | None:
        """What the model said when it was loaded, or None before."""

    def start(self) -> Ready:
        """Load the model."""

    def render(
        self,
        job_id: int,
        request: LoopRequest,
        on_progress: Callable[[str, float], None] | None = None,
        *,
        again: Again | None = None,
    ) -> RenderedLoop:
        """Render ``request``, or from the latents of the loop ``again``."""

    @property
    def rest_s(self) -> float:
        """How many seconds it stays down yet because it died too often."""

    def tend(self) -> bool:
        """Come back to life when dead, and return whether it lives."""

    def cancel(self, job_id: int) -> None:
        """Stop the render ``job_id`` at its next step."""

    def close(self, timeout_s: float = 3.0) -> None:
        """End."""


class Drop(Protocol):
    """Take whole files; what ``DropFolder`` does."""

    def publish(self, name_stem: str, wav: bytes, /) -> Path:
        """Publish ``wav`` under a new name."""
