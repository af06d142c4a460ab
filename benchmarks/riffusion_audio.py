"""Measure sound from Riffusion's pictures beside the path that its authors published.

    python -m benchmarks.riffusion_audio [--seconds 5.12] [--seeds 2]

Both paths start from the same 8-bit picture of a loop of the project's own renderer. The published path is
written here from its formulas: least-squares mel inversion at n_fft 17640, 32 iterations of Griffin-Lim with
momentum 0.99 from random phase, reflect padding. Measures are taken between a tenth of a second after the
start and before the end, where its padding does no harm: spectral convergence of Riffusion's own mel and of a
linear transform (dB, lower is better), log-spectral distance down to 50 dB below the loudest (dB, lower is
better), and the correlation of 3 ms envelopes above 500 Hz (higher is better). "Air" is judged by the
log-spectral distance from 10 to 16 kHz, down to 80 dB. The exit code says whether the reach holds: 8 times
less CPU time, no worse on any measure, and air nearer than nothing on the mean.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from benchmarks.phase import convergence_db, envelope_correlation
from riffsidecar.music import Meter, Tempo
from riffsidecar.spectrogram.codec import synthesise
from riffsidecar.spectrogram.formats import RIFFUSION
from riffsidecar.spectrogram.image import image_to_spectrogram
from riffsidecar.spectrogram.mel import mel_filterbank
from riffsidecar.training.compose import compose
from riffsidecar.training.render import render_score

__all__ = ["main", "published_audio", "published_picture"]

_RATE, _HOP, _WINDOW, _FFT = 44100, 441, 4410, 17640
_FAMILIES = {"drums": "drums", "bass": "bass", "keys": "piano", "mix": "groove"}
_ITERATIONS, _MOMENTUM = 32, 0.99
_REACH = 8.0
_EDGE = _RATE // 10
_MEASURES = ("mel dB", "linear dB", "log dB", "envelope")
_LOG_RANGE_DB = 50.0
_HIGHER_IS_BETTER = {"envelope"}


def _window() -> NDArray[np.float32]:
    window = np.zeros(_FFT, np.float32)
    start = (_FFT - _WINDOW) // 2
    window[start : start + _WINDOW] = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(_WINDOW) / _WINDOW)
    return window


def _stft(samples: NDArray[np.float32]) -> NDArray[np.complex64]:
    padded = np.pad(samples, _FFT // 2, mode="reflect")
    return scipy.fft.rfft(sliding_window_view(padded, _FFT)[::_HOP] * _window(), axis=-1)


def _istft(spectrum: NDArray[np.complex64]) -> NDArray[np.float32]:
    frames = scipy.fft.irfft(spectrum, n=_FFT, axis=-1) * _window()
    out = np.zeros((len(frames) - 1) * _HOP + _FFT, np.float32)
    weight = np.zeros_like(out)
    square = _window() ** 2
    for t, frame in enumerate(frames):
        out[t * _HOP : t * _HOP + _FFT] += frame
        weight[t * _HOP : t * _HOP + _FFT] += square
    half = _FFT // 2
    return out[half:-half] / np.maximum(weight[half:-half], np.float32(1e-8))


def published_picture(samples: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return the picture (512, num_samples / 441 + 1, 3) of mono audio, as published."""
    mel = mel_filterbank(RIFFUSION) @ np.abs(_stft(samples)).T
    data = 255.0 - (mel / mel.max()) ** 0.25 * 255.0
    return np.repeat(data.astype(np.uint8)[::-1, :, None], 3, axis=2)


@lru_cache(maxsize=1)
def _inverse() -> NDArray[np.float32]:
    """Return the pseudo-inverse of the filterbank; taken once, and not counted."""
    return np.linalg.pinv(mel_filterbank(RIFFUSION).astype(np.float64)).astype(np.float32)


def published_audio(picture: NDArray[np.uint8], seed: int = 0) -> NDArray[np.float32]:
    """Return audio ((columns - 1) * 441,) from a picture, as published."""
    mel = ((255.0 - picture[::-1, :, 0].astype(np.float32)) / 255.0) ** 4
    magnitudes = np.maximum(_inverse() @ mel, 0.0).T
    rng = np.random.default_rng(seed)
    angles = np.exp(2j * np.pi * rng.random(magnitudes.shape, dtype=np.float32)).astype(np.complex64)
    before = np.zeros_like(angles)
    for _ in range(_ITERATIONS):
        rebuilt = _stft(_istft(angles * magnitudes))
        angles = rebuilt - np.float32(_MOMENTUM / (1.0 + _MOMENTUM)) * before
        angles /= np.abs(angles) + np.float32(1e-16)
        before = rebuilt
    return _istft(angles * magnitudes)


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold what one path made of one loop."""

    family: str
    path: str
    cpu_s: float
    measures: dict[str, float]
    air_db: float


def _linear(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    frames = sliding_window_view(samples, 2048)[::512]
    return np.abs(np.fft.rfft(frames * np.hanning(2048), axis=-1))


def _log_distance(
    true: NDArray[np.float32],
    made: NDArray[np.float32],
    low_hz: float,
    high_hz: float,
    range_db: float = _LOG_RANGE_DB,
) -> float:
    """Return the root mean square of differences in dB, both held to a range below the true loudest."""
    bins = slice(round(low_hz / _RATE * 2048), round(high_hz / _RATE * 2048))
    floor = float(true.max()) * 10.0 ** (-range_db / 20.0)
    decibels = [20.0 * np.log10(np.maximum(each[:, bins], floor)) for each in (true, made)]
    return float(np.sqrt(np.mean((decibels[0] - decibels[1]) ** 2)))


def _matched(made: NDArray[np.float32], true: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what was made at the loudness of the true sound below 10 kHz: pictures carry none."""
    got, wanted = (np.linalg.norm(_linear(each)[:, : round(10000 / _RATE * 2048)]) for each in (made, true))
    return made * np.float32(wanted / max(float(got), 1e-12))


