"""Measure phase reconstruction and the mel round trip beside plain Griffin-Lim and beside librosa's.

    python -m benchmarks.phase [--bars 4] [--tempi 70 120 170] [--seeds 2] [--iterations 8] [--no-librosa]

Loops of the project's own renderer. Spectral convergence is ``20 log10 |A - |STFT(y)|| / |A|`` in each
method's own transform; the envelope correlation is that of the 3 ms envelopes above 500 Hz. CPU seconds are
of one thread; from true magnitudes they are of one channel. The exit code says whether the reach holds: 9 dB
over Griffin-Lim-32 at no more CPU time, and -19 dB or better through 256 mels at 120 BPM.
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

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from benchmarks.griffin_lim_baseline import griffin_lim_reflect, reflect_stft
from riffsidecar.audio.loudness import integrated_lufs
from riffsidecar.audio.waveform import Waveform
from riffsidecar.music import Meter, Tempo
from riffsidecar.spectrogram.codec import analyse, reconstruct, synthesise
from riffsidecar.spectrogram.formats import BEAT_GRID
from riffsidecar.spectrogram.stft import resample_circular, stft, whole_hop
from riffsidecar.training.compose import compose
from riffsidecar.training.render import render_score

__all__ = ["main"]

_FAMILIES = {"drums": "drums", "bass": "bass", "piano": "piano", "strings": "strings", "mix": "groove"}
_WINDOW = BEAT_GRID.win_length
_REACH_DB = 9.0
_REACH_MEL_DB = -19.0
_METHODS = ("heap+FGLA", "GL-32 reflect", "librosa GL-32", "256 mels")


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold what one method made of one loop."""

    family: str
    bpm: int
    method: str
    convergence_db: float
    envelope: float
    cpu_s: float


def convergence_db(true: NDArray[np.floating], made: NDArray[np.floating]) -> float:
    """Give the spectral convergence in decibels; lower is better."""
    return float(20.0 * np.log10(np.linalg.norm(true - made) / np.linalg.norm(true)))


def envelope_correlation(true: NDArray[np.floating], made: NDArray[np.floating]) -> float:
    """Correlate the 3 ms envelopes of two periods above 500 Hz: where attacks are, and beating is not."""
    envelopes = []
    for signal in (true, made):
        spectrum = np.fft.rfft(signal.astype(np.float64))
        spectrum[: round(500.0 / BEAT_GRID.sample_rate * signal.size)] = 0.0
        power = uniform_filter1d(np.fft.irfft(spectrum, signal.size) ** 2, 132, mode="wrap")
        envelopes.append(np.sqrt(np.maximum(power[::32], 0.0)))
    return float(np.corrcoef(envelopes[0], envelopes[1])[0, 1])


def _timed(work: Callable[[], NDArray[np.float32]]) -> tuple[NDArray[np.float32], float]:
    start = time.process_time()
    result = work()
    return result, time.process_time() - start


def _loop(family: str, bpm: int, bars: int, seed: int) -> tuple[NDArray[np.float32], int]:
    score = compose(seed, family=_FAMILIES[family], tempo=Tempo.parse(bpm), meter=Meter(4, 4), bars=bars)
    samples = render_score(score)
    loudness = integrated_lufs(Waveform(samples, BEAT_GRID.sample_rate))
    gain = 10.0 ** ((BEAT_GRID.reference_lufs - loudness) / 20.0)
    return samples * np.float32(gain), score.length.frames


