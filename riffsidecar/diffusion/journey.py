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
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from riffsidecar.diffusion.blend import seeded_noise, slerp
from riffsidecar.diffusion.conditioning import column_conditions, control_vector
from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.scheduler import FlowAdamsBashforthScheduler
from riffsidecar.diffusion.text import tokenize
from riffsidecar.errors import DiffusionError
from riffsidecar.session.journeys import JourneyRequest

__all__ = ["JourneyDenoiser"]

Tick = Callable[[], None]
"""Called before every window; what it raises stops the work between two windows, and nothing is lost."""


@dataclass(slots=True)
class _Segment:
    """Half a window on its way from noise to latents."""

    latents: Tensor
    conditions: Tensor
    mix: Tensor
    scheduler: FlowAdamsBashforthScheduler
    velocity: Tensor
    weight: Tensor
    step: int = field(default=0)


class JourneyDenoiser:
    """Give the latents of half windows in their order, each when it is final.

    Args:
        pipeline: with a `ColumnDenoiser`.
        journey: what to make.
        num_inference_steps: steps of the solver.
        first: the first half window wanted; may be before the journey's first.
        last: the last one that exists; None where there is always one more.
        begin: where the line begins: no half window before it exists.

    Raises:
        DiffusionError: a pipeline whose model does not know its columns.
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
        if not isinstance(pipeline.denoiser, ColumnDenoiser):
            raise DiffusionError(
                "a journey needs a model that knows the place of every column, as the embedded one does; "
                f"this checkpoint has a {type(pipeline.denoiser).__name__}"
            )
        self._pipeline, self._journey, self._steps = pipeline, journey, num_inference_steps
        self._device = pipeline.denoiser.device
        self._dtype = torch.float64 if pipeline.denoiser.dtype == torch.float64 else torch.float32
        self._columns = journey.segment_columns
        self._begin = max(begin, first - num_inference_steps)
        self._last = last
        self._next = first
        self._front = self._begin
        self._diagonal_step = 0
        self._segments: dict[int, _Segment] = {}
        self._ready: dict[int, Tensor] = {}
        self._weights = self._window_weights()
        self._controls = torch.as_tensor(
            control_vector(
                journey.window,
                density=journey.density,
                brightness=journey.brightness,
                energy=journey.energy,
            )
        ).to(self._device, self._dtype)
        with torch.inference_mode():
            ids, mask, word_weights = (
                t.to(self._device) for t in tokenize(pipeline.tokenizer, list(journey.texts))
            )
            self._hidden = pipeline.text_encoder(ids, mask, word_weights)
            self._tokens = word_weights * mask

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
            self._segments[front] = self._entered(front)
            return
        left, right = front - 1 - step, front - step
        if step >= self._steps or left < self._begin:
            self._front, self._diagonal_step = front + 1, 0
            return
        a, b = self._segments.get(left), self._segments.get(right)
        if a is not None and b is not None:
            velocity = self._window_velocity(a, b)
            odd = left % 2
            half = self._columns
            for segment, part in ((a, slice(0, half)), (b, slice(half, 2 * half))):
                weight = self._weights[odd][part]
                segment.velocity = segment.velocity + weight * velocity[..., part]
                segment.weight = segment.weight + weight
        if a is not None:
            self._finish(left, a)
        self._diagonal_step = step + 1

    def _finish(self, index: int, segment: _Segment) -> None:
        """Take one step with the velocity that all windows over the half window agreed on."""
        scheduler = segment.scheduler
        velocity = segment.velocity / segment.weight
        segment.latents = scheduler.step(
            velocity, scheduler.timesteps[segment.step], segment.latents, return_dict=False
        )[0]
        segment.step += 1
        segment.velocity = torch.zeros_like(segment.velocity)
        segment.weight = torch.zeros_like(segment.weight)
        if segment.step == self._steps:
            del self._segments[index]
            if index >= self._next:
                self._ready[index] = segment.latents[0].float().cpu()

    def _window_velocity(self, a: _Segment, b: _Segment) -> Tensor:
        """Return the mixed velocity (1, channels, rows, columns) of the window of two halves at one step."""
        mix = torch.cat([a.mix, b.mix], dim=1)
        texts = [index for index in range(mix.shape[0]) if bool(mix[index].any())]
        count = len(texts)
        latents = torch.cat([a.latents, b.latents], dim=-1)
        timestep = a.scheduler.timesteps[a.step].to(latents.dtype)
        conditions = torch.cat([a.conditions, b.conditions], dim=1)
        velocities = self._pipeline.denoiser(
            latents.expand(count, -1, -1, -1),
            timestep.expand(count),
            self._hidden[texts],
            self._tokens[texts],
            conditions.expand(count, -1, -1),
            self._controls.expand(count, -1),
        ).to(latents.dtype)
        mixed: Tensor = (velocities * mix[texts][:, None, None, :]).sum(dim=0, keepdim=True)
        return mixed

    def _window_weights(self) -> tuple[Tensor, Tensor]:
        """Return the weights (columns,) of even and of odd windows."""
        columns = 2 * self._columns
        at = (torch.arange(columns, dtype=self._dtype, device=self._device) + 0.5) / columns
        rising = torch.sin(torch.pi * at) ** 2
        if self._journey.form == "loops":
            return torch.ones_like(rising), rising
        return rising, rising

    def _entered(self, index: int) -> _Segment:
        """Return a half window of pure noise, with all that it is told."""
        journey = self._journey
        scheduler = FlowAdamsBashforthScheduler.from_config(self._pipeline.scheduler.config)
        scheduler.set_timesteps(self._steps, self._device)
        noise = self._noise(index).to(self._device, self._dtype)[None]
        mix = torch.zeros((len(journey.texts), self._columns), dtype=self._dtype, device=self._device)
        for column, bar in enumerate(self._bars(index)):
            for text, weight in journey.weights(bar).items():
                mix[text, column] = weight
        zero = torch.zeros(self._columns, dtype=self._dtype, device=self._device)
        return _Segment(
            latents=noise,
            conditions=self._conditions(index),
            mix=mix,
            scheduler=scheduler,
            velocity=torch.zeros_like(noise),
            weight=zero,
        )

    def _bars(self, index: int) -> list[int]:
        """Return the bar, counted along the journey, in which each column of a half window begins."""
        window = self._journey.window
        first = index * self._columns
        return [int((first + n) * window.bars / window.columns // 1) for n in range(self._columns)]

    def _half(self, index: int) -> slice:
        """Return the columns of a half window in the even window that it belongs to."""
        return slice(0, self._columns) if index % 2 == 0 else slice(self._columns, 2 * self._columns)

    def _conditions(self, index: int) -> Tensor:
        journey = self._journey
        window = journey.window
        chords = journey.chords_from(int(index // 2 * window.bars))
        columns = column_conditions(window, journey.key, chords)[:, self._half(index)]
        return torch.as_tensor(np.ascontiguousarray(columns)).to(self._device, self._dtype)

    def _noise(self, index: int) -> Tensor:
        """Return the noise (channels, rows, columns): that of a loop, walked on bar by bar."""
        journey = self._journey
        channels, rows = self._pipeline.latent_shape
        columns = journey.window.columns
        half = self._half(index)
        parts: list[Tensor] = []
        bars = np.asarray(self._bars(index))
        for bar in sorted(set(bars.tolist())):
            walk = journey.walk(bar)
            here = torch.from_numpy(bars == bar)
            parts.append(
                slerp(
                    seeded_noise(walk.seed, channels, rows, columns)[..., half][..., here],
                    seeded_noise(walk.next_seed, channels, rows, columns)[..., half][..., here],
                    walk.amount,
                )
            )
        return torch.cat(parts, dim=-1)
