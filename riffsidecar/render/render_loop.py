"""Render a loop from a request: text, denoise, decode, phase, finish. Imported in the render worker only.

The latents are rounded to float16 before they are decoded, because that is how the WAV carries them: decoding
the latents of a finished loop gives its very samples.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Final

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from riffsidecar import __version__
from riffsidecar.audio import LoopTags, Waveform, encode_wav, loop_name
from riffsidecar.audio.loudness import integrated_lufs
from riffsidecar.audio.seam import seam_measure
from riffsidecar.diffusion.beat_grid import QUALITY_STEPS
from riffsidecar.diffusion.checkpoints import EMBEDDED, checkpoint_digest, find_checkpoint, load_pipeline
from riffsidecar.diffusion.devices import compute_devices
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.shelf import ModelShelf, Shelved
from riffsidecar.music import Tempo
from riffsidecar.render.ingredients import SeedAudio
from riffsidecar.render.level import levelled
from riffsidecar.render.loop_latents import agreed, given_for, new_latents
from riffsidecar.render.messages import Again, RenderedLoop
from riffsidecar.render.recipe import pack_recipe
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.render.together import Together, alike
from riffsidecar.session.requests import LoopRequest
from riffsidecar.spectrogram.codec import synthesise

__all__ = ["QUALITY_STEPS", "LoopRenderer", "load_renderer", "render_loop"]

_SHARES: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "text": (0.0, 0.02),
        "denoise": (0.02, 0.62),
        "decode": (0.62, 0.7),
        "phase": (0.7, 0.95),
        "finish": (0.95, 1.0),
    }
)
"""Where each stage lies in the whole render, as a fraction from and to."""

Progress = Callable[[str, float], None]


class _Stages:
    """Turn the progress of stages into that of the render, and take their times."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._stage = ""
        self._since_s = self._cpu_since_s = 0.0
        self.timings: dict[str, float] = {}
        self.cpu_s: dict[str, float] = {}

    def report(self, stage: str, fraction: float) -> None:
        """Report that ``fraction`` of ``stage`` is done; what the callback raises stops the render."""
        if stage != self._stage:
            self.end()
            self._stage, self._since_s, self._cpu_since_s = stage, time.perf_counter(), time.process_time()
        low, high = _SHARES[stage]
        self._progress(stage, low + (high - low) * fraction)

    def end(self) -> None:
        """Take the times of the stage that has just ended."""
        if self._stage:
            self.timings[self._stage] = time.perf_counter() - self._since_s
            self.cpu_s[self._stage] = time.process_time() - self._cpu_since_s


@dataclass(frozen=True, slots=True)
class LoopRenderer:
    """Hold the loaded models, a digest of all installed ones and the environment that decides the samples.

    ``devices`` tells what could compute here, a line each. A checkpoint named by its directory takes the
    place, and the name, of the embedded one; other models are loaded when a request names them.
    """

    shelf: ModelShelf
    checkpoint: str
    environment: Mapping[str, str]
    devices: tuple[str, ...] = ()
    together: Together = field(default_factory=Together)

    @property
    def pipeline(self) -> LoopPipeline:
        """The embedded model."""
        return self.shelf.take().pipeline

    def render(
        self,
        request: LoopRequest,
        progress: Progress,
        again: Again | None = None,
        beside: Sequence[LoopRequest] = (),
    ) -> RenderedLoop:
        """Render ``request``, or make the loop ``again`` that it made before.

        ``beside`` are the requests that follow: those that differ in their seed alone are denoised in the
        same run, where that is quicker, and wait for their turn.

        Raises:
            RiffError: the request cannot be rendered, names a model that is not installed, or ``progress``
                stopped it.
        """
        shelved = self.shelf.take(
            request.model, lora=request.lora, seam=request.seam, quality=request.quality
        )

        def made() -> RenderedLoop:
            environment = {**self.environment, **shelved.environment}
            company = alike(request, beside, shelved.pipeline.loops_at_once)[1:]
            return render_loop(
                shelved,
                request,
                progress,
                environment=environment,
                again=again,
                company=company,
                together=self.together,
            )

        return made() if shelved.ladder is None else shelved.ladder.run(made)


