"""What ``riffsidecar render`` makes of an earlier loop."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from riffsidecar.cli import main
from riffsidecar.cli.main import build_parser
from riffsidecar.cli.requests import requests_from
from riffsidecar.config import Config
from riffsidecar.errors import RiffError
from riffsidecar.render.recipe import read_loop
from riffsidecar.session import LoopRequest
from riffsidecar.session.requests import SEED_STRENGTH


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loops")
    words = ["render", "dusty drums", "--bpm", "140", "--seed", "5", "--density", "0.4", "--out", str(folder)]
    assert main(words, factory="support_pipeline:load_sounding") == 0
    (path,) = folder.glob("*.wav")
    return path


def asked(*words: str) -> LoopRequest:
    args: argparse.Namespace = build_parser().parse_args(["render", *words])
    (request,) = requests_from(args, Config())
    return request


def test_a_loop_alone_is_another_like_it(earlier: Path) -> None:
    request = asked("--of", str(earlier), "--seed", "6")
    before = read_loop(earlier).request
    assert (request.prompt, request.tempo, request.density, request.seed) == (
        "dusty drums",
        before.tempo,
        0.4,
        6,
    )
    assert not request.is_locked and not request.has_source


def test_strength_goes_that_far_from_the_loop_itself(earlier: Path) -> None:
    request = asked("--of", str(earlier), "--strength", "0.3")
    assert (request.strength, request.source_path, request.is_locked) == (0.3, str(earlier), False)
    assert asked("x", "--from", str(earlier)).strength == SEED_STRENGTH


def test_only_bars_keeps_all_others_and_a_fill_all_before_it(earlier: Path) -> None:
    assert str(asked("--of", str(earlier), "--only-bars", "3").keep_bars) == "1-2,4"
    assert str(asked("strings", "--of", str(earlier), "--only-bars", "2-3").keep_bars) == "1,4"
    fill = asked("--of", str(earlier), "--fill")
    assert str(fill.keep_bars) == "1-3+1/2" and fill.prompt == "dusty drums, busy"
    assert fill.density is not None and fill.density > 0.9
    assert str(asked("--of", str(earlier), "--fill", "1").keep_bars) == "1-3"
    both = asked("--of", str(earlier), "--only-bars", "3", "--keep-band", "20-200", "--seed", "9")
    assert (str(both.keep_bars), both.keep_bands_hz, both.seed) == ("1-2,4", (20.0, 200.0), 9)


def test_drums_are_asked_for_or_left_out_without_an_earlier_loop_too() -> None:
    assert asked("funk, bass and drums", "--drums", "only").prompt == "drums only, funk, drums"
    assert asked("funk, bass and drums", "--drums", "without").prompt == "no drums, funk, bass"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "PROMPT"),
        (("x", "--only-bars", "3"), "--of"),
        (("x", "--fill"), "--of"),
        (("x", "--of", "LOOP"), "--only-bars 3"),
        (("--of", "LOOP", "--only-bars", "9"), "from 1 to 4"),
        (("--of", "LOOP", "--only-bars", "x"), "counted from 1"),
        (("--of", "LOOP", "--fill", "4"), "leave nothing before"),
        (("--of", "LOOP", "--fill", "x"), "--fill"),
        (("--of", "LOOP", "--only-bars", "3", "--keep-bars", "3"), "locked"),
        (("--of", "LOOP", "--only-bars", "3", "--bars", "2"), "cannot hold|from 1 to 2"),
        (("drums", "--drums", "without"), "nothing is left"),
    ],
)
def test_a_variation_that_cannot_be_says_so(earlier: Path, words: tuple[str, ...], said: str) -> None:
    with pytest.raises(RiffError, match=said):
        asked(*(str(earlier) if word == "LOOP" else word for word in words))
