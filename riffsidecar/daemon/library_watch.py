"""Keep the library up to date while the daemon runs: what lands, moves or goes is noticed, on one thread.

Whatever happens to the library, the daemon goes on: a database in the hands of somebody else is waited for,
one that stays so, or is broken, is set aside and made again from the loops.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from watchdog.events import DirModifiedEvent, FileClosedNoWriteEvent, FileOpenedEvent, FileSystemEvent
from watchdog.events import FileSystemEventHandler as Handler
from watchdog.observers import Observer

from riffsidecar.errors import RiffError, UnknownNameError
from riffsidecar.render.library import Library
from riffsidecar.render.library_store import LibraryLocked

__all__ = ["LibraryKeeper"]

logger = logging.getLogger(__name__)

_SETTLE_S = 0.3
_RETRY_S = 2.0
_PATIENCE_S = 60.0
_JOIN_S = 1.0
_MANY = 256
"""So many changes at once are looked at with one scan."""


class LibraryKeeper:
    """Watch the drop folder for ``library`` from ``start`` to ``close``.

    Args:
        library: whose folder is watched.
        on_problem: told of what is wrong with the library, "" when all is well again.
        settle_s: how long to wait after a change, for more of them.
        patience_s: how long a database may be in the hands of somebody else before it is set aside.
        clock: seconds that never run back; given by tests.
    """

    def __init__(
        self,
        library: Library,
        on_problem: Callable[[str], None] = lambda text: None,
        *,
        settle_s: float = _SETTLE_S,
        patience_s: float = _PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is watched before the start."""
        self._library = library
        self._on_problem = on_problem
        self._settle_s = settle_s
        self._patience_s = patience_s
        self._clock = clock
        self._lock = threading.Lock()
        self._changed: dict[Path, None] = {}
        self._stars: dict[Path, bool] = {}
        self._scan_wanted = True
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._idle = threading.Event()
        self._locked_since_s: float | None = None
        self._problem = ""
        self._observer = Observer()
        self._thread = threading.Thread(target=self._run, name="riffsidecar-library", daemon=True)

    def start(self) -> None:
        """Look at all loops and watch the folder; one that cannot be watched is logged."""
        try:
            self._observer.schedule(
                _Listener(self.note, self._library.folder), str(self._library.folder), recursive=True
            )
            self._observer.start()
        except OSError as error:
            logger.warning("the library learns of moved and deleted loops at the next start only: %s", error)
        self._thread.start()

    def note(self, path: Path) -> None:
        """Take note that something happened to a file; never blocks."""
        with self._lock:
            # Out and in again: what happened last has to be looked at last.
            self._changed.pop(path, None)
            self._changed[path] = None
            self._idle.clear()
        self._wake.set()

    def star(self, path: Path, starred: bool) -> None:
        """Give a loop a star, or take it away, once it is in the library; never blocks."""
        with self._lock:
            self._stars[path] = starred
        self.note(path)

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until all that was noted has been looked at; return whether that came about."""
        return self._idle.wait(timeout_s)

    def close(self) -> None:
        """Stop watching; closing twice is closing once. What was not looked at is found at the next start."""
        self._closing.set()
        self._wake.set()
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join(_JOIN_S)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._closing.is_set():
            pause_s: float | None = None
            try:
                self._work()
                self._tell("")
                self._locked_since_s = None
            except LibraryLocked as error:
                pause_s = _RETRY_S
                self._wait_or_set_aside(error)
            except RiffError as error:
                pause_s = 10 * _RETRY_S
                self._tell(str(error))
            except Exception as error:
                logger.exception("the library failed")
                pause_s = 10 * _RETRY_S
                self._tell(f"the library failed: {type(error).__name__}: {error}")
            self._pause(pause_s)

    def _pause(self, pause_s: float | None) -> None:
        """Wait for the next change, or ``pause_s`` after a failure, and then for more that come with it."""
        if pause_s is not None:
            self._closing.wait(pause_s)
            return
        with self._lock:
            if not self._changed:
                self._idle.set()
        self._wake.wait()
        self._wake.clear()
        self._closing.wait(self._settle_s)

    def _work(self) -> None:
        """Look at what changed. Only what was really looked at is struck off."""
        if self._library.open() or self._scan_wanted:
            self._scan()
        with self._lock:
            changed = list(self._changed)
        if len(changed) > _MANY or self._library.folder in changed:
            self._scan()
        else:
            for path in changed:
                if self._closing.is_set():
                    return
                what = self._library.note(path)
                if what not in ("elsewhere", "unchanged", "unknown"):
                    logger.debug("library: %s is %s", path.name, what)
        self._give_stars()
        with self._lock:
            for path in changed:
                self._changed.pop(path, None)

    def _give_stars(self) -> None:
        with self._lock:
            stars = dict(self._stars)
        for path, starred in stars.items():
            try:
                self._library.star([self._library.named(str(path))], starred)
            except UnknownNameError as error:
                logger.warning("the library has no star for %s: %s", path.name, error)
        with self._lock:
            self._stars = {path: on for path, on in self._stars.items() if stars.get(path) != on}

    def _scan(self) -> None:
        scan = self._library.rescan()
        self._scan_wanted = False
        if scan.is_news:
            logger.info(
                "library: %d loops are new, %d changed, %d moved, %d gone, %d as they were",
                scan.added, scan.changed, scan.moved, scan.missing, scan.unchanged,
            )  # fmt: skip

    def _wait_or_set_aside(self, error: LibraryLocked) -> None:
        now_s = self._clock()
        if self._locked_since_s is None:
            self._locked_since_s = now_s
        self._tell(str(error))
        if now_s - self._locked_since_s < self._patience_s:
            return
        self._locked_since_s = None
        self._scan_wanted = True
        try:
            self._library.store.set_aside(f"somebody has held it for {self._patience_s:.0f} s")
        except RiffError as failure:
            self._tell(str(failure))

    def _tell(self, problem: str) -> None:
        if problem != self._problem:
            self._problem = problem
            if problem:
                logger.warning("%s", problem)
            self._on_problem(problem)


class _Listener(Handler):
    def __init__(self, note: Callable[[Path], None], folder: Path) -> None:
        self._note = note
        self._folder = folder

    def on_any_event(self, event: FileSystemEvent) -> None:
        if isinstance(event, DirModifiedEvent | FileOpenedEvent | FileClosedNoWriteEvent):
            return
        if event.is_directory:
            # A folder that is moved in or out takes its loops with it, and no event tells of each.
            self._note(self._folder)
            return
        # The old place first: then the file is missing when it turns up at the new one, and known again.
        for place in (event.src_path, event.dest_path):
            path = Path(os.fsdecode(place)) if place else None
            if path is not None and path.suffix.lower() == ".wav" and not path.name.startswith("."):
                self._note(path)
