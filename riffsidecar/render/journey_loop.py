"""Render a journey piece by piece: denoise, decode, phase, level, file. Imported in a render worker only.

A piece that follows the one before goes on where that stopped. Any other piece begins anew: so many half
windows earlier that its latents are the same as in the middle of a run. What a run holds does not grow.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from riffsidecar import __version__
from riffsidecar.audio import LoopTags, Waveform, encode_wav, loop_name
from riffsidecar.audio.loudness import integrated_lufs, normalise
from riffsidecar.audio.seam import seam_measure
from riffsidecar.audio.stitch import chain_stitch, stitched
from riffsidecar.diffusion.beat_grid import QUALITY_STEPS
from riffsidecar.diffusion.checkpoints import EMBEDDED
from riffsidecar.diffusion.journey import JourneyDenoiser
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.errors import DiffusionError, RenderError
from riffsidecar.render.journey_line import LineSynth
from riffsidecar.render.messages import Again, RenderedLoop
from riffsidecar.render.recipe import pack_journey
from riffsidecar.render.render_loop import load_renderer
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.render.tie import pack_stitch, unpack_stitch
from riffsidecar.session.journeys import JourneyPart, JourneyRequest, Piece
from riffsidecar.spectrogram.codec import synthesise

__all__ = [
    "JourneyRenderer",
    "JourneyRun",
    "LineRun",
    "LoadedModel",
    "LoopsRun",
    "load_journey_renderer",
    "start_run",
]

Progress = Callable[[str, float], None]
Latents = NDArray[np.float16]
Samples = NDArray[np.float32]

_AIM_DBTP: Final = -1.01
_DENOISE_SHARE: Final = 0.8


class JourneyRun(Protocol):
    """Make the pieces of one journey in their order."""

    @property
    def next_piece(self) -> int:
        """Return the number of the piece that comes next."""

    def render(self, progress: Progress) -> tuple[Samples, Latents | None, str]:
        """Return the samples, the latents and the anchor of the next piece.

        What ``progress`` raises stops it, and the next call goes on from there.
        """


class _Fraction:
    """Turn denoised windows into the fraction of a piece."""

    def __init__(self) -> None:
        self._total = 0

    def of(self, to_go: int) -> float:
        """Return the fraction of the denoising that is done when so many windows are left."""
        self._total = max(self._total, to_go)
        return 1.0 - to_go / max(1, self._total)

    def reset(self) -> None:
        """Begin with another piece."""
        self._total = 0


class LineRun:
    """Make pieces that go on one from the other.

    Args:
        pipeline: of the checkpoint.
        journey: what to make.
        num_inference_steps: of the solver.
        first_piece: the piece to begin with.
    """

    def __init__(
        self, pipeline: LoopPipeline, journey: JourneyRequest, num_inference_steps: int, first_piece: int = 0
    ) -> None:
        self._journey = journey
        self._piece = first_piece
        self._bars = int(journey.segment_bars)
        first = journey.piece(first_piece).first_bar // self._bars
        self._last = None if journey.endless else -(-journey.bars // self._bars)
        self._denoiser = JourneyDenoiser(
            pipeline, journey, num_inference_steps, first=first - 1, last=self._last, begin=-1
        )
        self._synth = LineSynth(pipeline, journey, first)
        self._taken: deque[tuple[int, Latents]] = deque()
        self._pending: tuple[int, Latents] | None = None
        self._out: Samples = np.zeros((2, 0), np.float32)
        self._out_start = journey.start_sample(first * self._bars)
        self._fraction = _Fraction()
        self._finished = False

    @property
    def next_piece(self) -> int:
        """Return the number of the piece that comes next."""
        return self._piece

    @property
    def held(self) -> tuple[int, int, int]:
        """Return how much is held: half windows in the denoiser, half windows of latents, samples."""
        latents = self._synth.held_latents + len(self._taken) + (self._pending is not None)
        return self._denoiser.alive, latents, self._synth.held_samples + self._out.shape[1]

    def render(self, progress: Progress) -> tuple[Samples, Latents | None, str]:
        """Return the samples (channels, num_samples) and the latents of the next piece."""
        piece = self._journey.piece(self._piece)
        end = piece.start_sample + piece.num_samples
        while self._out_start + self._out.shape[1] < end:
            self._one_more(piece, progress)
        begin = piece.start_sample - self._out_start
        samples = self._out[:, begin : begin + piece.num_samples].copy()
        latents = self._latents_of(piece)
        self._out = self._out[:, begin + piece.num_samples :].copy()
        self._out_start = end
        self._piece += 1
        self._fraction.reset()
        return samples, latents, ""

    def _one_more(self, piece: Piece, progress: Progress) -> None:
        """Take one half window from noise to sound."""
        journey = self._journey

        def tick() -> None:
            last = -(-(piece.first_bar + piece.bars) // self._bars) + 1
            to_go = self._denoiser.windows_to_go + max(0, last - self._denoiser.next_index)
            progress("denoise", _DENOISE_SHARE * self._fraction.of(to_go))

        def phase(fraction: float) -> None:
            progress("phase", _DENOISE_SHARE + (0.95 - _DENOISE_SHARE) * fraction)

        if self._pending is None and not (self._last is not None and self._denoiser.next_index > self._last):
            index = self._denoiser.next_index
            latents = self._denoiser.take(tick).numpy().astype(np.float16)
            self._pending = (index, latents)
            if index >= piece.first_bar // self._bars:
                self._taken.append(self._pending)
        if self._pending is not None:
            self._synth.push(*self._pending, phase)
            self._pending = None
        elif self._finished:
            raise RenderError(f"a journey of {journey.bars} bars ended too soon; this is a defect")
        else:
            self._synth.finish(phase)
            self._finished = True
        for settled in self._synth.drain():
            self._out = np.concatenate([self._out, settled.samples], axis=1)

    def _latents_of(self, piece: Piece) -> Latents | None:
        """Return the latents (channels, rows, columns) of the piece's bars, and forget what is over."""
        journey = self._journey
        per_bar = journey.window.columns / journey.window.bars
        first, last = piece.first_bar * per_bar, (piece.first_bar + piece.bars) * per_bar
        columns = journey.segment_columns
        while self._taken and (self._taken[0][0] + 1) * columns <= first:
            self._taken.popleft()
        latents = None
        if first.denominator == 1 and last.denominator == 1 and self._taken:
            start = int(first) - self._taken[0][0] * columns
            line = np.concatenate([half for _, half in self._taken], axis=-1)
            latents = line[..., start : start + int(last - first)]
        while self._taken and (self._taken[0][0] + 1) * columns <= last:
            self._taken.popleft()
        return latents


