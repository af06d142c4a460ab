"""Do density, brightness and energy act on the sound: loops alike but for one knob, measured as heard.

Brightness as heard owes nothing to the figure that the model was trained with. Density was that of the onset
strength that `flux` has, and is needed in onsets of another detector. Energy was the mean level itself: that
it turns the knob's own figure says that the knob acts, and `flux`, beside it, how else it is heard.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.loudness import integrated_lufs
from riffsidecar.audio.onsets import find_onsets
from riffsidecar.audio.waveform import Waveform
from riffsidecar.music import LoopLength, Meter, Tempo
from riffsidecar.spectrogram import BEAT_GRID
from riffsidecar.training.captions import eval_prompts
from riffsidecar.training.evaluation.bench import Bench
from riffsidecar.training.evaluation.loops import Ask, Loop
from riffsidecar.training.evaluation.table import Check, Part, Row
from riffsidecar.training.measures import onset_strength
from riffsidecar.training.score import FAMILIES

__all__ = [
    "KNOB_MEASURES",
    "flux",
    "fullness_db",
    "high_share_db",
    "measure_knobs",
    "onsets_per_bar",
    "t_value",
]

_LOW, _HIGH = 0.1, 0.9
_SEED = 8_200_000
_NEEDED_T = 3.0
_TEMPI = (84, 100, 120, 140)
_HIGH_HZ = 3000.0
_APART_S = 0.03
_TIMES_THE_MEAN, _OF_THE_HIGHEST = 2.5, 0.1


def onsets_per_bar(loop: Loop) -> float:
    """Return how many onsets a bar has: crests of `find_onsets`, all bands alike, no two within 30 ms."""
    onsets = find_onsets(Waveform(loop.samples, BEAT_GRID.sample_rate))
    strength = onsets.total
    reach = max(1, round(_APART_S / onsets.hop_s))
    around = np.max([np.roll(strength, lag) for lag in range(-reach, reach + 1)], axis=0)
    least = max(_TIMES_THE_MEAN, _OF_THE_HIGHEST * float(strength.max(initial=0.0)))
    return float(((strength == around) & (strength >= least)).sum()) / float(loop.length.bars)


def high_share_db(loop: Loop) -> float:
    """Return the energy above 3 kHz over that of the whole loop, in decibels."""
    power = np.abs(np.fft.rfft(loop.samples.astype(np.float64), axis=1)) ** 2
    hertz = np.fft.rfftfreq(loop.samples.shape[1], 1.0 / BEAT_GRID.sample_rate)
    whole = max(float(power.sum()), 1e-20)
    return 10.0 * math.log10(max(float(power[:, hertz >= _HIGH_HZ].sum()) / whole, 1e-12))


def fullness_db(loop: Loop) -> float:
    """Return the mean level of the bands of the spectrogram in decibels, at equal loudness (LUFS).

    Of two loops that are equally loud the fuller one has more bands sounding for longer.
    """
    loudness = integrated_lufs(Waveform(loop.samples, BEAT_GRID.sample_rate))
    half_range_db = BEAT_GRID.range_db / 2.0
    level_db = float(loop.spectrogram.clip(-1.0).mean()) * half_range_db
    return level_db - (loudness if math.isfinite(loudness) else 0.0) + BEAT_GRID.reference_lufs


def flux(loop: Loop) -> float:
    """Return the mean spectral flux in decibels a frame and band: how much begins."""
    return float(onset_strength(loop.spectrogram).mean()) * BEAT_GRID.range_db / 2.0


KNOB_MEASURES: Final = MappingProxyType(
    {
        "density": {"onsets a bar": onsets_per_bar},
        "brightness": {"above 3 kHz, dB": high_share_db},
        "energy": {"fullness, dB": fullness_db, "flux, dB": flux},
    }
)
"""What each knob is measured by; the first measure of each is needed."""


def t_value(differences: NDArray[np.float64]) -> float:
    """Return Student's t of paired differences against 0; NaN for fewer than two.

    >>> round(t_value(np.array([1.0, 2.0, 3.0])), 3)
    3.464
    """
    if differences.size < 2:
        return float("nan")
    error = float(differences.std(ddof=1)) / math.sqrt(differences.size)
    mean = float(differences.mean())
    return mean / error if error > 0 else (math.copysign(math.inf, mean) if mean else 0.0)


def _asks(bench: Bench) -> list[tuple[str, LoopLength, int]]:
    asks = []
    for number in range(bench.config.evaluation.knob_pairs):
        prompts = eval_prompts(FAMILIES[number % len(FAMILIES)])
        length = LoopLength(Fraction(2), Meter(4, 4), Tempo.parse(_TEMPI[number % len(_TEMPI)]))
        asks.append((prompts[(3 * number) % len(prompts)], length, _SEED + number))
    return asks


def _apart(loops: list[tuple[Loop, Loop]], measure: Callable[[Loop], float]) -> NDArray[np.float64]:
    return np.asarray([measure(high) - measure(low) for low, high in loops])


def measure_knobs(bench: Bench) -> Part:
    """Turn one knob from 0.1 to 0.9, all else the same, and measure the difference in the heard loops.

    Needed: t of at least 3 over the pairs. The floor is the same pairs with every other one taken the other
    way round: what the figure is where nothing was turned.
    """
    rows, checks = [], []
    spread = [bench.real(index).loop for index in range(bench.count)]
    for knob, measures in KNOB_MEASURES.items():
        pairs = [
            (
                bench.studio.made(_turned(knob, prompt, length, seed, _LOW)),
                bench.studio.made(_turned(knob, prompt, length, seed, _HIGH)),
            )
            for prompt, length, seed in _asks(bench)
        ]
        signs = np.resize([1.0, -1.0], len(pairs))
        for place, (name, measure) in enumerate(measures.items()):
            apart = _apart(pairs, measure)
            usual = float(np.std([measure(loop) for loop in spread]))
            figures = {
                name: float(apart.mean()),
                "t": t_value(apart),
                "of real spread": float(apart.mean()) / usual if usual else float("nan"),
            }
            rows.append(Row(f"{knob} {_LOW} to {_HIGH}", len(pairs), figures))
            if place == 0:
                floor = {"to and fro": t_value(apart * signs)}
                checks.append(Check(f"{knob}: t", figures["t"], _NEEDED_T, floor))
    return Part("knobs", tuple(rows), tuple(checks))


def _turned(knob: str, prompt: str, length: LoopLength, seed: int, value: float) -> Ask:
    return Ask(
        prompt,
        length,
        seed,
        density=value if knob == "density" else None,
        brightness=value if knob == "brightness" else None,
        energy=value if knob == "energy" else None,
    )
