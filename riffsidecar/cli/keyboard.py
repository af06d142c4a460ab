"""Read single keys from a terminal, without waiting for the end of a line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final, TextIO

__all__ = ["QUIT_KEYS", "keys"]

QUIT_KEYS: Final = frozenset({"\x03", "\x04", "\x1b", "."})
"""Ctrl-C, Ctrl-D, Escape and the full stop end the reading."""

if sys.platform == "win32":
    import msvcrt

    def _keys_of_terminal(stream: TextIO) -> Iterator[str]:
        while (key := msvcrt.getwch()) not in QUIT_KEYS:
            yield key

else:
    import termios
    import tty

    def _keys_of_terminal(stream: TextIO) -> Iterator[str]:
        number = stream.fileno()
        before = termios.tcgetattr(number)
        tty.setcbreak(number)
        try:
            while (key := stream.read(1)) and key not in QUIT_KEYS:
                yield key
        finally:
            termios.tcsetattr(number, termios.TCSADRAIN, before)


def keys(stream: TextIO | None = None) -> Iterator[str]:
    """Give the keys that are pressed, until one that quits or the end of the input.

    What is no terminal is read line by line, each character a key.
    """
    source = sys.stdin if stream is None else stream
    if source.isatty():
        yield from _keys_of_terminal(source)
        return
    for line in source:
        for key in line.rstrip("\r\n"):
            if key in QUIT_KEYS:
                return
            yield key
