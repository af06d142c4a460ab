"""Measure the time from a request to its file, by stage: cold, warm, cached, and with one core busy.

    python -m benchmarks.latency [--checkpoint DIR] [--bpm 120] [--bars 4] [--repeats 5] [--json]

Every figure stands beside its baseline: a warm loop beside a fifth of its own duration, a cached one beside
the time that the file system takes for the same bytes, the worker's memory beside 1.5 GB. Beside the seconds
by the clock stand those that the worker's threads computed: on a machine that others use as well, the first
grow with their load and the second hardly do.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import multiprocessing.synchronize
import os
import queue
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from riffsidecar.errors import RiffError
from riffsidecar.music import Meter, Tempo, parse_bars
from riffsidecar.render.cache import LoopCache, cache_key
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.messages import STAGES, RenderedLoop
from riffsidecar.render.service import RenderService
from riffsidecar.render.settings import WorkerSettings, available_cores
from riffsidecar.render.worker import RenderWorker
from riffsidecar.session.events import Event, Failed, Finished, Origin
from riffsidecar.session.requests import LoopRequest

AIM_OF_DURATION = 0.2
AIM_RSS_BYTES = 1.5e9
_ME = Origin("benchmark")


class Bench:
    """Run a render service on a folder and time what it does."""

    def __init__(self, folder: Path, settings: WorkerSettings) -> None:
        """Prepare; nothing is started."""
        self.worker = RenderWorker(settings)
        self.drop = DropFolder(folder)
        self.cache = LoopCache(1_000_000_000)
        self._events: queue.Queue[Event] = queue.Queue()
        self.service = RenderService(self.worker, self.drop, self.cache, self._events.put)

    def render(self, request: LoopRequest) -> tuple[float, Finished]:
        """Return the seconds from the request to the event that names the file."""
        started_s = time.perf_counter()
        self.service.submit(0, request, [_ME])
        while True:
            event = self._events.get(timeout=600)
            if isinstance(event, Failed):
                raise RiffError(f"{event.code}: {event.text}")
            if isinstance(event, Finished):
                return time.perf_counter() - started_s, event

    def loop(self, request: LoopRequest) -> RenderedLoop:
        """Return a finished loop."""
        ready = self.worker.ready
        entry = self.cache.get(cache_key(request.digest, ready.checkpoint)) if ready is not None else None
        if entry is None:
            raise RiffError("the loop just made is not in the cache; this is a defect of the benchmark")
        return entry.loop


def _spin(stop: multiprocessing.synchronize.Event) -> None:
    while not stop.is_set():
        sum(range(10_000))


@contextmanager
def one_core_busy() -> Iterator[None]:
    """Keep one core busy, as a DAW does."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    process = context.Process(target=_spin, args=(stop,))
    process.start()
    time.sleep(1.0)
    try:
        yield
    finally:
        stop.set()
        process.join()


def peak_rss_bytes(pid: int | None) -> int | None:
    """Return the peak of the resident memory of a process, where the system tells it (Linux)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return None
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def measure(args: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Make every measurement and return the figures in seconds and bytes."""
    settings = WorkerSettings(checkpoint=args.checkpoint or "", threads=args.threads)
    bench = Bench(folder, settings)
    first = LoopRequest(
        prompt=args.prompt,
        tempo=Tempo.parse(args.bpm),
        meter=Meter.parse(args.meter),
        bars=parse_bars(args.bars),
        quality=args.quality,
        seed=0,
    )
    requests = [replace(first, seed=seed) for seed in range(1, args.repeats + 1)]
    try:
        started_s = time.perf_counter()
        bench.service.start()
        bench.render(first)
        cold_s = time.perf_counter() - started_s
        ready = bench.worker.ready
        cold = {"load": 0.0 if ready is None else ready.load_s, **bench.loop(first).timings}
        warm = [bench.render(request)[0] for request in requests]
        cached = [bench.render(request)[0] for request in requests]
        republished = []
        for request in requests:
            Path(bench.render(request)[1].path).unlink()
            republished.append(bench.render(request)[0])
        plain = []
        for request in requests:
            wav = bench.loop(request).wav
            begin_s = time.perf_counter()
            bench.drop.publish("riff_plain", wav)
            plain.append(time.perf_counter() - begin_s)
        rss = peak_rss_bytes(bench.worker.pid)
        others = [replace(request, seed=request.seed + 1000) for request in requests]
        with one_core_busy():
            busy = [bench.render(request)[0] for request in others]
    finally:
        bench.service.close()
    return {
        "duration_s": float(first.length.duration_s),
        "cores": available_cores(),
        "threads": settings.resolved_threads,
        "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "wav_bytes": len(wav),
        "cold_s": cold_s,
        "warm_s": statistics.median(warm),
        "busy_s": statistics.median(busy),
        "cached_s": statistics.median(cached),
        "republished_s": statistics.median(republished),
        "file_system_s": statistics.median(plain),
        "cold_stages_s": {**cold, "start and deliver": cold_s - sum(cold.values())},
        "warm_stages_s": _stages(bench, requests, statistics.median(warm)),
        "busy_stages_s": _stages(bench, others, statistics.median(busy)),
        "warm_stages_cpu_s": _median_by_stage([bench.loop(request).cpu_s for request in requests]),
        "busy_stages_cpu_s": _median_by_stage([bench.loop(request).cpu_s for request in others]),
        "rss_bytes": rss,
    }


