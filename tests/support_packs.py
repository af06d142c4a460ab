"""Stand in for the model in tests of packs: quick loops on the grid, with whatever fault the prompt names.

Seeds below 1000, as recipes have them, get the fault; derived seeds, which later tries have, get a loop
that is fit. ``never`` is silent whatever the seed is. ``die`` ends the process once, where
``RIFF_TEST_DIED`` is no file yet. ``slow`` takes its time.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
from support_pipeline import DoubleRenderer

from riffsidecar.audio import LoopTags, Waveform, encode_wav
from riffsidecar.audio.loudness import integrated_lufs, normalise
from riffsidecar.render.messages import Again, Ready, RenderedLoop
from riffsidecar.render.pack_ledger import Job
from riffsidecar.render.pack_pool import Done, Pool
from riffsidecar.render.pack_store import PackStore
from riffsidecar.render.packs import PackMade, PackProgress, make_pack, pack_path
from riffsidecar.render.recipe import pack_recipe
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.render.worker_main import Progress
from riffsidecar.session.pack_file import parse_pack
from riffsidecar.session.packs import PackRecipe
from riffsidecar.session.requests import LoopRequest

__all__ = [
    "FACTORY", "SETTINGS", "InlinePool", "PackRenderer", "Tree", "load_pack_double", "made", "recipe",
    "sound", "tree",
]  # fmt: skip

FACTORY = "support_packs:load_pack_double"


def sound(request: LoopRequest) -> Waveform:
    """Return bursts of noise on the sixteenths, as the seed and the words of the prompt will have it."""
    words = set(request.prompt.split())
    faulty = request.seed < 1000
    seed = 7 if "twin" in words and faulty else request.seed + 100_000 * len(request.prompt)
    rng = np.random.default_rng(seed)
    num_samples, rate = request.num_samples, request.sample_rate
    samples = np.zeros((2, num_samples))
    steps = round(float(request.bars) * 16)
    times = np.arange(rate // 12) / rate
    for step in range(steps):
        if step % 4 and rng.random() < 0.5:
            continue
        tone = np.sin(2 * np.pi * rng.uniform(60, 4000) * times) + rng.uniform(0, 0.5) * rng.standard_normal(
            len(times)
        )
        at = (round(step * num_samples / steps) + np.arange(len(times))) % num_samples
        samples[:, at] += tone * np.exp(-times * rng.uniform(20, 80))
    if "late" in words and faulty:
        samples = np.roll(samples, round(0.5 * num_samples / steps), axis=1)
    if "torn" in words and faulty:
        samples[:, : num_samples // 2] += np.linspace(5.0, 0.0, num_samples // 2)
    if "never" in words or ("silent" in words and faulty):
        return Waveform(np.zeros((2, num_samples), np.float32), rate)
    level = request.loudness_lufs - (6.0 if "quiet" in words and faulty else 0.0)
    return normalise(Waveform(samples.astype(np.float32), rate), level, -1.0)


class PackRenderer(DoubleRenderer):
    """Render loops that a pack can take."""

    def __init__(self, settings: WorkerSettings) -> None:
        """Note what decides the samples; how urgent the process is does not."""
        self.environment = {"threads": str(settings.threads), "checkpoint": self.checkpoint[:16]}

    def render(self, request: LoopRequest, progress: Progress, again: Again | None = None) -> RenderedLoop:
        """Do what the words of the prompt say."""
        words = request.prompt.split()
        mark = Path(os.environ.get("RIFF_TEST_DIED", os.devnull))
        if "die" in words and not mark.exists():
            mark.touch()
            os._exit(9)
        for step in range(10 if "slow" in words else 1):
            progress("denoise", step / 10)
            time.sleep(0.02 if "slow" in words else 0.0)
        waveform = sound(request)
        tags = LoopTags(
            title="double",
            bpm=request.tempo.bpm,
            beats=request.bars * request.meter.numerator,
            meter=request.meter,
            recipe=pack_recipe(request, self.environment),
        )
        return RenderedLoop(
            wav=encode_wav(waveform, request.bit_depth, tags),
            stem="riff_test",
            num_samples=request.num_samples,
            sample_rate=request.sample_rate,
            lufs=integrated_lufs(waveform),
            seam={"jump": 0.0},
            timings={},
            environment=dict(self.environment),
        )


def load_pack_double(settings: WorkerSettings) -> PackRenderer:
    """Return the double at once."""
    return PackRenderer(settings)


RECIPE = """
name = "Night Drive"
label = "test"
bpm = 124
bars = 1
keys = ["Am", "C"]
seeds = [1, 2]
prompts = ["house drums", "twin drums", "torn bass"]
[[prompt]]
prompt = "late quiet silent rhodes"
name = "rhodes, soft"
group = "keys"
"""
SETTINGS = WorkerSettings(factory=FACTORY, threads=1, nice=0)
Tree = dict[str, bytes]


def recipe(text: str = RECIPE) -> PackRecipe:
    return parse_pack(text, "a.toml", "a")


class InlinePool:
    """Make loops in this process, the newest first."""

    size = 3

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.renderer = PackRenderer(SETTINGS)

    def start(self) -> Ready:
        return Ready(self.renderer.checkpoint, dict(self.renderer.environment), 0.0)

    def submit(self, job: Job) -> None:
        self.jobs.append(job)

    def next_done(self) -> Done:
        job = self.jobs.pop()
        return Done(job, self.renderer.render(job.request, lambda stage, fraction: None))

    def close(self) -> None:
        self.jobs.clear()


def made(folder: Path, pool: Pool, what: PackRecipe | None = None) -> tuple[PackMade, list[PackProgress]]:
    what = what or recipe()
    place = pack_path(what, folder)
    progress: list[PackProgress] = []
    try:
        ready = pool.start()
        done = make_pack(what, PackStore(place), place, pool, ready, on_progress=progress.append)
    finally:
        pool.close()
    return done, progress


def tree(folder: Path) -> Tree:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
