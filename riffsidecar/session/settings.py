"""What is set in a session, by whom, and what follows from it for a pad or a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from riffsidecar.music import Chords, Key, LoopLength, Meter, Tempo
from riffsidecar.session.checks import FOLLOW_POLICIES
from riffsidecar.session.commands import TEMPO_SOURCES, Render
from riffsidecar.session.drum_words import is_tonal
from riffsidecar.session.knobs import KNOBS, KnobValue
from riffsidecar.session.pads import Bank, Pad
from riffsidecar.session.requests import SEED_STRENGTH

__all__ = ["DEFAULT_BARS", "DEFAULT_METER", "DEFAULT_TEMPO", "Harmony", "Output", "Settings"]

DEFAULT_TEMPO: Final = Tempo(Fraction(120))
DEFAULT_METER: Final = Meter(4, 4)
DEFAULT_BARS: Final = Fraction(4)

# Fewer steps than velocities, so that a pad hit about as hard as before finds its loop rendered.
_VELOCITY_STEPS = 8


@dataclass(frozen=True, slots=True)
class Output:
    """How loops are written, and by which checkpoint they are made."""

    sample_rate: int = 44100
    bit_depth: str = "24"
    loudness_lufs: float = -14.0
    model: str = "embedded"


@dataclass(frozen=True, slots=True)
class Harmony:
    """A key and chords that go together, each None where the model is free."""

    key: Key | None = None
    chords: Chords | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What was set by hand, over what pads and banks suggest.

    What somebody set holds for every pad; where nobody did, the pad's own value holds, then that of its bank.
    Key and chords are one thing there: chords of a pad never sound in a key of somebody else's.

    Attributes:
        turned: the knobs that were turned.
        tempi: the tempo that each source gave; the last of :data:`TEMPO_SOURCES` leads.
        meter: None where nobody set one, as ``bars`` and ``harmony``.
        follow: one of ``FOLLOW_POLICIES``: what playing loops do when the tempo or the meter changes.
    """

    turned: Mapping[str, KnobValue] = field(default_factory=dict, hash=False)
    tempi: Mapping[str, Tempo] = field(default_factory=dict, hash=False)
    meter: Meter | None = None
    bars: Fraction | None = None
    harmony: Harmony | None = None
    seed: int = 0
    output: Output = field(default_factory=Output)
    follow: str = FOLLOW_POLICIES[0]

    def __post_init__(self) -> None:
        """Make the mappings read-only."""
        for name in ("turned", "tempi"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))

    def tempo_source(self, bank: Bank) -> str:
        """Return who leads the tempo: one of :data:`TEMPO_SOURCES`, ``"bank"`` or ``"default"``."""
        spoken = [source for source in TEMPO_SOURCES if source in self.tempi]
        return spoken[-1] if spoken else "bank" if bank.tempo else "default"

    def tempo_in(self, bank: Bank) -> Tempo:
        """Return the tempo in force while a bank is selected."""
        spoken = self.tempi.get(self.tempo_source(bank))
        return spoken or bank.tempo or DEFAULT_TEMPO

    def meter_in(self, bank: Bank) -> Meter:
        """Return the meter in force while a bank is selected."""
        return self.meter or bank.meter or DEFAULT_METER

    def bars_in(self, bank: Bank, pad: Pad | None = None) -> Fraction:
        """Return the length of a loop as it is wished for."""
        return self.bars or (pad.bars if pad else None) or bank.bars or DEFAULT_BARS

    def harmony_in(self, bank: Bank, pad: Pad | None = None) -> Harmony:
        """Return the harmony in force; a pad without a pitch has none."""
        if pad is not None and not pad.tonal:
            return Harmony()
        if self.harmony is not None:
            return self.harmony
        if pad is not None and (pad.key is not None or pad.chords is not None):
            return Harmony(pad.key, pad.chords)
        return Harmony(bank.key, bank.chords)

    def pad_values(self, bank: Bank, number: int, velocity: int | None = None) -> dict[str, Any]:
        """Return what hitting a pad asks for, as values of a request.

        Raises:
            SessionError: for a number that is no pad.
        """
        pad = bank.pad(number)
        tempo, meter = self.tempo_in(bank), self.meter_in(bank)
        harmony = self.harmony_in(bank, pad)
        knobs = {**_defaults(), **pad.knobs, **self.turned}
        velocity_knob = bank.midi.velocity_knob
        if velocity is not None and velocity_knob is not None:
            steps = round(velocity / 127 * _VELOCITY_STEPS)
            knobs[velocity_knob] = KNOBS[velocity_knob].from_unit(steps / _VELOCITY_STEPS)
        return {
            **self._written(),
            **knobs,
            "prompt": pad.prompt,
            "prompt_b": pad.prompt_b,
            "negative": pad.negative,
            "tempo": tempo,
            "meter": meter,
            "bars": self._fitted(self.bars_in(bank, pad), meter, tempo),
            "key": harmony.key,
            "chords": harmony.chords,
            "label": pad.name,
            "model": pad.model or self.output.model,
            "lora": pad.lora,
            "anchor": pad.anchor,
            "guided": pad.guided,
        }

    def render_values(self, bank: Bank, command: Render) -> dict[str, Any]:
        """Return what a prompt with its options asks for, as values of a request."""
        options = dict(command.options)
        tempo = options.pop("bpm", self.tempo_in(bank))
        meter = options.get("meter", self.meter_in(bank))
        harmony = self.harmony_in(bank)
        # A key in the options brings its own harmony: the chords of the session belong to another key.
        if "key" in options or not ("chords" in options or _has_pitch(command)):
            harmony = Harmony()
        seeded = {"strength": SEED_STRENGTH} if "source_sha256" in options else {}
        return {
            **self._written(),
            **_defaults(),
            **seeded,
            **self.turned,
            "prompt": command.prompt,
            "tempo": tempo,
            "meter": meter,
            "bars": self._fitted(self.bars_in(bank), meter, tempo),
            "key": harmony.key,
            "chords": harmony.chords,
            **options,
        }

    def _fitted(self, bars: Fraction, meter: Meter, tempo: Tempo) -> Fraction:
        """Return bars that nobody set by hand halved or doubled until they make a loop, if that helps."""
        if self.bars is None:
            for factor in (1, Fraction(1, 2), Fraction(1, 4), Fraction(1, 8), 2, 4):
                if LoopLength.nearest(bars * factor, meter, tempo) == (bars * factor,):
                    return bars * factor
        return bars

    def _written(self) -> dict[str, Any]:
        output = self.output
        return {
            "seed": self.seed,
            "sample_rate": output.sample_rate,
            "bit_depth": output.bit_depth,
            "loudness_lufs": output.loudness_lufs,
            "model": output.model,
        }


def _has_pitch(command: Render) -> bool:
    """Tell whether a prompt, or the one that it may go to, speaks of anything but drums."""
    prompts = (command.prompt, str(dict(command.options).get("prompt_b", "")))
    return any(is_tonal(prompt) for prompt in prompts if prompt)


def _defaults() -> dict[str, KnobValue]:
    return {name: knob.default for name, knob in KNOBS.items()}
