from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.diffusion.conditioning import (
    COLUMN_CHANNELS,
    CONTROL_NAMES,
    CONTROL_SIZE,
    PHASE_CHANNELS,
    column_conditions,
    control_vector,
)
from riffsidecar.errors import MusicError
from riffsidecar.music import Chords, Key, LoopLength, Meter

KEY, CHORDS = slice(PHASE_CHANNELS, PHASE_CHANNELS + 25), slice(PHASE_CHANNELS + 25, COLUMN_CHANNELS)


def _lit(channels: np.ndarray) -> list[int]:
    return np.flatnonzero(channels).tolist()


def test_the_downbeat_is_where_every_phase_is_zero() -> None:
    conditions = column_conditions(LoopLength.parse(3, "7/8", 120), None, None)
    assert conditions.shape == (COLUMN_CHANNELS, 42) and conditions.dtype == np.float32
    at_zero = np.abs(conditions[:6] - [[0], [1], [0], [1], [0], [1]]).max(axis=0) < 1e-6
    assert np.flatnonzero(at_zero).tolist() == [0]


def test_beat_and_bar_come_round_and_the_loop_does_not() -> None:
    phases = column_conditions(LoopLength.parse(3, "7/8", 120), None, None)[:6]
    np.testing.assert_allclose(phases[:4], np.roll(phases[:4], 14, axis=1), atol=1e-6)
    np.testing.assert_allclose(phases[:2], np.roll(phases[:2], 2, axis=1), atol=1e-6)
    assert np.abs(phases[4:] - np.roll(phases[4:], 14, axis=1)).max() > 0.5


def test_a_column_is_where_its_quarter_is() -> None:
    phases = column_conditions(LoopLength.parse(2, "4/4", 120), None, None)[:6, 5]
    turns = (np.arctan2(phases[0::2], phases[1::2]) / (2 * np.pi)) % 1
    np.testing.assert_allclose(turns, [1 / 4, 5 / 16, 5 / 32], atol=1e-6)


def test_harmony_that_is_not_known_is_all_dark() -> None:
    length = LoopLength.parse(1, "4/4", 120)
    assert not column_conditions(length, None, None)[PHASE_CHANNELS:].any()
    assert not column_conditions(length, Key.parse("Am"), None)[CHORDS].any()
    assert not column_conditions(length, None, Chords.parse("Am"))[KEY].any()


def test_a_key_is_a_flag_its_scale_and_its_tonic() -> None:
    conditions = column_conditions(LoopLength.parse(1, "4/4", 120), Key.parse("Am"), None)
    for column in conditions[KEY].T:
        assert _lit(column) == [0, *(1 + p for p in (0, 2, 4, 5, 7, 9, 11)), 13 + 9]


def test_relative_keys_differ_by_their_tonic() -> None:
    length = LoopLength.parse(1, "4/4", 120)
    minor, major = (column_conditions(length, Key.parse(name), None) for name in ("Am", "C"))
    np.testing.assert_array_equal(minor[: KEY.start + 13], major[: KEY.start + 13])
    assert not np.array_equal(minor, major)


def test_chords_change_with_their_columns() -> None:
    length = LoopLength.parse(2, "4/4", 120)
    conditions = column_conditions(length, None, Chords.parse("Am F | C/E"))[CHORDS]
    expected = [([0, 4, 9], 9)] * 8 + [([0, 5, 9], 5)] * 8 + [([0, 4, 7], 4)] * 16
    for column, (tones, bass) in zip(conditions.T, expected, strict=True):
        assert _lit(column) == [0, *(1 + tone for tone in tones), 13 + bass]


def test_a_control_in_the_middle_is_not_one_that_is_free() -> None:
    length = LoopLength.parse(1, "4/4", 120)
    free = control_vector(length)
    assert free.shape == (CONTROL_SIZE,) and not free[5:].any()
    for index, name in enumerate(CONTROL_NAMES):
        for value, said in ((0.0, -1.0), (0.5, 0.0), (1.0, 1.0)):
            known = control_vector(length, **{name: value})
            expected = free.copy()
            expected[5 + 2 * index : 7 + 2 * index] = said, 1.0
            np.testing.assert_array_equal(known, expected)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((4, "4/4", 120), (4, "4/4", 121)),
        ((4, "4/4", 120), (2, "4/4", 120)),
        ((4, "3/4", 120), (3, "4/4", 120)),
        ((1, "3/4", 120), (1, "6/8", 120)),
    ],
)
def test_tempo_length_and_meter_are_told(one: tuple[int, str, int], other: tuple[int, str, int]) -> None:
    vectors = [control_vector(LoopLength.parse(*shape)) for shape in (one, other)]
    assert not np.array_equal(*vectors)


@given(
    st.integers(1, 256),
    st.integers(1, 32),
    st.sampled_from((1, 2, 4, 8, 16)),
    st.integers(20_000, 400_000),
)
def test_whatever_the_length_all_is_of_the_size_of_one(
    quarters: int, beats: int, unit: int, bpm: int
) -> None:
    try:
        length = LoopLength.parse(f"{quarters}/4", Meter(beats, unit), bpm / 1000)
    except MusicError:
        return
    conditions = column_conditions(length, Key.parse("F#"), Chords.parse("F#m7b5 Bmaj9"))
    assert conditions.shape == (COLUMN_CHANNELS, length.columns) and np.abs(conditions).max() <= 1.0
    assert np.abs(control_vector(length, density=1.0)).max() <= 5.0
