"""Ports are found by name; where there is no MIDI, that is said plainly."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path

import pytest
from support_control import FakeInput, FakeMidi

from riffsidecar.control import midi_system
from riffsidecar.control.midi_ports import MidiPorts, Receive, choose_port
from riffsidecar.control.midi_process import MidiProcess, list_midi_ports, midi_input_problem
from riffsidecar.errors import MidiError

NAMES = (
    "Midi Through:Midi Through Port-0 14:0",
    "riffsidecar:pads 128:0",
    "Launchpad Mini 20:0",
    "LPD8 24:0",
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("", NAMES[2]), ("lpd", NAMES[3]), ("LAUNCHPAD", NAMES[2]), ("through", NAMES[0]), ("Push", None)],
)
def test_a_port_is_chosen_by_a_part_of_its_name(wanted: str, found: str | None) -> None:
    assert choose_port(NAMES, wanted) == found


def test_our_own_ports_are_never_chosen_unasked() -> None:
    assert choose_port(NAMES[:2], "") is None
    assert choose_port(("lights", "riffsidecar-01:lights"), "") is None


def test_the_ports_of_a_machine_are_listed_and_the_system_is_let_go() -> None:
    midi = FakeMidi(inputs=("LPD8 24:0",), outputs=())
    assert list_midi_ports(midi) == MidiPorts(("LPD8 24:0",), ())
    assert midi.is_closed


def test_an_input_that_another_program_has_is_a_problem_and_one_that_is_not_there_is_none() -> None:
    midi = FakeMidi(("LPD8 24:0",))
    assert midi_input_problem("lpd8", midi) == midi_input_problem("Launchpad", midi) == ""
    assert midi.closed.get_nowait() == "LPD8 24:0" and midi.is_closed

    def refuse(name: str, receive: Receive) -> FakeInput:
        raise MidiError(f"MIDI port {name!r} cannot be opened: is another program using it?")

    midi.open_input = refuse  # type: ignore[method-assign]
    assert "another program" in midi_input_problem("", midi)
    assert midi_input_problem("Launchpad", midi) == ""


def test_without_python_rtmidi_the_error_says_so_and_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def without(name: str, *rest: object) -> object:
        if name == "rtmidi":
            raise ImportError("no wheel")
        return whole(name, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MidiError, match=r"python-rtmidi is not installed.*use OSC"):
        MidiProcess()


@pytest.fixture
def _bare_linux(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pytest.importorskip("rtmidi")
    monkeypatch.setattr(midi_system.sys, "platform", "linux")
    monkeypatch.setattr(Path, "exists", lambda path: False)
    monkeypatch.setattr(Path, "glob", lambda path, pattern: iter(()))
    monkeypatch.delenv("JACK_DEFAULT_SERVER", raising=False)
    return


@pytest.mark.usefixtures("_bare_linux")
def test_without_alsa_and_jack_the_error_names_both() -> None:
    with pytest.raises(MidiError, match=r"no MIDI on this machine.*/dev/snd/seq.*JACK"):
        MidiProcess()


def test_an_unknown_midi_system_is_refused() -> None:
    pytest.importorskip("rtmidi")
    with pytest.raises(MidiError, match="no MIDI system 'winmm'"):
        MidiProcess("winmm")
