"""What the licences of weights forbid, told before anything is fetched, and accepted once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["LICENCES", "needs_acceptance", "unknown_licence"]

LICENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "CreativeML OpenRAIL-M": """\
These weights are under the CreativeML OpenRAIL-M licence. You may use, change and sell what you make with
them, but whoever uses them, or passes them or models derived from them on, must not use them (Attachment A,
in short; what counts is https://huggingface.co/spaces/CompVis/stable-diffusion-license):
  - in any way that breaks a law or regulation;
  - to exploit or harm minors, or to try to;
  - to make or spread verifiably false information in order to harm others;
  - to make or spread personal information that can be used to harm somebody;
  - to defame, disparage or harass others;
  - for fully automated decisions that affect somebody's legal rights or bind them;
  - to discriminate against or harm people for their behaviour, their character, or protected characteristics;
  - to exploit the weaknesses of a group of people in order to influence them to their harm;
  - for medical advice or to interpret medical results;
  - for the administration of justice, law enforcement, immigration or asylum procedures.
If you pass the weights on, these restrictions and the licence go with them.""",
        "MIT": "",
    }
)
"""What each known licence asks of the user, in short; empty where nothing has to be accepted."""


def needs_acceptance(licence: str) -> bool:
    """Tell whether the user has to accept something first; what is not known has to be.

    >>> needs_acceptance("MIT"), needs_acceptance("CreativeML OpenRAIL-M")
    (False, True)
    """
    return LICENCES.get(licence, "?") != ""


def unknown_licence(where: str) -> str:
    """Return what is shown for a model whose licence is not in the table."""
    return (
        f"riffsidecar does not know the licence of {where}. Stable Diffusion 1.x and its fine-tunes are "
        "usually "
        "under CreativeML OpenRAIL-M, whose use restrictions bind whoever uses them. Read it where you found "
        "it."
    )
