"""An evaluation bench without nets: what is heard says by itself what it is, and models fail on purpose."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np

from riffsidecar.music import LoopLength, Meter, Tempo
from riffsidecar.spectrogram import BEAT_GRID
from riffsidecar.training.compose import compose
from riffsidecar.training.config import EvaluationConfig, TrainingConfig, load_config
from riffsidecar.training.evaluation.bench import Bench
from riffsidecar.training.evaluation.loops import Ask, Loop, RealLoop
from riffsidecar.training.labels import GROUPS, LABEL_GENRES, group_of
from riffsidecar.training.score import FAMILIES, Score
from riffsidecar.training.tagger import Tags

__all__ = ["LENGTH", "FakeStudio", "World", "hits", "tagged", "tones"]

LENGTH = LoopLength(Fraction(2), Meter(4, 4), Tempo.parse(120))
RATE = BEAT_GRID.sample_rate


def hits(
    length: LoopLength, level: float = 0.5, late_columns: float = 0.0, rhythm: bool = True
) -> np.ndarray:
    """Return a spectrogram with a hit a quarter, or some sixteenth."""
    step = length.grid.frames_per_quarter
    spectrogram = np.full((2, 256, length.frames), -1.0, np.float32)
    places = np.arange(int(late_columns * step / 4), length.frames, step)
    if not rhythm:
        places = places + np.random.default_rng(length.frames).integers(0, 4, places.size) * (step // 4)
    spectrogram[..., places % length.frames] = level
    return spectrogram


def tones(length: LoopLength, pitches: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Return samples in which pitch classes sound, in whole cycles of the loop."""
    count = length.num_samples(RATE)
    time = np.arange(count) / count
    rng = np.random.default_rng(seed)
    samples = 1e-4 * rng.standard_normal((2, count))
    for pitch in pitches:
        cycles = round(440.0 * 2.0 ** ((pitch - 9) / 12.0) * count / RATE)
        samples += 0.1 * np.sin(2 * np.pi * cycles * time)
    return samples.astype(np.float32)


def tagged(score: Score, noise: float = 0.0, seed: int = 0) -> Tags:
    """Return what a tagger hears that is right about a score, or has so much noise in its ears."""
    rng = np.random.default_rng(seed)
    genre = noise * rng.standard_normal(len(LABEL_GENRES))
    genre[LABEL_GENRES.index(score.attributes.genre)] += 5.0
    groups = noise * rng.standard_normal(len(GROUPS)) - 3.0
    for part in score.parts:
        group = group_of(part.instrument)
        if group is not None:
            groups[GROUPS.index(group)] += 6.0
    drums = (3.0 if score.attributes.drums else -3.0) + noise * float(rng.standard_normal())
    embedding = np.concatenate([genre, groups, rng.standard_normal(8)])
    return Tags(
        genre.astype(np.float32),
        groups.astype(np.float32),
        drums,
        (embedding / np.linalg.norm(embedding)).astype(np.float32),
    )


class FakeStudio:
    """Make what `play` says, and pass loops through a codec that loses nothing."""

    fingerprint = "f" * 64

    def __init__(self, play: Callable[[Ask, bool], Loop]) -> None:
        self.play = play
        self.asked: list[tuple[Ask, bool]] = []

    def made(self, ask: Ask, *, trained: bool = True) -> Loop:
        self.asked.append((ask, trained))
        return self.play(ask, trained)

    def coded(self, real: Loop) -> Loop:
        return real


class _Ear:
    """Look up what was said to be heard in a spectrogram."""

    def __init__(self, heard: dict[int, Tags]) -> None:
        self.heard = heard

    def listen(self, spectrogram: np.ndarray) -> Tags:
        return self.heard[id(spectrogram)]


class World:
    """A bench, and the loops in it: `play` answers asks, the tagger knows every loop made by `loop`."""

    def __init__(self, tmp_path: Path, count: int = 16, **sizes: int) -> None:
        tiny = load_config("tiny")
        evaluation: EvaluationConfig = dataclasses.replace(
            tiny.evaluation, **{"adherence_loops": count, **sizes}
        )
        self.config: TrainingConfig = dataclasses.replace(tiny, evaluation=evaluation)
        self.said: list[str] = []
        self.heard: dict[int, Tags] = {}
        self._kept: list[Loop] = []
        self.studio = FakeStudio(self.play)
        self.bench = Bench(self.studio, tmp_path, tmp_path / "data", self.config, self.said.append)  # type: ignore[arg-type]
        self.scores = [
            compose(1000 + index, family=FAMILIES[index % len(FAMILIES)]) for index in range(count)
        ]
        for index, score in enumerate(self.scores):
            chord = (0, 4, 7) if score.chords is None else score.chords.bars[0][0].pitch_classes
            loop = self.loop(score.length, tagged(score, 0.3, index), tones(score.length, chord, index))
            self.bench._real[index, "train"] = RealLoop(score, loop)
        pool = [compose(5000 + index) for index in range(4 * count)]
        kinds = [(score.attributes.family, score.attributes.genre) for score in pool]
        self.ear = _Ear(self.heard)
        self.bench.__dict__["_taught"] = (
            self.ear,
            [tagged(score, 0.3, index) for index, score in enumerate(pool)],
            kinds,
        )

    def loop(
        self,
        length: LoopLength,
        tags: Tags,
        samples: np.ndarray | None = None,
        spectrogram: np.ndarray | None = None,
    ) -> Loop:
        """Return a loop in which the tagger hears `tags`."""
        sound = np.zeros((2, length.num_samples(RATE)), np.float32) if samples is None else samples
        picture = hits(length) if spectrogram is None else spectrogram
        loop = Loop(length, sound, picture, {"text": 0.1, "denoise": 1.0, "decode": 0.4, "phase": 0.5})
        self.heard[id(picture)] = tags
        self._kept.append(loop)
        return loop

    def index_of(self, ask: Ask) -> int:
        """Return the composed loop that an ask is about."""
        return ask.seed % 500_000

    def play(self, ask: Ask, trained: bool) -> Loop:
        """Answer: the very score that was asked for, or noise without training."""
        index = self.index_of(ask)
        if not trained:
            return self.loop(ask.length, lost(index), tones(ask.length, (1, 2, 3, 6), index))
        real = self.bench.real(index)
        return self.loop(ask.length, tagged(real.score, 0.3, 77 + index), real.loop.samples)


def lost(seed: int) -> Tags:
    """Return what a tagger hears in noise."""
    rng = np.random.default_rng((seed, 3))
    embedding = np.concatenate([np.zeros(len(LABEL_GENRES) + len(GROUPS)), rng.standard_normal(8) + 9.0])
    return Tags(
        rng.standard_normal(len(LABEL_GENRES)).astype(np.float32),
        rng.standard_normal(len(GROUPS)).astype(np.float32),
        float(rng.standard_normal()),
        (embedding / np.linalg.norm(embedding)).astype(np.float32),
    )
