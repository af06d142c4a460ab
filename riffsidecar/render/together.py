"""Loops that differ in their seed alone, denoised in one run and handed out one by one.

A graphics card is hardly busier with four pictures than with one. The first of such requests is rendered with
those that follow it in mind: their latents wait here until they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from riffsidecar.session.requests import LoopRequest

__all__ = ["Together", "alike"]

Latents = NDArray[np.float16]


def alike(request: LoopRequest, others: Sequence[LoopRequest], at_once: int) -> tuple[LoopRequest, ...]:
    """Return a request and those right behind it that differ in their seed alone, ``at_once`` at most.

    >>> from riffsidecar.music import Tempo
    >>> first = LoopRequest(prompt="bass", tempo=Tempo.parse(120))
    >>> [each.seed for each in alike(first, [replace(first, seed=n) for n in (1, 2, 3)], 3)]
    [0, 1, 2]
    """
    found = [request]
    for other in others:
        if len(found) >= at_once or replace(other, seed=request.seed) != request:
            break
        found.append(other)
    return tuple(found)


@dataclass(slots=True)
class Together:
    """Hold the latents of loops that were denoised beside another, until they are asked for."""

    _digest: str = ""
    _waiting: dict[LoopRequest, tuple[Latents, int]] = field(default_factory=dict)

    def put(self, digest: str, requests: Sequence[LoopRequest], latents: Sequence[Latents]) -> None:
        """Let the loops wait that one model made beside another; what waited before is forgotten."""
        self._digest, count = digest, len(requests) + 1
        self._waiting = {request: (each, count) for request, each in zip(requests, latents, strict=True)}

    def take(self, digest: str, request: LoopRequest) -> tuple[Latents, int] | None:
        """Return the latents of a request, once, and how many loops were made with it; None if none waits.

        What another model made, or what something else was asked for before, is forgotten.
        """
        found = self._waiting.pop(request, None) if digest == self._digest else None
        if found is None:
            self._waiting.clear()
        return found
