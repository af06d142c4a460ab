"""Is the family that was asked for heard, do onsets keep to the grid, have they a pulse and a downbeat."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

import numpy as np

from riffsidecar.music import LoopLength, Meter, Tempo
from riffsidecar.training.captions import eval_prompts
from riffsidecar.training.evaluation.bench import Bench
from riffsidecar.training.evaluation.loops import Ask, Loop
from riffsidecar.training.evaluation.table import Check, Part, Row
from riffsidecar.training.measures import downbeat_accent, grid_share, pulse
from riffsidecar.training.score import FAMILIES
from riffsidecar.training.sealed_prompts import open_sealed

__all__ = ["RHYTHMIC", "family_asks", "measure_families"]

RHYTHMIC = ("drums", "bass", "lead-arp", "groove")
"""Families whose onsets make a rhythm."""

_TEMPI = (70, 84, 92, 100, 110, 120, 126, 132, 140, 150, 160, 168, 175)
#: (bars, meter) of the report on lengths and meters.
_SHAPES = ((1, "4/4"), (2, "4/4"), (4, "4/4"), (8, "4/4"), (4, "3/4"), (4, "6/8"), (4, "5/4"), (2, "7/8"))
_OPEN_SEEDS, _SHAPE_SEEDS, _SEALED_SEEDS = 5_000_000, 6_000_000, 5_500_000
_NEEDED_RIGHT = 0.8
_OF_THE_CODEC = 0.9

_Heard = tuple[str, Loop]


def family_asks(
    per_family: int,
    first_seed: int,
    shape: tuple[int, str] = (4, "4/4"),
    prompts: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[tuple[str, Ask]]:
    """Give families and what is asked for them, at tempi from 70 to 175 BPM."""
    for index in range(per_family):
        for number, family in enumerate(FAMILIES):
            listed = eval_prompts(family) if prompts is None else prompts[family]
            tempo = _TEMPI[(index * len(FAMILIES) + number) % len(_TEMPI)]
            length = LoopLength(Fraction(shape[0]), Meter.parse(shape[1]), Tempo.parse(tempo))
            yield family, Ask(listed[index % len(listed)], length, first_seed + index)


def _row(bench: Bench, name: str, heard: Iterable[_Heard]) -> Row:
    judge, _ = bench.judge
    right: dict[str, list[bool]] = {}
    rhythm: list[tuple[float, float, float]] = []
    for family, loop in heard:
        spectrogram, length = loop.spectrogram, loop.length
        right.setdefault(family, []).append(FAMILIES[judge.classify(spectrogram)] == family)
        if family in RHYTHMIC:
            rhythm.append(
                (
                    grid_share(spectrogram, length),
                    pulse(spectrogram, length),
                    downbeat_accent(spectrogram, length),
                )
            )
    every = [answer for answers in right.values() for answer in answers]
    grid, beat, accent = (float(mean) for mean in np.mean(rhythm, axis=0))
    figures = {"right": float(np.mean(every)), "grid": grid, "pulse": beat, "accent": accent}
    by_family = {family: float(np.mean(answers)) for family, answers in right.items()}
    return Row(name, len(every), figures | by_family)


def measure_families(bench: Bench) -> Part:
    """Judge the family of loops made from wordings that no training caption has, and their rhythm.

    Needed: the judge is right in 80 % of the loops, onsets are on the grid and accented as the bar is in 0.9
    of the codec's share, and their pulse is at least half of the way from untrained weights to the codec:
    latent columns lie on the grid, so that the onsets of untrained weights do too, but they make no rhythm.
    """
    seeds = bench.config.evaluation.seeds_per_family
    bench.say(f"judge: right on {bench.judge[1]:.3f} of held-out renders")

    def made(asks: Iterable[tuple[str, Ask]], *, trained: bool = True) -> list[_Heard]:
        return [(family, bench.studio.made(ask, trained=trained)) for family, ask in asks]

    places = range(max(1, seeds // 2) * len(FAMILIES))
    families = [FAMILIES[index % len(FAMILIES)] for index in places]
    real = _row(
        bench,
        "real loops (ceiling)",
        ((f, bench.real(i).loop) for f, i in zip(families, places, strict=True)),
    )
    unheard = _row(
        bench,
        "real loops, unheard timbres",
        ((f, bench.real(i, "held-out").loop) for f, i in zip(families, places, strict=True)),
    )
    codec = _row(
        bench,
        "through the codec (ceiling)",
        ((f, bench.coded(i)) for f, i in zip(families, places, strict=True)),
    )
    asks = list(family_asks(seeds, _OPEN_SEEDS))
    answers = made(asks)
    model = _row(bench, "the model, unseen prompts", answers)
    permuted = np.random.default_rng(0).permutation([family for family, _ in answers])
    shuffled = _row(
        bench,
        "shuffled prompts (floor)",
        ((str(family), loop) for family, (_, loop) in zip(permuted, answers, strict=True)),
    )
    shapes = [
        _row(
            bench,
            f"{shape[0]} bars of {shape[1]}",
            made(family_asks(max(1, seeds // 10), _SHAPE_SEEDS, shape)),
        )
        for shape in _SHAPES
    ]
    blank = _row(bench, "untrained weights (floor)", made(asks[: 2 * len(FAMILIES)], trained=False))
    rows = [real, unheard, codec, model, shuffled, *shapes, blank]
    checks = _checks("", model, codec, shuffled, blank)
    if bench.release:
        sealed = _opened(bench)
        rows.insert(4, _row(bench, "the model, sealed prompts", made(sealed)))
        checks += _checks("sealed: ", rows[4], codec, shuffled, blank)
    return Part("families", tuple(rows), checks)


def _checks(prefix: str, model: Row, codec: Row, shuffled: Row, blank: Row) -> tuple[Check, ...]:
    return (
        Check(f"{prefix}right", model["right"], _NEEDED_RIGHT, {"shuffled": shuffled["right"]}),
        Check(f"{prefix}grid", model["grid"], _OF_THE_CODEC * codec["grid"], {}),
        Check(
            f"{prefix}pulse",
            model["pulse"],
            (codec["pulse"] + blank["pulse"]) / 2,
            {"untrained": blank["pulse"]},
        ),
        Check(
            f"{prefix}accent",
            model["accent"],
            _OF_THE_CODEC * codec["accent"],
            {"untrained": blank["accent"]},
        ),
    )


def _opened(bench: Bench) -> list[tuple[str, Ask]]:
    """Open the sealed prompts, and write down that they were opened: each time they are worth less."""
    prompts = open_sealed()
    path = bench.folder / "sealed-prompts-opened.jsonl"
    earlier = len(path.read_text("utf-8").splitlines()) if path.exists() else 0
    if earlier:
        bench.say(f"the sealed prompts were opened {earlier} times before, see {path}")
    line = {"opened": time.strftime("%Y-%m-%dT%H:%M:%S%z"), "checkpoint": bench.studio.fingerprint}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    per_family = min(len(listed) for listed in prompts.values())
    per_family = min(per_family, bench.config.evaluation.seeds_per_family)
    return list(family_asks(per_family, _SEALED_SEEDS, prompts=prompts))
