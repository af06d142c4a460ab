"""Does a morph lead from one prompt to the other, step by step, through loops that could be real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from riffsidecar.music import LoopLength, Meter, Tempo
from riffsidecar.training.evaluation.bench import Bench
from riffsidecar.training.evaluation.distances import nearest_distances, stacked
from riffsidecar.training.evaluation.loops import Ask
from riffsidecar.training.evaluation.table import Check, Part, Row
from riffsidecar.training.labels import GROUPS
from riffsidecar.training.tagger import Tags

__all__ = ["measure_morph", "rank_correlation"]

_POSITIONS = 9
_SEED = 8_100_000
_NEEDED_RANK = 0.9
_STRANGE_QUANTILE = 0.99
_STRANGE = 0.03


@dataclass(frozen=True, slots=True)
class _Journey:
    """From one prompt to another, and the groups of instruments that say how far a loop has come."""

    prompt: str
    group: str
    prompt_b: str
    group_b: str
    bpm: int


_JOURNEYS = (
    _Journey("house drums", "kit", "warm pad", "pad", 124),
    _Journey("grand piano", "keys", "synth bass", "bass", 100),
    _Journey("acoustic guitar", "guitar", "string ensemble", "strings", 92),
    _Journey("trance lead", "lead", "trap drums", "kit", 140),
    _Journey("choir", "choir", "808 bass", "bass", 110),
    _Journey("marimba", "mallet", "rock drums", "kit", 120),
    _Journey("funk guitar", "guitar", "ambient pad", "pad", 105),
    _Journey("strings", "strings", "boom bap drums", "kit", 90),
)


def rank_correlation(values: Sequence[float]) -> float:
    """Return Spearman's rank correlation of values with their places; 0 where all are alike.

    >>> rank_correlation([0.1, 0.3, 0.2, 0.9])
    0.8
    """
    if len(set(values)) < 2:
        return 0.0
    return round(float(spearmanr(range(len(values)), values).statistic), 12)


def _arrived(journey: _Journey, tags: Tags) -> float:
    """Return how much more a loop is like the end than like the beginning."""
    heard = tags.instruments
    return float(heard[GROUPS.index(journey.group_b)] - heard[GROUPS.index(journey.group)])


def measure_morph(bench: Bench) -> Part:
    """Walk from A to B in nine positions of `morph`, all else the same.

    Needed: the tagger's odds of B's instruments over A's rise with the position (Spearman's rank correlation,
    0.9 in the mean), and no position falls out of the distribution: at most 3 % lie further from every
    composed loop than 99 % of composed loops through the codec do. The floors are journeys told in the
    instruments of every other one that shares none with them, and loops of untrained weights.
    """
    listen = bench.tagger.listen
    pool = stacked(bench.pool)
    journeys = _JOURNEYS[: bench.config.evaluation.morph_pairs]
    heard: list[list[Tags]] = []
    for number, journey in enumerate(journeys):
        length = LoopLength(Fraction(2), Meter(4, 4), Tempo.parse(journey.bpm))
        asks = [
            Ask(
                journey.prompt,
                length,
                _SEED + number,
                prompt_b=journey.prompt_b,
                morph=place / (_POSITIONS - 1),
            )
            for place in range(_POSITIONS)
        ]
        heard.append([listen(bench.studio.made(ask).spectrogram) for ask in asks])
    ranks = [
        rank_correlation([_arrived(journey, tags) for tags in walk])
        for journey, walk in zip(journeys, heard, strict=True)
    ]
    foreign = [
        rank_correlation([_arrived(other, tags) for tags in walk])
        for journey, walk in zip(journeys, heard, strict=True)
        for other in _JOURNEYS
        if not {other.group, other.group_b} & {journey.group, journey.group_b}
    ]

    def away(tags: Sequence[Tags]) -> NDArray[np.float64]:
        return nearest_distances(stacked(tags), pool)

    usual = away([listen(bench.coded(index).spectrogram) for index in range(bench.count)])
    limit = float(np.quantile(usual, _STRANGE_QUANTILE))
    walked = away([tags for walk in heard for tags in walk])
    blank = away([listen(bench.blank(index).spectrogram) for index in bench.blanks])

    def strange(distances: NDArray[np.float64]) -> float:
        return float((distances > limit).mean())

    arrival = [_arrived(j, walk[-1]) > _arrived(j, walk[0]) for j, walk in zip(journeys, heard, strict=True)]
    figures = {
        "rank": float(np.mean(ranks)),
        "worst rank": float(np.min(ranks)),
        "arrived": float(np.mean(arrival)),
        "strange": strange(walked),
    }
    rows = (
        Row("codec (ceiling)", len(usual), {"strange": strange(usual)}),
        Row("the model", len(walked), figures),
        Row("other journeys (floor)", len(walked), {"rank": float(np.mean(foreign))}),
        Row("untrained weights (floor)", len(blank), {"strange": strange(blank)}),
    )
    return Part(
        "morph",
        rows,
        (
            Check("morph: rank", figures["rank"], _NEEDED_RANK, {"other journeys": float(np.mean(foreign))}),
            Check(
                "morph: strange positions",
                figures["strange"],
                _STRANGE,
                {"untrained": strange(blank)},
                at_most=True,
            ),
        ),
    )
