"""Measure a checkpoint on unseen prompts and seeds, beside references that give the figures a scale."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from riffsidecar.diffusion.checkpoints import load_pipeline
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.music import LoopLength, Meter, Tempo
from riffsidecar.spectrogram import BEAT_GRID, analyse, synthesise, uint8_to_mel
from riffsidecar.training.captions import eval_prompts
from riffsidecar.training.config import TrainingConfig
from riffsidecar.training.dataset import make_record
from riffsidecar.training.judge import Judge, trained_judge
from riffsidecar.training.measures import downbeat_accent, grid_share, pulse
from riffsidecar.training.score import FAMILIES

__all__ = ["Row", "evaluate"]

_TEMPI = (70, 84, 92, 100, 110, 120, 126, 132, 140, 150, 160, 168, 175)
#: (bars, meter) of the report on lengths and meters.
_SHAPES = ((1, "4/4"), (2, "4/4"), (4, "4/4"), (8, "4/4"), (4, "3/4"), (4, "6/8"), (4, "5/4"), (2, "7/8"))
_RHYTHMIC = ("drums", "bass", "lead-arp", "groove")
_NEEDED_SHARE = 0.8
_NEEDED_GRID = 0.9


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    ``right`` is the judge's share of right answers; ``grid``, ``pulse`` and ``accent`` are means of
    :mod:`~riffsidecar.training.measures` over the rhythmic families.
    """

    name: str
    loops: int
    right: float
    grid: float
    pulse: float
    accent: float
    by_family: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Case:
    family: str
    prompt: str
    seed: int
    length: LoopLength


def _cases(per_family: int, first_seed: int, shape: tuple[int, str] = (4, "4/4")) -> Iterator[_Case]:
    for index in range(per_family):
        for number, family in enumerate(FAMILIES):
            prompts = eval_prompts(family)
            tempo = _TEMPI[(index * len(FAMILIES) + number) % len(_TEMPI)]
            length = LoopLength(Fraction(shape[0]), Meter.parse(shape[1]), Tempo.parse(tempo))
            yield _Case(family, prompts[index % len(prompts)], first_seed + index, length)


def _heard(spectrogram: NDArray[np.float32], length: LoopLength) -> NDArray[np.float32]:
    """Return the spectrogram of the sound: what the judge hears has been through phase reconstruction."""
    samples = synthesise(spectrogram, length.num_samples(BEAT_GRID.sample_rate), BEAT_GRID)
    return analyse(samples, length.frames, BEAT_GRID)


def _row(name: str, judge: Judge, heard: list[tuple[str, LoopLength, NDArray[np.float32]]]) -> Row:
    right: dict[str, list[bool]] = {}
    rhythm: list[tuple[float, float, float]] = []
    for family, length, spectrogram in heard:
        right.setdefault(family, []).append(FAMILIES[judge.classify(spectrogram)] == family)
        if family in _RHYTHMIC:
            rhythm.append(
                (
                    grid_share(spectrogram, length),
                    pulse(spectrogram, length),
                    downbeat_accent(spectrogram, length),
                )
            )
    every = [answer for answers in right.values() for answer in answers]
    grid, beat, accent = (float(mean) for mean in np.mean(rhythm, axis=0))
    return Row(
        name,
        len(every),
        float(np.mean(every)),
        grid,
        beat,
        accent,
        {family: float(np.mean(answers)) for family, answers in right.items()},
    )


def _generate(pipeline: LoopPipeline, case: _Case, config: TrainingConfig) -> NDArray[np.float32]:
    output = pipeline(
        case.prompt,
        length=case.length,
        seed=case.seed,
        num_inference_steps=config.evaluation.num_inference_steps,
        guidance_scale=config.evaluation.guidance,
    )
    return output.spectrogram


def _untrained(pipeline: LoopPipeline) -> None:
    """Replace the denoiser by one as it is before training."""
    torch.manual_seed(0)
    fresh = type(pipeline.denoiser).from_config(pipeline.denoiser.config)
    pipeline.denoiser.load_state_dict(fresh.state_dict())


