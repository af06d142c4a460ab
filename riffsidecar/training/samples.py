"""Sample spectrograms on the way: what the nets make of a few things, to be looked at while they train."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from riffsidecar.diffusion.autoencoder import BeatGridAutoencoder
from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.diffusion.pipeline import build_pipeline
from riffsidecar.diffusion.text import TextEncoder, load_tokenizer
from riffsidecar.music import LoopLength, Meter, Tempo
from riffsidecar.spectrogram import uint8_to_mel
from riffsidecar.spectrogram.picture import picture, write_sheet
from riffsidecar.training.dataset import LoopSet
from riffsidecar.training.precision import autocast

__all__ = ["SAMPLE_STEPS", "prompt_samples", "reconstruction_samples"]

SAMPLE_STEPS = 500
"""Samples are written whenever so many steps are done, and at the end."""

_PROMPTS = (
    "four on the floor house drums",
    "deep sub bass, drum and bass",
    "mellow jazz piano chords",
    "clean funk guitar",
    "slow cinematic strings",
    "bright synthwave arpeggio",
)
_LENGTH = LoopLength.parse(2, Meter.parse("4/4"), Tempo.parse(120))
_INFERENCE_STEPS = 8
_RECONSTRUCTED = 6

Write = Callable[[int], None]


def prompt_samples(
    folder: Path,
    autoencoder: BeatGridAutoencoder,
    denoiser: ColumnDenoiser,
    text_encoder: TextEncoder,
    text_folder: Path,
) -> Write:
    """Return what writes ``folder/STEP.png``: loops of a few prompts, always of the same noise."""
    pipeline = build_pipeline(autoencoder, denoiser, text_encoder, load_tokenizer(text_folder))

    def write(step: int) -> None:
        pictures = [
            picture(
                pipeline(prompt, length=_LENGTH, seed=seed, num_inference_steps=_INFERENCE_STEPS).spectrogram,
                float(_LENGTH.bars),
            )
            for seed, prompt in enumerate(_PROMPTS)
        ]
        write_sheet(folder / f"{step:06d}.png", [pictures[:3], pictures[3:]])

    return write


def reconstruction_samples(folder: Path, autoencoder: BeatGridAutoencoder, loops: LoopSet) -> Write:
    """Return what writes ``folder/STEP.png``: held-out loops, each above its reconstruction."""
    shown = loops.held_out[:_RECONSTRUCTED]

    def write(step: int) -> None:
        rows = []
        for index in shown:
            spectrogram, bars = uint8_to_mel(loops.spectrogram(index)), float(loops.records[index].bars)
            with torch.no_grad(), autocast(autoencoder.device):
                latents = autoencoder.encode(torch.from_numpy(spectrogram)[None].to(autoencoder.device))
                decoded = autoencoder.decode(latents)[0].float().cpu().numpy()
            rows += [[picture(spectrogram, bars)], [picture(decoded, bars)]]
        write_sheet(folder / f"{step:06d}.png", rows)

    return write