class LoopsRun:
    """Make pieces each of which is a loop, and follows the one before.

    Args:
        pipeline: of the checkpoint.
        journey: what to make.
        num_inference_steps: of the solver.
        first_piece: the piece to begin with.
        anchor: what its chain shares; empty to take that from the first piece made.
    """

    def __init__(
        self,
        pipeline: LoopPipeline,
        journey: JourneyRequest,
        num_inference_steps: int,
        first_piece: int = 0,
        anchor: str = "",
    ) -> None:
        self._pipeline, self._journey = pipeline, journey
        self._piece, self._anchor = first_piece, anchor
        count = journey.num_pieces
        self._denoiser = JourneyDenoiser(
            pipeline,
            journey,
            num_inference_steps,
            first=2 * first_piece,
            last=None if count is None else 2 * count - 1,
            begin=0,
        )
        self._halves: list[Latents] = []
        self._fraction = _Fraction()

    @property
    def next_piece(self) -> int:
        """Return the number of the piece that comes next."""
        return self._piece

    @property
    def held(self) -> tuple[int, int, int]:
        """Return how much is held: half windows in the denoiser, half windows of latents, samples."""
        return self._denoiser.alive, len(self._halves), 0

    def render(self, progress: Progress) -> tuple[Samples, Latents | None, str]:
        """Return the samples, the latents and the tie that the whole chain shares."""
        piece = self._journey.piece(self._piece)

        def tick() -> None:
            to_go = self._denoiser.windows_to_go + 1 - len(self._halves)
            progress("denoise", _DENOISE_SHARE * self._fraction.of(to_go))

        while len(self._halves) < 2:
            self._halves.append(self._denoiser.take(tick).numpy().astype(np.float16))
        latents = np.concatenate(self._halves, axis=-1)
        spectrogram = self._pipeline.decode(latents.astype(np.float32))
        made = synthesise(
            spectrogram,
            piece.num_samples,
            self._pipeline.spectrogram_format.format,
            sample_rate=self._journey.sample_rate,
            callback=lambda fraction: progress("phase", _DENOISE_SHARE + 0.15 * fraction),
        )
        levelled = normalise(
            Waveform(made, self._journey.sample_rate), self._journey.loudness_lufs, _AIM_DBTP
        )
        rate = self._journey.sample_rate
        tie = self._anchor or pack_stitch(chain_stitch(levelled.samples, rate))
        self._halves, self._anchor = [], tie
        self._piece += 1
        self._fraction.reset()
        return stitched(levelled.samples, unpack_stitch(tie), rate), latents, tie


