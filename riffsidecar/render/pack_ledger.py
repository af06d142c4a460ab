"""Decide which loops of a pack are taken, whatever order they were made in. Pure: no files, no clock.

Every cell goes through its tries in their order and takes the first that is fit and no near-duplicate of
what an earlier cell of the grid took. Fitness is known from the loop alone. A duplicate is refused for good
as soon as *one* earlier cell has taken its like, for what is taken stays taken; but a loop is taken only when
*all* earlier cells are settled. So the same recipe gives the same pack with any number of workers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.fingerprint import likeness
from riffsidecar.errors import RenderError
from riffsidecar.render.pack_facts import LoopFacts
from riffsidecar.session.packs import PackCell
from riffsidecar.session.requests import LoopRequest

__all__ = ["Job", "Ledger", "Refused", "Settled"]


@dataclass(frozen=True, slots=True)
class Job:
    """A loop to be made: a try of a cell."""

    cell: int
    number: int
    request: LoopRequest


@dataclass(frozen=True, slots=True)
class Refused:
    """A try that was not taken: why, and for a duplicate the cell that it is like."""

    number: int
    fault: str
    like: int | None = None
    likeness: float = 0.0


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a cell: the try that was taken and its facts, or None where it was given up."""

    cell: PackCell
    number: int | None
    facts: LoopFacts | None
    refused: tuple[Refused, ...]


class Ledger:
    """Keep what is known of each try, and say what is to be made next and what is settled."""

    def __init__(self, cells: Sequence[PackCell], tries: int, limit: float) -> None:
        """Begin with nothing known; ``limit`` is the likeness from which on a loop is a duplicate."""
        self._cells = tuple(cells)
        self._tries = tries
        self._limit = limit
        self._known: list[dict[int, LoopFacts]] = [{} for _ in cells]
        self._number = [0] * len(self._cells)
        self._refused: list[list[Refused]] = [[] for _ in cells]
        self._settled: list[Settled] = []
        self._taken: dict[tuple[str, str], list[tuple[int, NDArray[np.float64]]]] = defaultdict(list)

    @property
    def settled(self) -> tuple[Settled, ...]:
        """Return what became of the first cells of the grid, as far as it is certain."""
        return tuple(self._settled)

    @property
    def num_settled(self) -> int:
        """Return how many cells are settled."""
        return len(self._settled)

    @property
    def is_complete(self) -> bool:
        """Return whether every cell is settled."""
        return len(self._settled) == len(self._cells)

    @property
    def num_fit(self) -> int:
        """Return how many cells are settled or have a loop that waits to be."""
        first = len(self._settled)
        return first + sum(self._waits(index) for index in range(first, len(self._cells)))

    def asked(self, cell: int, number: int) -> LoopRequest:
        """Return the request of a try."""
        return self._cells[cell].asked(number)

    def missing(self, in_work: set[tuple[int, int]]) -> Iterator[Job]:
        """Give the tries that are to be made, the earliest cells first; not those ``in_work``."""
        for index in range(len(self._settled), len(self._cells)):
            number = self._number[index]
            if number >= self._tries or self._waits(index) or (index, number) in in_work:
                continue
            yield Job(index, number, self.asked(index, number))

    def learn(self, cell: int, number: int, facts: LoopFacts) -> tuple[Settled, ...]:
        """Note what was measured of a try, and return the cells that are settled by it.

        Raises:
            RenderError: the facts are those of another request.
        """
        if facts.asked != self.asked(cell, number).digest:
            raise RenderError(f"cell {cell}, try {number} was told the facts of another loop")
        self._known[cell][number] = facts
        before = len(self._settled)
        self._advance(cell)
        while len(self._settled) < len(self._cells) and self._settle(len(self._settled)):
            continue
        return tuple(self._settled[before:])

    def _waits(self, index: int) -> bool:
        return self._number[index] in self._known[index]

    def _advance(self, index: int) -> None:
        """Go past the tries of a cell that can never be taken."""
        while self._waits(index):
            number = self._number[index]
            facts = self._known[index][number]
            like = (None, 0.0) if facts.fault else self._like(index, facts)
            if not facts.fault and like[0] is None:
                return
            self._refused[index].append(Refused(number, facts.fault or "duplicate", *like))
            self._number[index] += 1

    def _settle(self, index: int) -> bool:
        """Settle the first open cell, if that can be done."""
        self._advance(index)
        number = self._number[index]
        cell, refused = self._cells[index], tuple(self._refused[index])
        if number >= self._tries:
            self._settled.append(Settled(cell, None, None, refused))
            return True
        facts = self._known[index].get(number)
        if facts is None:
            return False
        self._settled.append(Settled(cell, number, facts, refused))
        self._taken[_kin(cell)].append((index, facts.features))
        return True

    def _like(self, index: int, facts: LoopFacts) -> tuple[int | None, float]:
        """Return the first earlier cell that took a loop like this one, and how like it is."""
        taken = self._taken[_kin(self._cells[index])]
        if not taken:
            return None, 0.0
        others: NDArray[Any] = np.stack([features for _, features in taken])
        likes = likeness(facts.features, others)
        at = int(np.argmax(likes >= self._limit))
        return (taken[at][0], round(float(likes[at]), 4)) if likes[at] >= self._limit else (None, 0.0)


def _kin(cell: PackCell) -> tuple[str, str]:
    """Return what loops that are held against each other have in common.

    The same idea at another tempo or in another key is what the grid asks for.
    """
    return str(cell.request.tempo), str(cell.request.key)
