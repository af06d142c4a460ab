"""``riffsidecar ports`` and ``doctor``: whose the MIDI ports are, and which of them the daemon hears."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from riffsidecar.cli import checks, main, midi_view
from riffsidecar.cli.context import Context
from riffsidecar.cli.terminal import Terminal
from riffsidecar.config import Config, MidiConfig, OscConfig
from riffsidecar.control.osc import OscSurface
from riffsidecar.errors import MidiError
from riffsidecar.render.settings import DEFAULT_FACTORY

KEYS, PADS, LIGHTS = "keys:out", "riffsidecar-01:pads", "riffsidecar:lights"
OPEN = (("in", KEYS, 0), ("in", "pads", 1), ("out", "keys:in", 0), ("out", "lights", 1))


@pytest.fixture(autouse=True)
def ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the machine have a controller and the ports of a daemon."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(midi_view, "midi_ports", lambda: ((KEYS, LIGHTS), ("keys:in", PADS)))


@contextmanager
def daemon(*rows: tuple[str, str, int], token: str = "") -> Iterator[int]:
    surface = OscSurface(port=0, ports=lambda: rows, token=token)
    surface.start(lambda envelope: None)
    try:
        yield surface.port
    finally:
        surface.close()


def findings(midi: MidiConfig, port: int = 1) -> list[tuple[str, str]]:
    config = Config(midi=midi, osc=OscConfig(port=port))
    context = Context(argparse.Namespace(), config, Terminal(), DEFAULT_FACTORY)
    return [(each.status, each.detail) for each in checks._midi(context) if each.name == "MIDI"]


def shown(capsys: pytest.CaptureFixture[str], port: int, text: str = "", *words: str) -> str:
    Path("c.toml").write_text(f"[osc]\nport = {port}\n{text}", "utf-8")
    assert main(["ports", "--config", "c.toml", *words]) == 0
    return capsys.readouterr().out


def test_ports_marks_what_the_running_daemon_hears_and_lights(capsys: pytest.CaptureFixture[str]) -> None:
    with daemon(*OPEN) as port:
        lines = shown(capsys, port).splitlines()[1:]
        document = json.loads(shown(capsys, port, "", "--json"))["midi"]
    assert [" ".join(line.split()) for line in lines] == [
        f"MIDI in {KEYS}",
        "MIDI out keys:in",
        f"MIDI own {PADS} the daemon hears what others send to it",
        f"MIDI own {LIGHTS} the daemon lights whoever listens to it",
    ]
    assert (document["hears"], document["lights"], document["inputs"]) == ("pads", "lights", [KEYS])
    with daemon(("in", KEYS, 1)) as port:
        lines = shown(capsys, port).splitlines()[1:]
    assert [line for line in lines if "hears" in line] == [lines[0]] and KEYS in lines[0]


def test_without_a_daemon_the_configuration_tells_what_it_would_hear(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (line,) = (line for line in shown(capsys, 1).splitlines() if "hears" in line)
    assert " ".join(line.split()) == f"MIDI in {KEYS} by the configuration the daemon hears it"
    told = shown(capsys, 1, '[midi]\noutput = "nosuch"\n')
    assert "no MIDI output called 'nosuch' yet; there are: keys:in\n" in told
    told = shown(capsys, 1, "[midi]\nenabled = false\n")
    assert "hears" not in told and "MIDI is switched off; set enabled = true under [midi]" in told


def test_one_with_another_token_is_not_asked_what_it_hears(capsys: pytest.CaptureFixture[str]) -> None:
    with daemon(*OPEN, token="a") as port:
        assert "by the configuration the daemon hears it" in shown(capsys, port)


@pytest.mark.parametrize("way", ["input", "output"])
def test_doctor_calls_a_port_that_is_named_and_not_there_a_problem(way: str) -> None:
    (ok, listed), (status, detail) = findings(MidiConfig(**{way: "nosuch"}))
    assert (ok, status) == ("ok", "problem") and f"no MIDI {way} called 'nosuch'" in detail
    assert "riffsidecar" not in listed + detail


def test_doctor_lists_the_ports_of_others_and_what_the_daemon_hears() -> None:
    names = f"in: {KEYS}; out: keys:in"
    would = f"{names}; by the configuration the daemon hears"
    assert findings(MidiConfig(input="KEYS")) == [("ok", f"{would} {KEYS}")]
    own = "pads, a port of its own that others send to"
    assert findings(MidiConfig(input="virtual")) == [("ok", f"{would} {own}")]
    with daemon(*OPEN) as port:
        assert findings(MidiConfig(), port) == [("ok", f"{names}; the daemon hears {own}")]
    with daemon() as port:
        assert findings(MidiConfig(), port) == [("ok", f"{names}; the daemon hears none")]
    assert findings(MidiConfig(enabled=False)) == [("absent", "switched off")]


def test_a_virtual_cable_may_bear_the_name_of_riffsidecar(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cable = "riffsidecar 1"
    monkeypatch.setattr(midi_view, "midi_ports", lambda: ((cable,), (cable,)))
    (row,) = findings(MidiConfig(input="riffsidecar"))
    assert row == ("ok", f"in: {cable}; out: {cable}; by the configuration the daemon hears {cable}")
    with daemon(("in", cable, 1), ("out", cable, 0)) as port:
        lines = [" ".join(line.split()) for line in shown(capsys, port).splitlines()[1:]]
    assert lines == [f"MIDI in {cable} the daemon hears it", f"MIDI out {cable}"]


def test_doctor_misses_midi_only_where_a_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise MidiError("there is no MIDI on this machine")

    monkeypatch.setattr(midi_view, "midi_ports", none)
    for midi, status in ((MidiConfig(), "absent"), (MidiConfig(input="mpk"), "problem")):
        assert findings(midi) == [(status, "there is no MIDI on this machine")]
    monkeypatch.setattr(midi_view, "midi_ports", lambda: ((LIGHTS,), (PADS,)))
    assert findings(MidiConfig()) == [("absent", "no ports")]
