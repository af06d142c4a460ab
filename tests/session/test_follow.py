"""What following promises: the right loops become the right requests, and all others are left alone."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.errors import SessionError
from riffsidecar.music import Chords, Key, Meter, Tempo
from riffsidecar.session.commands import (
    Command,
    HearClock,
    Landed,
    Perform,
    ReleaseTempo,
    Render,
    SetChords,
    SetFollow,
    SetKey,
    SetMeter,
    SetTempo,
    TriggerPad,
)
from riffsidecar.session.follow import Following, followed, followings, must_follow
from riffsidecar.session.loops import Loop
from riffsidecar.session.presets import load_banks, packaged_presets
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.state import Session

BANKS = load_banks([packaged_presets()])
DRUMS, BASS, PIANO = 1, 2, 3


def playing(*pads: int, bank: str = "house", bpm: float = 120) -> Session:
    """Return a session in which the loops of some pads play."""
    session = Session.start(BANKS, bank, tempo=Tempo.parse(bpm))
    for pad in pads:
        session = land(session.apply(TriggerPad(pad)).session, pad)
    return session


def land(session: Session, slot: int) -> Session:
    request = session.slot(slot).newest
    assert request is not None
    loop = Loop(request, f"loops/{slot}-{request.digest[:8]}.wav", request.digest)
    return session.apply(Landed(slot, loop)).session


def after(session: Session, command: Command) -> tuple[Session, dict[int, Following]]:
    """Return the session after a command and what followed from it."""
    before, session = session, session.apply(command).session
    if not must_follow(before, session):
        return session, {}
    found = {each.slot: each for each in followings(session)}
    for each in found.values():
        session = followed(session, each)
    return session, found


def test_loops_that_were_held_follow_as_soon_as_they_may() -> None:
    session = playing(DRUMS)
    for command in (SetFollow("hold"), SetTempo(Tempo.parse(126))):
        session, found = after(session, command)
        assert found == {}
    session, found = after(session, SetFollow("follow"))
    request = found[DRUMS].request
    assert request is not None and request.tempo == Tempo.parse(126)


def test_a_clock_that_is_measured_is_for_what_is_played_and_moves_nothing_before_it_is_known() -> None:
    session = playing(DRUMS)
    session, found = after(session, HearClock(is_heard=True))
    assert (session.clock, session.tempo_source, found) == ("measuring", "config", {})
    session, found = after(session, HearClock(is_heard=True, tempo=Tempo.parse(126)))
    assert (session.clock, session.tempo_source, found) == ("measuring", "measuring", {})
    session = land(session.apply(TriggerPad(BASS)).session, BASS)
    bass = session.slot(BASS).newest
    assert bass is not None and bass.tempo == Tempo.parse(126)
    session, found = after(session, SetTempo(Tempo.parse(126), "clock"))
    assert session.tempo_source == "clock" and list(found) == [DRUMS]
    session, found = after(session, HearClock(is_heard=False))
    assert (session.clock, found) == ("followed", {})
    session, _ = after(session, ReleaseTempo("clock"))
    assert (session.clock, session.tempo_source) == ("none", "config")


@given(st.integers(105_600, 134_400).filter(lambda bpm: bpm != 120_000))
def test_within_twelve_percent_the_latents_of_the_loop_are_decoded_again(bpm: int) -> None:
    tempo = Tempo(Fraction(bpm, 1000))
    session, found = after(playing(DRUMS, BASS), SetTempo(tempo))
    assert set(found) == {DRUMS, BASS}
    for slot, each in found.items():
        assert each.request is not None and each.decoded_from is not None
        assert (each.request.tempo, each.request.latents_tempo) == (tempo, Tempo.parse(120))
        assert each.request.at_its_own_tempo == each.decoded_from.request
        assert session.slot(slot).newest == each.request
        assert each.request.num_samples == each.request.length.num_samples(44100)


@pytest.mark.parametrize("bpm", [105.5, 134.5, 174, 60])
def test_beyond_twelve_percent_it_is_made_anew(bpm: float) -> None:
    _, found = after(playing(BASS), SetTempo(Tempo.parse(bpm)))
    request = found[BASS].request
    assert request is not None and found[BASS].decoded_from is None
    assert (request.tempo, request.latents_tempo) == (Tempo.parse(bpm), None)


def test_the_tempo_of_the_latents_counts_and_not_that_of_the_last_step() -> None:
    session = playing(BASS)
    for bpm, is_decoded in ((130, True), (134, True), (140, False), (150, True)):
        session, found = after(session, SetTempo(Tempo.parse(bpm)))
        assert (found[BASS].decoded_from is not None) is is_decoded, bpm
        session = land(session, BASS)


def test_a_tempo_that_comes_back_brings_back_the_very_loop_and_no_step_for_undo() -> None:
    first = playing(BASS)
    session = land(after(first, SetTempo(Tempo.parse(126)))[0], BASS)
    session, found = after(session, SetTempo(Tempo.parse(120)))
    assert found[BASS].request == first.slot(BASS).newest
    assert not land(session, BASS).slot(BASS).past


@pytest.mark.parametrize(("policy", "near", "far"), [("follow", 1, 1), ("decode", 1, 0), ("hold", 0, 0)])
def test_the_policy_says_what_follows(policy: str, near: int, far: int) -> None:
    session = playing(BASS).apply(SetFollow(policy)).session
    assert session.state_dict()["follow"] == policy
    assert len(after(session, SetTempo(Tempo.parse(125)))[1]) == near
    assert len(after(session, SetTempo(Tempo.parse(90)))[1]) == far
    assert len(after(session, SetMeter(Meter(3, 4)))[1]) == far


def test_an_unknown_policy_is_refused_and_the_nearest_is_named() -> None:
    with pytest.raises(SessionError, match="must be one of follow, decode, hold"):
        SetFollow("decoed")


def test_a_clock_moves_loops_only_by_more_than_it_is_known() -> None:
    session = playing(BASS).apply(SetTempo(Tempo.parse(120), "clock")).session
    assert not after(session, SetTempo(Tempo.parse(120.04), "clock"))[1]
    assert not after(session, SetTempo(Tempo.parse(119.96), "clock"))[1]
    assert after(session, SetTempo(Tempo.parse(120.06), "clock"))[1]
    assert after(session, SetTempo(Tempo.parse(120.01), "request"))[1], "what a person says holds exactly"
    assert session.state_dict()["tempo_source"] == "clock"


def test_other_chords_make_what_has_a_pitch_anew_and_leave_drums_alone() -> None:
    session, found = after(playing(DRUMS, BASS, PIANO), SetChords(Chords.parse("Dm G C A")))
    assert set(found) == {BASS, PIANO}
    for each in found.values():
        before = playing(DRUMS, BASS, PIANO).slot(each.slot).newest
        assert before is not None
        # Chords that somebody sets do not sound in the key that the bank suggests.
        assert each.request == replace(before, key=None, chords=Chords.parse("Dm G C A"))
    _, found = after(land(land(session, BASS), PIANO), SetKey(Key.parse("F#m")))
    assert set(found) == {BASS, PIANO}


def test_a_prompt_of_drums_alone_follows_no_harmony_unless_it_names_one() -> None:
    session = land(playing().apply(Render("dusty boom bap drums")).session, 0)
    assert session.slot(0).newest == replace(session.latest[0], key=None, chords=None)
    session, found = after(session, SetChords(Chords.parse("Dm G")))
    assert found == {}
    session = land(session.apply(Render("dusty drums", (("prompt_b", "warm rhodes chords"),))).session, 0)
    assert session.latest[0].chords == session.chords
    session = land(session.apply(Render("taiko drums", (("chords", "Am F"),))).session, 0)
    assert str(session.latest[0].chords) == "Am F"


def test_harmony_follows_whatever_the_policy_for_tempo_is() -> None:
    session = playing(DRUMS, BASS).apply(SetFollow("hold")).session
    session = session.apply(SetTempo(Tempo.parse(90))).session
    _, found = after(session, SetChords(Chords.parse("Dm G")))
    assert set(found) == {BASS}
    assert found[BASS].request is not None and found[BASS].request.tempo == Tempo.parse(120)


def test_a_render_that_named_its_own_tempo_and_key_keeps_them() -> None:
    session = playing()
    session = land(session.apply(Render("pad", (("bpm", 90), ("key", "C")))).session, 0)
    assert not after(session, SetTempo(Tempo.parse(124)))[1]
    assert not after(session, SetKey(Key.parse("F#m")))[1]


def test_a_favourite_is_decoded_and_never_made_anew() -> None:
    session = playing(BASS).apply(Perform("keep", (1,), BASS)).session
    assert after(session, SetTempo(Tempo.parse(125)))[1]
    assert not after(session, SetTempo(Tempo.parse(90)))[1]
    assert not after(session, SetChords(Chords.parse("Dm G")))[1]


def test_a_loop_that_has_not_come_yet_is_asked_for_at_the_new_tempo() -> None:
    session = playing().apply(TriggerPad(BASS)).session
    _, found = after(session, SetTempo(Tempo.parse(126)))
    request = found[BASS].request
    assert request is not None and found[BASS].decoded_from is None
    assert (request.tempo, request.latents_tempo) == (Tempo.parse(126), None)


def test_a_loop_that_undo_brings_back_follows_as_well() -> None:
    session = land(playing(BASS).apply(Perform("again", (), BASS)).session, BASS)
    session, _ = after(session, SetTempo(Tempo.parse(126)))
    session, found = after(land(session, BASS), Perform("undo", (), BASS))
    assert found[BASS].request is not None and found[BASS].request.tempo == Tempo.parse(126)
    assert found[BASS].request.seed == 0


def test_the_recipe_of_a_decoded_loop_reads_back_and_one_of_its_own_tempo_says_nothing() -> None:
    request = LoopRequest(prompt="drums", tempo=Tempo.parse(120))
    decoded = request.retuned(Tempo.parse("126.5"))
    assert decoded.to_recipe()["latents_bpm"] == "120" and "latents_bpm" not in request.to_recipe()
    assert LoopRequest.from_recipe(decoded.to_recipe()) == decoded
    assert decoded.retuned(Tempo.parse(120)) == request
    assert decoded.digest != replace(request, tempo=decoded.tempo).digest
    with pytest.raises(SessionError, match="at most 12 %"):
        request.retuned(Tempo.parse(135))
