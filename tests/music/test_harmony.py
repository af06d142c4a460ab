"""Keys, chords and progressions."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.errors import MusicError
from riffsidecar.music import MODES, QUALITIES, Chord, Chords, Key, LoopLength, pitch_class

keys = st.builds(Key, st.integers(0, 11), st.sampled_from(sorted(MODES)))
chords = st.builds(
    Chord, st.integers(0, 11), st.sampled_from(sorted(QUALITIES)), st.none() | st.integers(0, 11)
)
progressions = st.lists(st.lists(chords, min_size=1, max_size=4).map(tuple), min_size=1, max_size=8).map(
    lambda bars: Chords(tuple(bars))
)


@given(keys)
def test_a_key_reads_back_as_it_was_written(key: Key) -> None:
    assert Key.parse(str(key)) == key


@given(keys)
def test_the_slug_of_a_key_is_safe_in_a_file_name_and_tells_keys_apart(key: Key) -> None:
    assert re.fullmatch(r"[A-G][bs]?[a-z-]+", key.slug)
    others = {Key(tonic, mode).slug for tonic in range(12) for mode in MODES}
    assert len(others) == 12 * len(MODES)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Am", (9, "minor")), ("A minor", (9, "minor")), ("a min", (9, "minor")), ("C", (0, "major")),
        ("CM", (0, "major")), ("Cm", (0, "minor")), ("Cmaj", (0, "major")), ("F#m", (6, "minor")),
        ("F♯ minor", (6, "minor")), ("Bb dorian", (10, "dorian")), ("E♭ Mixolydian", (3, "mixolydian")),
        ("D harmonic minor", (2, "harmonic-minor")), ("g_minor_pentatonic", (7, "minor-pentatonic")),
        ("B blues", (11, "blues")), ("Cb", (11, "major")), ("B#m", (0, "minor")),
        (" A  natural minor ", (9, "minor")),
    ],
)  # fmt: skip
def test_a_key_is_read_as_musicians_type_it(text: str, key: tuple[int, str]) -> None:
    assert Key.parse(text) == Key(*key)


@pytest.mark.parametrize(
    ("key", "text"), [("A#m", "Bbm"), ("Dbm", "C#m"), ("G#", "Ab"), ("D dorian", "D dorian")]
)
def test_a_key_is_spelled_with_the_fewer_signs(key: str, text: str) -> None:
    assert str(Key.parse(key)) == text


@pytest.mark.parametrize("text", ["", "H", "A minr", "A#b#", "minor", "9", "A" * 50, None, 3])
def test_what_is_no_key_is_refused(text: object) -> None:
    with pytest.raises(MusicError, match=r"^key is"):
        Key.parse(text)  # type: ignore[arg-type]


def test_a_mode_that_is_nearly_one_is_named() -> None:
    with pytest.raises(MusicError, match="did you mean 'dorian'"):
        Key.parse("D dorain")
    with pytest.raises(MusicError, match="did you mean 'dorian'"):
        Key(2, "dorain")
    with pytest.raises(MusicError, match="tonic"):
        Key(12)


def test_a_scale_starts_on_its_tonic_and_relatives_share_their_notes() -> None:
    assert Key.parse("A minor").pitch_classes[0] == 9
    assert set(Key.parse("A minor").pitch_classes) == set(Key.parse("C").pitch_classes)
    assert set(Key.parse("D dorian").pitch_classes) == set(Key.parse("C").pitch_classes)


@given(chords)
def test_a_chord_reads_back_as_it_was_written(chord: Chord) -> None:
    assert Chord.parse(str(chord)) == chord


@pytest.mark.parametrize(
    ("text", "pitches"),
    [
        ("Am7", (9, 0, 4, 7)), ("F#dim", (6, 9, 0)), ("Gsus4", (7, 0, 2)), ("C/E", (4, 0, 7)),
        ("Bbmaj7", (10, 2, 5, 9)),
        ("C6/9", (0, 4, 7, 9, 2)), ("E-7", (4, 7, 11, 2)), ("Bø7", (11, 2, 5, 9)), ("C/C", (0, 4, 7)),
        ("D5", (2, 9)),
        ("C69/E", (4, 0, 7, 9, 2)),
    ],
)  # fmt: skip
def test_a_chord_sounds_its_bass_first_and_each_note_once(text: str, pitches: tuple[int, ...]) -> None:
    assert Chord.parse(text).pitch_classes == pitches


@pytest.mark.parametrize("text", ["", "a", "H", "Cfoo", "C/", "C/H", "C//E", "C" * 40])
def test_what_is_no_chord_is_refused(text: str) -> None:
    with pytest.raises(MusicError):
        Chord.parse(text)


def test_a_chord_of_impossible_parts_is_refused() -> None:
    with pytest.raises(MusicError, match="root"):
        Chord(12)
    with pytest.raises(MusicError, match="bass"):
        Chord(0, "", -1)
    with pytest.raises(MusicError, match="quality"):
        Chord(0, "x")


@given(progressions)
def test_a_progression_reads_back_as_it_was_written(progression: Chords) -> None:
    assert Chords.parse(str(progression)) == progression


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Am F C G", "Am F C G"), ("Am - F - C - G", "Am F C G"), ("Am, F, C, G", "Am F C G"),
        ("Am|F|C|G", "Am F C G"), ("| Am F | C G |", "Am F | C G"), ("Am % C", "Am Am C"),
        ("Am F | % | C", "Am F | Am F | C"), ("| Am F |", "| Am F |"), ("||: Am | F :||", "Am F"),
    ],
)  # fmt: skip
def test_a_progression_is_read_as_musicians_type_it(text: str, written: str) -> None:
    assert str(Chords.parse(text)) == written


@pytest.mark.parametrize(
    "text", ["", "  ", "|", "||", "Am | | F", "%", "Am Foo", "C " * 65, "|" + " C" * 17, "C" * 2000, 5]
)
def test_what_is_no_progression_is_refused(text: object) -> None:
    with pytest.raises(MusicError, match=r"^chord"):
        Chords.parse(text)  # type: ignore[arg-type]


def test_chords_of_a_bar_share_it_equally_and_the_progression_repeats() -> None:
    columns = Chords.parse("Am F | C").per_column(LoopLength.parse(3, "4/4", 120))
    assert [str(chord) for chord in columns] == ["Am"] * 8 + ["F"] * 8 + ["C"] * 16 + ["Am"] * 8 + ["F"] * 8


def test_three_chords_in_a_bar_of_seven_eight_change_where_their_third_begins() -> None:
    columns = Chords.parse("| C F G |").per_column(LoopLength.parse(1, "7/8", 120))
    assert [str(chord) for chord in columns] == ["C"] * 5 + ["F"] * 5 + ["G"] * 4


@given(progressions, st.fractions(0, 32, max_denominator=32))
def test_every_position_has_a_chord_of_its_bar(progression: Chords, position: Fraction) -> None:
    assert progression.at(position) in progression.bars[int(position) % len(progression.bars)]


@pytest.mark.parametrize(("note", "pitch"), [("C", 0), ("Cb", 11), ("B#", 0), ("F##", 7), ("Ebb", 2)])
def test_signs_raise_and_lower(note: str, pitch: int) -> None:
    assert pitch_class(note) == pitch