def load_renderer(settings: WorkerSettings) -> LoopRenderer:
    """Load the checkpoint of ``settings`` and render a moment of sound, so that the first loop comes quickly.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    torch.set_num_threads(settings.resolved_threads)
    path = find_checkpoint(settings.checkpoint or EMBEDDED)
    pipeline = load_pipeline(path)
    digest = checkpoint_digest(path)
    environment = {
        "riffsidecar": __version__,
        "checkpoint": digest[:16],
        "torch": torch.__version__,
        "numpy": np.__version__,
        "numba": numba.__version__,
        "dtype": str(pipeline.denoiser.dtype).removeprefix("torch."),
        "device": str(pipeline.denoiser.device),
        "machine": platform.machine(),
        "threads": str(settings.resolved_threads),
    }
    devices = compute_devices(pipeline.denoiser.device, settings.resolved_threads)
    shelf = ModelShelf(pipeline, digest)
    renderer = LoopRenderer(shelf, shelf.digest, environment, devices)
    warm_up = LoopRequest(prompt="drums", tempo=Tempo.parse(120), bars=Fraction(1, 4), quality="draft")
    renderer.render(warm_up, lambda stage, fraction: None)
    shelf.take(settings.model)
    return renderer


def render_loop(
    model: Shelved | LoopPipeline,
    request: LoopRequest,
    progress: Progress,
    *,
    environment: Mapping[str, str] | None = None,
    again: Again | None = None,
    company: Sequence[LoopRequest] = (),
    together: Together | None = None,
) -> RenderedLoop:
    """Render one loop, calling ``progress`` at every step of every stage; what it raises stops the render.

    A pipeline by itself is taken as it is, without LoRAs. ``company`` are requests that differ in their seed
    alone, which are denoised in the same run and left in ``together``; what waits there is taken.

    Raises:
        RiffError: the request cannot be rendered.
    """
    if isinstance(model, LoopPipeline):
        model = Shelved(model, "", model.kind.quality_steps[request.quality])
    pipeline = model.pipeline
    stages = _Stages(progress)
    stages.report("text", 0.0)
    # Latents are made at their own tempo, and decoded at that of the loop: only the hop follows it.
    made = request.at_its_own_tempo
    given = given_for(pipeline, made)
    count, latents_db = 1, None
    if again is not None:
        denoised = new_latents(model, (made,), given, stages.report)[0] if again.denoise else None
        latents, latents_db = agreed(denoised, again)
    else:
        waiting = None if together is None else together.take(model.digest, request)
        if waiting is None:
            asked = (made, *(other.at_its_own_tempo for other in company))
            latents, *others = new_latents(model, asked, given, stages.report)
            count = len(asked)
            if together is not None:
                together.put(model.digest, company, others)
        else:
            latents, count = waiting
    stages.report("decode", 0.0)
    with _one_thread() if pipeline.kind.knows_tempo else nullcontext():
        spectrogram = pipeline.decode(latents.astype(np.float32), given.keep)
    stages.report("phase", 0.0)
    samples = synthesise(
        spectrogram,
        request.num_samples,
        pipeline.spectrogram_format.format,
        sample_rate=request.sample_rate,
        callback=lambda fraction: stages.report("phase", fraction),
        workers=torch.get_num_threads(),
        air=0.0 if pipeline.kind.knows_tempo else request.air,
    )
    if len(samples) == 1:
        samples = np.repeat(samples, 2, axis=0)
    stages.report("finish", 0.0)
    waveform = levelled(Waveform(samples, request.sample_rate), request, given.earlier)
    seam = seam_measure(
        waveform.samples, request.length.bar_lines(request.num_samples), sample_rate=request.sample_rate
    )
    lufs = integrated_lufs(waveform)
    stages.report("finish", 0.6)
    made_with = {**(environment or {}), **({"together": str(count)} if count > 1 else {})}
    wav = encode_wav(waveform, request.bit_depth, _tags(request, made_with, latents, given.audio))
    stages.report("finish", 1.0)
    stages.end()
    return RenderedLoop(
        wav=wav,
        stem=loop_name(
            request.label or request.prompt,
            bpm=request.tempo.bpm,
            bars=request.bars,
            meter=request.meter,
            key=request.key,
        ),
        num_samples=waveform.num_samples,
        sample_rate=waveform.sample_rate,
        lufs=lufs,
        seam={"jump": seam.jump, "lpc_db": seam.lpc_db},
        timings=stages.timings,
        environment=made_with,
        latents_db=latents_db,
        cpu_s=stages.cpu_s,
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let torch sum in one order whatever the number of threads is, for the phase follows every bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _tags(
    request: LoopRequest, made_with: Mapping[str, str], latents: NDArray[np.float16], seed: SeedAudio | None
) -> LoopTags:
    return LoopTags(
        title=request.label or request.prompt,
        bpm=request.tempo.bpm,
        beats=request.length.beats,
        meter=request.meter,
        key=request.key,
        prompt=request.prompt,
        seed=request.seed,
        software=f"riffsidecar {__version__}",
        recipe=pack_recipe(request, made_with),
        latents=latents,
        source=None if seed is None else seed.content,
    )
