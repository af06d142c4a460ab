"""Actions over OSC: one address each, from the table."""

from __future__ import annotations

import pytest
from support_control import osc_rig

from riffsidecar.control.osc_answers import query_rows, state_rows
from riffsidecar.control.osc_reference import osc_reference_markdown
from riffsidecar.control.osc_table import ADDRESSES
from riffsidecar.errors import RiffError, UnknownNameError
from riffsidecar.session import ACTIONS, Perform
from riffsidecar.session.events import Acked, Finished, Origin

LOOPS = [
    {
        "slot": 3,
        "path": "loops/a.wav",
        "kept": True,
        "undo": 1,
        "redo": 0,
        "locked_bars": "1-2",
        "locked_band": "",
    }
]


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_every_action_has_an_address_that_does_it(name: str) -> None:
    row = ADDRESSES[ACTIONS[name].osc]
    example = ACTIONS[name].example
    assert row.command((3, *example)) == Perform(name, example, 3)
    assert row.command((-1, *example)) == Perform(name, example)
    assert f"`{row.usage}`" in osc_reference_markdown()


def test_the_slot_may_be_left_out_where_nothing_has_to_follow() -> None:
    assert ADDRESSES["/riff/again"].command(()) == Perform("again")
    assert ADDRESSES["/riff/like"].command(()) == Perform("like", (0.5,))
    assert ADDRESSES["/riff/like"].usage == "/riff/like [slot] [distance]"
    assert ADDRESSES["/riff/lock/bars"].usage == "/riff/lock/bars slot from [to]"


@pytest.mark.parametrize(
    ("address", "arguments", "words"),
    [
        ("/riff/change", (3,), "usage is: /riff/change slot bar"),
        ("/riff/change", (3, 0), "from 1 to 64"),
        ("/riff/like", (3, 1.5), "from 0 to 1"),
        ("/riff/again", (17,), "from 0 to 16"),
        ("/riff/again", (-2,), "from 0 to 16"),
        ("/riff/drums", (3, "onyl"), "did you mean 'only'"),
        ("/riff/drums", (3, 1), "text"),
        ("/riff/undo", (3, 1), "usage is: /riff/undo"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(
    address: str, arguments: tuple[object, ...], words: str
) -> None:
    with pytest.raises(RiffError, match=words):
        ADDRESSES[address].command(arguments)  # type: ignore[arg-type]


def test_a_client_that_goes_back_hears_of_the_file_before() -> None:
    with osc_rig() as (surface, recorder, probe):
        probe.send("/riff/undo", 3, "id:back")
        envelope = recorder.next()
        assert envelope.command == Perform("undo", slot=3)
        surface.notify(Acked(envelope.origin, 3))
        surface.notify(
            Finished(envelope.origin, 3, "loops/a.wav", 4.0, 124.0, "Am", 7, 341419, 44100, 0.0, True)
        )
        done = probe.until("/riff/done")[-1]
        assert done[1:4] == ("id:back", 3, "loops/a.wav")
        probe.send("/riff/agian", 3)
        assert "did you mean '/riff/again'" in str(probe.until("/riff/error")[-1][-1])


def test_the_loops_are_told_row_by_row_and_can_be_asked_for() -> None:
    rows = state_rows({"loops": LOOPS})
    assert rows == {("loop", 3): ("loop", 3, "loops/a.wav", 1, 1, 0, "1-2", "")}
    assert query_rows("loops", {"loops": LOOPS}) == [(3, "loops/a.wav", 1, 1, 0, "1-2", "")]
    assert query_rows("loops", {}) == []
    with pytest.raises(UnknownNameError, match="did you mean 'loops'"):
        query_rows("loosp", {})


def test_an_origin_without_a_name_is_answered_too() -> None:
    with osc_rig() as (surface, recorder, probe):
        probe.send("/riff/lock/bars", 3, 1, 2)
        assert recorder.command() == Perform("lock-bars", (1, 2), 3)
        surface.notify(Acked(Origin("osc", f"127.0.0.1:{probe.port}", "id:x"), None))
        assert probe.until("/riff/done")[-1][2] == -1
