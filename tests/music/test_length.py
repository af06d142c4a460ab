"""The length of a loop: exact until one rounding."""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.errors import MusicError
from riffsidecar.music import (
    SAMPLE_RATES,
    LoopLength,
    Meter,
    Tempo,
    bars_of_duration,
    parse_bars,
    phases,
    quarters_to_next_bar,
    seconds_to_next_bar,
)

meters = st.builds(Meter, st.integers(1, 32), st.sampled_from([1, 2, 4, 8, 16]))
tempi = st.integers(20_000, 400_000).map(lambda value: Tempo(Fraction(value, 1000)))


@st.composite
def lengths(draw: st.DrawFn) -> LoopLength:
    meter, tempo = draw(meters), draw(tempi)
    wanted = draw(st.fractions(Fraction(1, 4), 64, max_denominator=64))
    near = LoopLength.nearest(wanted, meter, tempo)
    if not near:
        return LoopLength.parse(4, "4/4", tempo)
    return LoopLength(near[0], meter, tempo)


def test_100_000_random_lengths_are_within_half_a_sample_of_the_exact_one() -> None:
    rng = random.Random(2)
    cases = 0
    while cases < 100_000:
        numerator, denominator = rng.randint(1, 32), rng.choice((1, 2, 4, 8, 16))
        thousandths = rng.randint(20_000, 400_000)
        meter, tempo = Meter(numerator, denominator), Tempo(Fraction(thousandths, 1000))
        near = LoopLength.nearest(Fraction(rng.randint(1, 256), rng.choice((1, 2, 4))), meter, tempo)
        if not near:
            continue
        bars, rate = rng.choice(near), rng.choice(SAMPLE_RATES)
        num_samples = LoopLength(bars, meter, tempo).num_samples(rate)
        # In whole numbers, apart from the code under test: |n - over / under| <= 1 / 2.
        over = bars.numerator * numerator * 4 * 60 * rate * 1000
        under = bars.denominator * denominator * thousandths
        assert abs(2 * (num_samples * under - over)) <= under, (bars, meter, tempo, rate)
        cases += 1


@given(lengths())
def test_a_loop_is_whole_columns_of_sixteen_frames_within_its_bounds(length: LoopLength) -> None:
    assert length.columns >= 1
    assert length.frames == 16 * length.columns
    assert length.columns == length.quarters * length.grid.columns_per_quarter
    assert Fraction(1, 4) <= length.bars <= 64
    assert length.duration_s <= 60
    assert length.column_quarters(length.columns) == length.quarters


@given(lengths(), st.integers(1, 10_000_000))
def test_bar_lines_divide_the_samples_evenly_from_zero_on(length: LoopLength, num_samples: int) -> None:
    lines = length.bar_lines(num_samples)
    assert lines[0] == 0
    assert len(lines) == math.ceil(length.bars)
    assert all(line == index * num_samples / length.bars for index, line in enumerate(lines))
    assert lines[-1] < num_samples


@given(meters, tempi, st.fractions(Fraction(1, 4), 64, max_denominator=100))
def test_a_length_is_refused_exactly_when_it_is_not_its_own_nearest(
    meter: Meter, tempo: Tempo, bars: Fraction
) -> None:
    near = LoopLength.nearest(bars, meter, tempo)
    for valid in near:
        LoopLength(valid, meter, tempo)
    if near == (bars,):
        return
    with pytest.raises(MusicError) as caught:
        LoopLength(bars, meter, tempo)
    assert all(str(valid) in str(caught.value) for valid in near)


