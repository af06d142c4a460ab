from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.diffusion.locks import (
    LatentLock,
    band_rows,
    bar_columns,
    keep_audio,
    make_lock,
    reimposed,
    spectrogram_weights,
)
from riffsidecar.errors import DiffusionError
from riffsidecar.music import BarSpans, LoopLength
from riffsidecar.spectrogram.formats import BEAT_GRID

_FOUR_BARS = LoopLength.parse(4, "4/4", 120)


def _latents(columns: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((8, 32, columns)).astype(np.float32)


def test_bars_are_counted_from_one_and_include_the_last() -> None:
    columns = bar_columns(_FOUR_BARS, BarSpans.parse((2, 3)))
    assert columns.tolist() == [0.0] * 16 + [1.0] * 32 + [0.0] * 16


def test_bars_of_seven_eighths_are_fourteen_columns() -> None:
    columns = bar_columns(LoopLength.parse(3, "7/8", 120), BarSpans.parse((3, 3)))
    assert columns.tolist() == [0.0] * 28 + [1.0] * 14


def test_a_bar_line_inside_a_column_leaves_a_share_of_it() -> None:
    length = LoopLength.parse(2, "5/16", 200)
    assert length.columns == 5
    assert bar_columns(length, BarSpans.parse((1, 1))).tolist() == [1.0, 1.0, 0.5, 0.0, 0.0]


@pytest.mark.parametrize("bars", ["1-5", "5", "4-4+1/2"])
def test_bars_that_are_not_there_are_refused(bars: str) -> None:
    with pytest.raises(DiffusionError, match="from 1 to 4"):
        bar_columns(_FOUR_BARS, BarSpans.parse(bars))


def test_several_spans_and_parts_of_bars_are_kept() -> None:
    columns = bar_columns(_FOUR_BARS, BarSpans.parse("1,3+1/2-4"))
    assert columns.tolist() == [1.0] * 16 + [0.0] * 24 + [1.0] * 24


def test_all_bars_but_one_sound_exactly_as_they_did() -> None:
    rendered, earlier = _noise(0), _noise(1)
    mixed = keep_audio(rendered, earlier, _FOUR_BARS, 44100, bars=BarSpans.parse("1-2,4"))
    bar = rendered.shape[1] // 4
    np.testing.assert_allclose(mixed[:, : 2 * bar], earlier[:, : 2 * bar], atol=1e-6)
    np.testing.assert_allclose(mixed[:, 3 * bar :], earlier[:, 3 * bar :], atol=1e-6)
    inner = slice(2 * bar + bar // 16, 3 * bar - bar // 16)
    np.testing.assert_allclose(mixed[:, inner], rendered[:, inner], atol=1e-6)


def test_a_band_keeps_the_rows_inside_it_from_the_bottom_up() -> None:
    rows = band_rows(BEAT_GRID, 32, 0.0, 250.0)
    assert rows[0] == 1.0
    assert rows[-1] == 0.0
    assert np.all(np.diff(rows) <= 0.0)
    assert band_rows(BEAT_GRID, 32, 0.0, 20_000.0).min() == 1.0
    assert band_rows(BEAT_GRID, 32, 6000.0, 20_000.0)[[0, -1]].tolist() == [0.0, 1.0]


def test_a_band_too_narrow_names_the_nearest_that_can_be_kept() -> None:
    with pytest.raises(DiffusionError, match=r"too narrow.*nearest.*Hz"):
        band_rows(BEAT_GRID, 32, 440.0, 441.0)
    with pytest.raises(DiffusionError, match="the lower first"):
        band_rows(BEAT_GRID, 32, 500.0, 100.0)


def test_bars_and_band_together_keep_either() -> None:
    lock = make_lock(_latents(64), _FOUR_BARS, BEAT_GRID, bars=BarSpans.parse((1, 1)), band_hz=(0.0, 300.0))
    assert lock.mask[:, :16].min() == 1.0
    assert lock.mask[0].min() == 1.0
    assert lock.mask[-1, 32] == 0.0


def test_kept_bars_have_soft_shoulders_around_the_circle() -> None:
    lock = make_lock(_latents(64), _FOUR_BARS, BEAT_GRID, bars=BarSpans.parse((1, 1)))
    assert lock.mask[0, [-2, -1, 0, 15, 16, 17]].tolist() == [0.0, 0.5, 1.0, 1.0, 0.5, 0.0]


def test_locks_that_fit_nothing_are_refused() -> None:
    with pytest.raises(DiffusionError, match="64 columns"):
        make_lock(_latents(32), _FOUR_BARS, BEAT_GRID, bars=BarSpans.parse((1, 1)))
    with pytest.raises(DiffusionError, match="name the bars or the band"):
        make_lock(_latents(64), _FOUR_BARS, BEAT_GRID)
    with pytest.raises(DiffusionError, match="must be"):
        LatentLock(_latents(4), np.zeros((32, 5), np.float32))
    with pytest.raises(DiffusionError, match="from 0 to 1"):
        LatentLock(_latents(4), np.full((32, 4), 1.5, np.float32))


@given(st.floats(0.0, 1.0), st.integers(1, 60))
def test_a_soft_mask_is_held_as_long_in_any_number_of_steps(mask: float, steps: int) -> None:
    sigmas = np.linspace(1.0, 0.0, steps + 1)
    held = sum(float(reimposed(np.array([mask], np.float32), a, b)[0]) * (a - b) for a, b in pairwise(sigmas))
    assert held == pytest.approx(mask, abs=1e-5)


def test_the_spectrogram_is_pasted_whole_inside_and_fades_over_one_cell() -> None:
    mask = np.zeros((4, 6), np.float32)
    mask[1, [0, 5]] = 1.0
    weights = spectrogram_weights(mask, 32, 96)
    assert weights[8:16, :16].min() == weights[8:16, 80:].min() == 1.0
    assert np.all(np.diff(weights[10, 15:33]) <= 0.0)
    assert weights[10, 24] == 0.4375
    assert weights[10, 32:64].max() == 0.0
    assert weights[24:, :].max() == 0.0
    assert 0.0 < weights[16, 0] < 1.0


def _noise(seed: int) -> np.ndarray:
    num_samples = _FOUR_BARS.num_samples(44100)
    return np.random.default_rng(seed).standard_normal((2, num_samples)).astype(np.float32)


def test_kept_bars_sound_exactly_as_they_did() -> None:
    rendered, earlier = _noise(0), _noise(1)
    mixed = keep_audio(rendered, earlier, _FOUR_BARS, 44100, bars=BarSpans.parse((2, 3)))
    bar = rendered.shape[1] // 4
    np.testing.assert_allclose(mixed[:, bar : 3 * bar], earlier[:, bar : 3 * bar], atol=1e-6)
    border = bar // 16
    np.testing.assert_allclose(mixed[:, : bar - border], rendered[:, : bar - border], atol=1e-6)
    np.testing.assert_allclose(mixed[:, 3 * bar + border :], rendered[:, 3 * bar + border :], atol=1e-6)


def test_a_kept_first_bar_crosses_over_around_the_circle() -> None:
    ones, zeros = (
        np.ones((1, _FOUR_BARS.num_samples(44100)), np.float32),
        np.zeros((1, _FOUR_BARS.num_samples(44100))),
    )
    gain = keep_audio(zeros.astype(np.float32), ones, _FOUR_BARS, 44100, bars=BarSpans.parse((1, 1)))[0]
    assert gain[0] == gain[88199] == 1.0
    assert gain[-1] > 0.99
    assert 0.4 < gain[-2756] < 0.6
    assert np.abs(np.diff(gain)).max() < 0.001


def test_a_kept_band_is_40_db_like_it_was_and_the_rest_is_new() -> None:
    rendered, earlier = _noise(2), _noise(3)
    mixed = keep_audio(rendered, earlier, _FOUR_BARS, 44100, band_hz=(0.0, 300.0))
    hz = np.fft.rfftfreq(rendered.shape[1], 1 / 44100)
    low, high = hz <= 300.0, hz >= 300.0 * 2 ** (1 / 6)

    def distance_db(a: np.ndarray, b: np.ndarray, band: np.ndarray) -> float:
        difference, whole = (np.fft.rfft(x.astype(np.float64))[:, band] for x in (a - b, b))
        return float(20 * np.log10(np.linalg.norm(difference) / np.linalg.norm(whole)))

    assert distance_db(mixed, earlier, low) < -40.0
    assert distance_db(mixed, rendered, high) < -40.0
    assert distance_db(mixed, rendered, low) > -10.0


def test_audio_of_another_length_is_refused() -> None:
    with pytest.raises(DiffusionError, match="must be the same"):
        keep_audio(_noise(0), _noise(0)[:, :-1], _FOUR_BARS, 44100, bars=BarSpans.parse((1, 1)))
