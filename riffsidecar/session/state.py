"""The session: its state, what a command makes of it, and which loops it asks for. Pure and immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from riffsidecar.errors import RiffError
from riffsidecar.music import Chords, Key, Meter, Tempo
from riffsidecar.session.commands import (
    NUM_SLOTS,
    RELEASE,
    Cancel,
    Command,
    ReleaseTempo,
    Render,
    ReplaceBank,
    SelectBank,
    SetBars,
    SetChords,
    SetKey,
    SetKnob,
    SetMeter,
    SetSeed,
    SetTempo,
    TriggerPad,
)
from riffsidecar.session.knobs import KNOBS, KnobValue
from riffsidecar.session.library import BankLibrary
from riffsidecar.session.pads import Bank
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.settings import Harmony, Output, Settings

__all__ = ["Outcome", "Session"]


@dataclass(frozen=True, slots=True)
class _PadHit:
    bank: str
    pad: int
    velocity: int | None


@dataclass(frozen=True, slots=True)
class Session:
    """The state of a session; :meth:`start` makes a fresh one.

    Attributes:
        last: what the last render came from, so that a knob can make it anew.
        latest: the newest request of each slot.
    """

    banks: BankLibrary
    bank_name: str
    settings: Settings = field(default_factory=Settings)
    last: _PadHit | Render | None = None
    latest: Mapping[int, LoopRequest] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Refuse a bank that is none, and make the mapping read-only."""
        object.__setattr__(self, "bank_name", self.banks.find(self.bank_name).name)
        object.__setattr__(self, "latest", MappingProxyType(dict(self.latest)))

    @classmethod
    def start(
        cls,
        banks: BankLibrary,
        bank: str | int = 1,
        *,
        tempo: Tempo | None = None,
        output: Output | None = None,
        seed: int = 0,
    ) -> Session:
        """Return a fresh session; ``tempo`` is that of the configuration, None where it names none.

        Raises:
            UnknownNameError: if there is no such bank.
        """
        tempi = {} if tempo is None else {"config": tempo}
        settings = Settings(tempi=tempi, output=output or Output(), seed=seed)
        return cls(banks, banks.find(bank).name, settings)

    @property
    def bank(self) -> Bank:
        """Return the current bank."""
        return self.banks.find(self.bank_name)

    @property
    def tempo(self) -> Tempo:
        """Return the tempo in force."""
        return self.settings.tempo_in(self.bank)

    @property
    def tempo_source(self) -> str:
        """Return who leads the tempo: one of ``TEMPO_SOURCES``, ``"bank"`` or ``"default"``."""
        return self.settings.tempo_source(self.bank)

    @property
    def meter(self) -> Meter:
        """Return the meter in force."""
        return self.settings.meter_in(self.bank)

    @property
    def bars(self) -> Fraction:
        """Return the length of a loop whose pad has none of its own."""
        return self.settings.bars_in(self.bank)

    @property
    def key(self) -> Key | None:
        """Return the key in force."""
        return self.settings.harmony_in(self.bank).key

    @property
    def chords(self) -> Chords | None:
        """Return the chords in force."""
        return self.settings.harmony_in(self.bank).chords

    @property
    def seed(self) -> int:
        """Return the noise seed in force."""
        return self.settings.seed

    @property
    def output(self) -> Output:
        """Return how loops are written."""
        return self.settings.output

    @property
    def knobs(self) -> dict[str, KnobValue]:
        """Return every knob's value where no pad has its own."""
        return {name: self.settings.turned.get(name, knob.default) for name, knob in KNOBS.items()}

    def apply(self, command: Command) -> Outcome:
        """Return what a command makes of the session, and what is to be rendered and stopped.

        Raises:
            RiffError: if the command cannot be carried out; the session is then as it was.
        """
        settings = self.settings
        match command:
            case TriggerPad():
                return self._rendering(_PadHit(self.bank_name, command.pad, command.velocity))
            case Render():
                return self._rendering(command)
            case SetKnob():
                return self._turned(command)
            case SetTempo():
                return self._with(tempi={**settings.tempi, command.source: command.tempo})
            case ReleaseTempo():
                return self._with(
                    tempi={who: bpm for who, bpm in settings.tempi.items() if who != command.source}
                )
            case SetMeter():
                return self._with(meter=command.meter)
            case SetBars():
                return self._with(bars=command.bars)
            case SetKey():
                # Chords that a bank or a pad suggests belong to its own key, and go with it.
                return self._with(harmony=replace(settings.harmony or Harmony(), key=command.key))
            case SetChords():
                return self._with(harmony=replace(settings.harmony or Harmony(), chords=command.chords))
            case SetSeed():
                return self._with(seed=command.seed)
            case SelectBank():
                return Outcome(replace(self, bank_name=self.banks.find(command.bank).name))
            case ReplaceBank():
                return Outcome(replace(self, banks=self.banks.replaced(command.bank)))
            case Cancel():
                slots = range(NUM_SLOTS) if command.slot is None else (command.slot,)
                return Outcome(self, cancels=tuple(slots))

    def pad_request(self, pad: int, velocity: int | None = None) -> LoopRequest:
        """Return what hitting a pad of the current bank would ask for, to render ahead.

        Raises:
            RiffError: if the pad cannot be rendered as things stand.
        """
        return self.settings.pad_request(self.bank, pad, velocity)

    def state_dict(self) -> dict[str, object]:
        """Return the state as plain strings, numbers, lists and None, for ``/riff/state`` and for JSON."""
        bank, output = self.bank, self.output
        return {
            "bank": bank.name,
            "title": bank.title,
            "banks": list(self.banks.names),
            "tempo": float(self.tempo),
            "tempo_source": self.tempo_source,
            "meter": str(self.meter),
            "bars": float(self.bars),
            "key": "" if self.key is None else str(self.key),
            "chords": "" if self.chords is None else str(self.chords),
            "seed": self.seed,
            "knobs": self.knobs,
            "pads": [
                {
                    "pad": number,
                    "name": pad.name,
                    "prompt": pad.prompt,
                    "color": pad.color,
                    "tonal": pad.tonal,
                }
                for number, pad in enumerate(bank.pads, 1)
            ],
            "slot": None if self.last is None else _slot(self.last),
            "sample_rate": output.sample_rate,
            "bit_depth": output.bit_depth,
            "loudness_lufs": output.loudness_lufs,
            "model": output.model,
        }

    def _with(self, **changes: Any) -> Outcome:
        return Outcome(replace(self, settings=replace(self.settings, **changes)))

    def _rendering(self, source: _PadHit | Render) -> Outcome:
        slot, request = _slot(source), self._request(source)
        session = replace(self, last=source, latest={**self.latest, slot: request})
        return Outcome(session, renders=((slot, request),))

    def _request(self, source: _PadHit | Render) -> LoopRequest:
        if isinstance(source, Render):
            return self.settings.render_request(self.bank, source)
        return self.settings.pad_request(self.banks.find(source.bank), source.pad, source.velocity)

    def _turned(self, command: SetKnob) -> Outcome:
        turned = {name: value for name, value in self.settings.turned.items() if name != command.name}
        if command.value != RELEASE:
            turned[command.name] = command.value
        last = self.last
        # The hand on the knob is later than what the last render was asked with.
        if isinstance(last, Render):
            last = Render(last.prompt, tuple(option for option in last.options if option[0] != command.name))
        elif last is not None and self.banks.find(last.bank).midi.velocity_knob == command.name:
            last = replace(last, velocity=None)
        session = replace(self, settings=replace(self.settings, turned=turned), last=last)
        if last is None:
            return Outcome(session)
        try:
            outcome = session._rendering(last)
        except RiffError as error:
            return Outcome(session, problem=error)
        # Most knobs do nothing to some loops: morph without a second prompt, strength without seed audio.
        return Outcome(session) if outcome.session.latest == self.latest else outcome


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command made: the session after it, slots with what to render there, and slots to stop.

    ``problem`` is what kept a turned knob from rendering the last loop anew; the knob is turned all the same.
    """

    session: Session
    renders: tuple[tuple[int, LoopRequest], ...] = ()
    cancels: tuple[int, ...] = ()
    problem: RiffError | None = None


def _slot(source: _PadHit | Render) -> int:
    return source.pad if isinstance(source, _PadHit) else 0
