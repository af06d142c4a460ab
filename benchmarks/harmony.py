"""Measure whether the pads of a bank agree: bass, chords and lead over the same chords, by pitch class.

    python -m benchmarks.harmony [--bank house] [--pads 2 3 4] [--chords "Am F C G"] [--seeds 2] [--json]

The energy of each bar is folded into twelve pitch classes. Of each loop stands the share that lies in the
notes of its bar's chord, beside the mean of the same share for the chords moved to the eleven other roots:
what a loop that knows nothing of the chords would have. Of each pair of loops stands how alike their pitch
classes are bar by bar (the cosine), beside the mean of the eleven transpositions of one of them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from riffsidecar.errors import RiffError
from riffsidecar.music import Chords
from riffsidecar.render.recipe import parse_loop
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.render.worker import RenderWorker
from riffsidecar.session.commands import SetBars, SetChords, SetKey, SetKnob
from riffsidecar.session.presets import load_banks, packaged_presets
from riffsidecar.session.state import Session
from riffsidecar.training.pitch_classes import Chroma, agreement, bar_stretches, share_in


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Render the pads and return the figures."""
    chords = Chords.parse(args.chords)
    session = Session.start(load_banks([packaged_presets()]), args.bank)
    for command in (SetKey(session.key), SetChords(chords), SetBars(Fraction(args.bars))):
        session = session.apply(command).session
    session = session.apply(SetKnob("quality", args.quality)).session
    notes = [tuple(chord.pitch_classes) for chord in _by_bar(chords, args.bars)]
    worker = RenderWorker(WorkerSettings(checkpoint=args.checkpoint or "", threads=args.threads))
    heard: dict[str, list[tuple[Chroma, ...]]] = {}
    jobs = itertools.count(1)
    try:
        for pad, seed in itertools.product(args.pads, range(args.seeds)):
            request = replace(session.pad_request(pad), seed=seed)
            loop = parse_loop(worker.render(next(jobs), request).wav, "the loop")
            heard.setdefault(request.label, []).append(
                bar_stretches(loop.waveform.samples, request.length, request.sample_rate)
            )
    finally:
        worker.close()
    loops = {
        name: {
            "in_chord": float(np.mean([share_in(each, notes) for each in takes])),
            "by_chance": float(
                np.mean([share_in(each, notes, moved) for each in takes for moved in range(1, 12)])
            ),
        }
        for name, takes in heard.items()
    }
    pairs = {}
    for (name, takes), (other, others) in itertools.combinations(heard.items(), 2):
        both = list(zip(takes, others, strict=True))
        pairs[f"{name} and {other}"] = {
            "alike": float(np.mean([agreement(a, b) for a, b in both])),
            "by_chance": float(np.mean([agreement(a, b, moved) for a, b in both for moved in range(1, 12)])),
        }
    return {"chords": str(chords), "seeds": args.seeds, "loops": loops, "pairs": pairs}


def _by_bar(chords: Chords, bars: int) -> Iterator[Any]:
    """Give the chord of each bar; a measure of bars takes one chord a bar."""
    if any(len(bar) != 1 for bar in chords.bars):
        raise RiffError("give one chord a bar, such as 'Am F C G'")
    for bar in range(bars):
        yield chords.bars[bar % len(chords.bars)][0]


def report(figures: Mapping[str, Any]) -> Iterator[str]:
    """Give the lines of the report."""
    yield f"chords {figures['chords']}, {figures['seeds']} seed(s)"
    for name, row in figures["loops"].items():
        yield f"{name:<28} in its chords {row['in_chord']:>5.0%}   any other roots {row['by_chance']:>5.0%}"
    for name, row in figures["pairs"].items():
        yield f"{name:<28} alike {row['alike']:>13.2f}   transposed {row['by_chance']:>10.2f}"


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bank", default="house")
    parser.add_argument("--pads", nargs="+", type=int, default=[2, 3, 4], help="bass, chords and lead")
    parser.add_argument("--chords", default="Am F C G")
    parser.add_argument("--bars", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=2, help="loops of each pad")
    parser.add_argument("--quality", default="normal")
    parser.add_argument("--checkpoint", help="a checkpoint instead of the embedded one")
    parser.add_argument("--threads", type=int, default=0, help="cores the model takes; default all but one")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    try:
        figures = measure(args)
    except RiffError as error:
        print(f"harmony: error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(figures, indent=2) if args.json else "\n".join(report(figures)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
