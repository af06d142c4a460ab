"""Labels of loops, and what captions tell of them."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import torch

from riffsidecar.training.compose import compose
from riffsidecar.training.dataset import LoopRecord
from riffsidecar.training.labels import GROUPS, LABEL_GENRES, NUM_LABELS, CaptionHead, Labels, split_labels
from riffsidecar.training.score import FAMILIES


def _record(seed: int) -> LoopRecord:
    score = compose(seed)
    attributes = score.attributes
    return LoopRecord(
        seed=seed,
        family=attributes.family,
        tempo=score.tempo,
        meter=score.meter,
        bars=Fraction(score.bars),
        key=score.key,
        chords=score.chords,
        captions=("x",),
        attributes={
            "genre": attributes.genre,
            "instruments": list(attributes.instruments),
            "drums": attributes.drums,
        },
    )


def _sure(labels: Labels) -> torch.Tensor:
    """Return logits of somebody who knows."""
    genre = 20.0 * np.eye(len(LABEL_GENRES), dtype=np.float32)[labels.genre]
    heard = 40.0 * np.concatenate([labels.groups, labels.drums[:, None]], axis=1) - 20.0
    return torch.from_numpy(np.concatenate([genre, heard.astype(np.float32)], axis=1))


def test_who_knows_has_no_loss_and_who_guesses_has() -> None:
    labels = Labels.of([_record(seed) for seed in range(12)])
    logits = _sure(labels)
    assert logits.shape == (12, NUM_LABELS)
    assert float(labels.loss(logits)) < 1e-3
    guessed = float(labels.loss(torch.zeros_like(logits)))
    assert abs(guessed - np.log(len(LABEL_GENRES)) - 4 * np.log(2)) < 1e-4
    genre, groups, drums = split_labels(logits)
    assert (genre.argmax(-1).numpy() == labels.genre).all()
    assert groups.shape == (12, len(GROUPS)) and ((drums > 0).numpy() == labels.drums).all()
    picked = labels[np.asarray([3, 1])]
    assert picked.genre.tolist() == [labels.genre[3], labels.genre[1]]


def test_a_head_reads_what_is_not_padding() -> None:
    torch.manual_seed(0)
    head, hidden = CaptionHead(8), torch.randn(2, 5, 8)
    mask = torch.tensor([[True] * 3 + [False] * 2, [True] * 5])
    elsewhere = hidden.clone()
    elsewhere[0, 3:] += 7.0
    labels, families = head(hidden, mask)
    assert labels.shape == (2, NUM_LABELS) and families.shape == (2, len(FAMILIES))
    torch.testing.assert_close(head(elsewhere, mask), (labels, families))
    torch.testing.assert_close(torch.cat([labels[1], families[1]]), head.read(hidden[1].mean(0)))


def test_a_head_learns_families_as_well() -> None:
    torch.manual_seed(0)
    records = [_record(seed) for seed in range(12)]
    head = CaptionHead(16)
    hidden, mask = torch.randn(12, 4, 16), torch.ones(12, 4, dtype=torch.bool)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.1)
    first = float(head.loss(hidden, mask, records).detach())
    for _ in range(200):
        loss = head.loss(hidden, mask, records)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    told = head(hidden, mask)[1].argmax(-1).tolist()
    assert [FAMILIES[place] for place in told] == [record.family for record in records]
    assert float(loss.detach()) < 0.1 * first
