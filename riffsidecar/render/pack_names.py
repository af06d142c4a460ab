"""Folders and names of a pack, as Splice asks its creators to name theirs.

    <Pack_Name>/loops/<group>/<LABEL>_<initials>_<bpm>_<words>_<bars>b[_<meter>][_<key>]_<id>.wav

Fields joined by underscores, only letters, digits, ``_``, ``-``, and no number but the tempo's own; what
makes a name unique is five consonants that the request decides, so that a run that goes on gives the same
names.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from riffsidecar.audio.names import is_safe_stem, loop_name, slug
from riffsidecar.errors import RenderError
from riffsidecar.session.packs import PackCell, PackRecipe

__all__ = ["pack_folder_name", "pack_paths"]

_ID_CHARS: Final = "bcdfghjklmnpqrstvwxyz"
_ID_LENGTH: Final = 5
_MAX_FOLDER: Final = 60
_MAX_WORDS: Final = 32
_LOOPS: Final = "loops"


def pack_folder_name(name: str) -> str:
    """Return the folder of a pack: its name in words of ASCII, each with a capital.

    >>> pack_folder_name("Night drive: café"), pack_folder_name("太鼓")
    ('Night_Drive_Cafe', 'Pack')
    """
    words = [word[0].upper() + word[1:] for word in _words(name)]
    return "_".join(words)[:_MAX_FOLDER].strip("_") or "Pack"


def pack_paths(recipe: PackRecipe, cells: Sequence[PackCell]) -> tuple[str, ...]:
    """Return where each cell lies in its pack, with slashes; no two in the same place.

    Raises:
        RenderError: a name would not be safe, which is a defect.
    """
    start = _start(recipe)
    taken: set[str] = set()
    paths = []
    for cell in cells:
        salt = 0
        while (path := _path(cell, start, salt)).lower() in taken:
            salt += 1
        taken.add(path.lower())
        paths.append(path)
    return tuple(paths)


def _start(recipe: PackRecipe) -> str:
    words = _words(recipe.name)
    initials = "".join(word[0] for word in words if word[0].isalpha()).upper()[:6] or "P"
    label = "".join(_words(recipe.label)).upper()[:8] or "RIFF"
    return f"{label}_{initials}"


def _path(cell: PackCell, start: str, salt: int) -> str:
    asked = cell.request
    words = slug(cell.prompt.name)[:_MAX_WORDS].rstrip("_")
    named = loop_name(words, bpm=asked.tempo.bpm, bars=asked.bars, meter=asked.meter, key=asked.key)
    stem = f"{start}{named.removeprefix('riff')}_{_unique(f'{asked.digest}/{salt}')}"
    if not is_safe_stem(stem):
        raise RenderError(f"the name {stem!r} is not safe; give the pack a shorter name and label")
    return f"{_LOOPS}/{slug(cell.prompt.group)}/{stem}.wav"


def _unique(text: str) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode("ascii")).digest()[:8], "big")
    letters = []
    for _ in range(_ID_LENGTH):
        number, at = divmod(number, len(_ID_CHARS))
        letters.append(_ID_CHARS[at])
    return "".join(letters)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.findall(r"[A-Za-z0-9]+", plain)
