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
from riffsidecar.training.score import FAMILIES

__all__ = ["GROUPS", "LABEL_GENRES", "NUM_LABELS", "CaptionHead", "Labels", "group_of", "split_labels"]

LABEL_GENRES = tuple(sorted(GENRES))
"""Genres, one of which is true of a loop."""

GROUPS = ("kit", "percussion", "bass", "keys", "guitar", "strings", "winds", "choir", "pad", "lead", "mallet")
"""Groups of instruments, each of which plays or not."""

NUM_LABELS = len(LABEL_GENRES) + len(GROUPS) + 1

_GROUPS_WEIGHT = 3.0
_FAMILY_WEIGHT = 2.0


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
    """Reads the labels of a loop and its family from its caption, so that the text encoder keeps them.

    By the loss of the latents alone it forgets genres: they change little of a column, instruments much.
    Taught genres without families, it forgets in turn that a bass is asked for by itself.
    """

    def __init__(self, text_width: int) -> None:
        super().__init__()
        self.read = nn.Linear(text_width, NUM_LABELS + len(FAMILIES))

    def forward(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is read of hidden states (batch, tokens, text_width).

        Logits of the labels (batch, `NUM_LABELS`) and of the families (batch, families).
        """
        keep = mask.to(hidden.dtype)
        logits: Tensor = self.read((hidden * keep[..., None]).sum(1) / keep.sum(1, keepdim=True))
        labels, family = torch.split(logits, [NUM_LABELS, len(FAMILIES)], dim=-1)
        return labels, family

    def loss(self, hidden: Tensor, mask: Tensor, records: Sequence[LoopRecord]) -> Tensor:
        """Return the cross entropy of the labels and families of ``records``, whose captions were encoded."""
        labels, family = self(hidden, mask)
        asked = torch.tensor([FAMILIES.index(record.family) for record in records], device=hidden.device)
        return Labels.of(records).loss(labels) + _FAMILY_WEIGHT * F.cross_entropy(family, asked)
