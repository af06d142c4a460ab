"""Load a whole Stable Diffusion 1.x model from one safetensors file in its original layout, offline.

Such a file holds weights and nothing else: the shapes of the nets are those of Stable Diffusion 1.x, the
vocabulary lies beside it. diffusers' own converter renames what it finds.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from riffsidecar.diffusion.format import FormatComponent
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.stable_layout import noise_solver
from riffsidecar.errors import CheckpointError
from riffsidecar.spectrogram.formats import RIFFUSION, SpectrogramFormat

__all__ = ["STABLE_1", "load_single"]

_TEXT_PREFIX = "cond_stage_model.transformer."

STABLE_1: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "unet": {
            "_class_name": "UNet2DConditionModel",
            "sample_size": 64,
            "in_channels": 4,
            "out_channels": 4,
            "block_out_channels": [320, 640, 1280, 1280],
            "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
            "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
            "layers_per_block": 2,
            "attention_head_dim": 8,
            "cross_attention_dim": 768,
        },
        "vae": {
            "_class_name": "AutoencoderKL",
            "sample_size": 512,
            "in_channels": 3,
            "out_channels": 3,
            "latent_channels": 4,
            "block_out_channels": [128, 256, 512, 512],
            "down_block_types": ["DownEncoderBlock2D"] * 4,
            "up_block_types": ["UpDecoderBlock2D"] * 4,
            "layers_per_block": 2,
            "scaling_factor": 0.18215,
        },
        "text_encoder": {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "vocab_size": 49408,
            "max_position_embeddings": 77,
            "hidden_act": "quick_gelu",
            "bos_token_id": 49406,
            "eos_token_id": 49407,
            "pad_token_id": 1,
        },
    }
)
"""The shapes of Stable Diffusion 1.x's nets, as the configurations of its diffusers folders say them."""


def load_single(
    path: Path,
    tokenizer_folder: Path,
    shapes: Mapping[str, Mapping[str, Any]] = STABLE_1,
    spectrogram_format: SpectrogramFormat = RIFFUSION,
) -> LoopPipeline:
    """Load the model in one file.

    Args:
        path: the safetensors file.
        tokenizer_folder: with ``vocab.json`` and ``merges.txt`` of CLIP.
        shapes: of the three nets.
        spectrogram_format: that the model was tuned on.

    Raises:
        CheckpointError: the weights do not fit the shapes, or something cannot be read.
    """
    try:
        unet, vae = (
            _converted(kind, path, shapes[name], prefix)
            for kind, name, prefix in (
                (UNet2DConditionModel, "unet", "model.diffusion_model."),
                (AutoencoderKL, "vae", "first_stage_model."),
            )
        )
        text_encoder = _text_encoder(load_file(path), shapes["text_encoder"])
        tokenizer = CLIPTokenizer.from_pretrained(tokenizer_folder, local_files_only=True)
    except CheckpointError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"{path} cannot be loaded as a Stable Diffusion 1.x model: {error}; give the folder of a "
            "diffusers model"
        ) from error
    for net in (unet, vae, text_encoder):
        net.requires_grad_(False).eval()
    return LoopPipeline(
        vae=vae,
        denoiser=unet,
        scheduler=noise_solver({}),
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        spectrogram_format=FormatComponent.of(spectrogram_format),
    )


def _converted(kind: Any, path: Path, shape: Mapping[str, Any], prefix: str) -> Any:
    """Return a net of diffusers from its part of the file; its configuration comes from here, not the hub."""
    with tempfile.TemporaryDirectory(prefix="riffsidecar-") as folder:
        (Path(folder) / "config.json").write_text(json.dumps(dict(shape)), encoding="utf-8")
        net = kind.from_single_file(str(path), config=folder, local_files_only=True, low_cpu_mem_usage=False)
    with safe_open(path, framework="pt") as tensors:
        told = [name for name in tensors.keys() if name.startswith(prefix)]
    # The converter renames one to one, and leaves as it was initialised whatever the file lacks.
    if len(told) != len(net.state_dict()):
        raise CheckpointError(
            f"{path} has {len(told)} weights under {prefix}, but the net has {len(net.state_dict())}: it "
            "does not fit"
        )
    return net


def _text_encoder(tensors: Mapping[str, Tensor], shape: Mapping[str, Any]) -> CLIPTextModel:
    net = CLIPTextModel(CLIPTextConfig(**shape))
    own = set(net.state_dict())
    found = {
        key.removeprefix(_TEXT_PREFIX): value
        for key, value in tensors.items()
        if key.startswith(_TEXT_PREFIX)
    }
    # transformers 5 dropped the prefix text_model that the original layout has.
    plain = {
        key if key in own else key.removeprefix("text_model."): value
        for key, value in found.items()
        if not key.endswith("position_ids")
    }
    missing = sorted(own - plain.keys())
    if missing or plain.keys() - own:
        wrong = missing or sorted(plain.keys() - own)
        raise CheckpointError(
            f"the text encoder does not fit: {len(wrong)} names differ, the first is {wrong[0]}"
        )
    net.load_state_dict(plain)
    return net