def compare(true: NDArray[np.float32], made: NDArray[np.float32]) -> tuple[dict[str, float], float]:
    """Return the measures of a loop that was made, and its distance from 10 to 16 kHz."""
    length = min(len(true), len(made))
    true, made = (
        true[_EDGE : length - _EDGE],
        _matched(made[_EDGE : length - _EDGE], true[_EDGE : length - _EDGE]),
    )
    bank = mel_filterbank(RIFFUSION)
    mels = [bank @ np.abs(_stft(each)).T[:, 10:-10] for each in (true, made)]
    lines = [_linear(each) for each in (true, made)]
    audible = round(10000 / _RATE * 2048)
    measures = {
        "mel dB": convergence_db(*mels),
        "linear dB": convergence_db(*(each[:, :audible] for each in lines)),
        "log dB": _log_distance(*lines, 50.0, 9500.0),
        "envelope": envelope_correlation(true, made),
    }
    return measures, _log_distance(*lines, 10500.0, 16000.0, 80.0)


def _timed(work: Callable[[], NDArray[np.float32]]) -> tuple[NDArray[np.float32], float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def _loop(family: str, seconds: float, seed: int) -> NDArray[np.float32]:
    # Two bars of 4/4: the tempo follows from the seconds.
    tempo = Tempo.parse(round(480.0 / seconds, 2))
    score = compose(seed, family=_FAMILIES[family], tempo=tempo, meter=Meter(4, 4), bars=2)
    mono = render_score(score).mean(axis=0)
    return mono[: len(mono) // _HOP * _HOP].astype(np.float32)


def measure(family: str, seconds: float, seed: int) -> list[Figure]:
    """Measure every path on one loop."""
    true = _loop(family, seconds, seed)
    picture = published_picture(true)
    # The last column of the published picture lies beyond the loop: on a circle it is the first.
    circle = image_to_spectrogram(np.ascontiguousarray(picture[:, :-1]))
    paths: dict[str, Callable[[], NDArray[np.float32]]] = {
        "published": lambda: published_audio(picture, seed),
        "ours": lambda: synthesise(circle, len(true), RIFFUSION)[0],
        "ours, air": lambda: synthesise(circle, len(true), RIFFUSION, air=1.0)[0],
    }
    figures = []
    for path, work in paths.items():
        made, cpu_s = _timed(work)
        measures, air_db = compare(true, made)
        figures.append(Figure(family, path, cpu_s, measures, air_db))
    return figures


def _row(label: str, figures: list[Figure]) -> str:
    means = [np.mean([figure.measures[name] for figure in figures]) for name in _MEASURES]
    cpu_s, air_db = (np.mean([getattr(f, name) for f in figures]) for name in ("cpu_s", "air_db"))
    cells = [f"{mean:10.3f}" for mean in means]
    return "".join([f"{label:<20}", *cells, f"{air_db:10.2f}", f"{cpu_s:10.2f}"])


def _verdicts(figures: list[Figure]) -> list[tuple[bool, str]]:
    def mean(path: str, family: str, name: str) -> float:
        chosen = [f for f in figures if f.path == path and f.family == family]
        return float(np.mean([f.measures[name] if name in _MEASURES else getattr(f, name) for f in chosen]))

    cpu = [np.sum([f.cpu_s for f in figures if f.path == path]) for path in ("published", "ours")]
    verdicts = [
        (cpu[0] / cpu[1] >= _REACH, f"{cpu[0] / cpu[1]:.1f} times less CPU time (reach {_REACH:.0f})")
    ]
    for family in _FAMILIES:
        for name in _MEASURES:
            theirs, ours = mean("published", family, name), mean("ours", family, name)
            gain = ours - theirs if name in _HIGHER_IS_BETTER else theirs - ours
            verdicts.append((gain >= 0.0, f"{family}: {name} {ours:.3f}, published {theirs:.3f}"))
    nothing, air = (
        float(np.mean([figure.air_db for figure in figures if figure.path == path]))
        for path in ("ours", "ours, air")
    )
    verdicts.append((air < nothing, f"air {air:.2f} dB off from 10 to 16 kHz, nothing {nothing:.2f}"))
    return verdicts


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; return 0 where the reach holds."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.riffusion_audio", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--seconds", type=float, default=5.12)
    parser.add_argument("--seeds", type=int, default=2, help="loops of each family")
    options = parser.parse_args(arguments)
    print("".join([f"{'':<20}", *(f"{name:>10}" for name in (*_MEASURES, "10-16 kHz", "CPU s"))]))
    figures: list[Figure] = []
    _inverse()
    synthesise(np.zeros((1, 512, 40), np.float32), 40 * _HOP, RIFFUSION)  # The first run compiles.
    for family in _FAMILIES:
        rows = [row for seed in range(options.seeds) for row in measure(family, options.seconds, 100 + seed)]
        figures += rows
        for path in ("published", "ours", "ours, air"):
            print(_row(f"{family} {path}", [row for row in rows if row.path == path]), flush=True)
    verdicts = _verdicts(figures)
    for holds, line in verdicts:
        print("ok  " if holds else "MISS", line)
    return 0 if all(holds for holds, _ in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
