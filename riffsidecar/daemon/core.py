"""Put the rooms together: configuration, session, rendering and surfaces, started and stopped in order."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType

from riffsidecar.config import Config, SessionConfig
from riffsidecar.control.surface import Surface
from riffsidecar.daemon.bars import BarKeeper
from riffsidecar.daemon.conductor import Conductor
from riffsidecar.daemon.failures import FailureLog
from riffsidecar.daemon.follow import Forecaster
from riffsidecar.daemon.journeys import JourneyPlayer, journey_settings
from riffsidecar.daemon.library_watch import LibraryKeeper
from riffsidecar.daemon.lock import FolderLock
from riffsidecar.daemon.outbox import Outbox
from riffsidecar.daemon.presets_watch import PresetWatcher
from riffsidecar.errors import PresetError
from riffsidecar.models.store import ModelStore
from riffsidecar.music import Chords, Key, Meter, Tempo, parse_bars
from riffsidecar.render.cache import DiskCache, LoopCache
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.library import Library
from riffsidecar.render.lookahead import LookAhead
from riffsidecar.render.service import RenderService
from riffsidecar.render.settings import DEFAULT_FACTORY, WorkerSettings
from riffsidecar.render.worker import RenderWorker
from riffsidecar.session.commands import Command, ReplaceBank, SetModel
from riffsidecar.session.engines import EMBEDDED_MODEL
from riffsidecar.session.events import Envelope, Event, Failed, Finished, Origin, Previewed
from riffsidecar.session.library import BankLibrary
from riffsidecar.session.loops import Loop
from riffsidecar.session.pads import Bank
from riffsidecar.session.presets import load_banks, packaged_presets
from riffsidecar.session.settings import Harmony, Output, Settings
from riffsidecar.session.state import Session

__all__ = ["Daemon", "preset_folders", "read_banks", "start_session", "stop_signals", "worker_settings"]

logger = logging.getLogger(__name__)

_MB = 1_000_000


def preset_folders(config: Config) -> tuple[Path, ...]:
    """Return where banks come from: the packaged folder, and the musician's own, which wins."""
    own = config.presets.folder
    return (packaged_presets(), *((Path(own).expanduser(),) if own else ()))


def _log_preset_error(error: PresetError) -> None:
    logger.warning("a preset is left out: %s", error)


def read_banks(
    folders: Sequence[Path], on_error: Callable[[PresetError], None] = _log_preset_error
) -> BankLibrary:
    """Read the banks; a file that cannot be read is told to ``on_error`` and left out.

    Raises:
        PresetError: a folder is missing, or no file can be read.
    """
    for folder in folders:
        if not folder.is_dir():
            raise PresetError(f"there is no preset folder {folder}; create it or change presets.folder")
    return load_banks(folders, on_error)


def start_session(config: Config, banks: BankLibrary) -> Session:
    """Return the session that the configuration describes.

    Raises:
        UnknownNameError: there is no bank of the configured name.
    """
    start: SessionConfig = config.session
    harmony = None
    if start.key or start.chords:
        harmony = Harmony(
            Key.parse(start.key) if start.key else None, Chords.parse(start.chords) if start.chords else None
        )
    output = config.output
    settings = Settings(
        tempi={"config": Tempo.parse(start.bpm)} if start.bpm else {},
        meter=Meter.parse(start.meter) if start.meter else None,
        bars=parse_bars(start.bars) if start.bars else None,
        harmony=harmony,
        seed=start.seed,
        follow=start.follow,
        output=Output(output.sample_rate, output.bit_depth, output.loudness_lufs, config.render.model),
    )
    return Session(banks, banks.find(start.bank or 1).name, settings)


def worker_settings(config: Config, factory: str = DEFAULT_FACTORY) -> WorkerSettings:
    """Return the settings of the render worker."""
    render = config.render
    return WorkerSettings(
        checkpoint=render.checkpoint,
        model=render.model,
        threads=render.threads,
        nice=render.nice,
        log_level=logging.getLogger().getEffectiveLevel(),
        factory=factory,
    )


def _check_model(command: Command) -> None:
    """Refuse a model that is not there before every pad fails for it."""
    if isinstance(command, SetModel) and command.model != EMBEDDED_MODEL:
        ModelStore().find_maker(command.model)


