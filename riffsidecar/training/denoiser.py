"""Train the denoiser and its text encoder by rectified flow on the latents of the data set."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from riffsidecar.diffusion.autoencoder import BeatGridAutoencoder
from riffsidecar.diffusion.conditioning import (
    COLUMN_CHANNELS,
    CONTROL_NAMES,
    PHASE_CHANNELS,
    column_conditions,
    control_vector,
)
from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.diffusion.text import TextEncoder, load_tokenizer, tokenize
from riffsidecar.errors import TrainingError
from riffsidecar.training.config import DenoiserConfig, TrainingConfig
from riffsidecar.training.dataset import LoopRecord, LoopSet
from riffsidecar.training.labels import CaptionHead
from riffsidecar.training.latents import LatentSet
from riffsidecar.training.precision import autocast
from riffsidecar.training.run import Run
from riffsidecar.training.samples import SAMPLE_STEPS, prompt_samples
from riffsidecar.training.start import adopt_weights

__all__ = ["Batch", "Batches", "TextLoss", "averaged_nets", "train_denoiser"]

logger = logging.getLogger(__name__)

Report = Callable[[int, int, dict[str, float], float], None]


def _conditions(
    record: LoopRecord, controls: NDArray[np.float32], settings: DenoiserConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return column conditions and controls of a loop, parts of them dropped at random."""
    shown = rng.random(5) > ([settings.harmony_dropout] * 2 + [settings.control_dropout] * 3)
    columns = column_conditions(
        record.length, record.key if shown[0] else None, record.chords if shown[1] else None
    )
    told = zip(CONTROL_NAMES, controls.tolist(), shown[2:], strict=True)
    vector = control_vector(record.length, **{name: value for name, value, known in told if known})
    return columns, vector


