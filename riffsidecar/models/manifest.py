"""What is installed under a name: where it came from, and the SHA-256 of every file."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from riffsidecar.errors import ModelError
from riffsidecar.models.catalogue import KINDS

__all__ = ["MANIFEST_NAME", "MODEL_NAME", "Manifest", "ModelFile", "hash_file", "safe_path"]

MANIFEST_NAME: Final = "riffsidecar-model.json"
MODEL_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_VERSION: Final = 1
_REVISION = re.compile(r"[0-9a-f]{40}", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}", re.ASCII)


def safe_path(path: str) -> str:
    """Return a file's path inside a model if it stays there.

    Raises:
        ModelError: it is absolute, climbs out, or holds odd characters.

    >>> safe_path("unet/config.json")
    'unet/config.json'
    """
    parts = PurePosixPath(path).parts
    if not parts or len(parts) > 3 or not all(_PART.fullmatch(part) for part in parts):
        raise ModelError(
            f"a model may not hold a file {path[:80]!r}: names of letters, digits, '.', '-', '_'"
        )
    return "/".join(parts)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror or error}; fetch the model again"
        ) from error


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of a model: its path inside, its size in bytes, its SHA-256."""

    path: str
    size: int
    sha256: str

    def __post_init__(self) -> None:
        """Refuse a path that leads out, and a digest that is none."""
        safe_path(self.path)
        if not isinstance(self.size, int) or self.size < 0 or not _SHA256.fullmatch(str(self.sha256)):
            raise ModelError(f"{self.path} has no size and SHA-256 in the manifest: fetch the model again")

    @classmethod
    def of(cls, folder: Path, path: str) -> ModelFile:
        """Return the file as it lies in ``folder`` now."""
        where = folder / safe_path(path)
        return cls(path, where.stat().st_size, hash_file(where))


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is installed under a name.

    Attributes:
        kind: one of `KINDS`.
        source: ``owner/name@revision`` of the hub, or ``local``.
        licence: as the user saw it, or empty where it is not known.
        files: all that belong to it.
    """

    name: str
    kind: str
    source: str
    licence: str
    files: tuple[ModelFile, ...]

    def __post_init__(self) -> None:
        """Refuse what is no model of ours."""
        if not isinstance(self.name, str) or not MODEL_NAME.fullmatch(self.name) or self.name == "embedded":
            raise ModelError(
                f"a model cannot be called {str(self.name)[:64]!r}: letters, digits, '.', '-' and '_', at "
                "most 64, "
                "and not 'embedded'"
            )
        if self.kind not in KINDS:
            raise ModelError(f"model {self.name} is of kind {self.kind!r}: must be one of {', '.join(KINDS)}")
        if not self.files:
            raise ModelError(f"model {self.name} has no files: fetch it again")
        _, at, revision = self.source.partition("@")
        if at and not _REVISION.fullmatch(revision):
            raise ModelError(
                f"model {self.name} is of revision {revision[:60]!r}: must be 40 hexadecimal digits"
            )

    @property
    def size(self) -> int:
        """Return the bytes of all files."""
        return sum(file.size for file in self.files)

    @property
    def digest(self) -> str:
        """Return the SHA-256 over every path and content: it changes when anything in the model does."""
        lines = (f"{file.path}\n{file.sha256}\n" for file in sorted(self.files, key=lambda file: file.path))
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def to_json(self) -> str:
        """Return the manifest as it is written."""
        return json.dumps({"manifest": _VERSION, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str, where: str) -> Manifest:
        """Read what `to_json` wrote.

        Raises:
            ModelError: it is no manifest.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            version = values.pop("manifest")
            files = tuple(ModelFile(**file) for file in values.pop("files"))
            if version != _VERSION:
                raise ModelError(f"{where} is of version {version!r}, but must be of version {_VERSION}")
            return cls(files=files, **values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelError(f"{where} is damaged ({error}): remove the model and fetch it again") from error
