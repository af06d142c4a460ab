"""Parts of a loop, counted in bars."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.errors import MusicError
from riffsidecar.music import BarSpans

edges = st.fractions(0, 16, max_denominator=8)
spans = st.lists(st.tuples(edges, edges).filter(lambda pair: pair[0] < pair[1]), min_size=1, max_size=5).map(
    lambda pairs: BarSpans(tuple(pairs))
)


@given(spans)
def test_what_is_written_is_read_back(some: BarSpans) -> None:
    assert BarSpans.parse(str(some)) == some


@given(spans)
def test_spans_rise_and_lie_apart(some: BarSpans) -> None:
    flat = [edge for span in some.spans for edge in span]
    assert all(before < after for before, after in pairwise(flat))


@given(spans, st.fractions(16, 20, max_denominator=4))
def test_the_rest_of_the_rest_is_the_part_itself(some: BarSpans, bars: Fraction) -> None:
    rest = some.inverse(bars)
    if rest is None:
        assert some == BarSpans(((Fraction(0), bars),))
    else:
        assert rest.inverse(bars) == some
        assert some.joined(rest).inverse(bars) is None
        assert sum(end - start for part in (some, rest) for start, end in part.spans) == bars


@given(spans, spans)
def test_what_is_joined_is_the_same_from_either_side(one: BarSpans, other: BarSpans) -> None:
    assert one.joined(other) == other.joined(one)
    assert one.joined(other).joined(one) == one.joined(other)


def test_the_end_of_a_loop_is_its_last_part() -> None:
    assert str(BarSpans.ending(Fraction(4), Fraction(1))) == "4"
    assert BarSpans.ending(Fraction(5, 2), Fraction(1)).spans == ((Fraction(3, 2), Fraction(5, 2)),)
    for length in (0, 4, 5, -1):
        with pytest.raises(MusicError, match="leave nothing before"):
            BarSpans.ending(Fraction(4), Fraction(length))


def test_a_last_bar_that_is_a_part_of_one_may_be_named_whole() -> None:
    half = Fraction(5, 2)
    assert BarSpans.parse("3").inverse(half) == BarSpans.parse("1-2")
    with pytest.raises(MusicError, match="from 1 to 3"):
        BarSpans.parse("4").inverse(half)


@pytest.mark.parametrize(
    "value",
    ["", "x", "0", "2-1", "1-2-3", "1,,2", "65", "1-65", "1+2/1", "1+1/0", "1+0/4", "-1", "1.5", "9" * 500,
     0, 65, 1.5, True, None, (1,), (2, 1), (1, 2, 3), ("1", "2"), {}, float("nan")],
)  # fmt: skip
def test_what_is_no_part_of_a_loop_is_refused(value: object) -> None:
    with pytest.raises(MusicError):
        BarSpans.parse(value)
