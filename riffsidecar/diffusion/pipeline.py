"""Prompts to loops: the diffusers pipeline of latent diffusion on beat-grid spectrograms."""

from __future__ import annotations

import numpy as np
import torch
from diffusers import DiffusionPipeline, ModelMixin, SchedulerMixin
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from riffsidecar.diffusion.autoencoder import BeatGridAutoencoder
from riffsidecar.diffusion.blend import drifted_noise, velocity_mix
from riffsidecar.diffusion.circular import make_circular
from riffsidecar.diffusion.conditioning import column_conditions, control_vector
from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.diffusion.format import FormatComponent
from riffsidecar.diffusion.locks import LatentLock, reimposed, spectrogram_weights
from riffsidecar.diffusion.scheduler import FlowAdamsBashforthScheduler
from riffsidecar.diffusion.text import TextEncoder, tokenize
from riffsidecar.diffusion.values import Conditions, LoopOutput, Progress, check_within, silent
from riffsidecar.errors import DiffusionError
from riffsidecar.music import FRAMES_PER_COLUMN, Chords, Key, LoopLength
from riffsidecar.spectrogram.formats import BEAT_GRID

__all__ = ["Conditions", "LoopOutput", "LoopPipeline", "Progress", "build_pipeline"]

MAX_INFERENCE_STEPS = 200


class LoopPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Make loops that fit a tempo, a meter and a harmony.

    Args:
        vae: spectrogram <-> latents.
        denoiser: predicts the velocity of rectified flow.
        scheduler: the noise levels and the solver.
        text_encoder: wordpieces -> hidden states.
        tokenizer: prompts -> wordpieces.
        spectrogram_format: what the pictures of sound mean.
    """

    model_cpu_offload_seq = "text_encoder->denoiser->vae"

    def __init__(
        self,
        vae: ModelMixin,
        denoiser: ModelMixin,
        scheduler: SchedulerMixin,
        text_encoder: ModelMixin,
        tokenizer: PreTrainedTokenizerFast,
        spectrogram_format: FormatComponent,
    ) -> None:
        super().__init__()
        self.register_modules(
            vae=vae,
            denoiser=denoiser,
            scheduler=scheduler,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            spectrogram_format=spectrogram_format,
        )
        # transformers 5 renamed the class; the old name is an alias there and the only one before.
        self.register_to_config(tokenizer=("transformers", "PreTrainedTokenizerFast"))
        self.set_circular(True)

    def set_circular(self, enabled: bool) -> None:
        """Make time a circle in convolutions that are not periodic by construction, or a line again."""
        make_circular(self.vae, enabled)
        make_circular(self.denoiser, enabled)

    @property
    def latent_shape(self) -> tuple[int, int]:
        """Return the channels and rows of a latent column."""
        return int(self.denoiser.config.in_channels), int(self.denoiser.config.rows)

    @torch.inference_mode()
    def __call__(
        self,
        prompt: str,
        *,
        length: LoopLength,
        prompt_b: str = "",
        morph: float = 0.0,
        negative_prompt: str = "",
        guidance_scale: float = 4.0,
        num_inference_steps: int = 12,
        seed: int = 0,
        drift: float = 0.0,
        strength: float = 1.0,
        init_latents: Tensor | NDArray[np.float32] | None = None,
        key: Key | None = None,
        chords: Chords | None = None,
        density: float | None = None,
        brightness: float | None = None,
        energy: float | None = None,
        keep: LatentLock | None = None,
        callback: Progress | None = None,
    ) -> LoopOutput:
        """Make one loop.

        Args:
            prompt: what to hear; ``(x:1.3)`` weighs, empty is anything.
            length: bars, meter and tempo.
            prompt_b: where ``morph`` leads; without it morph does nothing.
            morph: 0 is ``prompt``, 1 is ``prompt_b``.
            negative_prompt: what to lead away from.
            guidance_scale: 1 is none; higher follows the prompt more closely.
            num_inference_steps: steps of the solver.
            seed: of the noise, 0 to 2**31 - 1.
            drift: how far to walk from the noise of ``seed`` to that of the next seed, 0 to 1.
            strength: with ``init_latents``, how far from them: 0 returns them, 1 forgets them. It is the
                sigma the solver starts from, at any value.
            init_latents: (channels, rows, columns) of the seed audio, from `encode`.
            key: the scale to stay in.
            chords: one or more a bar.
            density: notes per bar, 0 to 1; None leaves it to the model.
            brightness: 0 to 1, or None.
            energy: 0 to 1, or None.
            keep: parts of an earlier loop to hold on to.
            callback: called with stage and fraction before the first step and after each; what it raises
                stops the run, `CancelledError` by convention.

        Raises:
            DiffusionError: a value out of its range, or latents of another length.
        """
        for name, value in (("morph", morph), ("drift", drift), ("strength", strength)):
            check_within(name, value, 0.0, 1.0)
        report = callback or silent
        channels, rows = self.latent_shape
        noise = drifted_noise(seed, drift, channels, rows, length.columns)
        conditions = self.condition(
            prompt,
            length=length,
            prompt_b=prompt_b,
            morph=morph,
            negative_prompt=negative_prompt,
            guidance_scale=guidance_scale,
            columns=column_conditions(length, key, chords),
            controls=control_vector(length, density=density, brightness=brightness, energy=energy),
        )
        latents = self.denoise(
            noise,
            conditions,
            num_inference_steps=num_inference_steps,
            strength=strength if init_latents is not None else 1.0,
            init_latents=None if init_latents is None else torch.as_tensor(init_latents),
            keep=keep,
            callback=report,
        )
        report("decode", 0.0)
        spectrogram = self.decode(latents, keep)
        report("decode", 1.0)
        return LoopOutput(latents.float().cpu(), spectrogram)

    @torch.inference_mode()
    def condition(
        self,
        prompt: str,
        *,
        length: LoopLength,
        prompt_b: str = "",
        morph: float = 0.0,
        negative_prompt: str = "",
        guidance_scale: float = 4.0,
        columns: NDArray[np.float32] | None = None,
        controls: NDArray[np.float32] | None = None,
    ) -> Conditions:
        """Gather what a run is told; prompts whose velocity would count nothing are left out."""
        check_within("guidance_scale", guidance_scale, 0.0, 30.0)
        mix = velocity_mix(guidance_scale, morph if prompt_b.strip() else 0.0)
        wanted = [
            (text, weight)
            for text, weight in zip((prompt, prompt_b, negative_prompt), mix, strict=True)
            if weight
        ]
        device, dtype = self.denoiser.device, self._state_dtype
        ids, mask, weights = (t.to(device) for t in tokenize(self.tokenizer, [text for text, _ in wanted]))
        columns = column_conditions(length, None, None) if columns is None else columns
        controls = control_vector(length) if controls is None else controls
        return Conditions(
            hidden_states=self.text_encoder(ids, mask, weights),
            token_weights=weights * mask,
            mix=tuple(weight for _, weight in wanted),
            columns=torch.as_tensor(columns).to(device, dtype),
            controls=torch.as_tensor(controls).to(device, dtype),
        )

    @torch.inference_mode()
    def denoise(
        self,
        noise: Tensor,
        conditions: Conditions,
        *,
        num_inference_steps: int = 12,
        strength: float = 1.0,
        init_latents: Tensor | None = None,
        keep: LatentLock | None = None,
        callback: Progress | None = None,
    ) -> Tensor:
        """Return the latents (channels, rows, columns) that the flow leads to from ``noise``.

        Rolling noise, column conditions, initial latents and lock together rolls the result. A denoiser in
        float64 keeps everything in float64, any other works on a float32 state.

        Raises:
            DiffusionError: shapes that differ, or a number of steps out of range.
        """
        check_within("num_inference_steps", num_inference_steps, 1, MAX_INFERENCE_STEPS)
        report = callback or silent
        device, dtype = self.denoiser.device, self._state_dtype
        noise = noise.to(device, dtype)[None]
        start = noise
        if init_latents is not None:
            start = self._fitting(init_latents, noise, "init_latents")
            if strength > 0.0:
                start = self.scheduler.add_noise(start, noise, strength * len(self.scheduler))
        else:
            strength = 1.0
        kept = (
            None
            if keep is None
            else self._fitting(torch.from_numpy(keep.latents), noise, "the lock's latents")
        )
        self.scheduler.set_timesteps(num_inference_steps, device, start=strength)
        sigmas = self.scheduler.sigmas.tolist()
        latents = start
        report("denoise", 0.0)
        for step, timestep in enumerate(self.scheduler.timesteps if strength > 0.0 else ()):
            velocity = self._velocity(latents, timestep, conditions)
            latents = self.scheduler.step(velocity, timestep, latents, return_dict=False)[0]
            if keep is not None and kept is not None:
                share = torch.from_numpy(reimposed(keep.mask, sigmas[step], sigmas[step + 1])).to(
                    device, dtype
                )
                known = self.scheduler.add_noise(kept, noise, sigmas[step + 1] * len(self.scheduler))
                latents = torch.where(share >= 1.0, known, latents + share * (known - latents))
            report("denoise", (step + 1) / num_inference_steps)
        if keep is not None and kept is not None:
            latents = torch.where(torch.from_numpy(keep.mask >= 1.0).to(device), kept, latents)
        return latents[0]

    def _velocity(self, latents: Tensor, timestep: Tensor, conditions: Conditions) -> Tensor:
        """Return the mix of the velocities under every prompt, in one batch."""
        prompts = len(conditions.mix)
        velocities: Tensor = self.denoiser(
            latents.expand(prompts, -1, -1, -1),
            timestep.to(latents.dtype).expand(prompts),
            conditions.hidden_states,
            conditions.token_weights,
            conditions.columns.expand(prompts, -1, -1),
            conditions.controls.expand(prompts, -1),
        ).to(latents.dtype)
        mix = velocities.new_tensor(conditions.mix)
        return (velocities * mix[:, None, None, None]).sum(dim=0, keepdim=True)

    @torch.inference_mode()
    def decode(
        self, latents: Tensor | NDArray[np.float32], keep: LatentLock | None = None
    ) -> NDArray[np.float32]:
        """Return the spectrogram (channels, n_mels, frames) of latents (channels, rows, columns).

        Under a lock, what is kept is decoded from the earlier loop alone, because the decoder lets neighbours
        shine through.
        """
        decoded = self._decoded(torch.as_tensor(latents))
        if keep is not None:
            earlier = self._decoded(torch.from_numpy(keep.latents))
            weights = spectrogram_weights(keep.mask, decoded.shape[1], decoded.shape[2])
            # Not decoded + weights * (earlier - decoded): that is inexact where the weight is 1.
            decoded = weights * earlier + (np.float32(1.0) - weights) * decoded
        return decoded

    def _decoded(self, latents: Tensor) -> NDArray[np.float32]:
        channels, rows = self.latent_shape
        if latents.ndim != 3 or latents.shape[:2] != (channels, rows) or latents.shape[2] < 1:
            raise DiffusionError(f"latents are {tuple(latents.shape)}: must be ({channels}, {rows}, columns)")
        decoded = self.vae.decode(latents.to(self.vae.device, self.vae.dtype)[None])[0]
        spectrogram: NDArray[np.float32] = decoded.float().cpu().numpy()
        return spectrogram

    @torch.inference_mode()
    def encode(self, spectrogram: NDArray[np.float32]) -> Tensor:
        """Return the latents (channels, rows, columns), float32 on the CPU, of a spectrogram.

        Args:
            spectrogram: (channels, n_mels, frames) in the checkpoint's format, frames a multiple of 16.

        Raises:
            DiffusionError: another shape.
        """
        channels, n_mels = int(self.vae.config.channels), int(self.vae.config.n_mels)
        shape = spectrogram.shape
        if len(shape) != 3 or shape[:2] != (channels, n_mels) or shape[2] < 1 or shape[2] % FRAMES_PER_COLUMN:
            raise DiffusionError(
                f"spectrogram is {shape}: must be ({channels}, {n_mels}, frames) with frames a multiple of "
                f"{FRAMES_PER_COLUMN}"
            )
        encoded = self.vae.encode(torch.as_tensor(spectrogram).to(self.vae.device, self.vae.dtype)[None])[0]
        latents: Tensor = encoded.float().cpu()
        return latents

    @property
    def _state_dtype(self) -> torch.dtype:
        return torch.float64 if self.denoiser.dtype == torch.float64 else torch.float32

    def _fitting(self, latents: Tensor, noise: Tensor, name: str) -> Tensor:
        if latents.shape != noise.shape[1:]:
            raise DiffusionError(
                f"{name} are {tuple(latents.shape)}, but this loop has {tuple(noise.shape[1:])}: "
                "the last is its number of columns, keep bars, meter and the octave of the tempo"
            )
        return latents.to(noise.device, noise.dtype)[None]


def build_pipeline(
    vae: BeatGridAutoencoder,
    denoiser: ColumnDenoiser,
    text_encoder: TextEncoder,
    tokenizer: PreTrainedTokenizerFast,
) -> LoopPipeline:
    """Put trained nets together with the beat-grid format and the scheduler they are made for."""
    return LoopPipeline(
        vae=vae,
        denoiser=denoiser,
        scheduler=FlowAdamsBashforthScheduler(),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        spectrogram_format=FormatComponent.of(BEAT_GRID),
    )
