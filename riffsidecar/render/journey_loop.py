"""Render a journey piece by piece: denoise, decode, phase, level, file. Imported in a render worker only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from riffsidecar import __version__
from riffsidecar.audio import LoopTags, Waveform, encode_wav, loop_name
from riffsidecar.audio.loudness import integrated_lufs
from riffsidecar.audio.seam import seam_measure
from riffsidecar.diffusion.shelf import ModelShelf, Shelved
from riffsidecar.render.journey_runs import JourneyRun, journey_seam, start_run
from riffsidecar.render.messages import Again, RenderedLoop
from riffsidecar.render.recipe import pack_journey
from riffsidecar.render.render_loop import load_renderer
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.session.journeys import JourneyPart, JourneyRequest

__all__ = ["JourneyRenderer", "LoadedModel", "load_journey_renderer"]

Progress = Callable[[str, float], None]
Latents = NDArray[np.float16]
Samples = NDArray[np.float32]


class LoadedModel(Protocol):
    """Hold a loaded model; what the renderer of loops does."""

    @property
    def shelf(self) -> ModelShelf:
        """The models."""

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
            RiffError: the journey cannot be made, its model is not installed, or ``progress`` stopped it.
        """
        journey = request.journey
        shelved = self._loops.shelf.take(
            journey.model,
            lora=journey.lora,
            seam=journey_seam(journey),
            quality=journey.quality,
            # Windows mix the prompts column by column, each with its own guidance.
            leaps=False,
        )
        started_s = time.perf_counter()

        def made() -> tuple[Samples, Latents | None, str]:
            with torch.inference_mode():
                return self._run_for(request, shelved).render(progress)

        samples, latents, anchor = made() if shelved.ladder is None else shelved.ladder.run(made)
        progress("finish", 0.97)
        waveform = Waveform(samples, journey.sample_rate)
        environment = {**self.environment, **shelved.environment}
        return _finished(request, waveform, latents, anchor, environment, time.perf_counter() - started_s)

    def _run_for(self, request: JourneyPart, shelved: Shelved) -> JourneyRun:
        """Return the run that goes on with a piece, or one that begins with it."""
        run = self._run
        goes_on = run is not None and self._journey == request.journey and run.next_piece == request.index
        if run is None or not goes_on or request.anchor is not None:
            part = request
            if shelved.guidance is not None:
                part = replace(request, journey=replace(request.journey, guidance=shelved.guidance))
            run = start_run(shelved.pipeline, part, shelved.steps)
            self._journey, self._run = request.journey, run
        return run


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
    environment: Mapping[str, str],
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
        recipe=pack_journey(journey, environment, piece=piece.index, anchor=anchor),
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
        environment=dict(environment),
    )
