"""Average the weights of two checkpoints of one run: between two ends of a fine-tune lies a better model.

Wortsman et al., "Robust fine-tuning of zero-shot models", 2022 (WiSE-FT).
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from riffsidecar.diffusion.checkpoints import load_pipeline
from riffsidecar.errors import TrainingError

__all__ = ["average_checkpoints"]

_WEIGHTS = "diffusion_pytorch_model.safetensors"
_AVERAGED = ("denoiser", "text_encoder", "flow_map")


def average_checkpoints(first: Path, second: Path, out: Path, share: float) -> int:
    """Write ``out`` with ``1 - share`` of the weights of ``first`` and ``share`` of those of ``second``.

    Denoiser, text encoder and flow map are averaged; all else is that of ``first``. A checkpoint that lies at
    ``out`` is replaced only when the new one is complete. Returns the size of ``out`` in bytes.

    Raises:
        CheckpointError: one of them cannot be loaded.
        TrainingError: ``share`` is not between 0 and 1, or their nets or autoencoders differ.
    """
    if not 0.0 <= share <= 1.0:
        raise TrainingError(f"--share is {share}, but must be from 0 to 1")
    for checkpoint in (first, second):
        load_pipeline(checkpoint)
    if (first / "vae" / _WEIGHTS).read_bytes() != (second / "vae" / _WEIGHTS).read_bytes():
        raise TrainingError(f"{first} and {second} have different autoencoders: their latents have no mean")
    partial = out.with_name(out.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(first, partial)
    for part in _AVERAGED:
        if not (first / part).exists() and not (second / part).exists():
            continue
        one, other = (_read(checkpoint / part / _WEIGHTS) for checkpoint in (first, second))
        save_file(_mean(part, one, other, share), partial / part / _WEIGHTS, metadata={"format": "pt"})
    shutil.rmtree(out, ignore_errors=True)
    partial.replace(out)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def _read(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{path} cannot be averaged: {error}") from error


def _mean(
    part: str, first: Mapping[str, Tensor], second: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """Return the mean of two nets; what is no floating point, as the token table, must be the same."""
    shapes = [{name: weight.shape for name, weight in net.items()} for net in (first, second)]
    if shapes[0] != shapes[1]:
        raise TrainingError(f"the two checkpoints have a {part.replace('_', ' ')} of different shapes")
    mean = {}
    for name, weight in first.items():
        if not weight.is_floating_point():
            if not torch.equal(weight, second[name]):
                raise TrainingError(f"the two checkpoints differ in {name} of the {part}, which has no mean")
            mean[name] = weight
            continue
        mean[name] = torch.lerp(weight.float(), second[name].float(), share).to(weight.dtype).contiguous()
    return mean
