"""Do loops have the genre, the instruments and the drums that were asked for, in the tagger's ears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from riffsidecar.training.evaluation.bench import SPLITS, Bench, caption
from riffsidecar.training.evaluation.table import Check, Part, Row
from riffsidecar.training.labels import GROUPS, LABEL_GENRES, group_of
from riffsidecar.training.lexicon import understand
from riffsidecar.training.score import Score
from riffsidecar.training.tagger import Tags

__all__ = ["Asked", "adherence_row", "area_under_curve", "measure_adherence", "named_groups"]

_OF_THE_WAY = {"seen": 0.9, "unseen": 0.75}
_TOP = 5
_FAMILY_GROUPS = {"drums": "kit", "bass": "bass", "piano": "keys", "guitar": "guitar", "strings": "strings"}


def area_under_curve(scores: ArrayLike, labels: ArrayLike) -> float:
    """Return the area under the ROC curve: how often a true one scores above a false one; ties count half.

    NaN where all are true or none is. (Mann and Whitney 1947; Hanley and McNeil 1982.)

    >>> area_under_curve([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
    0.75
    """
    truth = np.asarray(labels, bool)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return float("nan")
    ranks = rankdata(np.asarray(scores, float))
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def named_groups(score: Score, prompt: str) -> frozenset[str]:
    """Return the groups of instruments that play and that a caption of the score promises.

    The first part counts as promised, since every caption names it or the family, but
    not for a whole band.
    """
    playing = {group for part in score.parts if (group := group_of(part.instrument))}
    named = {
        _FAMILY_GROUPS.get(meaning.target) if meaning.kind == "family" else group_of(meaning.target)
        for meaning in understand(prompt)
        if meaning.kind in ("family", "instrument")
    }
    if score.attributes.family != "groove":
        named.add(group_of(score.parts[0].instrument))
    return frozenset(playing & {group for group in named if group})


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What was asked: genres (loops,), groups (loops, groups) as 1, 0, or -1 where it was left open."""

    genre: NDArray[np.int64]
    groups: NDArray[np.int64]
    drums: NDArray[np.bool_]

    @classmethod
    def of(cls, scores: Sequence[Score], split: str) -> Asked:
        """Return what captions of a split ask of composed loops."""
        groups = np.zeros((len(scores), len(GROUPS)), np.int64)
        for row, score in zip(groups, scores, strict=True):
            named = named_groups(score, caption(score, SPLITS[split]))
            for part in score.parts:
                group = group_of(part.instrument)
                if group is not None:
                    row[GROUPS.index(group)] = 1 if group in named else -1
        return cls(
            np.asarray([LABEL_GENRES.index(score.attributes.genre) for score in scores]),
            groups,
            np.asarray([score.attributes.drums for score in scores]),
        )

    def shuffled(self) -> Asked:
        """Return the same askings, each for another loop."""
        order = np.random.default_rng(0).permutation(len(self.genre))
        return Asked(self.genre[order], self.groups[order], self.drums[order])

    def first(self, count: int) -> Asked:
        """Return the first askings alone."""
        return Asked(self.genre[:count], self.groups[:count], self.drums[:count])


def _mean(areas: Sequence[float]) -> float:
    known = [area for area in areas if not np.isnan(area)]
    return float(np.mean(known)) if known else float("nan")


def adherence_row(name: str, asked: Asked, heard: Sequence[Tags]) -> Row:
    """Return the areas under the curves, their mean as ``auc``, and the hits, of what was heard."""
    genre = np.stack([tags.genre for tags in heard])
    groups = np.stack([tags.instruments for tags in heard])
    by_genre = [area_under_curve(genre[:, index], asked.genre == index) for index in range(len(LABEL_GENRES))]
    by_group = []
    for index in range(len(GROUPS)):
        told = asked.groups[:, index] >= 0
        by_group.append(area_under_curve(groups[told, index], asked.groups[told, index] == 1))
    drums = area_under_curve([tags.drums for tags in heard], asked.drums)
    own = genre[np.arange(len(heard)), asked.genre]
    above = (genre > own[:, None]).sum(1)
    areas = {"genre": _mean(by_genre), "instruments": _mean(by_group), "drums": drums}
    figures: Mapping[str, float] = {
        "auc": _mean(list(areas.values())),
        **{f"{name} auc": area for name, area in areas.items()},
        "genre top-1": float((above == 0).mean()),
        f"genre top-{_TOP}": float((above < _TOP).mean()),
    }
    return Row(name, len(heard), figures)


def measure_adherence(bench: Bench) -> Part:
    """Ask for composed loops by captions of both splits, and let the tagger say what it hears.

    Macro-averaged areas under the ROC curves over genres and groups of instruments, and that of drums; their
    mean is needed at 0.9 (seen phrasings) and 0.75 (unseen phrasings and slang) of the way from shuffled
    prompts to the composed loops through the codec.
    """
    places = range(bench.count)
    scores = [bench.real(index).score for index in places]
    listen = bench.tagger.listen
    real = [listen(bench.real(index).loop.spectrogram) for index in places]
    codec = [listen(bench.coded(index).spectrogram) for index in places]
    blank = [listen(bench.blank(index).spectrogram) for index in bench.blanks]
    rows, checks = [], []
    for split, share in _OF_THE_WAY.items():
        asked = Asked.of(scores, split)
        made = [listen(bench.answered(index, split).spectrogram) for index in places]
        ceiling = adherence_row(f"{split}: through the codec (ceiling)", asked, codec)
        model = adherence_row(f"{split}: the model", asked, made)
        shuffled = adherence_row(f"{split}: shuffled (floor)", asked.shuffled(), made)
        untrained = adherence_row(f"{split}: untrained (floor)", asked.first(len(blank)), blank)
        rows += [
            adherence_row(f"{split}: real loops (ceiling)", asked, real),
            ceiling,
            model,
            shuffled,
            untrained,
        ]
        needed = shuffled["auc"] + share * (ceiling["auc"] - shuffled["auc"])
        floors = {"shuffled": shuffled["auc"], "untrained": untrained["auc"]}
        checks.append(Check(f"{split}: auc", model["auc"], needed, floors))
    return Part("adherence", tuple(rows), tuple(checks))
