"""What a part of the evaluation hands in: rows of figures, and what of them is needed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from riffsidecar.errors import TrainingError

__all__ = ["Check", "Part", "Row"]

_NAME_WIDTH = 36


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was measured, on how many loops, and the figures by name."""

    name: str
    loops: int
    figures: Mapping[str, float]

    def __post_init__(self) -> None:
        """Refuse a row that measured nothing."""
        if self.loops < 1 or not self.figures:
            raise TrainingError(f"the row {self.name!r} has {self.loops} loops and figures {self.figures}")

    def __getitem__(self, name: str) -> float:
        return self.figures[name]

    def shown(self) -> str:
        """Return the line."""
        figures = "  ".join(f"{name} {_short(value)}" for name, value in self.figures.items())
        return f"{self.name:<{_NAME_WIDTH}} {self.loops:>4} loops  {figures}"


@dataclass(frozen=True, slots=True)
class Check:
    """Say what a figure must be, and what the floors have of it.

    Attributes:
        name: what is asked.
        value: what the checkpoint has.
        needed: the least that will do, or the most where ``at_most`` is set.
        floors: what references have that must not do; one that does breaks the evaluation.
        at_most: whether less is better.
    """

    name: str
    value: float
    needed: float
    floors: Mapping[str, float]
    at_most: bool = False

    def _does(self, value: float) -> bool:
        if math.isnan(value):
            return False
        return value <= self.needed if self.at_most else value >= self.needed

    @property
    def holds(self) -> bool:
        """Whether the checkpoint has what is needed; a figure that could not be measured has not."""
        return self._does(self.value)

    @property
    def passing_floors(self) -> tuple[str, ...]:
        """The floors that have what is needed, though they must not."""
        return tuple(name for name, value in self.floors.items() if self._does(value))

    def shown(self) -> str:
        """Return the line."""
        words = "at most" if self.at_most else "at least"
        floors = "".join(f", {name} {_short(value)}" for name, value in self.floors.items())
        verdict = "holds" if self.holds else "FAILS"
        if self.passing_floors:
            verdict = f"BROKEN, passed by {', '.join(self.passing_floors)}"
        told = f"{_short(self.value)} ({words} {_short(self.needed)}{floors})"
        return f"{self.name:<{_NAME_WIDTH}} {told}: {verdict}"


@dataclass(frozen=True, slots=True)
class Part:
    """The rows and checks of one part of the evaluation."""

    name: str
    rows: tuple[Row, ...]
    checks: tuple[Check, ...]

    def lines(self) -> Iterator[str]:
        """Give the part of the table."""
        yield f"[{self.name}]"
        for row in self.rows:
            yield row.shown()
        for check in self.checks:
            yield f"  needed: {check.shown()}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values; figures that could not be measured are null."""
        return {
            "rows": [
                {"name": row.name, "loops": row.loops, **{n: _plain(v) for n, v in row.figures.items()}}
                for row in self.rows
            ],
            "checks": [
                {
                    "name": check.name,
                    "value": _plain(check.value),
                    "needed": _plain(check.needed),
                    "at_most": check.at_most,
                    "floors": {name: _plain(value) for name, value in check.floors.items()},
                    "holds": check.holds,
                    "broken_by": list(check.passing_floors),
                }
                for check in self.checks
            ],
        }


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _short(value: float) -> str:
    if value and abs(value) < 0.01:
        return f"{value:.2g}"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"
