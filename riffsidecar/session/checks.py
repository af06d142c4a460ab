"""Checks that commands, requests and presets share."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from riffsidecar.errors import RiffError, SessionError, nearest
from riffsidecar.music import check_sample_rate
from riffsidecar.music.shown import shown

__all__ = [
    "BIT_DEPTHS",
    "FOLLOW_POLICIES",
    "MAX_SEED",
    "check_int",
    "check_keys",
    "check_kind",
    "check_output",
    "check_pair",
    "check_policy",
    "check_seed",
    "located",
]

MAX_SEED: Final = 2**31 - 1

BIT_DEPTHS: Final = ("16", "24", "32f")
"""How samples are written."""

_MIN_LUFS, _MAX_LUFS = -40.0, -6.0


def check_seed(seed: object) -> int:
    """Return a seed from a client, a whole number from 0 to 2147483647.

    Raises:
        SessionError: for anything else.

    >>> check_seed(7.0)
    7
    """
    if isinstance(seed, float) and math.isfinite(seed) and seed == int(seed):
        seed = int(seed)
    if isinstance(seed, str) and re.fullmatch(r"\s*[0-9]{1,10}\s*", seed, re.ASCII):
        seed = int(seed)
    return check_int("seed", seed, 0, MAX_SEED)


def check_int(name: str, value: object, minimum: int, maximum: int) -> int:
    """Return a whole number from ``minimum`` to ``maximum``.

    Raises:
        SessionError: for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not minimum <= value <= maximum:
        raise SessionError(
            f"{name} is {shown(value)}, but must be a whole number from {minimum} to {maximum}"
        )
    return value


FOLLOW_POLICIES: Final = ("follow", "decode", "hold")
"""What loops do when the tempo or the meter changes: all they can, only what their latents allow, nothing."""


def check_policy(value: object) -> str:
    """Return one of :data:`FOLLOW_POLICIES`, however it was written.

    Raises:
        SessionError: for anything else.

    >>> check_policy("Decode")
    'decode'
    """
    text = value.strip().lower() if isinstance(value, str) else ""
    if text not in FOLLOW_POLICIES:
        raise SessionError(
            f"follow is {shown(value)}, but must be one of {', '.join(FOLLOW_POLICIES)}"
            f"{nearest(text[:32], FOLLOW_POLICIES)}"
        )
    return text


def check_kind(name: str, value: object, kind: type, *, optional: bool = False) -> None:
    """Refuse a value that is not of a kind.

    Raises:
        SessionError: saying what builds one.
    """
    if not (isinstance(value, kind) or (optional and value is None)):
        raise SessionError(f"{name} is {shown(value)}, but must be a {kind.__name__}")


def check_pair(name: str, value: Any) -> tuple[float, float]:
    """Return two numbers as floats.

    Raises:
        SessionError: for anything else.

    >>> check_pair("keep_bars", [1, 2])
    (1.0, 2.0)
    """
    numbers = []
    for part in value if isinstance(value, tuple | list) else ():
        if isinstance(part, bool) or not isinstance(part, int | float) or not -1e9 < part < 1e9:
            break
        numbers.append(float(part))
    if len(numbers) != 2 or len(value) != 2:
        raise SessionError(f"{name} is {shown(value)}, but must be two numbers")
    return numbers[0], numbers[1]


def check_output(sample_rate: int, bit_depth: object, loudness_lufs: object) -> float:
    """Check how a loop is written and return its loudness in LUFS.

    Raises:
        MusicError: for another sample rate.
        SessionError: for another bit depth, or a loudness out of range.
    """
    check_sample_rate(sample_rate)
    if bit_depth not in BIT_DEPTHS:
        raise SessionError(f"bit depth is {shown(bit_depth)}, but must be one of {', '.join(BIT_DEPTHS)}")
    lufs = loudness_lufs
    if isinstance(lufs, bool) or not isinstance(lufs, int | float) or not _MIN_LUFS <= lufs <= _MAX_LUFS:
        raise SessionError(f"loudness is {shown(lufs)} LUFS, but must be from {_MIN_LUFS:g} to {_MAX_LUFS:g}")
    return float(lufs)


def check_keys(table: Mapping[str, Any], known: Collection[str], error: type[RiffError]) -> None:
    """Refuse keys of a TOML table that nothing reads.

    Raises:
        RiffError: as ``error``, for the first unknown key, with the nearest known one.
    """
    for key in table:
        if key not in known:
            raise error(
                f"has the unknown key {shown(key)}, but may have {', '.join(known)}{nearest(key[:32], known)}"
            )


@contextmanager
def located(where: str, error: type[RiffError]) -> Iterator[None]:
    """Tell ``where`` in a file a value is refused, as ``error``."""
    try:
        yield
    except RiffError as cause:
        raise error(f"{where}: {cause}") from cause
