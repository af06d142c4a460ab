"""``riffsidecar autostart``: let the system start the daemon at log-in, show how, or no longer."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
from collections.abc import Sequence

from riffsidecar.cli.autostart_entries import Entry, autostart_entry
from riffsidecar.cli.context import Context, add_common_options
from riffsidecar.cli.exit_codes import OK
from riffsidecar.cli.install_device import daemon_command
from riffsidecar.cli.live_library import Machine
from riffsidecar.config import config_path
from riffsidecar.errors import ConfigError

__all__ = ["add_parser", "run"]

_LIMIT_S = 30


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "autostart",
        help="start the daemon at log-in",
        description="Install, show or remove what starts the daemon at log-in: a launchd agent on macOS, a "
        "systemd user service on Linux, a scheduled task on Windows.",
    )
    parser.add_argument(
        "action",
        nargs="?",
        choices=("show", "install", "remove"),
        default="show",
        metavar="ACTION",
        help="show, install or remove; default show",
    )
    parser.add_argument("--out", metavar="DIR", help="the folder for the loops; default Music/riffsidecar")
    add_common_options(parser)
    parser.set_defaults(run=run)


def run(context: Context) -> int:
    """Do what was asked, and tell where the entry lies."""
    machine = Machine.here(dict(os.environ))
    user_id = os.getuid() if hasattr(os, "getuid") else 0
    command = daemon_command(context, machine)
    entry = autostart_entry(machine, command, config_path().parent, user_id)
    action = context.args.action
    if action == "install":
        _install(entry)
    elif action == "remove":
        _remove(entry)
    _tell(context, entry)
    return OK


def _install(entry: Entry) -> None:
    try:
        entry.path.parent.mkdir(parents=True, exist_ok=True)
        if entry.path.exists():
            # An older entry may still be heeded; that there is none to forget is no problem.
            for words in entry.disable:
                _try(words)
        entry.path.write_text(entry.text, encoding=entry.encoding, newline="\n")
    except OSError as error:
        raise ConfigError(f"{entry.path} cannot be written: {error}") from error
    for words in entry.enable:
        problem = _try(words)
        if problem:
            raise ConfigError(
                f"{entry.path} is written, but {entry.system} does not take it: {problem}; "
                f"try by hand: {shlex.join(words)}"
            )


def _remove(entry: Entry) -> None:
    for words in entry.disable:
        _try(words)
    try:
        entry.path.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"{entry.path} cannot be removed: {error}") from error


def _try(words: Sequence[str]) -> str:
    """Run a command of the system and return what went wrong, or an empty string."""
    try:
        done = subprocess.run(  # noqa: S603 - the words are our own table's
            words, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"


def _tell(context: Context, entry: Entry) -> None:
    is_there = entry.path.exists()
    terminal = context.terminal
    terminal.line(f"{entry.system}: {entry.path} is {'there' if is_there else 'not there'}")
    if context.args.action == "show":
        terminal.line()
        terminal.line(entry.text.rstrip())
    terminal.document(
        {
            "system": entry.system,
            "path": str(entry.path),
            "installed": is_there,
            "text": entry.text,
            "enable": [list(words) for words in entry.enable],
            "disable": [list(words) for words in entry.disable],
        }
    )
