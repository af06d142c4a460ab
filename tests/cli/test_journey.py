"""``riffsidecar journey`` from the command line, with a double in the worker."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from riffsidecar.cli import main
from riffsidecar.render.recipe import read_journey

FACTORY = "support_journey:load_double"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def command(*words: str) -> int:
    return main(list(words), factory=FACTORY)


def test_one_long_file_and_again(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert command("journey", "a", "b", "--bars", "9", "--bpm", "126", "--seed", "4", "--json") == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert (file["bars"], file["num_samples"], file["piece"]) == (9, 756_000, None)
    assert command("rerender", file["path"], "--json") == 0
    assert json.loads(capsys.readouterr().out)["identical"]


def test_a_chain_of_loops(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("journey", "a", "b", "--bars", "8", "--loops", "4", "--begin", "2", "--json") == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert (file["piece"], file["first_bar"], file["bars"]) == (2, 5, 4)
    assert command("rerender", file["path"]) == 0
    assert "identical samples" in capsys.readouterr().out


def test_a_later_piece_is_compared_by_its_latents(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("journey", "a", "b", "--bars", "8", "--pieces", "4", "--json") == 0
    files = json.loads(capsys.readouterr().out)["files"]
    assert command("rerender", files[1]["path"]) == 0
    assert "identical latents; its waveform goes on" in capsys.readouterr().out
    assert command("rerender", files[1]["path"], "--decode") == 2


def test_the_model_that_is_named_travels(capsys: pytest.CaptureFixture[str]) -> None:
    named = ("--model", "riffusion-v1", "--lora", "dusty:0.5", "--anchor", "boom-bap", "--guided", "0.25")
    assert command("journey", "a", "b", "--bars", "2", "--json", *named) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    made = read_journey(Path(file["path"]))
    assert made is not None
    assert (made.journey.model, made.journey.lora) == ("riffusion-v1", "dusty:0.5")
    assert (made.journey.groove, made.journey.guided) == ("boom-bap", 0.25)


def test_what_fails_keeps_what_is_finished(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert command("journey", "refused", "b", "--bars", "20", "--out", "kept") == 1
    (path,) = (tmp_path / "kept").glob("*.wav")
    assert "8 of 20 bars" in capsys.readouterr().out and path.stat().st_size > 1_000_000


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("only one",), "2 to 16"),
        (("a", "b", "--bars", "0"), "2 to 100000"),
        (("a", "b", "--bars", "1e9"), "whole number"),
        (("a", "b", "--bpm", "1000"), "20 to 400"),
        (("a", "b", "--loops", "99"), "1 to 16"),
        (("a", "b", "--loops", "5"), "choose 30 or 35"),
        (("a", "b", "--begin", "2"), "--begin"),
        (("a", "b", "--loops", "4", "--begin", "99"), "not in a journey"),
        (("a", "b", "--ahead", "9"), "--ahead is for --endless"),
        (("a", "b", "--endless", "--ahead", "0"), "1 to 86400"),
        (("a", "b", "--bars", "100000", "--bpm", "20"), "ask for pieces"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_starts(
    words: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("journey", *words) == 2
    assert text in capsys.readouterr().err
