"""``riffsidecar presets``, ``knobs`` and ``ports``: what there is."""

from __future__ import annotations

import argparse

from riffsidecar.cli.context import Context, add_common_options
from riffsidecar.cli.exit_codes import OK
from riffsidecar.cli.midi_view import MidiView, look_at_midi
from riffsidecar.cli.probe import FoundDaemon, find_daemon
from riffsidecar.control.midi_ports import OWN_INPUT, OWN_OUTPUT
from riffsidecar.control.osc_socket import open_udp_socket
from riffsidecar.daemon import preset_folders, read_banks
from riffsidecar.errors import RiffError
from riffsidecar.session.knobs import KNOBS, knob_rows
from riffsidecar.session.pads import Bank

__all__ = ["add_parsers"]


def add_parsers(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the three commands and their options."""
    presets = subparsers.add_parser(
        "presets", help="list the banks, or the pads of one", description=_presets.__doc__
    )
    presets.add_argument("bank", nargs="?", metavar="BANK", help="name or number of a bank")
    presets.add_argument("--presets", metavar="DIR", help="a folder of banks of your own")
    presets.set_defaults(run=_presets)
    knobs = subparsers.add_parser("knobs", help="list the knobs", description=_knobs.__doc__)
    knobs.set_defaults(run=_knobs)
    ports = subparsers.add_parser(
        "ports", help="list MIDI ports and the OSC port", description=_ports.__doc__
    )
    ports.set_defaults(run=_ports)
    for parser in (presets, knobs, ports):
        add_common_options(parser)


def _presets(context: Context) -> int:
    """List the banks with what they suggest, or the pads of one bank."""
    terminal = context.terminal
    banks = read_banks(preset_folders(context.config), lambda error: terminal.error(str(error)))
    if context.args.bank is None:
        rows = [
            (
                str(number),
                bank.name,
                bank.title,
                str(bank.tempo or ""),
                str(bank.meter or ""),
                str(bank.key or ""),
            )
            for number, bank in enumerate(banks, 1)
        ]
        terminal.table(("no", "bank", "title", "BPM", "meter", "key"), rows)
        terminal.document({"banks": [_bank_document(bank) for bank in banks]})
        return OK
    wanted = context.args.bank
    bank = banks.find(int(wanted) if wanted.isdecimal() else wanted)
    pads = [(str(number), pad.name, pad.prompt, pad.prompt_b) for number, pad in enumerate(bank.pads, 1)]
    terminal.table(("pad", "name", "prompt", "to"), pads)
    terminal.document(_bank_document(bank))
    return OK


def _bank_document(bank: Bank) -> dict[str, object]:
    return {
        "name": bank.name,
        "title": bank.title,
        "bpm": None if bank.tempo is None else float(bank.tempo),
        "meter": None if bank.meter is None else str(bank.meter),
        "key": None if bank.key is None else str(bank.key),
        "pads": [
            {
                "pad": number,
                "name": pad.name,
                "prompt": pad.prompt,
                "prompt_b": pad.prompt_b,
                "color": pad.color,
            }
            for number, pad in enumerate(bank.pads, 1)
        ],
    }


def _knobs(context: Context) -> int:
    """List the knobs: range, default, OSC address, MIDI controller and what they do."""
    context.terminal.table(("knob", "range", "default", "OSC", "CC", "what it does"), knob_rows())
    context.terminal.document(
        {
            "knobs": [
                {
                    "name": knob.name,
                    "minimum": knob.minimum,
                    "maximum": knob.maximum,
                    "default": knob.default,
                    "choices": list(knob.choices),
                    "osc": knob.osc,
                    "cc": knob.cc,
                    "help": knob.help,
                }
                for knob in KNOBS.values()
            ]
        }
    )
    return OK


def _ports(context: Context) -> int:
    """List the MIDI ports by name, mark what the daemon hears and lights, and tell who holds the OSC port."""
    osc = context.config.osc
    terminal = context.terminal
    taken = ""
    daemon: FoundDaemon | None = None
    try:
        open_udp_socket(osc.bind, osc.port).close()
    except RiffError as error:
        taken = str(error)
        daemon = find_daemon(osc)
    holder = taken if daemon is None else f"a daemon listens: {daemon}"
    terminal.line(f"OSC  UDP port {osc.port} on {osc.bind}: {holder or 'free'}")
    view: MidiView | None = None
    problem = ""
    try:
        view = look_at_midi(context.config)
    except RiffError as error:
        problem = str(error)
        terminal.note(f"MIDI is not there: {problem}")
    if view is not None:
        _show_midi(context, view)
    terminal.document(
        {
            "osc": {
                "bind": osc.bind,
                "port": osc.port,
                "free": not taken,
                "daemon": None if daemon is None else {"version": daemon.version, "state": daemon.state},
                "problem": taken if daemon is None else "",
            },
            "midi": {
                "inputs": [] if view is None else list(view.inputs),
                "outputs": [] if view is None else list(view.outputs),
                "own": [] if view is None else list(view.own),
                "hears": "" if view is None else view.hears,
                "lights": "" if view is None else view.lights,
                "problem": problem,
            },
        }
    )
    return OK


def _show_midi(context: Context, view: MidiView) -> None:
    """List the ports of others, then the daemon's own, and mark what it hears and lights."""
    terminal = context.terminal
    daemon = "the daemon" if view.is_running else "by the configuration the daemon"
    rows = [("in", name, f"{daemon} hears it" if name == view.hears else "") for name in view.inputs]
    rows += [("out", name, f"{daemon} lights it" if name == view.lights else "") for name in view.outputs]
    # The daemon's own ports: as the system calls them where it runs, which differs from system to system.
    for port, used, said in (
        (OWN_INPUT, view.hears, "hears what others send to it"),
        (OWN_OUTPUT, view.lights, "lights whoever listens to it"),
    ):
        names = [name for name in view.own if port in name] or ([port] if used == port else [])
        rows += [("own", name, f"{daemon} {said}" if used == port else "") for name in names]
    width = max((len(name) for _, name, _ in rows), default=0)
    for kind, name, said in rows:
        terminal.line(f"MIDI {kind:<4} {name:<{width}}  {said}".rstrip())
    if not (context.config.midi.enabled or view.hears or view.lights):
        terminal.line("MIDI is switched off; set enabled = true under [midi] in the configuration")
    elif not rows:
        terminal.line("MIDI no ports; plug a controller in or start a virtual one")
    for sentence in view.problems:
        terminal.line(sentence)
