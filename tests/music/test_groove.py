from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.errors import MusicError
from riffsidecar.music import LoopLength, Meter
from riffsidecar.music.groove import GROOVES, Groove, pulses

_METERS = st.builds(Meter, st.integers(1, 32), st.sampled_from([1, 2, 4, 8, 16]))


@given(_METERS)
def test_pulses_divide_a_bar_from_its_start(meter: Meter) -> None:
    places = pulses(meter)
    assert places[0] == 0
    edges = (*places, meter.quarters_per_bar)
    assert all(b > a for a, b in pairwise(edges))


@given(
    st.sampled_from(sorted(GROOVES)),
    st.fractions(Fraction(1, 2), Fraction(3, 4)),
    st.sampled_from(["4/4", "7/8", "5/4", "6/8"]),
)
def test_every_hit_is_in_the_loop_and_each_bar_begins_alike(name: str, swing: Fraction, meter: str) -> None:
    length = LoopLength.parse(2, meter, 120)
    hits = Groove(name, swing).hits(length)
    assert hits and all(0 <= hit.at_quarters < length.quarters for hit in hits)
    assert [hit.at_quarters for hit in hits] == sorted(hit.at_quarters for hit in hits)
    bar = length.meter.quarters_per_bar
    first = {(hit.voice, hit.at_quarters) for hit in hits if hit.at_quarters < bar}
    second = {(hit.voice, hit.at_quarters - bar) for hit in hits if hit.at_quarters >= bar}
    assert first == second


def test_four_on_the_floor_is_what_it_says() -> None:
    hits = Groove("four").hits(LoopLength.parse(1, "4/4", 120))
    where = {
        voice: [str(h.at_quarters) for h in hits if h.voice == voice] for voice in ("kick", "snare", "hat")
    }
    assert where == {"kick": ["0", "1", "2", "3"], "snare": ["1", "3"], "hat": ["1/2", "3/2", "5/2", "7/2"]}


def test_swing_moves_the_off_beat_and_nothing_else() -> None:
    length = LoopLength.parse(1, "4/4", 120)
    straight = {hit.at_quarters for hit in Groove("backbeat").hits(length)}
    swung = {hit.at_quarters for hit in Groove("backbeat", Fraction(2, 3)).hits(length)}
    assert {place for place in straight if place.denominator == 1} <= swung
    assert {place % 1 for place in swung} == {Fraction(0), Fraction(2, 3)}


@pytest.mark.parametrize("text", ["boom-bap 58%", "BOOM-BAP swing 0.58", " boom-bap 58 % "])
def test_a_groove_is_read_as_it_is_written(text: str) -> None:
    groove = Groove.parse(text)
    assert groove == Groove("boom-bap", Fraction(58, 100))
    assert Groove.parse(str(groove)) == groove


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bum-bap", "did you mean 'boom-bap'"),
        ("four 80%", "50% to 75%"),
        ("four 1.2.3", "such as"),
        ("", "groove is"),
    ],
)
def test_what_is_no_groove_is_named(text: str, message: str) -> None:
    with pytest.raises(MusicError, match=message):
        Groove.parse(text)


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        Groove.parse(text)
    except MusicError as error:
        assert str(error)
