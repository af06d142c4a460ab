"""How a value from outside stands in a message."""

from __future__ import annotations

from fractions import Fraction

__all__ = ["shown"]


def shown(value: object, width: int = 32) -> str:
    """Return a value as it may stand in a message: as Python writes it, but never long, and fractions as 7/2.

    >>> shown("x" * 100, 4), shown(Fraction(7, 2))
    ("'xxxx'", '7/2')
    """
    if isinstance(value, str):
        return repr(value[:width])
    try:
        return (str(value) if isinstance(value, Fraction) else repr(value))[:width]
    except ValueError:
        # Python refuses to print integers of many thousand digits.
        return "a number of too many digits"
