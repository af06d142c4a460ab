"""Prompts to loops: one diffusers pipeline of latent diffusion on spectrograms, for every kind of model."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from diffusers import DiffusionPipeline, ModelMixin, SchedulerMixin
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast

from riffsidecar.diffusion.autoencoder import BeatGridAutoencoder
from riffsidecar.diffusion.blend import drifted_noise
from riffsidecar.diffusion.conditioning import column_conditions, control_vector
from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.diffusion.flow_map import FlowMapAdapter
from riffsidecar.diffusion.format import FormatComponent
from riffsidecar.diffusion.kinds import SEAM_MODES, ModelKind, Prompts, kind_of
from riffsidecar.diffusion.locks import LatentLock, seam_lock, spectrogram_weights
from riffsidecar.diffusion.scheduler import FlowAdamsBashforthScheduler
from riffsidecar.diffusion.text import TextEncoder
from riffsidecar.diffusion.values import Conditions, LoopOutput, Progress, check_within, silent
from riffsidecar.errors import DiffusionError
from riffsidecar.music import Chords, Key, LoopLength
from riffsidecar.spectrogram.formats import BEAT_GRID, SpectrogramFormat

__all__ = ["Conditions", "LoopOutput", "LoopPipeline", "Progress", "build_pipeline"]

MAX_INFERENCE_STEPS = 200
_REPAINT_STRENGTH = 0.7
_REPAINT_SHARE = 0.3


class LoopPipeline(DiffusionPipeline):  # type: ignore[misc]
    """Make loops that fit a tempo, a meter and a harmony.

    What differs between kinds of models (beat grid or pictures of seconds, flow or noise, wordpieces or CLIP)
    is known by `kind` alone.

    Args:
        vae: spectrogram <-> latents.
        denoiser: predicts what the solver asks for.
        scheduler: the noise levels and the solver.
        text_encoder: tokens -> hidden states.
        tokenizer: prompts -> tokens.
        spectrogram_format: what the pictures of sound mean.
        flow_map: what makes drafts of a few steps, where the checkpoint has it.
    """

    _optional_components: ClassVar[list[str]] = ["flow_map"]
    model_cpu_offload_seq = "text_encoder->denoiser->vae"

    def __init__(
        self,
        vae: ModelMixin,
        denoiser: ModelMixin,
        scheduler: SchedulerMixin,
        text_encoder: ModelMixin,
        tokenizer: PreTrainedTokenizerFast,
        spectrogram_format: FormatComponent,
        flow_map: ModelMixin | None = None,
    ) -> None:
        super().__init__()
        self.register_modules(
            vae=vae,
            denoiser=denoiser,
            scheduler=scheduler,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            spectrogram_format=spectrogram_format,
            flow_map=flow_map,
        )
        if type(tokenizer).__name__ in ("PreTrainedTokenizerFast", "TokenizersBackend"):
            # transformers 5 renamed the class; the old name is an alias there and the only one before.
            self.register_to_config(tokenizer=("transformers", "PreTrainedTokenizerFast"))
        self.loops_at_once = 1
        self.kind: ModelKind = kind_of(self)
        self.set_seam("circular")

    @property
    def format(self) -> SpectrogramFormat:
        """Return what the pictures of sound mean."""
        spectrogram_format: SpectrogramFormat = self.spectrogram_format.format
        return spectrogram_format

    def set_circular(self, enabled: bool) -> None:
        """Make time a circle in nets that are not periodic by construction, or a line again."""
        self.set_seam("circular" if enabled else "line")

    def set_seam(self, mode: str) -> None:
        """Choose how loops are closed, one of `SEAM_MODES`, where the model is not periodic by construction.

        Raises:
            DiffusionError: no such mode.
        """
        if mode not in SEAM_MODES:
            raise DiffusionError(f"seam is {mode!r}: must be one of {', '.join(SEAM_MODES)}")
        self.seam = mode
        self.kind.set_seam(mode)

    @property
    def latent_shape(self) -> tuple[int, int]:
        """Return the channels and rows of a latent column."""
        return self.kind.latent_shape

    def columns(self, length: LoopLength) -> int:
        """Return how many latent columns a loop of this length has."""
        return self.kind.columns(length)

    def frames(self, length: LoopLength) -> int:
        """Return how many frames the spectrogram of a loop of this length has."""
        return self.kind.columns(length) * self.kind.frames_per_column

    def noise(self, seed: int, drift: float, length: LoopLength) -> Tensor:
        """Return the noise (channels, rows, columns) that a loop of this seed begins with."""
        return drifted_noise(seed, drift, *self.kind.latent_shape, self.kind.columns(length))

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
        guided: float = 1.0,
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
            guided: share of the steps, from the noisiest on, that a model of pictures guides.
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
        conditions = self.condition(
            prompt,
            length=length,
            prompt_b=prompt_b,
            morph=morph,
            negative_prompt=negative_prompt,
            guidance_scale=guidance_scale,
            guided=guided,
            columns=column_conditions(length, key, chords),
            controls=control_vector(length, density=density, brightness=brightness, energy=energy),
        )
        latents = self.denoise(
            self.noise(seed, drift, length),
            conditions,
            num_inference_steps=num_inference_steps,
            strength=strength if init_latents is not None else 1.0,
            init_latents=None if init_latents is None else torch.as_tensor(init_latents),
            keep=keep,
            callback=report,
        )
        report("decode", 0.0)
        if init_latents is None and keep is None:
            latents = self.settle(latents, length)
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
        guided: float = 1.0,
        columns: NDArray[np.float32] | None = None,
        controls: NDArray[np.float32] | None = None,
    ) -> Conditions:
        """Gather what a run is told; prompts whose prediction would count nothing are left out."""
        check_within("guidance_scale", guidance_scale, 0.0, 30.0)
        prompts = Prompts(prompt, prompt_b, morph, negative_prompt, guidance_scale, guided)
        return self.kind.condition(prompts, length, columns, controls)

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
        """Return the latents (channels, rows, columns) that the solver leads to from ``noise``.

        Rolling noise, column conditions, initial latents and lock together rolls the result. A denoiser in
        float64 keeps everything in float64, any other works on a float32 state.

        Raises:
            DiffusionError: shapes that differ, or a number of steps out of range.
        """
        return self.denoise_together(
            noise[None],
            conditions,
            num_inference_steps=num_inference_steps,
            strength=strength,
            init_latents=init_latents,
            keep=keep,
            callback=callback,
        )[0]

    @torch.inference_mode()
    def denoise_together(
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
        """Return the latents (loops, channels, rows, columns) of loops that differ in their noise alone.

        One call of the denoiser makes a step of all of them, where the kind of model can.

        Raises:
            DiffusionError: shapes that differ, or a number of steps out of range.
        """
        check_within("num_inference_steps", num_inference_steps, 1, MAX_INFERENCE_STEPS)
        if len(noise) > 1 and self.kind.knows_tempo:
            raise DiffusionError(f"{len(noise)} loops together: this kind of model makes one at a time")
        report = callback or silent
        noise = noise.to(self.denoiser.device, self._state_dtype)
        init = None if init_latents is None else self._fitting(init_latents, noise, "init_latents")
        strength = 1.0 if init is None else strength
        lock = None
        if keep is not None:
            kept = self._fitting(torch.from_numpy(keep.latents), noise, "the lock's latents")
            lock = kept, keep.mask
        repaint = self.seam == "repaint" and not self.kind.knows_tempo
        share = 1.0 - _REPAINT_SHARE if repaint else 1.0
        report("denoise", 0.0)

        def part(low: float, high: float) -> Callable[[float], None]:
            return lambda fraction: report("denoise", low + (high - low) * fraction)

        latents = self._solved(noise, conditions, num_inference_steps, strength, init, lock, part(0.0, share))
        if not repaint:
            return latents
        half = latents.shape[-1] // 2
        rolled = torch.roll(latents, half, -1)
        # Where the seam is does not depend on what the loops hold, so their masks are one.
        mask = seam_lock(rolled[0].float().cpu().numpy(), half, keep).mask
        turned, lock = torch.roll(noise, half, -1), (rolled, mask)
        painted = self._solved(
            turned, conditions, num_inference_steps, _REPAINT_STRENGTH, rolled, lock, part(share, 1.0)
        )
        return torch.roll(painted, -half, -1)

    def _solved(
        self,
        noise: Tensor,
        conditions: Conditions,
        num_inference_steps: int,
        strength: float,
        init: Tensor | None,
        lock: tuple[Tensor, NDArray[np.float32]] | None,
        report: Callable[[float], None],
    ) -> Tensor:
        """Return where the solver comes to from ``noise``; all latents are (loops, channels, rows, columns).

        A lock is the kept latents and how much of each row and column of them is kept.
        """
        self.scheduler.set_timesteps(num_inference_steps, noise.device, start=strength)
        latents = self.kind.start(noise, init, strength).expand_as(noise)
        timesteps = self.scheduler.timesteps if strength > 0.0 else ()
        for step, timestep in enumerate(timesteps):
            predicted = self.kind.predict(latents, step, conditions)
            latents = self.scheduler.step(predicted, timestep, latents, return_dict=False)[0]
            if lock is not None:
                share = torch.from_numpy(self.kind.held(lock[1], step)).to(noise.device, noise.dtype)
                known = self.kind.known(lock[0], noise, step)
                latents = torch.where(share >= 1.0, known, latents + share * (known - latents))
            report((step + 1) / len(timesteps))
        if lock is not None:
            latents = torch.where(torch.from_numpy(lock[1] >= 1.0).to(noise.device), lock[0], latents)
        return latents

    @torch.inference_mode()
    def settle(self, latents: Tensor, length: LoopLength) -> Tensor:
        """Return latents that were made from text alone, turned so that the loop begins on its downbeat."""
        return self.kind.settle(latents, length)

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
        return self.kind.decode(latents)

    @torch.inference_mode()
    def encode(self, spectrogram: NDArray[np.float32]) -> Tensor:
        """Return the latents (channels, rows, columns), float32 on the CPU, of a spectrogram.

        Args:
            spectrogram: (audio channels, n_mels, frames) in the checkpoint's format, whole latent columns.

        Raises:
            DiffusionError: another shape.
        """
        return self.kind.encode(spectrogram)

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
    flow_map: FlowMapAdapter | None = None,
) -> LoopPipeline:
    """Put trained nets together with the beat-grid format and the scheduler they are made for."""
    return LoopPipeline(
        vae=vae,
        denoiser=denoiser,
        scheduler=FlowAdamsBashforthScheduler(),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        spectrogram_format=FormatComponent.of(BEAT_GRID),
        flow_map=flow_map,
    )
