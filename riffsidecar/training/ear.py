"""The trunk that judge and tagger hear with, and how they are trained on loops that no other net has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from riffsidecar.spectrogram import BEAT_GRID, uint8_to_mel
from riffsidecar.training.config import DataConfig, TrainingConfig
from riffsidecar.training.dataset import LoopSet, build_data
from riffsidecar.training.run import learning_rate_share, step_rng

__all__ = ["CROP_FRAMES", "HELD_OUT", "Ear", "Lesson", "Say", "judge_loops", "kept", "teach", "windows"]

CROP_FRAMES = 256
HELD_OUT = 0.15
"""The share of their loops that judge and tagger are tried on."""

_BATCH = 24
_LEARNING_RATE = 1e-3

Say = Callable[[str], None]


class Ear(nn.Module):
    """Turn ``(batch, 2, n_mels, frames)`` into ``(batch, num_features)``, for any number of frames."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, width, (8, 8), stride=(4, 4), padding=2)
        self.body = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(4 * width, 4 * width, 3, padding=1),
            nn.SiLU(),
        )
        self.num_features = 4 * width * (BEAT_GRID.n_mels // 16) * 2

    def features(self, spectrogram: Tensor) -> Tensor:
        """Return mean and maximum over time of each band of each map."""
        maps = self.body(self.stem(spectrogram))
        return torch.cat([maps.mean(-1), maps.amax(-1)], dim=1).flatten(1)


def windows(spectrogram: NDArray[np.float32], frames: int = CROP_FRAMES) -> Tensor:
    """Cut one loop ``(2, n_mels, its frames)`` into windows ``(batch, 2, n_mels, frames)`` all round it."""
    count = -(-spectrogram.shape[-1] // frames)
    index = (np.arange(count)[:, None] * frames + np.arange(frames)) % spectrogram.shape[-1]
    return torch.from_numpy(spectrogram[:, :, index].transpose(2, 0, 1, 3).copy())


def judge_loops(folder: Path, config: TrainingConfig, say: Say, *, workers: int = 2) -> LoopSet:
    """Return the loops that judge and tagger learn from, composed where ``folder`` lacks them."""
    settings = config.evaluation
    data = folder / "judge-data"
    shards = DataConfig(
        seed=settings.judge_seed,
        loops=settings.judge_loops,
        loops_per_shard=min(50, settings.judge_loops),
        captions_per_loop=1,
        soundfont=config.data.soundfont,
        max_columns=config.data.max_columns,
    )
    build_data(data, shards, workers=workers, report=lambda d, t, r: say(f"judge's loops {d}/{t}, {r:.1f}/s"))
    return LoopSet(data, held_out=HELD_OUT)


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What an ear learns from.

    ``crop(index, start, frames)`` gives ``(2, n_mels, frames)`` uint8 of a loop, ``indices`` are the loops to
    draw from, ``loss(batch, picks)`` is made smaller.
    """

    crop: Callable[[int, int, int], NDArray[np.uint8]]
    indices: NDArray[np.int64]
    loss: Callable[[Tensor, NDArray[np.int64]], Tensor]


def _augmented(batch: Tensor, rng: np.random.Generator) -> Tensor:
    """Change level and tilt, and blur a little: an ear must not hang on details that no codec keeps."""
    count = batch.shape[0]
    level = torch.from_numpy(rng.uniform(-0.1, 0.1, (count, 1, 1, 1)).astype(np.float32))
    tilt = torch.from_numpy(rng.uniform(-0.15, 0.15, (count, 1, 1, 1)).astype(np.float32))
    batch = batch + level + tilt * torch.linspace(-1, 1, batch.shape[2])[:, None]
    if rng.random() < 0.5:
        batch = F.avg_pool2d(batch, 3, stride=1, padding=1)
    return batch + 0.05 * torch.from_numpy(rng.standard_normal(batch.shape, np.float32))


def teach(ear: Ear, lesson: Lesson, steps: int, seed: int, say: Say, name: str) -> None:
    """Train ``ear`` for so many steps; the same seed teaches the same."""
    optimizer = torch.optim.AdamW(ear.parameters(), lr=_LEARNING_RATE, weight_decay=0.02)
    for step in range(steps):
        rng = step_rng(seed, step)
        picks = rng.choice(lesson.indices, _BATCH)
        crops = np.stack([lesson.crop(int(i), int(rng.integers(1 << 12)), CROP_FRAMES) for i in picks])
        loss = lesson.loss(_augmented(torch.from_numpy(uint8_to_mel(crops)), rng), picks)
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * learning_rate_share(step, steps, 20, 0.5)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if (step + 1) % 50 == 0:
            say(f"{name} step {step + 1}/{steps}, loss {float(loss.detach()):.3f}")


def kept(ear: Ear, path: Path, train: Callable[[], None]) -> None:
    """Give ``ear`` the weights of ``path``; where there are none yet, train it and keep them there, whole."""
    if path.exists():
        ear.load_state_dict(load_file(path))
    else:
        train()
        partial = path.with_suffix(".part")
        save_file(ear.state_dict(), partial)
        partial.replace(path)
    ear.eval()
