"""Fetch a model from a hub: one revision, named by 40 digits, safetensors only, each file checked.

What a file's SHA-256 has to be is known from the hub for large files, which it stores by that digest; all
digests are recorded when a model is installed, and checked ever after. A fetch that was broken off goes on
where it stopped, at the same revision.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from riffsidecar.errors import ModelError
from riffsidecar.models.catalogue import KINDS
from riffsidecar.models.manifest import Manifest, ModelFile, hash_file, safe_path
from riffsidecar.models.safetensors_header import PICKLE_SUFFIXES, read_header
from riffsidecar.models.store import ModelStore

__all__ = ["Hub", "RemoteFile", "RemoteModel", "check_repo", "choose_files", "fetch_model"]

logger = logging.getLogger(__name__)

_REVISION = re.compile(r"[0-9a-f]{40}", re.ASCII)
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}", re.ASCII)
_NOTE: Final = ".revision"
_SPARE: Final = 1.02

Progress = Callable[[str, int, int], None]
"""Called with the file, and with the bytes of the whole model that are here and that there are."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file on the hub: path, size in bytes, and its SHA-256 where the hub tells it."""

    path: str
    size: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """A repository at one revision."""

    revision: str
    files: tuple[RemoteFile, ...]

    def __post_init__(self) -> None:
        """Refuse a revision that may move."""
        if not _REVISION.fullmatch(self.revision):
            raise ModelError(f"the revision is {self.revision[:60]!r}: must be 40 hexadecimal digits")


class Hub(Protocol):
    """Where models come from."""

    def look_up(self, repo: str, revision: str | None) -> RemoteModel:
        """Return a repository at a revision, or at its newest.

        Raises:
            ModelError: it cannot be reached, or is not there.
        """

    def download(
        self, repo: str, revision: str, path: str, folder: Path, on_bytes: Callable[[int], None]
    ) -> None:
        """Put one file into ``folder`` under its own path, going on with what is there of it.

        Raises:
            ModelError: it cannot be had.
        """


def check_repo(repo: str) -> str:
    """Return the name of a repository, ``owner/name``.

    Raises:
        ModelError: it is none.
    """
    if not _REPO.fullmatch(repo):
        raise ModelError(f"repository is {repo[:80]!r}, but must be OWNER/NAME")
    return repo


def choose_files(kind: str, files: Sequence[RemoteFile], where: str) -> tuple[RemoteFile, ...]:
    """Return which files of a repository make a model of this kind; a pickle is never one of them.

    Raises:
        ModelError: something is missing, or is there only as a pickle.
    """
    layout = KINDS[kind]
    by_path = {file.path: file for file in files}
    missing = [path for path in layout.needed if path not in by_path]
    chosen = [by_path[path] for path in (*layout.needed, *layout.wanted) if path in by_path]
    for folder in layout.weights:
        inside = [path for path in by_path if path.rpartition("/")[0] == folder]
        weights = sorted((path for path in inside if path.endswith(".safetensors")), key=_plainest)
        if weights:
            chosen.append(by_path[weights[0]])
        elif any(Path(path).suffix.lower() in PICKLE_SUFFIXES for path in inside):
            raise ModelError(
                f"{where} has the weights of {folder or 'the model'} only as pickles, which can run any code "
                "when they are read, so they are not taken: convert them to safetensors, or name another "
                "revision or repository that has them so"
            )
        else:
            missing.append(f"{folder}/*.safetensors".lstrip("/"))
    if missing:
        raise ModelError(f"{where} lacks {', '.join(missing)}: it is no {kind} model in a layout known here")
    return tuple(chosen)


def _plainest(path: str) -> tuple[bool, int, str]:
    """Sort whole precision before variants such as ``.fp16.safetensors``, short names before long ones."""
    name = path.rpartition("/")[2]
    return name.count(".") > 1, len(name), name


def fetch_model(
    store: ModelStore,
    hub: Hub,
    *,
    name: str,
    kind: str,
    repo: str,
    licence: str,
    revision: str | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Fetch a model and install it.

    Args:
        store: where it goes.
        hub: where it comes from.
        name: what it will be called.
        kind: of `KINDS`.
        repo: ``owner/name``.
        licence: as the user has accepted it.
        revision: 40 hexadecimal digits, or None: the one that was begun with, or the newest.
        progress: told of every piece.

    Raises:
        ModelError: the hub cannot be reached, the model is not complete, or a file is not what it should be.
    """
    check_repo(repo)
    if revision is not None and not _REVISION.fullmatch(revision):
        raise ModelError(
            f"revision is {revision[:60]!r}, but must be 40 hexadecimal digits: branches and tags move"
        )
    if store.has(name):
        raise ModelError(
            f"{name} is installed already; 'riffsidecar model verify {name}' checks it, 'model remove' "
            "removes it"
        )
    part = store.part(name)
    remote = hub.look_up(repo, revision or _begun(part, repo))
    chosen = choose_files(kind, remote.files, f"{repo} at {remote.revision[:12]}")
    _begin(part, repo, remote.revision)
    total = sum(file.size for file in chosen)
    _check_space(part, total - sum(_there(part, file) for file in chosen))
    files = []
    done = 0
    for file in chosen:
        before = done

        def report(count: int, path: str = file.path, before: int = before) -> None:
            if progress is not None:
                progress(path, min(total, before + count), total)

        report(0)
        if _there(part, file) != file.size or (file.sha256 and hash_file(part / file.path) != file.sha256):
            hub.download(repo, remote.revision, file.path, part, report)
        files.append(_checked(part, file))
        done += file.size
        report(file.size)
    return _installed(store, Manifest(name, kind, f"{repo}@{remote.revision}", licence, tuple(files)))


def _installed(store: ModelStore, manifest: Manifest) -> Manifest:
    store.install(manifest)
    logger.info("model %s: %d files, %d bytes", manifest.name, len(manifest.files), manifest.size)
    return manifest


def _checked(part: Path, file: RemoteFile) -> ModelFile:
    """Return a fetched file if it is what the hub said; else throw it away, so that the next try is fresh."""
    found = ModelFile.of(part, safe_path(file.path))
    if found.size != file.size or (file.sha256 is not None and found.sha256 != file.sha256):
        (part / file.path).unlink()
        raise ModelError(
            f"{file.path} came with {found.size} bytes and SHA-256 {found.sha256[:12]}..., but the hub tells "
            "of "
            f"{file.size} and {(file.sha256 or 'none')[:12]}...: fetch again"
        )
    if file.path.endswith(".safetensors"):
        read_header(part / file.path)
    return found


def _there(part: Path, file: RemoteFile) -> int:
    path = part / safe_path(file.path)
    return path.stat().st_size if path.is_file() else 0


def _begun(part: Path, repo: str) -> str | None:
    """Return the revision that a broken fetch of the same repository was at."""
    try:
        told, _, revision = (part / _NOTE).read_text(encoding="utf-8").strip().partition("@")
    except OSError:
        return None
    return revision if told == repo and _REVISION.fullmatch(revision) else None


def _begin(part: Path, repo: str, revision: str) -> None:
    """Note what is fetched; pieces of anything else are thrown away."""
    if _begun(part, repo) != revision:
        for path in part.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    (part / _NOTE).write_text(f"{repo}@{revision}\n", encoding="utf-8")


def _check_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed * _SPARE:
        raise ModelError(
            f"the model takes {needed / 1e9:.1f} GB more, but {folder} has {free / 1e9:.1f} GB free: free "
            "some, or "
            "set RIFFSIDECAR_MODELS to a folder on another disk"
        )
