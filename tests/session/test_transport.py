"""What the transport promises: bar lines where the hosts have them, whatever tempo and meter do."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.music import Meter, Tempo
from riffsidecar.session.transport import NO_BAR, Transport

TEMPI = st.integers(20_000, 400_000).map(lambda thousandths: Tempo(Fraction(thousandths, 1000)))
METERS = st.builds(Meter, st.integers(1, 16), st.sampled_from((2, 4, 8, 16)))


@given(TEMPI, METERS, st.floats(0, 1e5), st.integers(0, 5000))
def test_every_bar_begins_where_the_one_before_ends(
    tempo: Tempo, meter: Meter, start_s: float, bars: int
) -> None:
    song = Transport(tempo, meter).started(start_s)
    begins_s = song.bar_begins_s(1 + bars)
    assert begins_s == pytest.approx(start_s + bars * song.bar_s)
    assert song.bar_at(begins_s + song.bar_s / 2) == 1 + bars
    assert song.ready_bar(begins_s + song.bar_s / 2) == 2 + bars


@given(TEMPI, TEMPI, METERS, METERS, st.floats(0, 600))
def test_another_tempo_or_meter_leaves_the_place_and_the_number_of_the_bar(
    tempo: Tempo, other: Tempo, meter: Meter, other_meter: Meter, now_s: float
) -> None:
    song = Transport(tempo, meter).started(0.0)
    turned = song.retimed(now_s, other, other_meter)
    assert turned.quarters_at(now_s) == pytest.approx(song.quarters_at(now_s))
    assert turned.bar_begins_s(song.bar_at(now_s)) <= now_s + 1e-6
    same_meter = song.retimed(now_s, other, meter)
    left = (song.bar_begins_s(song.bar_at(now_s) + 1) - now_s) * float(tempo.bpm)
    left_now = (same_meter.bar_begins_s(song.bar_at(now_s) + 1) - now_s) * float(other.bpm)
    assert left_now == pytest.approx(left, abs=1e-3)


def test_a_song_that_stands_still_has_no_bar_to_be_ready_for_and_goes_on_where_it_was() -> None:
    song = Transport(Tempo.parse(120), Meter(4, 4))
    assert song.ready_bar(100.0) == NO_BAR
    stopped = song.started(0.0).stopped(5.0)
    assert (stopped.ready_bar(9.0), stopped.quarters_at(9.0), stopped.bar_at(9.0)) == (NO_BAR, 10.0, 3)
    again = stopped.started(20.0)
    assert (again.quarters_at(20.0), again.ready_bar(20.5)) == (10.0, 4)


def test_a_position_sets_a_song_that_plays_right() -> None:
    song = Transport(Tempo.parse(60), Meter(3, 4)).started(0.0, Fraction(0))
    right = song.started(10.0, Fraction(21, 2))
    assert (right.bar_at(10.0), right.bar_begins_s(5)) == (4, 11.5)
    assert song.started(5.0) == song


def test_a_loop_that_is_ready_on_the_line_is_ready_for_its_bar() -> None:
    song = Transport(Tempo.parse(120), Meter(4, 4)).started(0.0)
    assert [song.ready_bar(second) for second in (0.0, 0.001, 2.0, 2.001)] == [1, 2, 2, 3]
