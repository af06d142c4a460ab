"""Compare the seam of many loops with their own inner bar lines, and with a baseline that is not circular.

    python -m benchmarks.seams [--loops 200] [--bars 4]

Loops of the project's own renderer, all families, 70 to 175 BPM, go through the beat-grid spectrogram and
back: once by the package, once by plain Griffin-Lim-32 with reflect padding on the same magnitudes. Jump and
linear-prediction error at the wrap are held against those at all inner bar lines pooled: they may exceed the
95th percentile no more often than chance allows (binomial, 95 %), and never twice the 99th. The exit code is
0 when the package passes both and the baseline fails both.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from benchmarks.griffin_lim_baseline import griffin_lim_reflect
from riffsidecar.audio.loudness import integrated_lufs
from riffsidecar.audio.seam import Seam, seam_measure
from riffsidecar.audio.waveform import Waveform
from riffsidecar.music import Meter, Tempo
from riffsidecar.spectrogram.codec import analyse, mel_magnitudes, synthesise
from riffsidecar.spectrogram.formats import BEAT_GRID
from riffsidecar.spectrogram.stft import resample_circular
from riffsidecar.training.compose import compose
from riffsidecar.training.render import render_score
from riffsidecar.training.score import FAMILIES

__all__ = ["main"]

_TEMPI = (70, 84, 93, 100, 110, 120, 128, 140, 150, 160, 168, 175)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold how the wraps of a pool compare with its inner bar lines."""

    measure: str
    p95: float
    p99: float
    exceeding: int
    allowed: int
    worst: float
    limit: float

    @property
    def passes(self) -> bool:
        """Whether the wraps are ordinary bar lines."""
        return self.exceeding <= self.allowed and self.worst <= self.limit

    def line(self) -> str:
        """Say it in a line."""
        return (
            f"{self.measure:<5} {self.exceeding:4d} wraps over p95 {self.p95:7.3f} "
            f"(chance allows {self.allowed}); worst {self.worst:7.3f}, twice p99 is {self.limit:7.3f}: "
            f"{'passes' if self.passes else 'fails'}"
        )


def judge(seams: list[Seam]) -> list[Verdict]:
    """Hold the wraps of a pool against its inner bar lines.

    A prediction error is in decibels: twice as much is 6 dB more.
    """
    verdicts = []
    for measure, field, inner_field in (("jump", "jump", "inner_jumps"), ("LPC", "lpc_db", "inner_lpc_db")):
        wraps = np.array([getattr(seam, field) for seam in seams])
        inner = np.concatenate([getattr(seam, inner_field) for seam in seams])
        p95, p99 = (float(np.percentile(inner, percent)) for percent in (95.0, 99.0))
        limit = p99 + 20.0 * float(np.log10(2.0)) if measure == "LPC" else 2.0 * p99
        allowed = int(binom.ppf(0.95, wraps.size, 0.05))
        verdicts.append(
            Verdict(measure, p95, p99, int((wraps > p95).sum()), allowed, float(wraps.max()), limit)
        )
    return verdicts


def _baseline(mel: NDArray[np.float32], num_samples: int) -> NDArray[np.float32]:
    """Rebuild a loop as if it were a piece: no wrap, the first frame stands in for the one after the last."""
    magnitudes, hop = mel_magnitudes(mel, num_samples)
    line = np.concatenate([magnitudes, magnitudes[:, :1]], axis=1)
    made = np.stack([griffin_lim_reflect(channel, hop, BEAT_GRID.win_length) for channel in line])
    return resample_circular(made, num_samples)


def measure_loop(index: int, bars: int) -> tuple[Seam, Seam, Seam]:
    """Return the seams of loop ``index``: as rendered, through the package, through the baseline."""
    tempo = Tempo.parse(_TEMPI[index % len(_TEMPI)])
    score = compose(
        9000 + index, family=FAMILIES[index % len(FAMILIES)], tempo=tempo, meter=Meter(4, 4), bars=bars
    )
    samples = render_score(score)
    loudness = integrated_lufs(Waveform(samples, BEAT_GRID.sample_rate))
    samples = samples * np.float32(10.0 ** ((BEAT_GRID.reference_lufs - loudness) / 20.0))
    lines = score.length.bar_lines(samples.shape[1])
    mel = analyse(samples, score.length.frames)
    made = synthesise(mel, samples.shape[1])
    plain = _baseline(mel[:1], samples.shape[1])
    return seam_measure(samples, lines), seam_measure(made, lines), seam_measure(plain, lines)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; return 0 where the package passes and the baseline fails."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seams", description=__doc__.splitlines()[0])
    parser.add_argument("--loops", type=int, default=200)
    parser.add_argument("--bars", type=int, default=4, help="of each loop")
    options = parser.parse_args(arguments)
    pools: tuple[list[Seam], ...] = ([], [], [])
    for index in range(options.loops):
        for pool, seam in zip(pools, measure_loop(index, options.bars), strict=True):
            pool.append(seam)
        if (index + 1) % 20 == 0:
            print(f"{index + 1} of {options.loops} loops", file=sys.stderr, flush=True)
    judged = [judge(pool) for pool in pools]
    names = ("as rendered", "riffsidecar", "Griffin-Lim-32, reflect padding")
    for name, verdicts in zip(names, judged, strict=True):
        print(f"{name} ({options.loops} loops)")
        for verdict in verdicts:
            print("   ", verdict.line())
    holds = all(verdict.passes for verdict in judged[1]) and not any(verdict.passes for verdict in judged[2])
    print("ok   the seams are ordinary bar lines, the baseline's are not" if holds else "MISS")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
