"""Estimate a tempo from MIDI clock.

A clock sends 24 bytes a quarter note, each a millisecond or two early or late. A straight line is fitted
through the arrival times of the last bars (least squares), and its slope is the tempo. The standard error of
the slope, known from the scatter about the line, says when the estimate may be believed: a steady clock is
believed after two quarter notes, a nervous one after two to four bars; a very nervous one then too, but only
roughly. Until then there is a first estimate for what cannot wait, within half a BPM after two or three
quarter notes. The two halves of the window are compared all the time; when they disagree the tempo has
changed, and the older half is forgotten.

Time is handed in, in seconds of any monotonic clock; nothing here reads one.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from riffsidecar.errors import MusicError
from riffsidecar.music import Tempo

__all__ = ["CLOCKS_PER_QUARTER", "ClockFollower", "Line", "fit_line", "snap_bpm"]

CLOCKS_PER_QUARTER = 24

_MIN_CLOCKS = 2 * CLOCKS_PER_QUARTER
_HEARD_CLOCKS = 6
_MAX_CLOCKS = 16 * CLOCKS_PER_QUARTER
_CLOCKS_BETWEEN_FITS = 6
_CLOCKS_PER_SIXTEENTH = 6
_CLOCKS_BETWEEN_MARKS = 16 * CLOCKS_PER_QUARTER
_MAX_GAP_S = 0.6
_BELIEVABLE_BPM = 0.0085
_ROUGH_BPM = 0.5
_FIRST_BPM = 0.08
_FIRST_SIGMAS = 2.0
_MIN_ROUGH_CLOCKS = 4 * CLOCKS_PER_QUARTER
_MIN_ROUGH_CHANGE_CLOCKS = 12 * CLOCKS_PER_QUARTER
_HYSTERESIS_BPM = 0.05
_SETTLED_BPM = 0.01
_MAX_SNAP_BPM = 0.025
_SIGMAS = 4.0
_SIGMAS_AT_ONCE = 8.0
_SIGMAS_TO_CHANGE = 6.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line through arrival times: seconds per clock, its standard error, and the scatter in seconds."""

    slope_s: float
    error_s: float
    scatter_s: float

    @property
    def bpm(self) -> float:
        """Return the tempo in quarter notes a minute."""
        return 60.0 / (CLOCKS_PER_QUARTER * self.slope_s)

    @property
    def error_bpm(self) -> float:
        """Return the standard error of the tempo."""
        return self.bpm * self.error_s / self.slope_s


def fit_line(times_s: Sequence[float]) -> Line:
    """Fit a line through equally numbered times by least squares.

    Args:
        times_s: at least three times, rising.

    >>> line = fit_line([0.0, 0.5, 1.0, 1.5])
    >>> line.slope_s, round(line.scatter_s, 9)
    (0.5, 0.0)
    """
    count = len(times_s)
    middle = (count - 1) / 2
    first = times_s[0]
    since = [time - first for time in times_s]
    mean = sum(since) / count
    spread = count * (count * count - 1) / 12
    slope = sum([(i - middle) * time for i, time in enumerate(since)]) / spread
    start = mean - slope * middle
    squares = sum([(time - start - slope * i) ** 2 for i, time in enumerate(since)])
    variance = squares / (count - 2)
    return Line(slope, math.sqrt(variance / spread), math.sqrt(variance))


def snap_bpm(bpm: float, error_bpm: float) -> float:
    """Round to the coarsest of 1, 0.5, 0.1 and 0.01 BPM that the estimate cannot be told from.

    >>> snap_bpm(119.993, 0.004), snap_bpm(120.04, 0.004), snap_bpm(87.502, 0.002)
    (120.0, 120.04, 87.5)
    """
    tolerance = min(max(_MAX_SNAP_BPM, 2 * error_bpm), 0.004 + 3 * error_bpm)
    for steps in (1, 2, 10):
        snapped = round(bpm * steps) / steps
        if abs(snapped - bpm) <= tolerance:
            return snapped
    return round(bpm, 2)


