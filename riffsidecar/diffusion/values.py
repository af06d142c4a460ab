"""The values that go into a denoising run and come out of it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from riffsidecar.errors import DiffusionError

__all__ = ["Conditions", "LoopOutput", "Progress", "check_within", "silent"]

Progress = Callable[[str, float], None]
"""Called with a stage ("denoise", "decode") and the fraction of it that is done; may raise to stop."""


def silent(stage: str, fraction: float) -> None:
    """Report to nobody."""


def check_within(name: str, value: float, low: float, high: float) -> None:
    """Refuse a number that is not finite or not from ``low`` to ``high``.

    Raises:
        DiffusionError: naming it.
    """
    if not (math.isfinite(value) and low <= value <= high):
        raise DiffusionError(f"{name} is {value}: must be from {low:g} to {high:g}")


@dataclass(frozen=True, slots=True, eq=False)
class LoopOutput:
    """A loop before it is sound.

    Attributes:
        latents: float32 (channels, rows, columns), on the CPU.
        spectrogram: float32 (channels, n_mels, frames) in the checkpoint's format.
    """

    latents: Tensor
    spectrogram: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """All that a denoising run is told.

    Attributes:
        hidden_states: (prompts, num_tokens, width) of the prompts.
        token_weights: (prompts, num_tokens), 0 for padding.
        mix: the weight of the prediction under each prompt; they sum to 1 (see `velocity_mix`).
        columns: (prompts, column_channels, columns), what goes with each prompt; (prompts, 0, columns) for a
            model that is told of nothing but the prompt.
        controls: (prompts, control_size), or (prompts, 0) likewise.
        guided: the share of the steps, from the noisiest on, that are guided, where the model can do without.

    Raises:
        DiffusionError: not as many weights as prompts, or a share outside 0 to 1.
    """

    hidden_states: Tensor
    token_weights: Tensor
    mix: tuple[float, ...]
    columns: Tensor
    controls: Tensor
    guided: float = 1.0

    def __post_init__(self) -> None:
        """Refuse weights that belong to no prompt, and no share of the steps."""
        check_within("guided", self.guided, 0.0, 1.0)
        if not len(self.mix) == len(self.hidden_states) == len(self.token_weights):
            raise DiffusionError(
                f"conditions: {len(self.mix)} weights for {len(self.hidden_states)} prompts: must be one each"
            )
