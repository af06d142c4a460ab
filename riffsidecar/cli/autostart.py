"""``riffsidecar autostart``: let the system start the daemon at log-in, show how, or no longer."""

from __future__ import annotations

import argparse
import difflib
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from riffsidecar.cli.autostart_entries import Entry, autostart_entry
from riffsidecar.cli.context import Context, add_common_options
from riffsidecar.cli.exit_codes import OK
from riffsidecar.cli.install_device import daemon_command
from riffsidecar.cli.live_library import Machine
from riffsidecar.cli.probe import FoundDaemon, find_daemon
from riffsidecar.config import config_path
from riffsidecar.errors import ConfigError

__all__ = ["add_parser", "run"]

_LIMIT_S = 30
_FORGET_S = 30.0
_POLL_S = 0.25
_NO_SESSION = ("bus", "xdg_runtime_dir", "medium", "not been booted")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "autostart",
        help="start the daemon at log-in",
        description="Install, show or remove what starts the daemon at log-in: a launchd agent on macOS, a "
        "systemd user service on Linux, a scheduled task on Windows. show says whether it is installed, and "
        "what install with the same options would change.",
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
    """Do what was asked, and tell where the entry lies and how it stands."""
    machine = Machine.here(dict(os.environ))
    user_id = os.getuid() if hasattr(os, "getuid") else 0
    command = daemon_command(context, machine)
    entry = autostart_entry(machine, command, config_path().parent, user_id, _user(os.environ))
    action = context.args.action
    if action == "install":
        other = _install(context, entry, command)
        context.terminal.line(f"{entry.system} starts the daemon now, and at every log-in")
        if other is not None:
            context.terminal.note(
                f"UDP port {context.config.osc.port} is taken ({other}): stop that daemon, then log in anew "
                f"or run: {_again(context)}"
            )
    elif action == "remove":
        _remove(context, entry)
    _tell(context, entry)
    return OK


def _user(environ: Mapping[str, str]) -> str:
    """Return the user as Windows names them."""
    domain, name = environ.get("USERDOMAIN", ""), environ.get("USERNAME", "")
    return f"{domain}\\{name}" if domain and name else name


def _again(context: Context) -> str:
    """Return the words that install the same entry once more."""
    words = ["riffsidecar", "autostart", "install"]
    if context.args.out is not None:
        words += ["--out", str(context.args.out)]
    if context.args.config is not None:
        words += ["--config", str(context.args.config)]
    return shlex.join(words)


def _install(context: Context, entry: Entry, command: Sequence[str]) -> FoundDaemon | None:
    """Write the entry and let the system heed it; where it does not, all is as it was before.

    Return the daemon that has the port already, other than the older entry's own.

    Raises:
        ConfigError: the file cannot be written, or the system does not take it.
    """
    try:
        before = entry.path.read_bytes() if entry.path.exists() else None
        made = [folder for folder in entry.path.parents if not folder.exists()]
        entry.path.parent.mkdir(parents=True, exist_ok=True)
        if before is not None:
            # An older entry may still be heeded; that there is none to forget is no problem.
            _forget(entry)
        other = find_daemon(context.config.osc)
        entry.path.write_text(entry.text, encoding=entry.encoding, newline="\n")
    except OSError as error:
        raise ConfigError(f"{entry.path} cannot be written: {error}") from error
    problem = _enable(entry)
    if not problem:
        return other
    _undo(entry, before, made)
    remedy = _remedy(entry, problem, _again(context))
    left = f"{entry.path} is gone again" if before is None else f"{entry.path} is the older one again"
    raise ConfigError(
        f"{entry.system} does not take it: {problem}; nothing was installed, {left}. "
        f"{remedy}; until then start the daemon by hand: {shlex.join(command)}"
    )


def _enable(entry: Entry) -> str:
    """Let the system heed the entry; return what kept it from doing so, or an empty string."""
    for words in entry.enable:
        problem = _try(words)
        if problem:
            return problem
    return ""


