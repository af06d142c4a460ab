"""What few steps cost: the flow map at four and two beside the solver that it was distilled from."""

from __future__ import annotations

import dataclasses

from riffsidecar.training.evaluation.adherence import Asked, adherence_row
from riffsidecar.training.evaluation.bench import Bench
from riffsidecar.training.evaluation.distances import kernel_distance, stacked
from riffsidecar.training.evaluation.loops import Ask
from riffsidecar.training.evaluation.table import Check, Part, Row

__all__ = ["measure_steps"]

_SOLVER_STEPS = (16, 6, 4)
_LEAPS = (4, 2)
_OF_TEACHER = 0.9
_TOLD = ("auc", "genre auc", "instruments auc", "drums auc", "genre top-1")


def measure_steps(bench: Bench) -> Part | None:
    """Ask for composed loops by seen phrasings, of the solver and of the flow map, in fewer and fewer steps.

    A step of the solver takes two passes of the denoiser, one of the flow map takes one. Needed: adherence at
    0.9 of the way from shuffled prompts to that of the solver in 16 steps. None where the checkpoint has no
    flow map.
    """
    if bench.studio.pipeline.flow_map is None:
        bench.say("the checkpoint has no flow map: few steps are left out")
        return None
    asked = Asked.of([bench.real(index).score for index in range(bench.count)], "seen")
    pool = stacked(bench.pool)

    def row(name: str, steps: int, *, leaps: bool, shuffled: bool = False) -> Row:
        heard = []
        for index in range(bench.count):
            ask: Ask = dataclasses.replace(bench.ask(index, "seen"), steps=steps, leaps=leaps)
            heard.append(bench.tagger.listen(bench.studio.made(ask).spectrogram))
        figures = adherence_row(name, asked.shuffled() if shuffled else asked, heard).figures
        told = {figure: figures[figure] for figure in _TOLD}
        return Row(name, bench.count, {**told, "kad": kernel_distance(stacked(heard), pool)})

    solved = [row(f"the solver, {steps} steps", steps, leaps=False) for steps in _SOLVER_STEPS]
    teacher = solved[0]
    shuffled = row("16 steps, shuffled (floor)", _SOLVER_STEPS[0], leaps=False, shuffled=True)
    students = [row(f"the flow map, {steps} steps", steps, leaps=True) for steps in _LEAPS]
    needed = shuffled["auc"] + _OF_TEACHER * (teacher["auc"] - shuffled["auc"])
    checks = tuple(
        Check(f"{steps} steps: auc", student["auc"], needed, {"shuffled": shuffled["auc"]})
        for steps, student in zip(_LEAPS, students, strict=True)
    )
    return Part("steps", (*solved, shuffled, *students), checks)
