"""Checks that commands, requests and presets share."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from riffsidecar.errors import SessionError, nearest
from riffsidecar.music.shown import shown

__all__ = [
    "FOLLOW_POLICIES",
    "MAX_SEED",
    "check_int",
    "check_kind",
    "check_pair",
    "check_policy",
    "check_seed",
]

MAX_SEED: Final = 2**31 - 1


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
