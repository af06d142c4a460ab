"""Leave guidance out of the later steps, where it changes little and costs half of the work.

Late on the way the predictions with and without the prompt agree, so that a step can do with the one under
the prompt alone: Castillo et al. 2023, "Adaptive Guidance: Training-free Acceleration of Conditional
Diffusion Models"; Kynkäänniemi et al. 2024, "Applying Guidance in a Limited Interval Improves Sample and
Distribution Quality in Diffusion Models".

What the solver integrates has a jump there. A multistep method that carried predictions across it would take
the jump for a slope, and lead away from the prompt by a part of the guidance; it begins anew instead.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol

from riffsidecar.diffusion.values import Conditions

__all__ = ["Restartable", "conditions_at", "num_guided_steps"]


class Restartable(Protocol):
    """A solver that may remember earlier predictions."""

    def restart(self) -> None:
        """Forget them: the next step is as the first one was."""


def num_guided_steps(guided: float, num_steps: int) -> int:
    """Return how many of a run's steps are guided, from the noisiest on: the share ``guided``, rounded up.

    >>> num_guided_steps(0.5, 15), num_guided_steps(1.0, 15), num_guided_steps(0.0, 15)
    (8, 15, 0)
    """
    return math.ceil(round(guided * num_steps, 9))


def conditions_at(conditions: Conditions, step: int, num_steps: int, *solvers: Restartable) -> Conditions:
    """Return what is said at a step: all, or behind the guided steps the last prompt, the wanted one, alone.

    Args:
        conditions: of the run, the negative prompt before the wanted one.
        step: counted from 0.
        num_steps: of the run.
        solvers: what takes the step; they begin anew at the first one that is not guided.
    """
    guided = num_guided_steps(conditions.guided, num_steps)
    if len(conditions.mix) == 1 or step < guided:
        return conditions
    if step == guided > 0:
        for solver in solvers:
            solver.restart()
    return replace(
        conditions,
        hidden_states=conditions.hidden_states[-1:],
        token_weights=conditions.token_weights[-1:],
        mix=(1.0,),
        columns=conditions.columns[-1:],
        controls=conditions.controls[-1:],
    )
