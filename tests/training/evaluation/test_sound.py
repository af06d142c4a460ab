"""Tempo, seams, bandwidth, width, loudness and length of loops."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support_evaluation import LENGTH, RATE, World, hits, lost

from riffsidecar.music import LoopLength, Meter, Tempo
from riffsidecar.training.evaluation.loops import Ask, Loop
from riffsidecar.training.evaluation.sound import (
    bandwidth_khz,
    measure_sound,
    measure_speed,
    tempo_bpm,
    triplet_grid_share,
    width_db,
)


def _noise(channels: int = 2, seed: int = 0) -> np.ndarray:
    count = LENGTH.num_samples(RATE)
    return (0.1 * np.random.default_rng(seed).standard_normal((channels, count))).astype(np.float32)


@pytest.mark.parametrize("meter", ["4/4", "3/4", "5/4", "7/8"])
@pytest.mark.parametrize("bpm", [70, 120, 170])
def test_the_tempo_of_hits_on_the_quarters_is_theirs(meter: str, bpm: int) -> None:
    length = LoopLength(Fraction(2), Meter.parse(meter), Tempo.parse(bpm))
    assert tempo_bpm(Loop(length, _noise(), hits(length))) == pytest.approx(bpm)


def test_quarters_that_are_no_quarters_of_the_loop_have_another_tempo() -> None:
    spectrogram = np.full((2, 256, LENGTH.frames), -1.0, np.float32)
    spectrogram[..., np.round(np.arange(9) * LENGTH.frames / 9).astype(int)] = 0.5
    assert tempo_bpm(Loop(LENGTH, _noise(), spectrogram)) == pytest.approx(120 * 9 / 8)


def test_triplets_do_not_hide_the_tempo() -> None:
    spectrogram = np.full((2, 256, LENGTH.frames), -1.0, np.float32)
    for quarter in range(8):
        spectrogram[..., quarter * 64] = 0.5
        spectrogram[..., quarter * 64 + 43] = 0.2
    assert tempo_bpm(Loop(LENGTH, _noise(), spectrogram)) == pytest.approx(120)


@pytest.mark.parametrize(("meter", "every"), [("6/8", 96), ("4/4", 64)])
def test_the_tempo_of_syncopated_hits_is_that_of_their_bars(meter: str, every: int) -> None:
    length = LoopLength(Fraction(4), Meter.parse(meter), Tempo.parse(120))
    bar = round(length.meter.quarters_per_bar * 64)
    spectrogram = np.full((2, 256, length.frames), -1.0, np.float32)
    for place, level in ((0, 0.5), (every // 4 * 3, 0.3), (every // 2 * 3, 0.4)):
        spectrogram[..., place::bar] = level
    assert tempo_bpm(Loop(length, _noise(), spectrogram)) == pytest.approx(120)


def test_swung_hits_lie_on_the_triplets() -> None:
    spectrogram = np.full((2, 256, LENGTH.frames), -1.0, np.float32)
    for quarter in range(8):
        spectrogram[..., quarter * 64] = spectrogram[..., quarter * 64 + 43] = 0.5
    assert triplet_grid_share(Loop(LENGTH, _noise(), spectrogram)) == pytest.approx(1.0)


def test_straight_sixteenths_are_not_on_the_triplets() -> None:
    spectrogram = np.full((2, 256, LENGTH.frames), -1.0, np.float32)
    spectrogram[..., 16::64] = spectrogram[..., 48::64] = 0.5
    assert triplet_grid_share(Loop(LENGTH, _noise(), spectrogram)) == 0.0


@pytest.mark.parametrize("edge_khz", [4.0, 8.0, 12.0])
def test_the_bandwidth_of_filtered_noise_is_its_edge(edge_khz: float) -> None:
    spectrum = np.fft.rfft(_noise())
    spectrum[:, np.fft.rfftfreq(LENGTH.num_samples(RATE), 1 / RATE) > edge_khz * 1000] *= 1e-4
    filtered = np.fft.irfft(spectrum, n=LENGTH.num_samples(RATE))
    assert edge_khz <= bandwidth_khz(filtered.astype(np.float32)) < edge_khz * 2 ** (1 / 3)
    assert bandwidth_khz(_noise()) > 20


def test_the_width_of_mono_noise_and_of_two_voices() -> None:
    one = _noise(1)
    assert width_db(np.concatenate([one, one])) == -60.0
    assert width_db(_noise()) == pytest.approx(0.0, abs=0.2)
    assert width_db(np.concatenate([one, -one])) > 60.0


def _band() -> np.ndarray:
    """Return notes whose whole cycles make a seamless loop."""
    time = np.arange(LENGTH.num_samples(RATE)) / LENGTH.num_samples(RATE)
    rows = [sum(np.sin(2 * np.pi * (n * time + p)) for n in (440, 664, 1760)) for p in (0.0, 0.25)]
    return (0.05 * np.asarray(rows)).astype(np.float32)


class _Stage(World):
    """A world of seamless two-bar loops, in which the model may break one thing."""

    fault = ""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path, 8)
        for index in range(8):
            real = self.bench.real(index)
            loop = self.loop(LENGTH, lost(0), _band(), hits(LENGTH))
            self.bench._real[index, "train"] = type(real)(real.score, loop)
        self.bench.ask = lambda index, split: Ask("x", LENGTH, index)  # type: ignore[method-assign]

    def play(self, ask: Ask, trained: bool) -> Loop:
        samples, spectrogram = _band(), hits(LENGTH)
        if trained and self.fault == "seam":
            samples[:, -2000:] *= np.linspace(1, -1, 2000, dtype=np.float32)
        if trained and self.fault == "short":
            samples = samples[:, :-1]
        if trained and self.fault == "slow":
            spectrogram = np.full_like(spectrogram, -1.0)
            spectrogram[..., np.round(np.arange(7) * LENGTH.frames / 7).astype(int)] = 0.5
        return self.loop(ask.length, lost(0), samples, spectrogram)


@pytest.mark.parametrize(
    ("fault", "missed"),
    [
        ("", []),
        ("seam", ["seam dB over bar lines"]),
        ("short", ["exact length", "seam dB over bar lines"]),
        ("slow", ["tempo within 1 %", "swung on triplets"]),
    ],
)
def test_loops_with_a_fault_fail_for_that_fault(tmp_path: Path, fault: str, missed: list[str]) -> None:
    stage = _Stage(tmp_path)
    stage.fault = fault
    part = measure_sound(stage.bench)
    assert [check.name for check in part.checks if not check.holds] == missed
    assert not [check.name for check in part.checks if check.passing_floors]


def test_a_loop_cut_short_breaks_its_seam(tmp_path: Path) -> None:
    part = measure_sound(_Stage(tmp_path).bench)
    rows = {row.name: row for row in part.rows}
    assert rows["cut short (floor)"]["seam dB"] > 3.0 > rows["the model"]["seam dB"]


def test_the_seconds_of_each_stage_are_told(tmp_path: Path) -> None:
    (row,) = measure_speed(_Stage(tmp_path).bench).rows
    assert (row["denoise s"], row["phase s"]) == (1.0, 0.5)
    assert row["of the duration"] == pytest.approx(2.0 / float(LENGTH.duration_s))
