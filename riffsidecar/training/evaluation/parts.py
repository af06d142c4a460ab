"""THE table of the evaluation: its parts and what each measures; light, for the command line reads it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["PARTS"]

PARTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "families": "is the family asked for heard; grid, pulse and downbeat, by meter and number of bars",
        "knobs": "density, brightness and energy from 0.1 to 0.9: differences of the heard sound, with t",
        "adherence": "genre, instruments, drums in the tagger's ears, for seen phrasings and unseen slang",
        "pitch": "share of the sound in the asked scale and chords; jitter and shimmer of held partials",
        "sound": "tempo within 1 %, length, seams, bandwidth, width, loudness, clipping",
        "distance": "kernel audio distance to held-out loops",
        "neighbours": "nearest training loop beside that of held-out loops: copies",
        "speed": "seconds a loop by stage",
        "diversity": "how far seeds of one prompt lie apart, beside composed loops of the same kind",
        "steps": "adherence and distance of the flow map in 4 and 2 steps, beside the solver in 16, 6 and 4",
        "morph": "nine positions from one prompt to another: a steady way, and none out of place",
        "pads": "two pads over the same chords: do their pitch classes agree",
    }
)
"""What each part measures, in the order they are run."""
