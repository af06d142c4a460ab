"""Tell whose the MIDI ports are, and which of them the daemon hears and lights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from riffsidecar.cli.probe import open_midi_ports
from riffsidecar.config import Config
from riffsidecar.control.midi_ports import (
    OWN_INPUT,
    OWN_OUTPUT,
    VIRTUAL,
    choose_port,
    is_own,
    missing_port,
)
from riffsidecar.daemon.surfaces import midi_ports

__all__ = ["MidiView", "look_at_midi"]


@dataclass(frozen=True, slots=True)
class MidiView:
    """Say what there is and what the daemon does with it.

    Attributes:
        inputs: the ports of others that can be heard, and ``outputs`` those that can be lit.
        own: the ports of riffsidecar itself, which others send to and hear.
        hears: the input that the daemon hears, or would, and ``lights`` the output; empty for none.
        is_running: whether a daemon said so, and not the configuration.
        problems: a port that the configuration names and that is not there, a sentence each.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    own: tuple[str, ...]
    hears: str
    lights: str
    is_running: bool
    problems: tuple[str, ...]


def look_at_midi(config: Config) -> MidiView:
    """Ask the system which ports there are, and the daemon, where one runs, which of them it has.

    Raises:
        MidiError: there is no MIDI on this machine, and why.
    """
    listed = midi_ports()
    own = tuple(dict.fromkeys(name for names in listed for name in names if is_own(name)))
    inputs, outputs = (tuple(name for name in names if not is_own(name)) for names in listed)
    midi = config.midi
    has = open_midi_ports(config.osc)
    if has is not None:
        hears, lights = (next((name for kind, name in has if kind == way), "") for way in ("in", "out"))
    elif midi.enabled:
        hears = _chosen(inputs, midi.input, OWN_INPUT)
        lights = _chosen(outputs, midi.output, OWN_OUTPUT) if midi.output else ""
    else:
        hears = lights = ""
    wanted = (("input", inputs, midi.input), ("output", outputs, midi.output)) if midi.enabled else ()
    problems = tuple(
        missing_port(kind, names, name)
        for kind, names, name in wanted
        if name not in ("", VIRTUAL) and choose_port(names, name) is None
    )
    return MidiView(inputs, outputs, own, hears, lights, has is not None, problems)


def _chosen(names: Sequence[str], wanted: str, own: str) -> str:
    return own if wanted == VIRTUAL else choose_port(names, wanted) or ""
