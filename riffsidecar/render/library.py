"""The library: every loop of a drop folder, found by its words, its tempo, its key, or by its sound.

The files are the truth and the database follows them: a file that was moved is known again by its digest, one
that was deleted is remembered as missing, with its star, and nothing is ever put back.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from riffsidecar.audio.fingerprint import FINGERPRINT_SIZE, likeness
from riffsidecar.errors import LibraryError, RiffError, SessionError, UnknownNameError, nearest
from riffsidecar.music.shown import shown
from riffsidecar.render.library_files import Entry, Signature, listed_loops, read_entry, signature_of
from riffsidecar.render.library_store import LibraryStore

__all__ = ["Library", "Scan", "Wanted"]

logger = logging.getLogger(__name__)

_COLUMNS: Final = tuple(each.name for each in fields(Entry) if each.name not in ("starred", "missing"))
_SELECT: Final = (
    "SELECT loops.*, stars.sha256 IS NOT NULL AS starred FROM loops LEFT JOIN stars USING (sha256)"
)
_MAX_WORDS = 16


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; an empty one is every loop whose file is there.

    Attributes:
        words: each has to begin a word of the name, the prompt or the tags.
        bpm: the slowest and the fastest tempo.
        key: exactly this key, as ``Am``.
        bars: exactly so many.
        starred: only those with a star.
        missing: also those whose file is gone.
        limit: how many at most, the newest first; 0 for all.
    """

    words: str = ""
    bpm: tuple[float, float] | None = None
    key: str = ""
    bars: float | None = None
    starred: bool = False
    missing: bool = False
    limit: int = 0

    def __post_init__(self) -> None:
        """Refuse what nothing could match.

        Raises:
            SessionError: tempi that fall, or a limit below 0.
        """
        if self.bpm is not None and not 0 < self.bpm[0] <= self.bpm[1]:
            raise SessionError(f"bpm is {self.bpm[0]:g} to {self.bpm[1]:g}, but must rise, such as 118-124")
        if self.limit < 0:
            raise SessionError(f"limit is {self.limit}, but must be 0 for all, or more")


@dataclass(frozen=True, slots=True)
class Scan:
    """What a look at all files found."""

    added: int = 0
    changed: int = 0
    moved: int = 0
    missing: int = 0
    unchanged: int = 0
    unreadable: int = 0

    @property
    def is_news(self) -> bool:
        """Return whether anything was other than the library knew."""
        return bool(self.added or self.changed or self.moved or self.missing)


