"""Measures of density, brightness and energy, and knobs that act or do not."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from support_evaluation import LENGTH, RATE, World, hits, lost

from riffsidecar.training.evaluation.knobs import (
    flux,
    fullness_db,
    high_share_db,
    measure_knobs,
    onsets_per_bar,
    t_value,
)
from riffsidecar.training.evaluation.loops import Ask, Loop


def _noise(level: float = 0.1, high: float = 1.0) -> np.ndarray:
    """Return noise whose part above 3 kHz has so many times its level."""
    count = LENGTH.num_samples(RATE)
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal((2, count)))
    spectrum[:, np.fft.rfftfreq(count, 1 / RATE) >= 3000.0] *= high
    return (level * np.fft.irfft(spectrum, n=count)).astype(np.float32)


def _struck(per_quarter: int) -> np.ndarray:
    spectrogram = np.full((2, 256, LENGTH.frames), -1.0, np.float32)
    step = LENGTH.grid.frames_per_quarter // per_quarter
    for place in range(0, LENGTH.frames, step):
        spectrogram[..., place : place + 3] = 0.5
    return spectrogram


def _loop(spectrogram: np.ndarray | None = None, samples: np.ndarray | None = None) -> Loop:
    return Loop(
        LENGTH, _noise() if samples is None else samples, hits(LENGTH) if spectrogram is None else spectrogram
    )


def _clicks(per_quarter: int, level: float = 0.3) -> np.ndarray:
    """Return short bursts of noise so many times a quarter."""
    samples = 1e-4 * _noise()
    burst = level * np.random.default_rng(1).standard_normal(400) * np.linspace(1, 0, 400)
    for place in range(8 * per_quarter):
        begin = place * samples.shape[1] // (8 * per_quarter)
        samples[:, begin : begin + 400] += burst.astype(np.float32)
    return samples


@pytest.mark.parametrize("level", [0.3, 0.003])
@pytest.mark.parametrize("per_quarter", [1, 2, 4])
def test_onsets_are_counted_whatever_the_level(per_quarter: int, level: float) -> None:
    assert onsets_per_bar(_loop(samples=_clicks(per_quarter, level))) == 4 * per_quarter


def test_silence_and_a_held_tone_have_no_onset() -> None:
    count = LENGTH.num_samples(RATE)
    tone = np.sin(2 * np.pi * 880 * np.arange(count) / count).astype(np.float32)
    assert onsets_per_bar(_loop(samples=np.zeros((2, count), np.float32))) == 0
    assert onsets_per_bar(_loop(samples=np.stack([tone, tone]))) == 0


def test_highs_are_told_in_decibels_whatever_the_level() -> None:
    plain, bright = high_share_db(_loop(samples=_noise())), high_share_db(_loop(samples=_noise(high=10.0)))
    dull = high_share_db(_loop(samples=_noise(high=0.1)))
    assert dull < plain - 10 and plain < bright < 0
    assert high_share_db(_loop(samples=_noise(0.01))) == pytest.approx(plain, abs=1e-3)


def test_fullness_is_told_at_equal_loudness() -> None:
    louder = fullness_db(_loop(hits(LENGTH) + 0.25, _noise(0.1 * 10 ** (10 / 20))))
    assert louder == pytest.approx(fullness_db(_loop()), abs=0.05)
    assert fullness_db(_loop(hits(LENGTH) + 0.25)) == pytest.approx(fullness_db(_loop()) + 10.0, abs=0.05)


def test_what_begins_more_often_has_more_flux() -> None:
    assert flux(_loop(_struck(4))) == pytest.approx(4 * flux(_loop(_struck(1))))


def test_the_t_value_of_differences() -> None:
    assert t_value(np.array([1.0, 2.0, 3.0])) == pytest.approx(2 / (1 / math.sqrt(3)))
    assert t_value(np.array([1.0, -1.0])) == 0.0
    assert math.isnan(t_value(np.array([1.0])))
    assert t_value(np.ones(4)) == math.inf and t_value(np.zeros(4)) == 0.0


class _Panel(World):
    """A model that follows its knobs, or does not."""

    follows = True

    def play(self, ask: Ask, trained: bool) -> Loop:
        jitter = np.random.default_rng(ask.seed).integers(0, 2)
        density, brightness, energy = (
            value if value is not None and self.follows else 0.5
            for value in (ask.density, ask.brightness, ask.energy)
        )
        per_quarter = 4 if density > 0.8 else 1 if density < 0.2 and jitter else 2
        samples = _clicks(per_quarter) + _noise(0.01, 0.1 + brightness + 0.05 * jitter)
        spectrogram = _struck(2) + np.float32(energy + 0.1 * jitter)
        return self.loop(ask.length, lost(0), samples, spectrogram)


def test_knobs_that_act_pass_and_knobs_that_do_not_fail(tmp_path: Path) -> None:
    panel = _Panel(tmp_path, 8, knob_pairs=6)
    part = measure_knobs(panel.bench)
    assert all(check.holds and not check.passing_floors for check in part.checks)
    assert [check.name for check in part.checks] == ["density: t", "brightness: t", "energy: t"]
    assert all(row.loops == 6 for row in part.rows)
    panel.follows = False
    assert not any(check.holds for check in measure_knobs(panel.bench).checks)


def test_the_loops_of_a_pair_differ_in_one_knob_alone(tmp_path: Path) -> None:
    panel = _Panel(tmp_path, 8, knob_pairs=3)
    measure_knobs(panel.bench)
    asked = [ask for ask, _ in panel.studio.asked]
    for low, high in zip(asked[::2], asked[1::2], strict=True):
        turned = [
            (getattr(low, knob), getattr(high, knob))
            for knob in ("density", "brightness", "energy")
            if getattr(low, knob) != getattr(high, knob)
        ]
        assert turned == [(0.1, 0.9)]
        assert (low.prompt, low.seed, low.length) == (high.prompt, high.seed, high.length)
