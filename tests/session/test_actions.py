"""The table of actions, and what may be written of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.errors import RiffError, SessionError, UnknownNameError
from riffsidecar.session import ACTIONS, KNOBS, OPTIONS, Perform, read_action
from riffsidecar.session.actions import action_table, default_keys
from riffsidecar.session.drum_words import drums_only, without_drums
from riffsidecar.session.takes import TAKES
from riffsidecar.training.caption_words import NEGATIVES
from riffsidecar.training.lexicon import terms_for

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)


def test_no_action_is_called_like_a_knob_or_an_option() -> None:
    assert not set(ACTIONS) & {*KNOBS, *OPTIONS}


def test_every_action_that_makes_a_loop_has_a_take_and_no_other_has() -> None:
    assert set(TAKES) == {name for name, row in ACTIONS.items() if row.makes_loop}


def test_every_example_is_taken_and_every_action_has_an_address_of_its_own() -> None:
    assert len({row.osc for row in ACTIONS.values()}) == len(ACTIONS)
    for name, row in ACTIONS.items():
        assert row.example or not any(item.is_required for item in row.parameters)
        assert Perform(name, row.example).values == row.check(row.example)
        assert row.osc.startswith("/riff/")
        assert f"`{row.usage}`" in action_table()


def test_the_notes_above_the_pads_are_sixteen_and_each_does_one_thing() -> None:
    assert sorted(default_keys()) == list(range(1, 17))
    assert {name for name, _ in default_keys().values()} == set(ACTIONS) - {"lock-band"}


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("again", ("again", ())),
        ("like", ("like", (0.5,))),
        ("like 1/4", ("like", (0.25,))),
        ("lock-bars 2", ("lock-bars", (2, 2))),
        ("lock-bars 1 2", ("lock-bars", (1, 2))),
        ("lock-band 20 200", ("lock-band", (20.0, 200.0))),
        ("drums WITHOUT", ("drums", ("without",))),
        ("fill", ("fill", (0.5,))),
        ("keep 0", ("keep", (0,))),
    ],
)
def test_an_action_is_read_with_its_values(text: str, held: object) -> None:
    assert read_action(text) == held


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("agian", "did you mean 'again'"),
        ("", "no action"),
        ("like 2", "distance is '2', but must be a number from 0 to 1"),
        ("like nan", "distance is 'nan'"),
        ("like 1/0", "distance is '1/0'"),
        ("change", "written as: change bar"),
        ("change 1 2 3", "written as: change bar"),
        ("change 1.5", "a whole number from 1 to 64"),
        ("drums onyl", "did you mean 'only'"),
        ("undo now", "written as: undo"),
    ],
)
def test_what_is_no_action_is_refused_with_what_is(text: str, words: str) -> None:
    with pytest.raises((SessionError, UnknownNameError), match=words):
        read_action(text)


@given(st.sampled_from(sorted(ACTIONS)), st.lists(scalars, max_size=4), st.none() | st.integers())
def test_whatever_a_client_sends_is_an_action_or_a_clear_refusal(
    name: str, values: list[object], slot: int | None
) -> None:
    try:
        made = Perform(name, tuple(values), slot)  # type: ignore[arg-type]
    except RiffError:
        return
    assert Perform(name, made.values, made.slot) == made


def test_drums_are_asked_for_in_words_that_the_model_was_trained_on() -> None:
    only, unwanted = drums_only("full funk groove, bass and drums")
    without, drums = without_drums("full funk groove, bass and drums")
    assert only.split(", ")[0] in terms_for("stem", "drums only")
    assert without.split(", ")[0] in terms_for("stem", "no drums")
    trained = {word for words in NEGATIVES.values() for word in words}
    assert set(unwanted.split(", ")) <= trained and set(drums.split(", ")) <= trained


def test_a_prompt_loses_the_words_for_what_is_not_to_play() -> None:
    assert drums_only("bouncy house bass, pluck bass on the offbeat", "reverb")[0] == (
        "drums only, bouncy house, offbeat"
    )
    assert drums_only("x", "reverb")[1].startswith("reverb, bass")
    assert without_drums("full drum and bass groove, breaks, reese bass")[0] == (
        "no drums, full drum and bass groove, reese bass"
    )
    assert without_drums("(warm:1.3) [piano], brushes")[0] == "no drums, warm piano"
    assert without_drums("nylon guitar, offbeat")[0] == "no drums, nylon guitar, offbeat"
    with pytest.raises(SessionError, match="nothing is left"):
        without_drums("dusty boom bap drums, open hats")


@given(st.text(max_size=60))
def test_any_prompt_has_drums_only_or_a_clear_refusal(prompt: str) -> None:
    assert drums_only(prompt)[0].startswith("drums only")
    try:
        assert without_drums(prompt)[0].startswith("no drums")
    except SessionError as error:
        assert "nothing is left" in str(error)
