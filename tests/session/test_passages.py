"""A loop that a journey has brought into a slot: what can be done to it, and what leaves it alone."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from fractions import Fraction

import pytest

from riffsidecar.errors import MusicError, SessionError
from riffsidecar.music import Chords, Tempo
from riffsidecar.session import (
    EndJourney,
    Landed,
    Loop,
    LoopRequest,
    Outcome,
    Perform,
    Session,
    SetChords,
    SetKnob,
    SetSeed,
    SetTempo,
    TriggerPad,
)
from riffsidecar.session.commands import Command, StartJourney
from riffsidecar.session.follow import followings
from riffsidecar.session.journeys import JourneyRequest
from riffsidecar.session.passages import Passage
from riffsidecar.session.takes import next_seed

BRIEF = (("bars", 8), ("loops", 2), ("slot", 3))


def begun(session: Session, *options: tuple[str, object]) -> tuple[Session, StartJourney, Outcome]:
    command = StartJourney(("ambient pad", "acid techno"), (*BRIEF, *options))
    outcome = session.apply(command)
    return outcome.session, command, outcome


def came(session: Session, outcome: Outcome, index: int, slot: int = 3) -> Session:
    """Return the session when a loop of the journey has come."""
    ((command, journey),) = outcome.journeys
    passage = Passage(journey, index, command.options)
    digest = hashlib.sha256(f"{journey} {index}".encode()).hexdigest()
    return session.apply(Landed(slot, Loop(passage.request, f"j{index}.wav", digest), passage)).session


def landed(outcome: Outcome) -> Session:
    session = outcome.session
    for slot, request in outcome.renders:
        digest = hashlib.sha256(request.digest.encode()).hexdigest()
        session = session.apply(Landed(slot, Loop(request, f"{request.digest[:8]}.wav", digest))).session
    return session


def path(session: Session, slot: int = 3) -> str:
    loop = session.slot(slot).loop
    return "" if loop is None else loop.path


def asked(outcome: Outcome) -> LoopRequest:
    ((_, request),) = outcome.renders
    return request


def test_again_asks_for_the_bars_of_the_journey_as_a_loop_of_their_own(session: Session) -> None:
    session, _, outcome = begun(session, ("drift", 0.25), ("guided", 0.75))
    session = came(session, outcome, 2)
    request = asked(session.apply(Perform("again", (), 3)))
    assert request.guided == 0.75
    assert (request.prompt, request.prompt_b, request.bars) == ("ambient pad", "acid techno", 2)
    assert request.morph == pytest.approx(5 / 7, abs=1e-5)
    assert (request.seed, request.drift) == (next_seed(1), 0.25)
    loop = session.slot(3).loop
    assert loop is not None and request == replace(loop.request, seed=request.seed)


def test_without_a_slot_it_is_the_newest_loop_of_the_journey_until_something_else_is_played(
    session: Session,
) -> None:
    session = landed(session.apply(TriggerPad(1)))
    session, _, outcome = begun(session, ("slots", 2))
    session = came(session, outcome, 0, 3)
    session = came(session, outcome, 1, 4)
    assert [slot for slot, _ in session.apply(Perform("again")).renders] == [4]
    session = landed(session.apply(TriggerPad(2)))
    session = came(session, outcome, 2, 3)
    assert [slot for slot, _ in session.apply(Perform("again")).renders] == [2]


def test_undo_goes_back_to_what_lay_there_before_the_journey_whatever_came_of_it(session: Session) -> None:
    session = landed(session.apply(TriggerPad(3)))
    before = path(session)
    session, _, outcome = begun(session)
    for index in range(3):
        session = came(session, outcome, index)
    again = landed(session.apply(Perform("again", (), 3)))
    back = again.apply(Perform("undo")).session
    assert path(back) == "j2.wav"
    back = back.apply(Perform("undo")).session
    assert path(back) == before
    assert path(back.apply(Perform("redo")).session) == "j2.wav"


def test_what_was_locked_goes_with_the_loop_that_it_was_locked_of(session: Session) -> None:
    before = landed(session.apply(TriggerPad(3)))
    locked = before.apply(Perform("lock-bars", (1,), 3)).session
    outcome = begun(locked)[2]
    assert not came(outcome.session, outcome, 0).slot(3).locks
    assert asked(came(outcome.session, outcome, 0).apply(Perform("again", (), 3))).keep_bars is None


def test_without_a_loop_before_the_journey_undo_says_so(session: Session) -> None:
    session, _, outcome = begun(session)
    session = came(session, outcome, 0)
    with pytest.raises(SessionError, match="no loop before this one"):
        session.apply(Perform("undo", (), 3))


def test_what_a_slot_was_asked_for_before_the_journey_is_given_up(session: Session) -> None:
    waiting = session.apply(TriggerPad(3))
    session, _, outcome = begun(waiting.session)
    session = came(session, outcome, 0)
    assert path(landed(replace(waiting, session=session))) == "j0.wav"
    assert asked(session.apply(Perform("again", (), 3))).prompt == "ambient pad"


def test_a_loop_that_was_asked_for_after_the_journey_began_goes_before_one_that_comes_late(
    session: Session,
) -> None:
    session, _, outcome = begun(session)
    hit = session.apply(TriggerPad(3))
    late = came(hit.session, outcome, 0)
    assert asked(late.apply(Perform("again", (), 3))).prompt == "rhodes"
    assert path(landed(replace(hit, session=late))) != "j0.wav"


def test_what_the_command_left_open_follows_the_session_and_what_it_named_does_not(session: Session) -> None:
    for options, tempo in (((), 100), ((("bpm", 131),), 131)):
        going, _, outcome = begun(session, *options)
        going = came(going, outcome, 0)
        going = going.apply(SetTempo(Tempo.parse(100))).session
        assert asked(going.apply(Perform("again", (), 3))).tempo == Tempo.parse(tempo)


def test_knobs_tempo_and_chords_leave_a_loop_of_a_journey_as_it_is(session: Session) -> None:
    session = landed(session.apply(TriggerPad(1)))
    session, _, outcome = begun(session)
    session = came(session, outcome, 0)
    assert [slot for slot, _ in session.apply(SetKnob("energy", 0.9)).renders] == [1]
    session = session.apply(SetTempo(Tempo.parse(110))).session
    session = session.apply(SetChords(Chords.parse("Dm G"))).session
    assert [each.slot for each in followings(session)] == [1]


def test_a_knob_leaves_a_loop_of_a_journey_as_it_is_in_the_slot_that_was_played_last(
    session: Session,
) -> None:
    session = landed(session.apply(TriggerPad(3)))
    session, _, outcome = begun(session)
    session = came(session, outcome, 0)
    turned = session.apply(SetKnob("energy", 0.9))
    assert not turned.renders and path(turned.session) == "j0.wav"
    again = landed(turned.session.apply(Perform("again", (), 3)))
    assert [slot for slot, _ in again.apply(SetKnob("energy", 0.2)).renders] == [3]


def test_a_knob_leaves_a_slot_to_the_journey_that_was_begun_there_until_that_ends(session: Session) -> None:
    before = landed(session.apply(TriggerPad(3)))
    session, _, outcome = begun(before)
    ((_, journey),) = outcome.journeys
    assert not session.apply(SetKnob("guidance", 2.0)).renders
    session = session.apply(SetTempo(Tempo.parse(110))).session
    assert not list(followings(session))
    assert path(session) == path(before)
    other = session.apply(EndJourney(replace(journey, seed=99))).session
    assert not other.apply(SetKnob("guidance", 2.0)).renders
    ended = session.apply(EndJourney(journey)).session
    assert [each.slot for each in followings(ended)] == [3]
    assert [slot for slot, _ in ended.apply(SetKnob("guidance", 2.0)).renders] == [3]


@pytest.mark.parametrize("action", [TriggerPad(3), Perform("again", (), 3)])
def test_what_is_played_where_a_journey_was_begun_is_played_on(session: Session, action: Command) -> None:
    session = begun(landed(session.apply(TriggerPad(3))))[0]
    session = landed(session.apply(action))
    assert [slot for slot, _ in session.apply(SetKnob("guidance", 2.0)).renders] == [3]


@pytest.mark.parametrize("actions", [("keep",), ("again", "undo")])
def test_a_loop_of_a_journey_stays_one_when_it_is_told_of_again(
    session: Session, actions: tuple[str, ...]
) -> None:
    session, _, outcome = begun(session)
    session = came(session, outcome, 0)
    for action in actions:
        done = session.apply(Perform(action, (1,) if action == "keep" else (), 3))
        session = landed(done)
        for told in done.announcements:
            session = session.apply(Landed(told.slot, told.loop)).session
    assert path(session) == "j0.wav" and session.slot(3).is_passing


def test_a_knob_turned_after_an_action_makes_another_loop_and_not_a_finer_one(session: Session) -> None:
    session = landed(session.apply(TriggerPad(3)))
    session, _, outcome = begun(session)
    session = came(session, outcome, 0)
    session = session.apply(Perform("again", (), 3)).session.apply(SetSeed(0)).session
    finer = landed(session.apply(SetKnob("quality", "fine")))
    assert path(finer.apply(Perform("undo", (), 3)).session) == "j0.wav"


def test_bars_in_mid_journey_have_the_chords_that_sound_there(session: Session) -> None:
    session, _, outcome = begun(session, ("key", "Am"), ("chords", "Am F C"))
    session = came(session, outcome, 1)
    assert asked(session.apply(Perform("again", (), 3))).chords == Chords.parse("C Am F")


def test_a_piece_that_no_loop_can_be_says_so(session: Session) -> None:
    command = StartJourney(("a", "b"), (("bars", 64), ("pieces", 64), ("bpm", 60)))
    ((_, journey),) = session.apply(command).journeys
    with pytest.raises(MusicError, match="at most 60 s"):
        _ = Passage(journey, 0).request
    assert Passage(replace(journey, piece_bars=4), 15).request.bars == Fraction(4)


def test_a_last_bar_has_one_prompt_alone() -> None:
    tour = JourneyRequest(prompts=("a", "b"), tempo=Tempo.parse(126), bars=2, form="pieces", piece_bars=1)
    assert [Passage(tour, index).stations for index in (0, 1)] == [("a", "", 0.0), ("b", "", 0.0)]
