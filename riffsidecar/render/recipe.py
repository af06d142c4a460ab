"""Read back what a loop was made from: its request, what made it, its latents and its seed audio.

The recipe inside a WAV is the request's own, with one key more: ``made_with``, the environment that rendered
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from riffsidecar.audio.tags import Latents
from riffsidecar.audio.wav import MAX_WAV_BYTES, decode_wav
from riffsidecar.audio.waveform import Waveform
from riffsidecar.errors import SessionError, WavError
from riffsidecar.session.requests import LoopRequest

__all__ = ["MADE_WITH", "LoopFile", "pack_recipe", "parse_loop", "read_loop", "unpack_recipe"]

MADE_WITH: Final = "made_with"


@dataclass(frozen=True, slots=True, eq=False)
class LoopFile:
    """Hold a loop that riffsidecar made, as its file tells it."""

    request: LoopRequest
    made_with: Mapping[str, str]
    waveform: Waveform
    latents: Latents | None
    source: bytes | None


def pack_recipe(request: LoopRequest, made_with: Mapping[str, str]) -> dict[str, object]:
    """Return the recipe that a WAV carries."""
    return {**request.to_recipe(), MADE_WITH: dict(made_with)}


def unpack_recipe(recipe: Mapping[str, object]) -> tuple[LoopRequest, dict[str, str]]:
    """Return the request and what rendered it.

    Raises:
        SessionError: it is no recipe.
    """
    rest = dict(recipe)
    made_with = rest.pop(MADE_WITH, {})
    if not isinstance(made_with, dict):
        raise SessionError(
            f"{MADE_WITH} in the recipe is {made_with!r}; a loop that riffsidecar made has a table there"
        )
    return LoopRequest.from_recipe(rest), {str(key): str(value) for key, value in made_with.items()}


def parse_loop(data: bytes, where: str) -> LoopFile:
    """Return the loop in the bytes of a WAV; ``where`` is the file in messages.

    Raises:
        WavError: it is no WAV, or no loop that riffsidecar made.
    """
    try:
        decoded = decode_wav(data)
        if decoded.recipe is None:
            raise WavError("it holds no recipe; only loops that riffsidecar made have one")
        request, made_with = unpack_recipe(decoded.recipe)
    except (WavError, SessionError) as error:
        raise WavError(f"{where}: {error}") from error
    return LoopFile(request, made_with, decoded.waveform, decoded.latents, decoded.source)


def read_loop(path: Path) -> LoopFile:
    """Return the loop in the file at ``path``.

    Raises:
        WavError: the file cannot be read, is no WAV, or no loop that riffsidecar made.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_WAV_BYTES + 1)
    except OSError as error:
        raise WavError(
            f"{path} cannot be read: {error.strerror or error}; name a file that exists"
        ) from error
    return parse_loop(data, str(path))
