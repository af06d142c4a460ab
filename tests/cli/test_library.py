"""``riffsidecar library`` and seed audio on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support_library import write_loop
from support_seeds import beat, write_audio

from riffsidecar.cli import main
from riffsidecar.render.recipe import read_loop

SOUNDING = "support_pipeline:load_sounding"


@pytest.fixture(autouse=True)
def _clean_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def answered(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    """Run a command with --json and return what it prints."""
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def names(document: dict[str, object]) -> list[str]:
    return [loop["name"] for loop in document["loops"]]  # type: ignore[attr-defined]


def test_loops_are_listed_searched_starred_and_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_loop(tmp_path / "loops" / "a.wav", prompt="warm rhodes", bpm=124, key="Am")
    write_loop(tmp_path / "loops" / "b.wav", prompt="dusty drums", bpm=90, seed=1)
    assert sorted(names(answered(capsys, "library", "list"))) == ["a", "b"]
    assert names(answered(capsys, "library", "search", "rhod", "--bpm", "118-124", "--key", "Am")) == ["a"]
    assert names(answered(capsys, "library", "similar", "a", "--count", "3")) == ["b"]
    answered(capsys, "library", "star", "b")
    assert names(answered(capsys, "library", "list", "--starred")) == ["b"]
    answered(capsys, "library", "export", "pack", "--starred")
    assert sorted(path.name for path in (tmp_path / "pack").iterdir()) == [
        "b.wav",
        "manifest.csv",
        "manifest.json",
    ]
    answered(capsys, "library", "unstar", "b")
    assert names(answered(capsys, "library", "list", "--starred")) == []
    (tmp_path / "loops" / "a.wav").rename(tmp_path / "loops" / "c.wav")
    (tmp_path / "loops" / "b.wav").unlink()
    scan = answered(capsys, "library", "rescan")
    assert (scan["moved"], scan["missing"], scan["new"]) == (1, 1, 0)
    assert main(["library", "list", "--missing"]) == 0
    out = capsys.readouterr().out
    assert "c " in out and "b  (gone)" in out and "warm rhodes" in out


@pytest.mark.parametrize(
    ("words", "match"),
    [
        (("library", "star", "nothing"), "no loop 'nothing'"),
        (("library", "list", "--bpm", "fast"), "--bpm is 'fast'"),
        (("library", "list", "--key", "H"), "key"),
        (("library", "export", "pack", "--starred"), "no loop matches"),
        (("render", "drums", "--from", "nobody"), "no seed of that name"),
        (("render", "drums", "--groove"), "--from"),
    ],
)
def test_what_cannot_be_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], match: str
) -> None:
    write_loop(tmp_path / "loops" / "a.wav")
    assert main(words, factory=SOUNDING) == 2
    assert match in capsys.readouterr().err.splitlines()[-1]


def test_a_broken_library_is_made_again_and_the_command_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_loop(tmp_path / "loops" / "a.wav")
    (tmp_path / "loops" / ".riffsidecar-library.db").write_bytes(b"no database" * 1000)
    assert names(answered(capsys, "library", "list")) == ["a"]


def test_render_begins_from_a_seed_by_its_name_or_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loops" / "seeds").mkdir(parents=True)
    file = write_audio(tmp_path / "loops" / "seeds" / "My Break.flac", beat(92.0, 2))
    for words in (("--from", "my-break", "--groove"), ("--from", str(file))):
        assert main(["render", "drums", "--bpm", "120", "--bars", "1", *words], factory=SOUNDING) == 0
        loop = read_loop(Path(capsys.readouterr().out.split("  ")[0]))
        assert loop.request.has_source and loop.request.strength == 0.7
        assert loop.request.source_use == ("groove" if "--groove" in words else "sound")