def measure(family: str, bpm: int, options: argparse.Namespace, seed: int) -> list[Figure]:
    """Measure every method on one loop."""
    stereo, frames = _loop(family, bpm, options.bars, seed)
    hop = whole_hop(stereo.shape[1], frames)
    period = resample_circular(stereo, frames * hop)
    mono = period.mean(axis=0)
    true = np.abs(stft(mono, frames, _WINDOW))
    made, cpu_s = _timed(lambda: reconstruct(true[None], hop, _WINDOW, iterations=options.iterations)[0])
    again = convergence_db(true, np.abs(stft(made, frames, _WINDOW)))
    figures = [Figure(family, bpm, "heap+FGLA", again, envelope_correlation(mono, made), cpu_s)]
    padded = np.abs(reflect_stft(mono, hop, _WINDOW))
    made, cpu_s = _timed(lambda: griffin_lim_reflect(padded, hop, _WINDOW))
    again = convergence_db(padded, np.abs(reflect_stft(made, hop, _WINDOW)))
    figures.append(Figure(family, bpm, "GL-32 reflect", again, envelope_correlation(mono, made), cpu_s))
    if not options.no_librosa:
        import librosa

        made, cpu_s = _timed(
            lambda: librosa.griffinlim(
                padded.T,
                n_iter=32,
                hop_length=hop,
                n_fft=_WINDOW,
                pad_mode="reflect",
                random_state=0,
                length=mono.size,
            )
        )
        again = convergence_db(padded, np.abs(reflect_stft(made, hop, _WINDOW)))
        figures.append(Figure(family, bpm, "librosa GL-32", again, envelope_correlation(mono, made), cpu_s))
    mel = analyse(stereo, frames)
    made, cpu_s = _timed(lambda: synthesise(mel, stereo.shape[1], iterations=options.iterations))
    both = resample_circular(made, frames * hop)
    wanted = np.stack([np.abs(stft(channel, frames, _WINDOW)) for channel in period])
    got = np.stack([np.abs(stft(channel, frames, _WINDOW)) for channel in both])
    figures.append(
        Figure(
            family,
            bpm,
            "256 mels",
            convergence_db(wanted, got),
            envelope_correlation(mono, both.mean(axis=0)),
            cpu_s,
        )
    )
    return figures


def _row(label: str, figures: list[Figure]) -> str:
    cells = [f"{label:<14}"]
    for method in _METHODS:
        of_method = [figure for figure in figures if figure.method == method]
        if of_method:
            means = np.mean([(f.convergence_db, f.envelope, f.cpu_s) for f in of_method], axis=0)
            cells.append(f"{means[0]:7.1f} {means[1]:5.3f} {means[2]:6.2f}")
    return "  | ".join(cells)


def _verdicts(figures: list[Figure]) -> list[tuple[bool, str]]:
    def mean(method: str, field: str, bpm: int | None = None) -> float:
        chosen = [f for f in figures if f.method == method and bpm in (None, f.bpm)]
        return float(np.mean([getattr(f, field) for f in chosen]))

    gain = mean("GL-32 reflect", "convergence_db") - mean("heap+FGLA", "convergence_db")
    ratio = mean("heap+FGLA", "cpu_s") / mean("GL-32 reflect", "cpu_s")
    verdicts = [
        (
            gain >= _REACH_DB,
            f"{gain:.1f} dB better than Griffin-Lim-32 from true magnitudes (reach {_REACH_DB:.0f})",
        ),
        (ratio <= 1.0, f"{ratio:.2f} of Griffin-Lim-32's CPU time (reach 1)"),
    ]
    if any(figure.bpm == 120 for figure in figures):
        mel = mean("256 mels", "convergence_db", 120)
        verdicts.append(
            (mel <= _REACH_MEL_DB, f"{mel:.1f} dB through 256 mels at 120 BPM (reach {_REACH_MEL_DB:.0f})")
        )
    return verdicts


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; return 0 where the reach holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.phase", description=__doc__.splitlines()[0])
    parser.add_argument("--bars", type=int, default=4)
    parser.add_argument("--tempi", type=int, nargs="+", default=[70, 120, 170])
    parser.add_argument("--seeds", type=int, default=2, help="loops of each family and tempo")
    parser.add_argument("--iterations", type=int, default=8, help="of fast Griffin-Lim")
    parser.add_argument("--no-librosa", action="store_true")
    options = parser.parse_args(arguments)
    print("each cell: spectral convergence dB, envelope correlation, CPU seconds (mels: both channels)")
    print(
        "  | ".join(
            [
                f"{'':<14}",
                *(f"{name:<20}" for name in _METHODS if "librosa" not in name or not options.no_librosa),
            ]
        )
    )
    figures: list[Figure] = []
    measure("drums", options.tempi[0], options, 0)  # The first run compiles.
    for bpm in options.tempi:
        for family in _FAMILIES:
            rows = [row for seed in range(options.seeds) for row in measure(family, bpm, options, 100 + seed)]
            figures += rows
            print(_row(f"{family} {bpm}", rows), flush=True)
    print(_row("mean", figures))
    verdicts = _verdicts(figures)
    for holds, line in verdicts:
        print("ok  " if holds else "MISS", line)
    return 0 if all(holds for holds, _ in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
