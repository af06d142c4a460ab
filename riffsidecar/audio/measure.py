"""Measure a recording: tempo, bars, and where the first downbeat lies. Only numpy.

Two readings compete. A *loop* is whole bars from its first sample to its last, so its length and a number of
bars give the tempo exactly; a *take* has any length, and its tempo is the frequency at which its onsets line
up on sixteenths (a Fourier tempogram over the whole take, Grosche and Müller, "Extracting Predominant Local
Pulse Information from Music Recordings", 2011). What the onsets leave open, the session's tempo and meter
decide: a loop of two bars at 87 BPM is one of four at 174 where the session runs at 170.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.downbeats import (
    EDGE_S,
    downbeat_marks,
    grid_phase,
    has_silent_edges,
    sounding,
    sway,
)
from riffsidecar.audio.onsets import Onsets, find_onsets
from riffsidecar.audio.waveform import Waveform
from riffsidecar.errors import AudioError
from riffsidecar.music import Meter, Tempo

__all__ = ["MAX_MEASURED_S", "Measurement", "measure"]

MAX_MEASURED_S: Final = 90.0
"""What is listened to of a long recording."""

_MIN_DURATION_S = 0.4
_MIN_BPM, _MAX_BPM = 40.0, 240.0
_MAX_BARS = 64
_COMMON = Meter(4, 4)
_METERS = (_COMMON, Meter(3, 4), Meter(6, 8), Meter(5, 4), Meter(7, 8))
_GRIDS = ((1, 2, 4), (1, 3, 6))
"""Quarters, eighths and sixteenths; or quarters and their triplets, which swung loops lie on."""

_SHARP = 0.5
_SHARPER = 0.3
"""Onsets this sharp on a grid are on it; what is sharper still counts for less."""

_SWUNG = -1.1
"""Triplets need better evidence, for those of one tempo are the sixteenths of another."""

_MAX_CRESTS = 24

_LATE_S = 0.15
_SILENT_EDGE = -2.5
"""A loop neither begins nor ends with silence."""

# What each sign counts for, in one unit: found on 144 composed loops, see benchmarks/measure.py.
_RHYTHM_WEIGHT = 3.5
_REPEAT_WEIGHT = 1.0
_RETURN_WEIGHT = 2.0
_TEMPO_WEIGHT = 3.0
_LOOP_BONUS = 1.5
_OTHER_METER = -1.6
_COMMON_TIME = -0.8
_THREES = -1.2
_ODD_BARS = -2.5

_FIRST_SOUND, _AFTER_SILENCE = 3.0, 5.0
"""Most recordings begin on their downbeat, the more surely where somebody left silence before it: what that
counts for, as a logarithm, like the marks of downbeats."""

_OFF_GRID_STEPS = 0.15
"""A recording that begins so far from its grid was cut anywhere, and not on its downbeat."""

_CLEAR_RHYTHM = 0.3
"""Below it the grid itself is uncertain."""

_TURNED = 2.25
"""A file of whole bars is turned only where its downbeat is surely elsewhere."""

_SAME_TEMPO, _EQUAL_TEMPO = 0.012, 0.003
_EARLY_S = 0.012
"""Flux rises while the window slides into a sound: so much before the sound itself."""

_OVERSAMPLED = 8

Curve = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Say how a recording lies on the grid.

    Attributes:
        bpm: quarter notes a minute.
        meter: how the bars are counted.
        bars: whole bars from ``start_s`` on; the last may end up to half a bar after the recording.
        start_s: where the first downbeat lies, in seconds.
        is_loop: whether the whole recording is these bars and nothing else; where ``start_s`` is not 0 then,
            what lies before it belongs to its end.
        certainty: 0 to 1, how sharply the onsets lie on the grid; near 0 for pads, whose tempo is a guess by
            length.

    Raises:
        AudioError: a number out of range.
    """

    bpm: float
    meter: Meter
    bars: int
    start_s: float
    is_loop: bool
    certainty: float

    def __post_init__(self) -> None:
        """Refuse what no recording can be."""
        if not (0 < self.bpm < 1000 and self.bars >= 1 and self.start_s >= 0.0):
            raise AudioError(
                f"{self.bars} bars at {self.bpm:g} BPM from {self.start_s:g} s cannot be measured; give a "
                "recording of at least one bar"
            )

    @property
    def bar_s(self) -> float:
        """Return the length of a bar in seconds."""
        return float(self.meter.quarters_per_bar) * 60.0 / self.bpm

    @property
    def duration_s(self) -> float:
        """Return the length of all bars in seconds."""
        return self.bars * self.bar_s


