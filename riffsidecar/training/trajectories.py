"""Trajectories of the solver from noise to loops under guidance: what a flow map is taught with."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from riffsidecar.diffusion.conditioning import CONTROL_NAMES, PHASE_CHANNELS
from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.diffusion.scheduler import FlowAdamsBashforthScheduler
from riffsidecar.diffusion.text import TextEncoder, load_tokenizer, tokenize
from riffsidecar.training.config import DistillConfig
from riffsidecar.training.denoiser import Batch, Batches
from riffsidecar.training.precision import autocast
from riffsidecar.training.run import step_rng

__all__ = ["Teacher", "Trajectories", "Trajectory", "solve_trajectories", "taught_by"]

_TEACHER = "teacher.txt"

Report = Callable[[int, int, dict[str, float], float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """The trajectories of a batch of loops of one length.

    Attributes:
        states: (points, loops, channels, rows, columns) float16, from noise to latents.
        columns: (loops, column_channels, columns).
        controls: (loops, control_size).
        captions: one a loop.
    """

    states: NDArray[np.float16]
    columns: NDArray[np.float32]
    controls: NDArray[np.float32]
    captions: tuple[str, ...]


class Teacher:
    """Solve batches with a trained denoiser under guidance, as the pipeline does."""

    def __init__(
        self, denoiser: ColumnDenoiser, text_encoder: TextEncoder, text_folder: Path, settings: DistillConfig
    ) -> None:
        self._denoiser, self._text_encoder, self._settings = denoiser, text_encoder, settings
        self._tokenizer = load_tokenizer(text_folder)

    @property
    def fingerprint(self) -> str:
        """Return a digest of the nets and of how they are led."""
        settings = self._settings
        told = (settings.guidance_scale, settings.num_inference_steps, settings.free_share)
        digest = hashlib.sha256(repr(told).encode())
        for net in (self._denoiser, self._text_encoder):
            for name, value in net.state_dict().items():
                digest.update(name.encode() + value.float().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    @torch.no_grad()
    def solve(self, batch: Batch, rng: np.random.Generator) -> Trajectory:
        """Return the trajectories of loops that are told what ``batch`` is told, a share of them nothing.

        Told nothing, a loop is what guidance leads away from, and guidance does nothing to it.
        """
        device, count = self._denoiser.device, len(batch.captions)
        free = rng.random(count) < self._settings.free_share
        free_columns, free_controls = _free(batch.columns), _free_controls(batch.controls)
        columns = np.where(free[:, None, None], free_columns, batch.columns)
        controls = np.where(free[:, None], free_controls, batch.controls)
        captions = tuple("" if bare else text for bare, text in zip(free, batch.captions, strict=True))
        ids, mask, _ = (t.to(device) for t in tokenize(self._tokenizer, [*captions, *[""] * count]))
        told = [
            torch.from_numpy(np.concatenate(pair)).to(device)
            for pair in ((columns, free_columns), (controls, free_controls))
        ]
        scheduler = FlowAdamsBashforthScheduler()
        scheduler.set_timesteps(self._settings.num_inference_steps)
        state = torch.from_numpy(rng.standard_normal(batch.latents.shape, np.float32)).to(device)
        states = [state]
        with autocast(device):
            hidden = self._text_encoder(ids, mask)
            for timestep in scheduler.timesteps:
                doubled = torch.cat([state, state])
                times = timestep.to(device, torch.float32).expand(2 * count)
                wanted, against = self._denoiser(doubled, times, hidden, mask, *told).float().chunk(2)
                velocity = against + self._settings.guidance_scale * (wanted - against)
                state = scheduler.step(velocity, timestep, state, return_dict=False)[0]
                states.append(state)
        return Trajectory(torch.stack(states).half().cpu().numpy(), columns, controls, captions)


def _free(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return column conditions that tell of the phases alone."""
    free = np.zeros_like(columns)
    free[:, :PHASE_CHANNELS] = columns[:, :PHASE_CHANNELS]
    return free


def _free_controls(controls: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return controls that tell of tempo and meter alone."""
    free = controls.copy()
    free[:, -2 * len(CONTROL_NAMES) :] = 0.0
    return free


class Trajectories:
    """Trajectories on disk, one file a batch; a file is whole or not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths = sorted(folder.glob("*.npz"))

    def read(self, index: int) -> Trajectory:
        """Return one file."""
        with np.load(self.paths[index], allow_pickle=False) as stored:
            captions = tuple(str(caption) for caption in stored["captions"])
            return Trajectory(stored["states"], stored["columns"], stored["controls"], captions)


def taught_by(teacher: Teacher, folder: Path) -> bool:
    """Tell whether the trajectories in ``folder`` are those of ``teacher``."""
    marker = folder / _TEACHER
    return marker.exists() and marker.read_text("utf-8") == teacher.fingerprint


def solve_trajectories(
    teacher: Teacher, batches: Batches, folder: Path, settings: DistillConfig, seed: int, report: Report
) -> Trajectories:
    """Solve the batches that ``folder`` still lacks; those of another teacher are solved anew."""
    folder.mkdir(parents=True, exist_ok=True)
    if not taught_by(teacher, folder):
        for path in folder.glob("*.npz"):
            path.unlink()
        (folder / _TEACHER).write_text(teacher.fingerprint, "utf-8")
    begin, solved_loops = time.perf_counter(), 0
    for number in range(settings.trajectory_batches):
        path = folder / f"{number:05d}.npz"
        if path.exists():
            continue
        rng = step_rng(seed, number)
        solved = teacher.solve(batches.draw(rng, settings.batch_columns), rng)
        partial = path.with_suffix(".part")
        with partial.open("wb") as file:
            np.savez(
                file,
                states=solved.states,
                columns=solved.columns,
                controls=solved.controls,
                captions=np.asarray(solved.captions),
            )
        partial.replace(path)
        solved_loops += len(solved.captions)
        rate = solved_loops / (time.perf_counter() - begin)
        report(number + 1, settings.trajectory_batches, {}, rate)
    return Trajectories(folder)
