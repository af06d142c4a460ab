"""Write what musicians would type for a loop: fragments and sentences, slang, figures, typos.

Templates name slots: ``{F}`` family, ``{I}`` and ``{I2}`` instruments, ``{G}`` genre, ``{M}`` and ``{M2}``
moods, ``{R}`` what the instrument plays, ``{T}`` tempo in words or figures, ``{N}`` the figure alone,
``{K}`` key, ``{C}`` chords, ``{E}`` meter, ``{B}`` bars, ``{S}`` stem, ``{A}`` all that plays. A template
serves a score that has all its slots. Every template names the family or an instrument; for a whole band it
names the family or several instruments, since one alone would be a wrong promise. What is said of a band
tells whether drums play in it: by a word for a band with drums or without, or by its instruments. Whole
phrasings and some slang are held out for the evaluation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from riffsidecar.errors import TrainingError
from riffsidecar.training.caption_words import (
    COLOURED,
    DRUMLESS_BANDS,
    ENSEMBLE_TEMPLATES,
    HELD_OUT_TEMPLATES,
    METER_WORDS,
    NAMED_DRUMS,
    NEGATIVES,
    OPPOSITES,
    ROLE_WORDS,
    SOLO_TEMPLATES,
    STEM_FAMILIES,
    TRAIN_TEMPLATES,
)
from riffsidecar.training.compose.dice import Dice
from riffsidecar.training.eval_prompts import EVAL_PROMPTS
from riffsidecar.training.instruments import INSTRUMENTS
from riffsidecar.training.lexicon import terms_for
from riffsidecar.training.score import FAMILIES, Part, Score
from riffsidecar.training.typing_slips import roughen

__all__ = ["HELD_OUT_TEMPLATES", "TRAIN_TEMPLATES", "captions", "eval_prompts", "negative_words"]

_SLOT = re.compile(r"\{([A-Z]2?)\}")
_TWICE = re.compile(r"\b(\w+) \1\b")
_ARTICLE = re.compile(r"\ba (?=[aeio])")


def _family_words(score: Score, split: str) -> tuple[str, ...]:
    """Choose words for the family that hold for this loop: no pad is a choir, no flute a keyboard."""
    attributes = score.attributes
    words = terms_for("family", attributes.family, split)
    lead = score.parts[0]
    kind = INSTRUMENTS[lead.instrument].family
    if attributes.family == "choir-pad" and kind == "choir":
        return (
            ("choir", "choir loop", "vocals", "voices", "vocal pad")
            if split == "train"
            else ("singers", "choral part")
        )
    if attributes.family == "drums" and attributes.stem in STEM_FAMILIES:
        return STEM_FAMILIES[attributes.stem]
    if attributes.family == "piano":
        name = INSTRUMENTS[lead.instrument].words[0]
        own = ("piano", "piano loop", "piano part") if "piano" in name else (name, f"{name} loop")
        return own + words
    if attributes.family == "lead-arp":
        arpeggio = lead.role == "arp"
        held = [
            word
            for word in words
            if ("arp" in word or word == "sequence") == arpeggio or word == "melodic loop"
        ]
        if kind != "lead":
            held = [word for word in held if "synth" not in word and "arp" not in word]
        return tuple(held) or words
    if attributes.family == "groove" and not attributes.drums:
        return DRUMLESS_BANDS[split]
    return words


@lru_cache(maxsize=4096)
def _fitting(instrument: str, genre: str, split: str) -> tuple[str, ...]:
    """Give an instrument's words without those that name another genre: no metal guitar in a country song."""
    words = terms_for("instrument", instrument, split)
    fitting = tuple(
        word
        for word in words
        if not any(re.search(rf"\b{mark}", word) and genre not in genres for mark, genres in COLOURED.items())
    )
    return fitting or words[:1]


def _holds(word: str, heard: set[int]) -> bool:
    """Say whether the drums that a word names are among the keys heard."""
    return all(heard & set(pitches) for name, pitches in NAMED_DRUMS.items() if name in word)


