"""What commands make of a session."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support_session import make_bank, make_pads

from riffsidecar.errors import MusicError, RiffError, SessionError, UnknownNameError
from riffsidecar.music import Chords, Key, Meter, Tempo
from riffsidecar.session import (
    KNOBS,
    RELEASE,
    TEMPO_SOURCES,
    Bank,
    BankLibrary,
    Cancel,
    Command,
    LoopRequest,
    Output,
    ReleaseTempo,
    Render,
    ReplaceBank,
    SelectBank,
    Session,
    SetBars,
    SetChords,
    SetKey,
    SetKnob,
    SetMeter,
    SetSeed,
    SetTempo,
    SetTransport,
    TriggerPad,
)

SHA = "0" * 64


def after(session: Session, *commands: Command) -> Session:
    for command in commands:
        session = session.apply(command).session
    return session


def rendered(session: Session, command: Command) -> LoopRequest:
    ((_, request),) = session.apply(command).renders
    return request


def test_a_pad_renders_its_prompt_into_its_own_slot(session: Session) -> None:
    outcome = session.apply(TriggerPad(2))
    ((slot, request),) = outcome.renders
    assert slot == 2
    assert (request.prompt, request.label, request.density, request.guidance) == (
        "house bass",
        "bass",
        0.25,
        KNOBS["guidance"].default,
    )
    assert (str(request.tempo), str(request.key), str(request.chords)) == ("126", "Am", "Am F C G")
    assert outcome.session.latest == {2: request}
    assert session.latest == {}


def test_a_pad_without_a_pitch_has_no_key_whatever_is_set(session: Session) -> None:
    request = rendered(after(session, SetKey(Key.parse("Em")), SetChords(Chords.parse("Em"))), TriggerPad(1))
    assert request.key is None and request.chords is None
    assert request.bars == 2


def test_the_harmony_is_that_of_the_hand_then_of_the_pad_then_of_the_bank(session: Session) -> None:
    assert str(rendered(session, TriggerPad(3)).key) == "Dm"
    assert str(rendered(session, TriggerPad(3)).chords) == "Dm7 G7"
    set_key = after(session, SetKey(Key.parse("Em")))
    assert str(rendered(set_key, TriggerPad(3)).key) == "Em"
    assert rendered(set_key, TriggerPad(3)).chords is None
    set_both = after(set_key, SetChords(Chords.parse("Em C")))
    assert (str(set_both.key), str(set_both.chords)) == ("Em", "Em C")
    free = after(set_both, SetKey(None), SetChords(None))
    assert rendered(free, TriggerPad(3)).key is None
    only_chords = after(session, SetChords(Chords.parse("Eb Bb")))
    assert only_chords.key is None


def test_bars_and_meter_set_by_hand_hold_for_every_pad_until_let_go(session: Session) -> None:
    by_hand = after(session, SetBars(Fraction(8)), SetMeter(Meter(7, 8)))
    assert rendered(by_hand, TriggerPad(1)).bars == 8
    assert rendered(by_hand, TriggerPad(1)).meter == Meter(7, 8)
    assert rendered(after(by_hand, SetBars(None)), TriggerPad(1)).bars == 2


def test_a_length_set_by_hand_that_cannot_be_is_an_error_and_changes_nothing(session: Session) -> None:
    by_hand = after(session, SetBars(Fraction(64)))
    with pytest.raises(MusicError, match="60 s"):
        by_hand.apply(TriggerPad(1))


def test_a_length_that_a_pad_only_suggests_gives_way_to_the_tempo(session: Session) -> None:
    assert rendered(after(session, SetTempo(Tempo.parse(20))), TriggerPad(2)).bars == 4
    slow = after(session, SetTempo(Tempo.parse(20)), SetMeter(Meter(16, 4)))
    assert rendered(slow, TriggerPad(2)).bars == 1
    half_columns = after(session, SetTempo(Tempo.parse(350)), SetMeter(Meter(7, 16)))
    assert rendered(half_columns, TriggerPad(1)).bars == 4


@pytest.mark.parametrize("source", TEMPO_SOURCES)
def test_a_source_of_the_tempo_wins_over_all_below_and_none_above(session: Session, source: str) -> None:
    for other in TEMPO_SOURCES:
        both = after(session, SetTempo(Tempo.parse(100), source), SetTempo(Tempo.parse(140), other))
        winner = max(source, other, key=TEMPO_SOURCES.index)
        assert both.tempo_source == winner
        assert both.tempo.bpm == (140 if winner == other else 100)


def test_a_source_that_goes_leaves_the_tempo_to_the_next_below(session: Session) -> None:
    leads = after(session, SetTempo(Tempo.parse(100), "clock"), SetTempo(Tempo.parse(140), "live"))
    assert after(leads, ReleaseTempo("live")).tempo == Tempo.parse(100)
    alone = after(leads, ReleaseTempo("live"), ReleaseTempo("clock"), ReleaseTempo("link"))
    assert (alone.tempo, alone.tempo_source) == (Tempo.parse(126), "bank")


def test_the_bank_suggests_a_tempo_only_where_nobody_sets_one(session: Session) -> None:
    other = after(session, SelectBank("other"))
    assert (other.tempo, other.tempo_source) == (Tempo.parse(90), "bank")
    banks = BankLibrary((make_bank(tempo=None), make_bank("other", tempo=90)))
    assert Session.start(banks).tempo_source == "default"
    assert Session.start(banks).tempo == Tempo.parse(120)
    configured = Session.start(banks, "other", tempo=Tempo.parse(101))
    assert (configured.tempo, configured.tempo_source) == (Tempo.parse(101), "config")


def test_turning_a_knob_renders_the_last_pad_again_in_its_slot(session: Session) -> None:
    hit = after(session, TriggerPad(1), TriggerPad(2))
    outcome = hit.apply(SetKnob("brightness", 0.5))
    ((slot, request),) = outcome.renders
    assert slot == 2
    assert request.brightness == 0.5 and request.prompt == "house bass"


def test_turning_a_knob_before_any_pad_renders_nothing(session: Session) -> None:
    outcome = session.apply(SetKnob("brightness", 0.5))
    assert outcome.renders == ()
    assert rendered(outcome.session, TriggerPad(2)).brightness == 0.5


def test_a_knob_that_changes_nothing_renders_nothing(session: Session) -> None:
    hit = after(session, TriggerPad(2))
    for name, value in (("morph", 0.5), ("strength", 0.1), ("density", 0.25), ("quality", "normal")):
        outcome = hit.apply(SetKnob(name, value))
        assert outcome.renders == () and outcome.problem is None
        assert outcome.session.knobs[name] == value


def test_a_turned_knob_wins_over_the_pad_until_it_is_let_go(session: Session) -> None:
    turned = after(session, SetKnob("density", 0.9))
    assert rendered(turned, TriggerPad(2)).density == 0.9
    freed = after(turned, SetKnob("density", "free"))
    assert rendered(freed, TriggerPad(2)).density is None
    assert rendered(after(freed, SetKnob("density", RELEASE)), TriggerPad(2)).density == 0.25


def test_velocity_turns_the_knob_of_the_bank_in_steps_and_a_later_hand_wins(session: Session) -> None:
    assert rendered(session, TriggerPad(1)).energy == 0.7
    assert rendered(session, TriggerPad(1, 127)).energy == 1.0
    assert rendered(session, TriggerPad(1, 64)) == rendered(session, TriggerPad(1, 62))
    assert len({rendered(session, TriggerPad(1, velocity)) for velocity in range(1, 128)}) == 9
    hit = after(session, SetKnob("energy", 0.1), TriggerPad(1, 127))
    assert hit.latest[1].energy == 1.0
    assert rendered(hit, SetKnob("energy", 0.2)).energy == 0.2
    other = after(session, SelectBank("other"))
    assert rendered(other, TriggerPad(1, 127)).energy == 0.7


def test_a_pad_that_cannot_be_rendered_does_not_keep_a_knob_from_turning(session: Session) -> None:
    stuck = after(session, TriggerPad(2), SetBars(Fraction(64)))
    outcome = stuck.apply(SetKnob("energy", 0.5))
    assert isinstance(outcome.problem, MusicError)
    assert outcome.renders == ()
    assert outcome.session.knobs["energy"] == 0.5


def test_morph_reaches_only_a_request_that_has_somewhere_to_go(session: Session) -> None:
    turned = after(session, SetKnob("morph", 0.5))
    assert rendered(turned, TriggerPad(1)).morph == 0.5
    assert rendered(turned, TriggerPad(2)).morph == 0.0


def test_a_render_goes_to_slot_0_with_its_options_over_the_session(session: Session) -> None:
    options = (("bpm", 87.5), ("bars", 2), ("to", "choir"), ("morph", 0.25), ("seed", 9), ("meter", "3/4"))
    ((slot, request),) = after(session, SetKnob("drift", 0.5)).apply(Render("piano", options)).renders
    assert slot == 0
    assert (str(request.tempo), request.bars, request.prompt_b, request.morph) == ("87.5", 2, "choir", 0.25)
    assert (request.seed, str(request.meter), request.drift, request.label) == (9, "3/4", 0.5, "")
    assert str(request.chords) == "Am F C G"


def test_a_render_with_a_key_of_its_own_has_no_chords_of_another(session: Session) -> None:
    request = rendered(session, Render("piano", (("key", "Ebm"),)))
    assert str(request.key) == "Ebm" and request.chords is None
    free = rendered(session, Render("piano", (("key", "none"),)))
    assert free.key is None and free.chords is None


def test_strength_counts_where_there_is_seed_audio_and_the_knob_sets_it(session: Session) -> None:
    assert rendered(session, Render("piano", (("strength", 0.2),))).strength == 1.0
    source = (("source_path", "kick.wav"), ("source_sha256", SHA))
    assert rendered(session, Render("piano", source)).strength == 0.7
    hit = after(session, Render("piano", (*source, ("strength", 0.2))))
    assert hit.latest[0].strength == 0.2
    assert rendered(hit, SetKnob("strength", 0.4)).strength == 0.4


def test_a_knob_after_a_render_renders_slot_0_again_and_wins_over_its_option(session: Session) -> None:
    hit = after(session, TriggerPad(1), Render("piano", (("energy", 0.2), ("seed", 5))))
    ((slot, request),) = hit.apply(SetKnob("energy", 0.8)).renders
    assert (slot, request.energy, request.seed) == (0, 0.8, 5)


def test_the_seed_and_the_output_reach_the_request(bank: Bank) -> None:
    output = Output(96000, "32f", -9.0, "riffusion")
    session = Session.start(BankLibrary((bank,)), output=output, seed=3)
    request = rendered(session, TriggerPad(1))
    assert (request.sample_rate, request.bit_depth, request.loudness_lufs, request.model) == (
        96000,
        "32f",
        -9,
        "riffusion",
    )
    assert request.seed == 3
    assert rendered(after(session, SetSeed(4)), TriggerPad(1)).seed == 4


def test_banks_are_selected_by_name_title_and_number_from_one(session: Session) -> None:
    for wanted in ("other", "OTHER", "Other", 2):
        assert after(session, SelectBank(wanted)).bank.name == "other"
    with pytest.raises(UnknownNameError, match="did you mean 'other'"):
        session.apply(SelectBank("otter"))
    with pytest.raises(UnknownNameError, match="banks 1 to 2"):
        session.apply(SelectBank(3))


def test_a_knob_after_a_change_of_bank_still_renders_the_pad_that_was_hit(session: Session) -> None:
    hit = after(session, TriggerPad(2), SelectBank("other"))
    assert rendered(hit, SetKnob("energy", 0.1)).prompt == "house bass"


def test_a_replaced_bank_is_in_force_at_once_and_keeps_its_number(session: Session) -> None:
    pads = list(make_pads())
    pads[1] = pads[4]
    edited = Bank("test", "Test", tuple(pads))
    replaced = after(session, TriggerPad(2), ReplaceBank(edited))
    assert replaced.banks.names == session.banks.names
    assert rendered(replaced, TriggerPad(2)).prompt == "sound 5"
    assert session.bank.pad(2).prompt == "house bass"
    added = after(session, ReplaceBank(make_bank("third")))
    assert added.banks.names == ("test", "other", "third") and added.bank.name == "test"


def test_cancel_stops_one_slot_or_all(session: Session) -> None:
    assert session.apply(Cancel(3)).cancels == (3,)
    assert session.apply(Cancel()).cancels == tuple(range(17))


def test_an_error_leaves_the_session_as_it_was(session: Session) -> None:
    before = session.state_dict()
    with pytest.raises(UnknownNameError):
        session.apply(SelectBank("nowhere"))
    assert session.state_dict() == before


def test_a_session_cannot_be_written_to(session: Session) -> None:
    with pytest.raises(FrozenInstanceError):
        session.bank_name = "other"  # type: ignore[misc]
    for mapping in (
        session.latest,
        session.settings.turned,
        session.settings.tempi,
        session.bank.pad(1).knobs,
    ):
        with pytest.raises(TypeError):
            mapping["x"] = 1  # type: ignore[index]


def test_rendering_ahead_asks_for_exactly_what_the_pad_would(session: Session) -> None:
    for pad in range(1, 17):
        assert session.pad_request(pad, 100) == rendered(session, TriggerPad(pad, 100))
    with pytest.raises(SessionError):
        session.pad_request(17)


def test_a_library_needs_a_bank_and_names_that_differ(bank: Bank) -> None:
    with pytest.raises(SessionError, match="no bank"):
        BankLibrary(())
    with pytest.raises(SessionError, match="two banks"):
        BankLibrary((bank, bank))
    with pytest.raises(UnknownNameError):
        Session.start(BankLibrary((bank,)), "nowhere")
    with pytest.raises(SessionError, match="15 pads"):
        Bank("x", "X", make_pads()[:15])


commands = st.one_of(
    st.builds(TriggerPad, st.integers(1, 16), st.none() | st.integers(1, 127)),
    st.builds(
        Render, st.just("piano"), st.sampled_from([(), (("bars", 2),), (("density", 0.5), ("key", "C"))])
    ),
    st.sampled_from(sorted(KNOBS)).flatmap(
        lambda name: st.builds(lambda place: SetKnob(name, KNOBS[name].from_unit(place)), st.floats(0, 1))
    ),
    st.sampled_from([SetKnob(name, RELEASE) for name in KNOBS]),
    st.builds(SetTempo, st.integers(20, 400).map(Tempo.parse), st.sampled_from(TEMPO_SOURCES)),
    st.builds(ReleaseTempo, st.sampled_from(TEMPO_SOURCES)),
    st.builds(SetMeter, st.builds(Meter, st.integers(1, 32), st.sampled_from([1, 2, 4, 8, 16]))),
    st.builds(SetTransport, st.booleans()),
    st.builds(SetBars, st.none() | st.fractions(Fraction(1, 4), 64, max_denominator=4)),
    st.builds(SetKey, st.none() | st.builds(Key, st.integers(0, 11))),
    st.builds(SetChords, st.none() | st.just(Chords.parse("Am F | C G"))),
    st.builds(SelectBank, st.sampled_from(["test", "other", "nowhere", 1, 2, 3])),
    st.builds(SetSeed, st.integers(0, 2**31 - 1)),
    st.builds(Cancel, st.none() | st.integers(0, 16)),
    st.just(ReplaceBank(make_bank("other", tempo=None))),
)


def test_bars_between_two_sixteenths_are_refused_at_once_in_words_of_musicians() -> None:
    session = Session.start(BankLibrary((make_bank(),)))
    with pytest.raises(
        MusicError, match=r"20.8 sixteenths.*5/4 \(20 sixteenths\) or 21/16 \(21 sixteenths\)"
    ):
        session.apply(SetBars(Fraction(13, 10)))
    assert session.apply(SetBars(Fraction(5, 4))).session.bars == Fraction(5, 4)


@settings(max_examples=100)
@given(st.lists(commands, max_size=25))
def test_any_run_of_commands_keeps_a_session_whole(run: list[Any]) -> None:
    session = Session.start(BankLibrary((make_bank(), make_bank("other", tempo=90))))
    for command in run:
        try:
            outcome = session.apply(command)
        except RiffError:
            continue
        session = outcome.session
        for slot, request in outcome.renders:
            assert session.latest[slot] == request
            assert 1 <= request.num_samples <= 60 * request.sample_rate
            assert LoopRequest.from_recipe(request.to_recipe()) == request
        state = session.state_dict()
        assert json.loads(json.dumps(state)) == state