def measure(waveform: Waveform, tempo: Tempo, meter: Meter) -> Measurement:
    """Return tempo, bars and downbeat of a recording; the session's ``tempo`` and ``meter`` break ties.

    Raises:
        AudioError: the recording is silent, or too short to have a tempo.
    """
    if waveform.num_samples < _MIN_DURATION_S * waveform.sample_rate:
        raise AudioError(
            f"the recording lasts {waveform.num_samples / waveform.sample_rate:.2f} s; give at least a bar"
        )
    heard = waveform
    longest = round(MAX_MEASURED_S * waveform.sample_rate)
    if waveform.num_samples > longest:
        heard = Waveform(waveform.samples[:, :longest], waveform.sample_rate)
    if heard.peak < 1e-4:
        raise AudioError("the recording is silent; give one that can be heard")
    onsets = find_onsets(heard)
    strength = _peaks(onsets.total)
    duration_s = waveform.num_samples / waveform.sample_rate
    whole = None
    if heard is waveform:
        readings = _loops(onsets, strength, duration_s, float(tempo), meter)
        whole = max(readings, key=lambda reading: reading.score, default=None)
    take = _best_take(onsets, strength, float(tempo), meter)
    if whole is not None and _is_loop(whole, take, onsets):
        bpm, bars = _in_octave(whole.bpm, whole.bars, float(tempo))
        start_s = _turned_s(onsets, strength, whole)
        return Measurement(bpm, whole.meter, bars, start_s, True, min(1.0, whole.rhythm))
    return _placed(onsets, strength, take, meter, duration_s)


def _is_loop(whole: _Reading, take: _Reading, onsets: Onsets) -> bool:
    """Tell whether a recording is whole bars from its first sample to its last.

    Where its length in whole bars gives the very tempo that the onsets have, it is, even if it ends in
    silence.
    """
    if whole.score + _LOOP_BONUS >= take.score:
        return True
    apart = abs(take.bpm / whole.bpm - 1.0)
    begins_late = sounding(onsets)[0] > _LATE_S
    return (apart < _EQUAL_TEMPO and not begins_late) or (
        apart < _SAME_TEMPO and not has_silent_edges(onsets)
    )


def _in_octave(bpm: float, bars: int, session_bpm: float) -> tuple[float, int]:
    """Return the reading in the octave of the session, as far as the bars stay whole.

    >>> _in_octave(87.0, 2, 170.0), _in_octave(212.0, 1, 100.0)
    ((174.0, 4), (212.0, 1))
    """
    while abs(math.log2(2 * bpm / session_bpm)) < abs(math.log2(bpm / session_bpm)):
        bpm, bars = 2 * bpm, 2 * bars
    while bars % 2 == 0 and abs(math.log2(bpm / 2 / session_bpm)) < abs(math.log2(bpm / session_bpm)):
        bpm, bars = bpm / 2, bars // 2
    return bpm, bars


@dataclass(frozen=True, slots=True)
class _Reading:
    score: float
    rhythm: float
    bpm: float
    bars: int = 0
    meter: Meter = _COMMON


def _peaks(total: Curve) -> NDArray[np.float64]:
    """Return onset strength above its median, summing to 1."""
    above = np.maximum(total.astype(np.float64) - float(np.median(total)), 0.0)
    return above / max(float(above.sum()), 1e-12)


