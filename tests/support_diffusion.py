"""Tiny random nets for tests of the pipeline: every weight counts, nothing is trained."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from riffsidecar.diffusion.autoencoder import BeatGridAutoencoder
from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.diffusion.pipeline import LoopPipeline, build_pipeline
from riffsidecar.diffusion.text import TextEncoder, load_tokenizer

__all__ = ["TEXT_FOLDER", "tiny_pipeline"]

TEXT_FOLDER = Path(__file__).resolve().parent.parent / "riffsidecar" / "checkpoints" / "text"


def _randomised(net: nn.Module, seed: int) -> None:
    """Draw every parameter: what is initialised to zero would hide what it multiplies."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            scale = 0.3 if parameter.ndim == 1 else 0.7 / parameter[0].numel() ** 0.5
            parameter.add_(scale * torch.randn(parameter.shape, generator=generator))


def tiny_pipeline() -> LoopPipeline:
    """Return a pipeline with the real tokenizer, table and shapes, and nets of a few thousand weights."""
    torch.manual_seed(0)
    vae = BeatGridAutoencoder(widths=(8, 8, 16), encoder_blocks=(1, 1, 1), decoder_blocks=(1, 1, 1))
    denoiser = ColumnDenoiser(width=64, depth=2, heads=2)
    text_encoder = TextEncoder.from_table(TEXT_FOLDER)
    for seed, net in enumerate((vae, denoiser, text_encoder)):
        _randomised(net, seed)
        net.eval()
    return build_pipeline(vae, denoiser, text_encoder, load_tokenizer(TEXT_FOLDER))
