"""Render from the command line: one worker for a command, its progress on the terminal."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from riffsidecar.cli.context import Context
from riffsidecar.errors import RiffError
from riffsidecar.render.messages import Again, RenderedLoop
from riffsidecar.render.worker import RenderWorker
from riffsidecar.session.requests import LoopRequest

__all__ = ["bars_text", "describe", "loop_document", "plot_loop", "render_with_progress", "started_worker"]


@contextmanager
def started_worker(context: Context) -> Iterator[RenderWorker]:
    """Give a worker whose model is loaded, and end it when the command is over, however it ends.

    Raises:
        RiffError: the model cannot be loaded.
    """
    worker = RenderWorker(context.worker_settings)
    try:
        with context.terminal.waiting("loading the model"):
            worker.start()
        yield worker
    finally:
        context.terminal.clear_bar()
        worker.close()


def render_with_progress(
    context: Context,
    worker: RenderWorker,
    job_id: int,
    request: LoopRequest,
    label: str,
    *,
    again: Again | None = None,
    beside: Sequence[LoopRequest] = (),
) -> tuple[RenderedLoop, float]:
    """Render ``request``, or make a loop of it again, and return the loop and the seconds it took.

    ``beside`` are the requests that are to follow.

    Raises:
        RiffError: the render failed.
    """
    started_s = time.perf_counter()

    def show(stage: str, fraction: float) -> None:
        elapsed_s = time.perf_counter() - started_s
        eta_s = elapsed_s * (1 - fraction) / fraction if fraction > 0 else None
        context.terminal.progress(
            f"{label}: {stage}" if context.terminal.is_interactive else label, fraction, eta_s
        )

    loop = worker.render(job_id, request, show, again=again, beside=beside)
    context.terminal.clear_bar()
    return loop, time.perf_counter() - started_s


def bars_text(bars: Fraction) -> str:
    """Return a number of bars as it is read.

    >>> bars_text(Fraction(1)), bars_text(Fraction(1, 2)), bars_text(Fraction(4))
    ('1 bar', '1/2 bar', '4 bars')
    """
    return f"{bars} bar{'s' if bars > 1 else ''}"


def describe(path: Path | str, request: LoopRequest, render_s: float) -> str:
    """Return the line that tells of a loop: path, bars, BPM, seed and render time."""
    parts = [
        str(path),
        bars_text(request.bars),
        f"{request.tempo} BPM",
        f"seed {request.seed}",
        f"{render_s:.2f} s",
    ]
    return "  ".join(parts)


def loop_document(path: Path, request: LoopRequest, loop: RenderedLoop, render_s: float) -> dict[str, object]:
    """Return what a script wants to know of a loop; ``plot`` is for the path of its picture."""
    return {
        "path": str(path),
        "prompt": request.prompt,
        "bars": str(request.bars),
        "bpm": float(request.tempo),
        "meter": str(request.meter),
        "key": None if request.key is None else str(request.key),
        "seed": request.seed,
        "num_samples": loop.num_samples,
        "sample_rate": loop.sample_rate,
        "lufs": round(loop.lufs, 2),
        "seam": dict(loop.seam),
        "render_s": round(render_s, 4),
        "timings_s": {stage: round(seconds, 4) for stage, seconds in loop.timings.items()},
        "cpu_s": {stage: round(seconds, 4) for stage, seconds in loop.cpu_s.items()},
        "made_with": dict(loop.environment),
        "plot": None,
    }


def plot_loop(wav: bytes, request: LoopRequest, path: Path) -> Path:
    """Write the spectrogram of a loop with its bar lines as a PNG to ``path``.

    Raises:
        RiffError: the WAV or the folder cannot be used.
    """
    from riffsidecar.audio.wav import decode_wav
    from riffsidecar.spectrogram.codec import analyse
    from riffsidecar.spectrogram.image import plot_png

    waveform = decode_wav(wav).waveform
    length = request.length
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        plot_png(analyse(waveform.samples, length.frames, sample_rate=waveform.sample_rate), length, path)
    except OSError as error:
        raise RiffError(
            f"the plot {path} cannot be written: {error.strerror or error}; choose another folder"
        ) from error
    return path
