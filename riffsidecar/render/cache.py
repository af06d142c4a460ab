"""Keep finished loops, bounded in bytes, in memory and if wanted on disk.

The key covers all that decides the samples: the request, the checkpoint and the version of riffsidecar. An
entry also remembers the file its loop was last published as: while that file lies there unchanged, a hit is
that file again, and the drop folder gets no second copy; else the loop is published anew under a new name.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections import OrderedDict
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from riffsidecar import __version__
from riffsidecar.errors import RenderError
from riffsidecar.render.messages import RenderedLoop

__all__ = ["CachedLoop", "DiskCache", "LoopCache", "PublishedFile", "cache_key"]

logger = logging.getLogger(__name__)

_SUFFIX = ".loop"
_PART_SUFFIX = ".part"
_HEADER_LIMIT = 65_536


def cache_key(request_digest: str, checkpoint: str) -> str:
    """Return the key of a loop: a digest over its request, the checkpoint and the version of riffsidecar.

    >>> cache_key("r", "c") == cache_key("r", "c") != cache_key("r", "d")
    True
    """
    return hashlib.sha256(f"{request_digest}\n{checkpoint}\n{__version__}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """Remember a published file by its path, its size in bytes and its time of change."""

    path: Path
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> PublishedFile | None:
        """Return what lies at ``path`` now, or None when there is no such file."""
        try:
            status = path.stat()
        except OSError:
            return None
        return cls(path, status.st_size, status.st_mtime_ns)

    def is_unchanged(self) -> bool:
        """Tell whether the file still lies there as it was published."""
        return PublishedFile.of(self.path) == self


@dataclass(frozen=True, slots=True)
class CachedLoop:
    """Hold a finished loop and the file it was last published as."""

    loop: RenderedLoop
    published: PublishedFile | None = field(default=None)


class DiskCache:
    """Keep loops as files of one directory, at most ``limit_bytes`` in all, oldest use first out.

    A file is a line of JSON with the loop's figures and the digest of the WAV, and then the WAV.
    A file that does not hold what its line says is removed and counts as missing.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        """Take ``folder`` over, making it when needed.

        Raises:
            RenderError: the folder cannot be made or read.
        """
        self._folder = folder
        self._limit_bytes = limit_bytes
        self._sizes: OrderedDict[str, int] = OrderedDict()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            found = sorted((entry.stat().st_mtime_ns, entry) for entry in folder.glob(f"*{_SUFFIX}"))
            for _, entry in found:
                self._sizes[entry.stem] = entry.stat().st_size
            for orphan in folder.glob(f"*{_PART_SUFFIX}"):
                orphan.unlink(missing_ok=True)
        except OSError as error:
            raise RenderError(
                f"the cache folder {folder} cannot be used: {error.strerror or error}; choose another as "
                "render.cache_folder in the configuration, or leave it empty for a cache in memory only"
            ) from error
        self._evict()

    @property
    def num_bytes(self) -> int:
        """The bytes on disk."""
        return sum(self._sizes.values())

    def get(self, key: str) -> RenderedLoop | None:
        """Return the loop of ``key``, or None."""
        if key not in self._sizes:
            return None
        path = self._path(key)
        try:
            loop = _unpack(path.read_bytes())
            os.utime(path)
        except (OSError, ValueError, TypeError, KeyError, RenderError) as error:
            logger.warning("the cached loop %s cannot be read and is dropped: %s", path.name, error)
            self._forget(key)
            return None
        self._sizes.move_to_end(key)
        return loop

    def put(self, key: str, loop: RenderedLoop) -> None:
        """Keep ``loop``; a full or vanished disk is logged, for the loop is safe in the drop folder."""
        content = _pack(loop)
        if len(content) > self._limit_bytes:
            return
        temporary = self._path(key).with_suffix(f".{os.getpid()}{_PART_SUFFIX}")
        try:
            temporary.write_bytes(content)
            temporary.replace(self._path(key))
        except OSError as error:
            logger.warning("the cache folder %s takes no loop: %s", self._folder, error)
            _remove(temporary)
            return
        self._sizes[key] = len(content)
        self._sizes.move_to_end(key)
        self._evict()

    def _evict(self) -> None:
        while self._sizes and self.num_bytes > self._limit_bytes:
            self._forget(next(iter(self._sizes)))

    def _forget(self, key: str) -> None:
        self._sizes.pop(key, None)
        _remove(self._path(key))

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{_SUFFIX}"


class LoopCache:
    """Keep loops in memory, least recently used first out, with a disk cache behind them where one is given.

    Safe to use from several threads.
    """

    def __init__(self, limit_bytes: int, disk: DiskCache | None = None) -> None:
        """Make an empty cache of at most ``limit_bytes`` of WAV data in memory."""
        self._limit_bytes = limit_bytes
        self._disk = disk
        self._entries: OrderedDict[str, CachedLoop] = OrderedDict()
        self._num_bytes = 0
        self._lock = threading.Lock()

    @property
    def num_bytes(self) -> int:
        """The bytes of WAV data in memory."""
        return self._num_bytes

    def __len__(self) -> int:
        """Return how many loops are in memory."""
        return len(self._entries)

    def get(self, key: str) -> CachedLoop | None:
        """Return the loop of ``key`` from memory or disk, or None."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries.move_to_end(key)
                return entry
            loop = self._disk.get(key) if self._disk is not None else None
            if loop is None:
                return None
            return self._remember(key, CachedLoop(loop))

    def put(self, key: str, loop: RenderedLoop, path: Path | None = None, *, on_disk: bool = True) -> None:
        """Keep ``loop``, published as ``path``, and drop the least recently used while bytes are too many."""
        published = PublishedFile.of(path) if path is not None else None
        with self._lock:
            self._remember(key, CachedLoop(loop, published))
            if self._disk is not None and on_disk:
                self._disk.put(key, loop)

    def note_published(self, key: str, path: Path) -> None:
        """Note that the loop of ``key``, if it is in memory, was published as ``path``."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                self._entries[key] = replace(entry, published=PublishedFile.of(path))

    def _remember(self, key: str, entry: CachedLoop) -> CachedLoop:
        old = self._entries.pop(key, None)
        if old is not None:
            self._num_bytes -= len(old.loop.wav)
        if len(entry.loop.wav) <= self._limit_bytes:
            self._entries[key] = entry
            self._num_bytes += len(entry.loop.wav)
        while self._num_bytes > self._limit_bytes:
            _, evicted = self._entries.popitem(last=False)
            self._num_bytes -= len(evicted.loop.wav)
        return entry


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("%s cannot be removed from the cache: %s", path.name, error)


def _pack(loop: RenderedLoop) -> bytes:
    header = asdict(replace(loop, wav=b"-"))
    header["wav"] = hashlib.sha256(loop.wav).hexdigest()
    return json.dumps(header).encode() + b"\n" + loop.wav


def _unpack(content: bytes) -> RenderedLoop:
    end = content.index(b"\n", 0, _HEADER_LIMIT)
    header = json.loads(content[:end])
    if not isinstance(header, dict):
        raise RenderError("its first line does not hold a loop's figures; it is made anew")
    wav = content[end + 1 :]
    if hashlib.sha256(wav).hexdigest() != header.pop("wav"):
        raise RenderError("the WAV is not what its digest says; it is made anew")
    return RenderedLoop(wav=wav, **header)
