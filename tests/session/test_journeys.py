"""A journey is a function of the bar: exact, and the same however long it is."""

from __future__ import annotations

import itertools
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.errors import MusicError, RiffError, SessionError, UnknownNameError
from riffsidecar.music import Chords, Key, Meter, Tempo
from riffsidecar.session.commands import StartJourney
from riffsidecar.session.journeys import JourneyPart, JourneyRequest

ROOT = Path(__file__).resolve().parents[2]


def journey(**values: object) -> JourneyRequest:
    given = {"prompts": ("ambient pad", "acid techno"), "tempo": Tempo.parse(126), **values}
    return JourneyRequest(**given)  # type: ignore[arg-type]


tempi = st.integers(20_000, 400_000).map(lambda number: Tempo(Fraction(number, 1000)))


@given(tempi, st.integers(2, 5000), st.integers(1, 64), st.sampled_from((44100, 48000, 96000)))
def test_the_pieces_add_up_to_the_whole_to_the_sample(
    tempo: Tempo, bars: int, piece_bars: int, rate: int
) -> None:
    tour = journey(tempo=tempo, bars=bars, form="pieces", piece_bars=piece_bars, sample_rate=rate)
    pieces = [tour.piece(index) for index in range(tour.num_pieces or 0)]
    assert sum(piece.num_samples for piece in pieces) == tour.num_samples
    assert sum(piece.bars for piece in pieces) == bars
    assert all(a.start_sample + a.num_samples == b.start_sample for a, b in itertools.pairwise(pieces))


@given(tempi, st.integers(0, 10**9))
def test_a_bar_line_never_drifts_by_more_than_half_a_sample(tempo: Tempo, bar: int) -> None:
    tour = journey(tempo=tempo, form="pieces", endless=True)
    exact = bar * 4 * 60 * 44100 / tempo.bpm
    assert abs(tour.start_sample(bar) - exact) <= Fraction(1, 2)


@given(st.integers(2, 400), st.integers(2, 6), st.integers(-10, 500))
def test_the_mix_of_every_bar_sums_to_one(bars: int, stations: int, bar: int) -> None:
    tour = journey(prompts=tuple(f"p{n}" for n in range(stations)), bars=bars)
    assert sum(tour.weights(bar).values()) == pytest.approx(1.0)
    assert 0 <= tour.position(bar) <= stations - 1


def test_the_first_bar_is_the_first_prompt_and_the_last_the_last() -> None:
    tour = journey(bars=32, guidance=1.0)
    assert (tour.weights(0), tour.weights(31)) == ({0: 1.0}, {1: 1.0})
    positions = [tour.position(bar) for bar in range(32)]
    assert positions == sorted(positions)


def test_an_endless_journey_goes_round() -> None:
    tour = journey(bars=32, endless=True, form="pieces")
    assert [tour.position(bar) for bar in (0, 16, 32, 48, 64)] == [0, Fraction(1, 2), 1, Fraction(3, 2), 0]
    assert tour.num_pieces is None and tour.piece(10**9).bars == 8


def test_noise_walks_from_seed_to_seed() -> None:
    tour = journey(drift=0.1, seed=2**31 - 1)
    assert tour.walk(-5) == tour.walk(0)
    assert (tour.walk(10).seed, tour.walk(10).next_seed, tour.walk(10).amount) == (0, 1, 0.0)
    assert tour.walk(1_000_003).amount == 0.3


# In a process of its own: threads and caches of other tests allocate in the same modules.
PLAN_TEN_THOUSAND_BARS = """
import gc, tracemalloc
from riffsidecar.music import Tempo
from riffsidecar.session.journeys import JourneyRequest

prompts = ("ambient pad", "acid techno")
tour = JourneyRequest(prompts=prompts, tempo=Tempo.parse(126), bars=10_000, form="pieces")

def plan(bars):
    for bar in range(bars):
        tour.weights(bar), tour.walk(bar), tour.start_sample(bar), tour.piece(bar // 8)
    gc.collect()

plan(100)
tracemalloc.start()
before = tracemalloc.get_traced_memory()[0]
plan(10_000)
print(tracemalloc.get_traced_memory()[0] - before)
"""


def test_ten_thousand_bars_are_planned_without_keeping_any() -> None:
    command = [sys.executable, "-c", PLAN_TEN_THOUSAND_BARS]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # Two bytes a bar would be more.
    assert int(done.stdout) < 20_000


