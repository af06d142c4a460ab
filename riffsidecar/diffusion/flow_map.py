"""A flow map: the denoiser, adapted to say in one call where many small steps of the solver would lead.

The velocity of rectified flow is how the sample moves now. A flow map (Boffi, Albergo, Vanden-Eijnden 2024)
says how it moves in the mean until a later sigma, which it is told beside the timestep, so that a whole leap
is one Euler step. It is learned from trajectories of the solver itself under guidance, and with guidance in
it (Meng et al. 2023), so that a step needs one pass and not two. What a checkpoint holds of it are low-rank
matrices (Hu et al. 2021), a twelfth of the net's size; in use it is a second net in memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from riffsidecar.diffusion.denoiser import ColumnDenoiser, timestep_embedding
from riffsidecar.diffusion.unfilled import unfilled
from riffsidecar.errors import DiffusionError

__all__ = ["DESTINATION_SIZE", "FlowMapAdapter", "destination_embedding", "flow_map_mix"]

DESTINATION_SIZE = 64
"""Channels of the embedding of the timestep that a leap leads to."""


def destination_embedding(timestep: Tensor) -> Tensor:
    """Return ``(batch, DESTINATION_SIZE)`` of ``(batch,)`` timesteps in [0, 1000] to leap to."""
    return timestep_embedding(timestep, DESTINATION_SIZE)


def flow_map_mix(guidance: float, morph: float, baked: float, negative: bool) -> tuple[float, ...]:
    """Return the weights of the leaps under prompt A, prompt B, the negative prompt and no prompt; sum 1.

    A leap under a prompt has the guidance ``baked`` in it, away from no prompt. Solving that for the plain
    prediction and putting it into `velocity_mix` gives these weights; with the guidance that is baked in and
    no negative prompt, one pass is left for each prompt.

    >>> flow_map_mix(4.0, 0.0, 4.0, negative=False)
    (1.0, 0.0, 0.0, 0.0)
    >>> flow_map_mix(2.0, 0.5, 4.0, negative=False)
    (0.25, 0.25, 0.0, 0.5)
    >>> flow_map_mix(4.0, 0.0, 4.0, negative=True)
    (1.0, 0.0, -0.75, 0.75)
    """
    wanted = guidance / baked
    against = (1.0 - guidance) / baked if negative else 0.0
    return wanted * (1.0 - morph), wanted * morph, against, 1.0 - wanted - against


class FlowMapAdapter(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Hold what turns a `ColumnDenoiser` into its flow map.

    Args:
        denoiser: the configuration of the denoiser that it is for.
        rank: of the matrices beside each linear layer.
        guidance_scale: what guidance is in it.

    Raises:
        DiffusionError: no guidance above 0.
    """

    @register_to_config
    def __init__(self, denoiser: Mapping[str, Any], rank: int = 20, guidance_scale: float = 4.0) -> None:
        super().__init__()
        if not guidance_scale > 0.0:
            raise DiffusionError(f"flow map: guidance_scale is {guidance_scale}: must be above 0")
        with torch.device("meta"):
            shape = ColumnDenoiser(**denoiser)
        self._layers = {
            name: name.replace(".", "-")
            for name, layer in shape.named_modules()
            if isinstance(layer, nn.Linear) and min(layer.weight.shape) > 2 * rank
        }
        self.down, self.up = nn.ParameterDict(), nn.ParameterDict()
        for name, key in self._layers.items():
            out_features, in_features = shape.get_submodule(name).weight.shape
            self.down[key] = nn.Parameter(torch.randn(rank, in_features) / in_features**0.5)
            self.up[key] = nn.Parameter(torch.zeros(out_features, rank))
        self.cond_proj = nn.Linear(DESTINATION_SIZE, shape.time[0].in_features, bias=False)
        nn.init.zeros_(self.cond_proj.weight)

    def fits(self, denoiser: ColumnDenoiser) -> bool:
        """Tell whether it was made for a denoiser of this shape."""
        return all(denoiser.config.get(name) == value for name, value in self.config.denoiser.items())

    def mapped(self) -> ColumnDenoiser:
        """Return a net to put `weights` into."""
        return ColumnDenoiser(**{**self.config.denoiser, "time_cond_proj_dim": DESTINATION_SIZE})

    def weights(self, denoiser: ColumnDenoiser) -> dict[str, Tensor]:
        """Return the parameters of the flow map of ``denoiser``; gradients lead to the adapter."""
        weights = dict(denoiser.state_dict())
        for name, key in self._layers.items():
            base = weights[f"{name}.weight"]
            weights[f"{name}.weight"] = base + (self.up[key] @ self.down[key]).to(base.dtype)
        weights["cond_proj.weight"] = self.cond_proj.weight
        return weights

    @torch.no_grad()
    def applied_to(self, denoiser: ColumnDenoiser) -> ColumnDenoiser:
        """Return the flow map of ``denoiser``, where that is and in its precision."""
        mapped = unfilled(self.mapped)
        nn.Module.to(mapped, denoiser.device, denoiser.dtype)
        mapped.load_state_dict(self.weights(denoiser))
        return mapped.eval()
