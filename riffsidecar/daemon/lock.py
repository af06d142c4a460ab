"""Hold a drop folder for one daemon at a time.

The lock is the operating system's own, on an open file: when the daemon dies, however it dies, the lock is
gone with it, and no stale file ever needs a hand.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from types import TracebackType

from riffsidecar.errors import DropError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> None:
        os.lseek(descriptor, _WINDOWS_LOCK_AT, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


__all__ = ["LOCK_NAME", "FolderLock"]

LOCK_NAME = ".riffsidecar.lock"
# Never through a link that somebody planted: what it points to would be emptied.
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
_HELD = frozenset({errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK})
_WINDOWS_LOCK_AT = 4096
"""Windows forbids reading a locked byte; one beyond the process id leaves that readable."""


class FolderLock:
    """Lock ``folder`` from ``acquire`` to ``release``; usable as a context manager."""

    def __init__(self, folder: Path) -> None:
        """Prepare a lock on ``folder``, which must exist when it is acquired."""
        self._path = folder / LOCK_NAME
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock; taking it twice is taking it once.

        Raises:
            DropError: another daemon holds it, or the folder takes no file.
        """
        while self._descriptor is None:
            try:
                descriptor = os.open(self._path, _FLAGS, 0o644)
            except OSError as error:
                raise self._no_lock(error) from error
            try:
                _try_lock(descriptor)
            except OSError as error:
                if error.errno not in _HELD:
                    os.close(descriptor)
                    raise self._no_lock(error) from error
                owner = os.read(descriptor, 32).decode("ascii", "replace").strip()
                os.close(descriptor)
                raise DropError(
                    f"another riffsidecar daemon{f' (process {owner})' if owner else ''} uses the drop "
                    f"folder {self._path.parent}; stop it, or choose another folder with --out"
                ) from error
            if not self._is_current(descriptor):
                # The one who held it removed the file between our open and our lock.
                os.close(descriptor)
                continue
            os.ftruncate(descriptor, 0)
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
            self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back; giving it back twice is giving it back once."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        if sys.platform == "win32":
            os.close(descriptor)
            self._path.unlink(missing_ok=True)
        else:
            # Removed while still held, so that nobody can have locked the file we remove.
            self._path.unlink(missing_ok=True)
            os.close(descriptor)

    def _no_lock(self, error: OSError) -> DropError:
        return DropError(
            f"the drop folder {self._path.parent} cannot be locked: {error.strerror or error}; choose one on "
            "a disk of this machine with --out, or mend its permissions"
        )

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self._path.stat())
        except FileNotFoundError:
            return False

    def __enter__(self) -> FolderLock:
        """Take the lock."""
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the lock back."""
        self.release()
