"""Distil the denoiser under guidance into a flow map that needs four, two or one steps, and no guidance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.diffusion.flow_map import FlowMapAdapter, destination_embedding
from riffsidecar.diffusion.scheduler import FlowAdamsBashforthScheduler
from riffsidecar.diffusion.text import TextEncoder, load_tokenizer, tokenize
from riffsidecar.training.config import HELD_OUT_BATCHES, DistillConfig, TrainingConfig
from riffsidecar.training.denoiser import Batches, Report
from riffsidecar.training.precision import autocast
from riffsidecar.training.run import Run
from riffsidecar.training.start import adopt_flow_map
from riffsidecar.training.trajectories import Teacher, Trajectories, Trajectory, solve_trajectories, taught_by

__all__ = ["FlowMapLoss", "distil", "matching_adapter"]

_FOLDER = "flow_map"
_CANONICAL_SHARE = 0.7


class FlowMapLoss:
    """Returns how far the leaps of a flow map end from where the solver came to."""

    def __init__(
        self, denoiser: ColumnDenoiser, text_encoder: TextEncoder, text_folder: Path, settings: DistillConfig
    ) -> None:
        self._denoiser, self._text_encoder = denoiser, text_encoder
        self._tokenizer = load_tokenizer(text_folder)
        scheduler = FlowAdamsBashforthScheduler()
        scheduler.set_timesteps(settings.num_inference_steps)
        self.sigmas = scheduler.sigmas.float()

    def __call__(
        self, adapter: FlowMapAdapter, mapped: ColumnDenoiser, trajectory: Trajectory, leaps: np.ndarray
    ) -> Tensor:
        """Return the mean squared error of the mean velocities.

        Args:
            adapter: is learned.
            mapped: from its `mapped`.
            trajectory: of a batch of loops.
            leaps: (loops, 2), from which point of the way to which.
        """
        device = self._denoiser.device
        loops = np.arange(len(leaps))
        begin, end = (
            torch.from_numpy(trajectory.states[leaps[:, side], loops].astype(np.float32)).to(device)
            for side in (0, 1)
        )
        sigmas = self.sigmas[torch.from_numpy(leaps)].to(device)
        span = (sigmas[:, 1] - sigmas[:, 0]).view(-1, 1, 1, 1)
        ids, mask, _ = (t.to(device) for t in tokenize(self._tokenizer, list(trajectory.captions)))
        with autocast(device):
            with torch.no_grad():
                hidden = self._text_encoder(ids, mask)
            told = (
                begin,
                sigmas[:, 0] * 1000,
                hidden,
                mask,
                torch.from_numpy(trajectory.columns).to(device),
                torch.from_numpy(trajectory.controls).to(device),
                destination_embedding(sigmas[:, 1] * 1000),
            )
            said = functional_call(mapped, adapter.weights(self._denoiser), told)
        return (said.float() - (end - begin) / span).square().mean()


def _leaps(rng: np.random.Generator, count: int, points: int) -> np.ndarray:
    """Draw leaps, mostly those of four, two and one even steps, else between any two points."""
    leaps = []
    for _ in range(count):
        if rng.random() < _CANONICAL_SHARE:
            size = points // int(rng.choice((4, 2, 1), p=(0.6, 0.3, 0.1)))
            begin = size * int(rng.integers(points // size))
            leaps.append((begin, begin + size))
        else:
            begin = int(rng.integers(points))
            leaps.append((begin, int(rng.integers(begin + 1, min(points, begin + points // 2) + 1))))
    return np.asarray(leaps)


def _open_run(
    teacher: ColumnDenoiser, folder: Path, config: TrainingConfig, start_from: Path | None = None
) -> tuple[Run, FlowMapAdapter]:
    settings = config.distill
    torch.manual_seed(config.seed)
    shape = {name: value for name, value in teacher.config.items() if not name.startswith("_")}
    shape.pop("time_cond_proj_dim", None)
    adapter = FlowMapAdapter(shape, rank=settings.rank, guidance_scale=settings.guidance_scale)
    if start_from is not None:
        adopt_flow_map(start_from, adapter)
    run = Run.configured(folder / _FOLDER, {"adapter": adapter}, settings, config)
    return run, adapter


def distil(
    denoiser: ColumnDenoiser,
    text_encoder: TextEncoder,
    text_folder: Path,
    folder: Path,
    batches: Batches,
    config: TrainingConfig,
    report_solved: Report,
    report: Report,
    *,
    start_from: Path | None = None,
) -> None:
    """Solve the trajectories that are missing, then learn, or go on learning, the flow map in ``folder``.

    Where a flow map of other nets lies there, it is begun anew.

    Args:
        denoiser: the teacher.
        text_encoder: its text encoder.
        text_folder: of the tokenizer.
        folder: of the run.
        batches: what loops are told; their latents are not looked at.
        config: sizes and settings.
        report_solved: told of the batches of trajectories.
        report: told of the steps of training.
        start_from: a checkpoint whose flow map a new run begins with.
    """
    settings = config.distill
    teacher = Teacher(denoiser, text_encoder, text_folder, settings)
    if not taught_by(teacher, _trajectories(folder)):
        (folder / _FOLDER / "state.pt").unlink(missing_ok=True)
    run, adapter = _open_run(denoiser, folder, config, start_from)
    denoiser.to(run.device).requires_grad_(False)
    text_encoder.to(run.device).requires_grad_(False)
    trajectories = solve_trajectories(
        teacher, batches, _trajectories(folder), settings, config.seed, report_solved
    )
    loss = FlowMapLoss(denoiser, text_encoder, text_folder, settings)
    mapped = adapter.mapped().to(run.device)
    points, train = settings.num_inference_steps, len(trajectories.paths) - HELD_OUT_BATCHES

    def loss_of(step: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, float], int]:
        way = trajectories.read(int(rng.integers(train)))
        value = loss(adapter, mapped, way, _leaps(rng, len(way.captions), points))
        return value, {"loss": float(value.detach())}, len(way.captions)

    def report_with_validation(step: int, steps: int, figures: dict[str, float], rate: float) -> None:
        if step % 200 == 0 or step == steps:
            with run.averaged(), torch.no_grad():
                figures = {**figures, **_validation(loss, adapter, mapped, trajectories, train, points)}
        report(step, steps, figures, rate)

    run.train(loss_of, report_with_validation)


def _validation(
    loss: FlowMapLoss,
    adapter: FlowMapAdapter,
    mapped: ColumnDenoiser,
    trajectories: Trajectories,
    first: int,
    points: int,
) -> dict[str, float]:
    """Return the held-out error of four, two and one steps."""
    figures = {}
    for steps in (4, 2, 1):
        size, errors = points // steps, []
        for index in range(first, len(trajectories.paths)):
            way = trajectories.read(index)
            begin = size * (np.arange(len(way.captions)) % steps)
            errors.append(float(loss(adapter, mapped, way, np.stack([begin, begin + size], axis=1))))
        figures[f"steps{steps}"] = float(np.mean(errors))
    return figures


def matching_adapter(
    denoiser: ColumnDenoiser,
    text_encoder: TextEncoder,
    text_folder: Path,
    folder: Path,
    config: TrainingConfig,
) -> FlowMapAdapter | None:
    """Return the averaged adapter of the last saved state, or None if it was not learned from these nets."""
    teacher = Teacher(denoiser, text_encoder, text_folder, config.distill)
    if not (folder / _FOLDER / "state.pt").exists() or not taught_by(teacher, _trajectories(folder)):
        return None
    run, adapter = _open_run(denoiser, folder, config)
    run.average()
    return adapter.cpu().eval()


def _trajectories(folder: Path) -> Path:
    return folder / _FOLDER / "trajectories"