@pytest.mark.parametrize(
    ("bars", "meter", "bpm", "columns"),
    [
        (4, "4/4", 120, 64),
        (3, "7/8", 120, 42),
        ("1/4", "4/4", 120, 4),
        (2, "6/8", 70, 48),
        (4, "4/4", 174, 32),
    ],
)
def test_columns_are_sixteenths_at_common_tempi(bars: object, meter: str, bpm: int, columns: int) -> None:
    assert LoopLength.parse(bars, meter, bpm).columns == columns  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bars", "meter", "bpm", "advice"),
    [
        (
            "3/10",
            "4/4",
            120,
            r"4.8 sixteenths.* 1/4 \(4 sixteenths\) or 5/16 \(5 sixteenths\), in whole bars: 1",
        ),
        (1, "7/16", 174, r"3.5 eighths.* 6/7 \(3 eighths\) or 8/7 \(4 eighths\), in whole bars: 2"),
        ("0.26", "4/4", 30, r"16.64 sixty-fourths"),
        (64, "4/4", 120, "the nearest that can be: 30$"),
        (31, "4/4", 120, "the nearest that can be: 30$"),
        ("1/4", "32/1", 20, "choose a faster tempo"),
    ],
)
def test_a_length_that_cannot_be_names_the_nearest_that_can(
    bars: object, meter: str, bpm: int, advice: str
) -> None:
    with pytest.raises(MusicError, match=advice):
        LoopLength.parse(bars, meter, bpm)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "bars", [0, -1, "1/5", 65, "64.01", math.nan, math.inf, "x", "1e1", None, True, "9" * 5000]
)
def test_bars_outside_a_quarter_to_64_are_refused(bars: object) -> None:
    with pytest.raises(MusicError, match="bars is"):
        parse_bars(bars)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [0, -44100, 22050, 44100.5, 192000, True, "44100", None])
def test_another_sample_rate_is_refused(rate: object) -> None:
    with pytest.raises(MusicError, match="sample rate"):
        LoopLength.parse(1, "4/4", 120).num_samples(rate)  # type: ignore[arg-type]


@given(lengths())
def test_phases_start_at_zero_rise_and_wrap_with_beat_bar_and_loop(length: LoopLength) -> None:
    rows = phases(length)
    assert len(rows) == length.columns
    assert rows[0] == (0.0, 0.0, 0.0)
    assert all(0.0 <= phase < 1.0 for row in rows for phase in row)
    assert [row[2] for row in rows] == sorted({row[2] for row in rows})
    assert rows[-1][2] == (length.columns - 1) / length.columns
    bar_starts = sum(row[1] == 0.0 for row in rows)
    assert bar_starts <= math.ceil(length.bars)


def test_phases_of_seven_eight_count_eighths() -> None:
    rows = phases(LoopLength.parse(2, "7/8", 120))
    assert [row[0] for row in rows[:4]] == [0.0, 0.5, 0.0, 0.5]
    assert [column for column, row in enumerate(rows) if row[1] == 0.0] == [0, 14]


@given(st.fractions(0, 1000, max_denominator=96), meters)
def test_the_next_bar_line_lies_ahead_by_at_most_a_bar(position: Fraction, meter: Meter) -> None:
    wait = quarters_to_next_bar(position, meter)
    assert 0 < wait <= meter.quarters_per_bar
    assert (position + wait) % meter.quarters_per_bar == 0


def test_seconds_to_the_next_bar_follow_the_tempo() -> None:
    assert seconds_to_next_bar(Fraction(3), Meter(4, 4), Tempo.parse(60)) == 1.0


@pytest.mark.parametrize(
    ("duration", "bars"), [(8.02, 4), (1.9, 1), (0.01, Fraction(1, 4)), (500, 16), (11.4, 8)]
)
def test_a_recording_counts_as_the_power_of_two_of_bars_nearest_to_it(
    duration: float, bars: Fraction
) -> None:
    assert bars_of_duration(duration, Meter(4, 4), Tempo.parse(120)) == bars


def test_a_recording_without_length_or_that_fits_no_bars_is_refused() -> None:
    for duration in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(MusicError, match="above 0"):
            bars_of_duration(duration, Meter(4, 4), Tempo.parse(120))
    with pytest.raises(MusicError, match="power of two"):
        bars_of_duration(10.0, Meter(32, 1), Tempo.parse(20))
