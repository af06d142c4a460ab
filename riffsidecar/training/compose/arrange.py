"""Arrange a loop: which players take part in a family of loops, what each plays, and how loud."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from riffsidecar.training.compose.bass import BASS_STYLES, write_bass
from riffsidecar.training.compose.comping import COMP_STYLES, write_comp
from riffsidecar.training.compose.dice import weighted_names
from riffsidecar.training.compose.drums import write_drums, write_percussion
from riffsidecar.training.compose.genres import Genre, admits
from riffsidecar.training.compose.melody import LEAD_STYLES, write_lead
from riffsidecar.training.compose.plan import Draft, Plan
from riffsidecar.training.instruments import INSTRUMENTS

__all__ = ["TIMBRES", "Arrangement", "arrange"]

TIMBRES = ("train", "held-out", "all")
"""Which instruments may be drawn: those of the training split, held-out ones where there are some, or any."""

_ARPS = ("arp16", "arp8", "arp-triplet", "arp-dotted", "ostinato")
_DRUM_STEMS = (("drums only", 58.0), ("drums and percussion", 15.0), ("top loop", 9.0), ("percussion", 8.0),
               ("kick and snare", 5.0), ("hats", 5.0))  # fmt: skip
_STEM_VOICES = {"top loop": "horpdSaw", "kick and snare": "ksc", "hats": "hod"}


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Hold the drafts of a loop and the name of its stem."""

    drafts: tuple[Draft, ...]
    stem: str


@lru_cache(maxsize=4096)
def _allowed(text: str, family: str, timbres: str) -> tuple[tuple[str, float], ...]:
    rows = [(name, weight) for name, weight in weighted_names(text) if admits(family, name.partition(":")[0])]
    held = [(name, weight) for name, weight in rows if INSTRUMENTS[name.partition(":")[0]].held_out]
    heard = [(name, weight) for name, weight in rows if not INSTRUMENTS[name.partition(":")[0]].held_out]
    if timbres == "all":
        return tuple(rows)
    if timbres == "held-out":
        return tuple(held or heard)
    return tuple(heard)


class _Arranger:
    """Draw players for one plan and let them write."""

    def __init__(self, plan: Plan, genre: Genre, family: str, timbres: str) -> None:
        self.plan = plan
        self.genre = genre
        self.family = family
        self.timbres = timbres
        self.dice = plan.dice
        self.groove = self.dice.name(genre.grooves) if genre.grooves else ""

    def draw(self, text: str) -> tuple[str, str]:
        """Draw an instrument and one of its styles."""
        rows = _allowed(text, self.family, self.timbres)
        if not rows:
            return "", ""
        name, _, styles = self.dice.weighted(rows).partition(":")
        return name, self.dice.pick(styles.split(",")) if styles else ""

    def drums(self, stem: str = "drums only", gain_db: float = 0.0) -> Draft:
        """Let the drummer play, all of the kit or the voices of a stem."""
        kit, _ = self.draw(self.genre.kits)
        voices = _STEM_VOICES.get(stem)
        events = write_drums(self.plan, self.groove, kit, voices=voices)
        role = "percussion" if INSTRUMENTS[kit].family == "percussion" else "drums"
        return Draft(role, kit, events, gain_db)

    def percussion(self, gain_db: float = -5.0) -> Draft:
        """Let a percussionist play along."""
        instrument = self.dice.name(self.genre.percussion or "perc-hand perc-latin")
        return Draft("percussion", instrument, write_percussion(self.plan, self.groove, instrument), gain_db)

    def line(self, text: str, gain_db: float = 0.0, *, under: bool = False) -> Draft | None:
        """Let a player of a list play in his style; under keeps him below the melody's range."""
        instrument, style = self.draw(text)
        if not instrument:
            return None
        kind = INSTRUMENTS[instrument].family
        if style in BASS_STYLES and (kind == "bass" or style not in COMP_STYLES):
            return Draft("bass", instrument, write_bass(self.plan, style, instrument), gain_db)
        leading = kind in ("lead", "mallet", "winds") and style in LEAD_STYLES
        if style in COMP_STYLES and not leading:
            low = 40 if kind in ("guitar", "keys", "strings") else None
            events = write_comp(self.plan, style, instrument, low=low, high=76 if under else None)
            role = "pad" if kind in ("pad", "choir") or style in ("sustain", "swell", "drone") else "chords"
            return Draft(role, instrument, events, gain_db)
        low, high = self._register(instrument, style)
        events = write_lead(self.plan, style, instrument, low=low, high=high)
        return Draft(
            "arp" if style in _ARPS else "melody", instrument, events, gain_db, tight=style == "arp-triplet"
        )

    def _register(self, instrument: str, style: str) -> tuple[int, int]:
        tool = INSTRUMENTS[instrument]
        low = max(tool.low, self.dice.pick((48, 52, 55, 60)))
        if tool.family == "bass":
            return tool.low, tool.high
        if style == "riff" and tool.family == "guitar":
            return 40, 64
        if tool.high - low < 16:
            low = max(tool.low, tool.high - 24)
        return low, min(tool.high, low + self.dice.pick((17, 22, 26, 30)))

    def texture(self, gain_db: float = -14.0) -> Draft:
        """Lay a noise under the whole loop."""
        name = self.dice.name(self.genre.textures)
        return Draft("texture", name, [(0.0, self.plan.quarters, 60, 0.7)], gain_db, tight=True)

    def maybe_texture(self, probability: float) -> list[Draft]:
        """Lay a noise under the loop now and then, in genres that do so."""
        if self.genre.textures and self.dice.chance(probability):
            return [self.texture()]
        return []


