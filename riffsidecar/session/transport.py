"""Where the bars lie in time: pure arithmetic on seconds of any monotonic clock that is handed in."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction

from riffsidecar.music import Meter, Tempo

__all__ = ["NO_BAR", "Transport"]

NO_BAR = 0
"""The bar of a transport that stands still."""

_HAIR = 1e-9


@dataclass(frozen=True, slots=True)
class Transport:
    """A song that plays, or stands still.

    Attributes:
        tempo: in force since ``at_s``, as ``meter``.
        at_s: a moment in seconds, and ``quarters`` the position of the song then, in quarter notes.
        bar: the number of the bar that begins at ``bar_quarters``, counted from 1 as hosts do.
        is_playing: whether the position moves.

    >>> song = Transport(Tempo.parse(120), Meter(4, 4)).started(10.0)
    >>> song.bar_at(10.0), song.bar_at(11.99), song.bar_at(12.0), song.bar_begins_s(3)
    (1, 1, 2, 14.0)
    """

    tempo: Tempo
    meter: Meter
    at_s: float = 0.0
    quarters: float = 0.0
    bar: int = 1
    bar_quarters: float = 0.0
    is_playing: bool = False

    @property
    def bar_s(self) -> float:
        """Return how long a bar lasts."""
        return float(self.meter.quarters_per_bar * self.tempo.quarter_s)

    def quarters_at(self, now_s: float) -> float:
        """Return the position of the song in quarter notes."""
        if not self.is_playing:
            return self.quarters
        return self.quarters + (now_s - self.at_s) / float(self.tempo.quarter_s)

    def bar_at(self, now_s: float) -> int:
        """Return the number of the bar that sounds; a song that stands still has a place all the same."""
        return self.bar + math.floor(self._bars_since(now_s) + _HAIR)

    def bar_begins_s(self, bar: int) -> float:
        """Return the second at which a bar begins while the song plays as it does."""
        quarters = self.bar_quarters + (bar - self.bar) * float(self.meter.quarters_per_bar)
        return self.at_s + (quarters - self.quarters) * float(self.tempo.quarter_s)

    def ready_bar(self, ready_s: float) -> int:
        """Return the first bar that begins when or after a loop is ready; :data:`NO_BAR` while nothing plays.

        >>> Transport(Tempo.parse(120), Meter(4, 4)).started(0.0).ready_bar(2.5)
        3
        """
        if not self.is_playing:
            return NO_BAR
        return self.bar + math.ceil(self._bars_since(ready_s) - _HAIR)

    def started(self, now_s: float, quarters: float | Fraction | None = None) -> Transport:
        """Play on, or from a position in quarter notes, which is also how a song that plays is set right.

        A position says where bar lines are only by the meter in force; a song whose meter has changed before
        is counted as if it had always had that of now, as hosts without a history of meters do.
        """
        if quarters is None:
            here = self if self.is_playing else replace(self, at_s=now_s)
            return replace(here, is_playing=True)
        return replace(self, at_s=now_s, quarters=float(quarters), bar=1, bar_quarters=0.0, is_playing=True)

    def stopped(self, now_s: float) -> Transport:
        """Stand still at the position that is reached."""
        return replace(self, at_s=now_s, quarters=self.quarters_at(now_s), is_playing=False)

    def retimed(self, now_s: float, tempo: Tempo, meter: Meter) -> Transport:
        """Go on at another tempo and meter: another meter counts from the bar line that was passed last."""
        if tempo == self.tempo and meter == self.meter:
            return self
        bar = self.bar_at(now_s)
        begins = self.bar_quarters + (bar - self.bar) * float(self.meter.quarters_per_bar)
        return Transport(
            tempo, meter, now_s, self.quarters_at(now_s), bar, begins, is_playing=self.is_playing
        )

    def _bars_since(self, now_s: float) -> float:
        return (self.quarters_at(now_s) - self.bar_quarters) / float(self.meter.quarters_per_bar)
