"""Speak to whoever runs a command: results on stdout, everything else on stderr, bars only to a terminal."""

from __future__ import annotations

import json
import math
import shutil
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

__all__ = ["Terminal", "bar_line", "waiting_line"]

_MIN_COLUMNS = 40
_BAR_CELLS = 24
_MARK_CELLS = 4
_TICK_S = 0.25


def bar_line(label: str, fraction: float, eta_s: float | None, columns: int) -> str:
    """Return a progress bar of one line, at most ``columns`` characters wide.

    >>> bar_line("denoise", 0.5, 1.25, 60)
    'denoise  [############............]  50 %  1.2 s'
    """
    filled = round(max(0.0, min(1.0, fraction)) * _BAR_CELLS)
    eta = "" if eta_s is None else f"  {eta_s:.1f} s"
    line = f"{label}  [{'#' * filled}{'.' * (_BAR_CELLS - filled)}] {fraction * 100:3.0f} %{eta}"
    return line[: max(_MIN_COLUMNS, columns)]


def waiting_line(label: str, elapsed_s: float, columns: int) -> str:
    """Return the bar of something that does not tell how far it is: a mark that wanders, and the seconds.

    >>> waiting_line("loading", 2.0, 60)
    'loading  [........####............]    2 s'
    """
    way = _BAR_CELLS - _MARK_CELLS
    at = abs((round(elapsed_s / _TICK_S) + way) % (2 * way) - way)
    bar = "." * at + "#" * _MARK_CELLS + "." * (way - at)
    return f"{label}  [{bar}]  {elapsed_s:3.0f} s"[: max(_MIN_COLUMNS, columns)]


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value


class Terminal:
    """Print results, notes and progress; with ``json_output`` the results are one JSON document."""

    def __init__(
        self, out: TextIO | None = None, err: TextIO | None = None, json_output: bool = False
    ) -> None:
        """Write to ``out`` and ``err``, by default the process's own."""
        self._out = out if out is not None else sys.stdout
        self._err = err if err is not None else sys.stderr
        self._json_output = json_output
        self._bar_shown = 0
        self._last_note = ""

    @property
    def json_output(self) -> bool:
        """Whether results are printed as JSON."""
        return self._json_output

    @property
    def is_interactive(self) -> bool:
        """Whether a person looks at stderr."""
        return self._err.isatty()

    def line(self, text: str = "") -> None:
        """Print a line of results, unless they are wanted as JSON."""
        if not self._json_output:
            self.clear_bar()
            print(text, file=self._out, flush=True)

    def document(self, value: Mapping[str, Any]) -> None:
        """Print the results as JSON where they are wanted so; NaN and infinity, which it lacks, are null."""
        if self._json_output:
            self.clear_bar()
            text = json.dumps(_finite(value), indent=2, default=str, allow_nan=False)
            print(text, file=self._out, flush=True)

    def note(self, text: str) -> None:
        """Print a line beside the results."""
        self.clear_bar()
        print(text, file=self._err, flush=True)

    def error(self, text: str) -> None:
        """Print an error as one line."""
        self.note(f"riffsidecar: error: {' '.join(text.split())}")

    def progress(self, label: str, fraction: float, eta_s: float | None = None) -> None:
        """Show progress: a bar on a terminal, elsewhere one plain line each time the label changes."""
        if not self.is_interactive:
            if label != self._last_note:
                self._last_note = label
                print(label, file=self._err, flush=True)
            return
        self._show(bar_line(label, fraction, eta_s, shutil.get_terminal_size().columns - 1))

    @contextmanager
    def waiting(self, label: str) -> Iterator[None]:
        """Show that something goes on that does not tell how far it is, as ``progress`` does."""
        if not self.is_interactive:
            self.progress(label, 0.0)
            yield
            return
        done = threading.Event()
        began_s = time.monotonic()

        def tick() -> None:
            while True:
                columns = shutil.get_terminal_size().columns - 1
                self._show(waiting_line(label, time.monotonic() - began_s, columns))
                if done.wait(_TICK_S):
                    return

        ticking = threading.Thread(target=tick, name="riffsidecar-waiting", daemon=True)
        ticking.start()
        try:
            yield
        finally:
            done.set()
            ticking.join()
            self.clear_bar()

    def _show(self, line: str) -> None:
        padding = " " * max(0, self._bar_shown - len(line))
        print(f"\r{line}{padding}", end="", file=self._err, flush=True)
        self._bar_shown = len(line)

    def clear_bar(self) -> None:
        """Wipe the bar, so that a line can take its place."""
        if self._bar_shown:
            print(f"\r{' ' * self._bar_shown}\r", end="", file=self._err, flush=True)
            self._bar_shown = 0

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print rows under a header, each column as wide as its widest cell."""
        widths = [max(len(cell) for cell in column) for column in zip(header, *rows, strict=True)]
        for row in (header, *rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.line("  ".join(cells).rstrip())
