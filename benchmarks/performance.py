"""Play a scripted performance in real time and count the moves whose new loop came in time.

    python -m benchmarks.performance [--seconds 60] [--bpm 90 120 174] [--bars 2] [--quality normal] [--json]

A performer hits a pad in most bars, sweeps a knob for half a bar in every fourth, and changes the bank in
every sixteenth. A move is a pad, or the last position of a sweep; it is in time where its loop, or a draft of
it, is ready by the next bar line, and late by one where it takes one more. Each tempo is played twice,
without looking ahead (the baseline) and with it, from an empty cache.
"""

from __future__ import annotations

import argparse
import json
import queue
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from riffsidecar.daemon.bars import BarKeeper
from riffsidecar.daemon.conductor import Conductor
from riffsidecar.daemon.follow import Forecaster
from riffsidecar.errors import RiffError
from riffsidecar.music import Tempo, parse_bars
from riffsidecar.render.cache import LoopCache
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.lookahead import LookAhead
from riffsidecar.render.service import RenderService
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.render.worker import RenderWorker
from riffsidecar.session.commands import (
    Command,
    SelectBank,
    SetBars,
    SetKnob,
    SetTransport,
    TriggerPad,
)
from riffsidecar.session.events import Envelope, Event, Failed, Finished, Origin, Previewed
from riffsidecar.session.presets import load_banks, packaged_presets
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.state import Session

LOOK_AHEAD = 24
SWEEP_HZ = 20
_PADS = (1, 2, 3, 4, 2, 5, 3, 6)
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Step:
    """A command at a time in bars; ``is_move`` where the performer waits for its loop."""

    bar: float
    command: Command
    is_move: bool


