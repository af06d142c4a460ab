"""What the library knows of a loop, read from the loop's own file."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

import numpy as np

from riffsidecar.audio.chunks import MAX_CHUNKS, Chunk, riff_wave
from riffsidecar.audio.fingerprint import fingerprint
from riffsidecar.audio.wav import MAX_WAV_BYTES, DecodedWav, decode_wav
from riffsidecar.errors import RiffError, WavError

__all__ = ["Entry", "Signature", "listed_loops", "read_entry", "signature_of"]

logger = logging.getLogger(__name__)

Signature = tuple[int, int]
"""Size in bytes and time of change in nanoseconds: while both stay, a file is not read again."""

_ATTRIBUTES: Final = ("density", "brightness", "energy", "guidance", "quality", "strength", "morph", "drift")
_MAX_DEPTH = 8
_OURS: Final = b"rsjs"
_MAX_CHUNK: Final = 2 * 2**20
_HEARD_BYTES: Final = 64 * 2**20
"""What is listened to of a file that is too long to be held, as a journey of an hour."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One loop of the library.

    Attributes:
        path: inside the drop folder, with slashes.
        sha256: the digest of the whole file, by which a moved file is known again.
        size, mtime_ns: the signature of the file.
        created: seconds since the epoch when the file was first seen.
        name: the file name without its ending.
        tags: words to find it by beside its name and its prompt.
        bars: its length; ``bars_text`` writes it exactly.
        key: empty for a loop without one, as is ``chords``.
        lufs: loudness; None for silence.
        attributes: what the knobs asked for, as JSON.
        recipe: the whole recipe, as JSON.
        fingerprint: float16 numbers, see `riffsidecar.audio.fingerprint`.
        starred: whether the musician marked it.
        missing: whether its file is gone.
    """

    path: str
    sha256: str
    size: int
    mtime_ns: int
    created: float
    name: str
    prompt: str
    tags: str
    bpm: float
    bars: float
    bars_text: str
    meter: str
    key: str
    chords: str
    seed: int
    sample_rate: int
    duration_s: float
    lufs: float | None
    attributes: str
    recipe: str
    fingerprint: bytes = field(repr=False)
    starred: bool = False
    missing: bool = False

    @property
    def vector(self) -> np.ndarray[Any, np.dtype[np.float16]]:
        """Return the fingerprint as numbers."""
        return np.frombuffer(self.fingerprint, dtype=np.float16)

    def document(self, folder: Path) -> dict[str, object]:
        """Return the entry as plain values, for JSON."""
        left_out = ("fingerprint", "recipe", "attributes", "size", "mtime_ns", "bars_text", "path")
        plain = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in left_out}
        return {
            "path": str(folder / self.path),
            **plain,
            "bars": self.bars_text,
            "attributes": json.loads(self.attributes),
            "recipe": json.loads(self.recipe),
        }


def signature_of(path: Path) -> Signature | None:
    """Return the signature of a file, or None when there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def listed_loops(folder: Path, left_out: frozenset[Path] = frozenset()) -> Iterator[tuple[str, Signature]]:
    """Give every WAV under ``folder`` with its signature, but for hidden ones and folders ``left_out``."""
    for place, folders, files in os.walk(folder):
        here = Path(place)
        depth = len(here.relative_to(folder).parts)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and depth < _MAX_DEPTH and here / name not in left_out
        )
        for name in sorted(files):
            if name.startswith(".") or not name.lower().endswith(".wav"):
                continue
            signature = signature_of(here / name)
            if signature is not None:
                yield (here / name).relative_to(folder).as_posix(), signature


