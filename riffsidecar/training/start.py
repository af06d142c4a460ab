"""Begin a run with the weights of a finished checkpoint: optimiser states are never kept, weights are."""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
from torch import nn

from riffsidecar.diffusion.autoencoder import BeatGridAutoencoder
from riffsidecar.diffusion.checkpoints import load_pipeline
from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.diffusion.flow_map import FlowMapAdapter
from riffsidecar.diffusion.text import TextEncoder
from riffsidecar.errors import TrainingError

__all__ = ["adopt_autoencoder", "adopt_autoencoder_weights", "adopt_flow_map", "adopt_weights"]


def adopt_autoencoder(checkpoint: Path, folder: Path) -> None:
    """Copy the autoencoder of ``checkpoint`` into the run ``folder``, unless the run has one of its own."""
    if not (folder / "vae").exists():
        load_pipeline(checkpoint)
        shutil.copytree(checkpoint / "vae", folder / "vae")


def adopt_autoencoder_weights(checkpoint: Path, autoencoder: BeatGridAutoencoder) -> BeatGridAutoencoder:
    """Give ``autoencoder`` the weights that it has in ``checkpoint``; return that one, to compare with.

    Raises:
        CheckpointError: it cannot be read.
        TrainingError: it has another shape.
    """
    finished: BeatGridAutoencoder = load_pipeline(checkpoint).vae.float()
    _adopt(checkpoint, "autoencoder", autoencoder, finished)
    return finished.requires_grad_(False).to(memory_format=torch.channels_last)


def adopt_weights(checkpoint: Path, denoiser: ColumnDenoiser, text_encoder: TextEncoder) -> None:
    """Give ``denoiser`` and ``text_encoder`` the weights that they have in ``checkpoint``.

    Raises:
        CheckpointError: it cannot be read.
        TrainingError: its nets have other shapes.
    """
    pipeline = load_pipeline(checkpoint)
    _adopt(checkpoint, "denoiser", denoiser, pipeline.denoiser)
    _adopt(checkpoint, "text encoder", text_encoder, pipeline.text_encoder)


def adopt_flow_map(checkpoint: Path, adapter: FlowMapAdapter) -> None:
    """Give ``adapter`` the weights that it has in ``checkpoint``, whose denoiser may be another.

    Raises:
        CheckpointError: it cannot be read.
        TrainingError: it has no flow map, or one of another shape.
    """
    finished = load_pipeline(checkpoint).flow_map
    if finished is None:
        raise TrainingError(f"{checkpoint} has no flow map to start from; leave --start-from out")
    _adopt(checkpoint, "flow map", adapter, finished)


def _adopt(checkpoint: Path, what: str, net: nn.Module, finished: nn.Module) -> None:
    try:
        net.load_state_dict(finished.state_dict())
    except RuntimeError as error:
        raise TrainingError(
            f"the {what} of {checkpoint} does not fit this configuration ({error}); start from another one"
        ) from error
