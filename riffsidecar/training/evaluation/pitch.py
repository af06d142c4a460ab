"""Do loops keep to the asked scale and chords, are held notes steady, and do two pads over chords agree."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from riffsidecar.errors import TrainingError
from riffsidecar.music import Chords, Key
from riffsidecar.spectrogram import BEAT_GRID
from riffsidecar.training.dataset import composed_score
from riffsidecar.training.evaluation.bench import Bench
from riffsidecar.training.evaluation.loops import Ask, Loop, rendered
from riffsidecar.training.evaluation.partials import steadiness, with_blurred_phases
from riffsidecar.training.evaluation.table import Check, Part, Row
from riffsidecar.training.instruments import INSTRUMENTS
from riffsidecar.training.pitch_classes import agreement, chord_stretches, share_in
from riffsidecar.training.score import Part as Line
from riffsidecar.training.score import Score

__all__ = ["measure_pads", "measure_pitch", "pad_scores"]

_RATE = BEAT_GRID.sample_rate
_CODEC_MAY_LOSE, _MODEL_MAY_LOSE = 0.02, 0.05
_OF_THE_CODEC = 0.9
_TRANSPOSITIONS = range(1, 12)
_PITCHED = ("bass", "chords", "melody", "arp", "pad")
_PAD_SEEDS, _PAD_ASK_SEED = 76_000_000, 7_900_000
_PAD_TRIES = 40


def _row(name: str, loops: Sequence[Loop], harmonies: Sequence[tuple[Key, Chords]]) -> Row:
    figures = []
    for loop, (key, chords) in zip(loops, harmonies, strict=True):
        stretches = chord_stretches(loop.samples, loop.length, chords, _RATE)
        heard, asked = [chroma for chroma, _ in stretches], [notes for _, notes in stretches]
        figures.append(
            (
                share_in(heard, key.pitch_classes),
                float(np.mean([share_in(heard, key.pitch_classes, moved) for moved in _TRANSPOSITIONS])),
                share_in(heard, asked),
                float(np.mean([share_in(heard, asked, moved) for moved in _TRANSPOSITIONS])),
            )
        )
    means = np.mean(figures, axis=0)
    names = ("in scale", "in other scales", "in chord", "in other chords")
    return Row(name, len(loops), dict(zip(names, map(float, means), strict=True)) | _steady(loops))


def _steady(loops: Sequence[Loop], *, blurred: bool = False) -> dict[str, float]:
    """Return the mean steadiness of held partials, over loops that hold any."""
    heard = [steadiness(with_blurred_phases(loop.samples) if blurred else loop.samples) for loop in loops]
    holding = [each for each in heard if each.held > 0.0]
    return {
        "held": float(np.mean([each.held for each in heard])),
        "jitter cents": float(np.mean([each.jitter_cents for each in holding])) if holding else float("nan"),
        "shimmer dB": float(np.mean([each.shimmer_db for each in holding])) if holding else float("nan"),
    }


def _follows(row: Row) -> float:
    """Return how much more of a loop lies in its chords than in their transpositions."""
    return row["in chord"] - row["in other chords"]


def measure_pitch(bench: Bench) -> Part:
    """Fold pitched loops into pitch classes under each of their chords, and follow their held partials.

    Needed: the codec loses at most 0.02 of the share in the scale, the model's loops at most 0.05, and the
    model follows the chords, above what transposed chords have, in 0.9 of the codec's measure. The floors
    are the same loops against transposed scales, and untrained weights. Jitter and shimmer of held partials
    (`riffsidecar.training.evaluation.partials`) are needed at 0.9 of the way from real loops whose phases
    are blurred to real loops, for the codec, and to the codec, for the model.
    """
    harmonies: dict[int, tuple[Key, Chords]] = {}
    for index in range(bench.count):
        score = bench.real(index).score
        if score.key is not None and score.chords is not None:
            harmonies[index] = (score.key, score.chords)
    if not harmonies:
        raise TrainingError("no pitched loop is evaluated: raise 'adherence_loops' in [evaluation]")
    every = list(harmonies.values())
    real = _row("real loops (ceiling)", [bench.real(index).loop for index in harmonies], every)
    codec = _row("through the codec (ceiling)", [bench.coded(index) for index in harmonies], every)
    model = _row("the model", [bench.answered(index, "seen") for index in harmonies], every)
    blurred = Row(
        "real loops, phases blurred (floor)",
        len(harmonies),
        _steady([bench.real(index).loop for index in harmonies], blurred=True),
    )
    few = [index for index in bench.blanks if index in harmonies]
    blank = _row(
        "untrained weights (floor)", [bench.blank(index) for index in few], [harmonies[i] for i in few]
    )
    needed = _OF_THE_CODEC * _follows(codec)
    transposed = {"other scales": model["in other scales"], "untrained": blank["in scale"]}
    return Part(
        "pitch",
        (real, codec, model, blurred, blank),
        (
            Check(
                "codec: in scale",
                codec["in scale"],
                real["in scale"] - _CODEC_MAY_LOSE,
                {"other scales": codec["in other scales"]},
            ),
            Check("in scale", model["in scale"], real["in scale"] - _MODEL_MAY_LOSE, transposed),
            Check("follows chords", _follows(model), needed, {"untrained": _follows(blank)}),
            *_steady_checks("codec: ", codec, real, blurred),
            *_steady_checks("", model, codec, blurred),
        ),
    )


def _steady_checks(prefix: str, row: Row, ceiling: Row, floor: Row) -> tuple[Check, ...]:
    return tuple(
        Check(
            f"{prefix}{name}",
            row[name],
            floor[name] + _OF_THE_CODEC * (ceiling[name] - floor[name]),
            {"phases blurred": floor[name]},
            at_most=True,
        )
        for name in ("jitter cents", "shimmer dB")
    )


def _pair(score: Score) -> tuple[Line, Line] | None:
    """Return two lines of different roles and instruments that play notes over the chords of a score."""
    lines: dict[str, Line] = {}
    for line in score.parts:
        if line.role in _PITCHED and line.notes:
            lines.setdefault(line.role, line)
    chosen = [lines[role] for role in _PITCHED if role in lines]
    if len(chosen) < 2 or chosen[0].instrument == chosen[1].instrument:
        return None
    return chosen[0], chosen[1]


def pad_scores(bench: Bench) -> list[tuple[Score, Score]]:
    """Return pairs of scores: two lines of a band over the same chords, each by itself."""
    pairs: list[tuple[Score, Score]] = []
    for seed in range(_PAD_SEEDS, _PAD_SEEDS + _PAD_TRIES * bench.config.evaluation.pad_pairs):
        if len(pairs) == bench.config.evaluation.pad_pairs:
            break
        score = composed_score(seed, bench.config.data, family="groove")
        lines = _pair(score)
        if lines is not None and score.chords is not None:
            pairs.append((replace(score, parts=(lines[0],)), replace(score, parts=(lines[1],))))
    if not pairs:
        raise TrainingError("no band with two pitched lines was composed: raise 'pad_pairs' in [evaluation]")
    return pairs


def _pads_row(name: str, scores: Sequence[tuple[Score, Score]], loops: Sequence[tuple[Loop, Loop]]) -> Row:
    alike, chance = [], []
    for (score, _), pair in zip(scores, loops, strict=True):
        chords = score.chords or Chords.parse("C")
        one, other = (
            [chroma for chroma, _ in chord_stretches(loop.samples, loop.length, chords, _RATE)]
            for loop in pair
        )
        alike.append(agreement(one, other))
        chance.append(np.mean([agreement(one, other, moved) for moved in _TRANSPOSITIONS]))
    return Row(name, 2 * len(loops), {"alike": float(np.mean(alike)), "transposed": float(np.mean(chance))})


def measure_pads(bench: Bench) -> Part:
    """Ask for two lines over the same chords, and compare their pitch classes under each chord.

    Beside them stand the same two lines as they were composed, rendered each by itself. Needed: as much
    above the transposed as 0.9 of what the codec keeps.
    """
    scores = pad_scores(bench)
    real = [(rendered(one, bench.config.data), rendered(other, bench.config.data)) for one, other in scores]
    codec = [(bench.studio.coded(one), bench.studio.coded(other)) for one, other in real]
    asks = [(_pad_ask(one, 2 * n), _pad_ask(other, 2 * n + 1)) for n, (one, other) in enumerate(scores)]
    made = [(bench.studio.made(one), bench.studio.made(other)) for one, other in asks]
    rows = [
        _pads_row(name, scores, loops)
        for name, loops in (
            ("real lines (ceiling)", real),
            ("through the codec (ceiling)", codec),
            ("the model", made),
        )
    ]
    _, ceiling, model = rows
    needed = _OF_THE_CODEC * (ceiling["alike"] - ceiling["transposed"])
    check = Check("pads agree", model["alike"] - model["transposed"], needed, {"transposed": 0.0})
    return Part("pads", tuple(rows), (check,))


def _pad_ask(score: Score, number: int) -> Ask:
    word = INSTRUMENTS[score.parts[0].instrument].words[0]
    prompt = f"{word} for a {score.attributes.genre} song"
    return Ask(prompt, score.length, _PAD_ASK_SEED + number, key=score.key, chords=score.chords)
