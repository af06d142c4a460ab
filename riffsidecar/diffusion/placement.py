"""Where a large model computes, and in what precision; what is given up when memory runs out.

The embedded model is small and stays on the CPU in single precision, where the same request gives the same
samples on every machine of a kind. Models of the size of Stable Diffusion go to the GPU where there is one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import torch
from diffusers import ModelMixin
from torch import nn

from riffsidecar.diffusion.devices import has_bfloat16
from riffsidecar.diffusion.pipeline import LoopPipeline

__all__ = ["Placement", "choose_placement", "compile_blocks"]

logger = logging.getLogger(__name__)

_NETS: Final = ("text_encoder", "denoiser", "vae")

_AT_ONCE: Final[Mapping[str, int]] = MappingProxyType({"cuda": 4, "mps": 2})
"""Loops in one run of the denoiser. On a CPU a loop takes as long beside others as by itself."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A device, and the precision that the nets have there."""

    device: str
    dtype: torch.dtype

    @property
    def channels_last(self) -> bool:
        """Return whether convolutions are quicker with their channels last: on CUDA, and in bfloat16."""
        return self.device == "cuda" or (self.device == "cpu" and self.dtype == torch.bfloat16)

    def put(self, pipeline: LoopPipeline) -> None:
        """Move the nets there."""
        for name in _NETS:
            self.lay(getattr(pipeline, name))
        pipeline.loops_at_once = _AT_ONCE.get(self.device, 1)

    def lay(self, net: nn.Module) -> None:
        """Move one net there, and its weights into the order that is quickest."""
        nn.Module.to(net, self.device, self.dtype)
        if self.channels_last:
            for weight in net.parameters():
                if weight.ndim == 4:
                    weight.data = weight.data.contiguous(memory_format=torch.channels_last)

    def warm_up(self, pipeline: LoopPipeline) -> None:
        """Run each net once on a GPU, where the first run chooses kernels; on CUDA compile what is repeated.

        Only the transformer blocks are compiled: they make most calls, take seconds and any width, and know
        nothing of padding, which changes with the seam. Where no compiler works, they run as they are.
        """
        if self.device == "cpu":
            return
        if self.device == "cuda":
            compile_blocks(pipeline.denoiser)
        try:
            _run_once(pipeline)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            if self.device != "cuda":
                raise
            logger.warning("the model is not compiled, and runs as it is: %s", str(error)[:200])
            for part in pipeline.denoiser.modules():
                part._compiled_call_impl = None
            _run_once(pipeline)


def compile_blocks(net: ModelMixin, backend: str = "inductor") -> None:
    """Compile the transformer blocks of a U-Net, so that they still see what is hooked to their layers.

    A LoRA is a hook. Compiled code does not look for hooks that come later, unless it is told to.
    """
    import torch._dynamo.config as compiler

    compiler.skip_nnmodule_hook_guards = False
    net.compile_repeated_blocks(dynamic=True, backend=backend)


@torch.inference_mode()
def _run_once(pipeline: LoopPipeline) -> None:
    """Denoise the picture that the model was trained on, with guidance and without, and decode it."""
    unet, vae = pipeline.denoiser, pipeline.vae
    channels, rows = pipeline.latent_shape
    size = unet.config.sample_size
    columns = int(size if isinstance(size, int) else size[1])
    ids = torch.zeros((2, pipeline.text_encoder.config.max_position_embeddings), dtype=torch.int64)
    states = pipeline.text_encoder(ids.to(pipeline.text_encoder.device)).last_hidden_state
    latents = torch.zeros((2, channels, rows, columns), device=unet.device, dtype=unet.dtype)
    states = states.to(unet.device, unet.dtype)
    for prompts in (2, 1):
        unet(latents[:prompts], 500, states[:prompts])
    vae.decode(latents[:1].to(vae.device, vae.dtype))


def choose_placement(
    *,
    cuda: Callable[[], bool] = torch.cuda.is_available,
    cuda_bfloat16: Callable[[], bool] | None = None,
    mps: Callable[[], bool] = torch.backends.mps.is_available,
    cpu_bfloat16: Callable[[], bool] | None = None,
) -> Placement:
    """Return where a large model is quickest: CUDA, MPS in half precision, else the CPU.

    A CPU or a card that computes in bfloat16 itself does so; on others it would be emulated, and slower.
    """
    if cuda():
        native = has_bfloat16(torch.device("cuda")) if cuda_bfloat16 is None else cuda_bfloat16()
        return Placement("cuda", torch.bfloat16 if native else torch.float16)
    if mps():
        return Placement("mps", torch.float16)
    native = has_bfloat16(torch.device("cpu")) if cpu_bfloat16 is None else cpu_bfloat16()
    return Placement("cpu", torch.bfloat16 if native else torch.float32)
