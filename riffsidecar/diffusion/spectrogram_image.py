"""Stable Diffusion kind of model, fine-tuned on pictures of spectrograms, such as Riffusion v1.

Its time is seconds, 10 ms a pixel, and it has no idea of tempo: the loop is painted on as many pixels as come
nearest to its bars, and the frames are then laid on the bars exactly (`riffsidecar.spectrogram.codec`), which
warps time before there is any phase. Loud is dark, low notes are below, mono sound is read from red.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from diffusers import ModelMixin, SchedulerMixin
from numpy.typing import NDArray
from torch import Tensor

from riffsidecar.diffusion.blend import lerp
from riffsidecar.diffusion.circular import make_circular
from riffsidecar.diffusion.clip_text import encode_prompts
from riffsidecar.diffusion.guided_steps import conditions_at
from riffsidecar.diffusion.kinds import SEAM_MODES, Components, Prompts
from riffsidecar.diffusion.solvers import ConsistencySolver
from riffsidecar.diffusion.values import Conditions
from riffsidecar.diffusion.windows import over_windows, window_starts
from riffsidecar.errors import DiffusionError, nearest
from riffsidecar.music import LoopLength
from riffsidecar.spectrogram.downbeat import downbeat_frame

__all__ = ["SpectrogramImageKind"]

_PLANES: Mapping[str, tuple[int, ...]] = MappingProxyType({"riffusion-stereo": (1, 2)})
_MONO_PLANES = (0,)
_GOLDEN = 0.6180339887498949
_WRAPPED_COLUMNS = 8


class SpectrogramImageKind:
    """Denoise pictures of spectrograms with Stable Diffusion's U-Net, in its own three colours."""

    quality_steps: Mapping[str, int] = MappingProxyType({"draft": 10, "normal": 20, "fine": 30})
    distilled_steps: Mapping[str, int] = MappingProxyType({"draft": 4})
    knows_tempo = False

    def __init__(self, components: Components) -> None:
        self._parts = components
        self._seam = "circular"
        self._careful: SchedulerMixin = components.scheduler
        self.preview_vae: ModelMixin | None = None
        self.tile_columns: int | None = None

    @property
    def planes(self) -> tuple[int, ...]:
        """Return which of red, green and blue hold the channels of sound."""
        return _PLANES.get(self._parts.format.name, _MONO_PLANES)

    @property
    def audio_channels(self) -> int:
        """Return 1 for mono pictures, 2 for stereo ones."""
        return len(self.planes)

    @property
    def frames_per_column(self) -> int:
        """Return how many pixels a latent column stands for."""
        return int(2 ** (len(self._parts.vae.config.block_out_channels) - 1))

    @property
    def latent_shape(self) -> tuple[int, int]:
        """Return the channels and rows of a latent column."""
        channels = int(self._parts.denoiser.config.in_channels)
        return channels, self._parts.format.n_mels // self.frames_per_column

    @property
    def trained_columns(self) -> int:
        """Return how many latent columns the pictures of the training had."""
        size = self._parts.denoiser.config.sample_size
        return int(size if isinstance(size, int) else size[1])

    def columns(self, length: LoopLength) -> int:
        """Return the latent columns nearest to the loop's seconds that the U-Net can halve evenly."""
        halved = int(2 ** (len(self._parts.denoiser.config.block_out_channels) - 1))
        frames = float(length.duration_s) * 1000.0 / self._parts.format.hop_ms
        return halved * max(1, round(frames / (halved * self.frames_per_column)))

    def set_seam(self, mode: str) -> None:
        """Choose how the loop is closed.

        Raises:
            DiffusionError: no such mode.
        """
        if mode not in SEAM_MODES:
            raise DiffusionError(
                f"seam is {mode!r}: must be one of {', '.join(SEAM_MODES)}{nearest(mode, SEAM_MODES)}"
            )
        self._seam = mode
        for net in (self._parts.denoiser, self._parts.vae, self.preview_vae):
            if net is not None:
                make_circular(net, mode == "circular")

    def condition(
        self,
        prompts: Prompts,
        length: LoopLength,
        columns: NDArray[np.float32] | None,
        controls: NDArray[np.float32] | None,
    ) -> Conditions:
        """Encode the prompts; two prompts are blended on the line between their hidden states.

        Phases, harmony and controls say nothing to this kind.
        """
        morph = prompts.morph if prompts.prompt_b.strip() else 0.0
        texts = [prompts.prompt, *([prompts.prompt_b] if morph else [])]
        guided = prompts.guidance != 1.0
        states = encode_prompts(
            self._parts.text_encoder,
            self._parts.tokenizer,
            [*texts, *([prompts.negative] if guided else [])],
        )
        wanted = lerp(states[0], states[1], morph) if morph else states[0]
        hidden = torch.stack([states[-1], wanted] if guided else [wanted])
        return Conditions(
            hidden_states=hidden,
            token_weights=hidden.new_ones(hidden.shape[:2]),
            mix=(1.0 - prompts.guidance, prompts.guidance) if guided else (1.0,),
            columns=hidden.new_zeros((len(hidden), 0, self.columns(length))),
            controls=hidden.new_zeros((len(hidden), 0)),
            guided=prompts.guided,
        )

    def start(self, noise: Tensor, init: Tensor | None, strength: float) -> Tensor:
        """Return the noise, or the seed's latents with the noise of the first step on them."""
        if init is None:
            return noise
        noisy: Tensor = self._parts.scheduler.noised(init, noise, 0)
        return noisy if strength > 0.0 else init

    def predict(self, latents: Tensor, step: int, conditions: Conditions) -> Tensor:
        """Return the noise in the latents (loops, channels, rows, columns) of one loop or more.

        It is guided in the first of the steps that have been laid out, see `conditions_at`.
        """
        columns, scheduler = latents.shape[-1], self._parts.scheduler
        turned = round(step * _GOLDEN * columns) % columns if self._seam == "roll" else 0
        timesteps = scheduler.timesteps
        said = conditions_at(conditions, step, len(timesteps), scheduler)
        rolled = torch.roll(latents, -turned, -1)
        found = self.seen(rolled, timesteps[step], said, circular=self._seam == "circular")
        return torch.roll(found, turned, -1)

    def seen(self, latents: Tensor, timestep: Tensor, conditions: Conditions, *, circular: bool) -> Tensor:
        """Return the noise in latents under the conditions, seen through windows where they are long.

        Args:
            latents: (loops, channels, rows, columns).
            timestep: of the noise.
            conditions: one blend of prompts for all loops.
            circular: whether time is a circle. A window has two edges, as the pictures of the training had;
                where there are several, the circle is made of the windows.
        """
        width = self.trained_columns
        starts = window_starts(latents.shape[-1], width)
        make_circular(self._parts.denoiser, circular and not starts)

        def noise(part: Tensor) -> Tensor:
            return self._noise(part, timestep, conditions)

        return over_windows(noise, latents, starts, width) if starts else noise(latents)

    def _noise(self, latents: Tensor, timestep: Tensor, conditions: Conditions) -> Tensor:
        denoiser = self._parts.denoiser
        prompts, loops = len(conditions.mix), len(latents)
        picture = latents.flip(-2).to(denoiser.device, denoiser.dtype)
        hidden = conditions.hidden_states.to(denoiser.device, denoiser.dtype)
        said = denoiser(
            picture.repeat(prompts, 1, 1, 1),
            timestep,
            encoder_hidden_states=hidden.repeat_interleave(loops, dim=0),
            return_dict=False,
        )[0].to(latents.device, latents.dtype)
        if prompts == 1:
            return said.flip(-2)
        negative, wanted = said.chunk(2)
        return (negative + conditions.mix[1] * (wanted - negative)).flip(-2)

    def known(self, kept: Tensor, noise: Tensor, step: int) -> Tensor:
        """Return kept latents at the level of noise that is reached after a step."""
        noisy: Tensor = self._parts.scheduler.noised(kept, noise, step + 1)
        return noisy

    def held(self, mask: NDArray[np.float32], step: int) -> NDArray[np.float32]:
        """Return the mask itself: this kind mixes softly kept latents in after every step."""
        return mask

    def encode(self, spectrogram: NDArray[np.float32]) -> Tensor:
        """Return the latents (channels, rows, columns), float32 on the CPU: the mean, so that it is certain.

        Raises:
            DiffusionError: not the channels, bands or whole columns of this kind.
        """
        shape, wide = spectrogram.shape, self.frames_per_column
        wanted = (self.audio_channels, self._parts.format.n_mels)
        if len(shape) != 3 or shape[:2] != wanted or shape[2] < 1 or shape[2] % wide:
            raise DiffusionError(
                f"spectrogram is {shape}: must be ({wanted[0]}, {wanted[1]}, frames) with frames a multiple "
                f"of {wide}"
            )
        vae = self._parts.vae
        dark = -torch.as_tensor(np.clip(spectrogram, -1.0, 1.0)).flip(-2)
        # Stereo leaves red at zero, which is -1 to the autoencoder.
        picture = dark.expand(3, -1, -1) if len(dark) == 1 else torch.cat([-torch.ones_like(dark[:1]), dark])
        mean = self._in_tiles(
            vae, lambda part: vae.encode(part).latent_dist.mean, picture.to(vae.device, vae.dtype)[None], wide
        )
        latents: Tensor = (mean * vae.config.scaling_factor)[0].float().cpu().flip(-2)
        return latents

    def decode(self, latents: Tensor) -> NDArray[np.float32]:
        """Return the spectrogram (audio channels, n_mels, frames) of latents (channels, rows, columns)."""
        vae = self._parts.vae
        net: ModelMixin = vae if self.preview_vae is None else self.preview_vae
        edge = 0 if self._seam in ("circular", "line") else min(_WRAPPED_COLUMNS, latents.shape[-1])
        wrapped = torch.cat([latents[..., latents.shape[-1] - edge :], latents, latents[..., :edge]], dim=-1)
        if net is not vae:
            # Not the net's own `to`, which warns of parts kept in float32 although there are none.
            torch.nn.Module.to(net, vae.device, vae.dtype)
        raw = wrapped.flip(-2).to(vae.device, vae.dtype)[None]
        picture = self._in_tiles(
            net, lambda part: net.decode(part, return_dict=False)[0], raw / net.config.scaling_factor, 1
        )[0].float()
        frames = slice(edge * self.frames_per_column, picture.shape[-1] - edge * self.frames_per_column)
        sound = -picture[list(self.planes), :, frames].flip(-2).clamp(-1.0, 1.0)
        spectrogram: NDArray[np.float32] = sound.cpu().numpy()
        return np.ascontiguousarray(spectrogram)

    def _in_tiles(
        self, net: ModelMixin, work: Callable[[Tensor], Tensor], picture: Tensor, unit: int
    ) -> Tensor:
        """Return what half an autoencoder makes of a picture, seen in tiles along time if memory is short.

        ``unit`` is how many of the picture's columns are a latent column. Tiles overlap by half, and wrap
        around where time is a circle.
        """
        tile, circular = self.tile_columns, self._seam == "circular"
        columns = picture.shape[-1] // unit
        starts = window_starts(columns, tile, on_line=not circular) if tile else ()
        if not tile or not starts:
            return work(picture)
        make_circular(net, False)
        try:
            return over_windows(work, picture, tuple(start * unit for start in starts), tile * unit)
        finally:
            make_circular(net, circular)

    def settle(self, latents: Tensor, length: LoopLength) -> Tensor:
        """Turn the loop until its downbeat is in front, where it is nowhere told to the model.

        Latents turn by whole columns; for what is between, the picture is turned and encoded again.
        """
        spectrogram = self.decode(latents)
        frame = downbeat_frame(spectrogram, length)
        if frame % self.frames_per_column == 0:
            return torch.roll(latents, -(frame // self.frames_per_column), -1)
        return self.encode(np.roll(spectrogram, -frame, axis=-1)).to(latents.device, latents.dtype)

    def set_distilled(self, enabled: bool) -> None:
        """Solve with a consistency model's few steps, or as before."""
        parts = self._parts
        if enabled == isinstance(parts.scheduler, ConsistencySolver):
            return
        if enabled:
            self._careful = parts.scheduler
            config = parts.scheduler.config
            parts.scheduler = ConsistencySolver(
                config.num_train_timesteps, config.beta_start, config.beta_end
            )
        else:
            parts.scheduler = self._careful
