"""Tempo, meter and the beat grid, exact until the one rounding to samples.

Everything is a :class:`~fractions.Fraction`; a float appears only where one was handed in. The grid is the
frame clock of the beat-time spectrograms: a whole number of frames per quarter note, chosen by octave so that
the hop stays between 5.8 and 11.7 ms.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from fractions import Fraction

from riffsidecar.errors import MusicError
from riffsidecar.music.shown import shown

__all__ = ["DENOMINATORS", "FRAMES_PER_COLUMN", "MAX_BPM", "MIN_BPM", "Meter", "Tempo", "TempoGrid", "exact"]

MIN_BPM = 20
MAX_BPM = 400
DENOMINATORS = (1, 2, 4, 8, 16)
FRAMES_PER_COLUMN = 16
"""Frames of a spectrogram that the autoencoder folds into one latent column."""

_BPM_RESOLUTION = 1000
_MAX_DIGITS = 24


def exact(value: int | float | str | Fraction, what: str) -> Fraction:
    """Return a number from a person or a wire as a Fraction, unrounded.

    Args:
        value: an int, a finite float, a Fraction, or a string such as ``"120"``, ``"87.5"`` or ``"1/2"``.
        what: the name of the quantity, for the message.

    Raises:
        MusicError: if it is no finite number.

    >>> exact("3/2", "bars"), exact(0.5, "bars")
    (Fraction(3, 2), Fraction(1, 2))
    """
    if isinstance(value, bool):
        raise MusicError(f"{what} is {shown(value)}, but must be a number")
    if isinstance(value, float) and not math.isfinite(value):
        raise MusicError(f"{what} is {shown(value)}, but must be a finite number")
    if isinstance(value, str):
        text = value.strip()
        if len(text) > _MAX_DIGITS or not re.fullmatch(r"[+-]?[0-9]*\.?[0-9]*(/[0-9]+)?", text, re.ASCII):
            raise MusicError(f"{what} is {shown(value)}, but must be a number such as 4, 87.5 or 1/2")
        value = text
    if not isinstance(value, int | float | str | Fraction):
        raise MusicError(f"{what} is {shown(value)}, but must be a number")
    try:
        return Fraction(value)
    except (ValueError, ZeroDivisionError) as error:
        raise MusicError(f"{what} is {shown(value)}, but must be a number such as 4, 87.5 or 1/2") from error


@dataclass(frozen=True, slots=True, order=True)
class Tempo:
    """A tempo in quarter notes a minute, 20 to 400, in thousandths.

    Raises:
        MusicError: outside 20 to 400, or finer than a thousandth (:meth:`parse` rounds).

    >>> str(Tempo(Fraction(175, 2)))
    '87.5'
    """

    bpm: Fraction

    def __post_init__(self) -> None:
        """Refuse what cannot be a tempo."""
        if isinstance(self.bpm, bool) or not isinstance(self.bpm, int | Fraction):
            raise MusicError(
                f"tempo is {shown(self.bpm)}, but must be a Fraction: use Tempo.parse for other numbers"
            )
        object.__setattr__(self, "bpm", Fraction(self.bpm))
        if not MIN_BPM <= self.bpm <= MAX_BPM:
            raise MusicError(
                f"tempo is {float(self.bpm):g} BPM, but must be from {MIN_BPM} to {MAX_BPM} "
                "quarter notes a minute"
            )
        if _BPM_RESOLUTION % self.bpm.denominator:
            raise MusicError(
                f"tempo is {self.bpm} BPM, but goes in thousandths: use Tempo.parse, which rounds"
            )

    @classmethod
    def parse(cls, value: int | float | str | Fraction | Tempo) -> Tempo:
        """Round a number off a wire to a thousandth, and check it.

        OSC and Link carry tempi as 32-bit floats or worse: 123.45 arrives as 123.4499969.

        >>> Tempo.parse(123.4499969)
        Tempo(bpm=Fraction(2469, 20))
        """
        if isinstance(value, Tempo):
            return value
        number = exact(value, "tempo")
        if not MIN_BPM / 2 < number < MAX_BPM * 2:
            raise MusicError(
                f"tempo is {shown(value)} BPM, but must be from {MIN_BPM} to {MAX_BPM} quarter notes a minute"
            )
        return cls(Fraction(round(number * _BPM_RESOLUTION), _BPM_RESOLUTION))

    @property
    def quarter_s(self) -> Fraction:
        """Return the duration of a quarter note in seconds."""
        return 60 / self.bpm

    def __float__(self) -> float:
        """Return the quarter notes a minute as a float."""
        return float(self.bpm)

    def __str__(self) -> str:
        """Write the tempo as musicians do: 120, 87.5, 123.45."""
        whole, thousandths = divmod(round(self.bpm * _BPM_RESOLUTION), _BPM_RESOLUTION)
        return f"{whole}.{thousandths:03d}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Meter:
    """A time signature: 1 to 32 beats of a whole, half, quarter, eighth or sixteenth note.

    Raises:
        MusicError: for any other numerator or denominator.

    >>> Meter(7, 8).quarters_per_bar
    Fraction(7, 2)
    """

    numerator: int = 4
    denominator: int = 4

    def __post_init__(self) -> None:
        """Refuse what cannot be a meter."""
        for value in (self.numerator, self.denominator):
            if isinstance(value, bool) or not isinstance(value, int):
                raise MusicError(
                    f"meter has {shown(value)}, but must be two whole numbers such as 4/4 or 7/8"
                )
        if not 1 <= self.numerator <= 32:
            raise MusicError(f"meter has {self.numerator} beats a bar, but must have from 1 to 32")
        if self.denominator not in DENOMINATORS:
            raise MusicError(f"meter has beats of 1/{self.denominator}, but must be one of 1, 2, 4, 8 and 16")

    @classmethod
    def parse(cls, value: str | Meter) -> Meter:
        """Read a meter such as ``"4/4"`` or ``"7/8"``.

        >>> Meter.parse("6/8")
        Meter(numerator=6, denominator=8)
        """
        if isinstance(value, Meter):
            return value
        match = (
            re.fullmatch(r"\s*([0-9]{1,4})\s*/\s*([0-9]{1,4})\s*", value, re.ASCII)
            if isinstance(value, str)
            else None
        )
        if match is None:
            raise MusicError(f"meter is {shown(value)}, but must be written like 4/4 or 7/8")
        return cls(int(match[1]), int(match[2]))

    @property
    def quarters_per_beat(self) -> Fraction:
        """Return how many quarter notes one beat of the denominator lasts."""
        return Fraction(4, self.denominator)

    @property
    def quarters_per_bar(self) -> Fraction:
        """Return how many quarter notes one bar lasts."""
        return self.numerator * self.quarters_per_beat

    def __str__(self) -> str:
        """Write the meter as on paper: 7/8."""
        return f"{self.numerator}/{self.denominator}"


@dataclass(frozen=True, slots=True)
class TempoGrid:
    """The octave ``k`` of the frame clock: ``64 * 2**k`` frames per quarter note.

    >>> TempoGrid.of(Tempo.parse(120)), TempoGrid.of(Tempo.parse(174)).frames_per_quarter
    (TempoGrid(octave=0), 32)
    """

    octave: int = 0

    def __post_init__(self) -> None:
        """Refuse an octave that no tempo has."""
        if self.octave not in (-2, -1, 0, 1, 2):
            raise MusicError(
                f"the octave of the tempo grid is {shown(self.octave)}, but must be from -2 to 2"
            )

    @classmethod
    def of(cls, tempo: Tempo) -> TempoGrid:
        """Choose the octave: 0 from 80 to 160 BPM, one more for each halving, one less for each doubling."""
        octave = 2
        for threshold in (40, 80, 160, 320):
            octave -= tempo.bpm >= threshold
        return cls(octave)

    @property
    def frames_per_quarter(self) -> int:
        """Return the spectrogram frames per quarter note."""
        return 64 << self.octave if self.octave >= 0 else 64 >> -self.octave

    @property
    def columns_per_quarter(self) -> Fraction:
        """Return the latent columns per quarter note."""
        return Fraction(self.frames_per_quarter, FRAMES_PER_COLUMN)
