from __future__ import annotations

import numpy as np
import pytest

from riffsidecar.music import LoopLength
from riffsidecar.training.measures import downbeat_accent, grid_share, onset_strength, pulse

TEMPI = (70, 120, 170)


def _hits(length: LoopLength, late_columns: float) -> np.ndarray:
    """Return a spectrogram with a decaying hit every quarter, so much later than the grid."""
    step = length.grid.frames_per_quarter
    spectrogram = np.full((2, 256, length.frames), -1.0, np.float32)
    late = round(late_columns * step / 4)
    for start in range(0, length.frames, step):
        for frame in range(step // 4):
            spectrogram[:, :, (start + late + frame) % length.frames] += 1.0 - 4 * frame / step
    return spectrogram


@pytest.mark.parametrize("bpm", TEMPI)
def test_hits_on_the_grid_are_on_it_and_hits_between_are_not(bpm: int) -> None:
    length = LoopLength.parse(2, "4/4", bpm)
    assert grid_share(_hits(length, 0.0), length) == 1.0
    assert grid_share(_hits(length, 1.0), length) == 1.0
    assert grid_share(_hits(length, 0.5), length) == 0.0


@pytest.mark.parametrize("bpm", TEMPI)
def test_a_hit_a_little_early_or_late_still_counts(bpm: int) -> None:
    length = LoopLength.parse(2, "4/4", bpm)
    assert grid_share(_hits(length, 0.125), length) == grid_share(_hits(length, -0.125), length) == 1.0


@pytest.mark.parametrize("bpm", TEMPI)
def test_noise_knows_no_grid(bpm: int) -> None:
    length = LoopLength.parse(4, "4/4", bpm)
    noise = np.random.default_rng(0).standard_normal((2, 256, length.frames), np.float32)
    assert 0.2 < grid_share(noise, length) < 0.5


def test_a_loop_without_an_onset_has_no_share() -> None:
    length = LoopLength.parse(1, "4/4", 120)
    assert grid_share(np.full((2, 256, length.frames), 0.3, np.float32), length) == 0.0


def test_the_onset_at_the_seam_is_heard() -> None:
    spectrogram = np.full((2, 256, 64), -1.0, np.float32)
    spectrogram[..., :8] = 1.0
    assert np.flatnonzero(onset_strength(spectrogram)).tolist() == [0]
    rolled = onset_strength(np.roll(spectrogram, 5, axis=-1))
    np.testing.assert_array_equal(rolled, np.roll(onset_strength(spectrogram), 5))


@pytest.mark.parametrize("bpm", TEMPI)
def test_a_rhythm_that_repeats_has_a_pulse_and_scattered_hits_have_none(bpm: int) -> None:
    length = LoopLength.parse(4, "4/4", bpm)
    assert pulse(_hits(length, 0.0), length) == pytest.approx(1.0)
    step = length.grid.frames_per_quarter // 4
    scattered = np.full((2, 256, length.frames), -1.0, np.float32)
    scattered[..., np.random.default_rng(1).choice(64, 16, replace=False) * step] = 1.0
    assert pulse(scattered, length) < 0.5


def test_a_pulse_may_last_a_bar_of_any_meter() -> None:
    length = LoopLength.parse(4, "7/8", 120)
    step = length.grid.frames_per_quarter // 4
    spectrogram = np.full((2, 256, length.frames), -1.0, np.float32)
    for bar in range(4):
        for place in (0, 3, 4, 9):
            spectrogram[..., (14 * bar + place) * step] = 1.0
    assert pulse(spectrogram, length) == pytest.approx(1.0)


def test_silence_has_neither_pulse_nor_accent() -> None:
    length = LoopLength.parse(1, "4/4", 120)
    silent = np.full((2, 256, length.frames), -1.0, np.float32)
    assert pulse(silent, length) == downbeat_accent(silent, length) == 0.0


@pytest.mark.parametrize("bpm", TEMPI)
def test_accents_on_the_beat_count_and_moved_ones_do_not(bpm: int) -> None:
    length = LoopLength.parse(2, "4/4", bpm)
    on_beat = _hits(length, 0.0)
    assert downbeat_accent(on_beat, length) > 0.7
    assert downbeat_accent(_hits(length, 1.0), length) < 0.0
