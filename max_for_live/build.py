"""Write every device from the sources beside it and from riffsidecar's tables.

``python -m max_for_live.build`` does it; the same sources give the same bytes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from max_for_live.container import frozen_device, unfrozen_device
from max_for_live.controls import after_samples, initial_value
from max_for_live.launcher import LAUNCHER_SCRIPT, launcher_device, launcher_patch
from max_for_live.live11 import REPLY_PORT_OFFSET as LIVE11_OFFSET
from max_for_live.live11 import live11_device, live11_patch
from max_for_live.live12 import BARS, PLACES, PLAYERS, live12_device, live12_patch
from max_for_live.pads_device import REPLY_PORT_OFFSET as PADS_OFFSET
from max_for_live.pads_device import pads_device, pads_patch
from max_for_live.patcher import Device, Patch
from riffsidecar.control.osc import DEFAULT_PORT
from riffsidecar.control.osc_table import ADDRESSES, ANSWERS
from riffsidecar.errors import CancelledError, SupersededError
from riffsidecar.music import spell
from riffsidecar.session.commands import RELEASE
from riffsidecar.session.journey_settings import DEFAULT_LOOP_BARS
from riffsidecar.session.knobs import KNOBS
from riffsidecar.session.pads import NUM_PADS

__all__ = ["DEVICES", "FOLDER", "REPLY_PORT", "build_device", "main", "make_script"]

FOLDER: Final = Path(__file__).parent
REPLY_PORT: Final = DEFAULT_PORT + 1
"""The first that the main device tries; it takes the next ones where others have it."""

_SCRIPTS = ("head.js", "show.js", "daemon.js", "song.js", "clips.js", "journey.js", "audition.js")
_PLACE = '"@TABLE@"'


def make_script() -> str:
    """Return the script of the main device, with the tables that it reads."""
    table = {
        "OSC": {address.removeprefix("/riff/"): address for address in (*ADDRESSES, *ANSWERS)},
        "KNOBS": {name: {"osc": knob.osc, "initial": initial_value(knob)} for name, knob in KNOBS.items()},
        "NOTES": [spell(pitch, minor=False) for pitch in range(12)],
        "RELEASE": RELEASE,
        "STOPPED": [CancelledError.code, SupersededError.code],
        "BARS": BARS,
        "PLACES": PLACES,
        "PLAYERS": PLAYERS,
        "NUM_PADS": NUM_PADS,
        "JOURNEY_BARS": DEFAULT_LOOP_BARS,
        "AFTER_SAMPLES": len(after_samples()),
        "REPLY_PORT": REPLY_PORT,
    }
    text = "".join((FOLDER / "script" / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    return text.replace(_PLACE, json.dumps(table, indent=2))


def _live12() -> tuple[Device, Patch]:
    return live12_device(), live12_patch(make_script(), DEFAULT_PORT, REPLY_PORT)


def _live11() -> tuple[Device, Patch]:
    return live11_device(), live11_patch(DEFAULT_PORT, REPLY_PORT + LIVE11_OFFSET)


def _pads() -> tuple[Device, Patch]:
    return pads_device(), pads_patch(DEFAULT_PORT, REPLY_PORT + PADS_OFFSET)


def _launcher() -> tuple[Device, Patch]:
    return launcher_device(), launcher_patch(DEFAULT_PORT)


DEVICES: Final[Mapping[str, Callable[[], tuple[Device, Patch]]]] = MappingProxyType(
    {
        "Riffsidecar.amxd": _live12,
        "Riffsidecar (Live 11).amxd": _live11,
        "Riffsidecar Pads.amxd": _pads,
        "Riffsidecar Launcher.amxd": _launcher,
    }
)
"""What makes each device, by its file name."""


def build_device(name: str) -> bytes:
    """Return the bytes of a device."""
    device, patch = DEVICES[name]()
    document = patch.document(device)
    if name != "Riffsidecar Launcher.amxd":
        return unfrozen_device(device.kind, document)
    script = (FOLDER / LAUNCHER_SCRIPT).read_bytes().replace(b"@PORT@", str(DEFAULT_PORT).encode())
    document["patcher"]["dependency_cache"] = [
        {"name": LAUNCHER_SCRIPT, "bootpath": "~", "patcherrelativepath": ".", "type": "TEXT", "implicit": 1}
    ]
    return frozen_device(device.kind, name, document, {LAUNCHER_SCRIPT: script})


def main() -> int:
    """Write the devices beside their sources, and say where."""
    for name in DEVICES:
        data = build_device(name)
        (FOLDER / name).write_bytes(data)
        sys.stdout.write(f"{FOLDER / name}: {len(data)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
