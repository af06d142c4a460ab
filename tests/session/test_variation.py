"""Variation as a habit: what actions make of a slot, and what undo brings back."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support_session import make_bank

from riffsidecar.errors import MusicError, RiffError, SessionError
from riffsidecar.music import BarSpans, Tempo
from riffsidecar.session import (
    ACTIONS,
    BankLibrary,
    Command,
    Landed,
    Loop,
    LoopRequest,
    Outcome,
    Perform,
    Render,
    SelectBank,
    Session,
    SetBars,
    SetKnob,
    SetSeed,
    SetTempo,
    Slot,
    TriggerPad,
)
from riffsidecar.session.slots import MAX_UNDO
from riffsidecar.session.takes import next_seed


def loop_of(request: LoopRequest) -> Loop:
    """Return a loop as the renderer would make it: equal requests give equal content."""
    return Loop(
        request, f"loops/{request.digest[:12]}.wav", hashlib.sha256(request.digest.encode()).hexdigest()
    )


def settled(outcome: Outcome) -> Session:
    """Return the session when every loop that was asked for has come."""
    session = outcome.session
    for slot, request in outcome.renders:
        session = session.apply(Landed(slot, loop_of(request))).session
    return session


def played(session: Session, *commands: Command) -> Session:
    for command in commands:
        session = settled(session.apply(command))
    return session


def asked(session: Session, command: Command) -> LoopRequest:
    ((_, request),) = session.apply(command).renders
    return request


def current(session: Session, slot: int) -> LoopRequest:
    loop = session.slot(slot).loop
    assert loop is not None
    return loop.request


def test_a_first_hit_makes_a_new_loop_whatever_the_strength(session: Session) -> None:
    plain = asked(session, TriggerPad(2))
    weak = asked(played(session, SetKnob("strength", 0.2)), TriggerPad(2))
    assert weak == plain and weak.strength == 1.0 and not weak.has_source


def test_a_pad_at_full_strength_brings_its_loop_back(session: Session) -> None:
    hit = played(session, TriggerPad(2))
    assert asked(hit, TriggerPad(2)) == current(hit, 2)


def test_strength_begins_from_the_loop_of_the_slot_with_another_noise(session: Session) -> None:
    hit = played(session, TriggerPad(2))
    base = hit.slot(2).loop
    assert base is not None
    request = asked(hit, SetKnob("strength", 0.4))
    assert (request.source_path, request.source_sha256, request.strength) == (base.path, base.sha256, 0.4)
    assert request.seed == next_seed(base.request.seed)


def test_knobs_vary_the_same_loop_until_the_pad_is_hit_again(session: Session) -> None:
    first = played(session, TriggerPad(2))
    varied = played(first, SetKnob("strength", 0.4), SetKnob("brightness", 0.9), SetKnob("strength", 0.7))
    base = first.slot(2).loop
    assert base is not None
    assert current(varied, 2).source_sha256 == base.sha256
    back = played(varied, SetKnob("strength", 0.4))
    assert current(back, 2) == asked(played(first, SetKnob("strength", 0.4)), SetKnob("brightness", 0.9))
    again = asked(back, TriggerPad(2))
    now = back.slot(2).loop
    assert now is not None
    assert again.source_sha256 == now.sha256 and again.seed == next_seed(now.request.seed)


def test_strength_back_at_one_brings_the_new_loop_back(session: Session) -> None:
    hit = played(session, TriggerPad(2))
    assert asked(played(hit, SetKnob("strength", 0.4)), SetKnob("strength", 1.0)) == current(hit, 2)


def test_again_is_another_seed_each_time_and_knobs_and_pads_stay_with_it(session: Session) -> None:
    hit = played(session, TriggerPad(2))
    seeds, now = [current(hit, 2).seed], hit
    for _ in range(3):
        now = played(now, Perform("again"))
        seeds.append(current(now, 2).seed)
    assert len(set(seeds)) == 4
    assert replace(current(now, 2), seed=0) == current(hit, 2)
    assert asked(now, SetKnob("brightness", 0.5)).seed == seeds[-1]
    assert asked(now, TriggerPad(2)).seed == seeds[-1]
    assert asked(now, TriggerPad(3)).seed == 0
    other = played(now, SelectBank("other"), TriggerPad(2))
    assert current(other, 2).seed == 0


def test_again_twice_before_the_loop_has_come_is_two_seeds(session: Session) -> None:
    rendering = session.apply(TriggerPad(2)).session
    one = rendering.apply(Perform("again"))
    two = one.session.apply(Perform("again"))
    assert one.renders[0][1].seed != two.renders[0][1].seed


def test_a_seed_that_is_set_holds_for_slots_that_had_their_own(session: Session) -> None:
    now = played(session, TriggerPad(2), Perform("again"), SetSeed(77))
    assert asked(now, TriggerPad(2)).seed == 77


def test_like_goes_a_set_distance_whatever_the_knob_says_until_it_is_turned(session: Session) -> None:
    hit = played(session, TriggerPad(2))
    near = played(hit, Perform("like", (0.25,)))
    request = current(near, 2)
    base = hit.slot(2).loop
    assert base is not None
    assert (request.strength, request.source_sha256) == (0.25, base.sha256)
    assert asked(near, SetKnob("brightness", 0.5)).strength == 0.25
    assert asked(near, SetKnob("strength", 0.6)).strength == 0.6
    assert asked(near, TriggerPad(2)) == current(hit, 2)
    nearer = asked(near, Perform("like"))
    assert nearer.strength == 0.5 and nearer.seed not in (request.seed, base.request.seed)
    far = asked(hit, Perform("like", (1,)))
    assert not far.has_source and far.seed != base.request.seed


def test_change_keeps_all_other_bars_of_the_current_loop(session: Session) -> None:
    hit = played(session, TriggerPad(2))
    base = hit.slot(2).loop
    assert base is not None
    request = asked(hit, Perform("change", (3,)))
    assert (str(request.keep_bars), request.of_sha256, request.of_path) == ("1-2,4", base.sha256, base.path)
    assert request.seed != base.request.seed and not request.has_source
    assert str(asked(hit, Perform("change", (2, 3))).keep_bars) == "1,4"
    assert not asked(hit, Perform("change", (1, 4))).is_locked
    with pytest.raises(MusicError, match="from 1 to 4"):
        hit.apply(Perform("change", (5,)))
    changed = played(hit, Perform("change", (3,)))
    turned = asked(changed, SetKnob("brightness", 0.9))
    assert (str(turned.keep_bars), turned.of_sha256) == ("1-2,4", base.sha256)


def test_a_fill_is_the_busier_end_of_the_same_loop(session: Session) -> None:
    hit = played(session, TriggerPad(2))
    request = asked(hit, Perform("fill"))
    assert request.keep_bars == BarSpans(((Fraction(0), Fraction(7, 2)),))
    assert request.density is not None and request.density > 0.9 and request.prompt == "house bass, busy"
    assert str(asked(hit, Perform("fill", (1,))).keep_bars) == "1-3"
    with pytest.raises(MusicError, match="leave nothing before"):
        hit.apply(Perform("fill", (4,)))


def test_locks_keep_parts_in_every_loop_to_come_until_unlock(session: Session) -> None:
    hit = played(session, TriggerPad(2))
    first = hit.slot(2).loop
    assert first is not None
    locked = played(hit, Perform("lock-bars", (1,)), Perform("lock-band", (20, 200)))
    assert locked.apply(Perform("lock-bars", (2,))).renders == ()
    request = asked(locked, Perform("again"))
    assert (str(request.keep_bars), request.keep_bands_hz) == ("1", (20.0, 200.0))
    assert request.of_sha256 == first.sha256
    again = played(locked, Perform("again"))
    second = again.slot(2).loop
    assert second is not None
    assert asked(again, Perform("change", (3,))).keep_bars == BarSpans.parse("1-2,4")
    assert asked(again, Perform("change", (3,))).of_sha256 == second.sha256
    with pytest.raises(SessionError, match="locked"):
        again.apply(Perform("change", (1,)))
    assert not asked(played(again, Perform("unlock")), TriggerPad(2)).is_locked


def test_locks_that_do_not_fit_are_refused_with_what_to_do(session: Session) -> None:
    with pytest.raises(SessionError, match="no loop yet"):
        session.apply(Perform("lock-bars", (1,), 2))
    hit = played(session, TriggerPad(2))
    with pytest.raises(SessionError, match="whole loop"):
        hit.apply(Perform("lock-bars", (1, 4)))
    with pytest.raises(SessionError, match="must rise"):
        hit.apply(Perform("lock-band", (200, 20)))
    shorter = played(hit, Perform("lock-bars", (1,)), SetBars(Fraction(2)))
    with pytest.raises(SessionError, match="unlock"):
        shorter.apply(TriggerPad(2))
    assert asked(played(shorter, Perform("unlock")), TriggerPad(2)).bars == 2


def test_drums_only_and_without_change_the_words_and_come_back(session: Session) -> None:
    hit = played(session, Render("full groove, drums and bass", (("key", "Am"),)))
    only = asked(hit, Perform("drums", ("only",)))
    assert only.prompt == "drums only, full groove, drums" and only.key is None and "bass" in only.negative
    without = played(hit, Perform("drums", ("without",)))
    assert current(without, 0).prompt == "no drums, full groove, bass"
    assert asked(without, Perform("drums", ("both",))) == current(hit, 0)
    assert asked(without, Perform("again")).prompt == "no drums, full groove, bass"


def test_undo_tells_of_the_file_before_and_redo_of_the_one_after(session: Session) -> None:
    hit = played(session, TriggerPad(2))
    first = hit.slot(2).loop
    second = played(hit, Perform("again"))
    outcome = second.apply(Perform("undo"))
    (told,) = outcome.announcements
    assert (told.slot, told.loop, told.may_remake, told.supersedes) == (2, first, True, True)
    assert outcome.renders == ()
    (back,) = outcome.session.apply(Perform("redo")).announcements
    assert back.loop == second.slot(2).loop
    with pytest.raises(SessionError, match="before this one"):
        outcome.session.apply(Perform("undo"))
    with pytest.raises(SessionError, match="nothing undone"):
        second.apply(Perform("redo"))


def test_knobs_after_undo_vary_the_loop_that_was_gone_back_to(session: Session) -> None:
    now = played(session, TriggerPad(2), Perform("again"), Perform("undo"))
    assert asked(now, SetKnob("brightness", 0.9)).seed == 0
    assert not played(now, SetKnob("brightness", 0.9)).slot(2).future


def test_a_render_that_undo_gave_up_does_not_come_back(session: Session) -> None:
    two = played(session, TriggerPad(2), Perform("again"))
    late = two.apply(Perform("again"))
    undone = late.session.apply(Perform("undo")).session
    after = undone.apply(Landed(2, loop_of(late.renders[0][1]))).session
    assert after == undone


def test_a_favourite_is_left_alone_by_knobs_until_it_is_played_again(session: Session) -> None:
    hit = played(session, TriggerPad(2))
    outcome = hit.apply(Perform("keep"))
    (told,) = outcome.announcements
    assert (told.may_remake, told.supersedes) == (False, False)
    kept = outcome.session
    turned = kept.apply(SetKnob("brightness", 0.9))
    assert turned.renders == () and turned.session.knobs["brightness"] == 0.9
    again = played(turned.session, Perform("again"))
    assert current(again, 2).brightness == 0.9
    (back,) = again.apply(Perform("undo")).announcements
    assert not back.may_remake
    let_go = kept.apply(Perform("keep", (0,)))
    assert let_go.announcements == ()
    assert let_go.session.apply(SetKnob("brightness", 0.9)).renders


def test_a_preview_and_its_finer_loop_are_one_step(session: Session) -> None:
    outcome = played(session, TriggerPad(2)).apply(Perform("again"))
    request = outcome.renders[0][1]
    preview = outcome.session.apply(Landed(2, loop_of(replace(request, quality="draft")))).session
    fine = preview.apply(Landed(2, loop_of(request))).session
    assert len(preview.slot(2).past) == len(fine.slot(2).past) == 1
    assert current(fine, 2) == request and fine.slot(2).asked == ()


def test_a_loop_written_anew_takes_the_place_of_its_lost_file(session: Session) -> None:
    hit = played(session, TriggerPad(2), Perform("again"))
    loop = hit.slot(2).loop
    assert loop is not None
    moved = replace(loop, path="loops/elsewhere.wav")
    after = hit.apply(Landed(2, moved)).session
    assert after.slot(2).loop == moved and after.slot(2).past == hit.slot(2).past


def test_actions_without_a_slot_are_for_the_one_played_last(session: Session) -> None:
    with pytest.raises(SessionError, match="nothing was played yet"):
        session.apply(Perform("again"))
    two = played(session, TriggerPad(2), TriggerPad(3))
    assert two.apply(Perform("again")).renders[0][0] == 3
    assert played(two, Perform("again", slot=2)).last == 2


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_no_action_works_on_an_empty_slot_or_leaves_it_changed(session: Session, name: str) -> None:
    with pytest.raises(SessionError, match="slot 5 has no loop yet"):
        session.apply(Perform(name, ACTIONS[name].example, 5))


def test_the_state_tells_of_the_loops(session: Session) -> None:
    now = played(session, TriggerPad(2), Perform("again"), Perform("lock-bars", (1, 2)), Perform("keep"))
    (row,) = now.state_dict()["loops"]  # type: ignore[misc]
    assert list(row) == ["slot", "path", "kept", "undo", "redo", "locked_bars", "locked_band"]  # type: ignore[has-type]
    assert list(row.values())[2:] == [True, 1, 0, "1-2", ""]  # type: ignore[has-type]


performances = st.one_of(
    st.builds(TriggerPad, st.sampled_from([1, 2, 3])),
    st.just(Render("full groove, drums and bass")),
    st.builds(
        lambda name, slot: Perform(name, ACTIONS[name].example, slot),
        st.sampled_from(sorted(ACTIONS)),
        st.none() | st.sampled_from([0, 1, 2, 3]),
    ),
    st.builds(lambda bar, slot: Perform("change", (bar,), slot), st.integers(1, 5), st.sampled_from([1, 2])),
    st.builds(
        SetKnob, st.sampled_from(["strength", "morph", "brightness"]), st.sampled_from([0.0, 0.5, 1.0])
    ),
    st.builds(SetKnob, st.just("quality"), st.sampled_from(["draft", "fine"])),
    st.builds(SetBars, st.none() | st.sampled_from([Fraction(1, 2), Fraction(2), Fraction(4)])),
    st.builds(SetTempo, st.sampled_from([90, 120, 170]).map(Tempo.parse)),
    st.builds(SelectBank, st.sampled_from(["test", "other"])),
    st.builds(SetSeed, st.integers(0, 2**31 - 1)),
)


def fresh() -> Session:
    return Session.start(BankLibrary((make_bank(), make_bank("other", tempo=90))))


def perform(session: Session, run: list[Any], lands: list[bool]) -> Session:
    for command, comes in zip(run, lands, strict=True):
        try:
            outcome = session.apply(command)
        except RiffError:
            continue
        session = settled(outcome) if comes else outcome.session
    return session


runs = st.lists(st.tuples(performances, st.sampled_from([True, True, True, False])), max_size=25)


@settings(max_examples=150)
@given(runs)
def test_any_run_of_actions_leaves_a_session_whole(run: list[tuple[Any, bool]]) -> None:
    session = perform(fresh(), [command for command, _ in run], [comes for _, comes in run])
    for number, slot in session.slots.items():
        assert slot.current is not None or not (slot.past or slot.future or slot.locks)
        assert len(slot.past) <= MAX_UNDO + len(slot.future)
        for request in (slot.newest, None if slot.loop is None else slot.loop.request):
            if request is not None:
                assert LoopRequest.from_recipe(request.to_recipe()).digest == request.digest
                assert request.is_locked == bool(request.keep_bars or request.keep_bands_hz)
                assert request.has_source == (request.strength < 1.0)
        assert session.state_dict()["slot"] is not None or number not in session.slots
    state = session.state_dict()
    assert json.loads(json.dumps(state)) == state


@settings(max_examples=150)
@given(runs, st.integers(1, 6), st.sampled_from([0, 1, 2, 3]))
def test_undo_and_redo_go_through_the_same_states(run: list[tuple[Any, bool]], steps: int, slot: int) -> None:
    session = perform(fresh(), [command for command, _ in run], [True for _ in run])
    states, now = [session.slot(slot)], session
    for _ in range(min(steps, len(session.slot(slot).past))):
        now = now.apply(Perform("undo", slot=slot)).session
        states.append(now.slot(slot))
    assert [one.loop for one in states[1:]] == [
        version.loop
        for version in reversed(session.slot(slot).past[-len(states) + 1 :] if states[1:] else ())
    ]
    for before in reversed(states[:-1]):
        now = now.apply(Perform("redo", slot=slot)).session
        assert now.slot(slot) == replace(before, asked=())


def test_undo_forgets_what_lies_too_far_back(session: Session) -> None:
    now = played(session, TriggerPad(2), *(Perform("again") for _ in range(MAX_UNDO + 5)))
    assert len(now.slot(2).past) == MAX_UNDO
    assert Slot() == session.slot(2)
