"""What lies on the grid is on it; what is late, or of another tempo, is not; a pad may lie anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from riffsidecar.audio.on_grid import grid_fit
from riffsidecar.audio.waveform import Waveform

RATE = 44100
QUARTERS = 8.0


def hits(beats: list[float], bpm: float, late_s: float = 0.0) -> Waveform:
    """Return two bars with a burst of noise at each of these quarter notes."""
    num_samples = round(QUARTERS * 60 / bpm * RATE)
    samples = np.zeros((1, num_samples))
    burst = np.random.default_rng(1).standard_normal(2000) * np.exp(-np.arange(2000) / 400)
    for beat in beats:
        at = round((beat * 60 / bpm + late_s) * RATE) + np.arange(2000)
        samples[0, at % num_samples] += 0.3 * burst
    return Waveform(samples.astype(np.float32), RATE)


@pytest.mark.parametrize("bpm", [70.0, 90.0, 124.0, 174.0])
@pytest.mark.parametrize(
    "beats",
    [
        [float(beat) for beat in range(8)],
        [beat / 2 for beat in range(16)],
        [0, 0.75, 1, 2.5, 3, 4, 4.75, 5, 6.25, 7],
        [beat / 3 for beat in range(24)],
    ],
)
def test_quarters_eighths_syncopes_and_triplets_are_on_the_grid(bpm: float, beats: list[float]) -> None:
    fit = grid_fit(hits(beats, bpm), QUARTERS)
    assert not fit.is_off
    assert fit.pulse > 0.4


@pytest.mark.parametrize("late_s", [-0.045, 0.045])
def test_what_is_late_or_early_is_off_the_grid_and_by_how_much(late_s: float) -> None:
    fit = grid_fit(hits([beat / 2 for beat in range(16)], 100.0, late_s), QUARTERS)
    assert fit.is_off
    assert fit.offset_s == pytest.approx(late_s, abs=0.01)


@pytest.mark.parametrize("count", [7, 9, 11])
def test_what_is_of_another_tempo_is_off_the_grid(count: int) -> None:
    assert grid_fit(hits([beat * QUARTERS / count for beat in range(count)], 110.0), QUARTERS).is_off


def test_what_has_no_onsets_is_never_off_the_grid() -> None:
    phase = np.arange(round(QUARTERS * 60 / 90 * RATE)) / RATE * 2 * np.pi
    pad = 0.2 * np.sin(220 * phase) * (1 + 0.3 * np.sin(phase * 0.19))
    assert not grid_fit(Waveform(pad[None].astype(np.float32), RATE), QUARTERS).is_off
