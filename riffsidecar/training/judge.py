"""The judge: a small classifier of loop families, trained on renders that no other net has seen."""

from __future__ import annotations

import logging
from collections.abc import Callable
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
from riffsidecar.training.score import FAMILIES

__all__ = ["Judge", "trained_judge"]

logger = logging.getLogger(__name__)

_CROP_FRAMES = 256


class Judge(nn.Module):
    """Classify ``(batch, 2, n_mels, frames)`` spectrograms into the families; any number of frames."""

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
        self.head = nn.Sequential(
            nn.Linear(4 * width * (BEAT_GRID.n_mels // 16) * 2, 128),
            nn.SiLU(),
            nn.Dropout(0.3),
            nn.Linear(128, len(FAMILIES)),
        )

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Return the logits ``(batch, families)``."""
        features = self.body(self.stem(spectrogram))
        pooled = torch.cat([features.mean(-1), features.amax(-1)], dim=1).flatten(1)
        return self.head(pooled)

    def classify(self, spectrogram: NDArray[np.float32]) -> int:
        """Return the index of the family of one loop ``(2, n_mels, frames)``, judged on windows all round."""
        windows = -(-spectrogram.shape[-1] // _CROP_FRAMES)
        index = (np.arange(windows)[:, None] * _CROP_FRAMES + np.arange(_CROP_FRAMES)) % spectrogram.shape[-1]
        batch = torch.from_numpy(spectrogram[:, :, index].transpose(2, 0, 1, 3).copy())
        with torch.no_grad():
            return int(self(batch).softmax(-1).mean(0).argmax())


def _augmented(batch: Tensor, rng: np.random.Generator) -> Tensor:
    """Change level and tilt, and blur a little: the judge must not hang on details that no codec keeps."""
    count = batch.shape[0]
    level = torch.from_numpy(rng.uniform(-0.1, 0.1, (count, 1, 1, 1)).astype(np.float32))
    tilt = torch.from_numpy(rng.uniform(-0.15, 0.15, (count, 1, 1, 1)).astype(np.float32))
    batch = batch + level + tilt * torch.linspace(-1, 1, batch.shape[2])[:, None]
    if rng.random() < 0.5:
        batch = F.avg_pool2d(batch, 3, stride=1, padding=1)
    return batch + 0.05 * torch.from_numpy(rng.standard_normal(batch.shape, np.float32))


def trained_judge(
    folder: Path, config: TrainingConfig, report: Callable[[str], None], *, workers: int = 2
) -> tuple[Judge, float]:
    """Return the judge and its share of right answers on held-out renders; trained once, kept in a folder."""
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
    build_data(
        data, shards, workers=workers, report=lambda d, t, r: report(f"judge's loops {d}/{t}, {r:.1f}/s")
    )
    loops = LoopSet(data, held_out=0.15)
    torch.manual_seed(settings.judge_seed)
    judge = Judge()
    path = folder / "judge.safetensors"
    if path.exists():
        judge.load_state_dict(load_file(path))
    else:
        _train(judge, loops, settings.judge_steps, settings.judge_seed, report)
        save_file(judge.state_dict(), path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
    judge.eval()
    right = [
        judge.classify(uint8_to_mel(loops.spectrogram(i))) == FAMILIES.index(loops.records[i].family)
        for i in loops.held_out
    ]
    return judge, float(np.mean(right))


def _train(judge: Judge, loops: LoopSet, steps: int, seed: int, report: Callable[[str], None]) -> None:
    optimizer = torch.optim.AdamW(judge.parameters(), lr=1e-3, weight_decay=0.02)
    labels = np.asarray([FAMILIES.index(record.family) for record in loops.records])
    train = np.asarray(loops.train)
    for step in range(steps):
        rng = step_rng(seed, step)
        picks = rng.choice(train, 24)
        crops = np.stack([loops.crop(int(i), int(rng.integers(1 << 12)), _CROP_FRAMES) for i in picks])
        loss = F.cross_entropy(
            judge(_augmented(torch.from_numpy(uint8_to_mel(crops)), rng)),
            torch.from_numpy(labels[picks]),
            label_smoothing=0.05,
        )
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * learning_rate_share(step, steps, 20, 0.5)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        if (step + 1) % 50 == 0:
            report(f"judge step {step + 1}/{steps}, loss {float(loss):.3f}")