class Library:
    """Keep the index of one drop folder; safe from any thread, and beside other processes.

    Args:
        folder: the drop folder.
        left_out: folders inside it whose files are no loops of the library, as the seed folder.
        busy_s: how long to wait for somebody else who writes.
    """

    def __init__(self, folder: Path, *, left_out: Iterable[Path] = (), busy_s: float = 5.0) -> None:
        """Name the folder; nothing is opened yet."""
        self._folder = folder.expanduser().resolve()
        self._left_out = frozenset(place.expanduser().resolve() for place in left_out)
        self._store = LibraryStore(self._folder, busy_s=busy_s)

    @property
    def folder(self) -> Path:
        """Return the drop folder."""
        return self._folder

    @property
    def store(self) -> LibraryStore:
        """Return the database."""
        return self._store

    def open(self) -> bool:
        """Make sure that there is a database; return whether it was begun anew and wants a rescan.

        Raises:
            LibraryError: it cannot be used.
        """
        if not self._folder.is_dir():
            raise LibraryError(f"there is no folder {self._folder}; name the drop folder with --out")
        self._store.read(lambda db: db.execute("SELECT 1 FROM loops LIMIT 1").fetchone())
        begun, self._store.was_begun_anew = self._store.was_begun_anew, False
        return begun

    def rescan(self, on_file: Callable[[int, int], None] | None = None) -> Scan:
        """Bring the library up to what lies in the folder now; calls ``on_file`` with how many of how many.

        Raises:
            LibraryError: the database cannot be used.
        """
        listed = dict(listed_loops(self._folder, self._left_out))
        known = self._store.read(
            lambda db: {
                str(row["path"]): (int(row["size"]), int(row["mtime_ns"]))
                for row in db.execute("SELECT path, size, mtime_ns FROM loops WHERE missing = 0")
            }
        )
        gone = [path for path in known if path not in listed]
        if gone:
            self._store.write(lambda db: db.executemany(_MARK_MISSING, [(path,) for path in gone]))
        new = {path: signature for path, signature in listed.items() if known.get(path) != signature}
        counts = dict.fromkeys(("added", "changed", "moved", "unreadable"), 0)
        for number, (path, signature) in enumerate(new.items(), 1):
            outcome = self._take(path, signature)
            if outcome in counts:
                counts[outcome] += 1
            if on_file is not None:
                on_file(number, len(new))
        missing = max(0, len(gone) - counts["moved"])
        return Scan(missing=missing, unchanged=len(listed) - len(new), **counts)

    def note(self, path: Path) -> str:
        """Take note of one file that came, changed or went; return what became of it, in a word.

        Raises:
            LibraryError: the database cannot be used.
        """
        try:
            # The folder may be reached through a link; what lies beyond it is none of the library's.
            relative = (path.parent.resolve() / path.name).relative_to(self._folder)
        except (ValueError, OSError):
            return "elsewhere"
        hidden = any(part.startswith(".") for part in relative.parts)
        if hidden or relative.suffix.lower() != ".wav" or self._is_left_out(relative):
            return "elsewhere"
        signature = signature_of(path)
        if signature is None:
            changed = self._store.write(lambda db: db.execute(_MARK_MISSING, (relative.as_posix(),)).rowcount)
            return "missing" if changed else "unknown"
        return self._take(relative.as_posix(), signature)

    def find(self, wanted: Wanted) -> list[Entry]:
        """Return the loops that are looked for, the newest first.

        Raises:
            LibraryError: the database cannot be used.
        """
        return self._store.read(lambda db: [_entry(row) for row in _found(db, wanted)])

    def named(self, name: str) -> Entry:
        """Return the loop of a file name, a path, a digest's beginning, or the only one whose name begins so.

        Raises:
            UnknownNameError: there is none, or more than one.
            LibraryError: the database cannot be used.
        """
        entries = self.find(Wanted(missing=True))
        written = Path(name).expanduser()
        absolute = written.resolve() if written.exists() else None
        whole = [
            entry
            for entry in entries
            if entry.path == name or entry.name == written.stem or self._folder / entry.path == absolute
        ]
        begun = [
            entry
            for entry in entries
            if entry.name.startswith(name) or (len(name) >= 8 and entry.sha256.startswith(name))
        ]
        for found in (whole, begun):
            there = [entry for entry in found if not entry.missing] or found
            if len({entry.sha256 for entry in there}) == 1:
                return there[0]
            if there:
                raise UnknownNameError(
                    f"{shown(name)} is the beginning of {len(there)} loops, as {there[0].name} and "
                    f"{there[1].name}; write more of it"
                )
        close = nearest(name, [entry.name for entry in entries])
        raise UnknownNameError(f"no loop {shown(name)} in the library of {self._folder}{close}")

    def similar(self, entry: Entry, count: int) -> list[tuple[Entry, float]]:
        """Return the loops most like one, with their likeness from -1 to 1, the most alike first.

        Raises:
            LibraryError: the database cannot be used.
        """
        others = [
            other
            for other in self.find(Wanted())
            if other.sha256 != entry.sha256 and len(other.fingerprint) == 2 * FINGERPRINT_SIZE
        ]
        if not others or len(entry.fingerprint) != 2 * FINGERPRINT_SIZE:
            return []
        scores = likeness(entry.vector, np.stack([other.vector for other in others]))
        order = np.argsort(-scores, kind="stable")[:count]
        return [(others[index], float(scores[index])) for index in order]

    def star(self, entries: Sequence[Entry], starred: bool) -> None:
        """Give loops a star, or take it away.

        Raises:
            LibraryError: the database cannot be used.
        """
        now_s = time.time()
        statement, rows = (
            ("INSERT OR IGNORE INTO stars VALUES (?, ?)", [(entry.sha256, now_s) for entry in entries])
            if starred
            else ("DELETE FROM stars WHERE sha256 = ?", [(entry.sha256,) for entry in entries])
        )
        self._store.write(lambda db: db.executemany(statement, rows))

    def _is_left_out(self, relative: Path) -> bool:
        return any(self._folder / parent in self._left_out for parent in relative.parents)

    def _take(self, relative: str, signature: Signature) -> str:
        def known(db: sqlite3.Connection) -> bool:
            row = db.execute(
                "SELECT size, mtime_ns FROM loops WHERE path = ? AND missing = 0", (relative,)
            ).fetchone()
            return row is not None and (int(row["size"]), int(row["mtime_ns"])) == signature

        if self._store.read(known):
            return "unchanged"
        try:
            entry = read_entry(self._folder, relative, signature)
        except (RiffError, ValueError) as error:
            logger.info("%s is not in the library: %s", relative, error)
            return "unreadable"
        if entry is None:
            return "foreign"
        return self._store.write(lambda db: _put(db, entry))


