"""Banks for tests."""

from __future__ import annotations

from fractions import Fraction

from riffsidecar.music import Chords, Key, Tempo
from riffsidecar.session import Bank, MidiMap, Pad


def make_pads() -> tuple[Pad, ...]:
    named = (
        Pad("drums", "house drums", "techno drums", bars=Fraction(2), knobs={"energy": 0.7}, tonal=False),
        Pad("bass", "house bass", knobs={"density": 0.25}),
        Pad("keys", "rhodes", key=Key.parse("Dm"), chords=Chords.parse("Dm7 G7")),
    )
    return named + tuple(Pad(f"pad {number}", f"sound {number}") for number in range(len(named) + 1, 17))


def make_bank(name: str = "test", tempo: int | None = 126, velocity_knob: str | None = "energy") -> Bank:
    return Bank(
        name,
        name.title(),
        make_pads(),
        MidiMap(velocity_knob=velocity_knob),
        tempo=None if tempo is None else Tempo.parse(tempo),
        key=Key.parse("Am"),
        chords=Chords.parse("Am F C G"),
    )
