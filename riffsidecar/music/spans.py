"""Parts of a loop, counted in bars: what stays when the rest is made anew."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from riffsidecar.errors import MusicError
from riffsidecar.music.length import MAX_BARS
from riffsidecar.music.shown import shown

__all__ = ["BarSpans"]

_PLACE: Final = r"([0-9]{1,2})(?:\+([0-9]{1,4}/[0-9]{1,4}))?"
_RANGE: Final = re.compile(rf"{_PLACE}(?:-{_PLACE})?", re.ASCII)
_MAX_TEXT: Final = 400
_ALLOWED: Final = "must be bars of a loop, counted from 1, such as 3, 1-2 or 1-2,4"

Span = tuple[Fraction, Fraction]


@dataclass(frozen=True, slots=True)
class BarSpans:
    """Parts of a loop as half-open spans in bars from 0, in their order, those that touch joined.

    Written as bars from 1, both ends included: ``1-2,4``. A fraction behind a bar is a part of one:
    ``1-3+1/2`` is three bars and half of the fourth, ``4+1/2`` is bar 4 without its first half.

    Raises:
        MusicError: if a span is empty or lies outside 0 to 64 bars, or if there is none.

    >>> str(BarSpans.parse("1, 2, 4")), str(BarSpans.parse("4").inverse(Fraction(4)))
    ('1-2,4', '1-3')
    >>> str(BarSpans.ending(Fraction(4), Fraction(1, 2)))
    '4+1/2'
    """

    spans: tuple[Span, ...]

    def __post_init__(self) -> None:
        """Refuse what is no part of a loop; sort and join the spans."""
        joined: list[Span] = []
        for start, end in sorted((Fraction(start), Fraction(end)) for start, end in self.spans):
            if not 0 <= start < end <= MAX_BARS:
                fault = "end before they begin" if start >= end else "lie outside a loop"
                raise MusicError(f"bars {start + 1}-{end} {fault}: they {_ALLOWED}")
            if joined and start <= joined[-1][1]:
                joined[-1] = joined[-1][0], max(end, joined[-1][1])
            else:
                joined.append((start, end))
        if not joined:
            raise MusicError(f"the part of the loop is empty, but {_ALLOWED}")
        object.__setattr__(self, "spans", tuple(joined))

    @classmethod
    def parse(cls, value: Any) -> BarSpans:
        """Read ``"1-2,4"``, one bar, or two numbers: the first and the last bar.

        Raises:
            MusicError: for anything else.

        >>> BarSpans.parse([1, 2]) == BarSpans.parse("1-2"), str(BarSpans.parse(3.0))
        (True, '3')
        """
        if isinstance(value, BarSpans):
            return value
        if isinstance(value, str) and len(value) <= _MAX_TEXT:
            parts = [_RANGE.fullmatch(part) for part in value.replace(" ", "").split(",")]
            if all(parts):
                return cls(tuple(_span(part) for part in parts if part is not None))
        numbers = value if isinstance(value, list | tuple) else (value, value)
        if len(numbers) == 2 and all(_is_whole(number) for number in numbers):
            return cls(((Fraction(int(numbers[0]) - 1), Fraction(int(numbers[1]))),))
        raise MusicError(f"bars is {shown(value)}, but {_ALLOWED}")

    @classmethod
    def ending(cls, bars: Fraction, length: Fraction) -> BarSpans:
        """Return the last ``length`` bars of a loop of ``bars``.

        Raises:
            MusicError: unless the end is shorter than the loop.
        """
        if not 0 < length < bars:
            raise MusicError(
                f"the last {length} bars of a loop of {bars} leave nothing before them: name fewer"
            )
        return cls(((bars - length, bars),))

    @property
    def end(self) -> Fraction:
        """Return where the last span ends, in bars from the beginning."""
        return self.spans[-1][1]

    def check_within(self, bars: Fraction) -> None:
        """Refuse spans that reach beyond a loop of ``bars``; its last bar may be a part of one.

        Raises:
            MusicError: naming the bars that there are.
        """
        last = math.ceil(bars)
        if self.end > last:
            raise MusicError(
                f"bars {self} reach beyond the loop, which has {bars}: name whole bars from 1 to {last}"
            )

    def joined(self, other: BarSpans) -> BarSpans:
        """Return what lies in either."""
        return BarSpans(self.spans + other.spans)

    def inverse(self, bars: Fraction) -> BarSpans | None:
        """Return all else of a loop of ``bars``, or None where nothing is left.

        Raises:
            MusicError: if the spans reach beyond the loop.
        """
        self.check_within(bars)
        edges = [Fraction(0), *(min(edge, bars) for span in self.spans for edge in span), bars]
        rest = [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if start < end]
        return BarSpans(tuple(rest)) if rest else None

    def __str__(self) -> str:
        """Return the text that `parse` reads."""
        return ",".join(_text(start, end) for start, end in self.spans)


def _is_whole(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and number in range(1, 65)


def _span(match: re.Match[str]) -> Span:
    first, offset, last, beyond = match.groups()
    start = Fraction(int(first) - 1) + _part(offset)
    end = Fraction(int(first if last is None else last)) + (Fraction(0) if last is None else _part(beyond))
    return start, end


def _part(text: str | None) -> Fraction:
    if text is None:
        return Fraction(0)
    above, below = (int(number) for number in text.split("/"))
    if not 0 < above < below:
        raise MusicError(f"{text} is no part of a bar: write it as 1/2, 1/4 or 3/8")
    return Fraction(above, below)


def _text(start: Fraction, end: Fraction) -> str:
    first, offset = divmod(start, 1)
    last, beyond = divmod(end, 1)
    head = f"{first + 1}" + (f"+{offset}" if offset else "")
    if last == first + 1 and not beyond:
        return head
    return f"{head}-{last}" + (f"+{beyond}" if beyond else "")
