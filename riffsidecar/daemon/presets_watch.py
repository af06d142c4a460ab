"""Watch preset folders and tell which banks became what, once the writing has settled."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from watchdog.events import (
    DirModifiedEvent,
    FileClosedNoWriteEvent,
    FileOpenedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import ObservedWatch

from riffsidecar.errors import PresetError, RiffError
from riffsidecar.session.library import BankLibrary
from riffsidecar.session.pads import Bank
from riffsidecar.session.presets import bank_name, load_bank, preset_files

__all__ = ["PresetWatcher"]

logger = logging.getLogger(__name__)

_SETTLE_S = 0.15
_LOOK_S = 2.0
_MAX_WRITTEN = 1024


class _Handler(FileSystemEventHandler):
    def __init__(self, touched: Callable[[Path], None]) -> None:
        self._touched = touched

    def on_any_event(self, event: FileSystemEvent) -> None:
        if isinstance(event, DirModifiedEvent | FileOpenedEvent | FileClosedNoWriteEvent):
            return
        # An editor that saves safely writes another file and moves it here: the target counts as well.
        for path in (event.src_path, event.dest_path):
            if os.fsdecode(path).endswith(".toml"):
                self._touched(Path(os.fsdecode(path)))


class PresetWatcher:
    """Call ``on_bank`` with every changed bank and ``on_problem`` with what is wrong, "" when all is well.

    A bank that ``on_bank`` refuses with a RiffError is offered again.
    A file that cannot be read changes no bank: the last good one stays in force, as does that of a file that
    is gone.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        banks: BankLibrary,
        on_bank: Callable[[Bank], None],
        on_problem: Callable[[str], None],
    ) -> None:
        """Watch ``folders``, of which ``banks`` were read."""
        self._folders = tuple(folders)
        self._banks = {bank.name: bank for bank in banks}
        self._files = frozenset(preset_files(self._folders))
        self._on_bank = on_bank
        self._on_problem = on_problem
        self._written: deque[Path] = deque(maxlen=_MAX_WRITTEN)
        self._watches: dict[Path, tuple[object, ObservedWatch]] = {}
        self._unwatchable: set[Path] = set()
        self._touched = threading.Event()
        self._closing = threading.Event()
        self._observer = Observer()
        self._thread = threading.Thread(target=self._run, name="riffsidecar-presets", daemon=True)

    def start(self) -> None:
        """Start to watch; a folder that cannot be watched is logged, its presets stay as they were read."""
        self._watch_folders()
        try:
            self._observer.start()
        except OSError as error:
            logger.warning("presets are not reloaded when they change: %s", error)
            return
        self._thread.start()

    def close(self) -> None:
        """Stop watching; closing twice is closing once."""
        self._closing.set()
        self._touched.set()
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join(1.0)
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(1.0)

    def reload(self) -> None:
        """Read all presets again and tell what changed, and of the files that were written what did not."""
        written = {bank_name(self._written.popleft()) for _ in range(len(self._written))}
        problems: list[str] = []
        found: dict[str, Bank] = {}
        files = tuple(preset_files(self._folders))
        for file in files:
            try:
                bank = load_bank(file)
            except PresetError as error:
                problems.append(str(error))
                # Not the packaged bank of that name either: the last good one is the musician's own.
                found.pop(bank_name(file), None)
            else:
                found[bank.name] = bank
        for bank in found.values():
            if self._banks.get(bank.name) != bank:
                self._take(bank)
            elif bank.name in written:
                logger.info("bank %s was reloaded, and is as it was", bank.name)
        for problem in problems:
            logger.warning("a preset cannot be read, the last good one stays: %s", problem)
        for gone in sorted(self._files.difference(files)):
            logger.warning("the preset %s is gone; its bank stays until the daemon starts again", gone)
        self._files = frozenset(files)
        self._on_problem("; ".join(problems))

    def _take(self, bank: Bank) -> None:
        try:
            self._on_bank(bank)
        except RiffError as error:
            logger.warning("bank %s was not reloaded, it is tried again: %s", bank.name, error)
            self._touched.set()
            return
        self._banks[bank.name] = bank
        logger.info("bank %s was reloaded", bank.name)

    def _note(self, path: Path) -> None:
        self._written.append(path)
        self._touched.set()

    def _watch_folders(self) -> bool:
        """Watch every folder that is not watched yet, or is another one by now; return whether any was."""
        is_new = False
        for folder in self._folders:
            if folder in self._unwatchable:
                continue
            try:
                status = folder.stat()
            except OSError:
                # Reading its presets will say so; it may come back.
                continue
            now = (status.st_dev, status.st_ino)
            before, watch = self._watches.get(folder, (None, None))
            if before == now:
                continue
            try:
                if watch is not None:
                    self._observer.unschedule(watch)
                self._watches[folder] = now, self._observer.schedule(_Handler(self._note), str(folder))
                is_new = True
            except (OSError, KeyError) as error:
                # Told once: the next look would fail for the same reason.
                logger.warning("presets in %s are not reloaded when they change: %s", folder, error)
                self._unwatchable.add(folder)
        return is_new

    def _run(self) -> None:
        while not self._closing.is_set():
            if not self._touched.wait(_LOOK_S) and not self._watch_folders():
                continue
            while self._touched.is_set() and not self._closing.is_set():
                self._touched.clear()
                self._closing.wait(_SETTLE_S)
            if not self._closing.is_set():
                self._reload_safely()

    def _reload_safely(self) -> None:
        try:
            self.reload()
        except Exception:
            # Without this thread no later edit would count either.
            logger.exception("presets could not be read again, they stay as they were")
