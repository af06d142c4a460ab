"""Find Live's User Library on this machine. Pure but for looking at files; the machine is passed in."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.sax.saxutils import unescape

from riffsidecar.errors import ConfigError

__all__ = ["DEVICE_FOLDERS", "Machine", "device_files", "find_library"]

DEVICE_FOLDERS: Final = {
    b"aaaa": "Presets/Audio Effects/Max Audio Effect",
    b"mmmm": "Presets/MIDI Effects/Max MIDI Effect",
}
"""Where in the User Library a device goes, by the kind that its file names."""

_NAME = "User Library"
_KIND_AT = slice(8, 12)
_PATH = re.compile(r'<ProjectPath Value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Machine:
    """Say what the places of files depend on: the system, the home folder and Windows' APPDATA."""

    platform: str
    home: Path
    appdata: Path | None = None

    @classmethod
    def here(cls, environ: dict[str, str]) -> Machine:
        """Return this machine."""
        appdata = environ.get("APPDATA")
        return cls(sys.platform, Path.home(), Path(appdata) if appdata else None)

    @property
    def music(self) -> Path:
        """Return where people keep music."""
        return self.home / "Music"


def find_library(machine: Machine, named: Path | None = None) -> Path:
    """Return the User Library: the one that is named, the one that Live's settings name, or the usual one.

    Raises:
        ConfigError: there is none.
    """
    if named is not None:
        return _named(named.expanduser())
    for folder in (*_told(machine), *_usual(machine)):
        if folder.is_dir():
            return folder
    where = {"darwin": "~/Music/Ableton/User Library", "win32": r"Documents\Ableton\User Library"}
    usual = where.get(machine.platform)
    looked = f"{usual} is not there" if usual else f"Live does not run on {machine.platform}"
    raise ConfigError(
        f"no User Library found: {looked}; Live's settings name it under Library, "
        "pass it with --library FOLDER"
    )


def device_files(folder: Path) -> dict[Path, str]:
    """Return the devices of a folder, each with the folder in the User Library that its kind belongs to."""
    found = {}
    for path in sorted(folder.glob("*.amxd")):
        with path.open("rb") as device:
            kind = device.read(_KIND_AT.stop)[_KIND_AT]
        found[path] = DEVICE_FOLDERS[kind]
    return found


def _named(folder: Path) -> Path:
    if not folder.is_dir():
        raise ConfigError(f"--library is {folder}, but there is no such folder; Live's settings name it")
    inner = folder / _NAME
    return inner if inner.is_dir() else folder


def _usual(machine: Machine) -> Iterator[Path]:
    if machine.platform == "darwin":
        yield machine.music / "Ableton" / _NAME
    elif machine.platform == "win32":
        yield machine.home / "Documents" / "Ableton" / _NAME
        yield machine.home / "OneDrive" / "Documents" / "Ableton" / _NAME


def _told(machine: Machine) -> Iterator[Path]:
    """Give what Live's own settings name, the newest version of Live first."""
    if machine.platform == "darwin":
        settings = (machine.home / "Library" / "Preferences" / "Ableton").glob("Live */Library.cfg")
    elif machine.platform == "win32" and machine.appdata is not None:
        settings = (machine.appdata / "Ableton").glob("Live */Preferences/Library.cfg")
    else:
        return
    for path in sorted(settings, key=lambda each: each.stat().st_mtime, reverse=True):
        found = _PATH.search(path.read_text(encoding="utf-8", errors="replace"))
        if found:
            folder = Path(unescape(found[1], {"&quot;": '"', "&apos;": "'"}))
            yield folder / _NAME
            yield folder