def arrange(plan: Plan, genre: Genre, family: str, timbres: str = "train") -> Arrangement:
    """Arrange a loop of a family in a genre."""
    players = _Arranger(plan, genre, family, timbres)
    if family == "drums":
        return _drums(players)
    if family == "groove":
        return _groove(players)
    return _solo(players)


def _drums(players: _Arranger) -> Arrangement:
    dice = players.dice
    stem = dice.weighted(_DRUM_STEMS)
    if stem == "percussion" and not players.genre.percussion:
        stem = "drums only"
    if stem == "percussion":
        drafts = [players.percussion(0.0)]
        if dice.chance(0.4):
            drafts.append(players.percussion(-3.0))
    else:
        drafts = [players.drums(stem)]
        if stem == "drums and percussion":
            drafts.append(players.percussion())
    drafts += players.maybe_texture(0.08 if "vinyl" not in players.genre.textures else 0.2)
    return Arrangement(tuple(drafts), stem)


def _solo(players: _Arranger) -> Arrangement:
    dice, genre, family = players.dice, players.genre, players.family
    main = players.line(genre.players(family))
    if main is None:
        raise LookupError(f"genre {genre.name} has no player for {family}")
    drafts = [main]
    if family == "bass":
        drafts += players.maybe_texture(0.05)
        return Arrangement(tuple(drafts), "bassline")
    second: Draft | None = None
    style_is_slow = main.role in ("chords", "pad")
    if family == "piano" and style_is_slow and dice.chance(0.4):
        notes = write_lead(
            players.plan, dice.pick(("sparse", "melody", "call", "hook")), main.instrument, low=67, high=91
        )
        second = Draft("melody", main.instrument, notes, 0.0)
    elif family in ("strings", "choir-pad", "lead-arp", "guitar") and dice.chance(0.28):
        second = players.line(genre.players(family), -4.0)
        if second is not None and second.instrument == main.instrument and second.role == main.role:
            second = None
    if second is not None:
        drafts.append(second)
    if family != "choir-pad" and genre.pads and dice.chance(0.1):
        bed = players.line(genre.pads, -13.0, under=True)
        drafts += [bed] if bed is not None else []
    if genre.bass and family in ("guitar", "lead-arp", "strings") and dice.chance(0.06):
        low = players.line(genre.bass, -9.0)
        drafts += [low] if low is not None else []
    drafts += players.maybe_texture(0.12)
    return Arrangement(tuple(drafts), "solo" if len(drafts) == 1 else "no drums")


def _groove(players: _Arranger) -> Arrangement:
    dice, genre, plan = players.dice, players.genre, players.plan
    drafts: list[Draft] = []
    stem = dice.weighted((("", 80.0), ("drums and bass", 13.0), ("no drums", 5.0)))
    if stem != "no drums":
        drafts.append(players.drums())
        if genre.percussion and dice.chance(0.15 + 0.3 * plan.density):
            drafts.append(players.percussion(-6.0))
    bass = players.line(genre.bass)
    drafts += [bass] if bass is not None else []
    if stem == "drums and bass":
        return Arrangement((*drafts, *players.maybe_texture(0.15)), stem)
    beds = [
        (family, genre.weights.get(family, 0.0)) for family in ("piano", "guitar", "strings", "choir-pad")
    ]
    beds = [(family, weight) for family, weight in beds if weight > 0.0]
    wanted = 1 + (1 if dice.chance(0.15 + 0.4 * plan.density) else 0)
    for _ in range(min(wanted, len(beds))):
        family = dice.weighted(beds)
        beds = [row for row in beds if row[0] != family]
        bed = players.line(genre.players(family), 0.0, under=True)
        drafts += [bed] if bed is not None else []
    if genre.leads and dice.chance(0.3 + 0.3 * plan.density):
        lead = players.line(genre.leads, -1.0)
        drafts += [lead] if lead is not None else []
    drafts += players.maybe_texture(0.15)
    return Arrangement(tuple(drafts), stem)
