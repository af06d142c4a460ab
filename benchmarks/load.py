"""Time what loading the embedded model takes in a process of its own, beside importing the libraries alone.

    python -m benchmarks.load [--runs 5] [--json]

Each run is a new process; the files have been read before, by a run that does not count. The baseline is
``import torch`` and ``from diffusers import DiffusionPipeline``, which any pipeline needs. CPU seconds are
user and system together, of one thread; wall seconds mean little while others compute. Told are the fastest
runs, for whatever else the machine does only adds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

__all__ = ["CASES", "main", "measured", "report"]

BASELINE = "torch and diffusers"
REACH_S = 2.0

CASES: Mapping[str, str] = MappingProxyType(
    {
        "torch": "import torch",
        BASELINE: "import torch; from diffusers import DiffusionPipeline",
        "our modules": "import riffsidecar.render.render_loop",
        "the pipeline": (
            "from riffsidecar.diffusion.checkpoints import load_pipeline; load_pipeline({checkpoint!r})"
        ),
        "the renderer": (
            "from riffsidecar.render.render_loop import load_renderer\n"
            "from riffsidecar.render.settings import WorkerSettings\n"
            "load_renderer(WorkerSettings(checkpoint={checkpoint!r}, threads=1))"
        ),
    }
)
"""What is run, by what it loads; each holds what the one before it does, beside the baseline."""


def measured(statement: str) -> tuple[float, float]:
    """Run Python in a new process; return its CPU seconds and its wall seconds."""
    one_thread = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", statement],
        env={**os.environ, **one_thread},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the process ended with {process.returncode}: {statement}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - begin


def report(figures: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """Give the lines of the report."""
    base = figures[BASELINE]["cpu_s"]
    yield f"{'loaded':<22} {'CPU s':>7} {'wall s':>7} {'of the baseline':>16}"
    for name, row in figures.items():
        yield f"{name:<22} {row['cpu_s']:>7.2f} {row['wall_s']:>7.2f} {row['cpu_s'] / base:>16.2f}"
    whole = figures["the renderer"]["cpu_s"]
    verdict = "holds" if whole <= REACH_S else "FAILS"
    yield f"the renderer in {REACH_S:g} computed seconds: {verdict} ({whole:.2f})"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code says whether the renderer is loaded within the reach."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="processes of each kind")
    parser.add_argument("--checkpoint", default="embedded", help="a checkpoint instead of the embedded one")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    statements = {name: text.format(checkpoint=args.checkpoint) for name, text in CASES.items()}
    measured(statements["the renderer"])
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in CASES}
    for _ in range(max(1, args.runs)):
        for name, statement in statements.items():
            taken[name].append(measured(statement))
    figures = {
        name: {"cpu_s": min(cpu for cpu, _ in runs), "wall_s": min(wall for _, wall in runs)}
        for name, runs in taken.items()
    }
    print(json.dumps(figures, indent=2) if args.json else "\n".join(report(figures)))
    return 0 if figures["the renderer"]["cpu_s"] <= REACH_S else 1


if __name__ == "__main__":
    sys.exit(main())