_MARK_MISSING = "UPDATE loops SET missing = 1 WHERE path = ? AND missing = 0"


def _put(db: sqlite3.Connection, entry: Entry) -> str:
    """Store an entry: over the one at its path, else over a missing one of its content, else as a new one."""
    at_path = db.execute(
        "SELECT id, created FROM loops WHERE path = ? AND missing = 0", (entry.path,)
    ).fetchone()
    moved = db.execute(
        "SELECT id, created FROM loops WHERE sha256 = ? AND missing = 1 ORDER BY id LIMIT 1", (entry.sha256,)
    ).fetchone()
    before = at_path if at_path is not None else moved
    if before is not None:
        db.execute("DELETE FROM loops WHERE id = ?", (before["id"],))
        _forget_words(db, before["id"])
        entry = replace(entry, created=before["created"])
    marks = ", ".join("?" * len(_COLUMNS))
    cursor = db.execute(
        f"INSERT INTO loops ({', '.join(_COLUMNS)}) VALUES ({marks})",  # noqa: S608 - names of our own fields
        tuple(getattr(entry, name) for name in _COLUMNS),
    )
    if _has_words(db):
        db.execute(
            "INSERT INTO words (rowid, name, prompt, tags) VALUES (?, ?, ?, ?)",
            (cursor.lastrowid, entry.name, entry.prompt, entry.tags),
        )
    if at_path is not None:
        return "changed"
    return "moved" if moved is not None else "added"


def _has_words(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'words'").fetchone() is not None


def _forget_words(db: sqlite3.Connection, number: int) -> None:
    if _has_words(db):
        db.execute("DELETE FROM words WHERE rowid = ?", (number,))


def _found(db: sqlite3.Connection, wanted: Wanted) -> list[sqlite3.Row]:
    conditions: list[str] = [] if wanted.missing else ["missing = 0"]
    values: list[Any] = []
    words = [word.strip('"') for word in wanted.words.split()][:_MAX_WORDS]
    words = [word for word in words if any(letter.isalnum() for letter in word)]
    if words and _has_words(db):
        conditions.append("loops.id IN (SELECT rowid FROM words WHERE words MATCH ?)")
        values.append(" ".join('"{}"*'.format(word.replace('"', '""')) for word in words))
    elif words:
        for word in words:
            conditions.append("(name || ' ' || prompt || ' ' || tags) LIKE ? ESCAPE '\\'")
            values.append("%{}%".format(word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")))
    for condition, value in (
        ("bpm >= ?", wanted.bpm and wanted.bpm[0]),
        ("bpm <= ?", wanted.bpm and wanted.bpm[1]),
        ("key = ? COLLATE NOCASE", wanted.key or None),
        ("abs(bars - ?) < 0.001", wanted.bars),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if wanted.starred:
        conditions.append("stars.sha256 IS NOT NULL")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    limit = f" LIMIT {wanted.limit:d}" if wanted.limit else ""
    query = f"{_SELECT}{where} ORDER BY created DESC, loops.id DESC{limit}"
    return db.execute(query, values).fetchall()


def _entry(row: sqlite3.Row) -> Entry:
    columns = {name: row[name] for name in _COLUMNS}
    return Entry(**columns, starred=bool(row["starred"]), missing=bool(row["missing"]))
