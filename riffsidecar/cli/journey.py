"""``riffsidecar journey``: let prompts flow into one another, bar by bar."""

from __future__ import annotations

import argparse
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from riffsidecar.cli.context import Context, add_common_options, add_model_options
from riffsidecar.cli.exit_codes import OK
from riffsidecar.cli.rendering import bars_text, started_worker
from riffsidecar.errors import SessionError
from riffsidecar.music import Tempo
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.journeys import JOURNEY_FACTORY, Published, publish_journey
from riffsidecar.render.messages import RenderedLoop
from riffsidecar.render.settings import DEFAULT_FACTORY
from riffsidecar.render.worker import RenderWorker
from riffsidecar.session.journey_command import check_journey_option
from riffsidecar.session.journeys import JourneyPart, JourneyRequest
from riffsidecar.session.knobs import KNOBS
from riffsidecar.session.options import check_option
from riffsidecar.session.settings import DEFAULT_TEMPO

__all__ = ["add_parser", "journey_context", "run"]

_OPTIONS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "--bars": ("bars", "N", "bars from the first prompt to the last, 2 to 100000; default 32"),
        "--bpm": ("bpm", "N", "tempo in quarter notes a minute, 20 to 400; default 120"),
        "--meter": ("meter", "N/D", "time signature; default 4/4"),
        "--key": ("key", "KEY", "key such as Am, C or 'D dorian'"),
        "--chords": ("chords", "CHORDS", "chords, one a bar: 'Am F C G'; several a bar: 'Am F | C G'"),
        "--negative": ("negative", "PROMPT", "what is not to be heard"),
        "--seed": ("seed", "N", "seed of the noise; default a random one, which is told"),
        "--rate": ("sample_rate", "HZ", "44100, 48000, 88200 or 96000; default 44100"),
        "--depth": ("bit_depth", "BITS", "16, 24 or 32f; default 24"),
        "--anchor": ("anchor", "GROOVE", "what keeps time for a model that knows no tempo, or none"),
        "--guided": ("guided", "X", "share of such a model's steps that are guided, 0 to 1; default 0.5"),
        "--lufs": ("loudness_lufs", "N", "loudness to aim at, -40 to -6; default -14"),
        "--drift": ("drift", "X", "how much of the way to the next seed a bar walks, 0 to 1; default 0.05"),
    }
)
_KNOBS: Final = ("guidance", "brightness", "density", "energy", "quality")
_FIELDS: Final = MappingProxyType({"bpm": "tempo", "anchor": "groove"})
_DEFAULT_AHEAD_S: Final = 60.0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "journey",
        help="let prompts flow into one another, bar by bar",
        description="Let prompts flow into one another, bar by bar, without a join: as one long file, as "
        "pieces that go on one from the other, or as a chain of loops. Ctrl-C keeps what is finished.",
        epilog='example: riffsidecar journey "ambient pad" "acid techno" --bars 32 --bpm 126',
    )
    parser.add_argument("prompts", metavar="PROMPT", nargs="+", help="the stations, in their order")
    for flag, (name, metavar, text) in _OPTIONS.items():
        parser.add_argument(flag, dest=name, metavar=metavar, help=text)
    for name in _KNOBS:
        knob = KNOBS[name]
        parser.add_argument(f"--{name}", dest=name, metavar="X", help=f"{knob.help}; {knob.allowed}")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--loops", metavar="N", help="make a chain of loops of N bars each, 1 to 16")
    form.add_argument("--pieces", metavar="N", help="cut the sound into files of N bars each, 1 to 64")
    parser.add_argument(
        "--endless", action="store_true", help="go round the prompts until stopped, in pieces or loops"
    )
    parser.add_argument(
        "--ahead", type=float, metavar="S", help="seconds of sound an endless journey is ahead; default 60"
    )
    parser.add_argument(
        "--begin", type=int, default=1, metavar="N", help="begin with piece N instead of the first"
    )
    parser.add_argument("--out", metavar="DIR", help="the folder for the files; default ./loops")
    parser.add_argument("--lora", metavar="NAME[:N]", help="LoRAs of --model and how much of each")
    add_model_options(parser)
    add_common_options(parser)
    parser.set_defaults(run=run)


def run(context: Context) -> int:
    """Render the journey and tell of each file as soon as it is done."""
    journey = _journey(context)
    first = _first_piece(context, journey)
    drop = DropFolder(context.folder)
    documents: list[dict[str, object]] = []
    pace = _Pace(journey, context.args.ahead)
    context.terminal.note(f"journey: seed {journey.seed}, {journey.bars} bars at {journey.tempo} BPM")
    try:
        with started_worker(journey_context(context)) as worker:
            asking = _Asking(context, worker, journey)
            for published in publish_journey(asking.ask, drop, journey, first):
                context.terminal.clear_bar()
                context.terminal.line(_line(published, journey))
                if not journey.endless:
                    documents.append(_document(published))
                pace.wait(published)
    finally:
        if documents or not journey.endless:
            context.terminal.document({"seed": journey.seed, "files": documents})
    return OK


