"""Write chord progressions in roman numerals, place them in time, and voice them with little movement."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from riffsidecar.errors import TrainingError
from riffsidecar.music import QUALITIES, Chord, Chords, Key
from riffsidecar.training.compose.dice import Dice

__all__ = [
    "FLAVOURS",
    "Flavour",
    "Span",
    "harmonise",
    "near",
    "parse_roman",
    "scale_over",
    "voice_chord",
]

_ROMAN = re.compile(r"^([b#]?)(VII|VI|IV|V|III|II|I|vii|vi|iv|v|iii|ii|i)(.*)$")
_DEGREES = {"i": 0, "ii": 2, "iii": 4, "iv": 5, "v": 7, "vi": 9, "vii": 11}
_MINOR_SUFFIXES = {
    "": "m", "7": "m7", "9": "m9", "6": "m6", "11": "m11", "add9": "madd9", "o": "dim", "o7": "dim7", "h": "m7b5"
}  # fmt: skip

@dataclass(frozen=True, slots=True)
class Flavour:
    """Name a way of using chords: the mode of the key and progressions that belong to it.

    Attributes:
        mode: a mode of `riffsidecar.music.Key`.
        progressions: roman numerals relative to the major scale of the tonic; lower case is minor.
    """

    mode: str
    progressions: tuple[str, ...]


def _flavour(mode: str, text: str) -> Flavour:
    return Flavour(mode, tuple(line.strip() for line in text.split("|")))


FLAVOURS: dict[str, Flavour] = {
    "minor-pop": _flavour(
        "minor",
        "i bVI bIII bVII | i bVII bVI bVII | bVI bVII i i | i iv bVI bVII | i bIII bVII bVI | i v bVI iv | i bVI iv v"
        " | bVI i bVII v | i bVII iv bVI",
    ),
    "minor-dark": _flavour(
        "minor", "i | i i bVI bVI | i iv | i i i bVI | i bVI | i v | i i iv v | i bVI i bVII | i iv i v"
    ),
    "minor-deep": _flavour(
        "minor", "i7 iv7 | i9 bVImaj7 | i7 v7 | i9 iv9 | i7 bIIImaj7 iv7 v7 | bVImaj7 v7 i9 i9 | iv9 i9 | i9"
    ),
    "minor-harmonic": _flavour(
        "harmonic-minor", "i V | i iv V i | i iv i V7 | i bVI iv V7 | i iio V7 i | i bVI V V"
    ),
    "phrygian": _flavour("phrygian", "i bII | i bII i bvii | i | i i bII bII | i bIII bII i | i bvii bVI bII"),
    "andalusian": _flavour("phrygian", "iv bIII bII I | i bVII bVI V | I bII | I bII bIII bII"),
    "dorian": _flavour("dorian", "i7 IV7 | i9 | i7 | i7 IV9 | i7 ii7 | i bVII IV i | i7 bVII IV7 bVII"),
    "mixolydian": _flavour("mixolydian", "I bVII IV I | I7 | I7 IV7 | I bVII | I9 | I IV bVII IV | I v IV I"),
    "lydian": _flavour("lydian", "I II | Imaj7 II | I II vi II | Imaj7 II iii II | I vi II I"),
    "major-pop": _flavour(
        "major",
        "I V vi IV | vi IV I V | I vi IV V | IV I V vi | I IV vi V | I iii IV V | IV V vi I | I V IV IV | I IV I V",
    ),
    "major-soul": _flavour(
        "major",
        "Imaj7 vi7 ii7 V7 | IVmaj7 iii7 ii7 Imaj7 | Imaj9 IVmaj9 | ii9 V9 Imaj9 Imaj9 | IVmaj7 V7 iii7 vi7"
        " | Imaj7 iii7 IVmaj7 iv6 | IVmaj9 iii7 vi9 vi9 | ii7 iii7 IVmaj7 V7",
    ),
    "jazz-major": _flavour(
        "major",
        "ii7 V7 Imaj7 vi7 | Imaj7 vi7 ii7 V7 | Imaj7 VI7 ii7 V7 | iii7 VI7 ii7 V7 | ii7 V7 Imaj7 Imaj7"
        " | IVmaj7 bVII7 Imaj7 VI7 | Imaj7 #io7 ii7 V7 | ii9 V9 Imaj9 VI7",
    ),
    "jazz-minor": _flavour(
        "minor", "iih V7 i6 i6 | i7 bVImaj7 iih V7 | i6 iih V7 i6 | iv7 bVII7 bIIImaj7 V7 | i7 iv7 iih V7"
    ),
    "blues": _flavour("mixolydian", "I7 IV7 I7 V7 | I7 | I7 IV7 | I7 I7 IV7 I7 | V7 IV7 I7 V7 | I7 IV7 I7 I7"),
    "gospel": _flavour("major", "I I7 IV iv6 | I vi7 ii7 V7 | IV #ivo7 I VI7 | I iii7 IV V7 | vi7 II7 ii7 V7"),
    "bossa": _flavour(
        "major", "Imaj7 II7 ii7 V7 | Imaj9 vi9 ii9 V9 | Imaj7 bIIImaj7 ii7 bII7 | iii7 VI7 ii9 V7 | Imaj7 ii7 iii7 ii7"
    ),
    "folk": _flavour("major", "I IV I V | I V IV I | I vi IV I | I IV V I | I I IV V | vi IV I V | I ii IV I"),
    "folk-dorian": _flavour("dorian", "i bVII i bVII | i bVII bIII IV | i IV | i v bVII i | i bVII IV i"),
    "country": _flavour("major", "I IV V I | I I V I | I V I IV | I IV I V7 | I II7 V7 I | I7 IV I V"),
    "punk": _flavour("major", "I IV V V | I V vi IV | I IV V IV | I bVII IV I | I I IV V | vi IV I V"),
    "metal": _flavour("phrygian", "i bII | i i bVI bVII | i bII bIII bII | i | i bVI bII i"),
    "reggae": _flavour("major", "I IV | I V | I ii | I vi IV V | I IV V IV | ii iii | I V vi IV"),
    "reggae-minor": _flavour("minor", "i iv | i bVII | i v | i bVI | i iv v iv | i bVII bVI v"),
    "montuno": _flavour("major", "I IV V IV | I IV V7 V7 | ii V7 I I | I V7 V7 I | I vi ii V7"),
    "montuno-minor": _flavour("harmonic-minor", "i iv V7 iv | i V7 | iv V7 i i | i iv V7 V7"),
    "synthwave": _flavour("minor", "bVI bVII i i | i bVI bIII bVII | i bIII bVII iv | bVI bIII bVII i | i v bVI bVII"),
    "trance": _flavour("minor", "i bVI bIII bVII | bVI bVII i v | i bVII bVI iv | bVI bIII bVII i | i iv bVI v"),
    "cinematic": _flavour(
        "minor", "i bVI bIII bVII | i bVI | i bIII bVI iv | i iv bVI V | i bVII bVI bVI | i bIII bVII IV | bVI bVII i i"
    ),
    "heroic": _flavour("lydian", "I II IV I | I bVII I II | I vi II IV | I iii IV II"),
    "classical-major": _flavour(
        "major", "I IV V I | I V vi iii | I V7 I IV | I vi ii V7 | I ii V7 I | I V vi IV | I IV I V7 | I iii vi V7"
    ),
    "classical-minor": _flavour(
        "harmonic-minor", "i iv V i | i V i iv | i bVI iio V7 | i V7 i V | i iv i V7 | i bVI iv V7"
    ),
    "hymn": _flavour("major", "I IV I V | I V vi IV | I IV V vi | I iii IV V | IV I ii V | I vi ii V"),
    "drone": _flavour("minor", "i | isus2 | isus4 isus2 | i isus2"),
    "drone-major": _flavour("major", "I | Iadd9 | Isus2 I | Isus4 Isus2"),
    "raga": _flavour("mixolydian", "Isus2 | I | Isus4 | I I I bVII"),
    "raga-dark": _flavour("phrygian", "i | isus4 | i i i bII"),
    "space": _flavour("lydian", "Imaj7 | Imaj9 II | Iadd9 vi9 | Imaj7 iii7 | Imaj9"),
    "haze": _flavour("minor", "bVImaj9 i9 | i9 bVImaj7 iv9 iv9 | bIIImaj9 bVImaj9 | iv9 bVImaj9 i9 i9 | i9 v7"),
    "blues-minor": _flavour("minor", "i7 iv7 i7 v7 | i7 | i7 iv7 | i7 bVI7 V7 i7"),
    "pent-minor": _flavour("minor-pentatonic", "i | i bVII | i bIII | i bVII bIII bVII | i v"),
    "pent-major": _flavour("major-pentatonic", "I | I vi | I V | I V vi I"),
    "whole": _flavour("major", "I bVI | I #IV | i biii | Iaug | i #iv | I bIII #IV VI | i bvi"),
    "chip": _flavour("major", "I V vi IV | I bVII bVI bVII | IV V iii vi | I IV V I | bVI bVII I I"),
}
"""Ways of using chords by name."""


@dataclass(frozen=True, slots=True)
class Span:
    """Hold one chord and the stretch of the loop it lasts.

    Attributes:
        start: quarters.
        end: quarters.
        root: pitch class.
        intervals: semitones above the root, in thirds.
        scale: pitch classes that sound well over the chord.
    """

    start: float
    end: float
    root: int
    intervals: tuple[int, ...]
    scale: tuple[int, ...]

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Give the pitch classes of the chord, the root first."""
        return tuple((self.root + interval) % 12 for interval in self.intervals)


