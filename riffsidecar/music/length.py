"""The length of a loop: bars of a meter at a tempo, in seconds, samples, frames and latent columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType

from riffsidecar.errors import MusicError
from riffsidecar.music.shown import shown
from riffsidecar.music.time import FRAMES_PER_COLUMN, Meter, Tempo, TempoGrid, exact

__all__ = [
    "MAX_BARS",
    "MAX_DURATION_S",
    "MIN_BARS",
    "SAMPLE_RATES",
    "LoopLength",
    "check_grid",
    "check_sample_rate",
    "parse_bars",
    "phases",
]

MIN_BARS = Fraction(1, 4)
MAX_BARS = Fraction(64)
MAX_DURATION_S = 60
SAMPLE_RATES = (44100, 48000, 88200, 96000)

_FINEST_BAR = 1024
_NOTES = MappingProxyType(
    {1: "quarter notes", 2: "eighths", 4: "sixteenths", 8: "thirty-seconds", 16: "sixty-fourths"}
)
"""The note that a latent column lasts, by the columns of a quarter note."""


def check_sample_rate(sample_rate: int) -> int:
    """Return the sample rate if loops are written at it.

    Raises:
        MusicError: unless it is 44100, 48000, 88200 or 96000 Hz.
    """
    if isinstance(sample_rate, bool) or sample_rate not in SAMPLE_RATES:
        raise MusicError(
            f"sample rate is {shown(sample_rate)} Hz, but must be one of 44100, 48000, 88200 and 96000"
        )
    return sample_rate


def parse_bars(value: int | float | str | Fraction) -> Fraction:
    """Read a number of bars, 1/4 to 64; a third or a seventh may come as a rounded float.

    Raises:
        MusicError: if it is no number, or outside 1/4 to 64.

    >>> parse_bars("1/2"), parse_bars(0.142857149 * 2)
    (Fraction(1, 2), Fraction(2, 7))
    """
    bars = exact(value, "bars")
    if isinstance(value, float):
        bars = bars.limit_denominator(_FINEST_BAR)
    if not MIN_BARS <= bars <= MAX_BARS:
        raise MusicError(f"bars is {shown(value)}, but must be from 1/4 to 64")
    return bars


@dataclass(frozen=True, slots=True)
class LoopLength:
    """So many bars of a meter at a tempo: whole latent columns, at most 60 seconds.

    Raises:
        MusicError: if the bars are outside 1/4 to 64, last over 60 s, or do not fall on whole columns; the
            message names the nearest bars that do.

    >>> length = LoopLength.parse(4, Meter(4, 4), Tempo.parse(120))
    >>> length.columns, length.frames, length.num_samples(44100), float(length.duration_s)
    (64, 1024, 352800, 8.0)
    """

    bars: Fraction
    meter: Meter
    tempo: Tempo

    def __post_init__(self) -> None:
        """Refuse a length that the model cannot hold."""
        object.__setattr__(self, "bars", parse_bars(self.bars))
        if self.duration_s > MAX_DURATION_S:
            raise MusicError(
                f"{self.bars} bars of {self.meter} at {self.tempo} BPM last {float(self.duration_s):.1f} s, "
                f"but a loop lasts at most {MAX_DURATION_S} s: {self._advice()}"
            )
        if self._exact_columns.denominator != 1:
            raise MusicError(
                f"{float(self.bars):g} bars of {self.meter} at {self.tempo} BPM are "
                f"{float(self._exact_columns):g} {self._note}, but a loop is a whole number of them: "
                f"{self._advice(self._note)}"
            )

    @classmethod
    def parse(
        cls,
        bars: int | float | str | Fraction,
        meter: Meter | str,
        tempo: Tempo | int | float | str,
    ) -> LoopLength:
        """Build a length from the numbers a person types.

        >>> LoopLength.parse("3", "7/8", 120).columns
        42
        """
        return cls(parse_bars(bars), Meter.parse(meter), Tempo.parse(tempo))

    @property
    def grid(self) -> TempoGrid:
        """Return the frame clock at this tempo."""
        return TempoGrid.of(self.tempo)

    @property
    def quarters(self) -> Fraction:
        """Return the length in quarter notes."""
        return self.bars * self.meter.quarters_per_bar

    @property
    def beats(self) -> Fraction:
        """Return the length in beats of the meter's denominator."""
        return self.bars * self.meter.numerator

    @property
    def duration_s(self) -> Fraction:
        """Return the duration in seconds."""
        return self.quarters * self.tempo.quarter_s

    @property
    def _exact_columns(self) -> Fraction:
        return self.quarters * self.grid.columns_per_quarter

    @property
    def columns(self) -> int:
        """Return the number of latent columns."""
        return int(self._exact_columns)

    @property
    def frames(self) -> int:
        """Return the number of spectrogram frames."""
        return self.columns * FRAMES_PER_COLUMN

    def num_samples(self, sample_rate: int) -> int:
        """Return the number of samples at a rate, rounded once on the total.

        ``round(bars * beats_per_bar * (4 / denominator) * 60 * sample_rate / bpm)``.

        Raises:
            MusicError: at a rate that loops are not written at.
        """
        return round(self.duration_s * check_sample_rate(sample_rate))

    def bar_lines(self, num_samples: int) -> tuple[Fraction, ...]:
        """Return where each bar starts in a loop of ``num_samples``, in samples, from 0 on.

        >>> [float(line) for line in LoopLength.parse(2, "4/4", 120).bar_lines(1000)]
        [0.0, 500.0]
        """
        return tuple(index * num_samples / self.bars for index in range(math.ceil(self.bars)))

    def column_quarters(self, column: int) -> Fraction:
        """Return where a latent column starts, in quarter notes from the start of the loop.

        >>> LoopLength.parse(1, "4/4", 120).column_quarters(5)
        Fraction(5, 4)
        """
        return column / self.grid.columns_per_quarter

    @property
    def _note(self) -> str:
        """Return the note that a latent column lasts; nobody who makes music counts columns."""
        return _NOTES[int(self.grid.columns_per_quarter)]

    def _advice(self, note: str = "") -> str:
        """Name the nearest lengths, and how many of a ``note`` they are if it is given."""
        near = self.nearest(self.bars, self.meter, self.tempo)
        if not near:
            return f"even {MIN_BARS} of a bar is too long: choose a faster tempo or a shorter meter"
        per_bar = self.meter.quarters_per_bar * self.grid.columns_per_quarter
        written = [f"{bars} ({int(bars * per_bar)} {note})" if note else str(bars) for bars in near]
        advice = f"the nearest that can be: {' or '.join(written)}"
        # A bar of half a column more needs an even number of bars; a musician would rather hear that.
        step = (self.meter.quarters_per_bar * self.grid.columns_per_quarter).denominator
        whole = Fraction(max(round(self.bars / step), 1) * step)
        if whole in near or self.nearest(whole, self.meter, self.tempo) != (whole,):
            return advice
        return f"{advice}, in whole bars: {whole}"

    @staticmethod
    def nearest(bars: Fraction, meter: Meter, tempo: Tempo) -> tuple[Fraction, ...]:
        """Return the valid bars nearest below and above: one if ``bars`` is valid, none if no length is.

        >>> LoopLength.nearest(Fraction(3, 10), Meter(4, 4), Tempo.parse(120))
        (Fraction(1, 4), Fraction(5, 16))
        """
        per_bar = meter.quarters_per_bar * TempoGrid.of(tempo).columns_per_quarter
        longest = min(MAX_BARS, MAX_DURATION_S / tempo.quarter_s / meter.quarters_per_bar)
        first = math.ceil(MIN_BARS * per_bar)
        last = math.floor(longest * per_bar)
        if last < first:
            return ()
        wanted = bars * per_bar
        sides = {min(max(side, first), last) for side in (math.floor(wanted), math.ceil(wanted))}
        return tuple(Fraction(columns) / per_bar for columns in sorted(sides))


def check_grid(bars: Fraction, meter: Meter, tempo: Tempo) -> None:
    """Refuse bars that fall between the notes that loops are made of, however long they may last.

    Raises:
        MusicError: naming the nearest that can be.
    """
    if (bars * meter.quarters_per_bar * TempoGrid.of(tempo).columns_per_quarter).denominator != 1:
        LoopLength(bars, meter, tempo)


def phases(length: LoopLength) -> tuple[tuple[float, float, float], ...]:
    """Return the phase in the beat, in the bar and in the loop at the start of each latent column, in [0, 1).

    A beat is one of the meter's denominator.

    >>> phases(LoopLength.parse(1, "4/4", 120))[6]
    (0.5, 0.375, 0.375)
    """
    columns, per_quarter = length.columns, length.grid.columns_per_quarter
    beat = (length.meter.quarters_per_beat * per_quarter).as_integer_ratio()
    bar = (length.meter.quarters_per_bar * per_quarter).as_integer_ratio()
    # Whole numbers divided once: as exact as fractions, and much quicker.
    return tuple(
        (column * beat[1] % beat[0] / beat[0], column * bar[1] % bar[0] / bar[0], column / columns)
        for column in range(columns)
    )