def _stages(bench: Bench, requests: Sequence[LoopRequest], total_s: float) -> dict[str, float]:
    """Return the seconds of each stage, and what is left of the whole: to the worker and to the file."""
    stages = _median_by_stage([bench.loop(request).timings for request in requests])
    return {**stages, "deliver": max(0.0, total_s - sum(stages.values()))}


def _median_by_stage(timings: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {
        stage: statistics.median(each[stage] for each in timings) for stage in STAGES if stage in timings[0]
    }


def report(figures: Mapping[str, Any]) -> Iterator[str]:
    """Give the lines of the report."""
    duration = figures["duration_s"]
    aim = duration * AIM_OF_DURATION
    file_system = figures["file_system_s"]

    def row(name: str, seconds: float, baseline: float, what: str) -> str:
        ratio = f"{seconds / baseline:>8.2f} x {what} ({baseline * 1000:.1f} ms)"
        return f"{name:<28}{seconds * 1000:>10.1f} ms   {ratio}"

    def stages(kind: str) -> Iterator[str]:
        computed = figures.get(f"{kind}_stages_cpu_s", {})
        for stage, seconds in figures[f"{kind}_stages_s"].items():
            cpu = f"   {computed[stage] * 1000:>8.1f} ms computed" if stage in computed else ""
            yield f"{'  ' + stage:<28}{seconds * 1000:>10.1f} ms{cpu}"
        if computed:
            total = sum(computed.values())
            yield row("  computed in all", total, aim, "a fifth of its duration")
            yield f"{'  real-time factor, computed':<28}{duration / total:>10.1f} x"

    yield (
        f"a loop of {duration:g} s, {figures['threads']} thread(s) on {figures['cores']} core(s), "
        f"load {figures['load_average']}"
    )
    yield row("cold (start to file)", figures["cold_s"], duration, "its own duration")
    yield from stages("cold")
    yield row("warm", figures["warm_s"], aim, "a fifth of its duration")
    yield f"{'  real-time factor':<28}{duration / figures['warm_s']:>10.1f} x"
    yield from stages("warm")
    yield row("warm, one core busy", figures["busy_s"], aim, "a fifth of its duration")
    yield from stages("busy")
    yield row("cached, file unchanged", figures["cached_s"], file_system, "the file system")
    yield row("cached, published again", figures["republished_s"], file_system, "the file system")
    rss = figures["rss_bytes"]
    if rss is not None:
        yield f"{'worker memory, peak':<28}{rss / 1e6:>10.1f} MB   {rss / AIM_RSS_BYTES:>8.2f} x 1.5 GB"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", help="a checkpoint instead of the embedded one")
    parser.add_argument("--threads", type=int, default=0, help="cores the model takes; default all but one")
    parser.add_argument("--prompt", default="punchy house drums")
    parser.add_argument("--bpm", default="120")
    parser.add_argument("--meter", default="4/4")
    parser.add_argument("--bars", default="4")
    parser.add_argument("--quality", default="normal")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="riffsidecar-bench-") as folder:
            figures = measure(args, Path(folder))
    except RiffError as error:
        print(f"latency: error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(figures, indent=2) if args.json else "\n".join(report(figures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
