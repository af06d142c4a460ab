"""Load a model in Stable Diffusion 1.x's layout of folders: only configurations and safetensors are read.

Each component is built by the class that belongs to this layout, whatever ``model_index.json`` says, so that
an index can name no code. The safety checker of pictures and its feature extractor are left where they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from riffsidecar.diffusion.format import FormatComponent
from riffsidecar.diffusion.layouts import STABLE_COMPONENTS
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.solvers import KarrasSolver
from riffsidecar.errors import CheckpointError
from riffsidecar.models.safetensors_header import PICKLE_SUFFIXES
from riffsidecar.spectrogram.formats import RIFFUSION

__all__ = ["load_stable", "noise_solver"]

_SOLVER: Mapping[str, Any] = {
    "algorithm_type": "dpmsolver++",
    "solver_order": 2,
    "solver_type": "midpoint",
    "use_karras_sigmas": True,
    "final_sigmas_type": "zero",
    "lower_order_final": True,
    "thresholding": False,
    "trained_betas": None,
}
_BETAS = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
}
_SCHEDULE_KEYS = (*_BETAS, "prediction_type", "steps_offset", "timestep_spacing")


def load_stable(path: Path) -> LoopPipeline:
    """Load the model in ``path``, in the precision of its files.

    Raises:
        CheckpointError: a component is missing.
        OSError: a file is missing or damaged, as of diffusers and transformers; ValueError likewise.
    """
    for name in STABLE_COMPONENTS:
        if not (path / name).is_dir():
            raise CheckpointError(f"the model in {path} lacks its {name}: fetch or copy all of it")
    unet = _net(UNet2DConditionModel, path / "unet", low_cpu_mem_usage=False)
    vae = _net(AutoencoderKL, path / "vae", low_cpu_mem_usage=False)
    text_encoder = _net(CLIPTextModel, path / "text_encoder")
    tokenizer = CLIPTokenizer.from_pretrained(path / "tokenizer", local_files_only=True)
    return LoopPipeline(
        vae=vae,
        denoiser=unet,
        scheduler=noise_solver(_json(path / "scheduler" / "scheduler_config.json")),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        spectrogram_format=_format(path),
    )


def _net(kind: Any, folder: Path, **options: Any) -> Any:
    """Return a net whose weights all come from its safetensors file."""
    if not any(folder.glob("*.safetensors")):
        pickles = any(path.suffix.lower() in PICKLE_SUFFIXES for path in folder.iterdir())
        cause = (
            "has its weights as a pickle only, which could run code when read"
            if pickles
            else "has no weights"
        )
        raise CheckpointError(
            f"{folder} {cause}: only safetensors are loaded; convert it, or name another model"
        )
    net, told = kind.from_pretrained(
        folder, local_files_only=True, use_safetensors=True, output_loading_info=True, **options
    )
    wrong = sorted(str(key) for key in (*told["missing_keys"], *told["mismatched_keys"]))
    if wrong:
        raise CheckpointError(
            f"the weights in {folder} do not fit: {len(wrong)} differ, the first is {wrong[0]}"
        )
    frozen: nn.Module = net
    return frozen.requires_grad_(False).eval()


def noise_solver(config: Mapping[str, Any]) -> KarrasSolver:
    """Return our solver on the noise schedule that a model was trained with, as its configuration tells.

    Raises:
        CheckpointError: the model predicts something that is not known here.
    """
    schedule = {key: config[key] for key in _SCHEDULE_KEYS if config.get(key) is not None}
    if schedule.get("prediction_type", "epsilon") not in ("epsilon", "v_prediction"):
        raise CheckpointError(
            f"the model's prediction_type is {schedule['prediction_type']!r}: known are epsilon and "
            "v_prediction"
        )
    return KarrasSolver(**{**_BETAS, **schedule, **_SOLVER})


def _format(path: Path) -> FormatComponent:
    """Return the format beside the model, or Riffusion's."""
    told = path / "spectrogram_format" / "preprocessor_config.json"
    return FormatComponent(**_json(told)) if told.is_file() else FormatComponent.of(RIFFUSION)


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}; fetch or copy the model again") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{path} holds no settings; fetch or copy the model again")
    return found
