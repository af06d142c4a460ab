"""The folder that the DAW watches: a loop appears there whole, under a name of its own, or not at all.

A file is written under a hidden temporary name in the same folder, synced, and then given its real name in
one step that fails if the name is taken. Nobody ever sees it under its real name before it is complete, and
no file of anybody's is ever replaced.
"""

from __future__ import annotations

import errno
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from riffsidecar.audio.names import MAX_STEM_CHARS, is_safe_stem
from riffsidecar.errors import DropError
from riffsidecar.render.used_ids import UsedIds

__all__ = ["DropFolder"]

_log = logging.getLogger(__name__)

_TEMP_NAME = re.compile(r"\.riffsidecar-([0-9]{1,10})-([0-9a-f]{8})-[0-9a-f]{8}\.part", re.ASCII)
_LIFE = secrets.token_hex(4)
"""Tells this process from an earlier one with the same number: in a container it is always 1."""

_ORPHAN_AGE_S = 24 * 3600.0
"""After a day a temporary file is an orphan even if its process number lives: numbers are used again."""

_ORPHAN_AGE_WITHOUT_PIDS_S = 600.0
"""Where processes cannot be asked for (Windows), ten minutes: a drop takes well under a second."""

_WINDOWS_BUSY = frozenset({5, 32, 33})
"""Access denied, sharing violation, lock violation: a scanner or indexer holds the file for a moment."""

_BACK_OFF_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0)
_ATTEMPTS = 8
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_NO_LINKS = frozenset(
    getattr(errno, name, errno.EPERM)
    for name in ("EPERM", "EACCES", "ENOSYS", "EOPNOTSUPP", "ENOTSUP", "EMLINK")
)
"""What file systems without hard links (exFAT, some network shares) answer to a link."""

_REMEDIES = {
    errno.ENOSPC: "the disk is full: free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up: free some space or choose another folder",
    errno.EROFS: "the disk is read-only: choose another folder",
    errno.EACCES: "riffsidecar may not write there: change the folder's permissions or choose another",
    errno.EPERM: "riffsidecar may not write there: change the folder's permissions or choose another",
    errno.ENOENT: "the folder is gone: create it, plug its drive in, or choose another",
    errno.ENOTDIR: "it is not a folder: choose another",
    errno.EEXIST: "a file of that name is in its place: move it away or choose another folder",
    errno.EIO: "the disk reports an error: check the drive or choose another folder",
    errno.EMFILE: "too many files are open: close some programs and try again",
    errno.ENAMETOOLONG: "the path is too long: choose a folder nearer to the root",
}


