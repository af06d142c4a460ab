"""Write Riffsidecar.amxd from the script, the layout and riffsidecar's tables.

``python -m max_for_live.build`` does it. The container is a list of chunks, each a tag of four characters and
a little-endian length: ``ampf`` with the kind of device, ``meta``, and ``ptch`` with the patcher as JSON and
a zero (measured on devices that Max saved). The same sources give the same bytes.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

from max_for_live.layout import AUDIO_EFFECT, Ports, initial_value, make_patcher
from riffsidecar.control.osc import DEFAULT_PORT
from riffsidecar.control.osc_table import ADDRESSES, ANSWERS
from riffsidecar.errors import CancelledError, SupersededError
from riffsidecar.music import spell
from riffsidecar.session.commands import RELEASE
from riffsidecar.session.knobs import KNOBS

__all__ = ["DEVICE", "PORTS", "build_device", "main", "make_script"]

DEVICE = Path(__file__).parent / "Riffsidecar.amxd"
PORTS = Ports(daemon=DEFAULT_PORT, reply=DEFAULT_PORT + 1)

_SCRIPT = Path(__file__).parent / "device.js"
_PLACE = '"@TABLE@"'
_UNFROZEN = 0


def make_script() -> str:
    """Return the script of the device, with the tables that it reads."""
    table = {
        "OSC": {address.removeprefix("/riff/"): address for address in (*ADDRESSES, *ANSWERS)},
        "KNOBS": {name: {"osc": knob.osc, "initial": initial_value(knob)} for name, knob in KNOBS.items()},
        "NOTES": [spell(pitch, minor=False) for pitch in range(12)],
        "RELEASE": RELEASE,
        "STOPPED": [CancelledError.code, SupersededError.code],
        "REPLY_PORT": PORTS.reply,
    }
    return _SCRIPT.read_text(encoding="utf-8").replace(_PLACE, json.dumps(table, indent=2))


def build_device() -> bytes:
    """Return the bytes of the device."""
    patcher = json.dumps(make_patcher(make_script(), PORTS), indent="\t", ensure_ascii=False)
    return b"".join(
        (
            _chunk(b"ampf", AUDIO_EFFECT),
            _chunk(b"meta", struct.pack("<I", _UNFROZEN)),
            _chunk(b"ptch", patcher.encode("utf-8") + b"\n\0"),
        )
    )


def main() -> int:
    """Write the device beside its sources, and say where."""
    data = build_device()
    DEVICE.write_bytes(data)
    sys.stdout.write(f"{DEVICE}: {len(data)} bytes\n")
    return 0


def _chunk(tag: bytes, payload: bytes) -> bytes:
    """Return a chunk; its length leaves out the eight bytes before it."""
    return tag + struct.pack("<I", len(payload)) + payload


if __name__ == "__main__":
    sys.exit(main())
