"""The files of a pack while it is made: what is finished lies in the pack, what waits lies beside it.

Beside the folder of the pack lies a hidden one with the loops that are fit and not yet settled, and with a
journal of what was measured. Nothing else is remembered: a loop names its own request and what made it, so a
run that was killed goes on from the files, and without the journal only what was refused is made again.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from riffsidecar.audio.content import content_digest
from riffsidecar.errors import DropError, RiffError
from riffsidecar.render.pack_facts import LoopFacts, measured
from riffsidecar.render.recipe import LoopFile, parse_loop

__all__ = ["PackStore", "work_folder"]

logger = logging.getLogger(__name__)

_JOURNAL: Final = "journal.jsonl"
_PART: Final = ".part"
_CANDIDATE: Final = re.compile(r"[0-9a-f]{64}\.wav")


def work_folder(pack: Path) -> Path:
    """Return the hidden folder beside a pack in which it is made.

    >>> work_folder(Path("packs/Night_Drive")).name
    '.Night_Drive.riffsidecar'
    """
    return pack.with_name(f".{pack.name}.riffsidecar")


class PackStore:
    """Keep the loops of a pack and what is known of them. Used from one thread."""

    def __init__(self, pack: Path) -> None:
        """Make the folders of the pack in ``pack``; what lies there stays.

        Raises:
            DropError: they cannot be made.
        """
        self._pack = pack
        self._work = work_folder(pack)
        self._facts: dict[str, LoopFacts] = {}
        self._files: dict[str, Path] = {}
        self._journal: IO[bytes] | None = None
        try:
            for folder in (self._pack, self._work):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _error(pack, error) from error

    @property
    def work(self) -> Path:
        """Return the hidden folder."""
        return self._work

    def open(self, build: str, environment: Mapping[str, str]) -> None:
        """Find what earlier runs left that the same build made, and begin to keep the journal.

        Raises:
            DropError: the folder cannot be read or written.
        """
        try:
            self._read_journal(build)
            self._scan(build, environment)
            self._journal = (self._work / _JOURNAL).open("ab")
        except OSError as error:
            raise _error(self._pack, error) from error

    def facts(self, asked: str) -> LoopFacts | None:
        """Return what is known of the loop of a request, by its digest."""
        return self._facts.get(asked)

    def has_file(self, asked: str) -> bool:
        """Return whether the loop of a request lies in a file."""
        return asked in self._files

    def keep(self, facts: LoopFacts, wav: bytes) -> None:
        """Keep a loop that was made; of one that is not fit only the note of it.

        Raises:
            DropError: the disk takes no file.
        """
        try:
            if not facts.fault:
                path = self._work / f"{facts.asked}.wav"
                _write(path, wav)
                self._files[facts.asked] = path
            self._note(facts)
        except OSError as error:
            raise _error(self._pack, error) from error

    def place(self, facts: LoopFacts, where: str) -> None:
        """Move a loop to its place in the pack, a path relative to it.

        Raises:
            DropError: the disk does not take it.
        """
        path, final = self._files[facts.asked], self._pack / where
        if path == final:
            return
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            path.replace(final)
        except OSError as error:
            raise _error(self._pack, error) from error
        self._files = {asked: held for asked, held in self._files.items() if held != final}
        self._files[facts.asked] = final

    def forget_file(self, asked: str) -> None:
        """Remove the file of a loop that was not taken; what is known of it stays."""
        path = self._files.pop(asked, None)
        if path is not None and path.parent == self._work:
            path.unlink(missing_ok=True)

    def read(self, where: str) -> bytes:
        """Return the bytes of a file of the pack.

        Raises:
            DropError: it cannot be read.
        """
        try:
            return (self._pack / where).read_bytes()
        except OSError as error:
            raise _error(self._pack, error) from error

    def write(self, where: str, content: bytes) -> Path:
        """Write a file of the pack, whole or not at all, over an earlier one.

        Raises:
            DropError: the disk takes no file.
        """
        path = self._pack / where
        try:
            _write(path, content)
        except OSError as error:
            raise _error(self._pack, error) from error
        return path

    def close(self, *, complete: bool) -> None:
        """Close the journal; where the pack is complete, remove the loops that were not taken."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if complete:
            for path in self._work.iterdir():
                if _CANDIDATE.fullmatch(path.name) or path.suffix == _PART:
                    path.unlink(missing_ok=True)

    def _read_journal(self, build: str) -> None:
        path = self._work / _JOURNAL
        with suppress(FileNotFoundError):
            # A run that was killed may have left half a line; a new line must not begin behind it.
            data = path.read_bytes()
            if data and not data.endswith(b"\n"):
                with path.open("ab") as file:
                    file.write(b"\n")
            for number, line in enumerate(data.splitlines(), 1):
                try:
                    values = json.loads(line)
                    facts = LoopFacts.from_line(values if isinstance(values, dict) else {})
                except (ValueError, RiffError) as error:
                    logger.warning("line %d of %s is left out: %s", number, path, error)
                    continue
                if facts.build == build:
                    self._facts[facts.asked] = facts

    def _scan(self, build: str, environment: Mapping[str, str]) -> None:
        for path in sorted((*self._pack.rglob("*.wav"), *self._work.glob("*.wav"))):
            data = path.read_bytes()
            try:
                loop = parse_loop(data, str(path))
                if not _same_build(loop, environment):
                    continue
                asked = loop.request.digest
                facts = self._facts.get(asked)
                if facts is None:
                    facts = measured(data, loop.request, build)
                    if not facts.fault:
                        self._facts[asked] = facts
                if facts.sha256 == content_digest(data) and not facts.fault:
                    self._files[asked] = path
            except RiffError as error:
                logger.warning("%s is left out: %s", path, error)

    def _note(self, facts: LoopFacts) -> None:
        self._facts[facts.asked] = facts
        if self._journal is None:
            return
        # One write of a whole line: a kill leaves it there or not.
        self._journal.write(json.dumps(facts.to_line(), sort_keys=True).encode("ascii") + b"\n")
        self._journal.flush()


def _same_build(loop: LoopFile, environment: Mapping[str, str]) -> bool:
    """Tell whether a loop was made as loops are made now; of another model its own digest is not known."""
    skipped = set() if loop.request.model == "embedded" else {"checkpoint"}
    names = {*loop.made_with, *environment} - skipped
    return all(loop.made_with.get(name) == environment.get(name) for name in names)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}{_PART}")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _error(pack: Path, error: OSError) -> DropError:
    return DropError(
        f"the pack {pack} cannot be written: {error.strerror or error} ({error.filename}); free some space, "
        "mend the folder's permissions or choose another with --out, and run the same command to go on"
    )
