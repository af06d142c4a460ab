"""What is known of a composed loop as targets of a net: genre, groups of instruments, drums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from riffsidecar.training.compose import GENRES
from riffsidecar.training.dataset import LoopRecord
from riffsidecar.training.instruments import INSTRUMENTS

__all__ = ["GROUPS", "LABEL_GENRES", "NUM_LABELS", "CaptionHead", "Labels", "group_of", "split_labels"]

LABEL_GENRES = tuple(sorted(GENRES))
"""Genres, one of which is true of a loop."""

GROUPS = ("kit", "percussion", "bass", "keys", "guitar", "strings", "winds", "choir", "pad", "lead", "mallet")
"""Groups of instruments, each of which plays or not."""

NUM_LABELS = len(LABEL_GENRES) + len(GROUPS) + 1

_GROUPS_WEIGHT = 3.0


def group_of(instrument: str) -> str | None:
    """Return the group of an instrument, None for textures, which are not asked for by themselves."""
    family = INSTRUMENTS[instrument].family
    return family if family in GROUPS else None


def split_labels(logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return ``(batch, genres)``, ``(batch, groups)`` and ``(batch,)`` of the drums."""
    genre, groups, drums = torch.split(logits, [len(LABEL_GENRES), len(GROUPS), 1], dim=-1)
    return genre, groups, drums[:, 0]


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """Targets of loops: the places of their ``genre`` (loops,), ``groups`` (loops, groups), ``drums``."""

    genre: NDArray[np.int64]
    groups: NDArray[np.float32]
    drums: NDArray[np.float32]

    @classmethod
    def of(cls, records: Sequence[LoopRecord]) -> Self:
        """Return the labels of loops."""
        groups = np.zeros((len(records), len(GROUPS)), np.float32)
        for row, record in zip(groups, records, strict=True):
            for group in filter(None, map(group_of, record.attributes["instruments"])):
                row[GROUPS.index(group)] = 1.0
        return cls(
            np.asarray([LABEL_GENRES.index(record.attributes["genre"]) for record in records]),
            groups,
            np.asarray([record.attributes["drums"] for record in records], np.float32),
        )

    def __getitem__(self, picks: NDArray[np.int64]) -> Labels:
        """Return the labels of some of the loops."""
        return Labels(self.genre[picks], self.groups[picks], self.drums[picks])

    def loss(self, logits: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
        """Return the cross entropy of ``logits`` (loops, `NUM_LABELS`), summed over kinds of labels."""
        genre, groups, drums = split_labels(logits)
        told = (torch.from_numpy(each).to(logits.device) for each in (self.genre, self.groups, self.drums))
        place, playing, kit = told
        return (
            F.cross_entropy(genre, place, label_smoothing=label_smoothing)
            + _GROUPS_WEIGHT * F.binary_cross_entropy_with_logits(groups, playing)
            + F.binary_cross_entropy_with_logits(drums, kit)
        )


class CaptionHead(nn.Module):
    """Reads the labels of a loop from its caption, so that the text encoder keeps what is said of them.

    By the loss of the latents alone it forgets genres: they change little of a column, instruments much.
    """

    def __init__(self, text_width: int) -> None:
        super().__init__()
        self.read = nn.Linear(text_width, NUM_LABELS)

    def forward(self, hidden: Tensor, mask: Tensor) -> Tensor:
        """Return logits (batch, `NUM_LABELS`) of hidden states (batch, tokens, text_width)."""
        keep = mask.to(hidden.dtype)
        logits: Tensor = self.read((hidden * keep[..., None]).sum(1) / keep.sum(1, keepdim=True))
        return logits
