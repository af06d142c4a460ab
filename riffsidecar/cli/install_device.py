"""``riffsidecar install-device``: put the Max for Live devices where Live finds them."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from riffsidecar.cli.context import Context, add_common_options
from riffsidecar.cli.exit_codes import OK
from riffsidecar.cli.live_library import Machine, device_files, find_library
from riffsidecar.config import config_path
from riffsidecar.errors import ConfigError

__all__ = ["add_parser", "daemon_command", "packaged_devices", "run"]

_LAUNCHER_FILE = "launcher.json"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "install-device",
        help="put the Max for Live devices into Live's User Library",
        description="Copy the Max for Live devices into Live's User Library, and tell the launcher device "
        "where riffsidecar lies.",
    )
    parser.add_argument(
        "--library", type=Path, metavar="FOLDER", help="the User Library, where it is not found by itself"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="where loops go when Live starts riffsidecar; default Music/riffsidecar"
    )
    add_common_options(parser)
    parser.set_defaults(run=run)


def packaged_devices() -> Path:
    """Return the folder of the built devices: in the wheel, or beside an editable install.

    Raises:
        ConfigError: the installation has none.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_data" / "max_for_live", package.parent / "max_for_live"):
        if any(folder.glob("*.amxd")):
            return folder
    raise ConfigError(
        f"no devices beside {package}: the installation is incomplete, install riffsidecar again"
    )


def daemon_command(context: Context, machine: Machine) -> list[str]:
    """Return the words that run the daemon from anywhere, without a shell and its search path."""
    folder = context.folder.expanduser()
    if context.args.out is None and not folder.is_absolute():
        folder = machine.music / "riffsidecar"
    # It is run from the home folder. Without -P a file there, such as random.py, would be taken for Python's.
    words = [sys.executable, "-P", "-m", "riffsidecar"]
    words += ["run", "--out", str(folder.absolute())]
    if context.args.config is not None:
        words += ["--config", str(context.args.config.absolute())]
    return words


def run(context: Context) -> int:
    """Copy the devices, write the launcher's file, and say what to do next."""
    machine = Machine.here(dict(os.environ))
    library = find_library(machine, context.args.library)
    rows = []
    for source, folder in device_files(packaged_devices()).items():
        target = library / folder / source.name
        rows.append((source.stem, _put(target, source.read_bytes()), str(target)))
    launcher = config_path().with_name(_LAUNCHER_FILE)
    command = daemon_command(context, machine)
    _put(launcher, json.dumps({"command": command}, indent=2).encode("utf-8"))
    terminal = context.terminal
    terminal.table(("device", "is", "file"), rows)
    terminal.line()
    terminal.line("Next, in Live:")
    terminal.line(f"  1. Start the daemon: {_typed(machine, ['riffsidecar', *command[4:]])}")
    terminal.line("     (or drag Riffsidecar Launcher onto any track and click Start)")
    terminal.line("  2. In the browser, under User Library, open Presets, Audio Effects, Max Audio Effect.")
    terminal.line("  3. Drag Riffsidecar onto an audio track (in Live 11: Riffsidecar (Live 11)).")
    terminal.line("  4. When its light is green, click a pad.")
    terminal.document(
        {
            "library": str(library),
            "devices": [{"name": name, "status": status, "path": path} for name, status, path in rows],
            "launcher": str(launcher),
            "command": command,
        }
    )
    return OK


def _typed(machine: Machine, words: Sequence[str]) -> str:
    """Return the words as they are typed at the prompt of the system."""
    return subprocess.list2cmdline(words) if machine.platform == "win32" else shlex.join(words)


def _put(target: Path, data: bytes) -> str:
    """Write a file whole or not at all, and say what became of it.

    Raises:
        ConfigError: it cannot be written.
    """
    partial = target.with_name(f".{target.name}.part")
    try:
        status = "new"
        if target.exists():
            status = "unchanged" if target.read_bytes() == data else "updated"
        if status != "unchanged":
            target.parent.mkdir(parents=True, exist_ok=True)
            partial.write_bytes(data)
            partial.replace(target)
    except OSError as error:
        raise ConfigError(
            f"{target} cannot be written: {error}; close Live or pass --library FOLDER"
        ) from error
    return status
