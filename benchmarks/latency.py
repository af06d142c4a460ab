"""Measure the time from a request to its file, by stage: cold, warm, cached, and with one core busy.

    python benchmarks/latency.py [--checkpoint DIR] [--bpm 120] [--bars 4] [--repeats 5] [--json]

Every figure stands beside its baseline: a warm loop beside a fifth of its own duration, a cached one beside
the time that the file system takes for the same bytes, the worker's memory beside 1.5 GB.
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from riffsidecar.errors import RiffError
from riffsidecar.music import Meter, Tempo, parse_bars
from riffsidecar.render.cache import LoopCache, cache_key
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.messages import STAGES
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

    def timings(self, request: LoopRequest) -> dict[str, float]:
        """Return the seconds of each stage of a finished request."""
        ready = self.worker.ready
        entry = self.cache.get(cache_key(request.digest, ready.checkpoint)) if ready is not None else None
        return dict(entry.loop.timings) if entry is not None else {}

    def wav_of(self, request: LoopRequest) -> bytes:
        """Return the bytes of a finished request."""
        ready = self.worker.ready
        entry = self.cache.get(cache_key(request.digest, ready.checkpoint)) if ready is not None else None
        return entry.loop.wav if entry is not None else b""


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


def measure(args: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Make every measurement and return the figures in seconds and bytes."""
    settings = WorkerSettings(args.checkpoint or "", args.threads)
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
        warm = [bench.render(request)[0] for request in requests]
        stages = {
            stage: statistics.median(bench.timings(request)[stage] for request in requests)
            for stage in STAGES
            if stage in bench.timings(requests[0])
        }
        cached = [bench.render(request)[0] for request in requests]
        republished = []
        for request in requests:
            Path(bench.render(request)[1].path).unlink()
            republished.append(bench.render(request)[0])
        plain = []
        for request in requests:
            wav = bench.wav_of(request)
            begin_s = time.perf_counter()
            bench.drop.publish("riff_plain", wav)
            plain.append(time.perf_counter() - begin_s)
        rss = peak_rss_bytes(bench.worker.pid)
        with one_core_busy():
            busy = [bench.render(replace(request, seed=request.seed + 1000))[0] for request in requests]
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
        "stages_s": stages,
        "rss_bytes": rss,
    }


def report(figures: dict[str, object]) -> Iterator[str]:
    """Give the lines of the report."""
    duration = float(str(figures["duration_s"]))
    aim = duration * AIM_OF_DURATION

    def row(name: str, seconds: float, baseline: float, what: str) -> str:
        ratio = f"{seconds / baseline:>8.2f} x {what} ({baseline * 1000:.1f} ms)"
        return f"{name:<28}{seconds * 1000:>10.1f} ms   {ratio}"

    values = {
        name: float(str(figures[name])) for name in figures if name.endswith("_s") and name != "stages_s"
    }
    yield (
        f"a loop of {duration:g} s, {figures['threads']} thread(s) on {figures['cores']} core(s), "
        f"load {figures['load_average']}"
    )
    yield row("cold (start to file)", values["cold_s"], duration, "its own duration")
    yield row("warm", values["warm_s"], aim, "a fifth of its duration")
    yield f"{'  real-time factor':<28}{duration / values['warm_s']:>10.1f} x"
    stages = figures["stages_s"]
    for stage, seconds in stages.items() if isinstance(stages, dict) else ():
        yield f"{'  ' + stage:<28}{seconds * 1000:>10.1f} ms"
    yield row("warm, one core busy", values["busy_s"], aim, "a fifth of its duration")
    yield row("cached, file unchanged", values["cached_s"], values["file_system_s"], "the file system")
    yield row(
        "cached, published again",
        values["republished_s"],
        values["file_system_s"],
        "the file system",
    )
    rss = figures["rss_bytes"]
    if isinstance(rss, int):
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
