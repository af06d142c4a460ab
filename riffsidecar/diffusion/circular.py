"""Make any of diffusers' convolutional nets periodic in time, and undo it.

Spectrograms are (batch, channels, frequency, time). The last axis becomes a circle, frequency keeps its zeros
(huggingface/diffusers issues 556 and 2633 describe the idea for images that tile along one axis). Two places
pad: `torch.nn.Conv2d` itself, and diffusers' `Downsample2D`, which with ``padding=0`` appends a column of
zeros before its convolution. Norms, attention without positions, nearest upsampling and activations commute
with a roll already, so that the whole net does, for rolls by multiples of its stride.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import TypeVar

import torch.nn.functional as F
from diffusers.models.downsampling import Downsample2D
from torch import Tensor, nn

__all__ = ["make_circular"]

_Net = TypeVar("_Net", bound=nn.Module)


def _circular_conv_forward(self: nn.Conv2d, input: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    left, right, top, bottom = self._reversed_padding_repeated_twice
    wrapped = F.pad(input, (left, right, 0, 0), mode="circular")
    padded = F.pad(wrapped, (0, 0, top, bottom))
    return F.conv2d(padded, weight, bias, self.stride, 0, self.dilation, self.groups)


def _circular_downsample_forward(
    self: Downsample2D, hidden_states: Tensor, *_: object, **__: object
) -> Tensor:
    if self.norm is not None:
        hidden_states = self.norm(hidden_states.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    wrapped = F.pad(hidden_states, (0, 1, 0, 0), mode="circular")
    reduced: Tensor = self.conv(F.pad(wrapped, (0, 0, 0, 1)))
    return reduced


def _set(module: nn.Module, name: str, function: Callable[..., Tensor], *, enabled: bool) -> None:
    """Shadow a method on this instance, or uncover it again."""
    if enabled:
        setattr(module, name, types.MethodType(function, module))
    else:
        module.__dict__.pop(name, None)


def make_circular(module: _Net, enabled: bool = True) -> _Net:
    """Pad time (the last axis) circularly in every convolution of ``module``, or as before.

    Weights, buffers and the state dict are untouched. Nets that are periodic by construction are left as they
    are.

    Args:
        module: changed in place.
        enabled: False restores the original padding.

    Returns:
        The same ``module``.
    """
    for part in module.modules():
        if isinstance(part, Downsample2D):
            if part.use_conv and part.padding == 0:
                _set(part, "forward", _circular_downsample_forward, enabled=enabled)
        elif isinstance(part, nn.Conv2d) and part.padding_mode == "zeros":
            left, right, _, _ = part._reversed_padding_repeated_twice
            if left or right:
                _set(part, "_conv_forward", _circular_conv_forward, enabled=enabled)
    return module