def evaluate(
    checkpoint: Path,
    folder: Path,
    config: TrainingConfig,
    say: Callable[[str], None],
    *,
    json_path: Path | None = None,
) -> int:
    """Tell the table of ``checkpoint``; return 0 when it holds what is needed, 1 when it does not.

    Needed: the judge is right in 80 % of the loops, onsets are on the grid in 0.9 of the codec's share, and
    their pulse is at least half of the way from untrained weights to the codec: latent columns lie on the
    grid, so that the onsets of untrained weights do too, but they make no rhythm. The same command must see
    shuffled prompts and untrained weights fail, else it says that the evaluation itself is broken.
    """
    begin = time.perf_counter()
    pipeline = load_pipeline(checkpoint)
    judge, ceiling = trained_judge(folder, config, say)
    say(f"judge: right on {ceiling:.3f} of held-out renders")
    rows: list[Row] = []

    def add(row: Row) -> Row:
        rows.append(row)
        families = "  ".join(f"{name} {share:.2f}" for name, share in row.by_family.items())
        say(
            f"{row.name:<28} {row.loops:>4} loops  right {row.right:.3f}  grid {row.grid:.3f}  "
            f"pulse {row.pulse:.3f}  accent {row.accent:.3f}  {families}"
        )
        return row

    real, unheard, coded = [], [], []
    per_family = max(1, config.evaluation.seeds_per_family // 2)
    for index in range(per_family * len(FAMILIES)):
        family = FAMILIES[index % len(FAMILIES)]
        record, quantised = make_record(77_000_000 + index, config.data, family=family)
        spectrogram = uint8_to_mel(quantised)
        real.append((family, record.length, spectrogram))
        other, quantised = make_record(78_000_000 + index, config.data, family=family, timbres="held-out")
        unheard.append((family, other.length, uint8_to_mel(quantised)))
        coded.append(
            (family, record.length, _heard(pipeline.decode(pipeline.encode(spectrogram)), record.length))
        )
    add(_row("real loops (ceiling)", judge, real))
    add(_row("real loops, unheard timbres", judge, unheard))
    codec = add(_row("through the codec (ceiling)", judge, coded))

    cases = list(_cases(config.evaluation.seeds_per_family, 5_000_000))
    made = [
        (case.family, case.length, _heard(_generate(pipeline, case, config), case.length)) for case in cases
    ]
    model = add(_row("the model, unseen prompts", judge, made))
    families = np.random.default_rng(0).permutation([family for family, _, _ in made])
    shuffled = add(
        _row(
            "shuffled prompts (floor)",
            judge,
            [(str(f), n, s) for f, (_, n, s) in zip(families, made, strict=True)],
        )
    )
    for shape in _SHAPES:
        some = list(_cases(max(1, config.evaluation.seeds_per_family // 10), 6_000_000, shape))
        heard = [
            (case.family, case.length, _heard(_generate(pipeline, case, config), case.length))
            for case in some
        ]
        add(_row(f"{shape[0]} bars of {shape[1]}", judge, heard))
    _untrained(pipeline)
    some = cases[: 2 * len(FAMILIES)]
    blank = [
        (case.family, case.length, _heard(_generate(pipeline, case, config), case.length)) for case in some
    ]
    untrained = add(_row("untrained weights (floor)", judge, blank))

    needed_grid = _NEEDED_GRID * codec.grid
    needed_pulse = (codec.pulse + untrained.pulse) / 2

    def passes(row: Row) -> bool:
        return row.right >= _NEEDED_SHARE and row.grid >= needed_grid and row.pulse >= needed_pulse

    if json_path is not None:
        json_path.write_text(json.dumps([asdict(row) for row in rows], indent=1), "utf-8")
    say(
        f"{time.perf_counter() - begin:.0f} s; needed: right {_NEEDED_SHARE}, grid {needed_grid:.3f}, "
        f"pulse {needed_pulse:.3f}"
    )
    broken = untrained.pulse >= codec.pulse or passes(untrained) or shuffled.right >= _NEEDED_SHARE
    if broken:
        say("the evaluation is broken: a floor passes it")
    else:
        say("passed" if passes(model) else "failed")
    return 0 if passes(model) and not broken else 1
