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
from riffsidecar.session.checks import check_int
from riffsidecar.session.journeys import JourneyPart, JourneyRequest
from riffsidecar.session.requests import LoopRequest

__all__ = [
    "MADE_WITH",
    "JourneyFile",
    "LoopFile",
    "pack_journey",
    "pack_recipe",
    "parse_journey",
    "parse_loop",
    "read_journey",
    "read_loop",
    "unpack_recipe",
]

MADE_WITH: Final = "made_with"


@dataclass(frozen=True, slots=True, eq=False)
class LoopFile:
    """Hold a loop that riffsidecar made, as its file tells it."""

    request: LoopRequest
    made_with: Mapping[str, str]
    waveform: Waveform
    latents: Latents | None
    source: bytes | None


@dataclass(frozen=True, slots=True, eq=False)
class JourneyFile:
    """Hold a file of a journey, as it tells itself: ``piece`` is its number, None for a whole journey."""

    journey: JourneyRequest
    piece: int | None
    anchor: str
    bars: int
    made_with: Mapping[str, str]
    waveform: Waveform
    latents: Latents | None


def pack_journey(
    journey: JourneyRequest,
    made_with: Mapping[str, str],
    *,
    piece: int | None,
    anchor: str = "",
    bars: int | None = None,
) -> dict[str, object]:
    """Return the recipe that a file of a journey carries; ``bars`` where one long file was stopped early."""
    whole = journey.bars if bars is None else bars
    of_piece = {"piece": piece, "anchor": anchor, "made_bars": whole if piece is None else None}
    return {**journey.to_recipe(), **of_piece, MADE_WITH: dict(made_with)}


def parse_journey(data: bytes, where: str) -> JourneyFile | None:
    """Return the file of a journey in the bytes of a WAV; None where the WAV is of no journey.

    Raises:
        WavError: it is no WAV, or its recipe is damaged.
    """
    try:
        decoded = decode_wav(data)
        if decoded.recipe is None or "journey" not in decoded.recipe:
            return None
        rest = dict(decoded.recipe)
        made_with, piece, anchor = rest.pop(MADE_WITH, {}), rest.pop("piece", None), rest.pop("anchor", "")
        bars = rest.pop("made_bars", None)
        journey = JourneyRequest.from_recipe(rest)
        if piece is None:
            check_int("made_bars", bars, 1, journey.bars)
        else:
            bars = JourneyPart(journey, check_int("piece", piece, 0, 2**31), anchor).piece.bars
    except (WavError, SessionError) as error:
        raise WavError(f"{where}: {error}") from error
    names = made_with if isinstance(made_with, dict) else {}
    told = {str(key): str(value) for key, value in names.items()}
    return JourneyFile(journey, piece, str(anchor), bars, told, decoded.waveform, decoded.latents)


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
        if "journey" in decoded.recipe:
            raise WavError("it is of a journey, and no single request made it; 'rerender' makes it again")
        request, made_with = unpack_recipe(decoded.recipe)
    except (WavError, SessionError) as error:
        raise WavError(f"{where}: {error}") from error
    return LoopFile(request, made_with, decoded.waveform, decoded.latents, decoded.source)


def read_journey(path: Path) -> JourneyFile | None:
    """Return the file of a journey at ``path``; None where it is of no journey.

    Raises:
        WavError: the file cannot be read, is no WAV, or its recipe is damaged.
    """
    return parse_journey(_read(path), str(path))


def read_loop(path: Path) -> LoopFile:
    """Return the loop in the file at ``path``.

    Raises:
        WavError: the file cannot be read, is no WAV, or no loop that riffsidecar made.
    """
    return parse_loop(_read(path), str(path))


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_WAV_BYTES + 1)
    except OSError as error:
        raise WavError(
            f"{path} cannot be read: {error.strerror or error}; name a file that exists"
        ) from error
