"""What the service promises a performer: drafts in time, idle time used, nothing starves."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_stage import REQUEST, Stage

from riffsidecar.music import Tempo
from riffsidecar.render.estimate import RenderTimes
from riffsidecar.render.lookahead import LookAhead
from riffsidecar.render.messages import RenderedLoop
from riffsidecar.session.events import Failed, Finished, Origin, Previewed
from riffsidecar.session.requests import LoopRequest

ME = Origin("test", "me", "1")


@pytest.fixture(autouse=True)
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an idle service look up often: its time is that of the worker."""
    monkeypatch.setattr("riffsidecar.render.service._IDLE_CHECK_S", 0.005)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    stage.service.start()
    yield stage
    stage.service.close()


def test_a_draft_is_published_first_where_the_loop_would_miss_a_bar(stage: Stage) -> None:
    stage.ask("learn")
    stage.wait(lambda: stage.done("learn"))
    assert stage.loops() == [("done", "learn", "normal")], "nothing is known yet, so nothing is guessed"
    # A bar lasts 2 s, a loop takes 1.8 s and a draft 1.2 s.
    stage.song = stage.song.started(stage.worker.now_s, Fraction(1))
    stage.ask("late")
    stage.wait(lambda: stage.done("late"))
    assert stage.loops()[1:] == [("preview", "late", "draft"), ("done", "late", "normal")]
    (draft,) = (event.loop.path for event in stage.events if isinstance(event, Previewed))
    drafts = [path.name for path in Path(draft).parent.glob("*.wav") if "_draft_" in path.name]
    assert drafts == [Path(draft).name], "who watches the folder can tell the draft from its loop"


@pytest.mark.parametrize(("quarters", "why"), [("0", "the loop is in time"), ("3", "the draft is late too")])
def test_no_draft_is_made_where_it_would_not_help(stage: Stage, quarters: str, why: str) -> None:
    stage.ask("learn")
    stage.wait(lambda: stage.done("learn"))
    stage.song = stage.song.started(stage.worker.now_s, Fraction(quarters))
    stage.ask("next")
    stage.wait(lambda: stage.done("next"))
    assert stage.loops()[1:] == [("done", "next", "normal")], why


def test_no_draft_is_made_while_nothing_plays(stage: Stage) -> None:
    stage.song = stage.song.stopped(0.0)
    for label in ("learn", "next"):
        stage.ask(label)
        stage.wait(lambda label=label: stage.done(label))  # type: ignore[misc]
    assert all(kind == "done" for kind, _, _ in stage.loops())


def test_a_knob_that_never_rests_is_heard_all_the_same_and_its_last_value_comes_last(stage: Stage) -> None:
    turned = iter(range(1, 100))

    def turn(request: LoopRequest, step: int) -> None:
        value = next(turned, None)
        if value is not None:
            stage.ask(f"move {value}", morph=value / 100)

    stage.worker.at_step = turn
    stage.ask("move 0")
    stage.wait(lambda: stage.done("move 99"))
    done = [label for _, label, _ in stage.loops()]
    assert done[-1] == "move 99"
    assert len(done) > 2, "something was heard while the knob moved"
    ends = [event.origin.request_id for event in stage.events if isinstance(event, Finished | Failed)]
    assert len(ends) == len(set(ends)) == 100, "each move ends once"


def test_a_slot_beside_a_knob_that_never_rests_gets_its_turn(stage: Stage) -> None:
    turned = iter(range(1, 60))

    def turn(request: LoopRequest, step: int) -> None:
        value = next(turned, None)
        if value is not None:
            stage.ask(f"move {value}", morph=value / 100)
        if value == 5:
            stage.ask("beside", slot=2)

    stage.worker.at_step = turn
    stage.ask("move 0")
    stage.wait(lambda: stage.done("move 59"))
    assert "beside" in [label for _, label, _ in stage.loops()][:2]


def test_idle_time_makes_what_is_likely_and_a_hit_is_then_there_at_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, ahead=3)
    likely = [replace(REQUEST, label=f"pad {pad}", prompt=f"pad {pad}") for pad in range(5)]
    stage.service.start()
    try:
        stage.ask("first")
        stage.wait(lambda: stage.done("first"))
        stage.service.foresee(likely)
        for _ in range(200):
            stage.worker.idle.wait(0.1)
            stage.worker.idle.clear()
            if stage.service.counts["ahead"] == 3:
                break
        assert [label for label, _, _ in stage.worker.renders] == ["first", "pad 0", "pad 1", "pad 2"]
        assert not any("pad" in label for _, label, _ in stage.loops()), "nothing is published unasked"
        stage.service.submit(2, likely[1], [ME])
        stage.wait(lambda: stage.done("pad 1"))
        assert stage.events[-1].cached  # type: ignore[union-attr]
        assert stage.service.counts["predicted"] == 1
        assert len(stage.worker.renders) == 4
    finally:
        stage.service.close()


def test_what_goes_wrong_while_nothing_is_asked_for_keeps_nobody_from_asking(tmp_path: Path) -> None:
    stage = Stage(tmp_path, ahead=1)
    failed = threading.Event()

    def fail(request: LoopRequest, step: int) -> None:
        if request.label == "ahead":
            failed.set()
            raise MemoryError("there is no more memory")

    stage.worker.at_step = fail
    stage.service.start()
    try:
        stage.ask("first")
        stage.wait(lambda: stage.done("first"))
        stage.service.foresee([replace(REQUEST, label="ahead", prompt="ahead")])
        assert failed.wait(10)
        stage.ask("second")
        stage.wait(lambda: stage.done("second"))
    finally:
        stage.service.close()


