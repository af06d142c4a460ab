"""Morphs that arrive step by step, that do not move, and that leave what loops sound like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support_evaluation import World, lost, tagged

from riffsidecar.training.evaluation.loops import Ask, Loop
from riffsidecar.training.evaluation.morph import _JOURNEYS, measure_morph, rank_correlation
from riffsidecar.training.evaluation.table import Part
from riffsidecar.training.labels import GROUPS
from riffsidecar.training.tagger import Tags


@pytest.mark.parametrize(("values", "rank"), [([1, 2, 3], 1.0), ([3, 2, 1], -1.0), ([5, 5, 5], 0.0)])
def test_rank_correlation_with_the_place(values: list[float], rank: float) -> None:
    assert rank_correlation(values) == rank


class _Walk(World):
    """A model that walks from one group of instruments to another."""

    moves, strange = True, False

    def play(self, ask: Ask, trained: bool) -> Loop:
        if not trained:
            return super().play(ask, trained)
        journey = next(each for each in _JOURNEYS if each.prompt == ask.prompt)
        base = tagged(self.scores[0], 0.3, 1)
        groups = np.full(len(GROUPS), -3.0, np.float32)
        share = ask.morph if self.moves else 0.5
        groups[GROUPS.index(journey.group)] = 3.0 - 6.0 * share
        groups[GROUPS.index(journey.group_b)] = 6.0 * share - 3.0
        embedding = lost(1).embedding if self.strange and ask.morph == 0.5 else base.embedding
        return self.loop(ask.length, Tags(base.genre, groups, 0.0, embedding))

    def measured(self) -> Part:
        part = measure_morph(self.bench)
        assert not [check.name for check in part.checks if check.passing_floors]
        return part


def test_a_morph_that_moves_step_by_step_passes(tmp_path: Path) -> None:
    walk = _Walk(tmp_path, 16, morph_pairs=4)
    part = walk.measured()
    assert all(check.holds for check in part.checks)
    asked = [ask for ask, trained in walk.studio.asked if trained]
    assert len(asked) == 36 and len({ask.seed for ask in asked}) == 4
    assert sorted({ask.morph for ask in asked}) == [place / 8 for place in range(9)]


def test_a_morph_that_stands_still_fails(tmp_path: Path) -> None:
    walk = _Walk(tmp_path, 16, morph_pairs=4)
    walk.moves = False
    assert [check.name for check in walk.measured().checks if not check.holds] == ["morph: rank"]


def test_a_position_that_could_be_no_loop_fails(tmp_path: Path) -> None:
    walk = _Walk(tmp_path, 16, morph_pairs=4)
    walk.strange = True
    assert [check.name for check in walk.measured().checks if not check.holds] == ["morph: strange positions"]
