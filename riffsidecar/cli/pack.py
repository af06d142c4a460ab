"""``riffsidecar pack``: make a pack of loops from a recipe."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from riffsidecar.cli.context import Context, add_common_options, add_model_options
from riffsidecar.cli.exit_codes import OK
from riffsidecar.config import Config
from riffsidecar.daemon.lock import FolderLock
from riffsidecar.errors import SessionError
from riffsidecar.render.pack_ledger import Settled
from riffsidecar.render.pack_names import pack_paths
from riffsidecar.render.pack_pool import LocalPool, Pool
from riffsidecar.render.pack_store import PackStore
from riffsidecar.render.packs import PackMade, PackProgress, make_pack, pack_path
from riffsidecar.render.settings import WorkerSettings, available_cores
from riffsidecar.session.pack_file import load_pack
from riffsidecar.session.packs import PackRecipe

__all__ = ["MAX_WORKERS", "add_parser", "run"]

MAX_WORKERS: Final = 256
_DEFAULT_OUT: Final = "packs"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "pack",
        help="make a pack of loops from a recipe",
        description="Make a grid of prompts, keys, tempi, seeds and bars: level-matched, without "
        "near-duplicates, named and sorted, with a manifest, a contact sheet and the licence. Stopped or "
        "killed, the same command goes on.",
        epilog="example: riffsidecar pack night-drive.toml --workers 4",
    )
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml", help="what is to be made")
    parser.add_argument("--out", metavar="DIR", help="the folder that packs are made in; default ./packs")
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="how many loops are made at a time; default all cores but one",
    )
    parser.add_argument(
        "--on",
        metavar="ray://HOST:PORT",
        help="make them on a Ray cluster (extra [ray]); also ray://auto and ray://local",
    )
    parser.add_argument("--plan", action="store_true", help="list what would be made, and make nothing")
    add_model_options(parser)
    add_common_options(parser)
    parser.set_defaults(run=run)


def run(context: Context) -> int:
    """Make the pack, or what is missing of it."""
    recipe = load_pack(context.args.recipe, _defaults(context.config))
    if context.args.plan:
        return _plan(context, recipe)
    settings, workers = _settings(context), _workers(context)
    folder = pack_path(recipe, Path(context.args.out or _DEFAULT_OUT))
    store = PackStore(folder)
    telling = _Telling(context, recipe)
    with FolderLock(store.work):
        pool = _pool(context, settings, workers)
        try:
            with context.terminal.waiting(f"loading the model, {workers} workers"):
                ready = pool.start()
            made = make_pack(
                recipe,
                store,
                folder,
                pool,
                ready,
                checkpoint=context.config.render.checkpoint,
                on_progress=telling.progress,
                on_settled=telling.settled,
            )
        finally:
            context.terminal.clear_bar()
            pool.close()
    _tell(context, made)
    return OK


def _defaults(config: Config) -> dict[str, object]:
    """Return what the configuration says of every loop; the loudness is the pack's own."""
    return {
        "model": config.render.model,
        "sample_rate": config.output.sample_rate,
        "bit_depth": config.output.bit_depth,
    }


def _settings(context: Context) -> WorkerSettings:
    """Return the settings of a worker: one thread, unless a number is asked for.

    Another number of threads makes other samples, so the machine must not choose it.
    """
    return replace(context.worker_settings, threads=context.args.threads or 1)


def _workers(context: Context) -> int:
    written: int | None = context.args.workers
    if written is None:
        return max(1, available_cores() - 1)
    if not 1 <= written <= MAX_WORKERS:
        raise SessionError(f"--workers is {written}, but must be from 1 to {MAX_WORKERS}")
    return written


def _pool(context: Context, settings: WorkerSettings, workers: int) -> Pool:
    if context.args.on is None:
        return LocalPool(settings, workers)
    from riffsidecar.render.pack_ray import RayPool

    return RayPool(context.args.on, settings, workers)


def _plan(context: Context, recipe: PackRecipe) -> int:
    cells = recipe.cells()
    paths = pack_paths(recipe, cells)
    for path in paths:
        context.terminal.line(path)
    context.terminal.note(f"{len(paths)} loops")
    context.terminal.document({"pack": recipe.name, "files": list(paths)})
    return OK


class _Telling:
    """Tell of each loop that is settled, and of the time to go."""

    def __init__(self, context: Context, recipe: PackRecipe) -> None:
        self._terminal = context.terminal
        self._size = recipe.size
        self._width = len(str(self._size))
        self._count = 0
        self._told_s = 0.0

    def settled(self, settled: Settled, path: str) -> None:
        """Print a line for a cell."""
        self._count += 1
        again = ", ".join(refused.fault for refused in settled.refused)
        note = f"  made again: {again}" if again and settled.facts is not None else ""
        what = path if settled.facts is not None else f"given up after {again}: {path}"
        self._terminal.line(f"{self._count:{self._width}}/{self._size}  {what}{note}")

    def progress(self, progress: PackProgress) -> None:
        """Show how far the pack is."""
        label = f"{progress.fit} of {progress.size} loops"
        if self._terminal.is_interactive:
            self._terminal.progress(label, progress.fit / progress.size, progress.eta_s)
            return
        now_s = time.monotonic()
        if progress.eta_s is not None and now_s - self._told_s >= 60.0:
            self._told_s = now_s
            self._terminal.progress(f"{label}, {progress.eta_s:.0f} s to go", 0.0)


def _tell(context: Context, made: PackMade) -> None:
    again = ", ".join(f"{count} {fault}" for fault, count in made.made_again.items())
    context.terminal.line(f"{made.folder}: {made.loops} loops" + (f"; made again: {again}" if again else ""))
    for path in made.given_up:
        context.terminal.note(f"given up: {path}; give other seeds, or raise tries in the recipe")
    context.terminal.document(
        {
            "folder": str(made.folder),
            "loops": made.loops,
            "made": made.made,
            "found": made.found,
            "made_again": made.made_again,
            "given_up": list(made.given_up),
            "elapsed_s": round(made.elapsed_s, 2),
            "loops_per_hour": round(made.loops_per_hour, 1),
        }
    )
