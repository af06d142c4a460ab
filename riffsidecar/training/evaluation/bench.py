"""What the parts of the evaluation share: checkpoint, ears, composed loops and what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np

from riffsidecar.music import LoopLength
from riffsidecar.spectrogram import uint8_to_mel
from riffsidecar.training.captions import captions
from riffsidecar.training.compose import compose
from riffsidecar.training.config import TrainingConfig
from riffsidecar.training.dataset import composed_score
from riffsidecar.training.evaluation.loops import Ask, Loop, RealLoop, Studio, rendered
from riffsidecar.training.judge import Judge, trained_judge
from riffsidecar.training.lexicon import terms_for
from riffsidecar.training.score import FAMILIES, Score
from riffsidecar.training.tagger import Tagger, Tags, trained_tagger

__all__ = ["SPLITS", "Bench", "caption"]

SPLITS = {"seen": "train", "unseen": "held-out"}
"""Phrasings and slang of the training captions, and those that no training caption has."""

_REAL_SEEDS = 77_000_000
_UNHEARD_SEEDS = 78_000_000
_ASK_SEEDS = {"seen": 7_000_000, "unseen": 7_500_000}
_CAPTIONS = 24
_CAPTION_SEED = 23


def caption(score: Score, split: str) -> str:
    """Return a caption of a score that names its genre, in words of a split of `captions`."""
    rng = np.random.default_rng((score.seed, _CAPTION_SEED))
    lines = captions(score, rng, _CAPTIONS, split, typos=False)
    genre = terms_for("genre", score.attributes.genre, split)
    return next((line for line in lines if any(term in line for term in genre)), lines[0])


class Bench:
    """Hold what the parts measure with, each thing made when the first part asks for it.

    Args:
        studio: makes loops with the checkpoint.
        folder: where ears and their loops are kept.
        data: where the shards of the training lie, if they do.
        config: how much is evaluated.
        release: whether the sealed prompts are opened.
        say: told of progress.
        workers: processes that compose the ears' loops.
    """

    def __init__(
        self,
        studio: Studio,
        folder: Path,
        data: Path,
        config: TrainingConfig,
        say: Callable[[str], None],
        *,
        release: bool = False,
        workers: int = 2,
    ) -> None:
        self.studio, self.folder, self.data, self.config, self.say = studio, folder, data, config, say
        self.release, self.workers = release, workers
        self._real: dict[tuple[int, str], RealLoop] = {}
        self._coded: dict[int, Loop] = {}

    @cached_property
    def judge(self) -> tuple[Judge, float]:
        """The judge, and its share of right answers on held-out renders."""
        return trained_judge(self.folder, self.config, self.say, workers=self.workers)

    @cached_property
    def _taught(self) -> tuple[Tagger, list[Tags], list[tuple[str, str]]]:
        tagger, loops = trained_tagger(self.folder, self.config, self.say, workers=self.workers)
        tags = [tagger.listen(uint8_to_mel(loops.spectrogram(index))) for index in loops.held_out]
        records = [loops.records[index] for index in loops.held_out]
        return tagger, tags, [(record.family, str(record.attributes["genre"])) for record in records]

    @property
    def tagger(self) -> Tagger:
        """The tagger."""
        return self._taught[0]

    @property
    def pool(self) -> list[Tags]:
        """What the tagger hears in composed loops that it was not trained on."""
        return self._taught[1]

    @property
    def pool_kinds(self) -> list[tuple[str, str]]:
        """Family and genre of each loop of the pool."""
        return self._taught[2]

    @property
    def count(self) -> int:
        """How many composed loops the model is asked to match."""
        return self.config.evaluation.adherence_loops

    def real(self, index: int, timbres: str = "train") -> RealLoop:
        """Return a composed loop that nothing was trained on; the families take turns."""
        kept = self._real.get((index, timbres))
        if kept is not None:
            return kept
        first = _REAL_SEEDS if timbres == "train" else _UNHEARD_SEEDS
        family = FAMILIES[index % len(FAMILIES)]
        score = composed_score(first + index, self.config.data, family=family, timbres=timbres)
        real = RealLoop(score, rendered(score, self.config.data))
        if timbres == "train":
            self._real[index, timbres] = real
        return real

    def composed(self, seed: int, length: LoopLength, family: str, genre: str) -> Loop:
        """Return a composed loop of a family and a genre at a length."""
        bars, meter, tempo = int(length.bars), length.meter, length.tempo
        score = compose(seed, family=family, genre=genre, tempo=tempo, meter=meter, bars=bars)
        return rendered(score, self.config.data)

    def coded(self, index: int) -> Loop:
        """Return such a loop through the codec."""
        if index not in self._coded:
            self._coded[index] = self.studio.coded(self.real(index).loop)
        return self._coded[index]

    def ask(self, index: int, split: str) -> Ask:
        """Return what would be typed for such a loop, with its length, key and chords from the session."""
        score = self.real(index).score
        prompt = caption(score, SPLITS[split])
        return Ask(prompt, score.length, _ASK_SEEDS[split] + index, key=score.key, chords=score.chords)

    def answered(self, index: int, split: str) -> Loop:
        """Return what the model makes of it."""
        return self.studio.made(self.ask(index, split))

    def blank(self, index: int) -> Loop:
        """Return what untrained weights make of it."""
        return self.studio.made(self.ask(index, "seen"), trained=False)

    @property
    def blanks(self) -> range:
        """Which loops untrained weights are asked for: a few will do, for they are all alike."""
        return range(min(self.count, 2 * len(FAMILIES)))