class Daemon:
    """Run riffsidecar in this process from ``start`` to ``close``.

    ``surfaces`` are given by the caller, so that the demo and the tests choose theirs; ``factory`` is what
    the worker loads.
    """

    def __init__(self, config: Config, surfaces: Sequence[Surface], factory: str = DEFAULT_FACTORY) -> None:
        """Build everything; nothing runs yet.

        Raises:
            RiffError: a preset folder, the drop folder or the cache folder cannot be used.
        """
        render = config.render
        folders = preset_folders(config)
        left_out: list[str] = []
        banks = read_banks(folders, lambda error: left_out.append(str(error)))
        session = start_session(config, banks)
        self._drop = DropFolder(Path(config.output.folder))
        self._lock = FolderLock(self._drop.path)
        disk = None
        if render.cache_folder:
            disk = DiskCache(Path(render.cache_folder).expanduser(), render.cache_folder_mb * _MB)
        self._surfaces = tuple(surfaces)
        self._outboxes = tuple(Outbox(surface) for surface in self._surfaces)
        self._bars = BarKeeper(session)
        self._failures = FailureLog()
        self._service = RenderService(
            RenderWorker(worker_settings(config, factory)),
            self._drop,
            LoopCache(render.cache_mb * _MB, disk),
            self._emit,
            on_problem=lambda problem: self._conductor.note_problem("rendering", problem),
            ahead=LookAhead(render.ahead, is_allowed=lambda: not self._journeys.is_making),
            ready_bar=self._bars.ready_bar,
        )
        self._journeys = JourneyPlayer(
            partial(RenderWorker, journey_settings(worker_settings(config, factory))),
            self._drop,
            self._emit,
            lambda: self._service.status == "rendering",
            lambda journey: self._conductor.note_end(journey),
        )
        self._conductor = Conductor(
            session,
            self._service,
            self._emit,
            journeys=self._journeys,
            on_mark=self._mark,
            bars=self._bars,
            forecaster=Forecaster(render.ahead),
            check=_check_model,
        )
        self._note_presets("; ".join(left_out))
        for problem in left_out:
            logger.warning("a preset is left out: %s", problem)
        self._keeper: LibraryKeeper | None = None
        if config.library.enabled:
            library = Library(self._drop.path, left_out=(config.seed_folder,))
            self._keeper = LibraryKeeper(library, partial(self._conductor.note_problem, "library"))
        self._watcher = PresetWatcher(folders, banks, self._replace_bank, self._note_presets)
        self._closed = threading.Event()
        self._close_lock = threading.Lock()
        self._started = False

    @property
    def folder(self) -> Path:
        """The drop folder."""
        return self._drop.path

    @property
    def session(self) -> Session:
        """The session as it is now."""
        return self._conductor.session

    @property
    def status(self) -> str:
        """One word on how things are, as ``/riff/pong`` says it."""
        return self._service.status

    def submit(self, envelope: Envelope) -> None:
        """Queue a command as a surface does.

        Raises:
            RiffError: the daemon is busy or stopping.
        """
        self._conductor.submit(envelope)

    def start(self) -> None:
        """Start everything, or raise and leave nothing behind; starting twice is starting once.

        Raises:
            DropError: another daemon uses the drop folder.
            ControlError: a surface can never work, as when its port is taken.
        """
        if self._started:
            return
        self._lock.acquire()
        self._started = True
        try:
            for outbox in self._outboxes:
                outbox.start()
            for surface in self._surfaces:
                surface.start(self._conductor.submit)
            self._conductor.start()
            self._service.start()
            self._watcher.start()
            if self._keeper is not None:
                self._keeper.start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop everything within 5 s; closing twice is closing once."""
        with self._close_lock:
            if self._closed.is_set():
                return
            keeper = () if self._keeper is None else (self._keeper,)
            workers = (self._journeys, self._service)
            parts = (self._watcher, *keeper, self._conductor, *workers, *self._outboxes, *self._surfaces)
            for close in (*(part.close for part in parts), self._lock.release):
                try:
                    close()
                except Exception:
                    # Whatever it is, the other parts have ports, files and processes to give back.
                    logger.exception("a part of the daemon did not close cleanly")
            self._closed.set()

    def _emit(self, event: Event) -> None:
        event = self._bars.stamped(event)
        if isinstance(event, Failed):
            self._failures.note(event)
        come = event.loop if isinstance(event, Previewed) else event
        if isinstance(come, Finished) and come.loop is not None:
            # First, so that whoever hears of the loop can do something to it at once.
            self._conductor.note_loop(come.slot, come.loop, come.passage)
        if isinstance(come, Finished) and come.path and self._keeper is not None:
            self._keeper.note(Path(come.path))
        for outbox in self._outboxes:
            outbox.put(event)

    def _mark(self, loop: Loop, starred: bool) -> None:
        if self._keeper is not None:
            self._keeper.star(Path(loop.path), starred)

    def _note_presets(self, problem: str) -> None:
        self._conductor.note_problem("presets", problem)

    def _replace_bank(self, bank: Bank) -> None:
        self._conductor.submit(Envelope(ReplaceBank(bank), Origin("presets")))


@contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Give an event that SIGTERM, SIGINT and, where it exists, SIGHUP set; restore the handlers after."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        logger.info("stopping on %s", signal.Signals(number).name)
        stop.set()

    numbers = [signal.SIGTERM, signal.SIGINT]
    if hasattr(signal, "SIGHUP"):
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, on_signal) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
