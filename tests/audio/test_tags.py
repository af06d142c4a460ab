from __future__ import annotations

import json
import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffsidecar.audio import LoopTags
from riffsidecar.errors import AudioError, RiffError
from riffsidecar.music import MODES, Key, Meter

texts = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=60)
tags_strategy = st.builds(
    LoopTags,
    title=texts,
    bpm=st.fractions(20, 400, max_denominator=1000),
    beats=st.fractions(Fraction(1, 4), 500, max_denominator=64),
    meter=st.builds(Meter, st.integers(1, 32), st.sampled_from([1, 2, 4, 8, 16])),
    key=st.none() | st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(MODES))),
    prompt=texts,
    seed=st.integers(0, 2**31 - 1),
    genre=texts,
    software=texts,
)


@given(tags_strategy)
@settings(deadline=None)
def test_tags_come_back_from_json_as_they_were(tags: LoopTags) -> None:
    assert LoopTags.from_json(json.loads(json.dumps(tags.to_json()))) == tags


def test_quarters_follow_from_beats_and_meter(make_tags: Callable[..., LoopTags]) -> None:
    assert make_tags(beats=Fraction(21), meter=Meter(7, 8)).quarters == Fraction(21, 2)


def test_a_float_tempo_is_the_decimal_it_prints_as(make_tags: Callable[..., LoopTags]) -> None:
    assert make_tags(bpm=123.45).bpm == Fraction(2469, 20)


def test_the_summary_is_one_line_of_ascii_json(make_tags: Callable[..., LoopTags]) -> None:
    summary = make_tags(prompt='太鼓 "x"').summary()
    assert summary.isascii() and summary.isprintable()
    assert json.loads(summary) == {
        "prompt": '太鼓 "x"', "seed": 42, "bpm": 87.5, "meter": "4/4", "beats": 16.0, "key": "F#m",
        "model": "embedded",
    }  # fmt: skip


def test_recipe_and_latents_are_copies(make_tags: Callable[..., LoopTags]) -> None:
    recipe, latents = {"bars": [1, 2]}, np.ones((2, 2), np.float16)
    tags = make_tags(recipe=recipe, latents=latents)
    recipe["bars"].append(3)
    latents[0, 0] = 5
    assert tags.recipe == {"bars": [1, 2]}
    assert tags.latents is not None and tags.latents[0, 0] == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"bpm": 0}, {"bpm": -1}, {"bpm": math.nan}, {"bpm": math.inf}, {"bpm": 1001}, {"bpm": "120"},
        {"bpm": True}, {"beats": 0}, {"beats": 10**9}, {"beats": None}, {"seed": -1}, {"seed": 2**63},
        {"seed": 1.0}, {"title": "a\0b"}, {"prompt": "a\nb"}, {"genre": "\x1b[2J"}, {"software": "\ud800"},
        {"title": 5}, {"prompt": "x" * 2001}, {"recipe": {"x": math.nan}}, {"recipe": {"x": object()}},
        {"recipe": {"x": {1, 2}}}, {"recipe": [1]}, {"latents": np.zeros(3, np.float32)},
        {"latents": [1.0]}, {"source": "text"},
    ],
    ids=repr,
)  # fmt: skip
def test_tags_that_cannot_be_are_refused(
    make_tags: Callable[..., LoopTags], changes: dict[str, object]
) -> None:
    with pytest.raises(AudioError):
        make_tags(**changes)


def test_a_recipe_that_contains_itself_is_refused(make_tags: Callable[..., LoopTags]) -> None:
    recipe: dict[str, object] = {}
    recipe["self"] = recipe
    with pytest.raises(AudioError, match="JSON"):
        make_tags(recipe=recipe)


@pytest.mark.parametrize(
    "bpm", ["1e999999999", "1/0", "0", "-5", "120.5", " 120", "١٢٠", "9" * 13, "1" * 5000, 120, None, [], {}]
)
def test_a_tempo_in_a_file_is_not_trusted(make_tags: Callable[..., LoopTags], bpm: object) -> None:
    with pytest.raises(RiffError):
        LoopTags.from_json(make_tags().to_json() | {"bpm": bpm})


@pytest.mark.parametrize(
    "change", [{"meter": "4/3"}, {"meter": None}, {"key": "H"}, {"key": 5}, {"seed": "1"}, {"title": None}]
)
def test_other_values_in_a_file_are_not_trusted_either(
    make_tags: Callable[..., LoopTags], change: dict[str, object]
) -> None:
    with pytest.raises(RiffError):
        LoopTags.from_json(make_tags().to_json() | change)


@pytest.mark.parametrize("values", [None, [], "tags", 1, {}])
def test_tags_that_are_no_object_are_refused(values: object) -> None:
    with pytest.raises(RiffError):
        LoopTags.from_json(values)
