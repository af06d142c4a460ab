"""Run the parts of the evaluation, tell the table, and say whether what is needed is there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from riffsidecar.errors import TrainingError, nearest
from riffsidecar.training.config import TrainingConfig
from riffsidecar.training.evaluation.adherence import measure_adherence
from riffsidecar.training.evaluation.bench import Bench
from riffsidecar.training.evaluation.distances import (
    measure_distance,
    measure_diversity,
    measure_neighbours,
)
from riffsidecar.training.evaluation.families import measure_families
from riffsidecar.training.evaluation.knobs import measure_knobs
from riffsidecar.training.evaluation.loops import Studio
from riffsidecar.training.evaluation.morph import measure_morph
from riffsidecar.training.evaluation.pitch import measure_pads, measure_pitch
from riffsidecar.training.evaluation.sound import measure_sound, measure_speed
from riffsidecar.training.evaluation.steps import measure_steps
from riffsidecar.training.evaluation.table import Part

__all__ = ["BROKEN", "FAILED", "MEASURES", "PASSED", "evaluate"]

PASSED: Final = 0
FAILED: Final = 1
BROKEN: Final = 9
"""Exit codes: all that is needed is there; something is not; a floor does what only a model should."""

MEASURES: Final[Mapping[str, Callable[[Bench], Part | None]]] = MappingProxyType(
    {
        "families": measure_families,
        "knobs": measure_knobs,
        "adherence": measure_adherence,
        "pitch": measure_pitch,
        "sound": measure_sound,
        "distance": measure_distance,
        "neighbours": measure_neighbours,
        "speed": measure_speed,
        "diversity": measure_diversity,
        "steps": measure_steps,
        "morph": measure_morph,
        "pads": measure_pads,
    }
)
"""What measures each part of `PARTS`."""


def evaluate(
    checkpoint: Path,
    folder: Path,
    data: Path,
    config: TrainingConfig,
    say: Callable[[str], None],
    *,
    only: Collection[str] = (),
    release: bool = False,
    json_path: Path | None = None,
    workers: int = 2,
) -> int:
    """Tell the table of ``checkpoint``; return `PASSED`, `FAILED` or `BROKEN`.

    Args:
        checkpoint: a checkpoint directory.
        folder: where judge, tagger, their loops and the loops of checkpoints are kept.
        data: the shards of the training, for the nearest neighbours.
        config: how much is evaluated.
        say: told of every line.
        only: names of `PARTS`; all where it is empty.
        release: whether the sealed prompts are opened.
        json_path: where the figures are written, after each part.
        workers: processes that compose.

    Raises:
        TrainingError: a part that there is none of, or settings that measure nothing.
        CheckpointError: the checkpoint cannot be read.
    """
    for name in only:
        if name not in MEASURES:
            raise TrainingError(
                f"the evaluation has no part {name!r}{nearest(name, MEASURES)}; it has: {', '.join(MEASURES)}"
            )
    if release and only and "families" not in only:
        raise TrainingError(
            "the sealed prompts are asked in the part 'families': name it in --only, or drop it"
        )
    begin = time.perf_counter()
    folder.mkdir(parents=True, exist_ok=True)
    studio = Studio(checkpoint, folder, config.evaluation, say)
    bench = Bench(studio, folder, data, config, say, release=release, workers=workers)
    parts: list[Part] = []
    for name, measure in MEASURES.items():
        if only and name not in only:
            continue
        since = time.perf_counter()
        part = measure(bench)
        if part is None:
            continue
        parts.append(part)
        for line in part.lines():
            say(line)
        say(f"  {time.perf_counter() - since:.0f} s")
        if json_path is not None:
            _write(json_path, studio.fingerprint, parts, release=release)
    verdict, code = _verdict(parts)
    say(f"{time.perf_counter() - begin:.0f} s; {verdict}")
    return code


def _verdict(parts: Collection[Part]) -> tuple[str, int]:
    checks = [(part.name, check) for part in parts for check in part.checks]
    broken = [f"{name}: {check.name}" for name, check in checks if check.passing_floors]
    if broken:
        return f"the evaluation is broken, a floor passes it: {'; '.join(broken)}", BROKEN
    missed = [f"{name}: {check.name}" for name, check in checks if not check.holds]
    if missed:
        return f"failed: {len(missed)} of {len(checks)} are not reached: {'; '.join(missed)}", FAILED
    return f"passed: all {len(checks)} are reached", PASSED


def _write(path: Path, fingerprint: str, parts: Collection[Part], *, release: bool) -> None:
    verdict, _ = _verdict(parts)
    values = {
        "checkpoint": fingerprint,
        "release": release,
        "verdict": verdict,
        "parts": {part.name: part.to_json() for part in parts},
    }
    partial = path.with_name(f"{path.name}.part")
    partial.write_text(json.dumps(values, indent=1), "utf-8")
    partial.replace(path)
