"""What differs between kinds of models, in one strategy each; the pipeline asks and never looks.

A kind says how a prompt is encoded, how many latent columns a length has, what the denoiser is told at every
step, how the levels of noise of its solver are used, and how spectrograms map to the channels of its
autoencoder. In all kinds latents are (channels, rows, columns) with the lowest band in row 0 and time to the
right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from diffusers import ModelMixin, SchedulerMixin
from numpy.typing import NDArray
from torch import Tensor

from riffsidecar.diffusion.values import Conditions
from riffsidecar.music import LoopLength
from riffsidecar.session.engines import SEAMS
from riffsidecar.spectrogram.formats import SpectrogramFormat

__all__ = ["SEAM_MODES", "Components", "ModelKind", "Prompts", "kind_of"]

SEAM_MODES = SEAMS
"""How a loop is closed by a model that was trained on pictures with edges.

``circular``: convolutions of U-Net and autoencoder wrap around in time. ``roll``: the nets keep their edges,
but the latents are turned before every step, so that no place stays at the edge. ``repaint``: a line is made,
turned by half, and its seam painted anew. ``line``: nothing is done, for comparison. A model that is periodic
by construction is always circular.
"""


class Components(Protocol):
    """Hold what a kind works with: the components of a `LoopPipeline`."""

    vae: ModelMixin
    denoiser: ModelMixin
    scheduler: SchedulerMixin
    text_encoder: Any
    tokenizer: Any
    flow_map: Any

    @property
    def format(self) -> SpectrogramFormat:
        """Return what the pictures of sound mean."""


@dataclass(frozen=True, slots=True)
class Prompts:
    """What is asked for: two prompts, the place between them, what to lead away from, how much, how long."""

    prompt: str
    prompt_b: str = ""
    morph: float = 0.0
    negative: str = ""
    guidance: float = 4.0
    guided: float = 1.0


class ModelKind(Protocol):
    """Know one kind of model."""

    quality_steps: Mapping[str, int]
    distilled_steps: Mapping[str, int]
    knows_tempo: bool

    @property
    def audio_channels(self) -> int:
        """Return how many channels of sound a spectrogram has."""

    @property
    def frames_per_column(self) -> int:
        """Return how many frames of a spectrogram a latent column stands for."""

    @property
    def latent_shape(self) -> tuple[int, int]:
        """Return the channels and rows of a latent column."""

    def columns(self, length: LoopLength) -> int:
        """Return how many latent columns a loop of this length has."""

    def set_seam(self, mode: str) -> None:
        """Choose one of `SEAM_MODES`."""

    def set_distilled(self, enabled: bool) -> None:
        """Take the few steps of a model distilled for them, or those of its usual solver."""

    def condition(
        self,
        prompts: Prompts,
        length: LoopLength,
        columns: NDArray[np.float32] | None,
        controls: NDArray[np.float32] | None,
    ) -> Conditions:
        """Gather what a run is told; prompts that would count nothing are left out."""

    def start(self, noise: Tensor, init: Tensor | None, strength: float) -> Tensor:
        """Return where the solver begins, once its steps are laid out; (1, channels, rows, columns)."""

    def predict(self, latents: Tensor, step: int, conditions: Conditions) -> Tensor:
        """Return what the denoiser says of latents (1, channels, rows, columns) at a step."""

    def known(self, kept: Tensor, noise: Tensor, step: int) -> Tensor:
        """Return kept latents at the level of noise that is reached after a step."""

    def held(self, mask: NDArray[np.float32], step: int) -> NDArray[np.float32]:
        """Return how much of the kept latents to put back after a step."""

    def encode(self, spectrogram: NDArray[np.float32]) -> Tensor:
        """Return the latents (channels, rows, columns), float32 on the CPU, of a spectrogram."""

    def decode(self, latents: Tensor) -> NDArray[np.float32]:
        """Return the spectrogram (audio channels, n_mels, frames) of latents (channels, rows, columns)."""

    def settle(self, latents: Tensor, length: LoopLength) -> Tensor:
        """Return new latents (channels, rows, columns), made from text alone, with the downbeat in front."""


def kind_of(components: Components) -> ModelKind:
    """Return the kind of model that these components are, by their denoiser."""
    from riffsidecar.diffusion.beat_grid import BeatGridKind
    from riffsidecar.diffusion.denoiser import ColumnDenoiser

    if isinstance(components.denoiser, ColumnDenoiser):
        return BeatGridKind(components)
    # The U-Net takes longer to import than the embedded model takes to load.
    from diffusers import UNet2DConditionModel

    from riffsidecar.diffusion.spectrogram_image import SpectrogramImageKind

    if isinstance(components.denoiser, UNet2DConditionModel):
        return SpectrogramImageKind(components)
    return BeatGridKind(components)
