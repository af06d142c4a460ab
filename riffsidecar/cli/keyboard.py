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

    _BEFORE_FURTHER_KEY: Final = "\x00\xe0"
    """What the console gives before the letter that stands for an arrow or a function key."""

    def _keys_of_terminal(stream: TextIO) -> Iterator[str]:
        while (key := msvcrt.getwch()) not in QUIT_KEYS:
            if key in _BEFORE_FURTHER_KEY:
                msvcrt.getwch()
            else:
                yield key

else:
    import os
    import re
    import termios
    import tty

    _MAX_BYTES: Final = 64
    _FURTHER_KEY: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[ -~])")
    """What an arrow or a function key sends (ECMA-48, VT100): it begins as Escape does, and is none."""

    def _keys_of_terminal(stream: TextIO) -> Iterator[str]:
        number = stream.fileno()
        before = termios.tcgetattr(number)
        tty.setcbreak(number)
        try:
            while pressed := os.read(number, _MAX_BYTES).decode("utf-8", "replace"):
                for key in _FURTHER_KEY.sub("", pressed):
                    if key in QUIT_KEYS:
                        return
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
