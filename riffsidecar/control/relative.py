"""The ways in which endless encoders write their steps, and how to tell them apart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Final, Literal

__all__ = ["RELATIVE_MODES", "Relative", "guess_relative", "relative_steps"]

Relative = Literal["twos-complement", "offset", "sign-magnitude"]
"""How an endless encoder writes its steps in the value of a controller."""

RELATIVE_MODES: Final = ("twos-complement", "offset", "sign-magnitude")

_FAST = 10  # more steps in one message are a fader
_CENTRE = 64


def relative_steps(value: int, mode: Relative) -> int:
    """Return how many steps an encoder was turned, to the right when positive.

    >>> [relative_steps(value, "twos-complement") for value in (1, 127)]
    [1, -1]
    >>> [relative_steps(value, "offset") for value in (65, 63)]
    [1, -1]
    >>> [relative_steps(value, "sign-magnitude") for value in (1, 65)]
    [1, -1]
    """
    match mode:
        case "twos-complement":
            return value if value < _CENTRE else value - 128
        case "offset":
            return value - _CENTRE
        case "sign-magnitude":
            return value if value < _CENTRE else _CENTRE - value


def guess_relative(values: Sequence[int]) -> Relative | Literal[""]:
    """Return how an encoder writes its steps, from what it sent; empty for a fader.

    Turned to the right alone, two of the ways look the same; the commoner one is taken then. A fader never
    sends the same value twice running.

    >>> guess_relative([1, 1, 127, 127]), guess_relative([65, 65, 63]), guess_relative([1, 65, 65, 1, 1])
    ('twos-complement', 'offset', 'sign-magnitude')
    >>> guess_relative([60, 61, 62, 63, 64, 66])
    ''
    """
    if not any(one == other for one, other in itertools.pairwise(values)):
        return ""
    low = [value for value in values if 1 <= value <= _FAST]
    high = [value for value in values if value >= 128 - _FAST]
    above = [value for value in values if _CENTRE < value <= _CENTRE + _FAST]
    below = [value for value in values if _CENTRE - _FAST <= value < _CENTRE]
    if len(low) + len(high) == len(values):
        return "twos-complement"
    if len(low) + len(above) == len(values) and low:
        return "sign-magnitude"
    if len(above) + len(below) == len(values):
        return "offset"
    return ""
