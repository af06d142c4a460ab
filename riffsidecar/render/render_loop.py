"""Render a loop from a request: text, denoise, decode, phase, finish. Imported in the render worker only.

The latents are rounded to float16 before they are decoded, because that is how the WAV carries them: decoding
the latents of a finished loop gives its very samples.
"""

from __future__ import annotations

import math
import platform
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
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
from riffsidecar.diffusion.conditioning import column_conditions, control_vector
from riffsidecar.diffusion.devices import compute_devices
from riffsidecar.diffusion.locks import LatentLock, make_lock
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.shelf import ModelShelf, Shelved
from riffsidecar.errors import DiffusionError
from riffsidecar.music import Tempo
from riffsidecar.music.groove import Groove
from riffsidecar.render.ingredients import SeedAudio, load_earlier, load_kept_seed, load_seed
from riffsidecar.render.level import levelled
from riffsidecar.render.messages import Again, RenderedLoop
from riffsidecar.render.recipe import LoopFile, pack_recipe, parse_loop
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.session.engines import NO_ANCHOR
from riffsidecar.session.requests import LoopRequest
from riffsidecar.spectrogram.codec import synthesise
from riffsidecar.spectrogram.groove import groove_spectrogram

__all__ = ["QUALITY_STEPS", "LoopRenderer", "load_renderer", "render_loop"]

_AUTO_GROOVE: Final = "backbeat"
_ANCHOR_STRENGTH: Final = 0.8
"""How far a loop goes from a drawn groove: its authors let Riffusion go 0.75 to 0.95 from a seed picture."""

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

_AGREEMENT_DB = -60.0

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

    @property
    def pipeline(self) -> LoopPipeline:
        """The embedded model."""
        return self.shelf.take().pipeline

    def render(self, request: LoopRequest, progress: Progress, again: Again | None = None) -> RenderedLoop:
        """Render ``request``, or make the loop ``again`` that it made before.

        Raises:
            RiffError: the request cannot be rendered, names a model that is not installed, or ``progress``
                stopped it.
        """
        shelved = self.shelf.take(
            request.model, lora=request.lora, seam=request.seam, quality=request.quality
        )

        def made() -> RenderedLoop:
            environment = {**self.environment, **shelved.environment}
            return render_loop(shelved, request, progress, environment=environment, again=again)

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
) -> RenderedLoop:
    """Render one loop, calling ``progress`` at every step of every stage; what it raises stops the render.

    A pipeline by itself is taken as it is, without LoRAs.

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
    seed, earlier = load_seed(made), load_earlier(made)
    kept_seed = load_kept_seed(made)
    keep = _lock(pipeline, made, earlier, kept_seed)
    if again is None:
        latents, latents_db = _denoised(model, made, seed, keep, stages), None
    else:
        denoised = _denoised(model, made, seed, keep, stages) if again.denoise else None
        latents, latents_db = _agreed(denoised, again)
    stages.report("decode", 0.0)
    with _one_thread():
        spectrogram = pipeline.decode(latents.astype(np.float32), keep)
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
    waveform = levelled(Waveform(samples, request.sample_rate), request, earlier)
    seam = seam_measure(
        waveform.samples, request.length.bar_lines(request.num_samples), sample_rate=request.sample_rate
    )
    lufs = integrated_lufs(waveform)
    stages.report("finish", 0.6)
    made_with = dict(environment or {})
    wav = encode_wav(waveform, request.bit_depth, _tags(request, made_with, latents, seed or kept_seed))
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


def _lock(
    pipeline: LoopPipeline, request: LoopRequest, earlier: LoopFile | None, kept_seed: SeedAudio | None
) -> LatentLock | None:
    if kept_seed is not None:
        latents = _seed_latents(pipeline, request, kept_seed, only_groove=False).float().cpu().numpy()
    elif earlier is not None and earlier.latents is not None:
        latents = earlier.latents.astype(np.float32)
    else:
        return None
    return make_lock(
        latents,
        request.length,
        pipeline.spectrogram_format.format,
        bars=request.keep_bars,
        band_hz=request.keep_bands_hz,
        columns=pipeline.columns(request.length),
    )


def _denoised(
    model: Shelved,
    request: LoopRequest,
    seed: SeedAudio | None,
    keep: LatentLock | None,
    stages: _Stages,
) -> NDArray[np.float16]:
    pipeline, length = model.pipeline, request.length
    begin, strength = _beginning(pipeline, request, seed)
    conditions = pipeline.condition(
        request.prompt,
        length=length,
        prompt_b=request.prompt_b,
        morph=request.morph,
        negative_prompt=request.negative,
        guidance_scale=request.guidance if model.guidance is None else model.guidance,
        columns=column_conditions(length, request.key, request.chords),
        controls=control_vector(
            length, density=request.density, brightness=request.brightness, energy=request.energy
        ),
    )
    latents = pipeline.denoise(
        pipeline.noise(request.seed, request.drift, length),
        conditions,
        num_inference_steps=model.steps,
        strength=strength,
        init_latents=begin,
        keep=keep,
        callback=stages.report,
    )
    if begin is None and keep is None:
        latents = pipeline.settle(latents, length)
    return latents.float().cpu().numpy().astype(np.float16)


def _beginning(
    pipeline: LoopPipeline, request: LoopRequest, seed: SeedAudio | None
) -> tuple[torch.Tensor | None, float]:
    """Return the latents that a loop begins from, and how far it goes from them.

    A model that knows no tempo keeps time by what it begins from: a drawn groove where there is no seed
    audio.
    """
    if seed is not None:
        latents = _seed_latents(pipeline, request, seed, only_groove=request.source_use == "groove")
        return latents, request.strength
    if pipeline.kind.knows_tempo or request.anchor == NO_ANCHOR:
        return None, 1.0
    picture = groove_spectrogram(
        Groove.parse(request.anchor or _AUTO_GROOVE),
        request.length,
        pipeline.frames(request.length),
        pipeline.format,
        pipeline.kind.audio_channels,
    )
    return pipeline.encode(picture), _ANCHOR_STRENGTH


def _seed_latents(
    pipeline: LoopPipeline, request: LoopRequest, seed: SeedAudio, *, only_groove: bool
) -> torch.Tensor:
    """Return the latents of the seed audio: its own where it is a loop of this shape, else encoded ones."""
    channels, rows = pipeline.latent_shape
    if (
        not only_groove
        and seed.latents is not None
        and seed.latents.shape == (channels, rows, pipeline.columns(request.length))
    ):
        return torch.from_numpy(seed.latents.astype(np.float32))
    fmt = pipeline.spectrogram_format.format
    spectrogram = seed.spectrogram(
        request,
        fmt,
        num_frames=pipeline.frames(request.length),
        channels=pipeline.kind.audio_channels,
        only_groove=only_groove,
    )
    return pipeline.encode(spectrogram)


def _agreed(denoised: NDArray[np.float16] | None, again: Again) -> tuple[NDArray[np.float16], float | None]:
    """Return the latents to decode, and how far those denoised anew lie from those of the loop, in dB."""
    before = parse_loop(again.wav, "the loop").latents
    if denoised is None:
        if before is None:
            raise DiffusionError("the loop holds no latents to decode; render it from its recipe instead")
        return before, -math.inf
    if before is None or before.shape != denoised.shape:
        return denoised, math.inf
    old = before.astype(np.float64)
    difference = float(np.sum((denoised - old) ** 2))
    apart_db = 10.0 * math.log10(difference / max(float(np.sum(old**2)), 1e-30)) if difference else -math.inf
    return (before if apart_db <= _AGREEMENT_DB else denoised), apart_db


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
