"""What any loop must be: in time, of exact length, without a seam, as wide, open and loud as real ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.loudness import DEFAULT_LUFS, integrated_lufs, normalise, true_peak_dbtp
from riffsidecar.audio.seam import seam_measure
from riffsidecar.audio.waveform import Waveform
from riffsidecar.errors import TrainingError
from riffsidecar.music import LoopLength, Meter
from riffsidecar.music.groove import pulses
from riffsidecar.spectrogram import BEAT_GRID
from riffsidecar.training.evaluation.bench import Bench
from riffsidecar.training.evaluation.families import RHYTHMIC
from riffsidecar.training.evaluation.loops import Loop
from riffsidecar.training.evaluation.table import Check, Part, Row
from riffsidecar.training.measures import onset_strength
from riffsidecar.training.score import Attributes

__all__ = [
    "bandwidth_khz",
    "measure_sound",
    "measure_speed",
    "tempo_bpm",
    "triplet_grid_share",
    "width_db",
]

_RATE = BEAT_GRID.sample_rate
_NEEDED_IN_TIME = 0.95
_TEMPO_TOLERANCE = 0.01
_SEAM_DB = 0.5
_BAND_FLOOR_DB = -60.0
_GRIDS = ((0.25, 0.5, 1, 2, 4, 8), (0.25, 0.5, 1, 3, 6, 12))
_SLOWEST, _FASTEST = 0.7, 1.4
_WHOLE = 1e-6
_CUT = 0.93
_SEXTUPLETS = 6
_SWUNG = 0.6
"""From this much swing on, an offbeat lies nearer to the triplet than to the straight place."""

_OF_THE_CODEC = 0.9
_STAGES = ("text", "denoise", "decode", "phase")


def tempo_bpm(loop: Loop) -> float:
    """Return the tempo, within 0.7 to 1.4 of that asked for, whose beats the onsets keep to best.

    A comb over the circular spectrum of the onset strength: four and two beats and one, with its halves and
    theirs, or with its triplets. What repeats after the loop has a whole number of beats a period. They are
    the meter's felt beats, dotted quarters in 6/8, and quarters where those are not even.
    """
    strength = onset_strength(loop.spectrogram)
    spectrum = np.abs(np.fft.rfft(strength - strength.mean()))
    beats = float(loop.length.quarters / _quarters_a_beat(loop.length.meter))
    counts = np.arange(math.ceil(_SLOWEST * beats - _WHOLE), math.floor(_FASTEST * beats + _WHOLE) + 1)
    # A loop of two bars of 7/8 has whole quarters, one of one bar has not: it is counted in its own beats.
    if not beats.is_integer():
        counts = np.append(counts, beats)
    combs = []
    for count in counts:
        places = [np.round(count * np.asarray(grid)).astype(int) for grid in _GRIDS]
        combs.append(max(float(np.sqrt((spectrum[at[at < spectrum.size]] ** 2).sum())) for at in places))
    best = float(counts[int(np.argmax(combs))])
    return best / beats * float(loop.length.tempo.bpm)


def _quarters_a_beat(meter: Meter) -> Fraction:
    places = pulses(meter)
    apart = meter.quarters_per_bar / len(places)
    is_even = all(place == index * apart for index, place in enumerate(places))
    return apart if is_even else Fraction(1)


def triplet_grid_share(loop: Loop) -> float:
    """Return how much of the flux above its median lies within 1/6 of a sixteenth of the sextuplets' grid.

    Swung eighths and sixteenths lie there, and not on the straight sixteenths. Flux that knows no grid gives
    one half.
    """
    strength = onset_strength(loop.spectrogram)
    strength = np.maximum(strength - np.median(strength), 0.0)
    period = loop.length.grid.frames_per_quarter / _SEXTUPLETS
    distance = np.abs((np.arange(strength.size) + period / 2) % period - period / 2)
    total = float(strength.sum())
    near = distance <= loop.length.grid.frames_per_quarter / 24.0
    return float(strength[near].sum()) / total if total > 0 else 0.0


def bandwidth_khz(samples: NDArray[np.float32]) -> float:
    """Return the highest frequency, in kHz, whose third of an octave lies within 60 dB of the loudest one."""
    power = (np.abs(np.fft.rfft(samples.astype(np.float64), axis=1)) ** 2).sum(0)
    hertz = np.fft.rfftfreq(samples.shape[1], 1.0 / _RATE)
    edges = 25.0 * 2.0 ** (np.arange(31) / 3.0)
    edges = np.append(edges[edges < _RATE / 2], _RATE / 2)
    at = np.searchsorted(hertz, edges)
    bands = np.asarray(
        [power[low:high].mean() if high > low else 0.0 for low, high in itertools.pairwise(at)]
    )
    levels = 10.0 * np.log10(np.maximum(bands, 1e-30) / max(float(bands.max()), 1e-30))
    return float(edges[1:][levels >= _BAND_FLOOR_DB].max()) / 1000.0


def width_db(samples: NDArray[np.float32]) -> float:
    """Return the level of the sides over that of the middle of (2, num_samples), in dB, at least -60."""
    middle, side = samples[0] + samples[1], samples[0] - samples[1]
    energies = [float(np.mean(np.square(part, dtype=np.float64))) for part in (side, middle)]
    return max(-60.0, 10.0 * math.log10(max(energies[0], 1e-20) / max(energies[1], 1e-20)))


@dataclass(frozen=True, slots=True)
class _Seams:
    """Wrap over inner bar lines: decibels of prediction error, steps of the samples; all loops pooled.

    ``error_db`` is the standard error of the first.
    """

    lpc_db: float
    jump: float
    error_db: float


def _seams(loops: Sequence[tuple[NDArray[np.float32], LoopLength, int]]) -> _Seams:
    errors, jumps = [], []
    for samples, length, whole in loops:
        lines = [line for line in length.bar_lines(whole) if line < samples.shape[1]]
        seam = seam_measure(samples, lines, sample_rate=_RATE)
        if seam.inner_jumps:
            errors.append(seam.lpc_db - float(np.mean(seam.inner_lpc_db)))
            jumps.append(seam.jump - float(np.mean(seam.inner_jumps)))
    if not errors:
        raise TrainingError(
            "no loop of two bars or more is evaluated: raise 'adherence_loops' in [evaluation]"
        )
    error_db = float(np.std(errors)) / math.sqrt(len(errors))
    return _Seams(float(np.mean(errors)), float(np.mean(jumps)), error_db)


def _whole(loops: Sequence[Loop]) -> list[tuple[NDArray[np.float32], LoopLength, int]]:
    return [(loop.samples, loop.length, loop.samples.shape[1]) for loop in loops]


def _row(name: str, loops: Sequence[Loop], asked: Sequence[Attributes]) -> Row:
    finished = [normalise(Waveform(loop.samples, _RATE)) for loop in loops]
    peaks = [true_peak_dbtp(wave) for wave in finished]
    loudness = np.asarray([integrated_lufs(wave) for wave in finished])
    in_time = [
        abs(tempo_bpm(loop) / float(loop.length.tempo.bpm) - 1.0) <= _TEMPO_TOLERANCE
        for loop, attributes in zip(loops, asked, strict=True)
        if attributes.family in RHYTHMIC
    ]
    swung = [
        triplet_grid_share(loop)
        for loop, attributes in zip(loops, asked, strict=True)
        if attributes.family in RHYTHMIC and attributes.swing >= _SWUNG
    ]
    seams = _seams(_whole(loops))
    exact = [loop.samples.shape[1] == loop.length.num_samples(_RATE) for loop in loops]
    figures = {
        "in time": float(np.mean(in_time)) if in_time else float("nan"),
        "swung on triplets": _mean_finite(swung),
        "exact": float(np.mean(exact)),
        "seam dB": seams.lpc_db,
        "seam jump": seams.jump,
        "kHz": float(np.mean([bandwidth_khz(loop.samples) for loop in loops])),
        "width dB": float(np.mean([width_db(loop.samples) for loop in loops])),
        "raw LUFS": _mean_finite([integrated_lufs(Waveform(loop.samples, _RATE)) for loop in loops]),
        "LUFS": _mean_finite(loudness),
        "as loud": float((np.abs(loudness - DEFAULT_LUFS) <= 1.0).mean()),
        "clipped": float(np.mean([peak > 0.0 for peak in peaks])),
    }
    return Row(name, len(loops), figures)


def _mean_finite(values: Sequence[float] | NDArray[np.float64]) -> float:
    finite = np.asarray(values)[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


def measure_sound(bench: Bench) -> Part:
    """Measure loops at the loudness they are published with.

    Needed: tempo within 1 % in 95 % of the rhythmic loops, swung ones on the triplets in 0.9 of the codec's
    share, exact length, none clipped, and a wrap, of seen and unseen phrasings together, whose prediction
    error is at most 0.5 dB, or two standard errors, above that of the loop's inner bar lines. The floor of
    the seam is the model's loops cut short by 7 %; that of the tempo are loops of untrained weights.
    """
    places = range(bench.count)
    asked = [bench.real(index).score.attributes for index in places]
    made = [bench.answered(index, "seen") for index in places]
    real = _row("real loops (ceiling)", [bench.real(index).loop for index in places], asked)
    codec = _row("through the codec (ceiling)", [bench.coded(index) for index in places], asked)
    model = _row("the model", made, asked)
    blank = _row(
        "untrained weights",
        [bench.blank(index) for index in bench.blanks],
        [asked[index] for index in bench.blanks],
    )
    cut = _seams(
        [
            (loop.samples[:, : int(_CUT * loop.samples.shape[1])], loop.length, loop.samples.shape[1])
            for loop in made
        ]
    )
    seams = _seams(_whole([*made, *(bench.answered(index, "unseen") for index in places)]))
    rows = (
        real,
        codec,
        model,
        blank,
        Row(
            "the model, both phrasings",
            2 * len(made),
            {"seam dB": seams.lpc_db, "seam jump": seams.jump, "standard error, dB": seams.error_db},
        ),
        Row("cut short (floor)", len(made), {"seam dB": cut.lpc_db, "seam jump": cut.jump}),
    )
    needed = _OF_THE_CODEC * codec["swung on triplets"]
    swing = (
        (Check("swung on triplets", model["swung on triplets"], needed, {}),) if math.isfinite(needed) else ()
    )
    return Part(
        "sound",
        rows,
        (
            Check("tempo within 1 %", model["in time"], _NEEDED_IN_TIME, {}),
            *swing,
            Check("exact length", model["exact"], 1.0, {}),
            Check(
                "seam dB over bar lines",
                seams.lpc_db,
                max(_SEAM_DB, 2.0 * seams.error_db),
                {"cut short": cut.lpc_db},
                at_most=True,
            ),
            Check("clipped", model["clipped"], 0.0, {}, at_most=True),
        ),
    )


def measure_speed(bench: Bench) -> Part:
    """Tell the seconds each stage took where the loops were made, and how much of their duration that is."""
    loops = [bench.answered(index, "seen") for index in range(bench.count)]
    durations = np.asarray([float(loop.length.duration_s) for loop in loops])
    stages = {
        stage: np.asarray([loop.seconds.get(stage, float("nan")) for loop in loops]) for stage in _STAGES
    }
    figures = {f"{stage} s": float(np.median(values)) for stage, values in stages.items()}
    whole = np.sum(list(stages.values()), axis=0)
    figures["of the duration"] = float(np.median(whole / durations))
    return Part("speed", (Row("the model", len(loops), figures),), ())
