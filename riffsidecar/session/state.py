"""The session: its state, what a command makes of it, and which loops it asks for. Pure and immutable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from riffsidecar.errors import RiffError, SessionError
from riffsidecar.music import Chords, Key, Meter, Tempo, check_grid
from riffsidecar.session.commands import (
    NUM_SLOTS,
    RELEASE,
    Cancel,
    Command,
    HearClock,
    Perform,
    ReleaseTempo,
    Render,
    ReplaceBank,
    ReplaceSeeds,
    SelectBank,
    SetBars,
    SetChords,
    SetFollow,
    SetKey,
    SetKnob,
    SetMeter,
    SetModel,
    SetSeed,
    SetSeedAudio,
    SetTempo,
    SetTransport,
    StartJourney,
    TriggerPad,
)
from riffsidecar.session.journey_settings import journey_request
from riffsidecar.session.journeys import JourneyRequest
from riffsidecar.session.knobs import KNOBS, KnobValue
from riffsidecar.session.learning import Learn, Learned, Teaching
from riffsidecar.session.library import BankLibrary
from riffsidecar.session.loops import Loop
from riffsidecar.session.outcomes import Announcement, Outcome
from riffsidecar.session.pads import NUM_PADS, Bank
from riffsidecar.session.reports import EndJourney, Landed
from riffsidecar.session.requests import SEED_STRENGTH, LoopRequest
from riffsidecar.session.seeds import SeedShelf
from riffsidecar.session.settings import Harmony, Output, Settings
from riffsidecar.session.shown_state import shown_state
from riffsidecar.session.slots import Slot
from riffsidecar.session.takes import TAKES, PadHit, Take
from riffsidecar.session.variation import requested

__all__ = ["Announcement", "Outcome", "Session"]


@dataclass(frozen=True, slots=True)
class Session:
    """The state of a session; :meth:`start` makes a fresh one.

    Attributes:
        last: the slot that was played last, whose loop a knob makes anew.
        tour: the slot of the newest loop of a journey, where nothing was played since that began.
        slots: what each slot holds that was ever played.
        kept: the digests of the loops that are favourites.
        is_playing: whether the host's transport runs.
        is_measuring: whether a clock is heard whose tempo is not known yet.
        teaching: what waits for a MIDI control.
        seeds: the seed audio that lies ready, and which slot was given which.
    """

    banks: BankLibrary
    bank_name: str
    settings: Settings = field(default_factory=Settings)
    last: int | None = None
    tour: int | None = None
    slots: Mapping[int, Slot] = field(default_factory=dict, hash=False)
    kept: frozenset[str] = frozenset()
    is_playing: bool = False
    is_measuring: bool = False
    teaching: Teaching = field(default_factory=Teaching)
    seeds: SeedShelf = field(default_factory=SeedShelf)

    def __post_init__(self) -> None:
        """Refuse a bank that is none, and make the mapping read-only."""
        object.__setattr__(self, "bank_name", self.banks.find(self.bank_name).name)
        object.__setattr__(self, "slots", MappingProxyType(dict(self.slots)))

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
    def clock(self) -> str:
        """Return how a clock is heard: ``"none"``, ``"measuring"`` or ``"followed"``."""
        return "measuring" if self.is_measuring else "followed" if "clock" in self.settings.tempi else "none"

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

    @property
    def latest(self) -> Mapping[int, LoopRequest]:
        """Return the newest request of each slot, whether its loop has come or not."""
        newest = {number: slot.newest for number, slot in self.slots.items()}
        return MappingProxyType({number: each for number, each in newest.items() if each is not None})

    def slot(self, number: int) -> Slot:
        """Return what a slot holds; an empty one where nothing was played yet."""
        return self.slots.get(number, _EMPTY)

    def is_kept(self, loop: Loop | None) -> bool:
        """Return whether a loop is a favourite."""
        return loop is not None and loop.sha256 in self.kept

    def apply(self, command: Command) -> Outcome:
        """Return what a command makes of the session, and what is to be rendered and stopped.

        Raises:
            RiffError: if the command cannot be carried out; the session is then as it was.
        """
        settings = self.settings
        match command:
            case TriggerPad():
                return self._asking(command.pad, self._hit(command.pad, command.velocity))
            case Render():
                return self._asking(0, Take(command, base=self.slot(0).loop))
            case Perform():
                return self._performed(command)
            case Landed():
                return Outcome(self._landed(command))
            case SetKnob():
                return self._turned(command)
            case SetTempo():
                return self._with(tempi={**settings.tempi, command.source: command.tempo})
            case ReleaseTempo():
                return self._with(tempi=self._tempi_without(command.source))
            case HearClock():
                return self._hearing(command)
            case SetMeter():
                return self._with(meter=command.meter)
            case SetModel():
                return self._with(output=replace(settings.output, model=command.model))
            case SetTransport():
                return Outcome(replace(self, is_playing=command.is_playing))
            case Learn() | Learned():
                return Outcome(replace(self, teaching=self.teaching.after(command)))
            case SetFollow():
                return self._with(follow=command.policy)
            case SetBars():
                if command.bars is not None:
                    check_grid(command.bars, self.meter, self.tempo)
                return self._with(bars=command.bars)
            case SetKey():
                # Chords that a bank or a pad suggests belong to its own key, and go with it.
                return self._with(harmony=replace(settings.harmony or Harmony(), key=command.key))
            case SetChords():
                return self._with(harmony=replace(settings.harmony or Harmony(), chords=command.chords))
            case SetSeed():
                return Outcome(replace(self._with(seed=command.seed).session, slots=self._reseeded()))
            case SelectBank():
                return Outcome(replace(self, bank_name=self.banks.find(command.bank).name))
            case ReplaceBank():
                return Outcome(replace(self, banks=self.banks.replaced(command.bank)))
            case ReplaceSeeds():
                return Outcome(replace(self, seeds=self.seeds.replaced(command.seeds, command.problem)))
            case SetSeedAudio():
                return self._seeded(command)
            case StartJourney():
                journey = journey_request(settings, self.bank, command)
                given = self._given_to(command.slots, journey)
                return Outcome(given, journeys=((command, journey),))
            case EndJourney():
                return Outcome(self._left_by(command.journey))
            case Cancel():
                slots = range(NUM_SLOTS) if command.slot is None else (command.slot,)
                return Outcome(self, cancels=tuple(slots))

    def pad_request(self, pad: int, velocity: int | None = None) -> LoopRequest:
        """Return what hitting a pad of the current bank would ask for, to render ahead.

        Raises:
            RiffError: if the pad cannot be rendered as things stand.
        """
        if not 1 <= pad <= NUM_PADS:
            raise SessionError(f"pad is {pad}, but must be a whole number from 1 to {NUM_PADS}")
        return self._request(pad, self._hit(pad, velocity))

    def wanted(self, number: int) -> LoopRequest:
        """Return what the slot's take would ask for as things stand, to compare with what it has.

        Raises:
            RiffError: if nothing was played there, or it cannot be rendered any more.
        """
        slot = self.slot(number)
        if slot.take is None:
            raise SessionError(f"slot {number} has no loop yet: play it first")
        return self._request(number, slot.take)

    def state_dict(self) -> dict[str, object]:
        """Return the state as plain strings, numbers, lists and None, for ``/riff/state`` and for JSON."""
        return shown_state(self)

    def _with(self, **changes: Any) -> Outcome:
        return Outcome(replace(self, settings=replace(self.settings, **changes)))

    def _tempi_without(self, source: str) -> dict[str, Tempo]:
        return {who: tempo for who, tempo in self.settings.tempi.items() if who != source}

    def _hit(self, pad: int, velocity: int | None) -> Take:
        """Return the take of a pad that is hit: the seed that ``again`` found for it holds on."""
        slot = self.slot(pad)
        take, hit = slot.take, PadHit(self.bank_name, pad, velocity)
        before = take.source if take is not None else None
        is_same = isinstance(before, PadHit) and (before.bank, before.pad) == (hit.bank, hit.pad)
        return Take(hit, seed=take.seed if take is not None and is_same else None, base=slot.loop)

    def _holding(self, number: int, slot: Slot) -> Session:
        return replace(self, slots={**self.slots, number: slot})

    def _hearing(self, command: HearClock) -> Outcome:
        tempi = self._tempi_without("measuring")
        tempi |= {} if command.tempo is None else {"measuring": command.tempo}
        return Outcome(replace(self._with(tempi=tempi).session, is_measuring=command.is_heard))

    def _landed(self, command: Landed) -> Session:
        slot = self.slot(command.slot)
        if command.passage is None:
            return self._holding(command.slot, slot.landed(command.loop))
        session = self._holding(command.slot, slot.arrived(command.loop, command.passage))
        return session if self.tour is None else replace(session, tour=command.slot)

    def _given_to(self, slots: range, journey: JourneyRequest) -> Session:
        given = {number: self.slots[number].given(journey) for number in slots if number in self.slots}
        return replace(self, slots={**self.slots, **given}, tour=slots.start)

    def _left_by(self, journey: JourneyRequest) -> Session:
        return replace(self, slots={number: slot.left_by(journey) for number, slot in self.slots.items()})

    def _asking(self, number: int, take: Take) -> Outcome:
        request = self._request(number, take)
        session = self._holding(number, self.slot(number).asking(request, take))
        return Outcome(replace(session, last=number, tour=None), renders=((number, request),))

    def _request(self, number: int, take: Take) -> LoopRequest:
        source = take.source
        if isinstance(source, Render):
            values = self.settings.render_values(self.bank, source)
        else:
            values = self.settings.pad_values(self.banks.find(source.bank), source.pad, source.velocity)
        return requested({**values, **self._seed_values(number, source)}, take, self.slot(number).locks)

    def _seed_values(self, number: int, source: PadHit | Render) -> dict[str, Any]:
        """Return what the seed audio of a slot means for its next request; nothing where it has none."""
        pad = self.banks.find(source.bank).pad(source.pad) if isinstance(source, PadHit) else None
        values = self.seeds.values(self.seeds.chosen_for(number, None if pad is None else pad.seed_audio))
        given = dict(source.options) if isinstance(source, Render) else {}
        if "source_sha256" in given or "of_sha256" in given:
            return {}
        own = {**given, **self.settings.turned, **(pad.knobs if pad is not None else {})}
        if "source_sha256" in values and "strength" not in own:
            return {"strength": SEED_STRENGTH, **values}
        return values

    def _reseeded(self) -> dict[int, Slot]:
        """Return the slots without seeds of their own: one that is set later holds for all of them."""
        return {number: slot.reseeded() for number, slot in self.slots.items()}

    def _performed(self, command: Perform) -> Outcome:
        newest = self.last if self.tour is None else self.tour
        number = newest if command.slot is None else command.slot
        if number is None:
            raise SessionError(f"{command.action}: nothing was played yet: hit a pad first, or name a slot")
        slot, values = self.slot(number), command.values
        if command.action in TAKES:
            return self._varied(number, command)
        loop = slot.needed_loop(number)
        match command.action:
            case "keep":
                if not values[0]:
                    return Outcome(replace(self, kept=self.kept - {loop.sha256}), marks=((loop, False),))
                told = Announcement(number, loop, may_remake=False, supersedes=False)
                kept = replace(self, kept=self.kept | {loop.sha256})
                return Outcome(kept, announcements=(told,), marks=((loop, True),))
            case "undo":
                return self._gone_to(number, slot.undone(number))
            case "redo":
                return self._gone_to(number, slot.redone(number))
        return Outcome(self._holding(number, slot.relocked(number, command.action, values)))

    def _varied(self, number: int, command: Perform) -> Outcome:
        """Make another loop of a slot: all but ``again`` need the one that is there."""
        slot = self.slot(number)
        loop = slot.loop if command.action == "again" else slot.needed_loop(number)
        take, newest = slot.take, slot.newest
        if take is None or newest is None:
            raise SessionError(f"slot {number} has no loop yet: play it first")
        return self._asking(number, TAKES[command.action](take, newest, loop, *command.values))

    def _gone_to(self, number: int, slot: Slot) -> Outcome:
        loop = slot.needed_loop(number)
        told = Announcement(number, loop, may_remake=not self.is_kept(loop), supersedes=True)
        session = replace(self._holding(number, slot), last=number, tour=None)
        return Outcome(session, announcements=(told,))

    def _seeded(self, command: SetSeedAudio) -> Outcome:
        session = replace(self, seeds=self.seeds.put(command.slot, command.choice))
        take = self.slot(command.slot).take
        return Outcome(session) if take is None else session._asking(command.slot, take)

    def _turned(self, command: SetKnob) -> Outcome:
        turned = {name: value for name, value in self.settings.turned.items() if name != command.name}
        if command.value != RELEASE:
            turned[command.name] = command.value
        session = replace(self, settings=replace(self.settings, turned=turned))
        number = self.last
        slot = _EMPTY if number is None else self.slot(number)
        if number is None or slot.take is None or slot.is_passing:
            return Outcome(session)
        source = slot.take.source
        velocity = self.banks.find(source.bank).midi.velocity_knob if isinstance(source, PadHit) else None
        take = slot.take.without_knob(command.name, velocity)
        newest = slot.newest
        if newest is None or not (newest.has_source or newest.is_locked):
            take = take.on(slot.loop)
        session = session._holding(number, slot.with_take(take))
        if not slot.asked and self.is_kept(slot.loop):
            return Outcome(session)
        try:
            outcome = session._asking(number, take)
        except RiffError as error:
            return Outcome(session, problem=error)
        # Most knobs do nothing to some loops: morph without a second prompt, strength before the first loop.
        return Outcome(session) if outcome.session.latest == self.latest else outcome


_EMPTY = Slot()
