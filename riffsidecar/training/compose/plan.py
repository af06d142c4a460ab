"""Hold the frame of a loop while it is composed: its bars, its harmony, its character, and its clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from riffsidecar.music import Key
from riffsidecar.training.compose.dice import Dice
from riffsidecar.training.compose.harmony import Span

__all__ = ["Draft", "Event", "Plan", "fit_steps", "runs"]

Event: TypeAlias = tuple[float, float, int, float]
"""Start and duration in quarters on the straight grid, pitch, velocity."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Hold what all parts of a loop have in common.

    Attributes:
        dice: the generator everything is drawn from.
        bars: how many.
        bar_quarters: quarters a bar.
        numerator: of the meter.
        denominator: of the meter.
        bpm: quarters a minute.
        key: the key, also where the loop has no pitched part.
        spans: the harmony, in order.
        energy: 0 to 1.
        density: 0 to 1.
        brightness: 0 to 1.
    """

    dice: Dice
    bars: int
    bar_quarters: float
    numerator: int
    denominator: int
    bpm: float
    key: Key
    spans: tuple[Span, ...]
    energy: float
    density: float
    brightness: float

    @property
    def steps(self) -> int:
        """Count the sixteenths of a bar."""
        return round(self.bar_quarters * 4)

    @property
    def quarters(self) -> float:
        """Give the length of the loop."""
        return self.bars * self.bar_quarters

    @property
    def compound(self) -> bool:
        """Say whether the bar is felt in dotted quarters (6/8)."""
        return self.denominator == 8 and self.numerator % 3 == 0

    def span_at(self, quarter: float) -> Span:
        """Give the harmony at a place; past the end it wraps."""
        place = quarter % self.quarters
        for span in self.spans:
            if place < span.end - 1e-6:
                return span
        return self.spans[-1]

    def next_span(self, quarter: float) -> Span:
        """Give the harmony that follows the one at a place."""
        return self.span_at(self.span_at(quarter).end)

    def pieces(self, start: float, hold: float) -> list[tuple[float, float]]:
        """Cut a held note where the harmony changes, so that every chord is heard; leave short ones alone."""
        end = start + hold
        found = []
        while end - start >= 1.0:
            change = self.span_at(start).end
            if change >= end - 0.25:
                break
            found.append((start, change - start))
            start = change
        found.append((start, end - start))
        return found


@dataclass(slots=True)
class Draft:
    """Collect one part while it is written; `finish` turns it into a `Part`.

    Attributes:
        role: as in `Part`.
        instrument: as in `Part`.
        events: notes on the straight grid.
        gain_db: relative to the usual level of the role.
        wet: how much reverb beyond the genre's.
        tight: True keeps the notes on the grid whatever the genre's looseness.
    """

    role: str
    instrument: str
    events: list[Event] = field(default_factory=list)
    gain_db: float = 0.0
    wet: float = 0.0
    tight: bool = False


def fit_steps(pattern: str, plan: Plan) -> str:
    """Fit a pattern of sixteen sixteenths to the bar of the plan.

    3/4 and 7/8 drop the end of the bar, 5/4 repeats its third beat, 6/8 takes six steps of each half: the
    usual ways in which players bend a 4/4 groove.
    """
    if len(pattern) % 16:
        return pattern
    if len(pattern) > 16:
        return "".join(fit_steps(pattern[place : place + 16], plan) for place in range(0, len(pattern), 16))
    if plan.compound:
        half = pattern[:6] + pattern[8:14]
        return (half * 2)[: plan.steps]
    if plan.steps <= 16:
        return pattern[: plan.steps]
    return (pattern + pattern[8:12] + pattern)[: plan.steps]


def runs(pattern: Sequence[str], rest: str = ".", tie: str = "-") -> list[tuple[int, int, str]]:
    """Read a step pattern as (step, length in steps, symbol); ties lengthen, a tie at the start wraps.

    >>> runs("X--.x-")
    [(0, 3, 'X'), (4, 2, 'x')]
    """
    found: list[tuple[int, int, str]] = []
    for step, symbol in enumerate(pattern):
        if symbol == tie and found and found[-1][0] + found[-1][1] == step:
            start, length, name = found[-1]
            found[-1] = (start, length + 1, name)
        elif symbol not in (rest, tie):
            found.append((step, 1, symbol))
    return found
