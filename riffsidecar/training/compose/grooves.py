"""Read the drum patterns: one block a groove, one line a voice, sixteenths from left to right.

``X`` accent, ``x`` plain, ``o`` soft, ``.`` rest. Alternatives are parted by ``|``; one is drawn for each
loop. A voice written ``h?60`` plays in 60 % of the loops. Patterns of 32 steps last two bars. Voices: k
kick, s snare, c clap, r rim, h closed hat, o open hat, p pedal hat, d ride, C crash, t low, T mid and m
high tom, w cowbell, a tambourine, S shaker, g and G high and low conga, b and B high and low bongo, v
clave, A agogo, K timbale.
"""

from __future__ import annotations

from dataclasses import dataclass

from riffsidecar.training.compose.grooves_machine import MACHINE
from riffsidecar.training.compose.grooves_played import PLAYED

__all__ = ["GROOVES", "PITCHES", "Layer"]

PITCHES = {
    "k": 36, "s": 38, "c": 39, "r": 37, "h": 42, "o": 46, "p": 44, "d": 51, "C": 49, "t": 45, "T": 47,
    "m": 50, "w": 56, "a": 54, "S": 70, "g": 63, "G": 64, "q": 62, "b": 60, "B": 61, "v": 75, "A": 67,
    "K": 65,
}  # fmt: skip
"""Key of the General MIDI drum map by voice letter."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Hold one voice of a groove.

    Attributes:
        voice: letter of `PITCHES`.
        probability: how often the voice takes part.
        patterns: alternatives.
    """

    voice: str
    probability: float
    patterns: tuple[str, ...]


def _parse(text: str) -> dict[str, tuple[Layer, ...]]:
    grooves: dict[str, tuple[Layer, ...]] = {}
    for block in text.strip().split("\n\n"):
        name, *lines = block.replace("\n  ", " ").split("\n")
        layers = []
        for line in lines:
            head, _, body = line.partition(" ")
            voice, _, percent = head.partition("?")
            patterns = tuple(part.strip() for part in body.split("|"))
            layers.append(Layer(voice, float(percent) / 100.0 if percent else 1.0, patterns))
        grooves[name.strip()] = tuple(layers)
    return grooves


GROOVES = _parse(MACHINE) | _parse(PLAYED)
"""Drum grooves by name."""
