"""Commands and the options of a render."""

from __future__ import annotations

from fractions import Fraction
from pathlib import PurePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.errors import RiffError, SessionError, UnknownNameError
from riffsidecar.music import BarSpans, Chords, Key, Meter, Tempo
from riffsidecar.session import (
    KNOBS,
    LOCAL_OPTIONS,
    OPTIONS,
    RELEASE,
    TEMPO_SOURCES,
    Cancel,
    LoopRequest,
    ReleaseTempo,
    Render,
    ReplaceBank,
    SelectBank,
    SetBars,
    SetChords,
    SetKey,
    SetKnob,
    SetMeter,
    SetSeed,
    SetTempo,
    SetTransport,
    TriggerPad,
    check_option,
)

BAD: list[tuple[type, tuple[Any, ...]]] = [
    *((TriggerPad, (pad,)) for pad in (0, 17, -1, 1.0, True, "1", None)),
    *((TriggerPad, (1, velocity)) for velocity in (0, 128, 1.5, "x")),
    *((Render, (prompt,)) for prompt in ("", "\x00", "x" * 1001, 3)),
    (Render, ("x", (("bpm", 120), ("tempo", 121)))),
    (Render, ("x", (("bmp", 120),))),
    (SetKnob, ("morph", 2)),
    (SetKnob, ("morph", "x")),
    (SetKnob, ("mroph", 0)),
    (SetTempo, (120,)),
    (SetTempo, (Tempo.parse(120), "astrology")),
    (SetTempo, (Tempo.parse(120), "bank")),
    (ReleaseTempo, ("default",)),
    (SetMeter, ("4/4",)),
    (SetTransport, (1,)),
    (SetBars, (65,)),
    (SetBars, ("x",)),
    (SetKey, ("Am",)),
    (SetChords, ("Am",)),
    *((SelectBank, (bank,)) for bank in (0, 129, 1.0, True, None, "x" * 65)),
    (ReplaceBank, ("house",)),
    *((SetSeed, (seed,)) for seed in (-1, 2**31, 0.5, "x", None, float("nan"), float("inf"))),
    *((Cancel, (slot,)) for slot in (-1, 17, 1.5, "x")),
]


@pytest.mark.parametrize(("kind", "arguments"), BAD)
def test_what_cannot_be_commanded_cannot_be_built(kind: type, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(RiffError):
        kind(*arguments)


def test_a_knob_is_set_to_its_checked_value_or_let_go() -> None:
    assert SetKnob("morph", 0.30000001192).value == 0.3
    assert SetKnob("quality", 2).value == "fine"
    assert SetKnob("energy", "free").value is None
    assert SetKnob("morph", RELEASE).value == RELEASE


def test_the_sources_of_the_tempo_rise_from_the_configuration_to_the_request() -> None:
    assert TEMPO_SOURCES == ("config", "measuring", "clock", "link", "live", "request")


def test_every_option_of_a_render_is_a_field_of_the_request_or_the_tempo() -> None:
    assert set(OPTIONS) - {"bpm"} <= set(LoopRequest.__dataclass_fields__)
    assert set(LOCAL_OPTIONS) <= set(LoopRequest.__dataclass_fields__)
    assert set(KNOBS) <= set(OPTIONS)
    # Only a loop that follows the tempo has latents of another one.
    together = {*OPTIONS, *LOCAL_OPTIONS, "prompt", "tempo", "latents_tempo"}
    assert together - {"bpm"} == set(LoopRequest.__dataclass_fields__)


def test_no_path_is_among_the_options_that_any_client_may_give() -> None:
    assert not any("path" in name or "sha" in name for name in OPTIONS)
    assert not set(OPTIONS) & set(LOCAL_OPTIONS)


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("bpm", 87.5, Tempo.parse("87.5")),
        ("meter", "7/8", Meter(7, 8)),
        ("bars", "1/2", Fraction(1, 2)),
        ("key", "F#m", Key(6, "minor")),
        ("key", "none", None),
        ("chords", "Am F", Chords.parse("Am F")),
        ("chords", "", None),
        ("seed", 7.0, 7),
        ("seed", "7", 7),
        ("prompt_b", "b\n", "b"),
        ("negative", "hats", "hats"),
        ("sample_rate", 48000.0, 48000),
        ("bit_depth", 16, "16"),
        ("bit_depth", 24.0, "24"),
        ("bit_depth", "32f", "32f"),
        ("keep_bars", "1-2", BarSpans.parse((1, 2))),
        ("keep_bars", "1-2,4", BarSpans.parse("1,2,4")),
        ("keep_bars", 3, BarSpans.parse("3")),
        ("keep_bars", (1, 2), BarSpans.parse("1-2")),
        ("keep_bands_hz", "20-200.5", (20.0, 200.5)),
        ("source_path", PurePath("a.wav"), "a.wav"),
        ("of_path", "b.wav", "b.wav"),
        ("of_sha256", "ab", "ab"),
        ("loudness_lufs", "-9", -9.0),
        ("density", "free", None),
        ("morph", 0.25, 0.25),
    ],
)
def test_an_option_is_read_from_whatever_a_client_sends(name: str, value: object, held: object) -> None:
    assert check_option(name, value) == held
    assert type(check_option(name, value)) is type(held)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("keep_bars", "1.5-2"), ("keep_bars", "1-2-3"), ("keep_bars", "x"), ("keep_bars", None),
        ("keep_bars", True), ("source_path", ""), ("source_path", 3), ("bit_depth", 8), ("bit_depth", None),
        ("sample_rate", 44100.5), ("sample_rate", "44100"), ("key", 3), ("meter", 4), ("bpm", "fast"),
        ("negative", 3), ("loudness_lufs", "x"), ("bpm", []), ("bars", {}), ("morph", None),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_read_is_refused(name: str, value: object) -> None:
    with pytest.raises(RiffError, match=r" is .*but must be|Hz"):
        check_option(name, value)


def test_an_option_that_is_nearly_one_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'brightness'"):
        Render("x", (("brightnes", 0.5),))
    with pytest.raises(SessionError, match="given twice"):
        Render("x", (("to", "a"), ("prompt-b", "b")))


@given(
    st.sampled_from([*OPTIONS, *LOCAL_OPTIONS, "x"]),
    st.none() | st.text() | st.floats() | st.integers() | st.binary(),
)
def test_no_value_of_an_option_brings_a_foreign_error(name: str, value: object) -> None:
    try:
        Render("x", ((name, value),))
    except RiffError as error:
        assert len(str(error)) < 500
