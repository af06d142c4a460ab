"""Grooves: which drum falls where in a bar of any meter, with swing. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from riffsidecar.errors import MusicError, nearest
from riffsidecar.music.length import LoopLength
from riffsidecar.music.time import Meter

__all__ = ["GROOVES", "STRAIGHT", "Groove", "Hit", "pulses"]

STRAIGHT: Final = Fraction(1, 2)
_MOST_SWING: Final = Fraction(3, 4)

# Voice, place in pulses of a cycle of four, level. A bar with other than four pulses takes what fits.
_KICK, _SNARE, _HAT = "kick", "snare", "hat"
_OFF = tuple((_HAT, Fraction(2 * i + 1, 2), 0.7) for i in range(4))
_EIGHTHS = tuple((_HAT, Fraction(i, 2), 0.8 if i % 2 == 0 else 0.55) for i in range(8))

GROOVES: Final[Mapping[str, tuple[tuple[str, Fraction, float], ...]]] = MappingProxyType(
    {
        "pulse": tuple((_KICK, Fraction(i), 1.0 if i == 0 else 0.6) for i in range(4)),
        "four": (
            *((_KICK, Fraction(i), 1.0) for i in range(4)),
            (_SNARE, Fraction(1), 0.7),
            (_SNARE, Fraction(3), 0.7),
            *_OFF,
        ),
        "backbeat": (
            (_KICK, Fraction(0), 1.0),
            (_KICK, Fraction(2), 0.9),
            (_SNARE, Fraction(1), 0.9),
            (_SNARE, Fraction(3), 0.9),
            *_EIGHTHS,
        ),
        "boom-bap": (
            (_KICK, Fraction(0), 1.0),
            (_KICK, Fraction(7, 4), 0.7),
            (_KICK, Fraction(5, 2), 0.9),
            (_SNARE, Fraction(1), 0.9),
            (_SNARE, Fraction(3), 0.9),
            *_EIGHTHS,
        ),
        "breakbeat": (
            (_KICK, Fraction(0), 1.0),
            (_KICK, Fraction(1, 2), 0.7),
            (_KICK, Fraction(5, 2), 0.9),
            (_SNARE, Fraction(1), 0.9),
            (_SNARE, Fraction(7, 4), 0.4),
            (_SNARE, Fraction(9, 4), 0.4),
            (_SNARE, Fraction(3), 0.9),
            *_EIGHTHS,
        ),
        "half-time": ((_KICK, Fraction(0), 1.0), (_SNARE, Fraction(2), 1.0), *_EIGHTHS),
        "off-beat": ((_KICK, Fraction(0), 0.8), *_OFF),
    }
)
"""Every groove by its name: voice, place in pulses, level from 0 to 1."""

_TEXT = re.compile(r"([a-z-]+)(?:\s+(?:swing\s+)?([0-9.]{1,6})\s*(%?))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Hit:
    """A drum that is struck: its voice, where in quarter notes from the start of the loop, how hard."""

    voice: str
    at_quarters: Fraction
    level: float


@dataclass(frozen=True, slots=True)
class Groove:
    """A pattern by name, and its swing: where in a pulse the off-beat falls, 1/2 (straight) to 3/4.

    >>> str(Groove.parse("boom-bap swing 58%"))
    'boom-bap 58%'

    Raises:
        MusicError: an unknown pattern, or swing out of range.
    """

    name: str
    swing: Fraction = STRAIGHT

    def __post_init__(self) -> None:
        """Refuse what is no groove."""
        if self.name not in GROOVES:
            raise MusicError(
                f"groove is {self.name[:40]!r}, but must be one of {', '.join(GROOVES)}"
                f"{nearest(self.name[:40], GROOVES)}"
            )
        if not STRAIGHT <= self.swing <= _MOST_SWING:
            raise MusicError(f"swing is {float(self.swing):.0%}, but must be from 50% to 75%")

    @classmethod
    def parse(cls, text: str) -> Groove:
        """Read ``"boom-bap"``, ``"boom-bap 58%"`` or ``"boom-bap swing 0.58"``.

        Raises:
            MusicError: it is no groove.
        """
        found = _TEXT.fullmatch(text.strip().lower())
        if found is None:
            raise MusicError(
                f"groove is {text[:40]!r}, but must be a name and, if wanted, its swing, such as 'boom-bap "
                "58%'"
            )
        name, number, percent = found.groups()
        if number is None:
            return cls(name)
        try:
            swing = Fraction(number)
        except ValueError as error:
            raise MusicError(f"swing is {number!r}, but must be a number such as 58%") from error
        return cls(name, swing / 100 if percent or swing > 1 else swing)

    def __str__(self) -> str:
        return self.name if self.swing == STRAIGHT else f"{self.name} {float(self.swing) * 100:g}%"

    def hits(self, length: LoopLength) -> tuple[Hit, ...]:
        """Return every hit of the loop, in order.

        >>> from riffsidecar.music import LoopLength
        >>> [str(hit.at_quarters) for hit in Groove("pulse").hits(LoopLength.parse(1, "7/8", 120))]
        ['0', '1', '2']
        """
        places = pulses(length.meter)
        whole = length.meter.quarters_per_bar
        edges = (*places, whole)
        found = []
        for bar in range(math.ceil(length.bars)):
            for voice, place, level in GROOVES[self.name]:
                for cycle in range(-(-len(places) // 4)):
                    pulse, within = divmod(place + 4 * cycle, 1)
                    if pulse < len(places):
                        start, end = edges[pulse], edges[pulse + 1]
                        at = bar * whole + start + (end - start) * self._swung(within)
                        found.append(Hit(voice, at, level))
        return tuple(
            sorted((hit for hit in found if hit.at_quarters < length.quarters), key=lambda h: h.at_quarters)
        )

    def _swung(self, place: Fraction) -> Fraction:
        """Return a place within a pulse after its middle has moved to where the swing wants it."""
        if place < STRAIGHT:
            return place * 2 * self.swing
        return self.swing + (place - STRAIGHT) * 2 * (1 - self.swing)


def pulses(meter: Meter) -> tuple[Fraction, ...]:
    """Return where the felt beats of a bar are, in quarter notes.

    Quarters and halves count singly; eighths and sixteenths by threes where that comes out even, else by twos
    with a three at the end.

    >>> [str(place) for place in pulses(Meter.parse("6/8"))], [str(p) for p in pulses(Meter.parse("7/8"))]
    (['0', '3/2'], ['0', '1', '2'])
    """
    unit = Fraction(4, meter.denominator)
    if meter.denominator <= 4 or meter.numerator < 4:
        groups = [1] * meter.numerator
    elif meter.numerator % 3 == 0:
        groups = [3] * (meter.numerator // 3)
    else:
        groups = [2] * (meter.numerator // 2)
        groups[-1] += meter.numerator % 2
    return tuple(unit * sum(groups[:index]) for index in range(len(groups)))
