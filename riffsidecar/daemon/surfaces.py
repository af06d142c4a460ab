"""Make the surfaces that the configuration asks for."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from riffsidecar.config import LEARNED_FILE, Config, config_path
from riffsidecar.control.link import LinkSurface
from riffsidecar.control.midi import MidiSurface
from riffsidecar.control.midi_parse import Relative
from riffsidecar.control.midi_process import list_midi_ports, midi_input_problem
from riffsidecar.control.osc import OscSurface
from riffsidecar.control.osc_query import OscQuerySurface
from riffsidecar.control.seed_folder import SeedFolderSurface
from riffsidecar.control.surface import Surface
from riffsidecar.daemon.core import Daemon
from riffsidecar.render.seeds import FITTED_FOLDER
from riffsidecar.session.pads import MidiMap

__all__ = ["Surfaces", "learned_file", "midi_ports", "midi_problem"]


class Surfaces:
    """Hold the surfaces of a daemon; ``watch`` tells them afterwards whose they are."""

    def __init__(self, config: Config, *, midi: bool = True) -> None:
        """Make the surfaces; nothing is opened yet.

        Raises:
            ControlError: a setting of a surface cannot be.
        """
        self._daemon: Daemon | None = None
        self.midi: MidiSurface | None = None
        self.osc: OscSurface | None = None
        self.query: OscQuerySurface | None = None
        self.link = LinkSurface() if config.link.enabled else None
        self.seeds: SeedFolderSurface | None = None
        if midi and config.midi.enabled:
            self.midi = MidiSurface(
                config.midi.input,
                config.midi.output,
                midi_map=self._midi_map,
                channel=config.midi.channel or None,
                takeover=config.midi.takeover,
                relative=cast(Mapping[int, Relative], config.midi.encoders),
                controller=config.midi.controller,
                learned=learned_file(config),
            )
        if config.osc.enabled:
            self.osc = OscSurface(
                config.osc.bind,
                config.osc.port,
                token=config.osc.token,
                allow=config.osc.allow,
                status=self._status,
                ports=self.midi.ports if self.midi is not None else lambda: (),
            )

        if self.osc is not None and config.osc.query_port:
            osc = self.osc
            self.query = OscQuerySurface(config.osc.query_port, lambda: osc.port)
        if config.seeds.enabled:
            drop = Path(config.output.folder).expanduser()
            self.seeds = SeedFolderSurface(config.seed_folder, drop / FITTED_FOLDER)

    @property
    def all(self) -> tuple[Surface, ...]:
        """All surfaces, in the order in which they are started."""
        found = (self.osc, self.query, self.midi, self.link, self.seeds)
        return tuple(surface for surface in found if surface is not None)

    def watch(self, daemon: Daemon) -> None:
        """Let the surfaces tell how ``daemon`` is."""
        self._daemon = daemon

    def _status(self) -> str:
        return self._daemon.status if self._daemon is not None else "loading"

    def _midi_map(self) -> MidiMap:
        return self._daemon.session.bank.midi if self._daemon is not None else MidiMap()


def learned_file(config: Config) -> Path:
    """Return the file of what learn mode has learned: beside the configuration, where that names no other."""
    named = config.midi.learned
    return Path(named).expanduser() if named else config_path().with_name(LEARNED_FILE)


def midi_ports() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of the MIDI inputs and outputs.

    Raises:
        MidiError: there is no MIDI on this machine, and why.
    """
    ports = list_midi_ports()
    return ports.inputs, ports.outputs


def midi_problem(config: Config) -> str:
    """Return why the daemon could not open its MIDI input, such as another program that has it, or nothing.

    Raises:
        MidiError: there is no MIDI on this machine, and why.
    """
    return midi_input_problem(config.midi.input)
