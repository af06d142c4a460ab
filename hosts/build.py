"""Write the patches and layouts for other hosts from riffsidecar's tables: ``python -m hosts.build``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from hosts.open_stage_control import session_json
from hosts.pure_data import VOICE, main_patch, voice_patch
from hosts.touch_osc import layout_bytes
from riffsidecar.control.osc import DEFAULT_PORT

__all__ = ["FOLDER", "files", "main"]

FOLDER: Final = Path(__file__).parent


def files() -> Mapping[str, bytes]:
    """Return what every built file holds, by its place in this folder."""
    return {
        "pure_data/riffsidecar.pd": main_patch(DEFAULT_PORT).encode("utf-8"),
        f"pure_data/{VOICE}.pd": voice_patch().encode("utf-8"),
        "open_stage_control/riffsidecar.json": session_json().encode("utf-8"),
        "touch_osc/riffsidecar.tosc": layout_bytes(),
    }


def main() -> int:
    """Write the files, and say where."""
    for name, data in files().items():
        (FOLDER / name).write_bytes(data)
        sys.stdout.write(f"{FOLDER / name}: {len(data)} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
