"""Denoise a journey: windows that overlap by half and agree, on a line without end, in constant memory.

The idea is that of MultiDiffusion (Bar-Tal et al. 2023): at every step each window is denoised by itself, and
where windows overlap the velocities are averaged, so neighbours hold one and the same latents. A window is a
loop to the model, its loop phase counted along the whole journey: bar k has the phase of bar k mod window. A
journey that stands still is therefore that loop, repeated.

For a line, a weight that is zero at a window's edges keeps its own wrap out of the result. For a chain of
loops, the window of each loop counts in full, wrap and all, and the windows across the bar lines between
loops join in near those lines.

Step s + 1 of a half window needs step s of its neighbours and nothing else. So the steps are taken along a
diagonal: as a new half window enters at pure noise, the one before it takes its first step, the one before
that its second, and the oldest its last. As many half windows are alive as there are steps. Each is the
same, bit for bit, wherever the diagonal began, if only it began that many half windows earlier.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from riffsidecar.diffusion.journey_windows import Segment, windows_of
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.errors import DiffusionError
from riffsidecar.session.journeys import JourneyRequest

__all__ = ["JourneyDenoiser"]

Tick = Callable[[], None]
"""Called before every window; what it raises stops the work between two windows, and nothing is lost."""


class JourneyDenoiser:
    """Give the latents of half windows in their order, each when it is final.

    Args:
        pipeline: of either kind of model.
        journey: what to make.
        num_inference_steps: steps of the solver, from noise to latents.
        first: the first half window wanted; may be before the journey's first.
        last: the last one that exists; None where there is always one more.
        begin: where the line begins: no half window before it exists.
    """

    def __init__(
        self,
        pipeline: LoopPipeline,
        journey: JourneyRequest,
        num_inference_steps: int,
        *,
        first: int,
        last: int | None,
        begin: int,
    ) -> None:
        with torch.inference_mode():
            self._windows = windows_of(pipeline, journey, num_inference_steps)
        self.grid = self._windows.grid
        self._steps = self._windows.num_steps
        self._is_chain = journey.form == "loops"
        self._begin = max(begin, first - self._steps)
        self._last = last
        self._next = first
        self._front = self._begin
        self._diagonal_step = 0
        self._segments: dict[int, Segment] = {}
        self._ready: dict[int, Tensor] = {}

    @property
    def alive(self) -> int:
        """Return how many half windows are held now."""
        return len(self._segments) + len(self._ready)

    @property
    def next_index(self) -> int:
        """Return the number of the half window that `take` gives next."""
        return self._next

    @property
    def windows_to_go(self) -> int:
        """Return about how many windows are denoised before `take` can give the next half window."""
        return (
            max(0, self._next + self._steps - self._front) * self._steps + self._steps - (self._diagonal_step)
        )

    def take(self, tick: Tick) -> Tensor:
        """Return the next half window's latents (channels, rows, columns), float32 on the CPU.

        Raises:
            DiffusionError: the journey is over.
        """
        if self._last is not None and self._next > self._last:
            raise DiffusionError(f"half window {self._next} is behind the end of the journey")
        while self._next not in self._ready:
            tick()
            self._advance()
        latents = self._ready.pop(self._next)
        self._next += 1
        return latents

    @torch.inference_mode()
    def _advance(self) -> None:
        """Denoise one window, or let a half window enter; the state changes only when that is done."""
        front, step = self._front, self._diagonal_step
        exists = self._last is None or front <= self._last
        if step == 0 and exists and front not in self._segments:
            self._segments[front] = self._windows.entered(front)
            return
        left, right = front - 1 - step, front - step
        if step >= self._steps or left < self._begin:
            self._front, self._diagonal_step = front + 1, 0
            return
        a, b = self._segments.get(left), self._segments.get(right)
        if a is not None and b is not None:
            said = self._windows.said(left, a, b)
            weights = self._weights(left, said)
            half = a.latents.shape[-1]
            for segment, part in ((a, slice(0, half)), (b, slice(half, 2 * half))):
                weight = weights[part]
                segment.velocity = segment.velocity + weight * said[..., part]
                segment.weight = segment.weight + weight
        if a is not None:
            self._finish(left, a)
        self._diagonal_step = step + 1

    def _finish(self, index: int, segment: Segment) -> None:
        """Take one step, the last of which gives the half window away."""
        segment.step_on()
        if segment.step == self._steps:
            del self._segments[index]
            if index >= self._next:
                self._ready[index] = segment.latents[0].float().cpu()

    def _weights(self, index: int, like: Tensor) -> Tensor:
        """Return the weights (columns,) of a window, by whether it is an even one."""
        columns = like.shape[-1]
        if self._is_chain and index % 2 == 0:
            return like.new_ones(columns)
        at = (torch.arange(columns, dtype=like.dtype, device=like.device) + 0.5) / columns
        return torch.sin(torch.pi * at) ** 2
