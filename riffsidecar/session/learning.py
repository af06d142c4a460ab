"""Learn mode as a session has it: which pad or knob waits for a control, and what was learned last."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from riffsidecar.errors import SessionError
from riffsidecar.session.knobs import find_knob
from riffsidecar.session.text import MAX_NAME, clean_text

__all__ = ["FORGET", "LEARN_MODES", "Learn", "Learned", "Teaching", "check_target"]

FORGET: Final = "forget"
"""The mode that lets go of what a target was tied to."""

LEARN_MODES: Final = ("auto", "absolute", "twos-complement", "offset", "sign-magnitude", FORGET)
"""How the control of a knob counts; by itself where it is ``"auto"``."""

_TARGET = re.compile(r"pad ([0-9]{1,2})|knob ([a-z]+)")
_NUM_PADS = 16


@dataclass(frozen=True, slots=True)
class Learn:
    """Let a pad or a knob wait for a control; an empty target waits no longer.

    >>> Learn("Pad 3"), Learn("morph", "offset").target
    (Learn(target='pad 3', mode='auto'), 'knob morph')
    """

    target: str = ""
    mode: str = "auto"

    def __post_init__(self) -> None:
        """Refuse a target or a mode that is none."""
        if self.target:
            object.__setattr__(self, "target", check_target(self.target))
        if self.mode not in LEARN_MODES:
            raise SessionError(f"mode is {self.mode[:40]!r}, but must be one of {', '.join(LEARN_MODES)}")


@dataclass(frozen=True, slots=True)
class Learned:
    """Say what a target was tied to, in words; nothing waits any longer."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what is no short text."""
        object.__setattr__(self, "text", clean_text(self.text, "learned", 2 * MAX_NAME))


@dataclass(frozen=True, slots=True)
class Teaching:
    """Hold what waits for a control, and what was learned last."""

    target: str = ""
    mode: str = "auto"
    learned: str = ""

    def after(self, command: Learn | Learned) -> Teaching:
        """Return what a command makes of it."""
        if isinstance(command, Learned):
            return Teaching(learned=command.text)
        return Teaching(command.target, command.mode, "" if command.target else self.learned)

    @property
    def state(self) -> dict[str, object]:
        """Return its part of the session's state."""
        return {"learning": self.target, "learn_mode": self.mode, "learned": self.learned}


def check_target(target: str) -> str:
    """Return a target as it is kept.

    Raises:
        SessionError: it is neither a pad nor a knob.

    >>> check_target("Pad 3"), check_target("morph")
    ('pad 3', 'knob morph')
    """
    text = " ".join(target.lower().split())
    found = _TARGET.fullmatch(text) or _TARGET.fullmatch(f"{'pad' if text.isdecimal() else 'knob'} {text}")
    if found is None:
        raise SessionError(
            f"target is {target[:40]!r}, but must be a pad such as 'pad 3' or a knob such as 'morph'"
        )
    if found[2] is not None:
        return f"knob {find_knob(found[2]).name}"
    if not 1 <= int(found[1]) <= _NUM_PADS:
        raise SessionError(f"pad is {found[1]}, but must be from 1 to {_NUM_PADS}")
    return f"pad {int(found[1])}"