def script(bars: int, bar_s: float, seed: int = 1) -> list[Step]:
    """Return a performance of so many bars, the same for each seed.

    >>> steps = script(16, 2.0)
    >>> sum(step.is_move for step in steps), steps == script(16, 2.0)
    (16, True)
    """
    dice, steps = random.Random(seed), []
    for bar in range(bars):
        at = bar + dice.uniform(0.1, 0.6)
        if bar % 16 == 15:
            steps.append(Step(at, SelectBank(2 + bar // 16 % 3), False))
        if bar % 4 == 3 and bar % 16 != 15:
            begins, ends = dice.uniform(0.0, 1.0), dice.uniform(0.0, 1.0)
            count = max(2, round(SWEEP_HZ * bar_s * 0.5))
            for move in range(count):
                value = round((begins + (ends - begins) * move / (count - 1)) * 127) / 127
                place = bar + 0.1 + 0.5 * move / count
                steps.append(Step(place, SetKnob("energy", value), move == count - 1))
        else:
            steps.append(Step(at, TriggerPad(_PADS[bar % len(_PADS)]), True))
    return steps


def ready_shares(moves: Mapping[str, int], ready: Mapping[str, int]) -> tuple[float, float]:
    """Return the shares of moves, by the bar of each, whose loop was ready for the next bar, and one later.

    >>> ready_shares({"a": 1, "b": 1, "c": 2, "d": 2}, {"a": 2, "b": 3, "c": 9})
    (0.25, 0.5)
    """
    late = [ready[name] - bar for name, bar in moves.items() if name in ready]
    return sum(by <= 1 for by in late) / len(moves), sum(by <= 2 for by in late) / len(moves)


class Show:
    """A session with everything below it, and the notes of who was ready when."""

    def __init__(self, folder: Path, bpm: str, ahead: int, worker: RenderWorker) -> None:
        """Prepare; the worker is taken as it is, loaded or not."""
        session = Session.start(load_banks([packaged_presets()]), "house", tempo=Tempo.parse(bpm))
        self.bars = BarKeeper(session)
        self.events: queue.Queue[Event] = queue.Queue()
        self.heard: dict[int, LoopRequest] = {}
        self.service = RenderService(
            worker,
            DropFolder(folder),
            LoopCache(256_000_000),
            self._emit,
            ahead=LookAhead(ahead),
            ready_bar=self.bars.ready_bar,
        )
        self.conductor = Conductor(
            session, self.service, self._emit, bars=self.bars, forecaster=Forecaster(ahead)
        )

    def _emit(self, event: Event) -> None:
        event = self.bars.stamped(event)
        come = event.loop if isinstance(event, Previewed) else event
        if isinstance(come, Finished) and come.loop is not None:
            self.conductor.note_loop(come.slot, come.loop)
            self.heard[come.slot] = come.loop.request
        self.events.put(event)

    def send(self, command: Command, name: str) -> None:
        """Do a command."""
        self.conductor.submit(Envelope(command, Origin("show", "performer", name)))


def play(show: Show, args: argparse.Namespace) -> dict[str, Any]:
    """Play the script and return the figures."""
    show.conductor.start()
    show.service.start()
    # What the musician does before the song: each of the first pads once, so that the pace is known.
    show.send(SetBars(parse_bars(args.bars)), "bars")
    show.send(SetKnob("quality", args.quality), "quality")
    show.send(TriggerPad(1), "sound check")
    _collect(show, {"sound check"}, {}, {}, time.monotonic() + 900)
    show.send(SetTransport(True, Fraction(0)), "play")
    began_s = time.monotonic()
    bar_s = show.bars.transport.bar_s
    steps = script(max(4, round(args.seconds / bar_s)), bar_s)
    moves: dict[str, int] = {}
    ready: dict[str, int] = {}
    ends: dict[str, Finished | Failed] = {}
    for number, step in enumerate(steps):
        due_s = began_s + step.bar * bar_s
        _collect(show, None, ready, ends, due_s)
        if step.is_move:
            moves[str(number)] = 1 + int(step.bar)
        show.send(step.command, str(number))
    _collect(show, {str(number) for number in range(len(steps))}, ready, ends, time.monotonic() + _PATIENCE_S)
    session = show.conductor.session
    by_next, by_second = ready_shares(moves, ready)
    return {
        "moves": len(moves),
        "by_next_bar": by_next,
        "by_bar_after": by_second,
        "counts": dict(show.service.counts),
        "unanswered": sum(str(number) not in ends for number in range(len(steps))),
        "slots": len(session.latest),
        "last_value_heard": sum(show.heard.get(slot) == wanted for slot, wanted in session.latest.items()),
    }


def _collect(
    show: Show,
    until: set[str] | None,
    ready: dict[str, int],
    ends: dict[str, Finished | Failed],
    deadline_s: float,
) -> None:
    """Note events until a time, or until all of some requests have ended."""
    while (left_s := deadline_s - time.monotonic()) > 0 and (until is None or not until <= ends.keys()):
        try:
            event = show.events.get(timeout=left_s)
        except queue.Empty:
            return
        name = getattr(getattr(event, "origin", None), "request_id", "")
        come = event.loop if isinstance(event, Previewed) else event
        if isinstance(come, Finished):
            ready[name] = min(ready.get(name, come.bar), come.bar)
        if isinstance(event, Finished | Failed):
            ends[name] = event
        elif getattr(event, "slot", 0) is None:
            ends[name] = Failed(Origin("show"), None, "", "")


def measure(args: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """Play every tempo without and with look-ahead."""
    rows = []
    for bpm in args.bpm:
        for ahead in (0, args.ahead):
            worker = RenderWorker(WorkerSettings(checkpoint=args.checkpoint or "", threads=args.threads))
            show = Show(folder / f"{bpm}-{ahead}", bpm, ahead, worker)
            try:
                rows.append({"bpm": bpm, "ahead": ahead, **play(show, args)})
            finally:
                show.conductor.close()
                show.service.close()
    return rows


def report(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Give the lines of the report."""
    yield (
        f"{'bpm':>5} {'ahead':>5} {'moves':>5} {'next bar':>9} {'one after':>9} {'cached':>7} "
        f"{'predicted':>9} {'drafts':>6} {'last heard':>10} {'unanswered':>10}"
    )
    for row in rows:
        counts = row["counts"]
        heard = f"{row['last_value_heard']}/{row['slots']}"
        yield (
            f"{row['bpm']:>5} {row['ahead']:>5} {row['moves']:>5} {row['by_next_bar']:>8.0%} "
            f"{row['by_bar_after']:>9.0%} {counts.get('cached', 0):>7} {counts.get('predicted', 0):>9} "
            f"{counts.get('previewed', 0):>6} {heard:>10} {row['unanswered']:>10}"
        )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each performance lasts")
    parser.add_argument("--bpm", nargs="+", default=["90", "120", "174"])
    parser.add_argument("--bars", default="2", help="length of the loops")
    parser.add_argument("--quality", default="normal")
    parser.add_argument("--ahead", type=int, default=LOOK_AHEAD, help="loops that are made ahead at most")
    parser.add_argument("--checkpoint", help="a checkpoint instead of the embedded one")
    parser.add_argument("--threads", type=int, default=0, help="cores the model takes; default all but one")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory(prefix="riffsidecar-bench-") as folder:
            rows = measure(args, Path(folder))
    except RiffError as error:
        print(f"performance: error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(rows, indent=2) if args.json else "\n".join(report(rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