def read_entry(folder: Path, relative: str, signature: Signature) -> Entry | None:
    """Return the entry of a file; None for a WAV that riffsidecar did not make.

    Raises:
        WavError: the file cannot be read, or is not whole yet.
    """
    path = folder / relative
    try:
        with path.open("rb") as file:
            own = _read_own(file)
    except OSError as error:
        raise WavError(f"{relative} cannot be read: {error.strerror or error}") from error
    if own is None:
        return None
    decoded = decode_wav(own.content)
    tags, recipe = decoded.tags, decoded.recipe
    if tags is None or recipe is None:
        return None
    bars = tags.beats / tags.meter.numerator
    return Entry(
        path=relative,
        sha256=own.sha256,
        size=signature[0],
        mtime_ns=signature[1],
        created=signature[1] / 1e9,
        name=path.stem,
        prompt=tags.prompt,
        tags=_words(tags.title, str(tags.key or ""), str(tags.meter), tags.genre, recipe),
        bpm=round(float(tags.bpm), 3),
        bars=float(bars),
        bars_text=str(bars),
        meter=str(tags.meter),
        key="" if tags.key is None else str(tags.key),
        chords=str(recipe.get("chords") or ""),
        seed=tags.seed,
        sample_rate=decoded.waveform.sample_rate,
        duration_s=own.parts * decoded.waveform.num_samples / decoded.waveform.sample_rate,
        lufs=_lufs(decoded),
        attributes=json.dumps({name: recipe[name] for name in _ATTRIBUTES if recipe.get(name) is not None}),
        recipe=json.dumps(recipe, sort_keys=True),
        fingerprint=fingerprint(decoded.waveform, float(bars) / own.parts).tobytes(),
    )


@dataclass(frozen=True, slots=True)
class _Own:
    """A WAV of ours, or the beginning of one that is too long, and how many times as long the whole is."""

    content: bytes
    sha256: str
    parts: float = 1.0


def _read_own(file: BufferedReader) -> _Own | None:
    """Return what is read of a file; None where no chunk of it is ours, and then its samples are not read."""
    places = _chunk_places(file)
    if _OURS not in places:
        return None
    if file.seek(0, os.SEEK_END) <= MAX_WAV_BYTES:
        file.seek(0)
        content = file.read(MAX_WAV_BYTES + 1)
        return _Own(content, hashlib.sha256(content).hexdigest())
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    form = _chunk(file, places, b"fmt ", _MAX_CHUNK)
    frame = max(1, int.from_bytes(form[12:14], "little"))
    data = _chunk(file, places, b"data", _HEARD_BYTES // frame * frame)
    own = _chunk(file, places, _OURS, _MAX_CHUNK)
    content = riff_wave([Chunk(b"fmt ", form), Chunk(b"data", data), Chunk(_OURS, own)])
    return _Own(content, digest, places.get(b"data", (0, 0))[1] / max(1, len(data)))


def _chunk(file: BufferedReader, places: Mapping[bytes, tuple[int, int]], name: bytes, limit: int) -> bytes:
    at, length = places.get(name, (0, 0))
    file.seek(at)
    return file.read(min(length, limit))


def _chunk_places(file: BufferedReader) -> dict[bytes, tuple[int, int]]:
    """Return where the first chunk of each name lies in a RIFF file and how long it says it is."""
    head = file.read(12)
    places: dict[bytes, tuple[int, int]] = {}
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return places
    at = 12
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        header = file.read(8)
        if len(header) < 8:
            break
        length = int.from_bytes(header[4:], "little")
        places.setdefault(header[:4], (at + 8, length))
        at += 8 + length + length % 2
    return places


def _words(title: str, key: str, meter: str, genre: str, recipe: Mapping[str, Any]) -> str:
    others = (recipe.get("prompt_b"), recipe.get("label"), recipe.get("chords"), recipe.get("model"))
    return " ".join(str(word) for word in (title, key, meter, genre, *others) if word)


def _lufs(decoded: DecodedWav) -> float | None:
    # scipy behind it takes long to load; a daemon that indexes nothing never needs it.
    from riffsidecar.audio.loudness import integrated_lufs

    try:
        lufs = integrated_lufs(decoded.waveform)
    except RiffError as error:
        logger.debug("no loudness: %s", error)
        return None
    return round(lufs, 2) if math.isfinite(lufs) else None
