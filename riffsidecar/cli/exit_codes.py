"""Say by number how a command ended, for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from riffsidecar.errors import RiffError

__all__ = [
    "CHECKPOINT",
    "DIFFERENT",
    "DROP_FOLDER",
    "FAILED",
    "INTERRUPTED",
    "OK",
    "PORT_TAKEN",
    "PROBLEMS",
    "TERMINATED",
    "USAGE",
    "WORKER",
    "exit_code_of",
    "exit_code_table",
]

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
CHECKPOINT: Final = 3
PORT_TAKEN: Final = 4
DROP_FOLDER: Final = 5
WORKER: Final = 6
DIFFERENT: Final = 7
PROBLEMS: Final = 8
INTERRUPTED: Final = 130
TERMINATED: Final = 143

_MEANINGS: Final[Mapping[int, str]] = MappingProxyType(
    {
        OK: "done",
        FAILED: "failed for a reason that has no number of its own",
        USAGE: "an option, a value, a preset or the configuration cannot be",
        CHECKPOINT: "the model's checkpoint is missing or broken",
        PORT_TAKEN: "the UDP port belongs to somebody else",
        DROP_FOLDER: "the drop folder cannot take a file",
        WORKER: "the render worker died or does not answer",
        DIFFERENT: "rerender: the samples differ from the file's by more than -60 dB",
        PROBLEMS: "doctor: something is missing or broken",
        INTERRUPTED: "stopped by Ctrl-C; a daemon that is told to stop ends with 0",
        TERMINATED: "stopped by SIGTERM; a daemon that is told to stop ends with 0",
    }
)

_BY_ERROR: Final[Mapping[str, int]] = MappingProxyType(
    {
        "bad-value": USAGE,
        "unknown-name": USAGE,
        "bad-preset": USAGE,
        "bad-pack": USAGE,
        "bad-config": USAGE,
        "bad-wav": USAGE,
        "bad-audio": USAGE,
        "model": USAGE,
        "checkpoint": CHECKPOINT,
        "port-taken": PORT_TAKEN,
        "drop-folder": DROP_FOLDER,
        "worker": WORKER,
    }
)


def exit_code_of(error: RiffError) -> int:
    """Return the exit code for an error.

    >>> from riffsidecar.errors import CheckpointError
    >>> exit_code_of(CheckpointError("none"))
    3
    """
    return _BY_ERROR.get(error.code, FAILED)


def exit_code_table() -> str:
    """Return the exit codes, one line each, for the help.

    >>> exit_code_table().splitlines()[0]
    '  0    done'
    """
    return "\n".join(f"  {code:<4} {meaning}" for code, meaning in _MEANINGS.items())
