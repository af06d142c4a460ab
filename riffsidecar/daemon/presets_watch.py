"""Watch preset folders and tell which banks became what, once the writing has settled."""

from __future__ import annotations

import logging
import os
import threading
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

from riffsidecar.errors import PresetError
from riffsidecar.session.library import BankLibrary
from riffsidecar.session.pads import Bank
from riffsidecar.session.presets import bank_name, load_bank, preset_files

__all__ = ["PresetWatcher"]

logger = logging.getLogger(__name__)

_SETTLE_S = 0.15


class _Handler(FileSystemEventHandler):
    def __init__(self, touched: Callable[[], None]) -> None:
        self._touched = touched

    def on_any_event(self, event: FileSystemEvent) -> None:
        if isinstance(event, DirModifiedEvent | FileOpenedEvent | FileClosedNoWriteEvent):
            return
        # An editor that saves safely writes another file and moves it here: the target counts as well.
        if any(os.fsdecode(path).endswith(".toml") for path in (event.src_path, event.dest_path)):
            self._touched()


class PresetWatcher:
    """Call ``on_bank`` with every changed bank and ``on_problem`` with what is wrong, "" when all is well.

    A file that cannot be read changes no bank: the last good one stays in force.
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
        self._on_bank = on_bank
        self._on_problem = on_problem
        self._touched = threading.Event()
        self._closing = threading.Event()
        self._observer = Observer()
        self._thread = threading.Thread(target=self._run, name="riffsidecar-presets", daemon=True)

    def start(self) -> None:
        """Start to watch; a folder that cannot be watched is logged, its presets stay as they were read."""
        for folder in self._folders:
            try:
                self._observer.schedule(_Handler(self._touched.set), str(folder))
            except OSError as error:
                logger.warning("presets in %s are not reloaded when they change: %s", folder, error)
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
        """Read all presets again and tell what changed."""
        problems: list[str] = []
        found: dict[str, Bank] = {}
        for file in preset_files(self._folders):
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
                self._banks[bank.name] = bank
                logger.info("bank %s was reloaded", bank.name)
                self._on_bank(bank)
        for problem in problems:
            logger.warning("a preset cannot be read, the last good one stays: %s", problem)
        self._on_problem("; ".join(problems))

    def _run(self) -> None:
        while not self._closing.is_set():
            self._touched.wait()
            while self._touched.is_set() and not self._closing.is_set():
                self._touched.clear()
                self._closing.wait(_SETTLE_S)
            if not self._closing.is_set():
                self.reload()
