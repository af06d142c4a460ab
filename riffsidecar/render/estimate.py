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
"""Denoising steps of each quality: their ratio is the guess until a quality was rendered once."""

_NEWEST: Final = 0.4
"""How much the newest render counts: a machine that others use as well changes its pace."""


class RenderTimes:
    """Estimate renders from earlier ones of the same model; safe to use from several threads.

    Denoising takes time in the number of columns, for each quality its own: drafts may take other nets than
    the rest. All else takes time in the number of columns. How many steps are guided makes another model.
    """

    def __init__(self) -> None:
        """Know nothing yet."""
        self._denoise: dict[str, dict[str, float]] = {}
        self._rest: dict[str, float] = {}
        self._lock = threading.Lock()

    def note(self, request: LoopRequest, loop: RenderedLoop, seconds: float) -> None:
        """Learn from a render that took ``seconds``; one that was decoded alone says nothing of others."""
        denoise_s = min(seconds, loop.timings.get("denoise", 0.0))
        columns, model = request.length.columns, _model(request)
        if seconds <= 0.0 or denoise_s <= 0.0:
            return
        with self._lock:
            _blend(self._denoise.setdefault(model, {}), request.quality, denoise_s / columns)
            _blend(self._rest, model, (seconds - denoise_s) / columns)

    def seconds(self, request: LoopRequest) -> float | None:
        """Return how long a request will take, or None where nothing like it was made yet."""
        model = _model(request)
        with self._lock:
            known = self._denoise.get(model)
            if not known:
                return None
            guesses = [rate * _STEPS[request.quality] / _STEPS[quality] for quality, rate in known.items()]
            per_column = known.get(request.quality, sum(guesses) / len(guesses)) + self._rest[model]
        return per_column * request.length.columns


def _model(request: LoopRequest) -> str:
    return f"{request.model} {request.lora} {request.guided:g}"


def _blend(rates: dict[str, float], name: str, rate: float) -> None:
    rates[name] = _NEWEST * rate + (1.0 - _NEWEST) * rates.get(name, rate)
