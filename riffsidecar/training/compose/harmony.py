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
    "": "m", "7": "m7", "9": "m9", "6": "m6", "11": "m11", "add9": "madd9", "o": "dim", "o7": "dim7",
    "h": "m7b5",
}  # fmt: skip


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


def harmonise(
    dice: Dice, key: Key, progression: str, bars: int, bar_quarters: float
) -> tuple[Chords, list[Span]]:
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
            span = Span(
                start, start + bar_quarters / per_bar, root, QUALITIES[quality], scale_over(classes, tones)
            )
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
            cost = abs(sum(voicing) / len(voicing) - centre)
            if previous:
                cost = 0.5 * abs(voicing[-1] - previous[-1])
                cost += sum(min(abs(tone - old) for old in previous) for tone in voicing)
            if best is None or cost < best[0]:
                best = (cost, tuple(voicing))
    if best is not None:
        return best[1]
    return tuple(
        sorted({min(max(near(pc, centre), low), high) for pc in classes if low <= near(pc, centre) <= high})
    )
