"""The families part with models and judges that are right, wrong or blind on purpose."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support_evaluation import LENGTH, World, hits, lost

from riffsidecar.music import LoopLength, Meter
from riffsidecar.training.captions import eval_prompts
from riffsidecar.training.compose import compose
from riffsidecar.training.evaluation import families as room
from riffsidecar.training.evaluation.loops import Ask, Loop, RealLoop
from riffsidecar.training.evaluation.table import Part
from riffsidecar.training.score import FAMILIES
from riffsidecar.training.sealed_prompts import open_sealed


class _Judge:
    def classify(self, spectrogram: np.ndarray) -> int:
        return round(float(spectrogram.max()) * 10) - 1


class Fair(World):
    """A world in which the level of the hits names the family."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path, 8)
        self.right, self.late, self.rhythm = True, 0.0, True
        self.blank_right, self.blank_late, self.blank_rhythm = False, 0.5, False
        self.family_of: dict[str, str] = {p: f for f in FAMILIES for p in eval_prompts(f)}
        self.bench.__dict__["judge"] = (_Judge(), 1.0)
        for timbres in ("train", "held-out"):
            for index in range(8):
                real = RealLoop(compose(index, family=FAMILIES[index]), self.sound(FAMILIES[index], LENGTH))
                self.bench._real[index, timbres] = real

    def sound(self, family: str, length: LoopLength, late: float = 0.0, rhythm: bool = True) -> Loop:
        level = 0.1 * (1 + FAMILIES.index(family))
        return self.loop(length, lost(0), spectrogram=hits(length, level, late, rhythm))

    def play(self, ask: Ask, trained: bool) -> Loop:
        right, late, rhythm = (
            (self.right, self.late, self.rhythm)
            if trained
            else (self.blank_right, self.blank_late, self.blank_rhythm)
        )
        return self.sound(self.family_of[ask.prompt] if right else "drums", ask.length, late, rhythm)

    def measured(self) -> Part:
        return room.measure_families(self.bench)


@pytest.fixture
def fair(tmp_path: Path) -> Fair:
    return Fair(tmp_path)


def _held(part: Part) -> bool:
    assert not [check for check in part.checks if check.passing_floors]
    return all(check.holds for check in part.checks)


def test_a_model_that_plays_what_is_asked_on_the_grid_passes(fair: Fair) -> None:
    part = fair.measured()
    assert _held(part)
    rows = {row.name: row for row in part.rows}
    for name in ("real loops (ceiling)", "through the codec (ceiling)", "the model, unseen prompts"):
        assert rows[name]["right"] == 1.0
    asks = [ask for ask, _ in fair.studio.asked]
    assert {ask.length.meter for ask in asks} >= {Meter(4, 4), Meter(3, 4), Meter(6, 8), Meter(7, 8)}
    assert {ask.length.bars for ask in asks} >= {1, 2, 4, 8}


@pytest.mark.parametrize("fault", [{"right": False}, {"late": 0.5}, {"rhythm": False}])
def test_a_model_that_plays_something_else_or_off_the_grid_or_without_rhythm_fails(
    fair: Fair, fault: dict[str, float]
) -> None:
    for name, value in fault.items():
        setattr(fair, name, value)
    assert not _held(fair.measured())


def test_untrained_weights_that_pass_break_the_evaluation(fair: Fair) -> None:
    fair.blank_right, fair.blank_late, fair.blank_rhythm = True, 0.0, True
    broken = {check.name for check in fair.measured().checks if check.passing_floors}
    assert "pulse" in broken


@pytest.mark.parametrize("fault", [{"blank_right": True}, {"blank_late": 0.0}])
def test_untrained_weights_may_be_right_or_on_the_grid(fair: Fair, fault: dict[str, float]) -> None:
    for name, value in fault.items():
        setattr(fair, name, value)
    assert _held(fair.measured())


def test_shuffled_prompts_are_wrong_most_of_the_time(fair: Fair) -> None:
    rows = {row.name: row for row in fair.measured().rows}
    assert rows["shuffled prompts (floor)"]["right"] < 0.5
    assert rows["shuffled prompts (floor)"].loops == rows["the model, unseen prompts"].loops


def test_no_two_loops_of_a_family_are_asked_for_alike() -> None:
    asks = list(room.family_asks(20, 5_000_000))
    assert len(asks) == 20 * len(FAMILIES)
    for family in FAMILIES:
        mine = [ask for each, ask in asks if each == family]
        assert len({ask.prompt for ask in mine}) == len({ask.seed for ask in mine}) == 20
        tempi = [float(ask.length.tempo) for ask in mine]
        assert min(tempi) == 70 and max(tempi) == 175


def test_the_sealed_prompts_stay_shut_without_a_release(
    fair: Fair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(room, "open_sealed")
    fair.measured()
    assert not list(tmp_path.glob("sealed-*"))


def test_a_release_asks_the_sealed_prompts_and_writes_down_each_opening(fair: Fair, tmp_path: Path) -> None:
    sealed = open_sealed()
    fair.family_of |= {prompt: family for family in FAMILIES for prompt in sealed[family]}
    fair.bench.release = True
    part = fair.measured()
    assert _held(part)
    assert {ask.prompt for ask, _ in fair.studio.asked} & {
        prompt for each in sealed.values() for prompt in each
    }
    assert {"sealed: right", "sealed: pulse"} <= {check.name for check in part.checks}
    fair.measured()
    lines = (tmp_path / "sealed-prompts-opened.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["checkpoint"] for line in lines] == [fair.studio.fingerprint] * 2
    assert any("opened 1 times before" in line for line in fair.said)
