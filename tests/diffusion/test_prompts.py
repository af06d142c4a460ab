from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.diffusion.prompts import EMPHASIS, MAX_NESTING, MAX_WEIGHT, PromptPart, parse_prompt

_MARKUP = st.text(alphabet="ab :.0123456789()[]\\é", max_size=60)


def _pairs(prompt: str) -> list[tuple[str, float]]:
    return [(part.text, round(part.weight, 6)) for part in parse_prompt(prompt)]


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("plain words", [("plain words", 1.0)]),
        ("a (b:1.3) c", [("a ", 1.0), ("b", 1.3), (" c", 1.0)]),
        ("(b)", [("b", 1.1)]),
        ("[b]", [("b", round(1 / 1.1, 6))]),
        ("((b))", [("b", 1.21)]),
        ("(a (b:2):1.5)", [("a ", 1.5), ("b", 3.0)]),
        ("(kick : 1.5 )", [("kick ", 1.5)]),
        ("(b:0) c", [("b", 0.0), (" c", 1.0)]),
        ("(b:.5)", [("b", 0.5)]),
        ("(b:99)", [("b", MAX_WEIGHT)]),
        ("(b:-1)", [("b:-1", 1.1)]),
        ("(7/8 groove:at dusk)", [("7/8 groove:at dusk", 1.1)]),
        (r"\(b\) \[c\] \\", [("(b) [c] \\", 1.0)]),
        (r"(b\:1.3)", [("b:1.3", 1.1)]),
        ("(b", [("(b", 1.0)]),
        ("b) :)", [("b) :)", 1.0)]),
        ("(a] b)", [("a] b", 1.1)]),
        ("ratio 3:2", [("ratio 3:2", 1.0)]),
        ("", []),
        ("()", []),
        ("(a)(b)", [("ab", 1.1)]),
    ],
)
def test_the_notation_means_what_front_ends_mean_by_it(prompt: str, parts: list[tuple[str, float]]) -> None:
    assert _pairs(prompt) == parts


@given(_MARKUP)
def test_any_text_parses_and_every_weight_is_in_range(prompt: str) -> None:
    for part in parse_prompt(prompt):
        assert part.text
        assert 0.0 <= part.weight <= MAX_WEIGHT


@given(_MARKUP)
def test_letters_survive_in_order(prompt: str) -> None:
    text = "".join(part.text for part in parse_prompt(prompt))
    assert [c for c in text if c in "abé"] == [c for c in prompt if c in "abé"]


@given(st.text(alphabet="ab ()[]\\:1", max_size=30))
def test_escaped_text_comes_back_whole_and_unweighted(text: str) -> None:
    escaped = "".join("\\" + c if c in "()[]\\:" else c for c in text)
    assert _pairs(escaped) == ([(text, 1.0)] if text else [])


def test_nesting_is_bounded_and_deep_markup_takes_no_time() -> None:
    deep = parse_prompt("(" * 50_000 + "x" + ")" * 50_000)
    assert max(part.weight for part in deep) <= min(MAX_WEIGHT, EMPHASIS**MAX_NESTING) + 1e-9
    assert "x" in "".join(part.text for part in deep)


def test_neighbours_of_equal_weight_are_one_part() -> None:
    assert parse_prompt(r"a\(b") == (PromptPart("a(b"),)


@pytest.mark.parametrize(
    ("text", "weight"), [("", 1.0), ("x", -0.1), ("x", MAX_WEIGHT + 0.1), ("x", float("nan"))]
)
def test_an_impossible_part_cannot_be_built(text: str, weight: float) -> None:
    with pytest.raises(ValueError, match="PromptPart"):
        PromptPart(text, weight)
