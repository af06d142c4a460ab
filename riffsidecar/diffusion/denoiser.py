"""The denoiser: a transformer with one token a latent column, periodic in time for any number of columns.

It predicts the velocity of rectified flow (Liu, Gong, Liu 2022; Lipman et al. 2022). A token never learns its
index: it is told its phase in the beat, in the bar and in the loop, and attention turns queries and keys by
whole multiples of these phases (rotary positions, Su et al. 2021, with periodic angles). Phases and harmony
modulate every block at each column, together with time, prompt and controls (adaptive norms, Peebles, Xie
2023). Rolling the latents and the column conditions together therefore rolls the prediction.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from riffsidecar.diffusion.conditioning import COLUMN_CHANNELS, CONTROL_SIZE
from riffsidecar.errors import DiffusionError

__all__ = ["ColumnDenoiser", "timestep_embedding"]

_TIME_SIZE = 256

#: Whole multiples of the beat, bar and loop phase that turn one pair of channels each.
_HARMONICS = ((1, 2, 3, 4), (1, 2, 3, 4, 6, 8, 16), (1, 2, 3, 4, 8))


def _rotary_angles(conditions: Tensor) -> Tensor:
    """Return ``(batch, columns, pairs)`` angles from the phase channels of the column conditions."""
    phases = conditions[:, :6].float() if conditions.dtype != torch.float64 else conditions[:, :6]
    angles = [
        torch.atan2(phases[:, 2 * i], phases[:, 2 * i + 1]).unsqueeze(-1) * phases.new_tensor(multiples)
        for i, multiples in enumerate(_HARMONICS)
    ]
    return torch.cat(angles, dim=-1)


def _place(conditions: Tensor, angles: Tensor) -> Tensor:
    """Return ``(batch, columns, channels)``: what is known of each column, and the waves of its phases."""
    waves = torch.cat([angles.cos(), angles.sin()], dim=-1).to(conditions.dtype)
    return torch.cat([conditions.transpose(1, 2), waves], dim=-1)


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn the first ``2 * pairs`` channels of ``(batch, heads, columns, channels)``; leave the rest."""
    pairs = cos.shape[-1]
    a, b, rest = x[..., :pairs], x[..., pairs : 2 * pairs], x[..., 2 * pairs :]
    return torch.cat([a * cos - b * sin, a * sin + b * cos, rest], dim=-1)


def timestep_embedding(timestep: Tensor, size: int) -> Tensor:
    """Return the sinusoidal embedding of a timestep in [0, 1000] (Vaswani et al. 2017)."""
    half = size // 2
    rates = torch.exp(-math.log(10_000.0) * torch.arange(half, device=timestep.device) / half)
    angles = timestep[:, None] * rates.to(timestep.dtype)
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def _zeroed(linear: nn.Linear) -> nn.Linear:
    """Return a layer that says nothing until it is trained."""
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


