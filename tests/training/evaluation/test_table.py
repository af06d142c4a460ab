"""Checks, rows and the verdict over them."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from riffsidecar.cli import exit_codes
from riffsidecar.errors import TrainingError
from riffsidecar.training.cli import parser
from riffsidecar.training.config import load_config
from riffsidecar.training.evaluation import run
from riffsidecar.training.evaluation.parts import PARTS
from riffsidecar.training.evaluation.run import BROKEN, FAILED, PASSED, evaluate
from riffsidecar.training.evaluation.table import Check, Part, Row

GOOD = Check("good", 0.9, 0.8, {"floor": 0.1})
SHORT = Check("short", 0.7, 0.8, {"floor": 0.1})
HOLLOW = Check("hollow", 0.9, 0.8, {"floor": 0.85})


@pytest.mark.parametrize(("value", "at_most", "holds"), [(0.8, False, True), (0.79, False, False)])
def test_a_check_holds_from_what_is_needed_on(value: float, at_most: bool, holds: bool) -> None:
    assert Check("x", value, 0.8, {}, at_most).holds is holds


def test_where_less_is_better_a_check_holds_up_to_what_is_allowed() -> None:
    assert Check("x", 0.05, 0.05, {}, at_most=True).holds
    assert not Check("x", 0.06, 0.05, {}, at_most=True).holds
    assert Check("x", 0.0, 0.05, {"floor": 0.01}, at_most=True).passing_floors == ("floor",)


def test_what_could_not_be_measured_does_not_hold() -> None:
    assert not Check("x", float("nan"), 0.5, {}).holds
    assert not Check("x", float("nan"), 0.5, {}, at_most=True).holds
    assert Part("p", (Row("r", 1, {"a": float("nan")}),), ()).to_json()["rows"][0]["a"] is None


def test_a_row_that_measured_nothing_is_refused() -> None:
    with pytest.raises(TrainingError, match="0 loops"):
        Row("empty", 0, {"right": 1.0})


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Put parts of one check each in the place of those that need nets."""
    table: dict[str, Any] = {}
    monkeypatch.setattr(run, "MEASURES", table)
    monkeypatch.setattr(run, "Studio", lambda *_: SimpleNamespace(fingerprint="abc"))
    return table


def part(name: str, *checks: Check) -> Any:
    return lambda bench: Part(name, (Row("the model", 3, {"right": 0.5}),), checks)


def evaluated(tmp_path: Path, **options: Any) -> tuple[int, list[str]]:
    said: list[str] = []
    code = evaluate(tmp_path, tmp_path, tmp_path, load_config("tiny"), said.append, **options)
    return code, said


@pytest.mark.parametrize(
    ("checks", "code", "verdict"),
    [
        ((GOOD,), PASSED, "passed"),
        ((GOOD, SHORT), FAILED, "failed: 1 of 2 are not reached: a: short"),
        ((GOOD, SHORT, HOLLOW), BROKEN, "broken, a floor passes it: a: hollow"),
    ],
)
def test_the_exit_code_tells_passed_failed_and_broken_apart(
    parts: dict[str, Any], tmp_path: Path, checks: tuple[Check, ...], code: int, verdict: str
) -> None:
    parts["a"] = part("a", *checks)
    got, said = evaluated(tmp_path)
    assert got == code and verdict in said[-1]
    assert len({PASSED, FAILED, BROKEN}) == 3


def test_only_the_parts_that_are_named_are_run(parts: dict[str, Any], tmp_path: Path) -> None:
    parts |= {"a": part("a", GOOD), "b": part("b", SHORT)}
    assert evaluated(tmp_path, only=("a",))[0] == PASSED
    assert evaluated(tmp_path, only=("b",))[0] == FAILED
    with pytest.raises(TrainingError, match=r"no part 'c'.*a, b"):
        evaluated(tmp_path, only=("c",))


def test_a_part_that_has_nothing_to_measure_is_left_out(parts: dict[str, Any], tmp_path: Path) -> None:
    parts |= {"a": part("a", GOOD), "b": lambda bench: None}
    assert evaluated(tmp_path)[0] == PASSED


def test_the_figures_of_finished_parts_survive_one_that_fails(parts: dict[str, Any], tmp_path: Path) -> None:
    def failing(bench: Any) -> Part:
        raise TrainingError("no disk")

    parts |= {"a": part("a", GOOD, SHORT), "b": failing}
    path = tmp_path / "figures.json"
    with pytest.raises(TrainingError):
        evaluated(tmp_path, json_path=path)
    values = json.loads(path.read_text("utf-8"))
    assert values["checkpoint"] == "abc" and values["verdict"].startswith("failed")
    assert values["parts"]["a"]["rows"] == [{"name": "the model", "loops": 3, "right": 0.5}]
    assert [check["holds"] for check in values["parts"]["a"]["checks"]] == [True, False]


def test_the_sealed_prompts_are_not_opened_for_parts_that_do_not_ask_them(
    parts: dict[str, Any], tmp_path: Path
) -> None:
    parts |= {"families": part("families", GOOD), "knobs": part("knobs", GOOD)}
    with pytest.raises(TrainingError, match="sealed"):
        evaluated(tmp_path, only=("knobs",), release=True)


def test_every_part_that_is_named_is_measured_and_told_in_the_help() -> None:
    assert list(PARTS) == list(run.MEASURES)
    told = " ".join(commands()["evaluate"].split())
    assert ", ".join(PARTS) in told


def commands() -> dict[str, str]:
    """Return the help of each step of the training."""
    (steps,) = (action.choices for action in parser()._actions if isinstance(action.choices, dict))
    return {name: command.format_help() for name, command in steps.items()}


def test_the_exit_code_of_a_broken_evaluation_is_that_of_nothing_else() -> None:
    assert BROKEN not in set(exit_codes._MEANINGS)
