"""What is given up, one thing after the other, when a large model runs out of memory."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import Any, Final, TypeVar

import torch
from torch import nn

from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.spectrogram_image import SpectrogramImageKind
from riffsidecar.errors import DiffusionError

__all__ = ["RUNGS", "MemoryLadder", "is_out_of_memory"]

logger = logging.getLogger(__name__)

_Result = TypeVar("_Result")
_METHODS: Final = ("forward", "encode", "decode")
_TOLD: Final = ("out of memory", "can't allocate memory", "not enough memory")
"""How MPS and the CPU say it, who have no class of error for it."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out, whatever ran out of it.

    >>> is_out_of_memory(RuntimeError("MPS backend out of memory (MPS allocated: 5.3 GB)"))
    True
    >>> is_out_of_memory(RuntimeError("the shapes do not fit"))
    False
    """
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _TOLD)


def _one_loop(pipeline: LoopPipeline) -> None:
    pipeline.loops_at_once = 1


def _slice_attention(pipeline: LoopPipeline) -> None:
    pipeline.denoiser.set_attention_slice("auto")


def _tile(pipeline: LoopPipeline) -> None:
    """Let the autoencoder see half a picture at a time."""
    if isinstance(pipeline.kind, SpectrogramImageKind):
        pipeline.kind.tile_columns = max(2, pipeline.kind.trained_columns // 2)


def _offload(pipeline: LoopPipeline) -> None:
    """Keep on the device only the net that computes; each is fetched before its turn, and sent back after."""
    device = torch.device(pipeline.denoiser.device)
    for name in ("text_encoder", "vae"):
        net = getattr(pipeline, name)
        for method in _METHODS:
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
        for method in _METHODS:
            net.__dict__.pop(method, None)
    for part in pipeline.denoiser.modules():
        part._compiled_call_impl = None
    for name in ("text_encoder", "denoiser", "vae"):
        nn.Module.to(getattr(pipeline, name), "cpu", torch.float32)


Rung = tuple[str, Callable[[LoopPipeline], None]]

RUNGS: Final[tuple[Rung, ...]] = (
    ("one loop at a time", _one_loop),
    ("attention in slices", _slice_attention),
    ("the autoencoder in tiles", _tile),
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

    def __init__(self, pipeline: LoopPipeline, rungs: tuple[Rung, ...] = RUNGS) -> None:
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
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                told = str(error).partition(".")[0][:200] or type(error).__name__
            # Outside the except block: until it is left, the exception holds every tensor of its frames.
            if not self._left:
                raise DiffusionError(f"the model does not fit into memory: {told}; ask for fewer bars")
            name, give_up = self._left.pop(0)
            logger.warning("out of memory (%s): going on with %s", told, name)
            gc.collect()
            _empty_caches()
            give_up(self._pipeline)
            self.given_up = (*self.given_up, name)


def _empty_caches() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
