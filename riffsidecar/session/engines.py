"""Which model makes a loop, and how: LoRAs, what anchors it in time, its seam, how many steps are guided."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from riffsidecar.errors import MusicError, SessionError, nearest
from riffsidecar.music.groove import Groove
from riffsidecar.music.shown import shown

__all__ = [
    "ALL_GUIDED",
    "AUTO_ANCHOR",
    "AUTO_GUIDED",
    "DEFAULT_GUIDED",
    "EMBEDDED_MODEL",
    "NO_ANCHOR",
    "SEAMS",
    "LoraUse",
    "check_air",
    "check_anchor",
    "check_guided",
    "check_lora",
    "check_model",
    "check_seam",
    "guided_by",
    "parse_lora",
]

EMBEDDED_MODEL: Final = "embedded"
AUTO_ANCHOR: Final = ""
"""A model that knows no tempo begins from a drawn groove of its own choice; one that does, from noise."""

NO_ANCHOR: Final = "none"
SEAMS: Final = ("circular", "roll", "repaint", "line")
"""How a model that was trained on pictures with edges closes a loop."""

ALL_GUIDED: Final = 1.0
DEFAULT_GUIDED: Final = 0.5
"""The share of the steps that are guided where nobody says which, in models other than the embedded one."""

AUTO_GUIDED: Final = -1.0
"""Stands for the share that a model has by itself, see :func:`guided_by`."""

_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_LORA = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})(?::(-?[0-9]{0,2}\.?[0-9]{0,4}))?", re.ASCII)
_MOST_LORAS = 4
_MOST_SCALE = 4.0


@dataclass(frozen=True, slots=True)
class LoraUse:
    """A LoRA by its name, and how much of it: 1 is as it was trained."""

    name: str
    scale: float = 1.0

    def __str__(self) -> str:
        return self.name if self.scale == 1.0 else f"{self.name}:{self.scale:g}"


def check_model(value: object) -> str:
    """Return the name of a model; never a path.

    Raises:
        SessionError: it is none.
    """
    if not isinstance(value, str) or not _MODEL.fullmatch(value):
        raise SessionError(
            f"model is {shown(value)}, but must be a name of letters, digits, '.', '-' and '_'; "
            "'riffsidecar model list' shows them"
        )
    return value


def parse_lora(text: str) -> tuple[LoraUse, ...]:
    """Read ``"name"``, ``"name:0.8"`` or several with commas between.

    Raises:
        SessionError: it is none of these.

    >>> [str(use) for use in parse_lora("lcm-lora, dusty:0.50")]
    ['lcm-lora', 'dusty:0.5']
    """
    uses = []
    for part in (part.strip() for part in text.split(",") if part.strip()):
        found = _LORA.fullmatch(part)
        try:
            scale = float(found.group(2) or 1.0) if found else 0.0
        except ValueError:
            found = None
        if found is None or not abs(scale) <= _MOST_SCALE:
            raise SessionError(
                f"lora is {shown(part)}, but must be a name and, if wanted, how much of it: 'dusty:0.8'"
            )
        uses.append(LoraUse(found.group(1), scale))
    if len(uses) > _MOST_LORAS:
        raise SessionError(f"lora names {len(uses)} of them, but at most {_MOST_LORAS} go together")
    return tuple(uses)


def check_lora(value: object) -> str:
    """Return LoRAs as they are written shortest.

    Raises:
        SessionError: they are none.
    """
    if not isinstance(value, str):
        raise SessionError(f"lora is {shown(value)}, but must be text such as 'dusty:0.8'")
    return ",".join(str(use) for use in parse_lora(value))


def check_anchor(value: object) -> str:
    """Return what anchors a loop in time: a groove, :data:`NO_ANCHOR`, or :data:`AUTO_ANCHOR`.

    Raises:
        SessionError: it is none of them.

    >>> check_anchor("Boom-Bap swing 0.58"), check_anchor("none")
    ('boom-bap 58%', 'none')
    """
    if not isinstance(value, str):
        raise SessionError(f"anchor is {shown(value)}, but must be a groove such as 'boom-bap 58%', or none")
    text = value.strip().lower()
    if text in (AUTO_ANCHOR, "auto"):
        return AUTO_ANCHOR
    if text == NO_ANCHOR:
        return NO_ANCHOR
    try:
        return str(Groove.parse(text))
    except MusicError as error:
        raise SessionError(f"anchor: {error}, or {NO_ANCHOR}") from error


def check_air(value: object) -> float:
    """Return how much is filled in above the highest band of a model that ends early, from 0 to 1.

    Raises:
        SessionError: it is no such number.
    """
    return _share("air", value)


def check_guided(value: object) -> float:
    """Return the share of the steps, from the noisiest on, that are guided: 0 to 1, or :data:`AUTO_GUIDED`.

    Raises:
        SessionError: it is no such number.

    >>> check_guided("0.25"), check_guided("auto") == AUTO_GUIDED
    (0.25, True)
    """
    if value in ("auto", AUTO_GUIDED):
        return AUTO_GUIDED
    return _share("guided", value, ", or auto")


def guided_by(model: str, value: object) -> float:
    """Return the share of the steps that a model guides, 0 to 1.

    Where it is of the model's own choice, the embedded one, whose solver keeps its guidance, guides every
    step, and any other guides :data:`DEFAULT_GUIDED` of them.

    Raises:
        SessionError: the value is none.

    >>> guided_by("embedded", "auto"), guided_by("riffusion-v1", "auto"), guided_by("riffusion-v1", 1)
    (1.0, 0.5, 1.0)
    """
    share = check_guided(value)
    if share != AUTO_GUIDED:
        return share
    return ALL_GUIDED if model == EMBEDDED_MODEL else DEFAULT_GUIDED


def _share(name: str, value: object, otherwise: str = "") -> float:
    try:
        share = round(float(value), 5) if isinstance(value, int | float | str) else -1.0
    except ValueError:
        share = -1.0
    if isinstance(value, bool) or not 0.0 <= share <= 1.0:
        raise SessionError(f"{name} is {shown(value)}, but must be a number from 0 to 1{otherwise}")
    return share


def check_seam(value: object) -> str:
    """Return how a loop is closed, one of :data:`SEAMS`.

    Raises:
        SessionError: it is none of them.
    """
    if value not in SEAMS:
        hint = nearest(value[:32], SEAMS) if isinstance(value, str) else ""
        raise SessionError(f"seam is {shown(value)}, but must be one of {', '.join(SEAMS)}{hint}")
    return str(value)
