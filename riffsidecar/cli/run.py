"""``riffsidecar run``: be the daemon until told to stop."""

from __future__ import annotations

import argparse
import logging

from riffsidecar.cli.context import Context, add_common_options, add_model_options
from riffsidecar.cli.exit_codes import OK
from riffsidecar.daemon import Daemon, stop_signals
from riffsidecar.daemon.surfaces import Surfaces
from riffsidecar.errors import ConfigError

__all__ = ["add_parser", "run"]

logger = logging.getLogger(__name__)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "run",
        help="run the daemon",
        description="Run the daemon: listen on OSC and MIDI, drop loops into a folder.",
    )
    parser.add_argument("--out", metavar="DIR", help="the folder the DAW watches; default ./loops")
    parser.add_argument(
        "--port", type=int, metavar="N", help="UDP port of OSC; default 9123, 0 for a free one"
    )
    parser.add_argument(
        "--bind", metavar="ADDRESS", help="address of OSC; anything but loopback needs --token"
    )
    parser.add_argument(
        "--osc-query", type=int, metavar="N", help="TCP port that describes OSC over HTTP; default none"
    )
    parser.add_argument("--token", metavar="TEXT", help="what clients have to send before they are obeyed")
    parser.add_argument("--presets", metavar="DIR", help="a folder of banks of your own")
    parser.add_argument("--no-midi", action="store_true", help="leave MIDI alone")
    add_model_options(parser)
    add_common_options(parser)
    parser.set_defaults(run=run)


def run(context: Context) -> int:
    """Start the daemon, wait for SIGTERM or Ctrl-C, stop it."""
    if not context.config.osc.enabled:
        for option in ("port", "bind", "token"):
            if getattr(context.args, option) is not None:
                raise ConfigError(
                    f"--{option} is for OSC, which the configuration switches off; set enabled = true under "
                    "[osc]"
                )
    surfaces = Surfaces(context.config, midi=not context.args.no_midi)
    with stop_signals() as stop:
        daemon = Daemon(context.config, surfaces.all, context.factory)
        surfaces.watch(daemon)
        daemon.start()
        try:
            _announce(context, daemon, surfaces)
            while not stop.wait(0.5):
                continue
        finally:
            daemon.close()
    return OK


def _announce(context: Context, daemon: Daemon, surfaces: Surfaces) -> None:
    osc = surfaces.osc
    listens = f"OSC on {context.config.osc.bind}, UDP port {osc.port}" if osc is not None else "no OSC"
    context.terminal.line(f"riffsidecar runs: {listens}; loops go to {daemon.folder}; Ctrl-C stops it")
    context.terminal.document(
        {
            "port": osc.port if osc is not None else None,
            "bind": context.config.osc.bind,
            "folder": str(daemon.folder),
        }
    )