def test_windows_are_whole_columns_at_every_tempo_and_meter() -> None:
    for bpm in (20, 39, 40, 79, 80, 126, 159, 160, 319, 320, 400):
        for meter in ("4/4", "3/4", "5/4", "6/8", "7/8"):
            tour = journey(tempo=Tempo.parse(bpm), meter=Meter.parse(meter))
            assert tour.window.columns == 2 * tour.segment_columns >= 32
            assert tour.segment_bars.denominator == 1


def test_chords_count_on_from_window_to_window() -> None:
    tour = journey(chords=Chords.parse("Am F C"))
    assert [str(tour.chords_from(bar)) for bar in (0, 4, -1)] == ["Am F C", "F C Am", "C Am F"]


def test_a_recipe_reads_back_as_the_journey() -> None:
    tour = journey(key=Key.parse("F#m"), chords=Chords.parse("Am F"), form="loops", piece_bars=4, density=0.3)
    assert JourneyRequest.from_recipe(tour.to_recipe()) == tour


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"prompts": ("only one",)}, "2 to 16"),
        ({"prompts": ("a", "")}, "empty"),
        ({"prompts": tuple("abcdefghijklmnopqrs")}, "2 to 16"),
        ({"bars": 0}, "2 to 100000"),
        ({"bars": 10**9}, "2 to 100000"),
        ({"bars": 4.0}, "whole number"),
        ({"form": "loop"}, "did you mean 'loops'"),
        ({"endless": True}, "does not fit one file"),
        ({"form": "loops", "piece_bars": 5}, "choose 30 or 35 bars"),
        ({"form": "pieces", "piece_bars": 65}, "1 to 64"),
        ({"drift": 2}, "drift"),
        ({"seed": -1}, "seed"),
        ({"loudness_lufs": 0}, "LUFS"),
        ({"bit_depth": "8"}, "bit depth"),
        ({"sample_rate": 22050}, "sample rate"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(values: dict[str, object], text: str) -> None:
    with pytest.raises((SessionError, MusicError), match=text):
        journey(**values)


@pytest.mark.parametrize("change", [{"journey": 2}, {"bars": None}, {"prompts": "ab"}, {"odd": 1}])
def test_a_damaged_recipe_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(SessionError):
        JourneyRequest.from_recipe({**journey().to_recipe(), **change})


def test_a_part_beyond_the_end_is_refused() -> None:
    with pytest.raises(SessionError, match="not in a journey of 4 pieces"):
        JourneyPart(journey(), 4)


def test_the_command_checks_its_options() -> None:
    command = StartJourney(("a", "b", "c"), (("bars", 16.0), ("loops", "4"), ("to_slot", 1))[:2])
    assert command.options == (("bars", 16), ("loops", 4)) and command.slots == range(1)
    for options, kind in (
        ((("barss", 1),), UnknownNameError),
        ((("bars", 1),), SessionError),
        ((("bars", 8), ("bars", 9)), SessionError),
        ((("loops", 4), ("file", 1)), SessionError),
        ((("slot", 17),), SessionError),
        ((("slot", 14), ("slots", 4)), SessionError),
        ((("file", 1), ("slots", 4)), SessionError),
    ):
        with pytest.raises(kind):
            StartJourney(("a", "b"), options)
    with pytest.raises(RiffError, match="2 to 16"):
        StartJourney(("a",))


def test_a_journey_names_its_model_its_loras_and_its_groove() -> None:
    tour = journey(model="riffusion-v1", lora="dusty:0.50", groove="Boom-Bap swing 0.58")
    assert (tour.model, tour.lora, tour.groove) == ("riffusion-v1", "dusty:0.5", "boom-bap 58%")
    assert JourneyRequest.from_recipe(tour.to_recipe()) == tour
    for bad in ({"model": "../x"}, {"lora": "a b"}, {"groove": "no such groove"}):
        with pytest.raises(SessionError):
            journey(**bad)


def test_a_recipe_from_before_there_were_loras_is_read() -> None:
    recipe = journey().to_recipe()
    del recipe["lora"], recipe["groove"]
    assert JourneyRequest.from_recipe(recipe) == journey()


def test_a_recipe_from_before_steps_went_without_guidance_guides_all_of_them() -> None:
    tour = journey(model="riffusion-v1")
    assert (tour.guided, journey().guided, journey(guided="0.25").guided) == (0.5, 1.0, 0.25)
    recipe = tour.to_recipe()
    assert JourneyRequest.from_recipe(recipe) == tour
    del recipe["guided"]
    assert JourneyRequest.from_recipe(recipe).guided == 1.0