def _loops(
    onsets: Onsets, strength: Curve, duration_s: float, session_bpm: float, session_meter: Meter
) -> Iterator[_Reading]:
    """Give every number of bars of every meter that the whole recording could be, with its score."""
    spectrum = np.abs(np.fft.rfft(strength))
    likeness = _self_likeness(onsets, circular=True)
    edges = _SILENT_EDGE if has_silent_edges(onsets) else 0.0
    meters = dict.fromkeys((session_meter, *_METERS))
    for meter in meters:
        quarters_per_bar = float(meter.quarters_per_bar)
        for bars in range(1, _MAX_BARS + 1):
            quarters = quarters_per_bar * bars
            bpm = 60.0 * quarters / duration_s
            if not _MIN_BPM <= bpm <= _MAX_BPM:
                continue
            straight, swung = (
                math.sqrt(sum(_at(spectrum, cycles * quarters) ** 2 for cycles in grid)) for grid in _GRIDS
            )
            score = (
                edges
                + float(_grid_score(straight, swung))
                + _REPEAT_WEIGHT * _repeats(likeness, bars)
                + _meter_prior(meter, session_meter)
                + _bars_prior(bars)
                + _tempo_prior(bpm, session_bpm)
            )
            yield _Reading(score, max(straight, swung), bpm, bars, meter)


def _at(spectrum: Curve, cycles: float) -> float:
    """Return the magnitude at a whole number of cycles; 0 at others, which do not close the circle."""
    nearest = round(cycles)
    return float(spectrum[nearest]) if abs(cycles - nearest) < 1e-6 and nearest < spectrum.size else 0.0


def _grid_score(straight: Any, swung: Any) -> Any:
    """Return what onsets on straight or swung subdivisions count for."""
    return np.maximum(_RHYTHM_WEIGHT * _worth(straight), _RHYTHM_WEIGHT * _worth(swung) + _SWUNG)


def _worth(rhythm: Any) -> Any:
    return np.minimum(rhythm, _SHARP) + _SHARPER * np.maximum(rhythm - _SHARP, 0.0)


def _self_likeness(onsets: Onsets, *, circular: bool) -> Curve:
    """Return the autocorrelation (num_frames,) of onsets and harmony together, 1 at lag 0."""
    means = np.maximum(onsets.bands.mean(axis=1, keepdims=True), 1e-9)
    rows = np.concatenate([0.5 * onsets.bands / means, onsets.chroma]).astype(np.float64)
    rows -= rows.mean(axis=1, keepdims=True)
    frames = rows.shape[1]
    size = frames if circular else 2 * frames
    power = (np.abs(np.fft.rfft(rows, n=size, axis=1)) ** 2).sum(axis=0)
    lags = np.fft.irfft(power, n=size)[:frames]
    if not circular:
        lags /= 1.0 - np.arange(frames) / frames
    return np.asarray(lags / max(float(lags[0]), 1e-12))


def _repeats(likeness: Curve, bars: int) -> float:
    """Return how much each bar of a loop is like the others; 0 for a single one."""
    if bars == 1:
        return 0.0
    lags = [round(likeness.size / bars * step) % likeness.size for step in range(1, bars)]
    return float(likeness[lags].mean())


def _returns(likeness: Curve, bar_frames: float) -> float:
    """Return how much a take is like itself some bars later; 0 where it is shorter than two bars."""
    lags = [round(bar_frames * bars) for bars in (1, 2, 4) if bar_frames * bars < 0.75 * likeness.size]
    crests = [float(likeness[max(0, lag - 2) : lag + 3].max()) for lag in lags]
    return max(crests, default=0.0)


def _meter_prior(meter: Meter, session: Meter) -> float:
    if meter == session:
        return 0.0
    return _COMMON_TIME if meter == _COMMON else _OTHER_METER


