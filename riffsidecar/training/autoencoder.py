"""Train the beat-grid autoencoder on crops of the data set's loops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from riffsidecar.diffusion.autoencoder import BeatGridAutoencoder
from riffsidecar.errors import TrainingError
from riffsidecar.music import FRAMES_PER_COLUMN
from riffsidecar.spectrogram import BEAT_GRID, uint8_to_mel
from riffsidecar.training.config import TrainingConfig
from riffsidecar.training.dataset import LoopSet
from riffsidecar.training.precision import autocast
from riffsidecar.training.run import Run
from riffsidecar.training.samples import SAMPLE_STEPS, reconstruction_samples
from riffsidecar.training.start import adopt_autoencoder_weights

__all__ = [
    "latent_statistics",
    "peak_loss",
    "reconstruction_loss",
    "train_autoencoder",
    "trained_autoencoder",
    "validation_error_db",
]

Report = Callable[[int, int, dict[str, float], float], None]

_PEAK_REACH = 8
"""Bands on each side in which a cell has to be loud to count as a peak."""
_PEAK_SLOPE = 5.0
"""A cell 16 dB under the peak beside it counts 1/e**2 as much."""


def reconstruction_loss(output: Tensor, target: Tensor, gradient_weight: float) -> Tensor:
    """Return the weighted L1 distance of ``(batch, 2, n_mels, frames)`` spectrograms and of their gradients.

    A cell at 0 dB counts five times as much as one at the floor: what is loud is heard.
    """
    weight = 0.4 + 0.8 * (target.clamp(-1, 1) + 1)
    loss = (weight * (output - target).abs()).mean()
    for axis in (-1, -2):
        loss = loss + gradient_weight * (output.diff(dim=axis) - target.diff(dim=axis)).abs().mean()
    return loss


def peak_loss(output: Tensor, target: Tensor) -> Tensor:
    """Return the L1 distance of ``(batch, 2, n_mels, frames)`` and of its steps from band to band, at peaks.

    Phase reconstruction takes a partial's frequency from the slope of the logarithmic magnitude across its
    peak (Průša, Balazs, Søndergaard 2017), so that an error there is an error of pitch.
    """
    size = 2 * _PEAK_REACH + 1
    highest = F.max_pool2d(target, (size, 1), stride=1, padding=(_PEAK_REACH, 0))
    weight = torch.exp(_PEAK_SLOPE * (target - highest)) * (target.clamp(-1, 1) + 1.1)
    error = (weight * (output - target).abs()).sum() / weight.sum()
    between = torch.minimum(weight[..., 1:, :], weight[..., :-1, :])
    slope = (output.diff(dim=-2) - target.diff(dim=-2)).abs()
    return error + (between * slope).sum() / between.sum()


def _crops(loops: LoopSet, indices: np.ndarray, columns: int, rng: np.random.Generator) -> Tensor:
    frames = columns * FRAMES_PER_COLUMN
    crops = [
        loops.crop(
            int(i), FRAMES_PER_COLUMN * int(rng.integers(loops.records[int(i)].length.columns)), frames
        )
        for i in indices
    ]
    return torch.from_numpy(uint8_to_mel(np.stack(crops)))


def validation_error_db(autoencoder: BeatGridAutoencoder, loops: LoopSet, *, count: int = 32) -> float:
    """Return the mean absolute error in dB over whole held-out loops."""
    span_db = BEAT_GRID.ceiling_db - BEAT_GRID.floor_db
    errors = []
    with torch.no_grad():
        for index in loops.held_out[:count]:
            target = torch.from_numpy(uint8_to_mel(loops.spectrogram(index)))[None].to(autoencoder.device)
            with autocast(autoencoder.device):
                output = autoencoder(target)
            errors.append(float((output.float() - target).abs().mean()) * span_db / 2)
    return float(np.mean(errors))


def train_autoencoder(
    loops: LoopSet,
    folder: Path,
    config: TrainingConfig,
    report: Report,
    *,
    start_from: Path | None = None,
) -> BeatGridAutoencoder:
    """Train, or go on training, in ``folder``; return the averaged autoencoder with its latent statistics.

    A new run begins with the autoencoder of the checkpoint ``start_from``, if any. The setting
    ``anchor_weight`` then holds its latents to what they were, so that a denoiser of the old ones can go on
    from there.

    Raises:
        TrainingError: latents are to be held to those of no checkpoint.
    """
    settings = config.autoencoder
    if settings.anchor_weight and start_from is None:
        raise TrainingError(
            f"anchor_weight is {settings.anchor_weight}, but there are no latents to hold to: "
            "name the checkpoint with --start-from, also when a stopped run goes on"
        )
    torch.manual_seed(config.seed)
    shape = {
        "n_mels": BEAT_GRID.n_mels,
        "latent_channels": settings.latent_channels,
        "widths": settings.widths,
        "encoder_blocks": settings.encoder_blocks,
        "decoder_blocks": settings.decoder_blocks,
    }
    autoencoder = BeatGridAutoencoder(**shape).to(memory_format=torch.channels_last)
    anchor = None if start_from is None else adopt_autoencoder_weights(start_from, autoencoder)
    run = Run.configured(folder, {"autoencoder": autoencoder}, settings, config)
    if anchor is not None:
        anchor.to(run.device)
    edge = FRAMES_PER_COLUMN
    train = np.asarray(loops.train)

    def loss_of(step: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float], int]:
        target = _crops(loops, rng.choice(train, settings.batch), settings.crop_columns, rng).to(run.device)
        noise = torch.from_numpy(
            rng.standard_normal(
                (settings.batch, settings.latent_channels, BEAT_GRID.n_mels // 8, settings.crop_columns),
                np.float32,
            )
        ).to(run.device)
        with run.autocast():
            mean, log_variance = autoencoder.moments(target.to(memory_format=torch.channels_last))
            output = autoencoder.decode_raw(mean + (0.5 * log_variance).exp() * noise)
        mean, log_variance, output = mean.float(), log_variance.float(), output.float()
        # A crop is no circle: its first and last columns saw each other.
        inner_output, inner_target = output[..., edge:-edge], target[..., edge:-edge]
        loss = reconstruction_loss(inner_output, inner_target, settings.gradient_weight)
        if settings.peak_weight:
            loss = loss + settings.peak_weight * peak_loss(inner_output, inner_target)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        figures = {
            "loss": float(loss.detach()),
            "error_db": float((inner_output.detach() - inner_target).abs().mean()) * 40,
            "kl": float(kl.detach()),
        }
        loss = loss + settings.kl_weight * kl
        if anchor is not None and settings.anchor_weight:
            with torch.no_grad(), run.autocast():
                before = anchor.encode(target)
            shift, scale = anchor.statistics(mean)
            moved = ((mean - shift) / scale - before.float())[..., 1:-1].square().mean()
            figures["moved"] = float(moved.detach())
            loss = loss + settings.anchor_weight * moved
        return loss, figures, settings.batch

    sample = reconstruction_samples(folder / "samples", autoencoder, loops)

    def report_with_samples(step: int, steps: int, figures: dict[str, float], rate: float) -> None:
        if step % SAMPLE_STEPS == 0 or step == steps:
            with run.averaged():
                sample(step)
        report(step, steps, figures, rate)

    run.train(loss_of, report_with_samples)
    with run.averaged():
        statistics = latent_statistics(autoencoder, loops)
        autoencoder.register_to_config(latents_mean=statistics[0], latents_std=statistics[1])
        autoencoder.save_pretrained(folder / "vae", safe_serialization=True)
    return trained_autoencoder(folder).to(run.device)


def trained_autoencoder(folder: Path) -> BeatGridAutoencoder:
    """Return the averaged autoencoder of a finished training in ``folder``, on the CPU.

    Raises:
        TrainingError: ``folder`` holds none.
    """
    # diffusers would take the name of a folder that is not there for one on the network.
    if not (folder / "vae" / "config.json").is_file():
        raise TrainingError(
            f"no trained autoencoder in {folder}: run `riffsidecar train autoencoder` to its end first"
        )
    autoencoder: BeatGridAutoencoder = BeatGridAutoencoder.from_pretrained(
        folder / "vae", local_files_only=True
    )
    return autoencoder.eval()


def latent_statistics(
    autoencoder: BeatGridAutoencoder, loops: LoopSet, *, count: int = 256
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each raw latent channel over up to ``count`` loops."""
    means = []
    with torch.no_grad():
        for index in loops.train[:: max(1, len(loops.train) // count)][:count]:
            spectrogram = torch.from_numpy(uint8_to_mel(loops.spectrogram(index)))[None].to(
                autoencoder.device
            )
            with autocast(autoencoder.device):
                means.append(autoencoder.moments(spectrogram)[0][0].float().flatten(1).cpu())
    values = torch.cat(means, dim=1)
    return tuple(values.mean(1).tolist()), tuple(values.std(1).clamp(min=1e-3).tolist())