class DropFolder:
    """Publish WAV files into one folder; safe to use from several threads.

    Args:
        path: the folder; created, with its parents, where missing.
        sleep: waits between attempts where Windows holds a file; given by tests.

    Raises:
        DropError: if the folder cannot be created or read, naming the cause and the remedy.
    """

    def __init__(self, path: Path, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._lock = threading.Lock()
        try:
            # Resolved once: a link swapped later cannot send loops somewhere else.
            self._path = path.expanduser().resolve()
            self._path.mkdir(parents=True, exist_ok=True)
            self._ids = UsedIds(self._path)
            self._sweep()
        except (OSError, RuntimeError) as error:  # RuntimeError: no home for ~, or links in a circle
            raise _drop_error(path, "use", error) from error

    @property
    def path(self) -> Path:
        """Return the folder, absolute and without symbolic links."""
        return self._path

    def publish(self, stem: str, data: bytes) -> Path:
        """Write ``data`` as ``<stem>_<id>.wav`` and return its path; the id was never used before.

        On return the file is whole and synced to the disk. If the folder has vanished but its parent is
        there, it is made again. A folder whose parent is gone too, an unplugged drive say, is an error: the
        loop would land on the wrong disk.

        Raises:
            DropError: if the file could not be written; nothing of it is left behind then.
        """
        _check_stem(stem)
        with self._lock:
            try:
                self._ensure_folder()
                return self._publish(stem, data)
            except OSError as error:
                raise _drop_error(self._path, "write a loop to", error) from error

    def publish_stream(self, write: Callable[[BinaryIO], str]) -> Path:
        """Publish what ``write`` writes into the open file it is given, as `publish` does with bytes.

        For files too long to be held in memory. ``write`` returns the stem, which may say how far it came.
        Nothing appears before it has returned, and nothing is left where it raises.

        Raises:
            DropError: if the file could not be written.
        """
        temp = self._path / f".riffsidecar-{os.getpid()}-{_LIFE}-{secrets.token_hex(4)}.part"
        try:
            self._ensure_folder()
            with os.fdopen(os.open(temp, _NEW_FILE, 0o666), "wb") as file:
                stem = write(file)
                _check_stem(stem)
                file.flush()
                os.fsync(file.fileno())
            with self._lock:
                final = self._give_name(temp, stem)
                self._sync_folder()
        except OSError as error:
            _remove(temp)
            raise _drop_error(self._path, "write a file to", error) from error
        except BaseException:
            _remove(temp)
            raise
        return final

    def _ensure_folder(self) -> None:
        if self._path.is_dir():
            return
        self._path.mkdir(exist_ok=True)
        _log.warning("the drop folder %s had vanished and was made again", self._path)

    def _publish(self, stem: str, data: bytes) -> Path:
        temp = self._path / f".riffsidecar-{os.getpid()}-{_LIFE}-{secrets.token_hex(4)}.part"
        try:
            _write_synced(temp, data)
            final = self._give_name(temp, stem)
        except BaseException:  # whatever it was, a Ctrl-C too, no part of the file may stay
            _remove(temp)
            raise
        self._sync_folder()
        return final

    def _give_name(self, temp: Path, stem: str) -> Path:
        """Move ``temp`` to a name that is free and was never used."""
        for _ in range(_ATTEMPTS):
            final = self._path / f"{stem}_{self._ids.take()}.wav"
            try:
                self._move(temp, final)
            except FileExistsError:  # somebody else's file; it keeps its name and we take another
                continue
            return final
        raise FileExistsError(errno.EEXIST, f"{_ATTEMPTS} fresh names were all taken", str(self._path))

    def _move(self, temp: Path, final: Path) -> None:
        """Rename without replacing; raise FileExistsError where the name is taken."""
        if os.name == "nt":
            self._rename_patiently(temp, final)
            return
        try:
            final.hardlink_to(temp)
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # No hard links here. Between look and rename only somebody guessing our id could slip in.
            if os.path.lexists(final):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(final)) from error
            temp.rename(final)
            return
        _remove(temp)

    def _rename_patiently(self, temp: Path, final: Path) -> None:
        """Rename as Windows does it, which refuses taken names, waiting while something holds the file."""
        for pause_s in (*_BACK_OFF_S, None):
            try:
                temp.rename(final)
            except OSError as error:
                if getattr(error, "winerror", None) not in _WINDOWS_BUSY or pause_s is None:
                    raise
                self._sleep(pause_s)
            else:
                return

    def _sync_folder(self) -> None:
        """Sync the folder's entry, where a folder can be synced; the file itself is whole already."""
        if os.name == "nt":
            return
        try:
            descriptor = os.open(self._path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            _log.warning("the loop is written, but syncing %s failed: %s", self._path, error)

    def _sweep(self) -> None:
        """Remove temporary files that dead processes left."""
        for path in list(self._path.iterdir()):
            match = _TEMP_NAME.fullmatch(path.name)
            if match is None or not _is_orphan(path, int(match[1]), match[2]):
                continue
            if _remove(path):
                _log.info("removed %s, left by a process that died while writing", path)


def _check_stem(stem: str) -> None:
    if not is_safe_stem(stem):
        raise DropError(
            f"{stem!r} cannot be a file name: use 1 to {MAX_STEM_CHARS} of A-Z a-z 0-9 _ # - and no "
            "name that Windows reserves"
        )


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, _NEW_FILE, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> bool:
    """Remove a temporary file, trying twice, and tell whether it is gone."""
    failure: OSError | None = None
    for _ in range(2):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            failure = error
        else:
            return True
    _log.warning("could not remove the temporary file %s: %s; the next start tries again", path, failure)
    return False


def _is_orphan(path: Path, pid: int, life: str) -> bool:
    try:
        age_s = time.time() - path.lstat().st_mtime
    except FileNotFoundError:
        return False
    if os.name == "nt":
        return age_s > _ORPHAN_AGE_WITHOUT_PIDS_S
    if pid == os.getpid():
        return life != _LIFE
    return age_s > _ORPHAN_AGE_S or not _is_alive(pid)


def _is_alive(pid: int) -> bool:
    if pid < 1:  # kill() would take 0 for our own process group
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it lives, and is somebody else's
        return True
    return True


def _drop_error(folder: Path, doing: str, error: OSError | RuntimeError) -> DropError:
    number = error.errno if isinstance(error, OSError) else None
    cause = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    remedy = _REMEDIES.get(number or 0, "check the folder or choose another")
    return DropError(f"cannot {doing} the drop folder {folder}: {cause}; {remedy}")
