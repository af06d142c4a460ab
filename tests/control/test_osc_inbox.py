"""The queue keeps every command in its order, and of every knob the newest position."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st
from support_control import WAIT_S

from riffsidecar.control.osc_codec import RawMessage
from riffsidecar.control.osc_inbox import OscInbox, Received

PEER = ("127.0.0.1", 50000)


def received(address: str, data: bytes = b"") -> Received:
    return Received(RawMessage(address, data), PEER)


def taken(inbox: OscInbox) -> list[tuple[str, bytes]]:
    return [(item.raw.address, item.raw.data) for item in inbox.take(0.0)]


def test_a_pad_between_two_moves_is_triggered_between_them() -> None:
    inbox = OscInbox()
    inbox.put(received("/knob", b"1"), "knob")
    inbox.put(received("/pad"))
    inbox.put(received("/knob", b"2"), "knob")
    inbox.put(received("/knob", b"3"), "knob")
    assert taken(inbox) == [("/knob", b"1"), ("/pad", b""), ("/knob", b"3")]


def test_a_message_that_changes_nothing_does_not_keep_old_positions_alive() -> None:
    inbox = OscInbox()
    inbox.put(received("/knob", b"1"), "knob")
    inbox.put(received("/ping"), ordered=False)
    lost = inbox.put(received("/knob", b"2"), "knob")
    assert lost == received("/knob", b"1")
    assert taken(inbox) == [("/knob", b"2"), ("/ping", b"")]


def test_a_full_queue_hands_the_message_back_but_still_takes_newer_positions() -> None:
    inbox = OscInbox(capacity=2)
    inbox.put(received("/knob", b"1"), "knob")
    inbox.put(received("/ping"), ordered=False)
    late = received("/pad")
    assert inbox.put(late) is late
    inbox.put(received("/knob", b"2"), "knob")
    assert taken(inbox) == [("/knob", b"2"), ("/ping", b"")]


@given(st.lists(st.sampled_from(["a", "b", "c", "PAD"]), max_size=60))
def test_between_two_commands_every_knob_stands_where_it_was_left(names: list[str]) -> None:
    inbox = OscInbox()
    plain: dict[str, bytes] = {}
    expected = []
    for number, name in enumerate(names):
        data = str(number).encode()
        if name == "PAD":
            inbox.put(received(name, data))
            expected.append((data, dict(plain)))
        else:
            inbox.put(received(name, data), name)
            plain[name] = data
    seen: dict[str, bytes] = {}
    found = []
    for address, data in taken(inbox):
        if address == "PAD":
            found.append((data, dict(seen)))
        else:
            seen[address] = data
    assert (found, seen) == (expected, plain)


def test_closing_wakes_whoever_waits() -> None:
    inbox = OscInbox()
    results: list[list[Received]] = []
    waiting = threading.Thread(target=lambda: results.append(inbox.take()))
    waiting.start()
    inbox.close()
    waiting.join(WAIT_S)
    assert results == [[]]