class _Writer:
    """Fill templates for one score."""

    def __init__(self, score: Score, dice: Dice, split: str) -> None:
        self.score = score
        self.dice = dice
        self.split = split
        self.families = _family_words(score, split)
        self.fills: dict[str, Callable[[], str]] = {
            "F": lambda: dice.pick(self.families),
            "G": lambda: self._term("genre", score.attributes.genre),
            "M": lambda: self._mood(),
            "M2": lambda: self._mood(),
            "I": lambda: self._instrument(0),
            "I2": lambda: self._instrument(1),
            "R": lambda: dice.pick(ROLE_WORDS[self._part(0).role]),
            "T": self._tempo,
            "N": lambda: f"{float(score.tempo):.0f}",
            "K": self._key,
            "C": self._chords,
            "E": lambda: dice.pick(METER_WORDS.get(str(score.meter), (str(score.meter),))),
            "B": self._bars,
            "S": self._stem,
            "A": self._ensemble,
        }
        missing = set()
        attributes = score.attributes
        if len(attributes.mood) < 2:
            missing |= {"M2"} if attributes.mood else {"M", "M2"}
        if len(self._featured()) < 2:
            missing |= {"I2", "A"}
        if score.key is None:
            missing |= {"K", "C"}
        if score.chords is None or len(score.chords.bars) > 4:
            missing.add("C")
        if str(score.meter) == "4/4":
            missing.add("E")
        if not attributes.stem and attributes.drums:
            missing.add("S")
        self.missing = missing
        self._moods: list[str] = []
        self._lead = 0

    def _featured(self) -> list[int]:
        """List the parts a listener would name first, without a second one of the same instrument."""
        places: dict[str, int] = {}
        for place, part in enumerate(self.score.parts):
            if part.role != "texture" and part.gain_db > -12.0:
                places.setdefault(part.instrument, place)
        return list(places.values()) or [0]

    def _part(self, offset: int) -> Part:
        featured = self._featured()
        return self.score.parts[featured[(self._lead + offset) % len(featured)]]

    def _term(self, kind: str, target: str) -> str:
        terms = terms_for(kind, target, self.split)
        return terms[0] if self.dice.chance(0.4) else self.dice.pick(terms)

    def _instrument(self, offset: int) -> str:
        part = self._part(offset)
        words = _fitting(part.instrument, self.score.attributes.genre, self.split)
        if part.role != "percussion":
            return words[0] if self.dice.chance(0.4) else self.dice.pick(words)
        heard = {note.pitch for note in part.notes}
        named = [word for word in words if _holds(word, heard)]
        return self.dice.pick(named) if named else "percussion"

    def _ensemble(self) -> str:
        """List the parts, drums and bass mostly by their plain names."""
        names = []
        for place, index in enumerate(self._featured()[:4]):
            role = self.score.parts[index].role
            plain = role in ("drums", "bass") and self.dice.chance(0.6)
            names.append(role if plain else self._instrument(place))
        names = list(dict.fromkeys(self.dice.shuffled(names)))
        if self.dice.chance(0.15):
            return " + ".join(names)
        return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]

    def _mood(self) -> str:
        if not self._moods:
            self._moods = self.dice.shuffled(self.score.attributes.mood)
        return self._term("mood", self._moods.pop())

    def _tempo(self) -> str:
        figure = f"{float(self.score.tempo):.0f}"
        if self.dice.chance(0.4):
            return self._term("tempo", self.score.attributes.tempo_word)
        return self.dice.pick(
            (f"{figure} bpm", f"{figure}bpm", f"at {figure}", f"{figure} BPM", f"tempo {figure}")
        )

    def _key(self) -> str:
        key = str(self.score.key)
        if " " in key and self.score.key is not None:
            plain = key.partition(" ")[0] + (" minor" if self.score.key.is_minor else " major")
            return key.replace("-", " ") if self.dice.chance(0.5) else plain
        if self.dice.chance(0.35):
            return key
        long = f"{key[:-1]} minor" if key.endswith("m") else f"{key} major"
        return self.dice.pick(
            (long, long, f"the key of {long}", long.replace("minor", "min").replace("major", "maj"))
        )

    def _chords(self) -> str:
        """Write the chords without the repeats that a progression makes by itself."""
        chords = self.score.chords
        rows = () if chords is None else chords.bars
        period = next(n for n in range(1, len(rows) + 1) if rows == (rows[:n] * len(rows))[: len(rows)])
        return " ".join(str(chord) for row in rows[:period] for chord in row)

    def _bars(self) -> str:
        count = self.score.bars
        return (
            self.dice.pick((f"{count} bar", f"{count}-bar", f"{count} bars"))
            if count > 1
            else self.dice.pick(("1 bar", "one bar"))
        )

    def _stem(self) -> str:
        attributes = self.score.attributes
        stem = attributes.stem
        if not attributes.drums and (stem not in ("solo", "bassline") or self.dice.chance(0.4)):
            stem = "no drums"
        return self._term("stem", stem)

    def _leader(self, template: str) -> int:
        """Return which featured part is named first: of a band any, but drums are not kept back."""
        if self.score.attributes.family != "groove" or "{A}" in template:
            return 0
        featured = self._featured()
        roles = [self.score.parts[place].role for place in featured]
        struck = [place for place, role in enumerate(roles) if role in ("drums", "percussion")]
        if "{F}" in template or not struck:
            return self.dice.integer(0, len(featured) - 1)
        return (struck[0] - self.dice.integer(0, 1)) % len(featured)

    def write(self, template: str) -> str:
        """Fill a template; an instrument is named once, a mood not twice in a row."""
        self._lead = self._leader(template)
        self._moods = []
        line = _TWICE.sub(r"\1", _SLOT.sub(lambda match: self.fills[match.group(1)](), template))
        partial = (
            self.score.attributes.stem in STEM_FAMILIES and "{S}" not in template and "{F}" not in template
        )
        if partial and self.dice.chance(0.75):
            line += self.dice.pick((", ", " ")) + self._term("stem", self.score.attributes.stem)
        return _ARTICLE.sub("an ", line) if self.dice.chance(0.8) else line


