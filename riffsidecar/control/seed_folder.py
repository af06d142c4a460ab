"""The seed folder as a surface: an audio file that lands there becomes a seed by its name.

Files are looked at when the folder changes and, for drives that tell of no changes, every few seconds. A file
is read once its size has stood still for a moment; one that is still being copied waits, one that cannot be
read is told of and left alone. Nothing in the folder is ever changed.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import stat
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from watchdog.events import DirModifiedEvent, FileClosedNoWriteEvent, FileOpenedEvent, FileSystemEvent
from watchdog.events import FileSystemEventHandler as Handler
from watchdog.observers import Observer

from riffsidecar.control.surface import Submit
from riffsidecar.errors import AudioError, ControlError, MusicError, RiffError
from riffsidecar.music import Meter, Tempo
from riffsidecar.render.seeds import (
    MAX_SEED_FILE_BYTES,
    SUFFIXES,
    Unfinished,
    fit_seed,
    keep_fitted,
    sweep_fitted,
)
from riffsidecar.session.commands import ReplaceSeeds
from riffsidecar.session.events import Envelope, Event, Origin, StateChanged
from riffsidecar.session.seeds import SeedSource, seed_name

__all__ = ["SeedFolderSurface"]

logger = logging.getLogger(__name__)

_SETTLE_S = 0.4
_PATIENCE_S = 60.0
"""A file that promises more than it has may be a slow copy for so long; then it is told of."""

_LOOK_AGAIN_S = 5.0
_JOIN_S = 5.0
_MAX_SEEDS = 512
_OCTAVE = 0.5
"""Half an octave: where the session's tempo moves further, measured seeds are read anew."""

_Signature = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _File:
    """What is known of one file: since when it looks as it does, and what came of it."""

    signature: _Signature
    since_s: float
    seed: SeedSource | None = None
    problem: str = ""
    is_done: bool = False


