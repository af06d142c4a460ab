"""Everything that can be asked of a session, each checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from riffsidecar.errors import SessionError
from riffsidecar.music import Chords, Key, Meter, Tempo, parse_bars
from riffsidecar.music.shown import shown
from riffsidecar.session.actions import ActionValue, find_action
from riffsidecar.session.checks import check_int, check_kind, check_policy, check_seed
from riffsidecar.session.engines import check_model
from riffsidecar.session.journey_command import StartJourney
from riffsidecar.session.knobs import KnobValue, find_knob
from riffsidecar.session.learning import Learn, Learned
from riffsidecar.session.options import check_option, option_name
from riffsidecar.session.pads import NUM_PADS, Bank
from riffsidecar.session.reports import EndJourney, Landed
from riffsidecar.session.seeds import SeedChoice, SeedSource
from riffsidecar.session.text import MAX_NAME, MAX_PROMPT, clean_text

__all__ = [
    "NUM_SLOTS",
    "RELEASE",
    "TEMPO_SOURCES",
    "Cancel",
    "Command",
    "HearClock",
    "Learn",
    "Learned",
    "Perform",
    "ReleaseTempo",
    "Render",
    "ReplaceBank",
    "ReplaceSeeds",
    "SelectBank",
    "SetBars",
    "SetChords",
    "SetFollow",
    "SetKey",
    "SetKnob",
    "SetMeter",
    "SetModel",
    "SetSeed",
    "SetSeedAudio",
    "SetTempo",
    "SetTransport",
    "StartJourney",
    "TriggerPad",
]

NUM_SLOTS: Final = NUM_PADS + 1
"""Slot 0 for renders without a pad, and one for each pad."""

RELEASE: Final = "default"
"""The value that lets a knob go: pads have their own value again."""

TEMPO_SOURCES: Final = ("config", "measuring", "clock", "link", "live", "request")
"""Who may set the tempo; later ones win over earlier ones. ``measuring`` is a clock not known well yet."""

_MAX_QUARTERS: Final = 10_000_000


@dataclass(frozen=True, slots=True)
class TriggerPad:
    """Render pad 1 to 16 of the current bank into its slot; ``velocity`` is 1 to 127 or None."""

    pad: int
    velocity: int | None = None

    def __post_init__(self) -> None:
        """Refuse a pad or a velocity that is none."""
        check_int("pad", self.pad, 1, NUM_PADS)
        if self.velocity is not None:
            check_int("velocity", self.velocity, 1, 127)


@dataclass(frozen=True, slots=True)
class Render:
    """Render a prompt into slot 0; ``options`` are pairs of a name and a value, see :func:`check_option`.

    >>> Render("dusty drums", (("bpm", 87.5), ("to", "house drums"))).options
    (('bpm', Tempo(bpm=Fraction(175, 2))), ('prompt_b', 'house drums'))
    """

    prompt: str
    options: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Check the prompt and every option; a name may be written with hyphens, and may come once."""
        object.__setattr__(self, "prompt", clean_text(self.prompt, "prompt", MAX_PROMPT))
        if not self.prompt:
            raise SessionError("prompt is empty: say what is to be heard, such as 'dusty boom bap drums'")
        checked: dict[str, object] = {}
        for written, value in self.options:
            name = option_name(written)
            if name in checked:
                raise SessionError(f"option {name} is given twice: give it once")
            checked[name] = check_option(name, value)
        object.__setattr__(self, "options", tuple(checked.items()))


@dataclass(frozen=True, slots=True)
class SetKnob:
    """Turn a knob; :data:`RELEASE` lets it go, so that each pad has its own value again."""

    name: str
    value: KnobValue

    def __post_init__(self) -> None:
        """Refuse a knob or a value that is none."""
        knob = find_knob(self.name)
        if self.value != RELEASE:
            object.__setattr__(self, "value", knob.check(self.value))


@dataclass(frozen=True, slots=True)
class SetTempo:
    """Set the tempo, from one of :data:`TEMPO_SOURCES`."""

    tempo: Tempo
    source: str = "request"

    def __post_init__(self) -> None:
        """Refuse a tempo or a source that is none."""
        check_kind("tempo", self.tempo, Tempo)
        _check_source(self.source)


@dataclass(frozen=True, slots=True)
class ReleaseTempo:
    """Say that a source of the tempo has gone, so that the next one below leads again."""

    source: str = "request"

    def __post_init__(self) -> None:
        """Refuse a source that is none."""
        _check_source(self.source)


@dataclass(frozen=True, slots=True)
class HearClock:
    """Say that a clock is heard and still measured, and what its tempo may be; or that none is.

    What is played meanwhile is made at that tempo; what plays already moves only when it is known well.
    """

    is_heard: bool
    tempo: Tempo | None = None

    def __post_init__(self) -> None:
        """Refuse what is neither, and a tempo that is none."""
        check_kind("clock", self.is_heard, bool)
        check_kind("tempo", self.tempo, Tempo, optional=True)


@dataclass(frozen=True, slots=True)
class SetMeter:
    """Set the meter."""

    meter: Meter

    def __post_init__(self) -> None:
        """Refuse what is no meter."""
        check_kind("meter", self.meter, Meter)