@lru_cache(maxsize=64)
def _usable(missing: frozenset[str], split: str, players: str) -> tuple[tuple[str, float], ...]:
    templates: tuple[str, ...] = TRAIN_TEMPLATES if split == "train" else HELD_OUT_TEMPLATES
    if players in ("band", "drumless band"):
        templates = tuple(template for template in templates if "{F}" in template or "{I2}" in template)
    if split == "train":
        listing = tuple(line for line in ENSEMBLE_TEMPLATES if "{A}" in line and "beat" not in line)
        templates += {
            "band": ENSEMBLE_TEMPLATES,
            "drumless band": listing,
            "solo": SOLO_TEMPLATES,
        }.get(players, ())
    rows = []
    for template in templates:
        slots = _SLOT.findall(template)
        if not missing & set(slots):
            rows.append((template, {1: 1.6, 2: 2.4, 3: 1.3}.get(len(slots), 1.0)))
    return tuple(rows)


def captions(
    score: Score, rng: np.random.Generator, n: int, split: str = "train", *, typos: bool = True
) -> tuple[str, ...]:
    """Write n captions for a score.

    Args:
        score: the loop.
        rng: what phrasings, words and slips are drawn from.
        n: how many; phrasings repeat only when they run out.
        split: "train", or "held-out" for phrasings and slang that training captions never use.
        typos: False leaves spelling, case and hyphens alone.

    Returns:
        n non-empty lines; each names the family or an instrument of the loop.

    Raises:
        TrainingError: for another split.
    """
    if split not in ("train", "held-out"):
        raise TrainingError(f"split is {split!r}, but must be 'train' or 'held-out'")
    dice = Dice(int(rng.integers(0, 2**63 - 1)))
    writer = _Writer(score, dice, split)
    heard = [part for part in score.parts if part.role != "texture"]
    band = "band" if score.attributes.drums else "drumless band"
    players = band if score.attributes.family == "groove" else "solo" if len(heard) == 1 else "some"
    rows = list(_usable(frozenset(writer.missing), split, players))
    written: list[str] = []
    left = list(rows)
    for _ in range(n):
        if not left:
            left = list(rows)
        template = dice.weighted(left)
        left = [row for row in left if row[0] != template]
        line = writer.write(template)
        written.append(roughen(dice, line) if typos else line)
    return tuple(written)


def negative_words(score: Score) -> tuple[str, ...]:
    """List what the loop is not: instrument families that do not play, and the opposites of its moods.

    They are what a negative prompt for this loop would hold.
    """
    playing = {INSTRUMENTS[part.instrument].family for part in score.parts}
    if "percussion" in playing:
        playing.add("kit")
    words = [word for family, absent in NEGATIVES.items() if family not in playing for word in absent]
    present = set(score.attributes.mood)
    words += [
        word for mood in score.attributes.mood for word in OPPOSITES.get(mood, ()) if word not in present
    ]
    return tuple(dict.fromkeys(words))


def eval_prompts(family: str) -> tuple[str, ...]:
    """Give prompts for a family in wordings that no training caption has.

    Raises:
        TrainingError: for an unknown family.
    """
    if family not in FAMILIES:
        raise TrainingError(f"family is {family!r}, but must be one of {', '.join(FAMILIES)}")
    return EVAL_PROMPTS[family]
