"""What strangers cause is logged, but not without end."""

from __future__ import annotations

import logging

import pytest

from riffsidecar.control.limits import LimitedLog, RateLimit


def test_a_flood_fills_no_log_and_what_was_held_back_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    log = LimitedLog(logging.getLogger("flood"), per_s=1.0, burst=3, clock=lambda: now[0])
    for number in range(1000):
        log.warning("packet %d", number)
    now[0] = 1.0
    log.warning("later")
    assert [record.getMessage() for record in caplog.records] == [
        "packet 0",
        "packet 1",
        "packet 2",
        "997 lines like the next one were held back",
        "later",
    ]


def test_a_clock_that_goes_back_lends_nothing() -> None:
    now = [100.0]
    limit = RateLimit(per_s=1.0, burst=1, clock=lambda: now[0])
    assert limit.allows()
    now[0] = 0.0
    assert not limit.allows()
