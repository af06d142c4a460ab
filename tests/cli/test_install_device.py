"""``riffsidecar install-device``: the User Library is found or told, and the devices lie in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from riffsidecar.cli import main
from riffsidecar.cli.install_device import packaged_devices
from riffsidecar.cli.live_library import Machine, device_files, find_library
from riffsidecar.errors import ConfigError

AUDIO, MIDI = "Presets/Audio Effects/Max Audio Effect", "Presets/MIDI Effects/Max MIDI Effect"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    monkeypatch.delenv("APPDATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def settings(folder: Path, library: Path, age_s: int) -> None:
    folder.mkdir(parents=True)
    path = folder / "Library.cfg"
    path.write_text(f'<Ableton>\n  <ProjectPath Value="{library}" />\n</Ableton>', encoding="utf-8")
    os.utime(path, (1_000_000 - age_s, 1_000_000 - age_s))


@pytest.mark.parametrize(
    ("platform", "place"),
    [
        ("darwin", "Music/Ableton/User Library"),
        ("win32", "Documents/Ableton/User Library"),
        ("win32", "OneDrive/Documents/Ableton/User Library"),
    ],
)
def test_the_usual_library_is_found(platform: str, place: str, tmp_path: Path) -> None:
    library = made(tmp_path / place)
    assert find_library(Machine(platform, tmp_path, tmp_path / "AppData")) == library


@pytest.mark.parametrize(
    ("platform", "place"),
    [
        ("darwin", "Library/Preferences/Ableton/Live {}/Library.cfg"),
        ("win32", "AppData/Ableton/Live {}/Preferences/Library.cfg"),
    ],
)
def test_what_the_settings_of_the_newest_live_name_is_taken_before_the_usual_place(
    platform: str, place: str, tmp_path: Path
) -> None:
    made(tmp_path / "Music/Ableton/User Library")
    old, new = made(tmp_path / "old/User Library"), made(tmp_path / "Kim & co/User Library")
    settings((tmp_path / place.format("11.3")).parent, old.parent, age_s=100)
    escaped = Path(str(new.parent).replace("&", "&amp;"))
    settings((tmp_path / place.format("12.2")).parent, escaped, age_s=0)
    assert find_library(Machine(platform, tmp_path, tmp_path / "AppData")) == new


def test_a_library_that_is_named_may_be_named_with_the_folder_around_it(tmp_path: Path) -> None:
    library = made(tmp_path / "somewhere/User Library")
    machine = Machine("linux", tmp_path)
    assert find_library(machine, library) == find_library(machine, library.parent) == library
    with pytest.raises(ConfigError, match="no such folder"):
        find_library(machine, tmp_path / "gone")


@pytest.mark.parametrize(("platform", "text"), [("linux", "does not run on linux"), ("darwin", "~/Music")])
def test_where_there_is_none_the_message_says_how_to_name_it(
    platform: str, text: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=f"{text}.*--library FOLDER"):
        find_library(Machine(platform, tmp_path))


def test_each_device_belongs_where_its_kind_says() -> None:
    places = {path.name: folder for path, folder in device_files(packaged_devices()).items()}
    assert places == {
        "Riffsidecar.amxd": AUDIO,
        "Riffsidecar (Live 11).amxd": AUDIO,
        "Riffsidecar Launcher.amxd": AUDIO,
        "Riffsidecar Pads.amxd": MIDI,
    }


def test_the_devices_are_copied_and_what_comes_next_is_said(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = made(home / "User Library")
    assert main(["install-device", "--library", str(library)]) == 0
    for path, folder in device_files(packaged_devices()).items():
        assert (library / folder / path.name).read_bytes() == path.read_bytes()
    out = capsys.readouterr().out
    assert out.count("  new  ") == 4 and "Drag Riffsidecar onto an audio track" in out
    assert not [path for path in library.rglob("*") if path.name.endswith(".part")]


def test_a_second_time_changes_nothing_and_an_older_device_is_updated(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library = made(home / "User Library")
    words = ["install-device", "--library", str(library), "--json"]
    main(words)
    old = library / MIDI / "Riffsidecar Pads.amxd"
    old.write_bytes(b"old")
    capsys.readouterr()
    assert main(words) == 0
    found = {each["name"]: each["status"] for each in json.loads(capsys.readouterr().out)["devices"]}
    assert found.pop("Riffsidecar Pads") == "updated" and set(found.values()) == {"unchanged"}
    assert old.read_bytes() == (packaged_devices() / old.name).read_bytes()


def test_the_launcher_is_told_where_riffsidecar_lies(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = made(home / "User Library")
    main(["install-device", "--library", str(library), "--json"])
    document = json.loads(capsys.readouterr().out)
    launcher = home / ".config" / "riffsidecar" / "launcher.json"
    assert document["launcher"] == str(launcher)
    usual = str(home / "Music" / "riffsidecar")
    expected = [sys.executable, "-P", "-m", "riffsidecar", "run", "--out", usual]
    assert json.loads(launcher.read_text(encoding="utf-8")) == {"command": expected}
    Path("live.toml").write_text("", "utf-8")
    main(["install-device", "--library", str(library), "--out", "my loops", "--config", "live.toml"])
    typed = f"riffsidecar run --out '{home}/my loops' --config {home}/live.toml\n"
    assert f"Start the daemon: {typed}" in capsys.readouterr().out
    assert json.loads(launcher.read_text(encoding="utf-8"))["command"][6] == str(home / "my loops")


def test_the_folder_of_the_configuration_is_taken_where_it_is_a_whole_path(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    library = str(made(home / "User Library"))
    for written, taken in (("~/riffs", home / "riffs"), ("riffs", home / "Music" / "riffsidecar")):
        Path("live.toml").write_text(f'[output]\nfolder = "{written}"\n', "utf-8")
        main(["install-device", "--library", library, "--config", "live.toml", "--json"])
        assert json.loads(capsys.readouterr().out)["command"][6] == str(taken)


def test_a_file_in_the_home_folder_is_not_taken_for_one_of_pythons_own(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["install-device", "--library", str(made(home / "User Library")), "--json"])
    words = json.loads(capsys.readouterr().out)["command"]
    (home / "queue.py").write_text("raise SystemExit('taken for the queue of Python')", encoding="utf-8")
    done = subprocess.run(
        [*words[:4], "--version"], cwd=home, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_library_that_cannot_be_written_is_one_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = made(home / "User Library")
    (library / "Presets").write_text("a file where a folder has to be")
    assert main(["install-device", "--library", str(library)]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "cannot be written" in err
