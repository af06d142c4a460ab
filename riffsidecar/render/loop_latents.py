"""The latents of a loop: what it begins from, what of it is kept, denoised anew or made again.

Imported in the render worker only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from riffsidecar.diffusion.conditioning import column_conditions, control_vector
from riffsidecar.diffusion.groove_start import groove_start
from riffsidecar.diffusion.locks import LatentLock, make_lock
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.shelf import Shelved
from riffsidecar.diffusion.values import Progress
from riffsidecar.errors import DiffusionError
from riffsidecar.render.ingredients import SeedAudio, load_earlier, load_kept_seed, load_seed
from riffsidecar.render.messages import Again
from riffsidecar.render.recipe import LoopFile, parse_loop
from riffsidecar.session.requests import LoopRequest

__all__ = ["Given", "Latents", "agreed", "given_for", "new_latents"]

Latents = NDArray[np.float16]

_AGREEMENT_DB: Final = -60.0


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What a request brings: seed audio, the earlier loop it varies, seed audio to keep of, and the lock."""

    seed: SeedAudio | None
    earlier: LoopFile | None
    kept_seed: SeedAudio | None
    keep: LatentLock | None

    @property
    def audio(self) -> SeedAudio | None:
        """Return the seed audio that the file is to carry."""
        return self.seed or self.kept_seed


def given_for(pipeline: LoopPipeline, request: LoopRequest) -> Given:
    """Read the files that a request names.

    Raises:
        RiffError: one cannot be read, or does not fit.
    """
    seed, earlier, kept_seed = load_seed(request), load_earlier(request), load_kept_seed(request)
    return Given(seed, earlier, kept_seed, _lock(pipeline, request, earlier, kept_seed))


def new_latents(
    model: Shelved, requests: Sequence[LoopRequest], given: Given, report: Progress
) -> list[Latents]:
    """Return the latents of requests that differ in their seed alone, denoised in one run."""
    request = requests[0]
    pipeline, length = model.pipeline, request.length
    begin, strength = _beginning(pipeline, request, given.seed)
    conditions = pipeline.condition(
        request.prompt,
        length=length,
        prompt_b=request.prompt_b,
        morph=request.morph,
        negative_prompt=request.negative,
        guidance_scale=request.guidance if model.guidance is None else model.guidance,
        guided=request.guided,
        columns=column_conditions(length, request.key, request.chords),
        controls=control_vector(
            length, density=request.density, brightness=request.brightness, energy=request.energy
        ),
    )
    made = pipeline.denoise_together(
        torch.stack([pipeline.noise(each.seed, each.drift, length) for each in requests]),
        conditions,
        num_inference_steps=model.steps,
        strength=strength,
        init_latents=begin,
        keep=given.keep,
        callback=report,
    )
    if begin is None and given.keep is None:
        made = torch.stack([pipeline.settle(latents, length) for latents in made])
    return list(made.float().cpu().numpy().astype(np.float16))


def agreed(denoised: Latents | None, again: Again) -> tuple[Latents, float]:
    """Return the latents to decode, and how far those denoised anew lie from those of the loop, in dB."""
    before = parse_loop(again.wav, "the loop").latents
    if denoised is None:
        if before is None:
            raise DiffusionError("the loop holds no latents to decode; render it from its recipe instead")
        return before, -math.inf
    if before is None or before.shape != denoised.shape:
        return denoised, math.inf
    old = before.astype(np.float64)
    difference = float(np.sum((denoised - old) ** 2))
    apart_db = 10.0 * math.log10(difference / max(float(np.sum(old**2)), 1e-30)) if difference else -math.inf
    return (before if apart_db <= _AGREEMENT_DB else denoised), apart_db


def _lock(
    pipeline: LoopPipeline, request: LoopRequest, earlier: LoopFile | None, kept_seed: SeedAudio | None
) -> LatentLock | None:
    if kept_seed is not None:
        latents = _seed_latents(pipeline, request, kept_seed, only_groove=False).float().cpu().numpy()
    elif earlier is not None and earlier.latents is not None:
        latents = earlier.latents.astype(np.float32)
    else:
        return None
    return make_lock(
        latents,
        request.length,
        pipeline.format,
        bars=request.keep_bars,
        band_hz=request.keep_bands_hz,
        columns=pipeline.columns(request.length),
    )


def _beginning(
    pipeline: LoopPipeline, request: LoopRequest, seed: SeedAudio | None
) -> tuple[torch.Tensor | None, float]:
    """Return the latents that a loop begins from, and how far it goes from them.

    A model that knows no tempo keeps time by what it begins from: a drawn groove where there is no seed
    audio.
    """
    if seed is not None:
        latents = _seed_latents(pipeline, request, seed, only_groove=request.source_use == "groove")
        return latents, request.strength
    return groove_start(pipeline, request.length, request.anchor)


def _seed_latents(
    pipeline: LoopPipeline, request: LoopRequest, seed: SeedAudio, *, only_groove: bool
) -> torch.Tensor:
    """Return the latents of the seed audio: its own where it is a loop of this shape, else encoded ones."""
    channels, rows = pipeline.latent_shape
    if (
        not only_groove
        and seed.latents is not None
        and seed.latents.shape == (channels, rows, pipeline.columns(request.length))
    ):
        return torch.from_numpy(seed.latents.astype(np.float32))
    spectrogram = seed.spectrogram(
        request,
        pipeline.format,
        num_frames=pipeline.frames(request.length),
        channels=pipeline.kind.audio_channels,
        only_groove=only_groove,
    )
    return pipeline.encode(spectrogram)
