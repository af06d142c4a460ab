"""Copy loops out of the library into a folder, with a manifest, and over nothing that lies there."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from riffsidecar import __version__
from riffsidecar.errors import LibraryError
from riffsidecar.render.library_files import Entry

__all__ = ["Exported", "export_loops"]

_CSV_COLUMNS: Final = (
    "file", "name", "prompt", "bpm", "bars", "meter", "key", "chords", "lufs", "duration_s", "sample_rate",
    "seed", "starred", "sha256",
)  # fmt: skip
_MAX_TRIES = 1000


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export wrote: the copies, those that lay there already, and the manifest."""

    copied: tuple[Path, ...]
    present: tuple[Path, ...]
    manifest: Path


def export_loops(entries: Sequence[Entry], folder: Path, target: Path) -> Exported:
    """Copy the files of ``entries`` from the drop folder to ``target``, and write a manifest beside them.

    A name that is taken by another file gets a number; a file that is there already is not copied twice. The
    manifest is ``manifest.json`` and ``manifest.csv``, or with a number where there are such.

    Raises:
        LibraryError: the folder takes no file, or a loop cannot be read.
    """
    copied: list[Path] = []
    present: list[Path] = []
    rows: list[dict[str, object]] = []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for entry in entries:
            content = (folder / entry.path).read_bytes()
            place, is_new = _placed(content, target, Path(entry.path).name)
            (copied if is_new else present).append(place)
            rows.append({**entry.document(folder), "path": place.name, "file": place.name})
        manifest = _manifest(rows, target)
    except OSError as error:
        raise LibraryError(
            f"the loops cannot be exported to {target}: {error.strerror or error} ({error.filename}); free "
            "some space, choose another folder, or run 'riffsidecar library rescan'"
        ) from error
    return Exported(tuple(copied), tuple(present), manifest)


def _manifest(rows: list[dict[str, object]], target: Path) -> Path:
    document = {"riffsidecar": __version__, "loops": [_without(row, "file") for row in rows]}
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    manifest, _ = _placed(text.encode("utf-8"), target, "manifest.json")
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, _CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    _placed(table.getvalue().encode("utf-8"), target, "manifest.csv")
    return manifest


def _without(row: dict[str, object], key: str) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != key}


def _harmless(value: object) -> object:
    """Keep a spreadsheet from taking a prompt for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def _placed(content: bytes, target: Path, name: str) -> tuple[Path, bool]:
    """Write ``content`` under ``name`` or a numbered one; return where it lies, and whether it is new."""
    digest = hashlib.sha256(content).digest()
    part = target / f".riffsidecar-export-{os.getpid()}-{secrets.token_hex(4)}.part"
    try:
        for number in range(1, _MAX_TRIES):
            path = target / (name if number == 1 else f"{Path(name).stem}-{number}{Path(name).suffix}")
            if path.exists():
                if path.is_file() and hashlib.sha256(path.read_bytes()).digest() == digest:
                    return path, False
                continue
            if not part.exists():
                part.write_bytes(content)
            if _take_name(part, path):
                return path, True
    finally:
        part.unlink(missing_ok=True)
    raise LibraryError(f"{target} holds {_MAX_TRIES} files of the name {name}; choose another folder")


def _take_name(part: Path, path: Path) -> bool:
    """Give a written file its name, unless somebody took that name meanwhile."""
    try:
        path.hardlink_to(part)
    except FileExistsError:
        return False
    except OSError:
        # No hard links here: hold the name with an empty file of our own, then put the whole one there.
        try:
            path.touch(exist_ok=False)
        except FileExistsError:
            return False
        part.replace(path)
    return True
