"""The embedded kind of model: beat time, rectified flow, columns that know their place."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from riffsidecar.diffusion.blend import velocity_mix
from riffsidecar.diffusion.conditioning import column_conditions, control_vector
from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.diffusion.flow_map import destination_embedding, flow_map_mix
from riffsidecar.diffusion.kinds import Components, Prompts
from riffsidecar.diffusion.locks import reimposed
from riffsidecar.diffusion.text import tokenize
from riffsidecar.diffusion.values import Conditions
from riffsidecar.errors import DiffusionError
from riffsidecar.music import FRAMES_PER_COLUMN, LoopLength

__all__ = ["LEAPS", "QUALITY_STEPS", "BeatGridKind"]

QUALITY_STEPS: Mapping[str, int] = MappingProxyType({"draft": 6, "normal": 12, "fine": 20})
"""Steps of the solver for each quality."""

LEAPS: Mapping[str, int] = MappingProxyType({"draft": 2, "normal": 4})
"""Steps of the flow map, for the qualities that it makes where a checkpoint has one."""


class BeatGridKind:
    """Denoise beat-grid spectrograms with a `ColumnDenoiser`, periodic in time by construction."""

    quality_steps = QUALITY_STEPS
    distilled_steps = LEAPS
    audio_channels = 2
    frames_per_column = FRAMES_PER_COLUMN
    knows_tempo = True

    def __init__(self, components: Components) -> None:
        self._parts = components
        self._flow_map: ColumnDenoiser | None = None
        self._leaping = False

    def set_distilled(self, enabled: bool) -> None:
        """Leap with the flow map, in few steps and with guidance in them, or solve as usual.

        Raises:
            DiffusionError: the checkpoint has no flow map.
        """
        parts = self._parts
        if enabled:
            if parts.flow_map is None:
                raise DiffusionError("this checkpoint has no flow map: its loops are solved as usual")
            if self._flow_map is None or not _alike(self._flow_map, parts.denoiser):
                self._flow_map = parts.flow_map.applied_to(parts.denoiser)
        self._leaping = enabled
        # A leap is one Euler step.
        parts.scheduler.solver_order = 1 if enabled else parts.scheduler.config.solver_order

    @property
    def latent_shape(self) -> tuple[int, int]:
        """Return the channels and rows of a latent column."""
        config = self._parts.denoiser.config
        return int(config.in_channels), int(config.rows)

    def columns(self, length: LoopLength) -> int:
        """Return how many latent columns a loop of this length has: one a sixteenth at usual tempi."""
        return length.columns

    def set_seam(self, mode: str) -> None:
        """Do nothing: this kind has no edge that a seam could be at."""

    def condition(
        self,
        prompts: Prompts,
        length: LoopLength,
        columns: NDArray[np.float32] | None,
        controls: NDArray[np.float32] | None,
    ) -> Conditions:
        """Gather what a run is told: prompts, phases, harmony and controls."""
        mix = self._mix(prompts)
        texts = (prompts.prompt, prompts.prompt_b, prompts.negative, "")
        wanted = [(text, weight) for text, weight in zip(texts, mix, strict=True) if weight]
        device, dtype = self._parts.denoiser.device, self._state_dtype
        rows = tokenize(self._parts.tokenizer, [text for text, _ in wanted])
        ids, mask, weights = (row.to(device) for row in rows)
        free_columns, free_controls = column_conditions(length, None, None), control_vector(length)
        columns = free_columns if columns is None else columns
        controls = free_controls if controls is None else controls
        # What is led away from knows no harmony and no controls, so that guidance strengthens those as well.
        told = (columns, columns, *[free_columns] * 2), (controls, controls, *[free_controls] * 2)
        columns, controls = (
            np.stack([row for row, weight in zip(rows_of, mix, strict=True) if weight]) for rows_of in told
        )
        return Conditions(
            hidden_states=self._parts.text_encoder(ids, mask, weights),
            token_weights=weights * mask,
            mix=tuple(weight for _, weight in wanted),
            columns=torch.as_tensor(columns).to(device, dtype),
            controls=torch.as_tensor(controls).to(device, dtype),
        )

    def _mix(self, prompts: Prompts) -> tuple[float, ...]:
        """Return the weights of what is said under prompt A, prompt B, the negative prompt and none."""
        morph = prompts.morph if prompts.prompt_b.strip() else 0.0
        if not self._leaping:
            return *velocity_mix(prompts.guidance, morph), 0.0
        baked = float(self._parts.flow_map.config.guidance_scale)
        return flow_map_mix(prompts.guidance, morph, baked, negative=bool(prompts.negative.strip()))

    def start(self, noise: Tensor, init: Tensor | None, strength: float) -> Tensor:
        """Return the point of the line from ``init`` to ``noise`` at sigma ``strength``."""
        if init is None:
            return noise
        scheduler = self._parts.scheduler
        return scheduler.add_noise(init, noise, strength * len(scheduler)) if strength > 0.0 else init

    def predict(self, latents: Tensor, step: int, conditions: Conditions) -> Tensor:
        """Return the mix of the velocities under every prompt, in one batch."""
        prompts = len(conditions.mix)
        scheduler = self._parts.scheduler
        net, leap = self._parts.denoiser, None
        if self._leaping:
            reached = scheduler.sigmas[step + 1] * len(scheduler)
            leap = destination_embedding(reached.to(latents.device, latents.dtype).expand(prompts))
            net = self._flow_map
        velocities: Tensor = net(
            latents.expand(prompts, -1, -1, -1),
            scheduler.timesteps[step].to(latents.dtype).expand(prompts),
            conditions.hidden_states,
            conditions.token_weights,
            conditions.columns,
            conditions.controls,
            leap,
        ).to(latents.dtype)
        mix = velocities.new_tensor(conditions.mix)
        return (velocities * mix[:, None, None, None]).sum(dim=0, keepdim=True)

    def known(self, kept: Tensor, noise: Tensor, step: int) -> Tensor:
        """Return kept latents at the sigma that is reached after a step."""
        scheduler = self._parts.scheduler
        sigma = scheduler.sigmas.tolist()[step + 1]
        noisy: Tensor = scheduler.add_noise(kept, noise, sigma * len(scheduler))
        return noisy

    def held(self, mask: NDArray[np.float32], step: int) -> NDArray[np.float32]:
        """Return how much to put back: all of it until sigma falls below 1 - mask, then nothing."""
        sigmas = self._parts.scheduler.sigmas.tolist()
        return reimposed(mask, sigmas[step], sigmas[step + 1])

    def encode(self, spectrogram: NDArray[np.float32]) -> Tensor:
        """Return the latents (channels, rows, columns), float32 on the CPU, of (2, n_mels, frames).

        Raises:
            DiffusionError: another shape.
        """
        vae = self._parts.vae
        channels, n_mels = int(vae.config.channels), int(vae.config.n_mels)
        shape = spectrogram.shape
        if len(shape) != 3 or shape[:2] != (channels, n_mels) or shape[2] < 1 or shape[2] % FRAMES_PER_COLUMN:
            raise DiffusionError(
                f"spectrogram is {shape}: must be ({channels}, {n_mels}, frames) with frames a multiple of "
                f"{FRAMES_PER_COLUMN}"
            )
        encoded = vae.encode(torch.as_tensor(spectrogram).to(vae.device, vae.dtype)[None])[0]
        latents: Tensor = encoded.float().cpu()
        return latents

    def decode(self, latents: Tensor) -> NDArray[np.float32]:
        """Return the spectrogram (2, n_mels, frames) of latents (channels, rows, columns)."""
        vae = self._parts.vae
        decoded = vae.decode(latents.to(vae.device, vae.dtype)[None])[0]
        spectrogram: NDArray[np.float32] = decoded.float().cpu().numpy()
        return spectrogram

    def settle(self, latents: Tensor, length: LoopLength) -> Tensor:
        """Return the latents as they are: the denoiser was told where the downbeat is."""
        return latents

    @property
    def _state_dtype(self) -> torch.dtype:
        return torch.float64 if self._parts.denoiser.dtype == torch.float64 else torch.float32


def _alike(one: ColumnDenoiser, other: ColumnDenoiser) -> bool:
    """Tell whether two nets are at one place, and in one precision."""
    return (one.device, one.dtype) == (other.device, other.dtype)
