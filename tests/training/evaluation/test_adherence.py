"""Adherence: what the tagger hears against what was asked, and what must not pass."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from support_evaluation import World, lost, tagged

from riffsidecar.training.compose import compose
from riffsidecar.training.evaluation.adherence import area_under_curve, measure_adherence, named_groups
from riffsidecar.training.evaluation.bench import SPLITS, caption
from riffsidecar.training.evaluation.loops import Ask, Loop
from riffsidecar.training.lexicon import terms_for


@pytest.mark.parametrize(
    ("scores", "labels", "area"),
    [([1, 2, 3, 4], [0, 0, 1, 1], 1.0), ([4, 3, 2, 1], [0, 0, 1, 1], 0.0), ([1, 1, 1, 1], [0, 1, 0, 1], 0.5)],
)
def test_the_area_is_how_often_a_true_one_scores_higher(
    scores: list[float], labels: list[bool], area: float
) -> None:
    assert area_under_curve(scores, labels) == area


def test_the_area_of_labels_that_are_all_alike_is_unknown() -> None:
    assert math.isnan(area_under_curve([1.0, 2.0], [True, True]))


@pytest.mark.parametrize("split", SPLITS.values())
def test_captions_that_are_asked_with_name_the_genre_in_words_of_their_split(split: str) -> None:
    named = 0
    for seed in range(40):
        score = compose(seed)
        line = caption(score, split)
        assert line == caption(score, split)
        named += any(term in line for term in terms_for("genre", score.attributes.genre, split))
    assert named >= 38


def test_instruments_that_the_caption_leaves_open_are_not_asked_for() -> None:
    band = next(score for seed in range(99) if (score := compose(seed, family="groove")).attributes.drums)
    assert named_groups(band, "full beat") == frozenset()
    assert named_groups(band, "drums and a kazoo") == {"kit"}
    assert "guitar" not in named_groups(compose(3, family="drums"), "guitar")
    assert named_groups(compose(3, family="piano"), "something") == {"keys"}


def test_a_model_that_plays_what_is_asked_passes(tmp_path: Path) -> None:
    part = measure_adherence(World(tmp_path, 24).bench)
    assert all(check.holds and not check.passing_floors for check in part.checks)
    rows = {row.name: row for row in part.rows}
    for split in SPLITS:
        assert rows[f"{split}: the model"]["genre top-1"] > 0.9
        assert rows[f"{split}: shuffled (floor)"]["auc"] < 0.75
    assert len(part.rows) == 2 * 5


class _Other(World):
    """A world whose model plays another of the loops than it is asked for, in one split."""

    split_seeds = range(7_500_000, 8_000_000)

    def play(self, ask: Ask, trained: bool) -> Loop:
        if not trained or ask.seed not in self.split_seeds:
            return super().play(ask, trained)
        other = self.scores[(self.index_of(ask) + 5) % len(self.scores)]
        return self.loop(ask.length, tagged(other, 0.3, ask.seed))


def test_a_model_that_knows_seen_phrasings_alone_fails_on_unseen_slang(tmp_path: Path) -> None:
    checks = {check.name: check for check in measure_adherence(_Other(tmp_path, 24).bench).checks}
    assert checks["seen: auc"].holds
    assert not checks["unseen: auc"].holds


class _Blank(World):
    def play(self, ask: Ask, trained: bool) -> Loop:
        if trained:
            return self.loop(ask.length, lost(ask.seed))
        return super().play(ask, True)


def test_untrained_weights_that_play_what_is_asked_break_the_evaluation(tmp_path: Path) -> None:
    checks = measure_adherence(_Blank(tmp_path, 24).bench).checks
    assert not any(check.holds for check in checks)
    assert all("untrained" in check.passing_floors for check in checks)
