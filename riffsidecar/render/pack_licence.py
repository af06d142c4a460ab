"""The licence text that goes with a pack: that of the weights which made it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from riffsidecar.errors import ModelError
from riffsidecar.models.licences import LICENCES, unknown_licence
from riffsidecar.models.store import ModelStore
from riffsidecar.session.engines import EMBEDDED_MODEL

__all__ = ["licence_text"]

_NAMES: Final = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "license.txt")
_MAX_CHARS: Final = 200_000
_CHECKPOINTS: Final = Path(__file__).resolve().parent.parent / "checkpoints"


def licence_text(model: str, checkpoint: str = "") -> str:
    """Return the licence of a model, or of the checkpoint in a directory that takes its place.

    The file that lies in the checkpoint counts; an installed model without one has the licence that was shown
    when it was fetched.
    """
    folder = Path(checkpoint).expanduser() if checkpoint else _CHECKPOINTS / "embedded"
    told = ""
    if model != EMBEDDED_MODEL:
        store = ModelStore()
        folder = store.path(model)
        try:
            told = store.find(model).licence
        except ModelError:
            told = ""
    text = _found(folder)
    if not text and not checkpoint and model == EMBEDDED_MODEL:
        text = _found(_CHECKPOINTS)
    if text:
        return text
    where = model if model != EMBEDDED_MODEL else str(folder)
    heading = f"The loops of this pack were made with {where}."
    if not told:
        return f"{heading}\n\n{unknown_licence(where)}\n"
    return f"{heading}\nIts licence: {told}\n\n{LICENCES.get(told, '')}".rstrip() + "\n"


def _found(folder: Path) -> str:
    for name in _NAMES:
        path = folder / name
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")[:_MAX_CHARS]
    return ""