@lru_cache(maxsize=1024)
def parse_roman(text: str) -> tuple[int, str]:
    """Read a roman numeral as semitones above the tonic and a chord quality.

    >>> parse_roman("bVImaj7"), parse_roman("ii7"), parse_roman("iih")
    ((8, 'maj7'), (2, 'm7'), (2, 'm7b5'))
    """
    match = _ROMAN.match(text)
    if match is None:
        raise TrainingError(f"chord {text!r} is no roman numeral; write it like 'i', 'bVII' or 'V7'")
    accidental, numeral, suffix = match.groups()
    semitones = (_DEGREES[numeral.lower()] + {"b": -1, "#": 1, "": 0}[accidental]) % 12
    quality = suffix
    if numeral.islower():
        quality = _MINOR_SUFFIXES.get(suffix, suffix)
    elif suffix == "o":
        quality = "dim"
    if quality not in QUALITIES:
        raise TrainingError(f"chord {text!r} has the unknown quality {quality!r}")
    return semitones, quality


@lru_cache(maxsize=4096)
def scale_over(key_classes: tuple[int, ...], chord_classes: tuple[int, ...]) -> tuple[int, ...]:
    """Give the scale of the key, bent so that no degree lies a semitone beside a foreign chord tone.

    >>> scale_over((9, 11, 0, 2, 4, 5, 7), (4, 8, 11))
    (0, 2, 4, 5, 8, 9, 11)
    """
    foreign = [tone for tone in chord_classes if tone not in key_classes]

    def gives_way(degree: int) -> bool:
        for tone in foreign:
            if (tone - degree) % 12 == 1:
                return True
            # A raised degree pushes out its natural neighbour below; only where there is none, the one above.
            if (degree - tone) % 12 == 1 and (tone - 1) % 12 not in key_classes:
                return True
        return False

    kept = {degree for degree in key_classes if degree in chord_classes or not gives_way(degree)}
    return tuple(sorted(kept | set(chord_classes)))