class ClockFollower:
    """Follow one MIDI clock: its tempo, whether it runs, and where it is.

    >>> follower = ClockFollower()
    >>> told = [follower.tick(i * 60 / (24 * 125)) for i in range(100)]
    >>> [str(tempo) for tempo in told if tempo]
    ['125']
    """

    def __init__(self) -> None:
        """Start with no tempo and no position."""
        self._times: deque[float] = deque(maxlen=_MAX_CLOCKS)
        self._until_fit = _CLOCKS_BETWEEN_FITS
        self._doubtful_clocks = 0
        self._told: Tempo | None = None
        self._told_bpm: float | None = None
        self._last_bpm = 0.0
        self._first: Tempo | None = None
        self._clocks = self._begun = 0
        self._running = False

    @property
    def running(self) -> bool:
        """Return whether the transport runs: between start or continue, and stop."""
        return self._running

    @property
    def is_measuring(self) -> bool:
        """Return whether a clock is heard whose tempo is not known yet."""
        return self._told is None and len(self._times) >= _HEARD_CLOCKS

    @property
    def first_tempo(self) -> Tempo | None:
        """Return the first estimate, at most half a BPM beside, of a clock that is still measured."""
        return self._first if self.is_measuring else None

    @property
    def position_quarters(self) -> float:
        """Return the position of the song in quarter notes."""
        return self._clocks / CLOCKS_PER_QUARTER

    @property
    def mark_quarters(self) -> Fraction | None:
        """Return where in the song the newest clock lies, if it is one to set a transport right by.

        That are the first one after a start, a continue or a song position, and one in 16 quarter notes. The
        first one after a start is the beginning of the song.
        """
        since = self._clocks - 1 - self._begun
        if not self._running or since < 0 or since % _CLOCKS_BETWEEN_MARKS:
            return None
        return Fraction(self._clocks - 1, CLOCKS_PER_QUARTER)

    def start(self) -> None:
        """Take a start message: the next clock is the first of the song."""
        self._clocks = 0
        self.resume()

    def resume(self) -> None:
        """Take a continue message."""
        self._begun = self._clocks
        self._running = True

    def stop(self) -> None:
        """Take a stop message. The clock itself usually goes on, and so does the estimate."""
        self._running = False

    def seek(self, sixteenths: int) -> None:
        """Take a song position, in sixteenth notes."""
        self._clocks = self._begun = sixteenths * _CLOCKS_PER_SIXTEENTH

    def forget(self) -> None:
        """Forget the clock, because its port has gone."""
        self._lose_count()
        self._told = self._told_bpm = None
        self._doubtful_clocks = 0
        self._running = False

    def tick(self, now_s: float) -> Tempo | None:
        """Take one clock; return a tempo when it is new or has changed, otherwise None."""
        if self._running:
            self._clocks += 1
        if self._times and not 0.0 <= now_s - self._times[-1] <= _MAX_GAP_S:
            self._lose_count()
        self._times.append(now_s)
        self._until_fit -= 1
        self._doubtful_clocks += 1
        if self._until_fit > 0 or len(self._times) < _MIN_CLOCKS:
            return None
        self._until_fit = _CLOCKS_BETWEEN_FITS
        line = self._steady_line()
        if line is None or line.slope_s <= 0.0:
            self._first = None
            return None
        self._first = self._first or _first_tempo(line)
        if line.error_bpm <= _BELIEVABLE_BPM:
            self._doubtful_clocks = 0
        elif not self._settles_for(line):
            return None
        return self._tell(line)

    def pause(self) -> None:
        """Begin to measure anew, because the clock has stopped coming; a tempo that is known stays."""
        self._lose_count()

    def _lose_count(self) -> None:
        self._times.clear()
        self._first = None

    def _settles_for(self, line: Line) -> bool:
        """Return whether a rough estimate has to do, since the clock does not get any better."""
        patience = _MIN_ROUGH_CLOCKS if self._told_bpm is None else _MIN_ROUGH_CHANGE_CLOCKS
        return (
            self._doubtful_clocks >= _MAX_CLOCKS
            and len(self._times) >= patience
            and line.error_bpm <= _ROUGH_BPM
        )

    def _steady_line(self) -> Line | None:
        """Return the line through the window, or None after a change of tempo has shortened it too far."""
        times = list(self._times)
        half = len(times) // 2
        newest = fit_line(times[-CLOCKS_PER_QUARTER:])
        older = fit_line(times[:-CLOCKS_PER_QUARTER])
        # One quarter note is a coarse measure, so only a difference that is far from chance counts at once.
        if _differ(older, newest, _SIGMAS_AT_ONCE):
            self._keep(CLOCKS_PER_QUARTER)
        elif _differ(fit_line(times[:half]), fit_line(times[half:]), _SIGMAS):
            self._keep(len(times) - half)
        if len(self._times) < _MIN_CLOCKS:
            return None
        return fit_line(list(self._times))

    def _keep(self, count: int) -> None:
        while len(self._times) > count:
            self._times.popleft()

    def _tell(self, line: Line) -> Tempo | None:
        # While old and new clocks share the window the estimate wanders; only one that stands still is told.
        wandering = abs(line.bpm - self._last_bpm) > max(_SETTLED_BPM, line.error_bpm)
        self._last_bpm = line.bpm
        if wandering:
            return None
        # Estimates are compared as they are: a told tempo has been rounded, and may lie a little beside.
        hysteresis = max(_HYSTERESIS_BPM, _SIGMAS_TO_CHANGE * line.error_bpm)
        if self._told_bpm is not None and abs(line.bpm - self._told_bpm) <= hysteresis:
            return None
        try:
            tempo = Tempo.parse(snap_bpm(line.bpm, line.error_bpm))
        except MusicError:
            # Outside 20 to 400 BPM: nothing that can be followed, and no reason to leave the last tempo.
            return None
        if tempo == self._told:
            return None
        self._told, self._told_bpm = tempo, line.bpm
        return tempo


def _first_tempo(line: Line) -> Tempo | None:
    """Return a tempo that is at most half a BPM beside, and whole where it may be, as most are."""
    if line.error_bpm > _FIRST_BPM:
        return None
    whole = round(line.bpm)
    is_whole = abs(whole - line.bpm) <= _FIRST_SIGMAS * line.error_bpm
    try:
        return Tempo.parse(whole if is_whole else round(line.bpm, 1))
    except MusicError:
        return None


def _differ(one: Line, other: Line, sigmas: float) -> bool:
    """Return whether two slopes differ by more than chance and by more than the hysteresis."""
    difference = abs(one.bpm - other.bpm) if min(one.slope_s, other.slope_s) > 0 else math.inf
    chance = math.hypot(one.error_bpm, other.error_bpm) if difference < math.inf else 0.0
    return difference > max(_HYSTERESIS_BPM, sigmas * chance)
