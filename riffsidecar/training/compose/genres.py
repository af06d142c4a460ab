"""Describe a genre's grammar: tempi, feel, grooves, instruments with their styles, harmony and sound."""

from __future__ import annotations

from dataclasses import dataclass, field

from riffsidecar.errors import TrainingError
from riffsidecar.training.compose.bass import BASS_STYLES
from riffsidecar.training.compose.comping import COMP_STYLES
from riffsidecar.training.compose.dice import weighted_names
from riffsidecar.training.compose.flavours import FLAVOURS
from riffsidecar.training.compose.grooves import GROOVES
from riffsidecar.training.compose.melody import LEAD_STYLES
from riffsidecar.training.instruments import INSTRUMENTS

__all__ = ["Genre", "admits"]

_FIELD_OF_FAMILY = {
    "bass": "bass", "piano": "keys", "guitar": "guitar", "strings": "strings", "choir-pad": "pads",
    "lead-arp": "leads",
}  # fmt: skip
_LEADING = ("lead", "mallet", "winds")
_STYLES = {*BASS_STYLES, *COMP_STYLES, *LEAD_STYLES}


def admits(family: str, instrument: str) -> bool:
    """Say whether an instrument may lead a loop of a family: a guitar solo is no loop of the lead family.

    >>> admits("lead-arp", "distorted-guitar"), admits("groove", "distorted-guitar")
    (False, True)
    """
    if family == "lead-arp":
        return INSTRUMENTS[instrument].family in _LEADING
    if family == "guitar":
        return INSTRUMENTS[instrument].family == "guitar"
    return True


@dataclass(frozen=True, slots=True)
class Genre:
    """Hold a genre; lists are ``"name*weight name ..."``, players ``"instrument:style,style*weight"``.

    Attributes:
        name: the genre's plain name.
        tempo: lowest, usual and highest quarter notes a minute.
        flavours: names of `FLAVOURS`.
        kits: drum kits.
        grooves: names of `GROOVES`.
        bass: players of the bass.
        keys: players of piano, organ and electric piano.
        guitar: guitarists.
        strings: string players.
        pads: choirs and pads.
        leads: melody and arpeggio players.
        percussion: percussion instruments.
        textures: noises under the loop.
        swing: from and to, 1 is triplets.
        unit: 8 swings the eighths, 16 the sixteenths.
        human: how loose the playing is, 0 to 1.
        energy: from and to.
        families: how often the genre is drawn for a family, 1 where nothing is said.
        meters: other meters than 4/4, with weights; empty takes them all.
        odd: multiplies the share of other meters than 4/4.
        moods: words that fit.
        drive: from and to.
        sidechain: from and to.
        reverb: from and to.
        lofi: from and to.
        width: from and to.
    """

    name: str
    tempo: tuple[float, float, float]
    flavours: str
    kits: str = ""
    grooves: str = ""
    bass: str = ""
    keys: str = ""
    guitar: str = ""
    strings: str = ""
    pads: str = ""
    leads: str = ""
    percussion: str = ""
    textures: str = ""
    swing: tuple[float, float] = (0.0, 0.0)
    unit: int = 16
    human: float = 0.3
    energy: tuple[float, float] = (0.4, 0.8)
    families: str = ""
    meters: str = ""
    odd: float = 1.0
    moods: str = ""
    drive: tuple[float, float] = (0.0, 0.3)
    sidechain: tuple[float, float] = (0.0, 0.0)
    reverb: tuple[float, float] = (0.2, 0.5)
    lofi: tuple[float, float] = (0.0, 0.0)
    width: tuple[float, float] = (0.4, 0.8)
    weights: dict[str, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse unknown names and work out how often each family draws this genre."""
        self._check("flavour", self.flavours, FLAVOURS)
        self._check("groove", self.grooves, GROOVES)
        for names in (self.kits, self.percussion, self.textures):
            self._check("instrument", names, INSTRUMENTS)
        for players in (self.bass, self.keys, self.guitar, self.strings, self.pads, self.leads):
            for player, _ in weighted_names(players):
                instrument, _, styles = player.partition(":")
                self._check("instrument", instrument, INSTRUMENTS)
                self._check("style", styles.replace(",", " "), _STYLES)
        asked = dict(weighted_names(self.families))
        weights = {
            family: asked.get(family, 1.0)
            for family, name in _FIELD_OF_FAMILY.items()
            if any(
                admits(family, player.partition(":")[0])
                and not INSTRUMENTS[player.partition(":")[0]].held_out
                for player, _ in weighted_names(getattr(self, name))
            )
        }
        if self.kits and self.grooves:
            weights["drums"] = asked.get("drums", 1.0)
            if self.bass:
                weights["groove"] = asked.get("groove", 1.0)
        object.__setattr__(self, "weights", weights)

    def _check(self, what: str, names: str, known: object) -> None:
        for name, _ in weighted_names(names):
            if name not in known:  # type: ignore[operator]
                raise TrainingError(f"genre {self.name}: {what} {name!r} is unknown")

    def players(self, family: str) -> str:
        """Give the players of a family."""
        return str(getattr(self, _FIELD_OF_FAMILY[family]))
