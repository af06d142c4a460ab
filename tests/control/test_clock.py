"""The tempo of a nervous clock is found, told once, and followed when it changes."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.control.clock import CLOCKS_PER_QUARTER, ClockFollower, fit_line, snap_bpm

BAR = 4 * CLOCKS_PER_QUARTER
JITTER_S = 0.002


class Master:
    """A clock whose every byte is up to two milliseconds early or late."""

    def __init__(self, seed: int, jitter_s: float = JITTER_S) -> None:
        self.follower = ClockFollower()
        self._random = random.Random(seed)
        self._jitter_s = jitter_s
        self._now_s = self._last_s = 1000.0

    def play(self, bpm: float, clocks: int) -> list[float]:
        """Send clocks and return the tempi that were told."""
        told = []
        for _ in range(clocks):
            self._now_s += 60 / (CLOCKS_PER_QUARTER * bpm)
            # Bytes arrive in order, however late they are.
            arrival_s = self._now_s + self._random.uniform(-self._jitter_s, self._jitter_s)
            self._last_s = max(self._last_s, arrival_s)
            tempo = self.follower.tick(self._last_s)
            if tempo is not None:
                told.append(float(tempo))
        return told

    def pause(self, seconds: float) -> None:
        self._now_s += seconds
        self._last_s = self._now_s


@pytest.mark.parametrize("bpm", [*range(60, 181, 10), 87.5, 93.3, 122.22, 128.05, 133.333, 174.06, 179.96])
def test_after_four_bars_the_tempo_is_right_and_told_once(bpm: float) -> None:
    for seed in range(3):
        master = Master(seed)
        told = master.play(bpm, 4 * BAR)
        assert len(told) == 1
        assert abs(told[0] - bpm) <= 0.05
        assert master.play(bpm, 12 * BAR) == []


@pytest.mark.parametrize("bpm", [60, 90, 120, 128, 140, 174])
def test_a_whole_tempo_is_told_as_a_whole_tempo(bpm: int) -> None:
    assert Master(1).play(bpm, 4 * BAR) == [float(bpm)]


def test_a_steady_clock_is_believed_after_a_bar() -> None:
    assert Master(1, jitter_s=0.0).play(125, BAR) == [125.0]


@pytest.mark.parametrize(
    ("before", "after"), [(120, 140), (174, 87), (60, 180), (120, 121), (90, 90.3), (140, 139.5)]
)
def test_a_change_of_tempo_is_followed_at_once_and_without_steps_between(before: float, after: float) -> None:
    for seed in range(3):
        master = Master(seed)
        assert master.play(before, 8 * BAR) == [before]
        told = master.play(after, 8 * BAR)
        assert len(told) == 1
        assert abs(told[0] - after) <= 0.05


@pytest.mark.parametrize("bpm", [60, 90, 100.3, 120, 120.3, 140, 174, 174.06, 200, 300])
def test_a_first_estimate_comes_within_some_beats_at_most_half_a_bpm_beside(bpm: float) -> None:
    whole = 0
    for seed in range(20):
        master, beats = Master(seed), 0
        while master.follower.first_tempo is None:
            assert master.play(bpm, CLOCKS_PER_QUARTER // 2) == []
            beats += 0.5
        assert 2 <= beats <= max(2.5, bpm / 40)
        assert abs(float(master.follower.first_tempo) - bpm) <= 0.5
        whole += float(master.follower.first_tempo) == bpm
        master.play(bpm, 4 * BAR)
        assert master.follower.first_tempo is None and not master.follower.is_measuring
    assert whole >= 15 or bpm != int(bpm)


def test_a_clock_is_heard_before_it_is_measured_and_no_more_when_it_stops() -> None:
    master = Master(1)
    master.play(120, 3)
    assert not master.follower.is_measuring
    master.play(120, 60)
    assert master.follower.is_measuring and master.follower.first_tempo is not None
    master.follower.pause()
    assert not master.follower.is_measuring and master.follower.first_tempo is None


def test_nothing_is_told_before_two_beats() -> None:
    assert Master(1, jitter_s=0.0).play(120, 2 * CLOCKS_PER_QUARTER - 1) == []


def test_a_pause_is_not_a_slow_tempo() -> None:
    master = Master(1)
    assert master.play(120, 4 * BAR) == [120.0]
    for _ in range(5):
        master.pause(3.7)
        assert master.play(120, 4 * BAR) == []


def test_a_wall_clock_that_jumps_back_does_no_harm() -> None:
    master = Master(1)
    assert master.play(120, 4 * BAR) == [120.0]
    master.pause(-3600)
    assert master.play(120, 4 * BAR) == []


def test_times_in_steps_of_an_audio_period_are_good_enough() -> None:
    follower, period_s = ClockFollower(), 256 / 48_000
    times = [math.floor(i * 60 / (CLOCKS_PER_QUARTER * 125) / period_s) * period_s for i in range(8 * BAR)]
    assert [float(tempo) for time in times if (tempo := follower.tick(time))] == [125.0]


@pytest.mark.parametrize("bpm", [5, 18, 420, 900, 100_000])
def test_a_tempo_that_is_none_is_not_told(bpm: float) -> None:
    assert Master(1, jitter_s=0.0).play(bpm, 4 * BAR) == []


@given(st.lists(st.floats(0, 1e9), max_size=200))
def test_any_times_are_taken(times: list[float]) -> None:
    follower = ClockFollower()
    for time in times:
        follower.tick(time)


def test_clocks_that_all_come_at_once_are_taken() -> None:
    follower = ClockFollower()
    assert [follower.tick(1.0) for _ in range(500)] == [None] * 500


def test_after_the_port_has_gone_the_tempo_is_told_anew() -> None:
    master = Master(1)
    assert master.play(120, 4 * BAR) == [120.0]
    master.follower.forget()
    assert master.play(120, 4 * BAR) == [120.0]


def test_the_transport_is_followed() -> None:
    master = Master(1)
    master.play(120, 10)
    assert (master.follower.running, master.follower.position_quarters) == (False, 0.0)
    master.follower.start()
    master.play(120, 36)
    master.follower.stop()
    master.play(120, 5)
    assert (master.follower.running, master.follower.position_quarters) == (False, 1.5)
    master.follower.seek(16)
    master.follower.resume()
    master.play(120, 24)
    assert (master.follower.running, master.follower.position_quarters) == (True, 5.0)


@given(st.floats(0.001, 0.2), st.floats(0, 1e6), st.integers(4, 400))
def test_a_straight_line_is_fitted_exactly(slope_s: float, start_s: float, count: int) -> None:
    line = fit_line([start_s + i * slope_s for i in range(count)])
    assert line.slope_s == pytest.approx(slope_s, rel=1e-5)
    assert line.scatter_s <= 1e-8 * max(1.0, start_s)


@given(st.floats(20, 400), st.floats(0, 0.5))
def test_snapping_never_moves_a_tempo_further_than_it_is_uncertain(bpm: float, error_bpm: float) -> None:
    assert abs(snap_bpm(bpm, error_bpm) - bpm) <= max(0.025, 2 * error_bpm) + 1e-9


def test_a_very_nervous_clock_is_followed_roughly_rather_than_not_at_all() -> None:
    for seed in range(3):
        told = Master(seed, jitter_s=0.01).play(174, 16 * BAR)
        assert len(told) == 1
        assert abs(told[0] - 174) <= 0.25
