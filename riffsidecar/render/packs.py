"""Make a pack: ask the workers for what is missing, measure it, settle it, put it in its place.

A run that is killed goes on where it was: every fit loop lies in a file as soon as it is made.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from riffsidecar.errors import RenderError
from riffsidecar.render.messages import Ready
from riffsidecar.render.pack_facts import LoopFacts, measured
from riffsidecar.render.pack_ledger import Job, Ledger, Settled
from riffsidecar.render.pack_licence import licence_text
from riffsidecar.render.pack_manifest import (
    given_up,
    loop_rows,
    manifest_csv,
    manifest_json,
    refusals,
)
from riffsidecar.render.pack_names import pack_folder_name, pack_paths
from riffsidecar.render.pack_pool import Pool, build_of
from riffsidecar.render.pack_sheet import contact_sheet
from riffsidecar.render.pack_store import PackStore
from riffsidecar.session.packs import PackRecipe

__all__ = ["PackMade", "PackProgress", "make_pack", "pack_path"]

_SHEET: Final = "contact_sheet.html"


@dataclass(frozen=True, slots=True)
class PackProgress:
    """Tell how far a pack is: cells with a fit loop, loops made in this run, and the seconds to go.

    ``eta_s`` is None before the first loop of the run.
    """

    fit: int
    size: int
    made: int
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class PackMade:
    """What a run left: the folder, how many loops lie in it, what was made again and what was given up."""

    folder: Path
    loops: int
    made: int
    found: int
    made_again: dict[str, int]
    given_up: tuple[str, ...]
    elapsed_s: float

    @property
    def loops_per_hour(self) -> float:
        """Return how many loops this run made in an hour, refused ones with them."""
        return 3600.0 * self.made / max(self.elapsed_s, 1e-9)


def pack_path(recipe: PackRecipe, out: Path) -> Path:
    """Return the folder of a pack inside ``out``."""
    return out.expanduser() / pack_folder_name(recipe.name)


def make_pack(
    recipe: PackRecipe,
    store: PackStore,
    folder: Path,
    pool: Pool,
    ready: Ready,
    *,
    checkpoint: str = "",
    on_progress: Callable[[PackProgress], None] = lambda progress: None,
    on_settled: Callable[[Settled, str], None] = lambda settled, path: None,
    clock: Callable[[], float] = time.monotonic,
) -> PackMade:
    """Make what is missing of a pack with the workers of ``pool``, which runs.

    Args:
        recipe: what is to be made.
        store: its files; closed when the pack is complete.
        folder: where they lie.
        pool: the workers, started and closed by the caller.
        ready: what the first of them said.
        checkpoint: the directory of the checkpoint, where it is not the embedded one.
        on_progress: told after each loop.
        on_settled: told of each cell that is settled, in the order of the grid, with its place.
        clock: seconds that only go forward.

    Raises:
        RiffError: a loop cannot be made, or the disk takes no file; what is there is kept.
    """
    store.open(build_of(ready), ready.environment)
    run = _Run(recipe, store, pool, build_of(ready), clock)
    try:
        while not run.is_complete:
            for each, path in run.go_on():
                on_settled(each, path)
            on_progress(run.progress)
            if not run.is_complete:
                run.wait()
    except BaseException:
        store.close(complete=False)
        raise
    settled = run.ledger.settled
    _finish(recipe, settled, run.paths, store, dict(ready.environment), checkpoint)
    store.close(complete=True)
    rows = loop_rows(settled, run.paths)
    lost = tuple(str(each["file"]) for each in given_up(settled, run.paths))
    return PackMade(folder, len(rows), run.made, run.found, refusals(settled), lost, clock() - run.began_s)


class _Run:
    """Hold the state of one run."""

    def __init__(
        self, recipe: PackRecipe, store: PackStore, pool: Pool, build: str, clock: Callable[[], float]
    ) -> None:
        cells = recipe.cells()
        self.ledger = Ledger(cells, recipe.tries, recipe.likeness)
        self.paths = pack_paths(recipe, cells)
        self.made = self.found = 0
        self.began_s = clock()
        self._store, self._pool, self._build, self._clock = store, pool, build, clock
        self._size = len(cells)
        self._in_work: set[tuple[int, int]] = set()
        self._unplaced: dict[int, Settled] = {}
        self._news: list[tuple[Settled, str]] = []
        self._fit_before: int | None = None

    @property
    def is_complete(self) -> bool:
        """Whether every cell is settled and lies in its place."""
        return self.ledger.is_complete and not self._unplaced and not self._news

    @property
    def progress(self) -> PackProgress:
        """How far the run is; the time to go is that of the cells so far."""
        fit = self.ledger.num_fit
        if self._fit_before is None:
            self._fit_before = fit
        gained = fit - self._fit_before
        spent_s = self._clock() - self.began_s
        eta_s = spent_s / gained * (self._size - fit) if gained else None
        return PackProgress(fit, self._size, self.made, eta_s)

    def go_on(self) -> list[tuple[Settled, str]]:
        """Take what earlier runs left, and give every idle worker a loop; return what is settled since."""
        is_new = True
        while is_new:
            is_new = False
            for job in self.ledger.missing(self._in_work):
                facts = self._store.facts(job.request.digest)
                if facts is not None:
                    self.found += 1
                    self._learn(job, facts)
                    is_new = True
                elif len(self._in_work) < self._pool.size:
                    self._submit(job)
                else:
                    break
        news, self._news = self._news, []
        return news

    def wait(self) -> None:
        """Wait for the next loop and take it in.

        Raises:
            RiffError: it cannot be made.
        """
        done = self._pool.next_done()
        job = done.job
        self._in_work.discard((job.cell, job.number))
        if done.error is not None:
            raise done.error
        if done.loop is None:
            raise RenderError(f"cell {job.cell} came back without a loop; run the same command to go on")
        self.made += 1
        facts = measured(done.loop.wav, job.request, self._build)
        self._store.keep(facts, done.loop.wav)
        if job.cell in self._unplaced:
            self._put(self._unplaced.pop(job.cell))
        else:
            self._learn(job, facts)

    def _submit(self, job: Job) -> None:
        self._in_work.add((job.cell, job.number))
        self._pool.submit(job)

    def _learn(self, job: Job, facts: LoopFacts) -> None:
        for settled in self.ledger.learn(job.cell, job.number, facts):
            self._put(settled)

    def _put(self, settled: Settled) -> None:
        """Put a loop that was taken in its place; one whose file is lost is made again first."""
        for refused in settled.refused:
            self._store.forget_file(settled.cell.asked(refused.number).digest)
        index = settled.cell.index
        if settled.facts is not None and settled.number is not None:
            if not self._store.has_file(settled.facts.asked):
                self._unplaced[index] = settled
                self._submit(Job(index, settled.number, settled.cell.asked(settled.number)))
                return
            self._store.place(settled.facts, self.paths[index])
        self._news.append((settled, self.paths[index]))


def _finish(
    recipe: PackRecipe,
    settled: tuple[Settled, ...],
    paths: tuple[str, ...],
    store: PackStore,
    environment: dict[str, str],
    checkpoint: str,
) -> None:
    """Write what goes with the loops."""
    rows = loop_rows(settled, paths)
    models = sorted({each.cell.request.model for each in settled})
    again = ", ".join(f"{count} {fault}" for fault, count in refusals(settled).items())
    summary = f"{len(rows)} loops" + (f"; made again: {again}" if again else "")
    store.write("manifest.csv", manifest_csv(settled, paths))
    store.write("LICENSE.txt", "\n\n".join(licence_text(name, checkpoint) for name in models).encode("utf-8"))
    store.write(_SHEET, contact_sheet(recipe.name, rows, store.read, summary))
    # Last: a manifest says that the pack is whole.
    store.write("manifest.json", manifest_json(recipe, settled, paths, environment))
