"""What fails is in the log, once, whatever it was hit with; what somebody stopped is not."""

from __future__ import annotations

import pytest

from riffsidecar.daemon.failures import FailureLog
from riffsidecar.session.events import Failed, Origin


@pytest.fixture
def now() -> list[float]:
    return [0.0]


def test_a_pad_that_failed_leaves_a_line_over_every_surface(
    now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    log = FailureLog(lambda: now[0])
    for slot, surface in enumerate(("midi", "osc", "follow"), 1):
        log.note(Failed(Origin(surface), slot, "checkpoint", f"no checkpoint for {surface}; reinstall"))
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0] == "failed: slot 1: no checkpoint for midi; reinstall (checkpoint, over midi)"
    assert len(lines) == 3


@pytest.mark.parametrize("code", ["cancelled", "superseded", "internal"])
def test_what_was_stopped_or_has_its_traceback_leaves_none(
    code: str, caplog: pytest.LogCaptureFixture
) -> None:
    FailureLog().note(Failed(Origin("osc"), 1, code, "a newer one"))
    FailureLog().note(Failed(Origin("keys"), 1, "render", "said on the terminal"))
    assert not caplog.records


def test_many_who_asked_for_one_loop_are_one_line_and_asking_again_is_another(
    now: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    log = FailureLog(lambda: now[0])
    for number in range(20):
        log.note(Failed(Origin("osc", "", f"id:{number}"), 3, "render", "no sound"))
    assert len(caplog.records) == 1
    now[0] = 1.0
    log.note(Failed(Origin("osc"), 3, "render", "no sound"))
    assert len(caplog.records) == 2
    now[0] = 2.0
    log.note(Failed(Origin("osc"), None, "bad-value", "pads cannot be so"))
    assert caplog.records[2].getMessage() == "failed: pads cannot be so (bad-value, over osc)"
