"""The tagger: hears genre, instruments and whether drums play; measures adherence, and nothing else.

It is trained on renders of its own seeds, part of them with the timbres that no other net was trained on, and
must never choose a sample, a checkpoint or a weight: it would then be a judge of its own doing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from riffsidecar.training.config import TrainingConfig
from riffsidecar.training.dataset import LoopSet, make_record, write_shard
from riffsidecar.training.ear import HELD_OUT, Ear, Lesson, Say, judge_loops, kept, teach, windows
from riffsidecar.training.labels import NUM_LABELS, Labels, split_labels

__all__ = ["Tagger", "Tags", "held_out_timbres", "trained_tagger"]

_EMBEDDING = 128
_DROPOUT = 0.3
_SHARD = 25
_TRAIN_SEED = 5


@dataclass(frozen=True, slots=True, eq=False)
class Tags:
    """What the tagger hears in one loop.

    Logarithms of the odds ``genre`` (genres,), ``instruments`` (groups,) and ``drums``; ``embedding`` is the
    layer below, of length 1.
    """

    genre: NDArray[np.float32]
    instruments: NDArray[np.float32]
    drums: float
    embedding: NDArray[np.float32]


class Tagger(Ear):
    """Tell genre, groups of instruments and drums of ``(batch, 2, n_mels, frames)``."""

    def __init__(self, width: int = 32) -> None:
        super().__init__(width)
        self.hidden = nn.Sequential(nn.Linear(self.num_features, _EMBEDDING), nn.SiLU())
        self.heads = nn.Linear(_EMBEDDING, NUM_LABELS)

    def embed(self, spectrogram: Tensor) -> Tensor:
        """Return ``(batch, 128)``, from which every head reads."""
        return self.hidden(self.features(spectrogram))

    @torch.no_grad()
    def listen(self, spectrogram: NDArray[np.float32]) -> Tags:
        """Hear one loop ``(2, n_mels, frames)`` in windows all round it."""
        embedding = self.embed(windows(spectrogram)).mean(0, keepdim=True)
        genre, groups, drums = split_labels(self.heads(embedding))
        return Tags(
            genre[0].log_softmax(-1).numpy(),
            groups[0].numpy(),
            float(drums[0]),
            F.normalize(embedding, dim=-1)[0].numpy(),
        )


def held_out_timbres(folder: Path, config: TrainingConfig, say: Say) -> LoopSet | None:
    """Return the tagger's further loops, played on held-out timbres; those that are missing are composed."""
    settings = config.evaluation
    data = folder / "tagger-data"
    data.mkdir(parents=True, exist_ok=True)
    starts = range(0, settings.tagger_loops, _SHARD)
    for number, start in enumerate(starts):
        if not (data / f"shard-{number:05d}.json").exists():
            seeds = range(start, min(start + _SHARD, settings.tagger_loops))
            made = (
                make_record(settings.tagger_seed * 10_000_000 + seed, config.data, timbres="held-out")
                for seed in seeds
            )
            write_shard(data, number, made)
            say(f"tagger's loops {seeds.stop}/{settings.tagger_loops}")
    return LoopSet(data, held_out=HELD_OUT) if starts else None


class _Together:
    """Two sets of loops as one."""

    def __init__(self, sets: Sequence[LoopSet]) -> None:
        self.where = [(loops, index) for loops in sets for index in range(len(loops))]
        self.records = [loops.records[index] for loops, index in self.where]
        trained = {(id(loops), index) for loops in sets for index in loops.train}
        flags = [(id(loops), index) in trained for loops, index in self.where]
        self.train = np.flatnonzero(flags)

    def crop(self, index: int, start: int, frames: int) -> NDArray[np.uint8]:
        loops, place = self.where[index]
        return loops.crop(place, start, frames)


def trained_tagger(
    folder: Path, config: TrainingConfig, say: Say, *, workers: int = 2
) -> tuple[Tagger, LoopSet]:
    """Return the tagger, trained once and kept in ``folder``, and loops; the held-out are new to it."""
    settings = config.evaluation
    loops = judge_loops(folder, config, say, workers=workers)
    torch.manual_seed(settings.tagger_seed)
    tagger = Tagger()

    def train() -> None:
        further = held_out_timbres(folder, config, say)
        _train(tagger, [loops] if further is None else [loops, further], settings.tagger_steps, say)

    kept(tagger, folder / "tagger.safetensors", train)
    return tagger, loops


def _train(tagger: Tagger, sets: Sequence[LoopSet], steps: int, say: Say) -> None:
    loops = _Together(sets)
    labels = Labels.of(loops.records)

    def loss(batch: Tensor, picks: NDArray[np.int64]) -> Tensor:
        embedding = F.dropout(tagger.embed(batch), _DROPOUT)
        return labels[picks].loss(tagger.heads(embedding), label_smoothing=0.05)

    teach(tagger, Lesson(loops.crop, loops.train, loss), steps, _TRAIN_SEED, say, "tagger")
