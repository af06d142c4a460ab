"""Chords and chord progressions, one or more a bar."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from riffsidecar.errors import MusicError, nearest
from riffsidecar.music.harmony import pitch_class, spell
from riffsidecar.music.length import LoopLength
from riffsidecar.music.shown import shown

__all__ = ["QUALITIES", "Chord", "Chords"]

QUALITIES: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "aug": (0, 4, 8),
    "5": (0, 7),
    "sus2": (0, 2, 7),
    "sus4": (0, 5, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "69": (0, 4, 7, 9, 2),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "mmaj7": (0, 3, 7, 11),
    "dim7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10),
    "aug7": (0, 4, 8, 10),
    "7sus4": (0, 5, 7, 10),
    "7b9": (0, 4, 7, 10, 1),
    "7#9": (0, 4, 7, 10, 3),
    "add9": (0, 4, 7, 2),
    "madd9": (0, 3, 7, 2),
    "9": (0, 4, 7, 10, 2),
    "maj9": (0, 4, 7, 11, 2),
    "m9": (0, 3, 7, 10, 2),
    "9sus4": (0, 5, 7, 10, 2),
    "11": (0, 4, 7, 10, 2, 5),
    "m11": (0, 3, 7, 10, 2, 5),
    "13": (0, 4, 7, 10, 2, 9),
}
"""Semitones above the root modulo the octave, by quality."""

_ALIASES = {
    "maj": "", "M": "", "major": "", "min": "m", "-": "m", "minor": "m", "mi": "m",
    "o": "dim", "°": "dim", "+": "aug", "sus": "sus4", "2": "sus2", "4": "sus4", "add2": "add9", "6/9": "69",
    "dom7": "7", "M7": "maj7", "Maj7": "maj7", "major7": "maj7", "ma7": "maj7", "Δ": "maj7", "Δ7": "maj7",
    "min7": "m7", "-7": "m7", "mi7": "m7", "minor7": "m7",
    "mM7": "mmaj7", "mMaj7": "mmaj7", "m(maj7)": "mmaj7",
    "o7": "dim7", "°7": "dim7", "ø": "m7b5", "ø7": "m7b5", "m7-5": "m7b5", "min7b5": "m7b5",
    "+7": "aug7", "7#5": "aug7",
    "7sus": "7sus4", "M9": "maj9", "min9": "m9", "-9": "m9", "9sus": "9sus4", "min11": "m11",
    "min6": "m6", "-6": "m6",
}  # fmt: skip
_CHORD = re.compile(r"([A-G])([#b♯♭]{0,2})(.*)")
_MAX_BARS = 64
_MAX_PER_BAR = 16
_MAX_TEXT = 1000


@dataclass(frozen=True, slots=True)
class Chord:
    """A root (pitch class, C = 0), a quality of :data:`QUALITIES`, and another bass note if there is one.

    Raises:
        MusicError: for another root, quality or bass.

    >>> Chord.parse("C/E").pitch_classes
    (4, 0, 7)
    """

    root: int
    quality: str = ""
    bass: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be a chord; a bass that is the root is none."""
        for name, value in (("root", self.root), ("bass", self.root if self.bass is None else self.bass)):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 11:
                raise MusicError(f"the {name} of a chord is {shown(value)}, but must be from 0 (C) to 11 (B)")
        if self.quality not in QUALITIES:
            known = ", ".join(name or "(major)" for name in QUALITIES)
            raise MusicError(f"chord quality is {shown(self.quality)}, but must be one of {known}")
        if self.bass == self.root:
            object.__setattr__(self, "bass", None)

    @classmethod
    def parse(cls, text: str) -> Chord:
        """Read a chord symbol such as ``"Am7"``, ``"F#dim"``, ``"Gsus4"`` or ``"C/E"``.

        >>> str(Chord.parse("Bbmin7"))
        'Bbm7'
        """
        symbol = text.strip()
        match = _CHORD.fullmatch(symbol) if len(symbol) <= 16 else None
        if match is None:
            raise MusicError(f"chord is {shown(symbol)}, but must be written like Am, F#m7, Gsus4 or C/E")
        quality, slash, bass = match[3].rpartition("/")
        if not slash or not bass or bass == "9":
            quality, bass = match[3], ""
        quality = _ALIASES.get(quality, quality)
        if quality not in QUALITIES:
            known = ", ".join(name for name in QUALITIES if name)
            raise MusicError(
                f"chord is {shown(symbol)}: no quality {shown(quality)}, but one of {known}"
                + nearest(quality, QUALITIES)
            )
        return cls(pitch_class(match[1] + match[2]), quality, pitch_class(bass) if bass else None)

    @property
    def is_minor(self) -> bool:
        """Return whether the third above the root is a minor one."""
        return 3 in QUALITIES[self.quality] and 4 not in QUALITIES[self.quality]

    @property
    def lowest(self) -> int:
        """Return the pitch class that the bass plays."""
        return self.root if self.bass is None else self.bass

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Return the pitch classes from the bass note upwards through the chord, each once."""
        tones = (self.lowest, *((self.root + step) % 12 for step in QUALITIES[self.quality]))
        return tuple(dict.fromkeys(tones))

    def __str__(self) -> str:
        """Write the chord symbol."""
        bass = "" if self.bass is None else f"/{spell(self.bass, self.is_minor)}"
        return spell(self.root, self.is_minor) + self.quality + bass


@dataclass(frozen=True, slots=True)
class Chords:
    """A progression: the chords of each bar, which share it equally, repeated for as long as the loop lasts.

    Raises:
        MusicError: with no bar, with an empty bar, with over 64 bars or over 16 chords in one.

    >>> Chords.parse("Am F | C G").bars[1][0]
    Chord(root=0, quality='', bass=None)
    """

    bars: tuple[tuple[Chord, ...], ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be a progression."""
        if not 1 <= len(self.bars) <= _MAX_BARS:
            raise MusicError(f"chords have {len(self.bars)} bars, but must have from 1 to {_MAX_BARS}")
        for number, bar in enumerate(self.bars, 1):
            if not 1 <= len(bar) <= _MAX_PER_BAR:
                raise MusicError(
                    f"chords, bar {number}: {len(bar)} of them, but must have from 1 to {_MAX_PER_BAR}: "
                    "% repeats the bar before"
                )

    @classmethod
    def parse(cls, value: str | Chords) -> Chords:
        """Read chords, one a bar (``"Am F C G"``), or several where bar lines say so (``"Am F | C G"``).

        Commas and free-standing dashes separate like blanks, and ``%`` repeats the bar (or the chord) before.

        >>> str(Chords.parse("Am, F, C, G")), str(Chords.parse("Am F|C G|")), str(Chords.parse("| Am F |"))
        ('Am F C G', 'Am F | C G', '| Am F |')
        """
        if isinstance(value, Chords):
            return value
        if not isinstance(value, str) or not value.strip() or len(value) > _MAX_TEXT:
            raise MusicError(
                f"chords are {shown(value)}, but must be written like 'Am F C G' or 'Am F | C G'"
            )
        text = re.sub(r"(?<!\S)[-\u2013](?!\S)|,", " ", value).strip()
        if "|" in text:
            measures = re.sub(r"^\|+:?|:?\|+$", "", text).split("|")
        else:
            measures = text.split()
        bars: list[tuple[Chord, ...]] = []
        for number, measure in enumerate(measures[: _MAX_BARS + 1], 1):
            if measure.strip() == "%":
                if not bars:
                    raise MusicError("chords begin with '%', but there is no bar before to repeat")
                bars.append(bars[-1])
                continue
            try:
                bars.append(tuple(Chord.parse(symbol) for symbol in measure.split()))
            except MusicError as error:
                raise MusicError(f"chords, bar {number}: {error}") from error
        return cls(tuple(bars))

    def at(self, bar: Fraction) -> Chord:
        """Return the chord that sounds at a position in bars from the start, cycling.

        >>> str(Chords.parse("Am F | C G").at(Fraction(3, 2)))
        'G'
        """
        chords = self.bars[int(bar // 1) % len(self.bars)]
        return chords[int(bar % 1 * len(chords))]

    def per_column(self, length: LoopLength) -> tuple[Chord, ...]:
        """Return the chord at the start of each latent column of a loop.

        >>> [str(chord) for chord in Chords.parse("Am F").per_column(LoopLength.parse(2, "1/4", 120))]
        ['Am', 'Am', 'Am', 'Am', 'F', 'F', 'F', 'F']
        """
        per_bar = length.meter.quarters_per_bar
        return tuple(self.at(length.column_quarters(column) / per_bar) for column in range(length.columns))

    def __str__(self) -> str:
        """Write the progression so that it reads back as itself."""
        if all(len(bar) == 1 for bar in self.bars):
            return " ".join(str(bar[0]) for bar in self.bars)
        text = " | ".join(" ".join(str(chord) for chord in bar) for bar in self.bars)
        return text if len(self.bars) > 1 else f"| {text} |"
