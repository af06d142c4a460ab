"""Tempo, meter and grid."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.errors import MusicError
from riffsidecar.music import FRAMES_PER_COLUMN, Meter, Tempo, TempoGrid

thousandths = st.integers(20_000, 400_000)


@given(thousandths)
def test_a_tempo_survives_the_32_bits_of_a_wire(value: int) -> None:
    tempo = Tempo(Fraction(value, 1000))
    (wire,) = struct.unpack("<f", struct.pack("<f", float(tempo)))
    assert Tempo.parse(wire) == tempo


@given(thousandths)
def test_a_tempo_reads_back_as_it_was_written(value: int) -> None:
    tempo = Tempo(Fraction(value, 1000))
    assert Tempo.parse(str(tempo)) == tempo
    assert "e" not in str(tempo) and not str(tempo).endswith(".")


@pytest.mark.parametrize(
    ("tempo", "text"), [(120, "120"), ("87.5", "87.5"), (123.4499969, "123.45"), ("400", "400")]
)
def test_a_tempo_is_written_as_musicians_write_it(tempo: float | str, text: str) -> None:
    assert str(Tempo.parse(tempo)) == text


@pytest.mark.parametrize(
    "value",
    [
        *(19.999, 400.001, 0, -120, 1e300, -1e300, math.nan, math.inf, -math.inf, True, None, [120]),
        *("", "fast", "1e3", "120 bpm", "1/0", "0x78", "9" * 10_000, "١٢٠", ".", "/", "--1"),
    ],
)
def test_what_is_no_tempo_is_refused_with_words(value: object) -> None:
    with pytest.raises(MusicError, match="tempo is"):
        Tempo.parse(value)  # type: ignore[arg-type]


def test_a_tempo_finer_than_a_thousandth_is_refused_rather_than_rounded_in_silence() -> None:
    with pytest.raises(MusicError, match="thousandths"):
        Tempo(Fraction(400, 3))
    with pytest.raises(MusicError, match=r"Tempo\.parse"):
        Tempo(120.0)  # type: ignore[arg-type]


@given(thousandths)
def test_the_hop_stays_between_5_8_and_11_8_ms_from_40_to_320_bpm(value: int) -> None:
    tempo = Tempo(Fraction(value, 1000))
    grid = TempoGrid.of(tempo)
    hop_ms = 1000 * tempo.quarter_s / grid.frames_per_quarter
    assert Fraction(58, 10) < hop_ms <= Fraction(1172, 100)
    assert grid.frames_per_quarter == FRAMES_PER_COLUMN * grid.columns_per_quarter


@pytest.mark.parametrize(
    ("bpm", "octave"),
    [
        (20, 2),
        (39.999, 2),
        (40, 1),
        (79.999, 1),
        (80, 0),
        (159.999, 0),
        (160, -1),
        (319.999, -1),
        (320, -2),
        (400, -2),
    ],
)
def test_the_octave_of_the_grid_changes_at_40_80_160_and_320(bpm: float, octave: int) -> None:
    assert TempoGrid.of(Tempo.parse(bpm)).octave == octave
    assert TempoGrid(octave).frames_per_quarter == 64 * 2.0**octave
    assert TempoGrid(octave).columns_per_quarter == Fraction(4) * Fraction(2) ** octave


def test_an_octave_that_no_tempo_has_is_refused() -> None:
    with pytest.raises(MusicError, match="octave"):
        TempoGrid(3)


@given(st.integers(1, 32), st.sampled_from([1, 2, 4, 8, 16]))
def test_a_meter_reads_back_and_its_bar_is_its_beats(numerator: int, denominator: int) -> None:
    meter = Meter(numerator, denominator)
    assert Meter.parse(str(meter)) == meter
    assert meter.quarters_per_bar == Fraction(4 * numerator, denominator)


@pytest.mark.parametrize(
    "text", ["4", "4/", "/4", "4/4/4", "four", "0/4", "33/4", "4/3", "4/32", "-4/4", "4/0", 7, None]
)
def test_what_is_no_meter_is_refused(text: object) -> None:
    with pytest.raises(MusicError, match="meter"):
        Meter.parse(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("numbers", [(4.0, 4), (True, 4), (4, "4")])
def test_a_meter_of_other_than_whole_numbers_is_refused(numbers: tuple[object, object]) -> None:
    with pytest.raises(MusicError, match="whole numbers"):
        Meter(*numbers)  # type: ignore[arg-type]
