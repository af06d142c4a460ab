"""Where bars begin: how long to wait for the next one, and how many fit a recording."""

from __future__ import annotations

import math
from fractions import Fraction

from riffsidecar.errors import MusicError
from riffsidecar.music.length import MAX_BARS, LoopLength
from riffsidecar.music.time import Meter, Tempo

__all__ = ["bars_of_duration", "quarters_to_next_bar", "seconds_to_next_bar"]


def quarters_to_next_bar(position_quarters: Fraction, meter: Meter) -> Fraction:
    """Return the quarter notes from a song position to the next bar line; a whole bar when on one.

    >>> quarters_to_next_bar(Fraction(5), Meter(4, 4)), quarters_to_next_bar(Fraction(8), Meter(4, 4))
    (Fraction(3, 1), Fraction(4, 1))
    """
    return meter.quarters_per_bar - position_quarters % meter.quarters_per_bar


def seconds_to_next_bar(position_quarters: Fraction, meter: Meter, tempo: Tempo) -> float:
    """Return the seconds from a song position to the next bar line.

    >>> seconds_to_next_bar(Fraction(2), Meter(4, 4), Tempo.parse(120))
    1.0
    """
    return float(quarters_to_next_bar(position_quarters, meter) * tempo.quarter_s)


def bars_of_duration(duration_s: float | Fraction, meter: Meter, tempo: Tempo) -> Fraction:
    """Return the power of two of bars (1/4 to 64) whose duration is nearest to a recording's, by ratio.

    Raises:
        MusicError: if the duration is not above 0, or no such number of bars makes a loop at this tempo.

    >>> bars_of_duration(7.9, Meter(4, 4), Tempo.parse(120))
    Fraction(4, 1)
    """
    if not 0 < duration_s < math.inf:
        raise MusicError(f"duration is {float(duration_s):g} s, but must be above 0 and finite")
    wanted = Fraction(duration_s)
    bar_s = meter.quarters_per_bar * tempo.quarter_s
    best: tuple[Fraction, Fraction] | None = None
    bars = Fraction(1, 4)
    while bars <= MAX_BARS:
        if LoopLength.nearest(bars, meter, tempo) == (bars,):
            ratio = max(bars * bar_s / wanted, wanted / (bars * bar_s))
            if best is None or ratio < best[0]:
                best = (ratio, bars)
        bars *= 2
    if best is None:
        raise MusicError(
            f"no power of two of bars of {meter} at {tempo} BPM makes a loop: choose the bars yourself"
        )
    return best[1]
