"""``riffsidecar rerender``: make a loop again from what its file says, and compare."""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from riffsidecar.audio.content import content_digest
from riffsidecar.cli.context import Context, add_common_options, add_model_options
from riffsidecar.cli.exit_codes import DIFFERENT, OK
from riffsidecar.cli.rendering import describe, render_with_progress, started_worker
from riffsidecar.errors import WavError
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.messages import Again
from riffsidecar.session.requests import LoopRequest

if TYPE_CHECKING:
    from riffsidecar.audio.waveform import Waveform
    from riffsidecar.render.recipe import LoopFile

__all__ = ["LIMIT_DB", "add_parser", "run"]

LIMIT_DB = -60.0
"""How far below the loop its difference has to lie on another build, dtype or number of threads."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "rerender",
        help="make a loop again from its file and compare",
        description="Read the recipe in a loop, render it anew past every cache and compare the samples: "
        "identical on the same build, dtype and number of threads, else within -60 dB.",
    )
    parser.add_argument("file", type=Path, metavar="FILE.wav", help="a loop that riffsidecar made")
    parser.add_argument(
        "--decode", action="store_true", help="decode the latents in the file, without denoising anew"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="keep the new loop in this folder; else it is only compared"
    )
    add_model_options(parser)
    add_common_options(parser)
    parser.set_defaults(run=run)


def run(context: Context) -> int:
    """Render, compare and say which it is."""
    from riffsidecar.cli.journey_again import rerender_journey
    from riffsidecar.render.recipe import parse_loop, read_journey, read_loop

    path: Path = context.args.file
    journey = read_journey(path)
    if journey is not None:
        return rerender_journey(context, path, journey, LIMIT_DB)
    earlier = read_loop(path)
    again = Again(_bytes(earlier, path, context.args.decode), denoise=not context.args.decode)
    as_before = _with_threads_of(context, earlier)
    with _with_its_files(earlier, path) as request, started_worker(as_before) as worker:
        loop, render_s = render_with_progress(
            context, worker, 1, request, f"rerender {path.name}", again=again
        )
    difference_db = _difference_db(earlier.waveform, parse_loop(loop.wav, "the new loop").waveform)
    changed = _changes(earlier.made_with, loop.environment)
    kept = DropFolder(context.folder).publish(loop.stem, loop.wav) if context.args.out is not None else None
    context.terminal.line(_verdict(difference_db, changed, loop.latents_db))
    if kept is not None:
        context.terminal.line(describe(kept, request, render_s))
    context.terminal.document(
        {
            "file": str(path),
            "identical": difference_db == -math.inf,
            "difference_db": round(difference_db, 2) if math.isfinite(difference_db) else None,
            "within_limit": difference_db <= LIMIT_DB,
            "latents_db": loop.latents_db,
            "changed": {name: list(pair) for name, pair in changed.items()},
            "path": None if kept is None else str(kept),
            "render_s": round(render_s, 4),
        }
    )
    return OK if difference_db <= LIMIT_DB else DIFFERENT


def _bytes(earlier: LoopFile, path: Path, decode: bool) -> bytes:
    if decode and earlier.latents is None:
        raise WavError(f"{path} holds no latents; leave --decode out to render it from its recipe")
    return path.read_bytes()


def _with_threads_of(context: Context, earlier: LoopFile) -> Context:
    """Return the context with the threads that the loop was made with, unless a number is given."""
    threads = earlier.made_with.get("threads", "")
    if context.args.threads is not None or not threads.isdecimal() or not 1 <= int(threads) <= 256:
        return context
    render = replace(context.config.render, threads=int(threads))
    return replace(context, config=replace(context.config, render=render))


@contextmanager
def _with_its_files(earlier: LoopFile, path: Path) -> Iterator[LoopRequest]:
    """Give the request with real files for its seed audio and for the loop it keeps parts of."""
    request = earlier.request
    with tempfile.TemporaryDirectory(prefix="riffsidecar-") as folder:
        if request.has_source:
            if earlier.source is None:
                raise WavError(
                    f"{path} was made from seed audio that is not in the file; it cannot be made again"
                )
            source = Path(folder) / "source.wav"
            source.write_bytes(earlier.source)
            request = replace(request, source_path=str(source))
        if request.is_locked and earlier.source and content_digest(earlier.source) == request.of_sha256:
            # What was kept is seed audio, which lies in the file as well.
            kept = Path(folder) / "kept.wav"
            kept.write_bytes(earlier.source)
            request = replace(request, of_path=str(kept))
        elif request.is_locked:
            request = replace(request, of_path=str(_find_locked(request, path)))
        yield request


def _find_locked(request: LoopRequest, path: Path) -> Path:
    """Return the loop that parts were kept of; it is looked for beside the file."""
    candidate = path.parent / Path(request.of_path or "").name
    try:
        if content_digest(candidate.read_bytes()) == request.of_sha256:
            return candidate
    except OSError as error:
        raise WavError(
            f"{path} keeps parts of {candidate.name}, which is not beside it "
            f"({error.strerror or error}); put it there"
        ) from error
    raise WavError(
        f"{path} keeps parts of {candidate.name}, but the file of that name beside it is another one"
    )


def _difference_db(before: Waveform, after: Waveform) -> float:
    """Return the power of the difference in dB relative to the earlier loop; -inf for identical samples."""
    import numpy as np

    if before.sample_rate != after.sample_rate or before.samples.shape != after.samples.shape:
        return math.inf
    old = before.samples.astype(np.float64)
    difference = float(np.sum((after.samples.astype(np.float64) - old) ** 2))
    if difference == 0.0:
        return -math.inf
    return 10.0 * math.log10(difference / max(float(np.sum(old**2)), 1e-30))


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    names = sorted({*before, *after})
    pairs = {name: (before.get(name, "unknown"), after.get(name, "unknown")) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _verdict(difference_db: float, changed: Mapping[str, tuple[str, str]], latents_db: float | None) -> str:
    build = (
        "the same build"
        if not changed
        else ", ".join(f"{name} {old} -> {new}" for name, (old, new) in changed.items())
    )
    if latents_db is not None and math.isfinite(latents_db):
        build += f"; the latents denoised anew differ at {latents_db:.1f} dB"
    if difference_db == -math.inf:
        return f"identical samples; {build}"
    if difference_db == math.inf:
        return f"different: another length or sample rate; {build}"
    within = "within" if difference_db <= LIMIT_DB else "NOT within"
    return f"{within} {LIMIT_DB:.0f} dB: the difference is at {difference_db:.1f} dB; {build}"
