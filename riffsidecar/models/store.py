"""Installed models: one folder each in the user's cache, whole or not there at all."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from riffsidecar.errors import ModelError, nearest
from riffsidecar.models.manifest import MANIFEST_NAME, MODEL_NAME, Manifest, hash_file
from riffsidecar.models.safetensors_header import PICKLE_SUFFIXES

__all__ = ["ModelStore", "models_folder"]

logger = logging.getLogger(__name__)

_PART: Final = ".part"
_ACCEPTED: Final = "accepted-licences.json"
_STAMPS: Final = ".verified.json"
_MAKERS: Final = ("checkpoint", "single")


def models_folder(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    """Return where models lie: ``RIFFSIDECAR_MODELS`` if set, else in the user's cache.

    >>> models_folder({"XDG_CACHE_HOME": "/c"}, "linux").as_posix()
    '/c/riffsidecar/models'
    """
    if environ.get("RIFFSIDECAR_MODELS"):
        return Path(environ["RIFFSIDECAR_MODELS"]).expanduser()
    if platform == "win32":
        base = Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "riffsidecar" / "models"


class ModelStore:
    """Keep models in a folder; what lies in it under a name is whole, and is checked before it is used."""

    def __init__(self, folder: Path | None = None) -> None:
        """Use ``folder``, or the usual one; nothing is created before something is installed."""
        self.folder = models_folder() if folder is None else folder

    def __iter__(self) -> Iterator[Manifest]:
        """Give every installed model in the order of names; a damaged one is told of in the log."""
        for path in sorted(self.folder.glob(f"*/{MANIFEST_NAME}")):
            if path.parent.name.endswith(_PART):
                continue
            try:
                yield self.find(path.parent.name)
            except ModelError as error:
                logger.warning("a model is left out: %s", error)

    def path(self, name: str) -> Path:
        """Return the folder of a model, whether it is there or not.

        Raises:
            ModelError: no model can have that name.
        """
        if not MODEL_NAME.fullmatch(name) or name.endswith(_PART):
            raise ModelError(f"no model can be called {name[:64]!r}: letters, digits, '.', '-' and '_'")
        return self.folder / name

    def has(self, name: str) -> bool:
        """Tell whether a model of this name is installed."""
        return bool(MODEL_NAME.fullmatch(name)) and (self.folder / name / MANIFEST_NAME).is_file()

    def find(self, name: str) -> Manifest:
        """Return what is installed under a name.

        Raises:
            ModelError: nothing is, or its manifest is damaged.
        """
        path = self.path(name) / MANIFEST_NAME
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            installed = [each.parent.name for each in self.folder.glob(f"*/{MANIFEST_NAME}")]
            raise ModelError(
                f"no model {name!r} is installed{nearest(name, installed)}; installed are "
                f"{', '.join(sorted(installed)) or 'none'} beside the embedded one; get it with "
                f"'riffsidecar model fetch {name}'"
            ) from error
        manifest = Manifest.from_json(text, str(path))
        if manifest.name != name:
            raise ModelError(
                f"{path} is the manifest of {manifest.name!r}: remove the model and fetch it again"
            )
        return manifest

    def find_maker(self, name: str) -> Manifest:
        """Return what is installed under a name, if it can make loops.

        Raises:
            ModelError: nothing is installed, or something that goes beside a model.
        """
        manifest = self.find(name)
        if manifest.kind not in _MAKERS:
            use = ", and this as its lora" if manifest.kind == "lora" else ""
            what = f"{name} is a {manifest.kind}, which makes no loops by itself"
            raise ModelError(f"{what}: name a model{use}")
        return manifest

    def part(self, name: str) -> Path:
        """Return the folder in which a model is put together; what is there already is kept."""
        folder = self.path(name).with_name(name + _PART)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(f"{folder} cannot be made: {error.strerror or error}") from error
        return folder

    def install(self, manifest: Manifest) -> Path:
        """Give the folder that was put together its name, if its files are what the manifest says.

        Raises:
            ModelError: a file differs, or another model has the name.
        """
        part, final = self.part(manifest.name), self.path(manifest.name)
        if final.exists():
            raise ModelError(
                f"{manifest.name} is installed already; remove it first with 'riffsidecar model remove "
                f"{manifest.name}'"
            )
        wanted = {file.path for file in manifest.files}
        for path in sorted(part.rglob("*"), reverse=True):
            if path.is_file() and path.relative_to(part).as_posix() not in wanted:
                path.unlink()
            elif path.is_dir() and not any(path.iterdir()):
                path.rmdir()
        (part / MANIFEST_NAME).write_text(manifest.to_json(), encoding="utf-8")
        part.replace(final)
        self._stamp(manifest)
        return final

    def verify(self, name: str) -> list[str]:
        """Return what is wrong with an installed model, after reading every byte of it; nothing if empty.

        Raises:
            ModelError: no such model.
        """
        manifest = self.find(name)
        folder = self.path(name)
        wrong = []
        for file in manifest.files:
            path = folder / file.path
            if not path.is_file():
                wrong.append(f"{file.path} is missing")
            elif path.stat().st_size != file.size:
                wrong.append(f"{file.path} has {path.stat().st_size} bytes instead of {file.size}")
            elif hash_file(path) != file.sha256:
                wrong.append(f"{file.path} has another SHA-256 than when it was installed")
        known = {file.path for file in manifest.files} | {MANIFEST_NAME, _STAMPS}
        for path in folder.rglob("*"):
            relative = path.relative_to(folder).as_posix()
            if path.is_file() and relative not in known:
                pickled = path.suffix.lower() in PICKLE_SUFFIXES
                wrong.append(f"{relative} does not belong there{', and could run code' if pickled else ''}")
        if not wrong:
            self._stamp(manifest)
        return wrong

    def checked(self, name: str) -> tuple[Path, Manifest]:
        """Return the folder of a model whose files are what they were when it was installed.

        Files of the same size and time of change as at the last check are not read again.

        Raises:
            ModelError: no such model, or a file differs.
        """
        manifest = self.find(name)
        folder = self.path(name)
        if self._stamps(manifest) != self._read_stamps(folder):
            wrong = self.verify(name)
            if wrong:
                raise ModelError(
                    f"model {name} is not what was installed: {'; '.join(wrong[:3])}; remove it with "
                    f"'riffsidecar model remove {name}' and fetch it again"
                )
        return folder, manifest

    def remove(self, name: str) -> int:
        """Remove a model, or what was begun of one, and return the bytes that are free now.

        Raises:
            ModelError: there is none, or it cannot be removed.
        """
        folders = [
            path for path in (self.path(name), self.path(name).with_name(name + _PART)) if path.is_dir()
        ]
        if not folders:
            self.find(name)
        freed = sum(file.stat().st_size for each in folders for file in each.rglob("*") if file.is_file())
        for folder in folders:
            try:
                shutil.rmtree(folder)
            except OSError as error:
                raise ModelError(f"{folder} cannot be removed: {error.strerror or error}") from error
        return freed

    def accepted(self, licence: str) -> bool:
        """Tell whether the user has accepted a licence before."""
        try:
            told = json.loads((self.folder / _ACCEPTED).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(told, list) and licence in told

    def accept(self, licence: str) -> None:
        """Note that the user has accepted a licence."""
        if self.accepted(licence):
            return
        path = self.folder / _ACCEPTED
        told = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([*told, licence], indent=2) + "\n", encoding="utf-8")

    def _stamps(self, manifest: Manifest) -> dict[str, list[int]]:
        folder = self.path(manifest.name)
        return {file.path: _stamp_of(folder / file.path) for file in manifest.files}

    def _read_stamps(self, folder: Path) -> object:
        try:
            return json.loads((folder / _STAMPS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def _stamp(self, manifest: Manifest) -> None:
        """Note when each file was seen to be right."""
        text = json.dumps(self._stamps(manifest))
        try:
            (self.path(manifest.name) / _STAMPS).write_text(text, encoding="utf-8")
        except OSError as error:
            logger.debug("model %s will be read again at its next use: %s", manifest.name, error)


def _stamp_of(path: Path) -> list[int]:
    try:
        status = path.stat()
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]
