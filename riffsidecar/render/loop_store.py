"""Finished loops by their request: what lies in the cache, and the files that were published of it."""

from __future__ import annotations

from pathlib import Path

from riffsidecar.render.cache import CachedLoop, LoopCache, cache_key
from riffsidecar.render.messages import RenderedLoop
from riffsidecar.render.protocols import Drop, Worker
from riffsidecar.session.requests import LoopRequest

__all__ = ["LoopStore"]


class LoopStore:
    """Find, keep and publish loops; a loop is one of the checkpoint that the worker has loaded."""

    def __init__(self, worker: Worker, drop: Drop, cache: LoopCache) -> None:
        """Take a cache and a drop folder as they are."""
        self._worker = worker
        self._drop = drop
        self._cache = cache

    def find(self, request: LoopRequest) -> CachedLoop | None:
        """Return the loop of a request, or None; there is none before the model is loaded."""
        return self._cache.get(self._key(request)) if self._worker.ready is not None else None

    def keep(
        self, request: LoopRequest, loop: RenderedLoop, path: Path | None = None, *, on_disk: bool = True
    ) -> None:
        """Keep a loop, published as ``path``; not ``on_disk`` where nobody has asked for it yet."""
        self._cache.put(self._key(request), loop, path, on_disk=on_disk)

    def publish(self, request: LoopRequest, loop: RenderedLoop, cached: CachedLoop | None) -> Path:
        """Return the file of a loop: the one that lies there unchanged, or a new one.

        Raises:
            DropError: the folder takes no file.
        """
        if cached is not None and cached.published is not None and cached.published.is_unchanged():
            return cached.published.path
        path = self._drop.publish(loop.stem, loop.wav)
        if cached is not None:
            self._cache.note_published(self._key(request), path)
        return path

    def _key(self, request: LoopRequest) -> str:
        ready = self._worker.ready
        return cache_key(request.digest, ready.checkpoint if ready is not None else "")
