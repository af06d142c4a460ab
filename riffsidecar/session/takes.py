"""A take: how the loop of a slot is asked for, and what the actions since have made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from riffsidecar.music import BarSpans
from riffsidecar.session.actions import ActionValue
from riffsidecar.session.checks import MAX_SEED
from riffsidecar.session.commands import Render
from riffsidecar.session.loops import Loop
from riffsidecar.session.options import OPTIONS
from riffsidecar.session.passages import Passage
from riffsidecar.session.requests import LoopRequest

__all__ = ["TAKES", "PadHit", "Take", "next_seed", "passage_take"]

# Drift walks from a seed to the one after it, and several loops of one command take seeds in a row.
_SEED_STEP: Final = 1000


@dataclass(frozen=True, slots=True)
class PadHit:
    """A pad that was hit, 1 to 16, of the bank of a name."""

    bank: str
    pad: int
    velocity: int | None = None


@dataclass(frozen=True, slots=True)
class Take:
    """How a loop is asked for.

    Attributes:
        source: what was hit or asked for.
        seed: a seed of its own; None for that of the session.
        base: the earlier loop that strength begins from and locks keep parts of. It stays while knobs are
            turned, so that a knob that comes back to where it was brings back the loop that was there.
        base_seed: the seed of what is made from ``base``; None for the one after its own. Its own noise would
            lead back to it whatever the strength.
        distance: how far from ``base`` this loop is, whatever the knob says; None for the knob.
        only: the bars that are made anew, None for all.
        fill: how many bars at the end are made anew and busier, if any.
        drums: one of ``DRUM_PARTS``.
    """

    source: PadHit | Render
    seed: int | None = None
    base: Loop | None = None
    base_seed: int | None = None
    distance: float | None = None
    only: BarSpans | None = None
    fill: Fraction | None = None
    drums: str = "both"

    def on(self, base: Loop | None) -> Take:
        """Return the take with another loop to begin from."""
        return self if base == self.base else replace(self, base=base, base_seed=None)

    def whole(self) -> Take:
        """Return the take without what was asked for one loop alone: a distance, some bars, a fill."""
        return replace(self, distance=None, only=None, fill=None)

    def without_knob(self, knob: str, velocity_knob: str | None) -> Take:
        """Return the take without its own value of a knob, for the hand on the knob is later.

        ``velocity_knob`` is the knob that the velocity of its pad turns.
        """
        take = replace(self, distance=None) if knob == "strength" else self
        source = self.source
        if isinstance(source, Render):
            kept = tuple(option for option in source.options if option[0] != knob)
            return replace(take, source=Render(source.prompt, kept))
        return replace(take, source=replace(source, velocity=None)) if knob == velocity_knob else take

    @property
    def is_whole(self) -> bool:
        """Return whether nothing was asked for one loop alone."""
        return self.distance is None and self.only is None and self.fill is None


def next_seed(seed: int) -> int:
    """Return the seed after one, for another loop of the same idea.

    >>> next_seed(7), next_seed(MAX_SEED)
    (1007, 999)
    """
    return (seed + _SEED_STEP) % (MAX_SEED + 1)


def passage_take(passage: Passage) -> Take:
    """Return how the bars of a journey are asked for as a loop of their own.

    What the journey's command left open follows the session; the seed is where the noise has walked to.
    """
    prompt, prompt_b, morph = passage.stations
    options = {name: value for name, value in passage.given if name in OPTIONS}
    options |= {"bars": passage.piece.bars, "morph": morph, "drift": passage.walk.amount}
    if prompt_b:
        options["prompt_b"] = prompt_b
    if passage.chords != passage.journey.chords:
        # Bars in mid-journey may begin with another chord than the first.
        options["chords"] = passage.chords
    options.pop("seed", None)
    return Take(Render(prompt, tuple(options.items())), seed=passage.walk.seed)


def _again(take: Take, before: LoopRequest, base: Loop | None) -> Take:
    seed = next_seed(before.seed)
    return replace(take.whole().on(base), seed=seed, base_seed=seed)


def _once(take: Take, before: LoopRequest, base: Loop, **changes: Any) -> Take:
    """Return a take for one loop from ``base``; hitting the pad brings back the loop of its own seed."""
    return replace(take.whole().on(base), base_seed=next_seed(before.seed), **changes)


def _like(take: Take, before: LoopRequest, base: Loop, distance: ActionValue) -> Take:
    return _once(take, before, base, distance=float(distance))


def _change(take: Take, before: LoopRequest, base: Loop, first: ActionValue, last: ActionValue) -> Take:
    return _once(take, before, base, only=BarSpans.parse((first, last)))


def _fill(take: Take, before: LoopRequest, base: Loop, bars: ActionValue) -> Take:
    return _once(take, before, base, fill=Fraction(bars).limit_denominator(64))


def _drums(take: Take, before: LoopRequest, base: Loop, part: ActionValue) -> Take:
    return replace(take.whole().on(base), drums=str(part))


TAKES: Final[Mapping[str, Callable[..., Take]]] = MappingProxyType(
    {"again": _again, "like": _like, "change": _change, "fill": _fill, "drums": _drums}
)
"""What each action that makes a loop makes of a take: of the take, the newest request, the current loop and
the values of the action."""
