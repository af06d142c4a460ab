"""What the mailbox promises."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.errors import BusyError, RenderError
from riffsidecar.music import Tempo
from riffsidecar.render.mailbox import MAX_JOINED, Mailbox, Ticket
from riffsidecar.session.events import Origin
from riffsidecar.session.requests import LoopRequest

REQUEST = LoopRequest(prompt="x", tempo=Tempo.parse(120))


def ticket(job_id: int, slot: int = 1, key: str | None = None) -> Ticket:
    return Ticket(job_id, slot, key or f"k{job_id}", REQUEST, (Origin("test", request_id=str(job_id)),))


def test_the_newest_request_of_a_slot_displaces_the_one_that_waits() -> None:
    box = Mailbox()
    box.post(ticket(1))
    assert box.post(ticket(2)).displaced == ticket(1)
    assert box.waiting == (ticket(2),)


def test_a_newer_request_interrupts_the_running_one_of_its_slot_once() -> None:
    box = Mailbox()
    box.post(ticket(1))
    box.start_next()
    assert box.post(ticket(2)).interrupted == ticket(1)
    assert box.stop_code == "superseded"
    assert box.post(ticket(3)).interrupted is None
    assert not box.commit()


def test_a_request_for_another_slot_leaves_the_running_one_alone() -> None:
    box = Mailbox()
    box.post(ticket(1, slot=1))
    box.start_next()
    posted = box.post(ticket(2, slot=2))
    assert posted.interrupted is None and posted.displaced is None
    assert box.commit()


def test_an_equal_request_joins_the_one_that_waits_or_runs() -> None:
    box = Mailbox()
    box.post(ticket(1, key="same"))
    assert box.post(ticket(2, key="same")).joined
    box.start_next()
    assert box.post(ticket(3, key="same")).joined
    assert [origin.request_id for origin in box.finish().origins] == ["1", "2", "3"]


def test_only_so_many_requesters_join_and_the_next_is_busy() -> None:
    box = Mailbox()
    for job_id in range(MAX_JOINED):
        box.post(ticket(job_id, key="same"))
    with pytest.raises(BusyError, match="64 times"):
        box.post(ticket(MAX_JOINED, key="same"))
    box.start_next()
    with pytest.raises(BusyError):
        box.post(ticket(MAX_JOINED, key="same"))
    assert len(box.finish().origins) == MAX_JOINED


def test_a_requester_without_a_name_for_its_requests_joins_once() -> None:
    box, pads = Mailbox(), (Origin("midi", "pads"),)
    for job_id in range(1000):
        box.post(replace(ticket(job_id, key="same"), origins=pads))
    assert box.waiting[0].origins == pads


def test_an_equal_request_does_not_join_a_render_that_is_being_stopped() -> None:
    box = Mailbox()
    box.post(ticket(1, key="a"))
    box.start_next()
    box.post(ticket(2, key="b"))
    posted = box.post(ticket(3, key="a"))
    assert not posted.joined and posted.displaced == ticket(2, key="b")


def test_a_committed_render_is_not_interrupted() -> None:
    box = Mailbox()
    box.post(ticket(1))
    box.start_next()
    assert box.commit()
    assert box.post(ticket(2)).interrupted is None
    assert box.cancel(1).interrupted is None
    assert box.finish() == ticket(1)


def test_a_replaced_request_keeps_its_place_in_the_line() -> None:
    box = Mailbox()
    box.post(ticket(1, slot=1))
    box.post(ticket(2, slot=2))
    box.post(ticket(3, slot=1))
    assert box.start_next() == ticket(3, slot=1)


def test_cancel_takes_the_waiting_out_and_marks_the_running() -> None:
    box = Mailbox()
    for job_id, slot in ((1, 1), (2, 2), (3, 3)):
        box.post(ticket(job_id, slot))
    box.start_next()
    assert box.cancel(2).withdrawn == (ticket(2, 2),)
    cancelled = box.cancel(None)
    assert cancelled.withdrawn == (ticket(3, 3),) and cancelled.interrupted == ticket(1, 1)
    assert box.stop_code == "cancelled"


def test_a_full_mailbox_is_busy_but_takes_replacements() -> None:
    box = Mailbox(capacity=2)
    box.post(ticket(1, slot=1))
    box.post(ticket(2, slot=2))
    with pytest.raises(BusyError):
        box.post(ticket(3, slot=3))
    assert box.post(ticket(4, slot=1)).displaced == ticket(1, slot=1)


def test_one_render_at_a_time() -> None:
    box = Mailbox()
    assert box.start_next() is None
    with pytest.raises(RenderError):
        box.finish()
    box.post(ticket(1, slot=1))
    box.post(ticket(2, slot=2))
    box.start_next()
    with pytest.raises(RenderError):
        box.start_next()


def test_a_ticket_needs_a_requester() -> None:
    with pytest.raises(RenderError):
        replace(ticket(1), origins=())


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("post"), st.integers(0, 3), st.integers(0, 2)),
            st.tuples(st.sampled_from(["start", "commit", "finish"]), st.just(0), st.just(0)),
            st.tuples(st.just("cancel"), st.integers(-1, 3), st.just(0)),
        ),
        max_size=60,
    )
)
def test_every_requester_leaves_exactly_once_and_no_slot_holds_more_than_two(
    actions: list[tuple[str, int, int]],
) -> None:
    box = Mailbox()
    asked: list[str] = []
    left: list[str] = []

    def leave(gone: Ticket | None) -> None:
        left.extend(origin.request_id for origin in gone.origins) if gone is not None else None

    for job_id, (action, slot, key) in enumerate(actions):
        if action == "post":
            asked.append(str(job_id))
            leave(box.post(ticket(job_id, slot, f"k{key}")).displaced)
        elif action == "start" and box.running is None:
            box.start_next()
        elif action == "commit" and box.running is not None:
            assert box.commit() is (box.stop_code is None)
        elif action == "finish" and box.running is not None:
            leave(box.finish())
        elif action == "cancel":
            for withdrawn in box.cancel(None if slot < 0 else slot).withdrawn:
                leave(withdrawn)
        slots = [waiting.slot for waiting in box.waiting]
        assert len(slots) == len(set(slots))
    held = [*box.waiting, *([box.running] if box.running else [])]
    remaining = [origin.request_id for each in held for origin in each.origins]
    assert sorted(left + remaining) == sorted(asked)