@dataclass(frozen=True, slots=True)
class SetTransport:
    """Say that the host plays or stands still; ``position`` is the place of the song in quarter notes.

    Without one the song goes on from where it was, which is bar 1 where nobody ever said.
    """

    is_playing: bool
    position: Fraction | None = None

    def __post_init__(self) -> None:
        """Refuse what is neither, and places that no song has."""
        check_kind("transport", self.is_playing, bool)
        check_kind("position", self.position, Fraction, optional=True)
        if self.position is not None and not -_MAX_QUARTERS <= self.position <= _MAX_QUARTERS:
            raise SessionError(
                f"position is {float(self.position):g} quarter notes, but must be within {_MAX_QUARTERS}"
            )


@dataclass(frozen=True, slots=True)
class SetFollow:
    """Choose what playing loops do when the tempo or the meter changes: follow, decode or hold."""

    policy: str

    def __post_init__(self) -> None:
        """Refuse what is none of them."""
        object.__setattr__(self, "policy", check_policy(self.policy))


@dataclass(frozen=True, slots=True)
class SetModel:
    """Choose the model of every loop whose pad names none: a name that ``riffsidecar model list`` shows."""

    model: str

    def __post_init__(self) -> None:
        """Refuse what is no name; a path is none."""
        check_model(self.model)


@dataclass(frozen=True, slots=True)
class SetBars:
    """Set the length of every loop to come; None gives each pad its own again."""

    bars: Fraction | None

    def __post_init__(self) -> None:
        """Refuse bars that no loop has."""
        if self.bars is not None:
            object.__setattr__(self, "bars", parse_bars(self.bars))


@dataclass(frozen=True, slots=True)
class SetKey:
    """Set the key; None leaves the model free."""

    key: Key | None

    def __post_init__(self) -> None:
        """Refuse what is no key."""
        if self.key is not None:
            check_kind("key", self.key, Key)


@dataclass(frozen=True, slots=True)
class SetChords:
    """Set the chords; None leaves the model free."""

    chords: Chords | None

    def __post_init__(self) -> None:
        """Refuse what are no chords."""
        if self.chords is not None:
            check_kind("chords", self.chords, Chords)


@dataclass(frozen=True, slots=True)
class SelectBank:
    """Select a bank by its name, or by its number from 1 (MIDI program change 0 is bank 1)."""

    bank: str | int

    def __post_init__(self) -> None:
        """Refuse what is neither a name nor a number from 1."""
        if isinstance(self.bank, str):
            object.__setattr__(self, "bank", clean_text(self.bank, "bank", MAX_NAME))
        else:
            check_int("bank", self.bank, 1, 128)


@dataclass(frozen=True, slots=True)
class ReplaceBank:
    """Put a bank in the place of the one of its name, or add it: what a watched file has become."""

    bank: Bank

    def __post_init__(self) -> None:
        """Refuse what is no bank."""
        check_kind("bank", self.bank, Bank)


@dataclass(frozen=True, slots=True)
class ReplaceSeeds:
    """Put other seeds on the shelf: what the seed folder holds by now, and what is wrong with files there."""

    seeds: tuple[SeedSource, ...]
    problem: str = ""

    def __post_init__(self) -> None:
        """Refuse what are no seeds, and two of one name."""
        for seed in self.seeds:
            check_kind("seed", seed, SeedSource)
        names = [seed.name for seed in self.seeds]
        if len(set(names)) < len(names):
            raise SessionError(f"seeds are called {', '.join(names)[:200]}, but each must have its own name")


@dataclass(frozen=True, slots=True)
class SetSeedAudio:
    """Give a slot seed audio to use; None takes it away, that of its pad too."""

    slot: int
    choice: SeedChoice | None

    def __post_init__(self) -> None:
        """Refuse a slot or a choice that is none."""
        check_int("slot", self.slot, 0, NUM_SLOTS - 1)
        check_kind("seed", self.choice, SeedChoice, optional=True)


@dataclass(frozen=True, slots=True)
class SetSeed:
    """Set the noise seed of every loop to come."""

    seed: int

    def __post_init__(self) -> None:
        """Refuse what is no seed."""
        object.__setattr__(self, "seed", check_seed(self.seed))


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop what a slot renders and waits for; None stops all."""

    slot: int | None = None

    def __post_init__(self) -> None:
        """Refuse a slot that is none."""
        if self.slot is not None:
            check_int("slot", self.slot, 0, NUM_SLOTS - 1)


@dataclass(frozen=True, slots=True)
class Perform:
    """Do one of :data:`ACTIONS` to the loop of a slot; None is the slot that was played last.

    >>> Perform("change", (3,))
    Perform(action='change', values=(3, 3), slot=None)
    """

    action: str
    values: tuple[ActionValue, ...] = ()
    slot: int | None = None

    def __post_init__(self) -> None:
        """Refuse an action, a value or a slot that is none; fill in the values that were left out."""
        object.__setattr__(self, "values", find_action(self.action).check(self.values))
        if self.slot is not None:
            check_int("slot", self.slot, 0, NUM_SLOTS - 1)


Command = (
    TriggerPad
    | Render
    | Perform
    | Landed
    | EndJourney
    | SetKnob
    | SetTempo
    | ReleaseTempo
    | HearClock
    | SetMeter
    | SetModel
    | SetTransport
    | SetFollow
    | SetBars
    | SetKey
    | SetChords
    | SelectBank
    | ReplaceBank
    | ReplaceSeeds
    | SetSeedAudio
    | SetSeed
    | Cancel
    | StartJourney
    | Learn
    | Learned
)


def _check_source(source: object) -> None:
    if source not in TEMPO_SOURCES:
        raise SessionError(f"tempo source is {shown(source)}, but must be one of {', '.join(TEMPO_SOURCES)}")