def test_real_work_stops_what_is_made_ahead_at_its_next_step(tmp_path: Path) -> None:
    stage = Stage(tmp_path, ahead=1)
    ahead = replace(REQUEST, label="ahead", prompt="ahead")
    steps: list[str] = []

    def press(request: LoopRequest, step: int) -> None:
        steps.append(request.label)
        if request.label == "ahead" and step == 2:
            stage.ask("real")

    stage.worker.at_step = press
    stage.service.start()
    try:
        stage.ask("first")
        stage.wait(lambda: stage.done("first"))
        stage.service.foresee([ahead])
        stage.wait(lambda: stage.done("real"))
        assert steps.count("ahead") == 3
        assert stage.service.counts["ahead given up"] == 1
    finally:
        stage.service.close()


def test_a_loop_that_is_being_made_ahead_is_not_begun_again_when_it_is_asked_for(tmp_path: Path) -> None:
    stage = Stage(tmp_path, ahead=1)
    ahead = replace(REQUEST, label="ahead", prompt="ahead")

    def press(request: LoopRequest, step: int) -> None:
        if request.label == "ahead" and step == 2:
            stage.service.submit(4, ahead, [ME])

    stage.worker.at_step = press
    stage.service.start()
    try:
        stage.ask("first")
        stage.wait(lambda: stage.done("first"))
        stage.service.foresee([ahead])
        stage.wait(lambda: stage.done("ahead"))
        assert [label for label, _, _ in stage.worker.renders] == ["first", "ahead"]
        assert stage.service.counts["predicted"] == 1
    finally:
        stage.service.close()


def test_a_loop_at_another_tempo_is_decoded_from_the_file_that_plays(stage: Stage) -> None:
    request = stage.ask("loop")
    stage.wait(lambda: stage.done("loop"))
    (finished,) = [event for event in stage.events if isinstance(event, Finished)]
    assert finished.loop is not None
    stage.service.submit(1, request.retuned(Tempo.parse(126)), [ME], finished.loop)
    stage.wait(lambda: len(stage.loops()) == 2)
    assert stage.worker.renders[-1] == ("loop", "normal", True)
    Path(finished.path).write_bytes(b"another file by now")
    stage.service.submit(1, request.retuned(Tempo.parse(127)), [ME], finished.loop)
    stage.wait(lambda: len(stage.loops()) == 3)
    assert stage.worker.renders[-1] == ("loop", "normal", False), "its recipe makes the same latents"


def test_a_loop_whose_latents_are_there_is_decoded_and_not_drafted(stage: Stage) -> None:
    stage.ask("learn")
    stage.wait(lambda: stage.done("learn"))
    (finished,) = [event for event in stage.events if isinstance(event, Finished)]
    stage.song = stage.song.started(stage.worker.now_s, Fraction(1))
    stage.ask("back at its tempo", base=finished.loop)
    stage.wait(lambda: stage.done("back at its tempo"))
    assert stage.worker.renders[1:] == [("back at its tempo", "normal", True)]


def test_render_times_are_those_of_columns_and_steps() -> None:
    times = RenderTimes()
    assert times.seconds(REQUEST) is None
    loop = RenderedLoop(b"w", "riff", 1, 44100, -14.0, {}, {"denoise": 1.2}, {})
    times.note(REQUEST, loop, 1.8)
    assert times.seconds(REQUEST) == pytest.approx(1.8)
    assert times.seconds(replace(REQUEST, quality="draft")) == pytest.approx(1.2)
    assert times.seconds(replace(REQUEST, bars=Fraction(4))) == pytest.approx(7.2)
    assert times.seconds(replace(REQUEST, model="other")) is None
    assert times.seconds(replace(REQUEST, guided=0.5)) is None
    # Drafts may be made by other nets: what one took is known better than any ratio.
    draft = replace(REQUEST, quality="draft")
    times.note(draft, replace(loop, timings={"denoise": 0.2}), 0.8)
    assert times.seconds(draft) == pytest.approx(0.8)
    assert times.seconds(REQUEST) == pytest.approx(1.8)


@given(st.integers(0, 40), st.integers(0, 30), st.floats(0.1, 1.0))
def test_what_is_made_ahead_is_bounded_and_leaves_time_to_others(
    wanted: int, limit: int, share: float
) -> None:
    ahead = LookAhead(limit, share)
    ahead.foresee([replace(REQUEST, seed=seed) for seed in range(wanted)])
    now_s, busy_s, made = 0.0, 0.0, 0
    while (wait_s := ahead.wait_s(now_s)) is not None:
        now_s += wait_s
        request = ahead.begin(now_s, lambda request: False)
        if request is None:
            break
        now_s, busy_s, made = now_s + 1.0, busy_s + 1.0, made + 1
        ahead.end(now_s - 1.0, now_s, made=True)
        assert ahead.was_made_ahead(request) and not ahead.was_made_ahead(request)
    assert made == min(wanted, limit)
    assert busy_s <= share * (now_s + 1.0 / share) + 1.0


def test_nothing_is_made_ahead_where_it_is_not_allowed() -> None:
    ahead = LookAhead(4, is_allowed=lambda: False)
    ahead.foresee([REQUEST])
    assert ahead.begin(10.0, lambda request: False) is None
