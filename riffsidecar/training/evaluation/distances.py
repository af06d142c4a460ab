"""How far loops lie from held-out ones, from one another, and from those the model was trained on."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from riffsidecar.errors import TrainingError
from riffsidecar.music import LoopLength, Meter, Tempo
from riffsidecar.spectrogram import uint8_to_mel
from riffsidecar.training.compose import GENRES
from riffsidecar.training.dataset import LoopSet
from riffsidecar.training.ear import CROP_FRAMES
from riffsidecar.training.evaluation.bench import Bench
from riffsidecar.training.evaluation.loops import Ask, Loop
from riffsidecar.training.evaluation.table import Check, Part, Row
from riffsidecar.training.lexicon import terms_for
from riffsidecar.training.tagger import Tags

__all__ = [
    "kernel_distance",
    "measure_distance",
    "measure_diversity",
    "measure_neighbours",
    "nearest_distances",
    "pairwise_distances",
    "stacked",
]

_SCALE = 100.0
"""Kernel audio distance is told in hundredths, as its authors do."""

_OF_REAL = 0.8
_CLOSE_QUANTILE = 0.01
_COPIES = 0.05
_DIVERSITY_SEEDS = 7_800_000
_MIN_KIND = 3

Embeddings = NDArray[np.float64]


def stacked(heard: Sequence[Tags]) -> Embeddings:
    """Return the embeddings (loops, size) of what was heard."""
    return np.stack([tags.embedding for tags in heard]).astype(np.float64)


def _squared(one: Embeddings, other: Embeddings) -> Embeddings:
    products = one @ other.T
    return np.maximum((one * one).sum(1)[:, None] + (other * other).sum(1)[None] - 2.0 * products, 0.0)


def kernel_distance(one: Embeddings, reference: Embeddings) -> float:
    """Return 100 times the unbiased squared maximum mean discrepancy of embeddings (loops, size).

    The kernel is Gaussian, as wide as the median distance within ``reference``; around 0, also below it, for
    two draws of the same. Chung et al., "KAD: No More FAD!" (2025); Gretton et al., JMLR 13 (2012), eq. 3.

    Raises:
        TrainingError: with less than two loops on a side.
    """
    count, many = len(one), len(reference)
    if count < 2 or many < 2:
        raise TrainingError(f"a distance of {count} loops to {many} cannot be told, it needs two of each")
    within = _squared(reference, reference)
    width = max(float(np.median(within[np.triu_indices(many, 1)])), 1e-12)

    def kernel(squared: Embeddings) -> Embeddings:
        return np.asarray(np.exp(-squared / (2.0 * width)))

    own = kernel(_squared(one, one))
    theirs = kernel(within)
    across = kernel(_squared(one, reference))
    mean_own = (own.sum() - np.trace(own)) / (count * (count - 1))
    mean_theirs = (theirs.sum() - np.trace(theirs)) / (many * (many - 1))
    return _SCALE * float(mean_own + mean_theirs - 2.0 * across.mean())


def pairwise_distances(embeddings: Embeddings) -> list[float]:
    """Return the cosine distance of every two embeddings of length 1 (loops, size)."""
    return [float(1.0 - one @ other) for one, other in itertools.combinations(embeddings, 2)]


def nearest_distances(one: Embeddings, reference: Embeddings) -> Embeddings:
    """Return the cosine distance of each embedding (loops, size) of length 1 to the nearest reference."""
    return np.asarray(1.0 - (one @ reference.T).max(1))


def measure_distance(bench: Bench) -> Part:
    """Measure how far loops are, taken together, from composed ones that no net was trained on.

    Needed: nearer to them than half of the way from the codec to untrained weights.
    """
    pool, listen = stacked(bench.pool), bench.tagger.listen
    places = range(bench.count)

    def row(name: str, loops: Sequence[Loop]) -> Row:
        heard = stacked([listen(loop.spectrogram) for loop in loops])
        return Row(name, len(loops), {"kad": kernel_distance(heard, pool)})

    real = row("real loops (ceiling)", [bench.real(index).loop for index in places])
    codec = row("through the codec (ceiling)", [bench.coded(index) for index in places])
    model = row("the model", [bench.answered(index, "seen") for index in places])
    unseen = row("the model, unseen phrasings", [bench.answered(index, "unseen") for index in places])
    blank = row("untrained weights (floor)", [bench.blank(index) for index in bench.blanks])
    needed = (codec["kad"] + blank["kad"]) / 2
    check = Check("kad", model["kad"], needed, {"untrained": blank["kad"]}, at_most=True)
    return Part("distance", (real, codec, model, unseen, blank), (check,))


def _kinds(bench: Bench) -> list[tuple[str, str]]:
    """Return the kinds (family, genre) that diversity is measured on: those that the pool has most of."""
    members: dict[tuple[str, str], int] = defaultdict(int)
    for kind in bench.pool_kinds:
        members[kind] += 1
    ranked = sorted(members, key=lambda kind: (-members[kind], kind))
    return ranked[: bench.config.evaluation.diversity_prompts]


def measure_diversity(bench: Bench) -> Part:
    """Compare loops of one prompt and many seeds with composed loops of one family, genre, tempo and length.

    The figure is the mean cosine distance of two of them. Needed: 0.8 of that of composed loops through the
    codec. The floor is one loop beside itself, begun half a window of the tagger later.
    """
    settings = bench.config.evaluation
    real: list[float] = []
    made: list[float] = []
    turned: list[float] = []
    listen = bench.tagger.listen
    seeds = range(settings.diversity_seeds)
    kinds = _kinds(bench)
    for number, (family, genre) in enumerate(kinds):
        tempo = Tempo.parse(round(GENRES[genre].tempo[1]))
        length = LoopLength(Fraction(2), Meter(4, 4), tempo)
        first = _DIVERSITY_SEEDS + number * len(seeds)
        scores = [bench.composed(first + n, length, family, genre) for n in seeds]
        coded = [bench.studio.coded(loop) for loop in scores]
        prompt = f"{genre} {terms_for('family', family)[0]}"
        answers = [bench.studio.made(Ask(prompt, length, first + n)) for n in seeds]
        real += pairwise_distances(stacked([listen(loop.spectrogram) for loop in coded]))
        made += pairwise_distances(stacked([listen(loop.spectrogram) for loop in answers]))
        twice = [answers[0].spectrogram, np.roll(answers[0].spectrogram, CROP_FRAMES // 2, axis=-1)]
        turned += pairwise_distances(stacked([listen(spectrogram) for spectrogram in twice]))
    loops = len(kinds) * len(seeds)
    ceiling = Row("real loops through the codec", loops, {"apart": float(np.mean(real))})
    model = Row("the model", loops, {"apart": float(np.mean(made))})
    floor = Row("the same loop turned (floor)", len(kinds), {"apart": float(np.mean(turned))})
    check = Check("diversity", model["apart"], _OF_REAL * ceiling["apart"], {"the same loop": floor["apart"]})
    return Part("diversity", (ceiling, model, floor), (check,))


def measure_neighbours(bench: Bench) -> Part | None:
    """Look for the nearest training loop of what the model makes, and of composed loops it never saw.

    A loop is a copy when it lies closer to a training loop than 99 % of the unseen composed loops, through
    the codec, do. Needed: at most 5 % copies. The floor is training loops through the codec. None where the
    shards of the training are not there.
    """
    if not list(bench.data.glob("shard-*.json")):
        bench.say(f"no shards in {bench.data}: the nearest training neighbours are left out")
        return None
    loops = LoopSet(bench.data, held_out=bench.config.held_out)
    count = min(bench.config.evaluation.neighbour_loops, len(loops.train))
    chosen = np.asarray(loops.train)[np.linspace(0, len(loops.train) - 1, count).astype(int)]
    listen = bench.tagger.listen
    trained = stacked([listen(uint8_to_mel(loops.spectrogram(int(index)))) for index in chosen])
    places = range(bench.count)
    unseen = nearest_distances(stacked([listen(bench.coded(index).spectrogram) for index in places]), trained)
    made = nearest_distances(
        stacked([listen(bench.answered(index, "seen").spectrogram) for index in places]), trained
    )
    copied = []
    for index in chosen[np.linspace(0, count - 1, min(len(bench.blanks), count)).astype(int)]:
        record = loops.records[int(index)]
        spectrogram = uint8_to_mel(loops.spectrogram(int(index)))
        real = Loop(record.length, np.zeros((2, 1), np.float32), spectrogram)
        copied.append(listen(bench.studio.coded(real).spectrogram))
    copies = nearest_distances(stacked(copied), trained)
    limit = float(np.quantile(unseen, _CLOSE_QUANTILE))

    def row(name: str, distances: Embeddings) -> Row:
        figures = {"nearest": float(np.median(distances)), "copies": float((distances < limit).mean())}
        return Row(name, len(distances), figures)

    rows = (
        row("unseen real loops (ceiling)", unseen),
        row("the model", made),
        row("training loops (floor)", copies),
    )
    check = Check("copies", rows[1]["copies"], _COPIES, {"training loops": rows[2]["copies"]}, at_most=True)
    return Part("neighbours", rows, (check,))
