"""Make the pieces of one journey in their order. Imported in a render worker only.

A piece that follows the one before goes on where that stopped. Any other piece begins anew: so many half
windows earlier that its latents are the same as in the middle of a run. What a run holds does not grow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio import Waveform
from riffsidecar.audio.loudness import normalise
from riffsidecar.audio.stitch import chain_stitch, stitched
from riffsidecar.diffusion.journey import JourneyDenoiser
from riffsidecar.diffusion.journey_grid import journey_grid
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.errors import RenderError
from riffsidecar.render.journey_line import LineSynth
from riffsidecar.render.tie import pack_stitch, unpack_stitch
from riffsidecar.session.journeys import JourneyPart, JourneyRequest, Piece
from riffsidecar.spectrogram.codec import synthesise

__all__ = ["JourneyRun", "LineRun", "LoopsRun", "journey_seam", "start_run"]

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
        self._grid = journey_grid(pipeline, journey)
        self._bars = int(self._grid.segment_bars)
        first = journey.piece(first_piece).first_bar // self._bars
        self._last = None if journey.endless else -(-journey.bars // self._bars)
        self._denoiser = JourneyDenoiser(
            pipeline, journey, num_inference_steps, first=first - 1, last=self._last, begin=-1
        )
        self._synth = LineSynth(pipeline, journey, self._grid, first)
        self._taken: deque[tuple[int, Latents]] = deque()
        self._pending: tuple[int, Latents] | None = None
        self._out: Samples = np.zeros((pipeline.kind.audio_channels, 0), np.float32)
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
        """Return the samples (channels, num_samples), the latents and no anchor of the next piece."""
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
        return _stereo(samples), latents, ""

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
        per_bar, columns = self._grid.columns_per_bar, self._grid.segment_columns
        first, last = piece.first_bar * per_bar, (piece.first_bar + piece.bars) * per_bar
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
            self._pipeline.format,
            sample_rate=self._journey.sample_rate,
            callback=lambda fraction: progress("phase", _DENOISE_SHARE + 0.15 * fraction),
        )
        levelled = normalise(
            Waveform(_stereo(made), self._journey.sample_rate), self._journey.loudness_lufs, _AIM_DBTP
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
    steps = num_inference_steps or pipeline.kind.quality_steps[journey.quality]
    pipeline.set_seam(journey_seam(journey))
    if journey.form == "loops":
        return LoopsRun(pipeline, journey, steps, part.index, part.anchor or "")
    return LineRun(pipeline, journey, steps, part.index)


def journey_seam(journey: JourneyRequest) -> str:
    """Return what time is to a model that is not periodic by construction: a line, unless it makes loops."""
    return "circular" if journey.form == "loops" else "line"


def _stereo(samples: Samples) -> Samples:
    """Return (2, num_samples): a model of pictures is often mono."""
    return np.repeat(samples, 2, axis=0) if len(samples) == 1 else samples
