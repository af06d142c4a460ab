"""The library's database: one SQLite file in the drop folder, opened anew for every piece of work.

It lies in the drop folder, so that it moves with the loops, to another disk or another machine, and the
folder alone says which library a command means. It can always be made again from the loops themselves, so
one that cannot be read is set aside and begun anew. Stars are kept by the digest of the content, apart from
the loops: they are the one thing that no WAV carries, and are saved from a broken file as far as possible.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TypeVar

from riffsidecar.errors import LibraryError

__all__ = ["LIBRARY_NAME", "SCHEMA_VERSION", "LibraryLocked", "LibraryStore"]

logger = logging.getLogger(__name__)

LIBRARY_NAME: Final = ".riffsidecar-library.db"
SCHEMA_VERSION: Final = 1

_BUSY_S = 5.0
_SIDES = ("", "-wal", "-shm", "-journal")
_SCHEMA = (
    """CREATE TABLE loops (
        id INTEGER PRIMARY KEY, path TEXT NOT NULL, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL, created REAL NOT NULL, name TEXT NOT NULL, prompt TEXT NOT NULL,
        tags TEXT NOT NULL, bpm REAL NOT NULL, bars REAL NOT NULL, bars_text TEXT NOT NULL,
        meter TEXT NOT NULL, key TEXT NOT NULL, chords TEXT NOT NULL, seed INTEGER NOT NULL,
        sample_rate INTEGER NOT NULL, duration_s REAL NOT NULL, lufs REAL, attributes TEXT NOT NULL,
        recipe TEXT NOT NULL, fingerprint BLOB NOT NULL, missing INTEGER NOT NULL DEFAULT 0)""",
    "CREATE UNIQUE INDEX loops_by_path ON loops (path) WHERE missing = 0",
    "CREATE INDEX loops_by_content ON loops (sha256)",
    "CREATE TABLE stars (sha256 TEXT PRIMARY KEY, starred_at REAL NOT NULL)",
)
_WORDS = "CREATE VIRTUAL TABLE words USING fts5(name, prompt, tags)"
_LOCKED = ("locked", "busy")
_CORRUPT = ("malformed", "not a database", "corrupt", "no such table", "no such column", "unsupported file")

Result = TypeVar("Result")


class LibraryLocked(LibraryError):
    """Somebody else holds the library's database."""


class LibraryStore:
    """Do work in the database of one folder, from any thread and beside other processes.

    ``was_begun_anew`` says that the database is younger than the loops, which then have to be read again.
    """

    def __init__(self, folder: Path, *, busy_s: float = _BUSY_S) -> None:
        """Name the database; nothing is opened yet."""
        self._folder = folder
        self._path = folder / LIBRARY_NAME
        self._busy_s = busy_s
        self.was_begun_anew = False

    @property
    def path(self) -> Path:
        """Return the file of the database."""
        return self._path

    def read(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Return what ``work`` finds in the database.

        Raises:
            LibraryError: the database cannot be used at the moment, or is of a newer riffsidecar.
        """
        return self._done(work)

    def write(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Return what ``work`` makes of the database, all of it or nothing.

        Raises:
            LibraryError: the database cannot be used at the moment, or is of a newer riffsidecar.
        """

        def whole(connection: sqlite3.Connection) -> Result:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
            except BaseException:
                connection.rollback()
                raise
            connection.commit()
            return result

        return self._done(whole)

    def set_aside(self, reason: str) -> None:
        """Give the database another name, so that the next work begins a new one; keep the stars.

        Raises:
            LibraryError: the file cannot be renamed.
        """
        stars = self._salvaged_stars()
        stamp = time.strftime("%Y%m%d-%H%M%S")
        aside = self._path.with_name(f".riffsidecar-library.broken-{stamp}-{time.time_ns() % 10**6:06d}.db")
        logger.error(
            "the library %s is set aside as %s and made again from the loops, for %s",
            self._path, aside.name, reason,
        )  # fmt: skip
        try:
            for side in _SIDES:
                with contextlib.suppress(FileNotFoundError):
                    Path(f"{self._path}{side}").rename(f"{aside}{side}")
        except OSError as error:
            raise LibraryError(
                f"the library {self._path} is broken and cannot be set aside: {error.strerror or error}; "
                "delete it, it is made again from the loops"
            ) from error
        self.was_begun_anew = True
        if stars:
            self.write(lambda db: db.executemany("INSERT OR IGNORE INTO stars VALUES (?, ?)", stars))

    def _done(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        for attempt in range(2):
            try:
                with self._connection() as connection:
                    return work(connection)
            except sqlite3.DatabaseError as error:
                text = str(error).lower()
                if any(word in text for word in _LOCKED):
                    raise LibraryLocked(
                        f"the library {self._path} is in use: {error}; try again in a moment"
                    ) from error
                if attempt == 0 and self._is_broken(error, text):
                    self.set_aside(str(error))
                    continue
                raise LibraryError(
                    f"the library {self._path} cannot be used: {error}; check the disk and the folder's "
                    "permissions, or delete the file: it is made again from the loops"
                ) from error
        raise LibraryError(f"the library {self._path} cannot be made anew; check the disk")

    @staticmethod
    def _is_broken(error: sqlite3.DatabaseError, text: str) -> bool:
        # A plain DatabaseError is always about the file; the operational ones are mostly about the moment.
        return type(error) is sqlite3.DatabaseError or any(word in text for word in _CORRUPT)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=self._busy_s, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            self._prepare(connection)
            yield connection
        finally:
            connection.close()

    def _prepare(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == SCHEMA_VERSION:
            connection.execute("PRAGMA synchronous = NORMAL")
            return
        if version > SCHEMA_VERSION:
            raise LibraryError(
                f"the library {self._path} is of version {version}, this riffsidecar knows {SCHEMA_VERSION}; "
                "use the newer one, or delete the file: it is made again from the loops"
            )
        # On a network drive there is no write-ahead log: SQLite then keeps its journal. And this pragma does
        # not wait for others: whoever is in our way has begun the same database, and sets it there.
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in _SCHEMA:
                connection.execute(statement)
            with contextlib.suppress(sqlite3.OperationalError):
                connection.execute(_WORDS)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self.was_begun_anew = True
        connection.commit()

    def _salvaged_stars(self) -> list[tuple[str, float]]:
        try:
            connection = sqlite3.connect(f"{self._path.absolute().as_uri()}?mode=ro", timeout=0.1, uri=True)
        except sqlite3.Error:
            return []
        found: list[tuple[str, float]] = []
        try:
            for sha256, starred_at in connection.execute("SELECT sha256, starred_at FROM stars"):
                found.append((str(sha256), float(starred_at)))
        except (sqlite3.Error, TypeError, ValueError) as error:
            logger.warning("%d stars could be saved from the old library: %s", len(found), error)
        finally:
            connection.close()
        return found
