"""The command that starts a journey, and the options that it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from riffsidecar.errors import SessionError, UnknownNameError, nearest
from riffsidecar.music.shown import shown
from riffsidecar.session.checks import check_int
from riffsidecar.session.journeys import (
    FORMS,
    MAX_JOURNEY_BARS,
    MAX_LOOP_BARS,
    MAX_PIECE_BARS,
    MAX_PROMPTS,
)
from riffsidecar.session.options import check_option, option_name
from riffsidecar.session.pads import NUM_PADS
from riffsidecar.session.text import MAX_PROMPT, clean_text

__all__ = ["JOURNEY_OPTIONS", "StartJourney", "check_journey_option"]

JOURNEY_OPTIONS: Final = (
    "bars",
    "loops",
    "pieces",
    "file",
    "endless",
    "slot",
    "slots",
    "bpm",
    "meter",
    "key",
    "chords",
    "negative",
    "seed",
    "drift",
    "guidance",
    "brightness",
    "density",
    "energy",
    "quality",
    "anchor",
    "guided",
    "sample_rate",
    "bit_depth",
)
"""Options of a journey that any client may give."""

_WHOLE: Final = {
    "bars": (2, MAX_JOURNEY_BARS),
    "loops": (1, MAX_LOOP_BARS),
    "pieces": (1, MAX_PIECE_BARS),
    "file": (0, 1),
    "endless": (0, 1),
    "slot": (0, NUM_PADS),
    "slots": (1, NUM_PADS),
}


def check_journey_option(written: object, value: Any) -> tuple[str, object]:
    """Return the name and the value of an option however they were written.

    Raises:
        UnknownNameError: for an unknown option, with the nearest one.
        RiffError: for a value that cannot be.

    >>> check_journey_option("bars", 32.0), check_journey_option("quality", "draft")
    (('bars', 32), ('quality', 'draft'))
    """
    name = option_name(written)
    if name not in JOURNEY_OPTIONS:
        raise UnknownNameError(
            f"a journey has no option {shown(name)}, but {', '.join(JOURNEY_OPTIONS)}"
            + nearest(name[:32], JOURNEY_OPTIONS)
        )
    if name not in _WHOLE:
        return name, check_option(name, value)
    if isinstance(value, str) and value.strip().isdecimal() and len(value) <= 9:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return name, check_int(name, value, *_WHOLE[name])


@dataclass(frozen=True, slots=True)
class StartJourney:
    """Travel through prompts; ``options`` are pairs of a name and a value, see `check_journey_option`.

    >>> StartJourney(("ambient pad", "acid techno"), (("bars", 16), ("slot", 3), ("slots", 4))).slots
    range(3, 7)
    """

    prompts: tuple[str, ...]
    options: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Check the prompts and every option; a name may come once, and there is one form."""
        prompts = tuple(clean_text(prompt, "prompt", MAX_PROMPT) for prompt in self.prompts)
        if not 2 <= len(prompts) <= MAX_PROMPTS or not all(prompts):
            raise SessionError(
                f"a journey goes through {len(prompts)} prompts, but must go through 2 to {MAX_PROMPTS}, "
                "none of them empty: name where it begins and where it leads"
            )
        object.__setattr__(self, "prompts", prompts)
        checked: dict[str, object] = {}
        for written, value in self.options:
            name, kept = check_journey_option(written, value)
            if name in checked:
                raise SessionError(f"option {name} is given twice: give it once")
            checked[name] = kept
        if sum(bool(checked.get(name)) for name in ("loops", "pieces", "file")) > 1:
            raise SessionError(f"a journey comes as one of {', '.join(FORMS)}: name one of them")
        object.__setattr__(self, "options", tuple(checked.items()))
        if self.slots.stop > NUM_PADS + 1:
            raise SessionError(
                f"{len(self.slots)} slots from slot {self.slots.start} on reach beyond slot {NUM_PADS}: "
                f"begin at slot {NUM_PADS + 1 - len(self.slots)}, or take fewer"
            )
        if checked.get("file") and len(self.slots) > 1:
            raise SessionError("one file goes to one slot: leave slots out, or ask for loops or pieces")

    @property
    def slots(self) -> range:
        """Return the slots that the pieces go to, one after the other and around again."""
        options = dict(self.options)
        first = int(options.get("slot", 0))
        return range(first, first + int(options.get("slots", 1)))
