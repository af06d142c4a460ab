"""The identifiers a drop folder has ever given away, so that no file name comes back.

A DAW keeps its analysis beside a sample (Live's ``.asd``) and samples by name in its sets. So a name must not
return even when its file is long deleted, and looking at the files that are there is not enough. The
folder keeps a hidden append-only log of the short identifiers, six bytes a loop. An identifier is written
there before a file can carry it: a crash in between burns one, and nothing else.

Identifiers are random besides: should somebody delete the log, a name would still come back only by
one chance in 3.2 million, and two processes that drop at the same moment do not meet.
"""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

__all__ = ["ID_CHARS", "LOG_NAME", "UsedIds"]

LOG_NAME = ".riffsidecar-names"
ID_CHARS = 5

_LETTERS = "bcdfghjklmnpqrstvwxz"
"""No digits, which would read as a tempo; no vowels, which would read as a word."""

_MAX_LINE_BYTES = 32
_READ_BYTES = 1 << 16
# Never through a link that somebody planted; binary, so that Windows counts bytes as we do.
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class UsedIds:
    """Give out identifiers of one folder, each of them once, across restarts and processes.

    Not thread-safe: the drop folder holds its lock around it. Every method may raise OSError.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOG_NAME
        self._used: set[str] = set()
        self._read_to = 0

    def __len__(self) -> int:
        """Return how many identifiers are known to be used."""
        return len(self._used)

    def take(self) -> str:
        """Return an identifier that was never given out, having written it down.

        It is five consonants; a folder with over 1.6 million loops gets six, and so on.
        """
        descriptor = os.open(self._path, _FLAGS, 0o666)
        try:
            self._catch_up(descriptor)
            fresh = self._unused()
            # A crash may have left a torn line: the line break comes first and ends it.
            line = f"\n{fresh}".encode("ascii")
            if os.write(descriptor, line) != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._path))
        finally:
            os.close(descriptor)
        self._used.add(fresh)
        return fresh

    def _catch_up(self, descriptor: int) -> None:
        """Read what was appended since the last look, by this process or by another."""
        if os.lseek(descriptor, 0, os.SEEK_END) < self._read_to:
            self._read_to = 0  # the log was deleted and begun again; what is known stays known
        # A little further back, because the last line may have been read while it was half written.
        start = os.lseek(descriptor, max(0, self._read_to - _MAX_LINE_BYTES), os.SEEK_SET)
        text = b""
        while block := os.read(descriptor, _READ_BYTES):
            text += block
        self._used.update(text.decode("ascii", "replace").split("\n"))
        self._read_to = start + len(text)

    def _unused(self) -> str:
        length = ID_CHARS
        while len(self._used) * 2 > len(_LETTERS) ** length:
            length += 1
        while True:
            fresh = "".join(secrets.choice(_LETTERS) for _ in range(length))
            if fresh not in self._used:
                return fresh
