"""Measure composed loops, and compare tempo, bars and downbeat with the truth.

    python -m benchmarks.measure

Loops of the project's own composer, whose truth is known, are measured with a session tempo up to 32 % off:
as whole loops, with silence around them, as takes of no whole length, and loops and takes cut anywhere in the
bar. The baseline is librosa's ``beat_track`` with the session's tempo as its start.
"""

from __future__ import annotations

import argparse
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.measure import Measurement, measure
from riffsidecar.audio.waveform import Waveform
from riffsidecar.errors import RiffError
from riffsidecar.music import Meter, Tempo
from riffsidecar.training.compose import compose
from riffsidecar.training.render import render_score
from riffsidecar.training.score import FAMILIES, Score

__all__ = ["Figures", "main", "measured"]

_RATE = 44_100
_TEMPO_LIMIT = 0.01
_DOWNBEAT_LIMIT_S = 0.04
_SPREAD_OCTAVES = 0.4
_METERS = ("4/4", "4/4", "4/4", "4/4", "3/4", "6/8", "5/4", "7/8")

Stereo = NDArray[Any]
Cut = Callable[[Stereo, np.random.Generator], tuple[Stereo, float, bool]]
"""Make a recording of a loop: samples, where its first downbeat lies in seconds, whether the bars are all."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Hold the shares of recordings that were measured right."""

    loops: int
    tempo: float
    bars: float
    downbeat: float
    rival_tempo: float


def _whole(audio: Stereo, dice: np.random.Generator) -> tuple[Stereo, float, bool]:
    return audio, 0.0, True


def _padded(audio: Stereo, dice: np.random.Generator) -> tuple[Stereo, float, bool]:
    """Leave silence before the loop, and let it ring into silence after."""
    lead_s, rest_s = dice.uniform(0.08, 0.8), dice.uniform(0.1, 1.2)
    ring = min(audio.shape[1], round(0.3 * _RATE))
    tail = audio[:, :ring] * np.linspace(0.3, 0.0, ring) ** 2
    silence = [np.zeros((2, round(seconds * _RATE))) for seconds in (lead_s, rest_s)]
    return np.concatenate([silence[0], audio, tail, silence[1]], axis=1), lead_s, True


def _take(audio: Stereo, dice: np.random.Generator) -> tuple[Stereo, float, bool]:
    """Play the loop on and stop anywhere."""
    wanted = round(dice.uniform(8.0, 14.0) * _RATE)
    return np.tile(audio, (1, math.ceil(wanted / audio.shape[1])))[:, :wanted], 0.0, False


def _turned(audio: Stereo, dice: np.random.Generator) -> tuple[Stereo, float, bool]:
    """Begin the loop anywhere, and end it there."""
    first = int(dice.integers(audio.shape[1]))
    return np.roll(audio, -first, axis=1), -first / _RATE, True


def _take_anywhere(audio: Stereo, dice: np.random.Generator) -> tuple[Stereo, float, bool]:
    """Begin anywhere, play the loop on and stop anywhere."""
    turned, start_s, _ = _turned(audio, dice)
    return _take(turned, dice)[0], start_s, False


CUTS: Mapping[str, Cut] = MappingProxyType(
    {
        "whole loop": _whole,
        "silence around": _padded,
        "take": _take,
        "loop, cut anywhere": _turned,
        "take, cut anywhere": _take_anywhere,
    }
)


def composed(count: int, seed: int) -> Iterator[tuple[Score, Stereo]]:
    """Give ``count`` composed loops of every family, over many tempi and meters, with their audio."""
    made = 0
    while made < count:
        seed += 1
        meter = Meter.parse(_METERS[made % len(_METERS)])
        try:
            score = compose(seed, family=FAMILIES[(made // 3) % len(FAMILIES)], meter=meter)
        except RiffError:
            continue
        if float(score.length.duration_s) < 1.5:
            continue
        made += 1
        yield score, render_score(score, sample_rate=_RATE)


def measured(
    loops: Sequence[tuple[Score, Stereo]], cut: Cut, *, session_meter: str | None = None, rival: bool = False
) -> Figures:
    """Measure every loop as ``cut`` makes a recording of it; the session's meter is its own unless given."""
    dice = np.random.default_rng(5)
    right = {"tempo": 0, "bars": 0, "downbeat": 0, "rival": 0}
    for score, audio in loops:
        recording, start_s, is_whole = cut(audio, dice)
        truth = float(score.tempo)
        session = Tempo.parse(round(truth * 2.0 ** dice.uniform(-_SPREAD_OCTAVES, _SPREAD_OCTAVES), 2))
        meter = Meter.parse(session_meter) if session_meter is not None else score.meter
        waveform = Waveform(np.ascontiguousarray(recording, dtype=np.float32), _RATE)
        found = measure(waveform, session, meter)
        tempo = abs(found.bpm / truth - 1.0) < _TEMPO_LIMIT
        right["tempo"] += tempo
        right["bars"] += tempo and (not is_whole or _same_bars(found, score))
        right["downbeat"] += tempo and _apart_s(found, start_s) < _DOWNBEAT_LIMIT_S
        right["rival"] += rival and abs(_librosa_bpm(recording, float(session)) / truth - 1.0) < _TEMPO_LIMIT
    shares = {name: count / len(loops) for name, count in right.items()}
    return Figures(len(loops), shares["tempo"], shares["bars"], shares["downbeat"], shares["rival"])


def _same_bars(found: Measurement, score: Score) -> bool:
    length = found.bars * found.meter.quarters_per_bar
    return bool(length == score.length.quarters)


def _apart_s(found: Measurement, start_s: float) -> float:
    return abs((found.start_s - start_s + found.bar_s / 2) % found.bar_s - found.bar_s / 2)


def _librosa_bpm(recording: Stereo, session_bpm: float) -> float:
    import librosa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mono = recording.mean(axis=0).astype(np.float32)
        tempo, _ = librosa.beat.beat_track(y=mono, sr=_RATE, start_bpm=session_bpm)
    return float(np.atleast_1d(tempo)[0])


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loops", type=int, default=64, metavar="N", help="composed loops; default 64")
    parser.add_argument("--seed", type=int, default=40_000, metavar="N", help="of the first loop")
    parser.add_argument("--rival", action="store_true", help="measure with librosa as well")
    args = parser.parse_args(argv)
    loops = list(composed(args.loops, args.seed))
    tempi = [float(score.tempo) for score, _ in loops]
    print(f"{len(loops)} loops, {min(tempi):g} to {max(tempi):g} BPM; session tempo up to 32 % off")
    print(f"{'recording':<32} {'tempo':>6} {'bars':>6} {'downbeat':>9}" + ("  librosa's tempo" * args.rival))
    for name, cut in CUTS.items():
        _row(name, measured(loops, cut, rival=args.rival), args.rival)
    _row("whole loop, session in 4/4", measured(loops, _whole, session_meter="4/4"), False)
    return 0


def _row(name: str, figures: Figures, rival: bool) -> None:
    line = f"{name:<32} {figures.tempo:6.2f} {figures.bars:6.2f} {figures.downbeat:9.2f}"
    print(line + (f"  {figures.rival_tempo:15.2f}" if rival else ""))


if __name__ == "__main__":
    sys.exit(main())
