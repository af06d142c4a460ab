"""Hold the joins inside journeys against their own bar lines, and against loops that are put end to end.

    python -m benchmarks.journey [--bars 32] [--bpm 126] [--quality draft] [--journeys 3]

Journeys between unlike prompts are rendered by the embedded model, as one line and as a chain of loops. A
join is every place where something meets: in the line every second bar, where windows do, and shortly before
it, where the phase was continued; in the chain the bar line between two loops, and the wrap of each. Jump and
linear-prediction error there are held against ordinary bar lines pooled: for the line those of the same
latents made into sound in one go, for the chain all bar lines of as many loops by themselves, first ones and
inner ones. They may exceed the 95th percentile no more often than chance allows (binomial, 95 %), and never
twice the 99th. The baseline is those loops, each of its own seed and with the blend of its middle, put end to
end.

The blend is followed too: the mean spectrum of each two bars, and how its distance from the first and from
the last of them ranks along the journey (Spearman; 1 and -1 where it moves at every step).
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import itertools
import sys
import time
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.seams import judge
from riffsidecar.audio.seam import Seam, seam_measure
from riffsidecar.audio.wav import decode_wav
from riffsidecar.diffusion.checkpoints import find_checkpoint, load_pipeline
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.music import Tempo
from riffsidecar.render.journey_runs import start_run
from riffsidecar.render.render_loop import render_loop
from riffsidecar.session.journeys import JourneyPart, JourneyRequest
from riffsidecar.session.requests import LoopRequest
from riffsidecar.spectrogram.codec import analyse, synthesise

__all__ = ["main"]

_LEGS = (
    ("ambient pad, slow and warm", "acid techno, hard kick, squelching bass"),
    ("dusty boom bap drums", "drum and bass, fast breakbeat"),
    ("warm rhodes chords, deep house", "bright synth arpeggio, trance"),
    ("fingered electric bass, funk", "distorted electric guitar riff, rock"),
    ("choir pad", "house drums, four on the floor"),
)
_LOOP_BARS = 4

Samples = NDArray[np.float32]


@dataclass(slots=True)
class Pool:
    """Gather joins and ordinary bar lines of one way to make a long stretch."""

    name: str
    joins: list[tuple[float, float]] = field(default_factory=list)
    ordinary: list[tuple[float, float]] = field(default_factory=list)

    @property
    def seams(self) -> list[Seam]:
        """Return the pool as `judge` takes it."""
        jumps, errors = zip(*self.ordinary, strict=True)
        first, *rest = (Seam(jump, error, (), ()) for jump, error in self.joins)
        return [replace(first, inner_jumps=jumps, inner_lpc_db=errors), *rest]

    def report(self) -> bool:
        """Print how the joins compare; return whether they are ordinary bar lines."""
        verdicts = judge(self.seams)
        print(f"{self.name} ({len(self.joins)} joins, {len(self.ordinary)} bar lines)")
        joins, ordinary = (np.median(np.array(values), axis=0) for values in (self.joins, self.ordinary))
        ratios = (
            f"median {joins[0] / max(ordinary[0], 1e-9):.2f} x that of bar lines",
            f"median {joins[1] - ordinary[1]:+.1f} dB beside bar lines",
        )
        for verdict, ratio in zip(verdicts, ratios, strict=True):
            print("   ", verdict.line().replace("wraps", "joins"), "|", ratio)
        return all(verdict.passes for verdict in verdicts)


def _measured(samples: Samples, places: list[int], rate: int) -> list[tuple[float, float]]:
    """Return jump and prediction error at places of a stretch; place 0 is its wrap."""
    seam = seam_measure(samples, places, sample_rate=rate)
    inner = list(zip(seam.inner_jumps, seam.inner_lpc_db, strict=True))
    return ([(seam.jump, seam.lpc_db)] if 0 in places else []) + inner


def _bar_lines(loop: Samples) -> list[int]:
    return [round(loop.shape[1] * Fraction(bar, _LOOP_BARS)) for bar in range(_LOOP_BARS)]


def _pieces(pipeline: LoopPipeline, journey: JourneyRequest) -> tuple[list[Samples], NDArray[np.float16]]:
    """Return the pieces of a journey and the latents of the whole."""
    run = start_run(pipeline, JourneyPart(journey, 0))
    made = [run.render(lambda stage, fraction: None) for _ in range(journey.num_pieces or 0)]
    latents = np.concatenate([latents for _, latents, _ in made if latents is not None], axis=-1)
    return [samples for samples, _, _ in made], latents


def _in_one_go(pipeline: LoopPipeline, journey: JourneyRequest, latents: NDArray[np.float16]) -> Samples:
    """Return the sound of the same latents with no join inside."""
    return synthesise(pipeline.decode(latents.astype(np.float32)), journey.num_samples)


def _independent(pipeline: LoopPipeline, journey: JourneyRequest) -> list[Samples]:
    """Return a loop for each stretch, each by itself, of its own seed."""
    loops = []
    for index in range(journey.bars // _LOOP_BARS):
        middle = index * _LOOP_BARS + _LOOP_BARS // 2
        request = LoopRequest(
            prompt=journey.prompts[0],
            prompt_b=journey.prompts[1],
            morph=float(journey.position(middle)),
            seed=journey.seed + 1000 + index,
            quality=journey.quality,
            tempo=journey.tempo,
            meter=journey.meter,
            bars=Fraction(_LOOP_BARS),
        )
        made = render_loop(pipeline, request, lambda stage, fraction: None)
        loops.append(decode_wav(made.wav).waveform.samples)
    return loops


def _blend(samples: Samples, journey: JourneyRequest) -> tuple[float, float]:
    """Return how the distance from the first and from the last two bars ranks along the journey."""
    spectra = []
    for bar in range(0, journey.bars - 1, 2):
        part = samples[:, journey.start_sample(bar) : journey.start_sample(bar + 2)]
        spectra.append(analyse(part, 512).mean(axis=(0, 2)))
    order = np.arange(len(spectra))
    rises = spearmanr(order, [float(np.abs(each - spectra[0]).mean()) for each in spectra]).statistic
    falls = spearmanr(order, [float(np.abs(each - spectra[-1]).mean()) for each in spectra]).statistic
    return float(rises), float(falls)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; return 0 where joins are ordinary bar lines and the baseline's are not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.journey", description=__doc__.splitlines()[0])
    parser.add_argument("--bars", type=int, default=32)
    parser.add_argument("--bpm", default="126")
    parser.add_argument("--quality", default="draft")
    parser.add_argument("--journeys", type=int, default=3, help=f"1 to {len(_LEGS)}")
    options = parser.parse_args(arguments)
    pipeline = load_pipeline(find_checkpoint("embedded"))
    line, chain, wraps = (
        Pool("one line"),
        Pool("chain of loops"),
        Pool("the loops of the chain, by themselves"),
    )
    baseline = Pool("baseline: independent loops end to end")
    blends, spent_s, made_s = [], 0.0, 0.0
    for index in range(options.journeys):
        journey = JourneyRequest(
            prompts=_LEGS[index % len(_LEGS)],
            bars=options.bars,
            form="pieces",
            seed=11 + index,
            quality=options.quality,
            tempo=Tempo.parse(options.bpm),
        )
        rate = journey.sample_rate
        started_s = time.perf_counter()
        parts, latents = _pieces(pipeline, journey)
        whole = np.concatenate(parts, axis=1)
        spent_s += time.perf_counter() - started_s
        made_s += whole.shape[1] / rate
        if whole.shape[1] != journey.num_samples:
            print(f"MISS the line has {whole.shape[1]} samples, not {journey.num_samples}")
            return 1
        step = int(journey.segment_bars)
        lines = [journey.start_sample(bar) for bar in range(1, journey.bars)]
        column = journey.start_sample(step) / journey.segment_columns
        phase = [round(place - 2 * column - 512) for place in lines[step - 1 :: step]]
        line.joins += _measured(whole, sorted([*lines[step - 1 :: step], *phase]), rate)
        line.ordinary += _measured(_in_one_go(pipeline, journey, latents), lines, rate)
        blends.append(_blend(whole, journey))
        loops, _ = _pieces(pipeline, replace(journey, form="loops", piece_bars=_LOOP_BARS))
        independent = _independent(pipeline, journey)
        ordinary = [found for loop in independent for found in _measured(loop, _bar_lines(loop), rate)]
        joins = lines[_LOOP_BARS - 1 :: _LOOP_BARS]
        for pool, each in ((chain, loops), (baseline, independent)):
            pool.joins += _measured(np.concatenate(each, axis=1), joins, rate)
            pool.ordinary += ordinary
        wraps.ordinary += ordinary
        for loop in loops:
            wraps.joins += _measured(loop, [0], rate)
        print(f"{index + 1} of {options.journeys} journeys", file=sys.stderr, flush=True)
    passed = [pool.report() for pool in (line, chain, wraps)]
    failed = not baseline.report()
    for (rises, falls), prompts in zip(blends, itertools.cycle(_LEGS), strict=False):
        print(
            f"blend {prompts[0]!r} > {prompts[1]!r}: distance from the first bars {rises:+.2f}, "
            f"to the last {falls:+.2f}"
        )
    moves = all(rises > 0.5 and falls < -0.5 for rises, falls in blends)
    print(f"the line took {spent_s / made_s:.2f} s a second of sound")
    holds = all(passed) and failed and moves
    print(
        "ok   joins are ordinary bar lines, the baseline's are not, and the blend moves" if holds else "MISS"
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
