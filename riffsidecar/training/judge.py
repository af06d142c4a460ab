"""The judge: a small classifier of loop families, trained on renders that no other net has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from riffsidecar.spectrogram import uint8_to_mel
from riffsidecar.training.config import TrainingConfig
from riffsidecar.training.dataset import LoopSet
from riffsidecar.training.ear import Ear, Lesson, Say, judge_loops, kept, teach, windows
from riffsidecar.training.score import FAMILIES

__all__ = ["Judge", "trained_judge"]


class Judge(Ear):
    """Classify ``(batch, 2, n_mels, frames)`` spectrograms into the families; any number of frames."""

    def __init__(self, width: int = 32) -> None:
        super().__init__(width)
        self.head = nn.Sequential(
            nn.Linear(self.num_features, 128),
            nn.SiLU(),
            nn.Dropout(0.3),
            nn.Linear(128, len(FAMILIES)),
        )

    def forward(self, spectrogram: Tensor) -> Tensor:
        """Return the logits ``(batch, families)``."""
        return self.head(self.features(spectrogram))

    def classify(self, spectrogram: NDArray[np.float32]) -> int:
        """Return the index of the family of one loop ``(2, n_mels, frames)``, judged on windows all round."""
        with torch.no_grad():
            return int(self(windows(spectrogram)).softmax(-1).mean(0).argmax())


def trained_judge(folder: Path, config: TrainingConfig, say: Say, *, workers: int = 2) -> tuple[Judge, float]:
    """Return the judge and its share of right answers on held-out renders; trained once, kept in a folder."""
    settings = config.evaluation
    loops = judge_loops(folder, config, say, workers=workers)
    torch.manual_seed(settings.judge_seed)
    judge = Judge()
    kept(
        judge,
        folder / "judge.safetensors",
        lambda: _train(judge, loops, settings.judge_steps, settings.judge_seed, say),
    )
    right = [
        judge.classify(uint8_to_mel(loops.spectrogram(i))) == FAMILIES.index(loops.records[i].family)
        for i in loops.held_out
    ]
    return judge, float(np.mean(right))


def _train(judge: Judge, loops: LoopSet, steps: int, seed: int, say: Say) -> None:
    labels = np.asarray([FAMILIES.index(record.family) for record in loops.records])

    def loss(batch: Tensor, picks: NDArray[np.int64]) -> Tensor:
        return F.cross_entropy(judge(batch), torch.from_numpy(labels[picks]), label_smoothing=0.05)

    teach(judge, Lesson(loops.crop, np.asarray(loops.train), loss), steps, seed, say, "judge")