def _forget(entry: Entry) -> list[str]:
    """Let the system forget the entry, wait until it has, and return what went wrong."""
    problems = [problem for words in entry.disable if (problem := _try(words))]
    until_s = time.monotonic() + _FORGET_S
    # launchd takes nothing of the same name before the daemon has ended.
    while entry.held and time.monotonic() < until_s and not _try(entry.held):
        time.sleep(_POLL_S)
    return problems


def _undo(entry: Entry, before: bytes | None, made: Sequence[Path]) -> None:
    """Put back what was there before; ``made`` are the folders that were not, the innermost first."""
    _forget(entry)
    try:
        if before is None:
            entry.path.unlink(missing_ok=True)
            for folder in made:
                folder.rmdir()
        else:
            entry.path.write_bytes(before)
            _enable(entry)
    except OSError as error:
        raise ConfigError(
            f"{entry.system} does not take {entry.path}, and it cannot be put back: {error}"
        ) from error


def _remedy(entry: Entry, problem: str, again: str) -> str:
    if entry.system != "systemd":
        return f"Log in at the desktop and run: {again}"
    if shutil.which(entry.enable[0][0]) is None:
        return "There is no systemd here: let what starts your session start the daemon"
    if any(word in problem.lower() for word in _NO_SESSION):
        return (
            "There is no systemd session of yours here: log in at the desktop, or run "
            f"'sudo loginctl enable-linger \"$USER\"' and log in anew; then run: {again}"
        )
    return f"Look at 'systemctl --user status', and run again: {again}"


def _remove(context: Context, entry: Entry) -> None:
    problems = _forget(entry)
    is_there = entry.path.exists()
    try:
        entry.path.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"{entry.path} cannot be removed: {error}") from error
    if is_there and problems:
        context.terminal.note(
            f"{entry.system} did not answer as it should ({'; '.join(problems)}): "
            "a daemon that it has started may run until you log out"
        )


def _try(words: Sequence[str]) -> str:
    """Run a command of the system and return what went wrong, or an empty string."""
    try:
        done = subprocess.run(  # noqa: S603 - the words are our own table's
            words, capture_output=True, text=True, errors="replace", timeout=_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return " ".join((done.stderr or done.stdout).split()) or f"exit code {done.returncode}"


def _tell(context: Context, entry: Entry) -> None:
    installed = _read(entry)
    terminal = context.terminal
    if installed is None:
        terminal.line(f"{entry.system}: not installed; {entry.path} is not there")
    elif installed == entry.text:
        terminal.line(f"{entry.system}: installed, {entry.path}")
    else:
        terminal.line(f"{entry.system}: installed, {entry.path}, and other than install would write it now")
    if context.args.action == "show":
        for line in _shown(entry, installed):
            terminal.line(line)
    terminal.document(
        {
            "system": entry.system,
            "path": str(entry.path),
            "installed": installed is not None,
            "current": installed == entry.text,
            "found": installed,
            "text": entry.text,
            "enable": [list(words) for words in entry.enable],
            "disable": [list(words) for words in entry.disable],
        }
    )


def _read(entry: Entry) -> str | None:
    """Return what is installed; None where nothing is.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        return entry.path.read_text(encoding=entry.encoding)
    except FileNotFoundError:
        return None
    except UnicodeError:
        return ""
    except OSError as error:
        raise ConfigError(f"{entry.path} cannot be read: {error}") from error


def _shown(entry: Entry, installed: str | None) -> list[str]:
    """Return the lines that show the entry: what is installed, or what install would write or change."""
    if installed is None:
        return ["", "install would write:", "", *entry.text.rstrip().splitlines()]
    if installed == entry.text:
        return ["", *entry.text.rstrip().splitlines()]
    changes = difflib.unified_diff(
        installed.splitlines(), entry.text.splitlines(), "installed", "with these options", lineterm=""
    )
    return ["", *changes]
