"""The composer: seeded, endless, within ranges, on the grid, and true to what it says it plays."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import pytest

from riffsidecar.errors import TrainingError
from riffsidecar.music import Key, Meter, Tempo
from riffsidecar.training.compose import FAMILY_WEIGHTS, GENRES, compose
from riffsidecar.training.compose.dice import Dice, weighted_names
from riffsidecar.training.compose.drums import write_drums
from riffsidecar.training.compose.flavours import FLAVOURS
from riffsidecar.training.compose.grooves import GROOVES, PITCHES
from riffsidecar.training.compose.harmony import harmonise, near, parse_roman, scale_over, voice_chord
from riffsidecar.training.compose.plan import Plan, fit_steps, runs
from riffsidecar.training.instruments import INSTRUMENTS, instruments_of
from riffsidecar.training.score import FAMILIES, Note, Part, Score

SEEDS = 2000
PITCHED = ("bass", "piano", "guitar", "strings", "choir-pad", "lead-arp")


@lru_cache(maxsize=1)
def scores() -> tuple[Score, ...]:
    return tuple(compose(seed) for seed in range(SEEDS))


def plan_of(meter: Meter, bars: int = 2) -> Plan:
    dice = Dice(3)
    key = Key(9, "minor")
    quarters = float(meter.quarters_per_bar)
    _, spans = harmonise(dice, key, "i bVI", bars, quarters)
    return Plan(
        dice, bars, quarters, meter.numerator, meter.denominator, 120.0, key, tuple(spans), 0.6, 0.5, 0.5
    )


def test_a_seed_gives_the_same_score_again_and_another_seed_another_one():
    assert [compose(seed) for seed in range(40)] == list(scores()[:40])
    parts = {score.parts for score in scores()[:400]}
    assert len(parts) == 400


def test_every_length_is_whole_columns_and_every_note_starts_inside_the_loop():
    for score in scores():
        length = score.length
        assert length.columns >= 4 and float(length.duration_s) <= 24.01
        total = float(length.quarters)
        for part in score.parts:
            assert part.notes
            assert all(0.0 <= note.start < total and note.duration > 0.0 for note in part.notes)


def test_a_loop_so_sparse_that_nothing_plays_is_drawn_again_denser():
    assert any(part.notes for part in compose(40_004_563).parts)


def test_notes_stay_within_the_range_of_their_instrument_and_in_order():
    for score in scores():
        for part in score.parts:
            tool = INSTRUMENTS[part.instrument]
            assert all(tool.low <= note.pitch <= tool.high for note in part.notes), part.instrument
            assert list(part.notes) == sorted(part.notes, key=lambda note: (note.start, note.pitch))


def test_every_family_genre_meter_and_bar_count_is_reached_in_proportion():
    families = Counter(score.attributes.family for score in scores())
    assert set(families) == set(FAMILIES)
    for family, weight in FAMILY_WEIGHTS.items():
        assert abs(families[family] / SEEDS - weight) < 0.03
    assert {score.attributes.genre for score in scores()} == set(GENRES)
    assert {str(score.meter) for score in scores()} == {"4/4", "3/4", "6/8", "5/4", "7/8"}
    odd = sum(str(score.meter) != "4/4" for score in scores()) / SEEDS
    assert 0.07 < odd < 0.17
    assert {score.bars for score in scores()} == {1, 2, 4, 8}
    assert all(50 <= float(score.tempo) <= 190 for score in scores())


def test_every_instrument_of_the_training_split_is_written_for_and_no_held_out_one():
    played = Counter(part.instrument for score in scores() for part in score.parts)
    for name, instrument in INSTRUMENTS.items():
        assert (name in played) != instrument.held_out, name


def test_held_out_timbres_are_drawn_when_asked_for():
    played = {
        part.instrument
        for seed in range(500)
        for part in compose(seed, timbres="held-out").parts
        if INSTRUMENTS[part.instrument].held_out
    }
    assert played == {name for name, instrument in INSTRUMENTS.items() if instrument.held_out}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_led_by_its_kind_of_instrument(family: str):
    kinds = {
        "drums": {"kit", "percussion"},
        "bass": {"bass"},
        "piano": {"keys"},
        "guitar": {"guitar"},
        "strings": {"strings"},
        "choir-pad": {"choir", "pad"},
        "lead-arp": {"lead", "mallet", "winds"},
        "groove": {"kit", "percussion", "bass"},
    }[family]
    for seed in range(60):
        score = compose(seed, family=family)
        assert score.attributes.family == family
        assert INSTRUMENTS[score.parts[0].instrument].family in kinds
        if family in PITCHED:
            assert not score.attributes.drums
        if family == "drums":
            assert score.key is None and score.chords is None
            assert {part.role for part in score.parts} <= {"drums", "percussion", "texture"}


def test_what_is_played_is_the_harmony_that_the_score_names():
    inside = held = 0.0
    for score in scores()[:600]:
        if score.chords is None or score.attributes.family == "lead-arp":
            continue
        columns = score.chords.per_column(score.length)
        total = float(score.length.quarters)
        for part in score.parts:
            if part.role not in ("bass", "chords", "pad"):
                continue
            for note in part.notes:
                chord = columns[min(len(columns) - 1, int((note.start + 0.03) / total * len(columns)))]
                held += note.duration
                inside += note.duration * (note.pitch % 12 in chord.pitch_classes)
    assert inside / held > 0.95


def test_every_chord_of_a_progression_is_heard_in_held_chords():
    for seed in range(80):
        score = compose(seed, family="choir-pad", bars=4)
        if score.chords is None or score.parts[0].role != "pad" or len(score.parts[0].notes) < 3:
            continue
        columns = score.chords.per_column(score.length)
        quarters = float(score.length.quarters)
        struck = {round(note.start * 4) / 4 for note in score.parts[0].notes}
        changes = [place for place in range(1, len(columns)) if columns[place] != columns[place - 1]]
        if score.attributes.swing == 0.0 and score.attributes.genre == "ambient":
            assert all(place * quarters / len(columns) in struck for place in changes)
        for place in range(len(columns)):
            now = (place + 0.5) * quarters / len(columns)
            sounding = [
                note.pitch % 12
                for note in score.parts[0].notes
                if note.start <= now < note.start + note.duration - 0.15
            ]
            assert all(tone in columns[place].pitch_classes for tone in sounding)


def test_what_is_given_is_kept():
    score = compose(
        5,
        family="piano",
        genre="jazz",
        tempo=Tempo.parse(87.5),
        meter=Meter(3, 4),
        bars=8,
        key=Key(2, "major"),
    )
    assert (str(score.tempo), str(score.meter), score.bars) == ("87.5", "3/4", 8)
    assert score.attributes.genre == "jazz" and score.key is not None and score.key.tonic == 2


def test_a_given_tempo_draws_genres_that_live_there():
    genres = Counter(
        compose(seed, family="drums", tempo=Tempo.parse(174)).attributes.genre for seed in range(150)
    )
    far = sum(count for name, count in genres.items() if GENRES[name].tempo[2] < 125)
    assert far < 25
    assert genres["jungle"] + genres["drum and bass"] > 30


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"family": "kazoo"}, "kazoo"),
        ({"genre": "huose"}, "did you mean 'house'"),
        ({"timbres": "none"}, "timbres"),
        ({"genre": "choir", "family": "drums"}, "choir"),
    ],
)
def test_what_cannot_be_composed_is_refused_by_name(arguments: dict[str, str], message: str):
    with pytest.raises(TrainingError, match=message):
        compose(1, **arguments)  # type: ignore[arg-type]


def test_loops_repeat_themselves_more_than_chance_would():
    alike = total = 0
    for seed in range(60):
        score = compose(seed, family="drums", genre="house", bars=4, meter=Meter(4, 4))
        bars = [
            {
                (round((note.start - 4 * bar) * 4), note.pitch)
                for note in score.parts[0].notes
                if note.start // 4 == bar
            }
            for bar in range(4)
        ]
        alike += len(bars[0] & bars[2])
        total += len(bars[0] | bars[2])
    assert alike / total > 0.8


def test_a_house_loop_kicks_on_every_quarter_and_claps_on_two_and_four():
    for seed in range(40):
        score = compose(seed, family="drums", genre="house", bars=2, meter=Meter(4, 4))
        if score.attributes.stem != "drums only":
            continue
        kicks = {round(note.start, 1) for note in score.parts[0].notes if note.pitch == 36}
        claps = {round(note.start) for note in score.parts[0].notes if note.pitch in (38, 39)}
        assert {0.0, 1.0, 2.0, 3.0} <= kicks and {1, 3} <= claps


def test_the_downbeat_of_drums_is_struck_and_never_early():
    for score in scores()[:500]:
        if score.attributes.family == "groove" and score.attributes.drums:
            first = min(note.start for part in score.parts for note in part.notes if part.role != "texture")
            assert first < 0.08


@pytest.mark.parametrize("name", sorted(GROOVES))
def test_grooves_are_well_formed_and_playable_in_every_meter(name: str):
    for layer in GROOVES[name]:
        assert layer.voice in PITCHES and 0.0 < layer.probability <= 1.0
        for pattern in layer.patterns:
            assert set(pattern) <= set("Xxo."), (name, layer.voice, pattern)
            assert len(pattern) in ((12,) if name in ("six-eight", "waltz") else (16, 32)), (
                name,
                layer.voice,
                pattern,
            )
    if name in ("six-eight", "waltz"):
        return
    for meter in (Meter(4, 4), Meter(3, 4), Meter(5, 4), Meter(7, 8), Meter(6, 8)):
        plan = plan_of(meter)
        events = write_drums(plan, name, "kit-909")
        assert events and all(0.0 <= start < plan.quarters for start, *_ in events)


def test_patterns_fit_every_bar():
    for meter in (Meter(4, 4), Meter(3, 4), Meter(5, 4), Meter(7, 8), Meter(6, 8)):
        plan = plan_of(meter)
        assert len(fit_steps("X...x...X...x...", plan)) == plan.steps
        assert len(fit_steps("X...x...X...x..." * 2, plan)) == 2 * plan.steps
    assert runs("x-.X--") == [(0, 2, "x"), (3, 3, "X")]


def test_every_progression_can_be_read():
    for flavour in FLAVOURS.values():
        assert Key(0, flavour.mode)
        for progression in flavour.progressions:
            assert all(parse_roman(roman) for roman in progression.split())
    with pytest.raises(TrainingError, match="H7"):
        parse_roman("H7")


def test_a_raised_third_pushes_out_its_natural_neighbour_only():
    a_minor = (9, 11, 0, 2, 4, 5, 7)
    assert scale_over(a_minor, (4, 8, 11)) == (0, 2, 4, 5, 8, 9, 11)
    assert scale_over(a_minor, (9, 0, 4)) == tuple(sorted(a_minor))


def test_voices_lead_smoothly():
    plan = plan_of(Meter(4, 4), bars=4)
    previous: tuple[int, ...] = ()
    moves = []
    for span in plan.spans * 4:
        voicing = voice_chord(span, previous, 48, 76, 3)
        assert {pitch % 12 for pitch in voicing} == set(span.pitch_classes)
        if previous:
            moves.append(max(abs(a - b) for a, b in zip(voicing, previous, strict=True)))
        previous = voicing
    assert max(moves) <= 5
    assert near(0, 61.0) == 60


def test_dice_follow_their_weights():
    dice = Dice(1)
    drawn = Counter(dice.name("a*3 b") for _ in range(4000))
    assert 0.7 < drawn["a"] / 4000 < 0.8
    assert weighted_names("a*0.5 b") == (("a", 0.5), ("b", 1.0))
    assert sorted(dice.shuffled("abcd")) == list("abcd")


def test_values_that_cannot_be_are_refused():
    with pytest.raises(TrainingError, match="velocity"):
        Note(0.0, 1.0, 60, 1.5)
    with pytest.raises(TrainingError, match="did you mean 'rhodes'"):
        Part("chords", "rhode", (Note(0.0, 1.0, 60, 0.5),))
    with pytest.raises(TrainingError, match="role"):
        Part("vocals", "rhodes", ())
    with pytest.raises(TrainingError, match="ends at"):
        score = compose(1)
        late = Part("bass", "sub-bass", (Note(999.0, 1.0, 40, 0.5),))
        Score(0, score.tempo, score.meter, score.bars, None, None, (late,), score.mix, score.attributes)
    assert "bright-piano" not in instruments_of("keys") and "bright-piano" in instruments_of(
        "keys", held_out=True
    )
