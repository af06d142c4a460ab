"""The controls that the devices share: sixteen pads, and the dials of the knob table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from max_for_live.patcher import Box, Patch, Rect, Style, button, choice, number
from riffsidecar.control.osc_table import ANSWERS
from riffsidecar.session.knobs import KNOBS, Knob
from riffsidecar.session.pads import NUM_PADS

__all__ = [
    "KNOBS_PER_ROW",
    "KNOB_BANKS",
    "PADS_PER_ROW",
    "RED",
    "add_light",
    "add_pads",
    "after_samples",
    "initial_value",
    "knob_control",
    "pad_rect",
]

PADS_PER_ROW: Final = 4
RED: Final = [0.9, 0.2, 0.15, 1.0]
KNOBS_PER_ROW: Final = -(-len(KNOBS) // 2)
"""Knobs lie in two rows."""

_PAGE = 8
_NAMES = tuple(name.capitalize() for name in KNOBS)
KNOB_BANKS: Final = tuple(
    (f"Knobs {place // _PAGE + 1}", _NAMES[place : place + _PAGE]) for place in range(0, len(_NAMES), _PAGE)
)
"""The pages that Push and other controllers show."""

_EMPTY = [0.3, 0.3, 0.3, 1.0]
_WHITE = [1.0, 1.0, 1.0, 1.0]


def after_samples() -> tuple[str, ...]:
    """Return what ``/riff/done`` says from the number of samples on.

    A loop without a key has an empty text before it, which may get lost, so it is read from the end.

    >>> after_samples()[:2]
    ('samples', 'sr')
    """
    words = ANSWERS["/riff/done"].arguments.split()
    return tuple(words[words.index("samples") :])


def initial_value(knob: Knob) -> float:
    """Return where the dial of a knob begins; in the middle where the model is free.

    >>> initial_value(KNOBS["guidance"]), initial_value(KNOBS["energy"]), initial_value(KNOBS["quality"])
    (4.0, 0.5, 1.0)
    """
    if isinstance(knob.default, str):
        return float(knob.choices.index(knob.default))
    return float((knob.minimum + knob.maximum) / 2 if knob.default is None else knob.default)


def pad_rect(number: int, left: int, top: int, size: tuple[int, int], gap: int) -> Rect:
    """Return where a pad lies; pad 1 is at the lower left, as on a pad controller.

    >>> pad_rect(1, 8, 28, (66, 31), 3), pad_rect(16, 8, 28, (66, 31), 3)
    ((8, 130, 66, 31), (215, 28, 66, 31))
    """
    row, column = divmod(number - 1, PADS_PER_ROW)
    width, height = size
    rows = NUM_PADS // PADS_PER_ROW
    return left + column * (width + gap), top + (rows - 1 - row) * (height + gap), width, height


def add_pads(patch: Patch, left: int, top: int, size: tuple[int, int], gap: int) -> Sequence[str]:
    """Add sixteen pads, hidden from Live, and return their ids."""
    return [
        patch.parameter(
            f"pad{each}",
            "live.text",
            pad_rect(each, left, top, size, gap),
            f"Pad {each}",
            f"Asks riffsidecar for the loop of pad {each} of its bank. Faint: nothing yet. Amber: being "
            "made, with the share that is done. Bright: ready. Red: failed, and the line above says why.",
            button(),
            shortname=str(each),
            mode=0,
            text=str(each),
            texton=str(each),
            activebgcolor=_EMPTY,
            activetextcolor=_WHITE,
            fontsize=9.0,
        )
        for each in range(1, NUM_PADS + 1)
    ]


def knob_control(patch: Patch, knob: Knob, rect: Rect, menu_height: int = 15) -> str:
    """Add the dial of a knob, or its menu where the knob is a list of choices, and return its id."""
    longname = knob.name.capitalize()
    info = f"{knob.help[:1].upper()}{knob.help[1:]}. At its default it leaves the choice to the pad."
    if not knob.choices:
        value: Box = number(knob.minimum, knob.maximum, initial_value(knob), Style.FLOAT)
        return patch.parameter(knob.name, "live.dial", rect, longname, info, value)
    left, top, width, _ = rect
    patch.label(f"{knob.name}-label", (left, top, width, 16), longname, textjustification=1)
    place = (left, top + 17, width, menu_height)
    return patch.parameter(
        knob.name, "live.menu", place, longname, info, choice(knob.choices, round(initial_value(knob)))
    )


def add_light(patch: Patch, width: int, left: int = 8) -> None:
    """Add the light that tells whether the daemon is there, and the line of text beside it."""
    patch.label("light", (left, 4, 16, 18), "\u25cf", textcolor=RED, fontsize=14.0)
    patch.label("status", (left + 17, 5, width - left - 25, 18), "riffsidecar", fontsize=10.0)
