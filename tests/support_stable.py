"""A small model in Stable Diffusion 1.x's own layout: every class the real one, every weight random."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from riffsidecar.spectrogram.formats import SpectrogramFormat

__all__ = ["SMALL_FORMAT", "small_nets", "write_layout"]

_WORDS = ("warm", "bass", "choir", "drums", "pad", "rhodes", "dusty", "noise", "a", "b", "bright")

SMALL_FORMAT = SpectrogramFormat(
    name="riffusion",
    sample_rate=44100,
    n_fft=17640,
    win_length=4410,
    n_mels=64,
    fmin_hz=0.0,
    fmax_hz=10000.0,
    mel_scale="htk",
    scale="root",
    time="seconds",
)
"""Riffusion's format with an eighth of its bands."""


def _randomised(net: nn.Module, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            scale = 0.2 if parameter.ndim == 1 else 0.8 / parameter[0].numel() ** 0.5
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
            if parameter.ndim == 1:
                parameter.add_(0.5)
    return net.eval().requires_grad_(False)


def write_tokenizer(folder: Path) -> CLIPTokenizer:
    """Write a CLIP vocabulary of single letters and a few whole words."""
    letters = [chr(code) for code in range(33, 127)]
    vocabulary = [*letters, *(letter + "</w>" for letter in letters)]
    merges = []
    for word in _WORDS:
        pieces = [*word[:-1], word[-1] + "</w>"]
        while len(pieces) > 1:
            pair = f"{pieces[0]} {pieces[1]}"
            pieces = [pieces[0] + pieces[1], *pieces[2:]]
            if pair not in merges:
                merges.append(pair)
                vocabulary.append(pieces[0])
    vocabulary += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    ids = {token: index for index, token in enumerate(dict.fromkeys(vocabulary))}
    (folder / "vocab.json").write_text(json.dumps(ids), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    tokenizer = CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77, pad_token="<|endoftext|>"
    )
    tokenizer.save_pretrained(folder)
    return tokenizer


def small_nets(vocabulary: int, ends: tuple[int, int]) -> dict[str, nn.Module]:
    """Return text encoder, autoencoder and U-Net: latents of 8 pixels, trained on pictures of 128."""
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=32,
            intermediate_size=37,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=77,
            bos_token_id=ends[0],
            eos_token_id=ends[1],
            pad_token_id=ends[1],
        )
    )
    vae = AutoencoderKL(
        block_out_channels=(8, 8, 16, 16),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=4,
        scaling_factor=0.18215,
        sample_size=128,
    )
    unet = UNet2DConditionModel(
        sample_size=16,
        in_channels=4,
        out_channels=4,
        block_out_channels=(16, 32),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=32,
        attention_head_dim=4,
        norm_num_groups=8,
    )
    return {
        name: _randomised(net, seed)
        for seed, (name, net) in enumerate([("text_encoder", text), ("vae", vae), ("unet", unet)])
    }


def write_layout(folder: Path) -> Path:
    """Write the model as diffusers writes a ``StableDiffusionPipeline``, with our format beside it."""
    torch.manual_seed(0)
    tokenizer = write_tokenizer(folder / "tokenizer")
    nets = small_nets(len(tokenizer), (tokenizer.bos_token_id, tokenizer.eos_token_id))
    for name, net in nets.items():
        net.save_pretrained(folder / name)
    DPMSolverMultistepScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1
    ).save_pretrained(folder / "scheduler")
    (folder / "model_index.json").write_text(
        json.dumps(
            {
                "_class_name": "StableDiffusionPipeline",
                "_diffusers_version": "0.9.0",
                "feature_extractor": ["transformers", "CLIPFeatureExtractor"],
                "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
                "scheduler": ["diffusers", "DPMSolverMultistepScheduler"],
                "text_encoder": ["transformers", "CLIPTextModel"],
                "tokenizer": ["transformers", "CLIPTokenizer"],
                "unet": ["diffusers", "UNet2DConditionModel"],
                "vae": ["diffusers", "AutoencoderKL"],
            }
        ),
        encoding="utf-8",
    )
    format_folder = folder / "spectrogram_format"
    format_folder.mkdir()
    (format_folder / "preprocessor_config.json").write_text(
        json.dumps(SMALL_FORMAT.to_dict()), encoding="utf-8"
    )
    return folder
