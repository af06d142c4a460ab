"""Make a file of a journey again from what it says, and compare."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from riffsidecar.audio.wav import decode_wav
from riffsidecar.cli.context import Context
from riffsidecar.cli.exit_codes import DIFFERENT, OK
from riffsidecar.cli.journey import journey_context
from riffsidecar.cli.rendering import started_worker
from riffsidecar.errors import SessionError
from riffsidecar.render.messages import RenderedLoop
from riffsidecar.render.recipe import JourneyFile
from riffsidecar.session.journeys import JourneyPart

__all__ = ["rerender_journey"]


@dataclass(slots=True)
class _Difference:
    """Add up how far two signals lie from each other."""

    error: float = 0.0
    power: float = 0.0

    def add(self, ours: np.ndarray, theirs: np.ndarray) -> None:
        """Take a stretch of both; what has another shape lies infinitely far."""
        if ours.shape != theirs.shape:
            self.error = math.inf
            return
        before = ours.astype(np.float64)
        self.error += float(np.sum((theirs.astype(np.float64) - before) ** 2))
        self.power += float(np.sum(before**2))

    @property
    def decibels(self) -> float:
        """Return the difference in dB; -inf where there is none."""
        if math.isinf(self.error):
            return math.inf
        return 10.0 * math.log10(self.error / max(self.power, 1e-30)) if self.error else -math.inf


def rerender_journey(context: Context, path: Path, file: JourneyFile, limit_db: float) -> int:
    """Render what the file holds anew, compare it and say which it is.

    A loop of a chain, a long file and the first of the pieces are compared sample by sample. A later piece
    goes on from the waveform of the piece before it, which its file does not hold; its latents are compared.

    Raises:
        RiffError: it cannot be made again.
    """
    args = context.args
    if args.decode:
        raise SessionError("--decode is for loops; a file of a journey is made again from its recipe")
    if args.out is not None:
        raise SessionError("--out is for loops; a journey is kept by making it again with 'journey'")
    by_latents = file.journey.form == "pieces" and bool(file.piece)
    if by_latents and file.latents is None:
        raise SessionError(f"{path} holds no latents to compare, and its waveform begins in an earlier piece")
    difference = _Difference()
    with _asking(context, file) as ask:
        if file.piece is not None:
            loop = ask(JourneyPart(file.journey, file.piece, file.anchor))
            _compare(difference, file, loop, 0, by_latents)
            environment = loop.environment
        else:
            at, index, environment = 0, 0, dict(file.made_with)
            while at < file.waveform.num_samples:
                loop = ask(JourneyPart(file.journey, index))
                _compare(difference, file, loop, at, by_latents=False)
                at, index, environment = at + loop.num_samples, index + 1, dict(loop.environment)
    found = difference.decibels
    build = "the same build" if dict(environment) == dict(file.made_with) else "another build"
    what = "latents" if by_latents else "samples"
    verdict = f"identical {what}" if found == -math.inf else f"the {what} differ at {found:.1f} dB"
    if by_latents:
        verdict += "; its waveform goes on from the piece before, so it is not compared"
    context.terminal.line(f"{verdict}; {build}")
    context.terminal.document(
        {
            "file": str(path),
            "compared": what,
            "identical": found == -math.inf,
            "difference_db": None if math.isinf(found) else round(found, 2),
            "within_limit": found <= limit_db,
        }
    )
    return OK if found <= limit_db else DIFFERENT


def _compare(
    difference: _Difference, file: JourneyFile, loop: RenderedLoop, at: int, by_latents: bool
) -> None:
    made = decode_wav(loop.wav)
    if not by_latents:
        difference.add(file.waveform.samples[:, at : at + loop.num_samples], made.waveform.samples)
    elif file.latents is not None and made.latents is not None:
        difference.add(file.latents, made.latents)


@contextmanager
def _asking(context: Context, file: JourneyFile) -> Iterator[Callable[[JourneyPart], RenderedLoop]]:
    """Give what renders a part with the threads that the file was made with, unless a number is given."""
    threads = file.made_with.get("threads", "")
    if context.args.threads is None and threads.isdecimal() and 1 <= int(threads) <= 256:
        render = replace(context.config.render, threads=int(threads))
        context = replace(context, config=replace(context.config, render=render))
    with started_worker(journey_context(context)) as worker:

        def ask(part: JourneyPart) -> RenderedLoop:
            label = f"rerender piece {part.index + 1}"

            def show(stage: str, fraction: float) -> None:
                context.terminal.progress(label, fraction)

            return worker.render(part.index + 1, part, show)

        yield ask
