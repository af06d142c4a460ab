"""Keys and scales: twelve pitch classes, spelled as musicians write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from riffsidecar.errors import MusicError, nearest
from riffsidecar.music.shown import shown

__all__ = ["MODES", "Key", "pitch_class", "spell"]

MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "harmonic-minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic-minor": (0, 2, 3, 5, 7, 9, 11),
    "major-pentatonic": (0, 2, 4, 7, 9),
    "minor-pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}
"""Semitones above the tonic, by mode."""

_ALIASES = {
    "": "major",
    "maj": "major",
    "ionian": "major",
    "m": "minor",
    "min": "minor",
    "aeolian": "minor",
    "natural-minor": "minor",
    "dor": "dorian",
    "phr": "phrygian",
    "lyd": "lydian",
    "mixo": "mixolydian",
    "mix": "mixolydian",
    "loc": "locrian",
    "pentatonic": "major-pentatonic",
    "pentatonic-major": "major-pentatonic",
    "pentatonic-minor": "minor-pentatonic",
    "m-pentatonic": "minor-pentatonic",
    "minor-harmonic": "harmonic-minor",
    "minor-melodic": "melodic-minor",
    "minor-blues": "blues",
}
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MAJOR_NAMES = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MINOR_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_NOTE = re.compile(r"([A-Ga-g])([#b♯♭]{0,2})")


def pitch_class(note: str) -> int:
    """Return the pitch class of a note name, C = 0.

    Raises:
        MusicError: if it is none.

    >>> [pitch_class(note) for note in ("C", "F#", "Bb", "E♭")]
    [0, 6, 10, 3]
    """
    match = _NOTE.fullmatch(note)
    if match is None:
        raise MusicError(
            f"note is {shown(note)}, but must be a letter from A to G with # or b, such as F# or Bb"
        )
    sharps = sum(1 if sign in "#♯" else -1 for sign in match[2])
    return (_LETTERS[match[1].upper()] + sharps) % 12


def spell(pitch: int, minor: bool) -> str:
    """Return the usual name of a tonic or a root, with the fewer signs in its key signature.

    >>> spell(10, minor=False), spell(1, minor=True)
    ('Bb', 'C#')
    """
    return (_MINOR_NAMES if minor else _MAJOR_NAMES)[pitch % 12]


@dataclass(frozen=True, slots=True)
class Key:
    """A tonic (pitch class, C = 0) and a mode of :data:`MODES`.

    Raises:
        MusicError: for another tonic or mode.

    >>> str(Key(9, "minor")), Key(9, "minor").pitch_classes
    ('Am', (9, 11, 0, 2, 4, 5, 7))
    """

    tonic: int
    mode: str = "major"

    def __post_init__(self) -> None:
        """Refuse what cannot be a key."""
        if isinstance(self.tonic, bool) or not isinstance(self.tonic, int) or not 0 <= self.tonic <= 11:
            raise MusicError(f"the tonic of a key is {shown(self.tonic)}, but must be from 0 (C) to 11 (B)")
        if self.mode not in MODES:
            raise MusicError(
                f"mode is {shown(self.mode)}, but must be one of {', '.join(MODES)}"
                + nearest(str(self.mode), MODES)
            )

    @classmethod
    def parse(cls, value: str | Key) -> Key:
        """Read a key such as ``"Am"``, ``"C"``, ``"F# minor"`` or ``"Bb dorian"``.

        >>> Key.parse("F#m"), str(Key.parse("d Dorian"))
        (Key(tonic=6, mode='minor'), 'D dorian')
        """
        if isinstance(value, Key):
            return value
        text = value.strip() if isinstance(value, str) else ""
        match = _NOTE.match(text) if len(text) <= 40 else None
        if match is None:
            raise MusicError(
                f"key is {shown(value)}, but must be a note and a mode, such as Am, C, F# minor or D dorian"
            )
        words = re.sub(r"[\s_-]+", "-", text[match.end() :]).strip("-")
        # M and m are the only case that carries meaning: CM is major, Cm is minor.
        mode = "major" if words == "M" else _ALIASES.get(words.lower(), words.lower())
        if mode not in MODES:
            raise MusicError(
                f"key is {shown(text)}: no mode {mode!r}, but one of {', '.join(MODES)}{nearest(mode, MODES)}"
            )
        return cls(pitch_class(match[0]), mode)

    @property
    def is_minor(self) -> bool:
        """Return whether the third above the tonic is a minor one."""
        return 3 in MODES[self.mode]

    @property
    def pitch_classes(self) -> tuple[int, ...]:
        """Return the pitch classes of the scale from the tonic upwards."""
        return tuple((self.tonic + step) % 12 for step in MODES[self.mode])

    @property
    def slug(self) -> str:
        """Return the key for a file name: letters, digits and hyphens only.

        >>> Key.parse("C").slug, Key.parse("F#m").slug, Key.parse("D dorian").slug
        ('Cmaj', 'Fsm', 'Ddorian')
        """
        suffix = {"major": "maj", "minor": "m"}.get(self.mode, self.mode)
        return spell(self.tonic, self.is_minor).replace("#", "s") + suffix

    def __str__(self) -> str:
        """Write the key in short: Am, C, D dorian."""
        suffix = {"major": "", "minor": "m"}.get(self.mode, f" {self.mode}")
        return spell(self.tonic, self.is_minor) + suffix