def _rolled(
    latents: np.ndarray, columns: np.ndarray, record: LoopRecord, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Start the loop at another of its bars: latents and harmony move, the phases stay."""
    bars = int(record.bars)
    if bars < 2:
        return latents, columns
    shift = int(rng.integers(1, bars)) * (latents.shape[-1] // bars)
    columns = columns.copy()
    columns[PHASE_CHANNELS:] = np.roll(columns[PHASE_CHANNELS:], -shift, axis=-1)
    return np.roll(latents, -shift, axis=-1), columns


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Loops of one length, and what a net is told of them.

    Attributes:
        latents: (loops, channels, rows, columns) float32, without noise.
        columns: (loops, column_channels, columns) float32.
        controls: (loops, control_size) float32.
        captions: one a loop, "" where it is dropped.
        records: what is known of the loops.
    """

    latents: NDArray[np.float32]
    columns: NDArray[np.float32]
    controls: NDArray[np.float32]
    captions: tuple[str, ...]
    records: tuple[LoopRecord, ...]


class Batches:
    """Draws batches of loops of one length, as often as their columns are in the data set."""

    def __init__(self, latents: LatentSet, indices: list[int], settings: DenoiserConfig) -> None:
        self._latents, self._settings = latents, settings
        self._groups = latents.by_columns(indices)
        self._lengths = sorted(self._groups)
        tokens = np.asarray([len(self._groups[c]) * c for c in self._lengths], np.float64)
        self._chances = tokens / tokens.sum()

    def draw(self, rng: np.random.Generator, batch_columns: int) -> Batch:
        """Return as many loops as ``batch_columns`` has room for, one at least."""
        settings = self._settings
        columns = int(rng.choice(self._lengths, p=self._chances))
        picks = rng.choice(self._groups[columns], max(1, batch_columns // columns))
        clean, conditions, controls, captions, records = [], [], [], [], []
        for index in picks:
            record = self._latents.records[int(index)]
            latents = self._latents.latents[int(index)].astype(np.float32)
            column, control = _conditions(record, self._latents.controls[int(index)], settings, rng)
            if rng.random() < settings.roll_share:
                latents, column = _rolled(latents, column, record, rng)
            records.append(record)
            clean.append(latents)
            conditions.append(column)
            controls.append(control)
            drop = rng.random() < settings.caption_dropout
            captions.append("" if drop else record.captions[int(rng.integers(len(record.captions)))])
        return Batch(
            np.stack(clean), np.stack(conditions), np.stack(controls), tuple(captions), tuple(records)
        )


class TextLoss:
    """Returns the loss of rectified flow on batches of loops, and that of their captions' labels."""

    def __init__(
        self, latents: LatentSet, indices: list[int], tokenizer_folder: Path, settings: DenoiserConfig
    ) -> None:
        self._batches = Batches(latents, indices, settings)
        self._tokenizer = load_tokenizer(tokenizer_folder)
        self._is_taught = settings.caption_weight > 0

    def __call__(
        self,
        denoiser: ColumnDenoiser,
        text_encoder: TextEncoder,
        head: CaptionHead,
        rng: np.random.Generator,
        *,
        batch_columns: int,
    ) -> tuple[Tensor, Tensor, int]:
        """Return the mean squared error of the velocity, the labels' cross entropy and how many loops.

        Where ``caption_weight`` is 0, the second is 0 as well.
        """
        batch = self._batches.draw(rng, batch_columns)
        count = len(batch.captions)
        target = torch.from_numpy(batch.latents).to(denoiser.device)
        noise = torch.from_numpy(rng.standard_normal(target.shape, np.float32)).to(denoiser.device)
        time = torch.sigmoid(torch.from_numpy(rng.standard_normal(count).astype(np.float32)) + 0.2)
        time = time.to(denoiser.device)
        mixed = torch.lerp(target, noise, time.view(-1, 1, 1, 1))
        ids, mask, _ = (t.to(denoiser.device) for t in tokenize(self._tokenizer, list(batch.captions)))
        with autocast(denoiser.device):
            hidden = text_encoder(ids, mask)
            velocity = denoiser(
                mixed,
                time * 1000,
                hidden,
                mask,
                torch.from_numpy(batch.columns).to(denoiser.device),
                torch.from_numpy(batch.controls).to(denoiser.device),
            )
        error = (velocity.float() - (noise - target)).square().mean()
        told = [place for place, caption in enumerate(batch.captions) if caption] if self._is_taught else []
        if not told:
            return error, error.new_zeros(()), count
        records = [batch.records[place] for place in told]
        return error, head.loss(hidden[told].float(), mask[told], records), count


def _open_run(
    autoencoder: BeatGridAutoencoder,
    text_folder: Path,
    folder: Path,
    config: TrainingConfig,
    start_from: Path | None = None,
) -> tuple[Run, ColumnDenoiser, TextEncoder, CaptionHead]:
    settings = config.denoiser
    torch.manual_seed(config.seed)
    text_encoder = TextEncoder.from_table(text_folder, num_layers=settings.text_layers)
    denoiser = ColumnDenoiser(
        in_channels=autoencoder.config.latent_channels,
        rows=autoencoder.config.n_mels // 8,
        width=settings.width,
        depth=settings.depth,
        heads=settings.heads,
        text_width=text_encoder.config.width,
        column_channels=COLUMN_CHANNELS,
    )
    if start_from is not None:
        adopt_weights(start_from, denoiser, text_encoder)
    head = CaptionHead(text_encoder.config.width)
    nets = {"denoiser": denoiser, "text_encoder": text_encoder, "caption_head": head}
    run = Run.configured(folder, nets, settings, config)
    return run, denoiser, text_encoder, head


def train_denoiser(
    loops: LoopSet,
    autoencoder: BeatGridAutoencoder,
    text_folder: Path,
    folder: Path,
    config: TrainingConfig,
    report: Report,
    *,
    start_from: Path | None = None,
) -> None:
    """Train, or go on training, in ``folder``; a new run begins with ``start_from``, if any."""
    settings = config.denoiser
    latents = LatentSet(loops, autoencoder, folder / "latents.npz")
    run, denoiser, text_encoder, head = _open_run(autoencoder, text_folder, folder, config, start_from)
    loss = TextLoss(latents, loops.train, text_folder, settings)
    validation = TextLoss(latents, loops.held_out, text_folder, settings)

    def loss_of(step: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float], int]:
        error, named, size = loss(denoiser, text_encoder, head, rng, batch_columns=settings.batch_columns)
        figures = {"loss": float(error.detach()), "captions": float(named.detach())}
        return error + settings.caption_weight * named, figures, size

    sample = prompt_samples(folder / "samples", autoencoder, denoiser, text_encoder, text_folder)

    def report_with_validation(step: int, steps: int, figures: dict[str, float], rate: float) -> None:
        if step % SAMPLE_STEPS == 0 or step == steps:
            with run.averaged(), torch.no_grad():
                losses = [
                    validation(denoiser, text_encoder, head, np.random.default_rng(i), batch_columns=1024)
                    for i in range(8)
                ]
                sample(step)
            for name, place in (("validation", 0), ("validation_captions", 1)):
                figures = {**figures, name: float(np.mean([float(each[place]) for each in losses]))}
        report(step, steps, figures, rate)

    run.train(loss_of, report_with_validation)


def averaged_nets(
    autoencoder: BeatGridAutoencoder, text_folder: Path, folder: Path, config: TrainingConfig
) -> tuple[ColumnDenoiser, TextEncoder]:
    """Return the averaged denoiser and text encoder of the last saved state, also of an unfinished run.

    Raises:
        TrainingError: ``folder`` holds no state.
    """
    run, denoiser, text_encoder, _ = _open_run(autoencoder, text_folder, folder, config)
    if run.step == 0:
        raise TrainingError(f"nothing trained in {folder}: run `riffsidecar train denoiser` first")
    run.average()
    return denoiser.eval(), text_encoder.eval()
