"""Low-rank adapters beside a net's own layers: read from safetensors, switched on, and off without a trace.

An adapter adds ``scale * alpha / rank * up(down(x))`` to what a layer gives (Hu et al. 2021). It is computed
beside the layer and not added to its weights, because taking it off again would leave rounding behind and the
same request would not give the same samples any more. Two ways of naming are read: that of the original
trainers (``lora_unet_...``, ``lora_te_...``, ``lora_down``, ``alpha``) and that of diffusers (``unet.``,
``text_encoder.``, ``lora_A``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from riffsidecar.errors import CheckpointError, nearest

__all__ = ["Adapter", "attach", "read_adapters"]

_DOWN = (".lora_down.weight", ".lora_A.weight", ".lora.down.weight")
_UP = (".lora_up.weight", ".lora_B.weight", ".lora.up.weight")
_OLD_PROCESSOR = re.compile(r"\.processor\.(to_[qkv]|to_out)_lora")


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """Hold what is added to one layer: ``down`` to the rank, ``up`` from it, and how much."""

    down: Tensor
    up: Tensor
    scale: float

    def __post_init__(self) -> None:
        """Refuse two halves that do not meet.

        Raises:
            CheckpointError: the rank of both is not the same.
        """
        if (
            self.down.ndim not in (2, 4)
            or self.up.ndim not in (2, 4)
            or self.down.shape[0] != self.up.shape[1]
        ):
            raise CheckpointError(
                f"a LoRA has halves of {tuple(self.down.shape)} and {tuple(self.up.shape)}: their rank must "
                "agree"
            )

    def beside(self, weight: Tensor) -> Adapter:
        """Return the adapter where a weight is, and in its precision, so that no run has to fetch it."""
        down, up = (half.to(weight.device, weight.dtype) for half in (self.down, self.up))
        return Adapter(down, up, self.scale)

    def __call__(self, layer: nn.Module, x: Tensor) -> Tensor:
        """Return what is added to the output of ``layer`` for the input ``x``."""
        down, up = self.down.to(x.device, x.dtype), self.up.to(x.device, x.dtype)
        if isinstance(layer, nn.Conv2d):
            down, up = _as_kernel(down), _as_kernel(up)
            # The layer's own forward pads, circularly where it is told to.
            low = (
                layer._conv_forward(x, down, None)
                if down.shape[-1] > 1
                else F.conv2d(x, down, stride=layer.stride)
            )
            return F.conv2d(low, up) * self.scale
        return F.linear(F.linear(x, down.flatten(1)), up.flatten(1)) * self.scale


def _as_kernel(weight: Tensor) -> Tensor:
    return weight if weight.ndim == 4 else weight[..., None, None]


def read_adapters(path: Path) -> dict[str, Adapter]:
    """Return the adapters in a file by the name of their layer, such as ``unet.down_blocks.0...to_q``.

    Names of the original trainers keep their underscores; `attach` knows both.

    Raises:
        CheckpointError: it is no LoRA, or one of a kind that is not known here.
    """
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"the LoRA {path} cannot be read: {error}; fetch it again") from error
    adapters: dict[str, Adapter] = {}
    for key, down in tensors.items():
        for down_end, up_end in zip(_DOWN, _UP, strict=True):
            if key.endswith(down_end):
                name = key.removesuffix(down_end)
                up = tensors.get(name + up_end)
                if up is None:
                    raise CheckpointError(f"the LoRA {path} lacks {name + up_end}: fetch it again")
                rank = down.shape[0]
                alpha = tensors.get(name + ".alpha")
                adapters[_layer_name(name)] = Adapter(down, up, 1.0 if alpha is None else float(alpha) / rank)
    if not adapters:
        first = next(iter(sorted(tensors)), "nothing")
        raise CheckpointError(f"{path} is no LoRA that is known here: it begins with {first}")
    return adapters


def _layer_name(name: str) -> str:
    """Return the name of a layer as the net has it now."""
    found = _OLD_PROCESSOR.sub(lambda match: f".{match.group(1)}", name)
    return re.sub(r"\.to_out$", ".to_out.0", found)


def attach(
    nets: Mapping[str, nn.Module], adapters: Mapping[str, Adapter], scale: float
) -> list[RemovableHandle]:
    """Switch adapters on and return the handles that switch them off.

    Args:
        nets: ``unet`` and ``text_encoder``.
        adapters: from `read_adapters`.
        scale: how much of them; 1 is as they were trained.

    Raises:
        CheckpointError: an adapter has no layer, or one of another size: it belongs to another model.
    """
    layers = {}
    for prefix, short in (("unet", "lora_unet"), ("text_encoder", "lora_te")):
        for name, layer in nets[prefix].named_modules():
            if isinstance(layer, nn.Linear | nn.Conv2d):
                layers[f"{prefix}.{name}"] = layer
                layers[f"{short}_{name.replace('.', '_')}"] = layer
                layers.setdefault(f"{short}_text_model_{name.replace('.', '_')}", layer)
                layers.setdefault(f"{prefix}.text_model.{name}", layer)
    handles: list[RemovableHandle] = []
    for name, adapter in adapters.items():
        layer = layers.get(name)
        if layer is None or not _fits(layer, adapter):
            for handle in handles:
                handle.remove()
            raise CheckpointError(
                f"the LoRA has a part for {name[:80]}, which this model has not in that "
                f"size{nearest(name, layers)}: "
                "it was made for another model"
            )
        handles.append(layer.register_forward_hook(_hook(adapter.beside(layer.weight), scale)))
    return handles


def _fits(layer: nn.Module, adapter: Adapter) -> bool:
    if isinstance(layer, nn.Conv2d):
        return adapter.down.shape[1] == layer.in_channels and adapter.up.shape[0] == layer.out_channels
    if not isinstance(layer, nn.Linear):
        return False
    return adapter.down.shape[1] == layer.in_features and adapter.up.shape[0] == layer.out_features


def _hook(adapter: Adapter, scale: float) -> Any:
    def add(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        return output + scale * adapter(layer, inputs[0])

    return add