def harmonise(dice: Dice, key: Key, progression: str, bars: int, bar_quarters: float) -> tuple[Chords, list[Span]]:
    """Place a progression over the loop and return the chords with their stretches.

    Long progressions go two chords a bar in short loops of 4/4; short ones last longer or come round again.
    """
    romans = progression.split()
    count = len(romans)
    halves = bar_quarters == 4.0
    if count > bars:
        per_bar = 2 if halves and count <= 2 * bars and dice.chance(0.6) else 1
        romans = romans[: bars * per_bar]
    else:
        per_bar = 1
        if halves and count > 1 and bars * 2 >= count and dice.chance(0.12):
            per_bar = 2
        elif count < bars and bars % count == 0 and dice.chance(0.55):
            hold = bars // count
            romans = [roman for roman in romans for _ in range(hold)]
    classes = tuple(key.pitch_classes)
    rows: list[tuple[Chord, ...]] = []
    spans: list[Span] = []
    place = 0
    for bar in range(bars):
        row = []
        for part in range(per_bar):
            semitones, quality = parse_roman(romans[place % len(romans)])
            place += 1
            root = (key.tonic + semitones) % 12
            row.append(Chord(root, quality))
            start = bar * bar_quarters + part * bar_quarters / per_bar
            tones = tuple((root + interval) % 12 for interval in QUALITIES[quality])
            span = Span(start, start + bar_quarters / per_bar, root, QUALITIES[quality], scale_over(classes, tones))
            if spans and spans[-1].root == root and spans[-1].intervals == span.intervals:
                span = Span(spans.pop().start, span.end, root, span.intervals, span.scale)
            spans.append(span)
        rows.append(tuple(row) if len(set(row)) > 1 else (row[0],))
    return Chords(tuple(rows)), spans


def near(pitch_class: int, target: float) -> int:
    """Give the pitch of this class nearest to the target pitch.

    >>> near(0, 61.0), near(11, 60.0)
    (60, 59)
    """
    return pitch_class + 12 * round((target - pitch_class) / 12.0)


def voice_chord(
    span: Span, previous: Sequence[int], low: int, high: int, size: int, *, spread: bool = False
) -> tuple[int, ...]:
    """Voice a chord between two pitches so that the voices move little from the previous chord.

    Chords larger than `size` lose the fifth first, then the root (the bass has it).
    """
    tones = list(span.intervals)
    if len(tones) > size and 7 in tones:
        tones.remove(7)
    if len(tones) > size and size >= 3:
        tones.remove(0)
    classes = [(span.root + tone) % 12 for tone in tones[:size]]
    while len(classes) < size:
        classes.append(classes[len(classes) - len(tones[:size])])
    centre = (low + high) / 2.0
    best: tuple[float, tuple[int, ...]] | None = None
    for rotation in range(len(classes)):
        order = classes[rotation:] + classes[:rotation]
        for octave in (-12, 0, 12):
            pitch = near(order[0], centre - 2.0 * size) + octave
            voicing = [pitch]
            for pitch_class in order[1:]:
                pitch += (pitch_class - pitch) % 12 or 12
                voicing.append(pitch)
            if spread and len(voicing) >= 3:
                voicing[1] += 12
                voicing.sort()
            if voicing[0] < low or voicing[-1] > high:
                continue
            if previous:
                cost = sum(min(abs(tone - old) for old in previous) for tone in voicing)
                cost += 0.5 * abs(voicing[-1] - previous[-1])
            else:
                cost = abs(sum(voicing) / len(voicing) - centre)
            if best is None or cost < best[0]:
                best = (cost, tuple(voicing))
    if best is not None:
        return best[1]
    return tuple(sorted({min(max(near(pc, centre), low), high) for pc in classes if low <= near(pc, centre) <= high}))
