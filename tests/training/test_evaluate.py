"""The evaluation with models and judges that are right, wrong or blind on purpose."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from support_diffusion import tiny_pipeline

from riffsidecar.music import LoopLength, Meter, Tempo
from riffsidecar.training import evaluate as room
from riffsidecar.training.config import load_config
from riffsidecar.training.score import FAMILIES

LENGTH = LoopLength(Fraction(1), Meter(4, 4), Tempo.parse(120))


def _sound(family: str, length: LoopLength, late_columns: float = 0.0, rhythm: bool = True) -> np.ndarray:
    """Return a spectrogram with a hit a quarter, or some sixteenth, whose level names the family."""
    step = length.grid.frames_per_quarter
    spectrogram = np.full((2, 256, length.frames), -1.0, np.float32)
    hits = np.arange(int(late_columns * step / 4), length.frames, step)
    if not rhythm:
        hits += np.random.default_rng(length.frames).integers(0, 4, hits.size) * (step // 4)
    spectrogram[..., hits % length.frames] = 0.1 * (1 + FAMILIES.index(family))
    return spectrogram


class _Judge:
    def classify(self, spectrogram: np.ndarray) -> int:
        return round(float(spectrogram.max()) * 10) - 1


class _Bench:
    """What `evaluate` is given in place of nets: how the model plays with and without its weights."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.right, self.late, self.rhythm = True, 0.0, True
        self.blank_right, self.blank_late, self.blank_rhythm = False, 0.5, False
        self.trained, self.asked = True, []
        self.timbres: list[str] = []
        monkeypatch.setattr(
            room, "load_pipeline", lambda _: SimpleNamespace(decode=self._same, encode=self._same)
        )
        monkeypatch.setattr(room, "trained_judge", lambda *_: (_Judge(), 1.0))
        monkeypatch.setattr(room, "make_record", self._record)
        monkeypatch.setattr(room, "uint8_to_mel", self._same)
        monkeypatch.setattr(room, "_heard", lambda spectrogram, _: spectrogram)
        monkeypatch.setattr(room, "_generate", self._play)
        monkeypatch.setattr(room, "_untrained", self._lose)

    def _same(self, value: Any) -> Any:
        return value

    def _record(self, seed: int, _: Any, *, family: str, timbres: str = "train") -> tuple[Any, np.ndarray]:
        self.timbres.append(timbres)
        return SimpleNamespace(length=LENGTH), _sound(family, LENGTH)

    def _play(self, _: Any, case: Any, __: Any) -> np.ndarray:
        self.asked.append(case)
        right, late, rhythm = (
            (self.right, self.late, self.rhythm)
            if self.trained
            else (self.blank_right, self.blank_late, self.blank_rhythm)
        )
        return _sound(case.family if right else "drums", case.length, late, rhythm)

    def _lose(self, _: Any) -> None:
        self.trained = False

    def evaluate(self, tmp_path: Path) -> tuple[int, str, list[dict[str, Any]]]:
        said: list[str] = []
        path = tmp_path / "figures.json"
        code = room.evaluate(tmp_path, tmp_path, load_config("tiny"), said.append, json_path=path)
        return code, said[-1], json.loads(path.read_text("utf-8"))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> _Bench:
    return _Bench(monkeypatch)


def test_a_model_that_plays_what_is_asked_on_the_grid_passes(bench: _Bench, tmp_path: Path) -> None:
    code, verdict, rows = bench.evaluate(tmp_path)
    assert (code, verdict) == (0, "passed")
    assert [row["right"] for row in rows if row["name"].startswith(("real", "through", "the model"))] == [
        1.0
    ] * 4
    assert {case.length.meter for case in bench.asked} >= {Meter(4, 4), Meter(3, 4), Meter(6, 8), Meter(7, 8)}
    assert {case.length.bars for case in bench.asked} >= {1, 2, 4, 8}


@pytest.mark.parametrize("fault", [{"right": False}, {"late": 0.5}, {"rhythm": False}])
def test_a_model_that_plays_something_else_or_off_the_grid_or_without_rhythm_fails(
    bench: _Bench, tmp_path: Path, fault: dict[str, Any]
) -> None:
    for name, value in fault.items():
        setattr(bench, name, value)
    assert bench.evaluate(tmp_path)[:2] == (1, "failed")


def test_an_evaluation_that_untrained_weights_pass_says_that_it_is_broken(
    bench: _Bench, tmp_path: Path
) -> None:
    bench.blank_right, bench.blank_late, bench.blank_rhythm = True, 0.0, True
    code, verdict, _ = bench.evaluate(tmp_path)
    assert code == 1 and "broken" in verdict


@pytest.mark.parametrize("fault", [{"blank_right": True}, {"blank_late": 0.0}])
def test_untrained_weights_that_pass_half_of_it_fail_all_the_same(
    bench: _Bench, tmp_path: Path, fault: dict[str, Any]
) -> None:
    for name, value in fault.items():
        setattr(bench, name, value)
    assert bench.evaluate(tmp_path)[:2] == (0, "passed")


def test_shuffled_prompts_are_wrong_most_of_the_time(bench: _Bench, tmp_path: Path) -> None:
    rows = {row["name"]: row for row in bench.evaluate(tmp_path)[2]}
    assert rows["shuffled prompts (floor)"]["right"] < 0.5
    assert rows["shuffled prompts (floor)"]["loops"] == rows["the model, unseen prompts"]["loops"]


def test_the_judge_is_tried_on_timbres_that_nothing_was_trained_on(bench: _Bench, tmp_path: Path) -> None:
    bench.evaluate(tmp_path)
    assert bench.timbres.count("held-out") == bench.timbres.count("train") > 0


def test_no_two_loops_of_a_family_are_asked_for_alike() -> None:
    cases = list(room._cases(20, 5_000_000))
    assert len(cases) == 20 * len(FAMILIES)
    for family in FAMILIES:
        mine = [case for case in cases if case.family == family]
        assert len({case.prompt for case in mine}) == len({case.seed for case in mine}) == 20
        tempi = [float(case.length.tempo) for case in mine]
        assert min(tempi) == 70 and max(tempi) == 175


@torch.no_grad()
def test_untrained_weights_have_nothing_left_of_the_training() -> None:
    torch.set_num_threads(1)
    pipeline = tiny_pipeline()
    room._untrained(pipeline)
    conditions = pipeline.condition("house drums", length=LENGTH)
    noise = torch.randn(8, 32, LENGTH.columns)
    torch.testing.assert_close(pipeline.denoise(noise, conditions, num_inference_steps=2), noise)