class _HeadNorm(nn.Module):
    """Root-mean-square norm of queries and keys, in their own precision also under autocast."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), 1e-6)


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, context: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(context or width, 2 * width)
        self.query_norm = _HeadNorm(width // heads)
        self.key_norm = _HeadNorm(width // heads)
        self.out = nn.Linear(width, width)

    def forward(
        self,
        x: Tensor,
        context: Tensor | None = None,
        bias: Tensor | None = None,
        rotation: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        batch, tokens, width = x.shape
        source = x if context is None else context
        query = self.query(x).view(batch, tokens, self.heads, -1).transpose(1, 2)
        key, value = (
            self.key_value(source).view(batch, source.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        )
        query, key = self.query_norm(query), self.key_norm(key)
        if rotation is not None:
            query, key = _rotate(query, *rotation), _rotate(key, *rotation)
        mixed = F.scaled_dot_product_attention(
            query.to(value.dtype), key.to(value.dtype), value, attn_mask=bias
        )
        return self.out(mixed.transpose(1, 2).reshape(batch, tokens, width))


class _Block(nn.Module):
    """Attention over columns and to the prompt, a local mixer and an MLP, modulated by time and place."""

    def __init__(self, width: int, heads: int, context: int) -> None:
        super().__init__()
        self.norm_self = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.norm_cross = nn.LayerNorm(width, eps=1e-6)
        self.norm_mlp = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.self_attention = _Attention(width, heads)
        self.cross_attention = _Attention(width, heads, context)
        self.local = nn.Conv1d(width, width, 3, groups=width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )
        self.modulation = nn.Parameter(torch.zeros(6, width))
        nn.init.zeros_(self.cross_attention.out.weight)
        nn.init.zeros_(self.local.weight)

    def forward(
        self, x: Tensor, told: Tensor, text: Tensor, bias: Tensor, rotation: tuple[Tensor, Tensor]
    ) -> Tensor:
        """Return ``x`` after the block; ``told`` is ``(batch, columns, 6, width)``."""
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = (told + self.modulation.to(told.dtype)).unbind(2)
        x = x + gate_a * self.self_attention(self.norm_self(x) * (1 + scale_a) + shift_a, rotation=rotation)
        x = x + self.cross_attention(self.norm_cross(x), text, bias)
        h = self.norm_mlp(x) * (1 + scale_m) + shift_m
        wrapped = torch.cat([h[:, -1:], h, h[:, :1]], dim=1).transpose(1, 2)
        return x + gate_m * self.mlp(h + self.local(wrapped).transpose(1, 2))


class ColumnDenoiser(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Predict the velocity ``noise - latents`` of rectified flow.

    Args:
        in_channels: channels of a latent.
        rows: rows of a latent column.
        width: channels of a token.
        depth: number of blocks.
        heads: attention heads; ``width / heads`` is at least 32.
        text_width: channels of the prompt's hidden states.
        column_channels: channels of the column conditions, phases first.
        control_size: entries of the control vector.
        time_cond_proj_dim: channels of what is told beside the timestep, or None: nothing.

    Raises:
        DiffusionError: heads that do not divide the width, or leave too little of it for the phases.
    """

    @register_to_config
    def __init__(
        self,
        in_channels: int = 8,
        rows: int = 32,
        width: int = 384,
        depth: int = 7,
        heads: int = 6,
        text_width: int = 256,
        column_channels: int = COLUMN_CHANNELS,
        control_size: int = CONTROL_SIZE,
        time_cond_proj_dim: int | None = None,
    ) -> None:
        super().__init__()
        turned = 2 * sum(map(len, _HARMONICS))
        if width % heads or width // heads < turned:
            raise DiffusionError(
                f"denoiser: width is {width} and heads {heads}: width must be a multiple of heads, at least "
                f"{turned} times as many"
            )
        self.input = nn.Linear(in_channels * rows, width)
        self.condition = nn.Linear(column_channels, width)
        self.time = nn.Sequential(nn.Linear(_TIME_SIZE, width), nn.SiLU(), nn.Linear(width, width))
        if time_cond_proj_dim is not None:
            self.cond_proj = nn.Linear(time_cond_proj_dim, _TIME_SIZE, bias=False)
        self.control = nn.Sequential(nn.Linear(control_size, width), nn.SiLU(), nn.Linear(width, width))
        self.pooled_text = nn.Linear(text_width, width)
        self.place = nn.Sequential(
            nn.Linear(column_channels + turned, width), nn.SiLU(), _zeroed(nn.Linear(width, width))
        )
        self.modulation = nn.Sequential(nn.SiLU(), _zeroed(nn.Linear(width, 6 * width)))
        self.blocks = nn.ModuleList(_Block(width, heads, text_width) for _ in range(depth))
        self.norm_out = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.modulation_out = nn.Sequential(nn.SiLU(), _zeroed(nn.Linear(width, 2 * width)))
        self.output = _zeroed(nn.Linear(width, in_channels * rows))

    @property
    def device(self) -> torch.device:
        """Return where the net is; diffusers' own walks every module, several times a loop."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Return the precision of the net."""
        return next(self.parameters()).dtype

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        encoder_attention_mask: Tensor,
        column_conditions: Tensor,
        controls: Tensor,
        timestep_cond: Tensor | None = None,
    ) -> Tensor:
        """Return the velocity, shaped like ``sample``.

        Args:
            sample: ``(batch, in_channels, rows, columns)``, latents on the way from noise (t = 1000) to 0.
            timestep: ``(batch,)`` in [0, 1000].
            encoder_hidden_states: ``(batch, tokens, text_width)``.
            encoder_attention_mask: ``(batch, tokens)``, the weight of each token: 1 for a token, 0 for
                padding, anything between for a token that counts less (log(weight) is added to its attention
                scores).
            column_conditions: ``(batch, column_channels, columns)``.
            controls: ``(batch, control_size)``.
            timestep_cond: ``(batch, time_cond_proj_dim)``, added to the embedding of the timestep.
        """
        batch, channels, rows, columns = sample.shape
        dtype = self.input.weight.dtype
        conditions = column_conditions.to(dtype)
        angles = _rotary_angles(column_conditions)[:, None]
        rotation = (angles.cos(), angles.sin())
        keep = encoder_attention_mask.to(dtype)
        pooled = (encoder_hidden_states * keep[..., None]).sum(1) / keep.sum(1, keepdim=True).clamp(min=1)
        wide = torch.float64 if dtype == torch.float64 else torch.float32
        embedded = timestep_embedding(timestep.to(wide), _TIME_SIZE).to(dtype)
        if timestep_cond is not None:
            embedded = embedded + self.cond_proj(timestep_cond.to(dtype))
        time = self.time(embedded)
        time = time + self.control(controls.to(dtype)) + self.pooled_text(pooled.to(dtype))
        told = time[:, None] + self.place(_place(conditions, angles[:, 0]))
        modulation = self.modulation(told).view(batch, columns, 6, -1)
        bias = keep.to(wide).clamp_min(1e-12).log().to(dtype)[:, None, None, :]
        x = self.input(sample.to(dtype).reshape(batch, channels * rows, columns).transpose(1, 2))
        x = x + self.condition(conditions.transpose(1, 2))
        for block in self.blocks:
            x = block(x, modulation, encoder_hidden_states.to(dtype), bias, rotation)
        shift, scale = self.modulation_out(told).chunk(2, dim=-1)
        x = self.output(self.norm_out(x) * (1 + scale) + shift)
        return x.transpose(1, 2).reshape(batch, channels, rows, columns)