def journey_context(context: Context) -> Context:
    """Return the context with the renderer of journeys, unless another one than the usual is named."""
    factory = JOURNEY_FACTORY if context.factory == DEFAULT_FACTORY else context.factory
    return replace(context, factory=factory)


class _Asking:
    """Ask the worker for part after part, with progress on the terminal."""

    def __init__(self, context: Context, worker: RenderWorker, journey: JourneyRequest) -> None:
        self._terminal, self._worker, self._journey = context.terminal, worker, journey
        self._jobs = 0

    def ask(self, part: JourneyPart) -> RenderedLoop:
        """Render a part."""
        self._jobs += 1
        started_s = time.perf_counter()
        piece, count = part.piece, self._journey.num_pieces
        last = piece.first_bar + piece.bars
        label = f"bars {piece.first_bar + 1}-{last}" + ("" if count is None else f" of {self._journey.bars}")

        def show(stage: str, fraction: float) -> None:
            elapsed_s = time.perf_counter() - started_s
            eta_s = elapsed_s * (1 - fraction) / fraction if fraction > 0 else None
            shown = f"{label}: {stage}" if self._terminal.is_interactive else label
            self._terminal.progress(shown, fraction, eta_s)

        return self._worker.render(self._jobs, part, show)


class _Pace:
    """Hold an endless journey so many seconds ahead of whoever plays it from its first piece on."""

    def __init__(self, journey: JourneyRequest, ahead_s: float | None) -> None:
        if ahead_s is not None and not journey.endless:
            raise SessionError("--ahead is for --endless; a journey that ends is made as fast as it can be")
        if ahead_s is not None and not 1.0 <= ahead_s <= 86_400.0:
            raise SessionError(f"--ahead is {ahead_s:g}, but must be from 1 to 86400 seconds")
        self._endless = journey.endless
        self._ahead_s = _DEFAULT_AHEAD_S if ahead_s is None else ahead_s
        self._since_s: float | None = None
        self._made_s = 0.0

    def wait(self, published: Published) -> None:
        """Wait until the next piece may be begun."""
        if not self._endless:
            return
        now_s = time.monotonic()
        self._since_s = now_s if self._since_s is None else self._since_s
        self._made_s += published.num_samples / published.sample_rate
        threading.Event().wait(max(0.0, self._since_s + self._made_s - self._ahead_s - now_s))


def _journey(context: Context) -> JourneyRequest:
    args, config = context.args, context.config
    output = config.output
    values: dict[str, Any] = {
        "sample_rate": output.sample_rate,
        "bit_depth": output.bit_depth,
        "loudness_lufs": output.loudness_lufs,
        "tempo": Tempo.parse(config.session.bpm) if config.session.bpm else DEFAULT_TEMPO,
        "seed": secrets.randbelow(1_000_000),
        "model": config.render.model,
        "lora": args.lora or "",
        "form": "pieces" if args.endless else "file",
    }
    for name in [name for name, _, _ in _OPTIONS.values()] + list(_KNOBS):
        written = getattr(args, name)
        if written is None:
            continue
        if name == "loudness_lufs":
            values[name] = check_option(name, written)
            continue
        if name == "sample_rate" and written.isdecimal():
            written = int(written)
        checked, value = check_journey_option(name, written)
        values[_FIELDS.get(checked, checked)] = value
    for form in ("loops", "pieces"):
        if getattr(args, form) is not None:
            values |= {"form": form, "piece_bars": check_journey_option(form, getattr(args, form))[1]}
    return JourneyRequest(prompts=tuple(args.prompts), endless=args.endless, **values)


def _first_piece(context: Context, journey: JourneyRequest) -> int:
    first: int = context.args.begin - 1
    if first and journey.form == "file":
        raise SessionError("--begin is for pieces and loops: one long file begins with its first bar")
    journey.piece(first)
    return first


def _line(published: Published, journey: JourneyRequest) -> str:
    is_short = published.piece is None and published.bars < journey.bars
    bars = f"{published.bars} of {journey.bars} bars" if is_short else bars_text(Fraction(published.bars))
    parts = [str(published.path), bars, f"{journey.tempo} BPM"]
    if published.piece is not None:
        parts.append(f"from bar {published.first_bar + 1}")
    return "  ".join([*parts, f"seed {journey.seed}", f"{published.render_s:.2f} s"])


def _document(published: Published) -> dict[str, object]:
    return {
        "path": str(published.path),
        "piece": None if published.piece is None else published.piece + 1,
        "first_bar": published.first_bar + 1,
        "bars": published.bars,
        "num_samples": published.num_samples,
        "sample_rate": published.sample_rate,
        "lufs": None if published.lufs is None else round(published.lufs, 2),
        "seam": dict(published.seam),
        "render_s": round(published.render_s, 4),
    }
