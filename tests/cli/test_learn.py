"""``riffsidecar learn`` with the real daemon, and a MIDI system whose controls the test moves."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support_control import FakeMidi

from riffsidecar.cli import main
from riffsidecar.config import Config, MidiConfig, OscConfig, OutputConfig
from riffsidecar.control.learned import LearnedControl, read_learned, write_learned
from riffsidecar.control.midi import MidiSurface
from riffsidecar.control.osc import OscSurface
from riffsidecar.daemon import Daemon


@pytest.fixture
def learned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "riffsidecar" / "learned.toml"


@pytest.fixture
def rig(tmp_path: Path, learned: Path) -> Iterator[tuple[FakeMidi, int]]:
    midi = FakeMidi()
    surfaces = (OscSurface(port=0), MidiSurface(backend=midi, poll_s=0.05, learned=learned))
    config = Config(
        output=OutputConfig(folder=str(tmp_path / "loops")), osc=OscConfig(port=0), midi=MidiConfig()
    )
    config = replace(config, seeds=replace(config.seeds, enabled=False))
    daemon = Daemon(config, surfaces, "support_pipeline:load_double")
    daemon.start()
    try:
        midi.wait_for("Pads 20:0")
        yield midi, surfaces[0].port
    finally:
        daemon.close()


def learn(rig: tuple[FakeMidi, int], *words: str, play: tuple[int, int, int] | None = None) -> int:
    """Run the command while somebody moves a control over and over."""
    midi, port = rig
    over = threading.Event()

    def move() -> None:
        while play is not None and not over.wait(0.05):
            midi.play(*play)

    hand = threading.Thread(target=move)
    hand.start()
    try:
        return main(["learn", *words, "--port", str(port)])
    finally:
        over.set()
        hand.join()


def test_a_control_that_moves_is_tied_listed_and_forgotten(
    rig: tuple[FakeMidi, int], learned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert learn(rig, "pad", "7", play=(0x99, 60, 100)) == 0
    assert capsys.readouterr().out.strip() == "pad 7: note 60 on channel 10"
    assert learn(rig, "morph", "--mode", "offset", play=(0xB0, 21, 65)) == 0
    ties = (LearnedControl("pad 7", "note", 10, 60), LearnedControl("knob morph", "cc", 1, 21, "offset"))
    assert read_learned(learned) == ties
    capsys.readouterr()
    assert main(["learn", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["learned"] == [tie.said for tie in ties]
    assert learn(rig, "pad", "7", "--mode", "forget") == 0
    assert read_learned(learned) == ties[1:]


def test_a_control_that_never_moves_and_a_daemon_that_is_not_there_are_one_line(
    rig: tuple[FakeMidi, int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert learn(rig, "pad", "7", "--patience", "0.2") == 1
    assert "no control has moved" in capsys.readouterr().err
    assert main(["learn", "morph", "--port", "1"]) == 1
    assert "start one with 'riffsidecar run'" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("pad", "17"), ("theremin",)])
def test_a_target_that_is_none_is_exit_code_2(words: tuple[str, ...], learned: Path) -> None:
    assert main(["learn", *words]) == 2


def test_what_was_learned_is_listed_from_beside_the_configuration_that_is_named(
    learned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = tmp_path / "set" / "live.toml"
    named.parent.mkdir()
    named.write_text("")
    write_learned(named.with_name("learned.toml"), (LearnedControl("pad 7", "note", 10, 60),))
    assert main(["learn", "--config", str(named)]) == 0
    assert "pad 7: note 60 on channel 10" in capsys.readouterr().out
    assert main(["learn"]) == 0
    assert f"nothing was learned yet ({learned})" in capsys.readouterr().out


def test_the_controllers_that_need_no_learning_are_listed(
    learned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["learn"]) == 0
    out = capsys.readouterr().out
    assert "nothing was learned yet" in out and "launchpad-mini" in out