def _bars_prior(bars: int) -> float:
    if bars & (bars - 1) == 0:
        return 0.0
    return _THREES if bars % 3 == 0 and (bars // 3) & (bars // 3 - 1) == 0 else _ODD_BARS


def _tempo_prior(bpm: float, session_bpm: float) -> float:
    return -_TEMPO_WEIGHT * math.log2(bpm / session_bpm) ** 2


def _best_take(onsets: Onsets, strength: Curve, session_bpm: float, meter: Meter) -> _Reading:
    """Return the tempo at which the onsets of a recording of any length line up best."""
    size = 1 << (strength.size * _OVERSAMPLED - 1).bit_length()
    spectrum = np.abs(np.fft.rfft(strength, n=size))
    per_bin_hz = 1.0 / (size * onsets.hop_s)
    # The step of the search is that of the sixteenths, whose frequency is the highest and so the sharpest.
    first, last = (round(bpm / 15.0 / per_bin_hz) for bpm in (_MIN_BPM, _MAX_BPM))
    bins = np.arange(first, last + 1)
    spectrum = np.pad(spectrum, (0, max(0, 2 * last + 1 - spectrum.size)))
    straight, swung = (
        np.sqrt(sum(spectrum[np.round(bins * cycles / 4).astype(int)] ** 2 for cycles in grid))
        for grid in _GRIDS
    )
    bpms = bins * per_bin_hz * 15.0
    rhythm = np.maximum(straight, swung)
    grids = _grid_score(straight, swung)
    scores = grids - _TEMPO_WEIGHT * np.log2(bpms / session_bpm) ** 2
    # Only crests: the tempo is where the grid is sharpest, and the session chooses among such places.
    crests = np.flatnonzero((rhythm >= np.roll(rhythm, 1)) & (rhythm >= np.roll(rhythm, -1)))
    crests = crests[np.argsort(scores[crests])[-_MAX_CRESTS:]]
    likeness = _self_likeness(onsets, circular=False)
    bar_s = 60.0 * float(meter.quarters_per_bar)
    readings = (
        _Reading(
            float(scores[at]) + _RETURN_WEIGHT * _returns(likeness, bar_s / bpms[at] / onsets.hop_s),
            float(rhythm[at]),
            float(bpms[at]),
        )
        for at in crests
    )
    return max(readings, key=lambda reading: reading.score)


def _turned_s(onsets: Onsets, strength: Curve, whole: _Reading) -> float:
    """Return where the downbeat of a loop lies that was cut elsewhere; 0 where it is its beginning."""
    step_s = 15.0 / whole.bpm
    grid_s = grid_phase(strength, onsets.hop_s, step_s)
    if not _was_cut(grid_s / step_s, whole.rhythm):
        return 0.0
    marks = downbeat_marks(onsets, grid_s, step_s, whole.meter, circular=True)
    best = int(np.argmax(marks))
    # Its first sample lies between the last step of the grid and the first.
    if marks[best] < max(marks[0], marks[-1]) + _TURNED:
        return 0.0
    line_s = grid_s + best * step_s
    return max(0.0, line_s + sway(strength, onsets.hop_s, line_s, 4 * step_s) + _EARLY_S)


def _was_cut(steps: float, rhythm: float) -> bool:
    """Tell whether a place, in steps of a grid, is so far from it that nobody can have meant it."""
    return rhythm >= _CLEAR_RHYTHM and abs(steps - round(steps)) > _OFF_GRID_STEPS


def _placed(onsets: Onsets, strength: Curve, take: _Reading, meter: Meter, duration_s: float) -> Measurement:
    """Find the first downbeat of a take and the bars after it."""
    steps = max(1, round(4 * float(meter.quarters_per_bar)))
    step_s = 15.0 / take.bpm
    first_s, last_s = sounding(onsets)
    grid_s = grid_phase(strength, onsets.hop_s, step_s)
    marks = downbeat_marks(onsets, grid_s, step_s, meter, circular=False)
    first_step = round((first_s - grid_s) / step_s)
    if first_s > EDGE_S:
        marks[first_step % steps] += _AFTER_SILENCE
    elif not _was_cut((first_s - grid_s) / step_s, take.rhythm):
        marks[first_step % steps] += _FIRST_SOUND
    chosen = int(np.argmax(marks))
    # The first bar line at or after the first sound; a sound a hair before its line still belongs to it.
    bar_index = math.ceil((first_step - chosen) / steps)
    line_s = grid_s + (chosen + bar_index * steps) * step_s
    start_s = max(0.0, line_s + sway(strength, onsets.hop_s, line_s, 4 * step_s) + _EARLY_S)
    bar_s = steps * step_s
    sounding_bars = (min(last_s, duration_s) - start_s) / bar_s
    bars = max(1, math.floor(sounding_bars + 0.5))
    return Measurement(take.bpm, meter, bars, start_s, False, min(1.0, take.rhythm))
