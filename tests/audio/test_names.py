from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from riffsidecar.audio import MAX_STEM_CHARS, is_safe_stem, loop_name, slug
from riffsidecar.audio.names import draft_name
from riffsidecar.errors import AudioError
from riffsidecar.music import Key, Meter

FOUR = Meter(4, 4)


def test_the_name_has_tempo_words_bars_and_key() -> None:
    name = loop_name("Dusty drums", bpm=Fraction(120), bars=4, meter=FOUR, key=Key.parse("Am"))
    assert name == "riff_120_dusty_drums_4b_Am"


def test_a_sharp_is_spelled_and_an_odd_meter_takes_a_dash() -> None:
    name = loop_name("Bass", bpm=174, bars=3, meter=Meter(7, 8), key=Key.parse("F#m"))
    assert name == "riff_174_bass_3b_7-8_Fsm"


def test_a_tempo_that_is_not_whole_is_left_out_rather_than_rounded() -> None:
    assert loop_name("Bass", bpm=87.5, bars=4, meter=FOUR) == "riff_bass_4b"


@pytest.mark.parametrize("bars", [Fraction(1, 4), Fraction(7, 3), 64])
def test_bars_are_written_without_a_slash(bars: Fraction) -> None:
    field = loop_name("x", bpm=100, bars=bars, meter=FOUR).split("_")[-1]
    assert Fraction(field.removesuffix("b").replace("of", "/")) == bars


def test_the_only_number_that_reads_as_a_tempo_is_the_tempo() -> None:
    name = loop_name("house 128 bpm 90 drums 140", bpm=122, bars=4, meter=FOUR)
    assert [int(field) for field in name.split("_") if field.isdecimal()] == [122]


def test_machines_and_decades_keep_their_numbers() -> None:
    assert slug("TR 808 & 909, 90s house") == "tr_808_909_90s_house"


@pytest.mark.parametrize("text", ["", "   ", "太鼓", "🥁🥁", "../..", "\x00\n", "120"])
def test_a_text_without_usable_words_is_called_loop(text: str) -> None:
    assert slug(text) == "loop"


def test_words_are_never_cut_in_the_middle_unless_the_first_alone_is_too_long() -> None:
    assert slug("word " * 30) == "_".join(["word"] * 8)
    assert slug("x" * 200 + " tail") == "x" * 40


@given(
    st.text(max_size=300),
    st.fractions(20, 400, max_denominator=1000),
    st.fractions(Fraction(1, 4), 64, max_denominator=96),
    st.tuples(st.integers(1, 32), st.sampled_from([1, 2, 4, 8, 16])),
    st.none()
    | st.builds(Key, st.integers(0, 11), st.sampled_from(["major", "harmonic-minor", "major-pentatonic"])),
)
@settings(deadline=None)
def test_any_prompt_gives_a_name_that_is_safe_everywhere(
    text: str, bpm: Fraction, bars: Fraction, meter: tuple[int, int], key: Key | None
) -> None:
    name = loop_name(text, bpm=bpm, bars=bars, meter=Meter(*meter), key=key)
    assert is_safe_stem(name)
    assert re.fullmatch(r"riff_[A-Za-z0-9_-]+", name)
    assert len(name) <= MAX_STEM_CHARS


def test_a_name_that_would_be_too_long_is_an_error() -> None:
    with pytest.raises(AudioError, match="characters"):
        loop_name("word " * 20, bpm=10**60, bars=4, meter=FOUR)


# The table of syncthing's rooted-path and Windows-name tests, and what else people try.
HOSTILE_STEMS = [
    "", ".", "..", "...", "/", "\\", "../x", "..\\x", "../../etc/passwd", "/etc/passwd", "//server/share",
    "\\\\server\\share", "\\\\?\\C:\\x", "C:\\x", "C:/x", "C:x", "c:", "a/b", "a\\b", "a/../b", "./x", "x/.",
    "x/..", ".hidden", "-rf", "_x", "#x", "~", "~/x", "$HOME", "%TEMP%", "x\0y", "x\ny", "x\ry", "x\x1b[2J",
    "x y", " x", "x ", "x.", "x.wav", "a:b", "a*b", "a?b", 'a"b', "a<b", "a>b", "a|b", "CON", "con", "Prn",
    "AUX", "NUL", "nul", "COM1", "com9", "LPT1", "lpt0", "nul.txt", "nul.txt.gz", "con ", "é", "\uff58", "太",
    "x\u202ey", "x\u0300", "\ufeffx", "x" * (MAX_STEM_CHARS + 1), "x" * 5000, "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("stem", HOSTILE_STEMS, ids=ascii)
def test_hostile_stems_are_not_safe(stem: str) -> None:
    assert len(HOSTILE_STEMS) >= 60
    assert not is_safe_stem(stem)


@pytest.mark.parametrize("stem", ["riff_120_drums_4b", "x" * MAX_STEM_CHARS])
def test_a_draft_is_told_by_the_end_of_its_name_and_that_is_safe_too(stem: str) -> None:
    assert draft_name(stem).endswith("_draft") and is_safe_stem(draft_name(stem))
    assert loop_name("draft", bpm=120, bars=4, meter=FOUR).endswith("_4b")


@pytest.mark.parametrize("stem", ["x", "riff_120_drums", "A#m", "console", "com10", "x" * MAX_STEM_CHARS])
def test_ordinary_stems_are_safe(stem: str) -> None:
    assert is_safe_stem(stem)
