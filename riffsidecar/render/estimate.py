"""How long a render will take, learnt from those that were made: seconds per latent column."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from riffsidecar.render.messages import RenderedLoop
from riffsidecar.session.requests import LoopRequest

__all__ = ["RenderTimes"]

_STEPS: Final[Mapping[str, int]] = MappingProxyType({"draft": 6, "normal": 12, "fine": 20})
"""Denoising steps of each quality of the embedded model; only their ratio counts, and only for a guess."""

_NEWEST: Final = 0.4
"""How much the newest render counts: a machine that others use as well changes its pace."""


class RenderTimes:
    """Estimate renders from earlier ones of the same model; safe to use from several threads.

    Denoising takes time in the number of columns and steps, all else in the number of columns.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._per_step: dict[str, float] = {}
        self._rest: dict[str, float] = {}
        self._lock = threading.Lock()

    def note(self, request: LoopRequest, loop: RenderedLoop, seconds: float) -> None:
        """Learn from a render that took ``seconds``; one that was decoded alone says nothing of others."""
        denoise_s = min(seconds, loop.timings.get("denoise", 0.0))
        columns, model = request.length.columns, _model(request)
        if seconds <= 0.0 or denoise_s <= 0.0:
            return
        with self._lock:
            _blend(self._per_step, model, denoise_s / columns / _STEPS[request.quality])
            _blend(self._rest, model, (seconds - denoise_s) / columns)

    def seconds(self, request: LoopRequest) -> float | None:
        """Return how long a request will take, or None where nothing like it was made yet."""
        model = _model(request)
        with self._lock:
            if model not in self._per_step:
                return None
            per_column = self._per_step[model] * _STEPS[request.quality] + self._rest[model]
        return per_column * request.length.columns


def _model(request: LoopRequest) -> str:
    return f"{request.model} {request.lora}"


def _blend(rates: dict[str, float], model: str, rate: float) -> None:
    rates[model] = _NEWEST * rate + (1.0 - _NEWEST) * rates.get(model, rate)
