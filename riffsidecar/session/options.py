"""The options of a render: their names, and how each is read."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Final

from riffsidecar.errors import SessionError, UnknownNameError, nearest
from riffsidecar.music import BarSpans, Chords, Key, Meter, Tempo, check_sample_rate, exact, parse_bars
from riffsidecar.music.shown import shown
from riffsidecar.session.checks import check_seed
from riffsidecar.session.engines import check_air, check_anchor, check_guided, check_seam
from riffsidecar.session.knobs import KNOBS
from riffsidecar.session.requests import BIT_DEPTHS
from riffsidecar.session.text import MAX_NAME, MAX_PROMPT, clean_text

__all__ = ["LOCAL_OPTIONS", "OPTIONS", "check_option", "option_name"]

LOCAL_OPTIONS: Final = (
    "source_path",
    "source_sha256",
    "source_use",
    "of_path",
    "of_sha256",
    "keep_bars",
    "keep_bands_hz",
    "label",
    "model",
    "lora",
    "loudness_lufs",
)
"""Options of a render that only the machine itself may give: no path comes off a wire."""

OPTIONS: Final = (
    "bpm",
    "meter",
    "bars",
    "key",
    "chords",
    "prompt_b",
    "negative",
    "seed",
    "sample_rate",
    "bit_depth",
    "anchor",
    "seam",
    "air",
    "guided",
    *KNOBS,
)
"""Options of a render that any client may give."""

_NONE_WORDS = ("", "none", "off", "free")
_ALIASES = {"to": "prompt_b", "tempo": "bpm", "keep_bands": "keep_bands_hz"}


def option_name(written: object) -> str:
    """Return the name of an option however it was written.

    >>> option_name("keep-bars"), option_name("to")
    ('keep_bars', 'prompt_b')
    """
    name = str(written).replace("-", "_")
    return _ALIASES.get(name, name)


def check_option(name: str, value: Any) -> object:
    """Return the value of a render's option as the request holds it.

    ``key`` and ``chords`` take ``"none"``; ``keep_bands_hz`` takes ``"20-200"`` or two numbers, ``keep_bars``
    what `BarSpans.parse` reads.

    Raises:
        UnknownNameError: for an unknown option, with the nearest one.
        SessionError: for a value that cannot be.
        MusicError: for a tempo, meter, key, chords or bars that cannot be.

    >>> check_option("bpm", 174.0), check_option("keep_bands_hz", "20-200")
    (Tempo(bpm=Fraction(174, 1)), (20.0, 200.0))
    """
    if name in KNOBS:
        return KNOBS[name].check(value)
    match name:
        case "source_path" | "of_path":
            return _path(name, value)
        case "source_sha256" | "source_use" | "of_sha256" | "label" | "model" | "lora":
            return clean_text(value, name, MAX_NAME)
        case "anchor":
            return check_anchor(value)
        case "seam":
            return check_seam(value)
        case "air":
            return check_air(value)
        case "guided":
            return check_guided(value)
        case "loudness_lufs":
            return float(exact(value, name))
        case "bpm":
            return Tempo.parse(value)
        case "meter":
            return Meter.parse(value)
        case "bars":
            return parse_bars(value)
        case "key":
            return None if _is_none(value) else Key.parse(value)
        case "chords":
            return None if _is_none(value) else Chords.parse(value)
        case "seed":
            return check_seed(value)
        case "prompt_b" | "negative":
            return clean_text(value, name, MAX_PROMPT)
        case "keep_bars":
            return BarSpans.parse(value)
        case "keep_bands_hz":
            return _range(name, value)
        case "sample_rate":
            return check_sample_rate(int(value) if isinstance(value, float) and value.is_integer() else value)
        case "bit_depth":
            return _bit_depth(value)
    raise UnknownNameError(
        f"no option {shown(name)}, but one of {', '.join(OPTIONS)}{nearest(str(name)[:32], OPTIONS)}"
    )


def _path(name: str, value: object) -> str:
    if isinstance(value, PurePath):
        return str(value)
    if not isinstance(value, str) or not value:
        raise SessionError(f"{name} is {shown(value)}, but must be a path")
    return value


def _is_none(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.strip().lower() in _NONE_WORDS)


def _range(name: str, value: Any) -> tuple[float, float]:
    parts: Any = value.split("-") if isinstance(value, str) else value
    if isinstance(parts, int | float) and not isinstance(parts, bool):
        parts = (parts, parts)
    if isinstance(parts, list) and len(parts) == 1:
        parts = parts * 2
    if not isinstance(parts, tuple | list) or len(parts) != 2:
        raise SessionError(f"{name} is {shown(value)}, but must be two numbers such as 1-2")
    first, last = (float(exact(part, name)) for part in parts)
    return first, last


def _bit_depth(value: Any) -> str:
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    if text not in BIT_DEPTHS:
        raise SessionError(f"bit_depth is {shown(text)}, but must be one of {', '.join(BIT_DEPTHS)}")
    return text