class SeedFolderSurface:
    """Watch one folder for seed audio.

    Args:
        folder: where the musician drops files; made when it is missing.
        fitted: where fitted seeds are kept for the render worker.
        settle_s: how long a file must have stood still.
        clock: seconds that never run back; given by tests.
    """

    def __init__(
        self,
        folder: Path,
        fitted: Path,
        *,
        settle_s: float = _SETTLE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; nothing is looked at before the start."""
        self._folder = folder.expanduser()
        self._fitted = fitted
        self._settle_s = settle_s
        self._clock = clock
        self._files: dict[str, _File] = {}
        self._tempo, self._meter = Tempo.parse(120), Meter(4, 4)
        self._read_for: tuple[Tempo, Meter] | None = None
        self._left_out = 0
        self._told: tuple[tuple[SeedSource, ...], str] = ((), "")
        self._lock = threading.Lock()
        self._touched = threading.Event()
        self._closing = threading.Event()
        self._submit: Submit | None = None
        self._observer = Observer()
        self._thread: threading.Thread | None = None

    @property
    def name(self) -> str:
        """Return ``"seeds"``."""
        return "seeds"

    @property
    def folder(self) -> Path:
        """Return the folder that is watched."""
        return self._folder

    def start(self, submit: Submit) -> None:
        """Begin to look at the folder. A folder that cannot be made or watched is logged, for it may mend.

        Raises:
            ControlError: it was started before.
        """
        with self._lock:
            if self._thread is not None or self._closing.is_set():
                raise ControlError("this seed folder was started before: make a new one")
            self._submit = submit
            self._thread = threading.Thread(target=self._run, name="riffsidecar-seeds", daemon=True)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._observer.schedule(_Waker(self._touched.set), str(self._folder))
            self._observer.start()
        except OSError as error:
            logger.warning("the seed folder %s tells of no changes: %s", self._folder, error)
        self._thread.start()

    def notify(self, event: Event) -> None:
        """Note the tempo and the meter of the session: they break ties where a recording is measured."""
        if not isinstance(event, StateChanged):
            return
        try:
            tempo = Tempo.parse(event.state["tempo"])  # type: ignore[arg-type]
            meter = Meter.parse(event.state["meter"])  # type: ignore[arg-type]
        except (KeyError, MusicError):
            return
        with self._lock:
            changed = (tempo, meter) != (self._tempo, self._meter)
            self._tempo, self._meter = tempo, meter
        if changed:
            self._touched.set()

    def close(self) -> None:
        """Stop looking; closing twice is closing once."""
        self._closing.set()
        self._touched.set()
        if self._observer.is_alive():
            self._observer.stop()
            self._observer.join(_JOIN_S)
        thread = self._thread
        if thread is not None and thread.ident is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)

    def _run(self) -> None:
        sweep_fitted(self._fitted)
        while not self._closing.is_set():
            try:
                is_waiting = self.look()
            except Exception:
                logger.exception("the seed folder %s could not be looked at", self._folder)
                is_waiting = False
            self._touched.wait(self._settle_s / 2 if is_waiting else _LOOK_AGAIN_S)
            self._touched.clear()

    def look(self) -> bool:
        """Look at the folder once, take what is ready, tell what changed; return whether something waits."""
        with self._lock:
            tempo, meter = self._tempo, self._meter
        self._read_anew(tempo, meter)
        found = self._listed()
        for path in [path for path in self._files if path not in found]:
            del self._files[path]
        for path, signature in found.items():
            known = self._files.get(path)
            if known is None or known.signature != signature:
                # What was good stays in force until the new content is.
                seed = known.seed if known is not None else None
                problem = known.problem if known is not None else ""
                self._files[path] = _File(signature, self._clock(), seed, problem)
        for path, file in tuple(self._files.items()):
            if self._closing.is_set():
                return False
            if not file.is_done and self._clock() - file.since_s >= self._settle_s:
                self._files[path] = self._taken(Path(path), file, tempo, meter)
        self._tell()
        return any(not file.is_done for file in self._files.values()) or self._told != self._shelf()

    def _read_anew(self, tempo: Tempo, meter: Meter) -> None:
        """Let measured seeds be read again where the session has moved to another tempo octave or meter."""
        before = self._read_for
        if before is not None and before[1] == meter:
            if abs(math.log2(float(tempo) / float(before[0]))) < _OCTAVE:
                return
        self._read_for = tempo, meter
        for path, file in self._files.items():
            if file.seed is not None and not file.seed.was_told:
                self._files[path] = replace(file, is_done=False)

    def _listed(self) -> Mapping[str, _Signature]:
        """Return the audio files of the folder, those that came first, first."""
        found: list[tuple[int, str, _Signature]] = []
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    if entry.name.startswith(".") or Path(entry.name).suffix.lower() not in SUFFIXES:
                        continue
                    status = _status(entry)
                    if status is not None and stat.S_ISREG(status.st_mode):
                        signature = status.st_size, status.st_mtime_ns
                        found.append((status.st_mtime_ns, entry.path, signature))
        except OSError as error:
            logger.debug("the seed folder %s cannot be read: %s", self._folder, error)
        self._left_out = max(0, len(found) - _MAX_SEEDS)
        return {path: signature for _, path, signature in sorted(found)[:_MAX_SEEDS]}

    def _taken(self, path: Path, file: _File, tempo: Tempo, meter: Meter) -> _File:
        """Return what has become of a file that has stood still."""
        try:
            seed = self._read(path, tempo, meter)
        except (Unfinished, OSError) as error:
            # A copy that stalls, or a program that still holds the file: both may pass.
            if self._clock() - file.since_s < _PATIENCE_S:
                return file
            return self._broken(path, file, error)
        except (RiffError, ValueError, ArithmeticError, MemoryError) as error:
            return self._broken(path, file, error)
        logger.info("seed %s: %s bars of %s at %.2f BPM", seed.name, seed.bars, seed.meter, seed.bpm)
        return replace(file, seed=seed, problem="", is_done=True)

    def _broken(self, path: Path, file: _File, error: Exception) -> _File:
        text = f"{path.name}: {error}"
        if file.problem != text:
            logger.warning("no seed can be made of %s: %s", path.name, error)
        return replace(file, seed=None, problem=text, is_done=True)

    def _read(self, path: Path, tempo: Tempo, meter: Meter) -> SeedSource:
        if path.stat().st_size > MAX_SEED_FILE_BYTES:
            raise AudioError(f"it has over {MAX_SEED_FILE_BYTES} bytes; cut it shorter")
        fitted = fit_seed(path.read_bytes(), path.stem[:64], tempo, meter)
        return fitted.source(self._free_name(path), keep_fitted(fitted, self._fitted))

    def _free_name(self, path: Path) -> str:
        """Return the name of a file's seed; where another file has it, the kind of the file joins it."""
        name = seed_name(path.stem)
        taken = {file.seed.name for other, file in self._files.items() if file.seed and other != str(path)}
        if name not in taken:
            return name
        kind = seed_name(f"{path.stem[:40]} {path.suffix}")
        if kind not in taken:
            return kind
        return seed_name(f"{path.stem[:40]} {hashlib.sha256(path.name.encode()).hexdigest()[:6]}")

    def _shelf(self) -> tuple[tuple[SeedSource, ...], str]:
        seeds = tuple(file.seed for file in self._files.values() if file.seed is not None)
        problems = [file.problem for file in self._files.values() if file.problem]
        if self._left_out:
            problems.insert(0, f"only the oldest {_MAX_SEEDS} files are seeds; left out: {self._left_out}")
        return seeds, "; ".join(problems)[:1000]

    def _tell(self) -> None:
        shelf = self._shelf()
        if shelf == self._told or self._submit is None:
            return
        try:
            self._submit(Envelope(ReplaceSeeds(*shelf), Origin(self.name)))
        except RiffError as error:
            logger.warning("the seeds were not taken, and are told again: %s", error)
        except Exception:
            logger.exception("the seeds were not taken, and are told again")
        else:
            self._told = shelf


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Return what an entry of the folder is; None for a link to nowhere, or a file that has gone by now."""
    try:
        return entry.stat()
    except OSError as error:
        logger.debug("%s is no seed: %s", entry.name, error)
        return None


class _Waker(Handler):
    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    def on_any_event(self, event: FileSystemEvent) -> None:
        if not isinstance(event, DirModifiedEvent | FileOpenedEvent | FileClosedNoWriteEvent):
            self._wake()