def start_run(
    pipeline: LoopPipeline, part: JourneyPart, num_inference_steps: int | None = None
) -> LineRun | LoopsRun:
    """Return a run that begins with a piece."""
    journey = part.journey
    steps = num_inference_steps or QUALITY_STEPS[journey.quality]
    if journey.form == "loops":
        return LoopsRun(pipeline, journey, steps, part.index, part.anchor or "")
    return LineRun(pipeline, journey, steps, part.index)


class LoadedModel(Protocol):
    """Hold a loaded model; what the renderer of loops does."""

    @property
    def pipeline(self) -> LoopPipeline:
        """The embedded model."""

    @property
    def checkpoint(self) -> str:
        """Digest of the checkpoint."""

    @property
    def environment(self) -> Mapping[str, str]:
        """What decides the samples beside the request."""

    @property
    def devices(self) -> tuple[str, ...]:
        """A line for each device that could compute here."""


class JourneyRenderer:
    """Render parts of journeys, one run at a time; what a worker factory returns."""

    def __init__(self, loops: LoadedModel) -> None:
        """Take the loaded model of a renderer of loops."""
        self._loops = loops
        self._journey: JourneyRequest | None = None
        self._run: JourneyRun | None = None

    @property
    def checkpoint(self) -> str:
        """Digest of the checkpoint."""
        return self._loops.checkpoint

    @property
    def environment(self) -> Mapping[str, str]:
        """What decides the samples beside the request."""
        return self._loops.environment

    @property
    def devices(self) -> tuple[str, ...]:
        """A line for each device that could compute here."""
        return self._loops.devices

    def render(self, request: JourneyPart, progress: Progress, again: Again | None = None) -> RenderedLoop:
        """Render a piece. One that was stopped goes on where it stopped when it is asked for again.

        Raises:
            RiffError: the journey cannot be made, or ``progress`` stopped it.
        """
        if request.journey.model != EMBEDDED:
            raise DiffusionError(
                f"the journey asks for the model {request.journey.model!r}, but needs one that knows the "
                f"place of every column: choose {EMBEDDED!r}"
            )
        run = self._run
        goes_on = run is not None and self._journey == request.journey and run.next_piece == request.index
        if run is None or not goes_on or request.anchor is not None:
            run = start_run(self._loops.pipeline, request)
            self._journey, self._run = request.journey, run
        started_s = time.perf_counter()
        with torch.inference_mode():
            samples, latents, anchor = run.render(progress)
        progress("finish", 0.97)
        waveform = Waveform(samples, request.journey.sample_rate)
        return _finished(request, waveform, latents, anchor, self, time.perf_counter() - started_s)


def load_journey_renderer(settings: WorkerSettings) -> JourneyRenderer:
    """Load the checkpoint of ``settings``.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    return JourneyRenderer(load_renderer(settings))


def _finished(
    part: JourneyPart,
    waveform: Waveform,
    latents: Latents | None,
    anchor: str,
    renderer: JourneyRenderer,
    made_s: float,
) -> RenderedLoop:
    journey, piece = part.journey, part.piece
    is_loop = journey.form == "loops"
    tags = LoopTags(
        title=journey.label or " > ".join(journey.prompts)[:200],
        bpm=journey.tempo.bpm,
        beats=Fraction(piece.bars * journey.meter.numerator),
        meter=journey.meter,
        key=journey.key,
        prompt=" > ".join(journey.prompts)[:1900],
        seed=journey.seed,
        software=f"riffsidecar {__version__}",
        recipe=pack_journey(journey, renderer.environment, piece=piece.index, anchor=anchor),
        latents=latents,
    )
    wav = encode_wav(waveform, journey.bit_depth, tags, is_loop=is_loop)
    bar_samples = journey.bar_s * journey.sample_rate
    lines = [bar_samples * bar for bar in range(piece.bars)]
    seam = seam_measure(waveform.samples, lines, sample_rate=journey.sample_rate)
    figures = {"inner_jump": max(seam.inner_jumps, default=0.0)}
    if is_loop:
        figures |= {"jump": seam.jump, "lpc_db": seam.lpc_db}
    # The number leads, so that a browser shows the pieces in their order.
    label = journey.label or f"{journey.prompts[0]} {journey.prompts[-1]}"
    return RenderedLoop(
        wav=wav,
        stem=loop_name(
            f"j{piece.index + 1:03d} {label}",
            bpm=journey.tempo.bpm,
            bars=piece.bars,
            meter=journey.meter,
            key=journey.key,
        ),
        num_samples=waveform.num_samples,
        sample_rate=waveform.sample_rate,
        lufs=integrated_lufs(waveform),
        seam=figures,
        timings={"journey": made_s},
        environment=dict(renderer.environment),
    )
