"""What the windows of a journey are to each kind of model: how a half enters, what is said of two halves.

A model that knows every column is told the prompts of each by itself. A model of pictures is told one text a
window, the blend at its middle; windows that overlap carry the prompts on steadily all the same. It keeps
time by a drawn groove, from which every window begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from riffsidecar.diffusion.blend import seeded_noise, slerp
from riffsidecar.diffusion.clip_text import encode_prompts
from riffsidecar.diffusion.conditioning import column_conditions, control_vector
from riffsidecar.diffusion.groove_start import groove_start
from riffsidecar.diffusion.guided_steps import conditions_at
from riffsidecar.diffusion.journey_grid import JourneyGrid, journey_grid
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.solvers import ConsistencySolver
from riffsidecar.diffusion.spectrogram_image import SpectrogramImageKind
from riffsidecar.diffusion.text import tokenize
from riffsidecar.diffusion.values import Conditions
from riffsidecar.session.journeys import JourneyRequest

__all__ = ["JourneyWindows", "Segment", "windows_of"]


@dataclass(slots=True)
class Segment:
    """Half a window on its way from noise to latents.

    Attributes:
        latents: (1, channels, rows, columns).
        mix: (texts, columns), the weight of each text.
        scheduler: a solver of its own.
        told: what else each text goes with, (texts, channels, columns).
        velocity: what all windows over it said at this step, weighted and added up.
        weight: the weights, added up, (columns,).
    """

    latents: Tensor
    mix: Tensor
    scheduler: Any
    told: Tensor
    velocity: Tensor = field(init=False)
    weight: Tensor = field(init=False)
    step: int = 0

    def __post_init__(self) -> None:
        """Begin with nothing said."""
        self.clear()

    def clear(self) -> None:
        """Forget what the windows said at the last step."""
        self.velocity = torch.zeros_like(self.latents)
        self.weight = torch.zeros_like(self.mix[0])

    def step_on(self) -> None:
        """Take one step with what all windows over the half window agreed on."""
        said = self.velocity / self.weight
        timestep = self.scheduler.timesteps[self.step]
        self.latents = self.scheduler.step(said, timestep, self.latents, return_dict=False)[0]
        self.step += 1
        self.clear()


class JourneyWindows(Protocol):
    """Know how one kind of model denoises the windows of a journey."""

    @property
    def grid(self) -> JourneyGrid:
        """Return how the windows are laid."""

    @property
    def num_steps(self) -> int:
        """Return how many steps a half window takes."""

    def entered(self, index: int) -> Segment:
        """Return a half window as the solver begins with it."""

    def said(self, index: int, left: Segment, right: Segment) -> Tensor:
        """Return the prediction (1, channels, rows, columns) for the window whose left half is ``index``."""


def windows_of(pipeline: LoopPipeline, journey: JourneyRequest, num_inference_steps: int) -> JourneyWindows:
    """Return the windows of a journey for the kind of a model."""
    kind = pipeline.kind
    if isinstance(kind, SpectrogramImageKind):
        return _PictureWindows(pipeline, kind, journey, num_inference_steps)
    return _ColumnWindows(pipeline, journey, num_inference_steps)


class _Windows:
    """Hold what all kinds share: the walk of the noise and the mix of the texts."""

    def __init__(self, pipeline: LoopPipeline, journey: JourneyRequest) -> None:
        self.grid = journey_grid(pipeline, journey)
        self._pipeline, self._journey = pipeline, journey
        self._device = pipeline.denoiser.device
        self._dtype = torch.float64 if pipeline.denoiser.dtype == torch.float64 else torch.float32

    def _mix(self, index: int) -> Tensor:
        journey = self._journey
        shape = (len(journey.texts), self.grid.segment_columns)
        mix = torch.zeros(shape, dtype=self._dtype, device=self._device)
        for column, bar in enumerate(self.grid.bars_of(index)):
            for text, weight in journey.weights(bar).items():
                mix[text, column] = weight
        return mix

    def _noise(self, index: int) -> Tensor:
        """Return the noise (1, channels, rows, columns): that of a loop, walked on bar by bar."""
        journey, half = self._journey, self.grid.half(index)
        channels, rows = self._pipeline.latent_shape
        parts: list[Tensor] = []
        bars = np.asarray(self.grid.bars_of(index))
        for bar in sorted(set(bars.tolist())):
            walk = journey.walk(bar)
            here = torch.from_numpy(bars == bar)
            parts.append(
                slerp(
                    seeded_noise(walk.seed, channels, rows, self.grid.columns)[..., half][..., here],
                    seeded_noise(walk.next_seed, channels, rows, self.grid.columns)[..., half][..., here],
                    walk.amount,
                )
            )
        return torch.cat(parts, dim=-1).to(self._device, self._dtype)[None]

    def _solver(self, num_inference_steps: int, start: float = 1.0) -> Any:
        scheduler = self._pipeline.scheduler
        own = type(scheduler).from_config(scheduler.config)
        own.set_timesteps(num_inference_steps, self._device, start=start)
        return own


class _ColumnWindows(_Windows):
    """Denoise windows with a `ColumnDenoiser`, each column with its own mix of prompts."""

    def __init__(self, pipeline: LoopPipeline, journey: JourneyRequest, num_inference_steps: int) -> None:
        super().__init__(pipeline, journey)
        self.num_steps = num_inference_steps
        rows = tokenize(pipeline.tokenizer, list(journey.texts))
        ids, mask, word_weights = (row.to(self._device) for row in rows)
        self._hidden = pipeline.text_encoder(ids, mask, word_weights)
        self._tokens = word_weights * mask
        window = self.grid.window
        controls = control_vector(
            window, density=journey.density, brightness=journey.brightness, energy=journey.energy
        )
        self._free_columns = column_conditions(window, None, None)
        # As in a loop, what is led away from knows no harmony and no controls.
        told = np.stack([controls] * len(journey.prompts) + [control_vector(window)])
        self._controls = torch.as_tensor(told).to(self._device, self._dtype)

    def entered(self, index: int) -> Segment:
        """Return a half window of pure noise, with all that it is told."""
        return Segment(
            self._noise(index), self._mix(index), self._solver(self.num_steps), self._conditions(index)
        )

    def _conditions(self, index: int) -> Tensor:
        journey, window, half = self._journey, self.grid.window, self.grid.half(index)
        chords = journey.chords_from(int(index // 2 * window.bars))
        columns = column_conditions(window, journey.key, chords)
        told = np.stack([columns[:, half]] * len(journey.prompts) + [self._free_columns[:, half]])
        return torch.as_tensor(told).to(self._device, self._dtype)

    def said(self, index: int, left: Segment, right: Segment) -> Tensor:
        """Return the velocities under every text that counts in the window, mixed column by column."""
        mix = torch.cat([left.mix, right.mix], dim=1)
        texts = [text for text in range(mix.shape[0]) if bool(mix[text].any())]
        count = len(texts)
        latents = torch.cat([left.latents, right.latents], dim=-1)
        timestep = left.scheduler.timesteps[left.step].to(latents.dtype)
        told = torch.cat([left.told, right.told], dim=-1)
        velocities = self._pipeline.denoiser(
            latents.expand(count, -1, -1, -1),
            timestep.expand(count),
            self._hidden[texts],
            self._tokens[texts],
            told[texts],
            self._controls[texts],
        ).to(latents.dtype)
        mixed: Tensor = (velocities * mix[texts][:, None, None, :]).sum(dim=0, keepdim=True)
        return mixed


class _PictureWindows(_Windows):
    """Denoise windows with Stable Diffusion's U-Net, from a drawn groove, with one blend of texts each."""

    def __init__(
        self,
        pipeline: LoopPipeline,
        kind: SpectrogramImageKind,
        journey: JourneyRequest,
        num_inference_steps: int,
    ) -> None:
        super().__init__(pipeline, journey)
        self._kind, self._asked_steps = kind, num_inference_steps
        self._hidden = encode_prompts(pipeline.text_encoder, pipeline.tokenizer, list(journey.texts))
        seam = pipeline.seam
        # The groove is a loop of the window's length, whatever the journey is.
        pipeline.set_seam("circular")
        self._groove, self._strength = groove_start(pipeline, self.grid.window, journey.groove)
        pipeline.set_seam(seam)
        self.num_steps = len(self._new_solver(0).timesteps)

    def _new_solver(self, index: int) -> Any:
        solver = self._solver(self._asked_steps, self._strength)
        if isinstance(solver, ConsistencySolver):
            solver.lie_within(self.grid.columns, self.grid.half(index))
        return solver

    def entered(self, index: int) -> Segment:
        """Return a half window of the groove under the noise of the first step, or of noise alone."""
        noise, solver = self._noise(index), self._new_solver(index)
        if self._groove is not None:
            groove = self._groove[..., self.grid.half(index)].to(noise.device, noise.dtype)[None]
            noise = solver.noised(groove, noise, 0)
        mix = self._mix(index)
        return Segment(noise, mix, solver, mix.new_zeros((len(mix), 0, mix.shape[1])))

    def said(self, index: int, left: Segment, right: Segment) -> Tensor:
        """Return the noise in a window: a circle where it is a loop by itself, else a line."""
        latents = torch.cat([left.latents, right.latents], dim=-1)
        timestep = left.scheduler.timesteps[left.step]
        solvers = left.scheduler, right.scheduler
        said = conditions_at(self._blend(left, right), left.step, self.num_steps, *solvers)
        is_loop = self._journey.form == "loops" and index % 2 == 0
        return self._kind.seen(latents, timestep, said, circular=is_loop)

    def _blend(self, left: Segment, right: Segment) -> Conditions:
        """Return the negative text and the blend of the prompts that the window has in the mean."""
        guidance = self._journey.guidance
        # On the CPU, because MPS has no doubles.
        weights = torch.cat([left.mix, right.mix], dim=1).cpu().double().mean(dim=1)[:-1]
        total = float(weights.sum())
        shares = weights / total if total else torch.eye(1, len(weights), dtype=weights.dtype)[0]
        prompts = self._hidden[:-1]
        wanted = torch.tensordot(shares.to(prompts.device, prompts.dtype), prompts, dims=1)
        guided = guidance != 1.0
        hidden = torch.stack([self._hidden[-1], wanted] if guided else [wanted])
        return Conditions(
            hidden_states=hidden,
            token_weights=hidden.new_ones(hidden.shape[:2]),
            mix=(1.0 - guidance, guidance) if guided else (1.0,),
            columns=hidden.new_zeros((len(hidden), 0, self.grid.columns)),
            controls=hidden.new_zeros((len(hidden), 0)),
            guided=self._journey.guided,
        )
