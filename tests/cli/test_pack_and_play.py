"""``riffsidecar pack`` and ``riffsidecar play`` from the command line, with a double for the model."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support_packs import FACTORY

from riffsidecar.cli import keyboard
from riffsidecar.cli.exit_codes import FAILED, OK, USAGE
from riffsidecar.cli.main import main

RECIPE = "name = 'Two'\nbpm = 120\nbars = 1\nseeds = 2\nprompts = ['house drums']\n"


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "two.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_a_pack_is_made_told_and_then_played(
    recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["pack", str(recipe), "--workers", "1"], factory=FACTORY) == OK
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("1/2  loops/house_drums/RIFF_T_120_house_drums_1b_")
    assert told[-1].endswith("packs/Two: 2 loops")
    monkeypatch.setattr("sys.stdin", io.StringIO("z\nx?\n .\nz\n"))
    folder = recipe.parent / "packs" / "Two" / "loops" / "house_drums"
    assert main(["play", str(folder), "--device", "null"]) == OK
    played = capsys.readouterr()
    assert [line.split()[0] for line in played.out.splitlines()] == ["z", "x"]
    assert [word in played.err for word in ("pad 1 plays", "pad 2 plays", "all pads stop")] == [True] * 3


def test_a_plan_names_the_loops_and_makes_none(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pack", str(recipe), "--plan", "--json"], factory="nothing:nothing") == OK
    assert len(json.loads(capsys.readouterr().out)["files"]) == 2
    assert not (recipe.parent / "packs").exists()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["pack", "none.toml"], USAGE, "none.toml"),
        (["pack", "two.toml", "--workers", "0"], USAGE, "1 to 256"),
        (["play", "none.wav", "--device", "null"], USAGE, "none.wav"),
        (["play", ".", "--device", "null"], USAGE, "holds no loop"),
        (["play", "--gain", "99"], USAGE, "-60 to 12"),
        (["play", "--bank", "none", "--device", "null"], USAGE, "none"),
    ],
)
def test_what_cannot_be_is_told(
    recipe: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, told: str
) -> None:
    assert main(words, factory=FACTORY) == code
    assert told in capsys.readouterr().err


def test_a_missing_sounddevice_ends_before_a_model_is_loaded(
    recipe: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "sounddevice", None)
    assert main(["play", "--bank", "house"], factory="nothing:nothing") == FAILED
    assert "riffsidecar[play]" in capsys.readouterr().err


def test_keys_of_a_file_end_with_it_or_with_a_key_that_quits() -> None:
    assert list(keyboard.keys(io.StringIO("zx\n c"))) == ["z", "x", " ", "c"]
    assert list(keyboard.keys(io.StringIO("z.x"))) == ["z"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_an_arrow_key_is_no_escape() -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r", encoding="utf-8") as terminal, ThreadPoolExecutor(1) as pool:
        pressed = pool.submit(lambda: list(keyboard.keys(terminal)))
        while termios.tcgetattr(theirs)[3] & termios.ICANON and not pressed.done():
            time.sleep(0.01)
        for written in (b"z", b"\x1b[A", b"\x1bOP\x1b[15~xA", b"\x1b"):
            os.write(ours, written)
            time.sleep(0.05)
        assert pressed.result(10) == ["z", "x", "A"]
    os.close(ours)
