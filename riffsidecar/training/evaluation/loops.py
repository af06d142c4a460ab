"""Loops as they are heard: composed ones, those through the codec, and those the model makes, which are kept.

What the model makes lies in a folder by what made it: the checkpoint, and the source of the modules between
the prompt and the sound. An evaluation that was stopped goes on with what is there.
"""

from __future__ import annotations

import ast
import hashlib
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from riffsidecar.diffusion.checkpoints import checkpoint_digest, load_pipeline
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.shelf import ModelShelf
from riffsidecar.music import Chords, Key, LoopLength
from riffsidecar.spectrogram import BEAT_GRID, analyse, synthesise, uint8_to_mel
from riffsidecar.training.config import DataConfig, EvaluationConfig
from riffsidecar.training.dataset import rendered_score
from riffsidecar.training.score import Score

__all__ = ["Ask", "Loop", "RealLoop", "Studio", "rendered", "untrained"]

_PACKAGE = Path(__file__).resolve().parents[2]
_MAKERS = (
    *(
        f"diffusion/{name}.py"
        for name in (
            "autoencoder",
            "beat_grid",
            "blend",
            "circular",
            "conditioning",
            "denoiser",
            "flow_map",
            "kinds",
            "pipeline",
            "prompts",
            "scheduler",
            "solvers",
            "text",
        )
    ),
    *(f"spectrogram/{name}.py" for name in ("codec", "formats", "griffin_lim", "mel", "phase", "stft")),
)
"""Where a loop is decided, beside its checkpoint."""

_SAY_EVERY = 20

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Ask:
    """What the model is asked for.

    ``steps`` takes the place of those of the configured quality where it is above 0; with ``leaps`` they are
    steps of the flow map.
    """

    prompt: str
    length: LoopLength
    seed: int
    prompt_b: str = ""
    morph: float = 0.0
    key: Key | None = None
    chords: Chords | None = None
    density: float | None = None
    brightness: float | None = None
    energy: float | None = None
    steps: int = 0
    leaps: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """One loop: length, samples (2, num_samples), spectrogram (2, n_mels, frames) of what is heard.

    ``seconds`` is what each stage took, where the model made it.
    """

    length: LoopLength
    samples: NDArray[np.float32]
    spectrogram: NDArray[np.float32]
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class RealLoop:
    """A composed loop and its score."""

    score: Score
    loop: Loop


def rendered(score: Score, data: DataConfig) -> Loop:
    """Render a score as the data set does: at the format's loudness, its spectrogram quantised."""
    samples, quantised = rendered_score(score, data)
    return Loop(score.length, samples, uint8_to_mel(quantised))


@contextmanager
def untrained(pipeline: LoopPipeline) -> Iterator[None]:
    """Let the denoiser be as it is before training, for a while."""
    trained = {name: value.clone() for name, value in pipeline.denoiser.state_dict().items()}
    torch.manual_seed(0)
    fresh = type(pipeline.denoiser).from_config(pipeline.denoiser.config)
    pipeline.denoiser.load_state_dict(fresh.state_dict())
    try:
        yield
    finally:
        pipeline.denoiser.load_state_dict(trained)


def _source_digest() -> str:
    """Return a digest of what the makers' source says, whatever its comments and its layout."""
    total = hashlib.sha256()
    for name in _MAKERS:
        total.update(ast.dump(ast.parse((_PACKAGE / name).read_text("utf-8"))).encode())
    return total.hexdigest()


class Studio:
    """Make loops with a checkpoint and keep them in ``folder``."""

    def __init__(self, checkpoint: Path, folder: Path, config: EvaluationConfig, say: Say) -> None:
        self.pipeline = load_pipeline(checkpoint)
        self.fingerprint = checkpoint_digest(checkpoint)
        made_by = f"{self.fingerprint} {_source_digest()} {config.quality} {config.guidance}"
        self.folder = folder / "loops" / hashlib.sha256(made_by.encode()).hexdigest()[:16]
        self._config = config
        self._say = say
        self._made, self._spent_s = 0, 0.0

    def made(self, ask: Ask, *, trained: bool = True) -> Loop:
        """Return the loop that the model makes, or that its untrained weights make, of an ask."""
        name = hashlib.sha256(f"{ask!r} {trained}".encode()).hexdigest()[:24]
        path = self.folder / f"{name}.npz"
        before = _read(path, ask.length)
        if before is not None:
            return before
        begin = time.perf_counter()
        if trained:
            loop = self._generate(ask, self._steps(ask))
        else:
            # Not by the flow map: it was learned.
            self.pipeline.kind.set_distilled(False)
            with untrained(self.pipeline):
                loop = self._generate(ask, self.pipeline.kind.quality_steps[self._config.quality])
        _write(path, loop)
        self._made += 1
        self._spent_s += time.perf_counter() - begin
        if self._made % _SAY_EVERY == 0:
            self._say(f"{self._made} loops made, {self._spent_s / self._made:.2f} s each")
        return loop

    def coded(self, real: Loop) -> Loop:
        """Return a loop after the autoencoder and the reconstruction of the phase."""
        spectrogram = self.pipeline.decode(self.pipeline.encode(real.spectrogram))
        return _heard(spectrogram, real.length, {})

    def _steps(self, ask: Ask) -> int:
        """Let the pipeline solve or leap as it does for this ask; return in how many steps."""
        if ask.steps:
            self.pipeline.kind.set_distilled(ask.leaps)
            return ask.steps
        return ModelShelf(self.pipeline, self.fingerprint).take(quality=self._config.quality).steps

    def _generate(self, ask: Ask, steps: int) -> Loop:
        clock = _Clock()
        output = self.pipeline(
            ask.prompt,
            length=ask.length,
            seed=ask.seed,
            prompt_b=ask.prompt_b,
            morph=ask.morph,
            key=ask.key,
            chords=ask.chords,
            density=ask.density,
            brightness=ask.brightness,
            energy=ask.energy,
            num_inference_steps=steps,
            guidance_scale=self._config.guidance,
            callback=clock.report,
        )
        clock.begin("phase")
        return _heard(output.spectrogram, ask.length, clock.seconds, clock)


class _Clock:
    """Take the time of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._stage, self._since = "text", time.perf_counter()

    def begin(self, stage: str) -> None:
        now = time.perf_counter()
        if self._stage:
            self.seconds[self._stage] = now - self._since
        self._stage, self._since = stage, now

    def report(self, stage: str, fraction: float) -> None:
        if stage != self._stage:
            self.begin(stage)


def _heard(
    spectrogram: NDArray[np.float32],
    length: LoopLength,
    seconds: Mapping[str, float],
    clock: _Clock | None = None,
) -> Loop:
    """Return the sound of a spectrogram, and the spectrogram of that sound."""
    samples = synthesise(
        spectrogram,
        length.num_samples(BEAT_GRID.sample_rate),
        BEAT_GRID,
        workers=torch.get_num_threads(),
    )
    if clock is not None:
        clock.begin("")
    return Loop(length, samples, analyse(samples, length.frames, BEAT_GRID), seconds)


def _read(path: Path, length: LoopLength) -> Loop | None:
    """Return a loop that was kept; one that cannot be read was not."""
    try:
        with path.open("rb") as file, np.load(file) as kept:
            samples = kept["samples"]
            seconds = json.loads(str(kept["seconds"]))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return Loop(length, samples, analyse(samples, length.frames, BEAT_GRID), seconds)


def _write(path: Path, loop: Loop) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        np.savez(file, samples=loop.samples, seconds=np.asarray(json.dumps(dict(loop.seconds))))
    partial.replace(path)
