"""Recipes of packs: the grid they span, the seeds of later tries, and what a bad one is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffsidecar.errors import PackError, SessionError
from riffsidecar.session.drum_words import is_tonal
from riffsidecar.session.pack_file import load_pack, parse_pack
from riffsidecar.session.packs import MAX_TRIES, derived_seed
from riffsidecar.session.requests import MAX_SEED

GOOD = """
name = "Night Drive"
bpm = [90, 124]
bars = [1, 2]
keys = ["Am", "C"]
seeds = 3
prompts = ["dusty boom bap drums"]
[[prompt]]
prompt = "warm rhodes chords"
name = "rhodes"
group = "keys"
guidance = 5
"""


def test_the_grid_runs_over_prompts_tempi_bars_keys_and_seeds_in_that_order() -> None:
    cells = parse_pack(GOOD, "a.toml").cells()
    drums, keys = cells[:12], cells[12:]
    assert len(cells) == 12 + 24 == parse_pack(GOOD, "a.toml").size
    assert {cell.request.key for cell in drums} == {None}, "drums are made once for all keys"
    asked = [(float(c.request.tempo), int(c.request.bars), str(c.request.key), c.request.seed) for c in keys]
    first, second = (str(key) for key in parse_pack(GOOD, "a.toml").keys)
    assert asked == [
        (tempo, bars, key, seed)
        for tempo in (90.0, 124.0)
        for bars in (1, 2)
        for key in (first, second)
        for seed in (1, 2, 3)
    ]
    assert [cell.index for cell in cells] == list(range(36))
    assert {cell.request.guidance for cell in keys} == {5.0}
    assert {cell.request.loudness_lufs for cell in cells} == {-14.0}, "as every loop"


def test_a_pack_says_how_many_steps_are_guided_and_a_prompt_otherwise() -> None:
    text = "bpm = 90\nguided = 0.75\nprompts = ['x']\n[[prompt]]\nprompt = 'y'\nguided = 1\n"
    cells = parse_pack(text, "a.toml", "a", {"model": "riffusion-v1"}).cells()
    assert [cell.request.guided for cell in cells] == [0.75, 1.0]
    text = "bpm = 90\nprompts = ['x']\n"
    (cell,) = parse_pack(text, "a.toml", "a", {"model": "riffusion-v1"}).cells()
    assert cell.request.guided == 0.5
    with pytest.raises(PackError, match=r"guided.*from 0 to 1"):
        parse_pack(text + "guided = 2\n", "a.toml", "a")


@given(number=st.integers(1, MAX_TRIES))
@settings(max_examples=20)
def test_a_later_try_has_a_seed_that_the_request_decides(number: int) -> None:
    cells = parse_pack(GOOD, "a.toml").cells()
    seed = derived_seed(cells[0].request, number)
    assert 0 <= seed <= MAX_SEED
    assert cells[0].asked(number).seed == seed == derived_seed(cells[0].request, number)
    assert seed != derived_seed(cells[1].request, number)


def test_a_list_of_seeds_a_number_of_them_and_where_they_begin() -> None:
    text = "bpm = 120\nprompts = ['drums']\n"
    for written, seeds in (("seeds = [4, 9]", (4, 9)), ("seeds = 2\nseed = 7", (7, 8)), ("", (1,))):
        assert parse_pack(written + "\n" + text, "a.toml", "a").seeds == seeds


def test_what_speaks_of_drums_alone_has_no_key() -> None:
    assert not is_tonal("909 house drums")
    assert is_tonal("house drums and bass")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bpm = ", ["a.toml", "no TOML"]),
        ("bpms = 90\nprompts = ['x']", ["a.toml", "'bpms'", "bpm, bars", "did you mean 'bpm'"]),
        ("prompts = ['x']", ["lacks bpm"]),
        ("bpm = 90", ["lacks prompts"]),
        ("bpm = 9\nprompts = ['x']", ["a.toml: bpm", "9", "20"]),
        ("bpm = [90, 90]\nprompts = ['x']", ["bpm", "90", "twice"]),
        ("bpm = 90\nbars = [true]\nprompts = ['x']", ["bars", "True", "such as [2, 4]"]),
        ("bpm = 90\nkeys = ['H']\nprompts = ['x']", ["keys", "'H'"]),
        ("bpm = 90\nseeds = 0\nprompts = ['x']", ["seeds", "0", "1 to 1000"]),
        ("bpm = 90\nseeds = [1]\nseed = 2\nprompts = ['x']", ["seed", "leave one"]),
        ("bpm = 90\ntries = 99\nprompts = ['x']", ["tries", "99", "1 to 50"]),
        ("bpm = 90\nlikeness = 2\nprompts = ['x']", ["likeness", "2", "0.5 to 1"]),
        ("bpm = 90\nquality = 'best'\nprompts = ['x']", ["quality", "'best'", "draft, normal, fine"]),
        ("bpm = 90\nprompts = 'x'", ["prompts", "list"]),
        ("bpm = 90\n[[prompt]]\ntext = 'x'", ["prompt 1", "'text'", "prompt, name"]),
        ("bpm = 90\n[[prompt]]\nprompt = 'x'\ntonal = 1", ["prompt 1", "tonal", "true or false"]),
        ("bpm = 90\nkeys = ['Am', 'C']\nchords = 'Am F'\nprompts = ['x']", ["chords", "one key"]),
        ("bpm = 90\nbars = '1/3'\nprompts = ['x']", ["a.toml", "bars"]),
        ("bpm = 90\nseeds = 1000\nbars = [1,2,3,4,5,6,7,8]\nprompts = ['x', 'y', 'z']", ["24000", "20000"]),
    ],
)
def test_a_bad_recipe_is_told_where_what_and_what_would_do(text: str, words: list[str]) -> None:
    with pytest.raises(PackError) as caught:
        parse_pack(text, "a.toml", "a")
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PackError, match=r"none\.toml"):
        load_pack(tmp_path / "none.toml")


@given(st.text(max_size=200))
@settings(max_examples=60)
def test_whatever_is_written_is_read_or_refused(text: str) -> None:
    try:
        parse_pack(text, "a.toml", "a")
    except SessionError as error:
        assert str(error).startswith("a.toml")
