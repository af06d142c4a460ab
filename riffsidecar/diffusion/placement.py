"""Where a large model computes, and what is given up, step by step, when its memory does not suffice.

The embedded model is small and stays on the CPU in single precision, where the same request gives the same
samples on every machine of a kind. Models of the size of Stable Diffusion go to the GPU where there is one.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import nn

from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.errors import DiffusionError

__all__ = ["RUNGS", "MemoryLadder", "Placement", "choose_placement"]

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")
_NETS = ("text_encoder", "denoiser", "vae")


@dataclass(frozen=True, slots=True)
class Placement:
    """A device, and the precision that the nets have there."""

    device: str
    dtype: torch.dtype

    def put(self, pipeline: LoopPipeline) -> None:
        """Move the nets there; convolutions on CUDA like their channels last."""
        for name in _NETS:
            net = getattr(pipeline, name)
            nn.Module.to(net, self.device, self.dtype)
            if self.device == "cuda" and name != "text_encoder":
                for weight in net.parameters():
                    if weight.ndim == 4:
                        weight.data = weight.data.contiguous(memory_format=torch.channels_last)


def choose_placement(
    *,
    cuda: Callable[[], bool] = torch.cuda.is_available,
    cuda_bfloat16: Callable[[], bool] = torch.cuda.is_bf16_supported,
    mps: Callable[[], bool] = torch.backends.mps.is_available,
    cpu_bfloat16: Callable[[], bool] | None = None,
) -> Placement:
    """Return where a large model is quickest: CUDA, MPS in half precision, else the CPU.

    A CPU that computes in bfloat16 itself does so; on others it would be emulated, and slower than single.
    """
    if cuda():
        return Placement("cuda", torch.bfloat16 if cuda_bfloat16() else torch.float16)
    if mps():
        return Placement("mps", torch.float16)
    native = (cpu_bfloat16 or _cpu_has_bfloat16)()
    return Placement("cpu", torch.bfloat16 if native else torch.float32)


def _cpu_has_bfloat16() -> bool:
    """Tell whether the CPU multiplies bfloat16 by itself (AVX-512 BF16 or AMX)."""
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in asked)


def _slice_attention(pipeline: LoopPipeline) -> None:
    pipeline.denoiser.set_attention_slice("auto")


def _slice_decoder(pipeline: LoopPipeline) -> None:
    pipeline.vae.enable_slicing()


def _offload(pipeline: LoopPipeline) -> None:
    """Keep on the device only the net that computes; each is fetched before its turn, and sent back after."""
    device = torch.device(pipeline.denoiser.device)
    for name in ("text_encoder", "vae"):
        net = getattr(pipeline, name)
        for method in ("forward", "encode", "decode"):
            if hasattr(net, method):
                setattr(net, method, _visiting(net, getattr(net, method), device))
        nn.Module.to(net, "cpu")


def _visiting(net: nn.Module, method: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    def visit(*args: Any, **kwargs: Any) -> Any:
        nn.Module.to(net, device)
        try:
            moved = [each.to(device) if isinstance(each, torch.Tensor) else each for each in args]
            return method(*moved, **kwargs)
        finally:
            nn.Module.to(net, "cpu")

    return visit


def _to_cpu(pipeline: LoopPipeline) -> None:
    for name in ("text_encoder", "vae"):
        net = getattr(pipeline, name)
        for method in ("forward", "encode", "decode"):
            net.__dict__.pop(method, None)
    for name in _NETS:
        nn.Module.to(getattr(pipeline, name), "cpu", torch.float32)


RUNGS: tuple[tuple[str, Callable[[LoopPipeline], None]], ...] = (
    ("attention in slices", _slice_attention),
    ("the decoder in slices", _slice_decoder),
    ("text encoder and autoencoder beside the device", _offload),
    ("all on the CPU", _to_cpu),
)
"""What is given up, in this order, each beside those before it."""


class MemoryLadder:
    """Run work on a pipeline; when memory runs out, give something up for good and run it again.

    Args:
        pipeline: that works.
        rungs: what can be given up.
    """

    def __init__(
        self,
        pipeline: LoopPipeline,
        rungs: tuple[tuple[str, Callable[[LoopPipeline], None]], ...] = RUNGS,
    ) -> None:
        self._pipeline = pipeline
        self._left = list(rungs)
        self.given_up: tuple[str, ...] = ()

    def run(self, work: Callable[[], _Result]) -> _Result:
        """Return what ``work`` returns, after as many rungs as that takes.

        Raises:
            DiffusionError: memory runs out on the last rung as well.
        """
        while True:
            try:
                return work()
            except torch.OutOfMemoryError as error:
                told = str(error).partition(".")[0][:200]
            # Outside the except block: until it is left, the exception holds every tensor of its frames.
            if not self._left:
                raise DiffusionError(f"the model does not fit into memory: {told}; ask for fewer bars")
            name, give_up = self._left.pop(0)
            logger.warning("out of memory (%s): going on with %s", told, name)
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            give_up(self._pipeline)
            self.given_up = (*self.given_up, name)
