"""Print how many loops an hour a pack gets, by the number of workers, beside one worker.

    python -m benchmarks.packs [--workers 1 2 4] [--loops 8] [--quality normal] [--bars 2]

Each row makes the same pack in an empty folder, with one thread a worker; loading the first model is not
counted. The baseline is the first row; *share* is the speed-up over the number of workers, and can be no more
than the cores that are free allow. The packs of all rows must be the same, byte for byte.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
from pathlib import Path

from riffsidecar.errors import RiffError
from riffsidecar.render.pack_pool import LocalPool
from riffsidecar.render.pack_store import PackStore
from riffsidecar.render.packs import PackMade, make_pack, pack_path
from riffsidecar.render.settings import WorkerSettings, available_cores
from riffsidecar.session.pack_file import parse_pack
from riffsidecar.session.packs import PackRecipe

__all__ = ["main"]

_PROMPTS = ("dusty boom bap drums", "warm rhodes chords", "acid bass", "ambient pad, slow and warm")


def main(argv: list[str] | None = None) -> int:
    """Make the pack once for each number of workers, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.packs", description=__doc__)
    cores = available_cores()
    parser.add_argument("--workers", type=int, nargs="+", default=sorted({1, max(1, cores // 2), cores}))
    parser.add_argument("--loops", type=int, default=8)
    parser.add_argument("--quality", default="normal")
    parser.add_argument("--bars", default="2")
    args = parser.parse_args(argv)
    recipe = parse_pack(
        f"name = 'Benchmark'\nbpm = 120\nbars = {args.bars}\nkeys = 'Am'\nquality = '{args.quality}'\n"
        f"seeds = {-(-args.loops // len(_PROMPTS))}\nprompts = {list(_PROMPTS)}",
        "the benchmark",
    )
    print(f"{recipe.size} loops of {args.bars} bars, quality {args.quality}; {cores} cores")
    print("workers  made  again  loops/hour  speed-up  share")
    baseline, packs = 0.0, set()
    for workers in args.workers:
        with tempfile.TemporaryDirectory(prefix="riffsidecar-packs-") as folder:
            made = _make(recipe, Path(folder), workers)
            packs.add(_digest(made.folder))
        baseline = baseline or made.loops_per_hour
        faster = made.loops_per_hour / baseline
        again = sum(made.made_again.values())
        print(
            f"{workers:7}  {made.made:4}  {again:5}  {made.loops_per_hour:10.0f}  {faster:8.2f}  "
            f"{faster / workers * args.workers[0]:5.2f}"
        )
    print("the packs are the same, byte for byte" if len(packs) == 1 else "the packs DIFFER")
    return 0 if len(packs) == 1 else 1


def _make(recipe: PackRecipe, folder: Path, workers: int) -> PackMade:
    place = pack_path(recipe, folder)
    pool = LocalPool(WorkerSettings(threads=1), workers)
    try:
        return make_pack(recipe, PackStore(place), place, pool, pool.start())
    finally:
        pool.close()


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RiffError as error:
        sys.exit(f"error: {error}")
