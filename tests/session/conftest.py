"""A bank of sixteen pads and a session on it."""

from __future__ import annotations

import pytest
from support_session import make_bank

from riffsidecar.session import Bank, BankLibrary, Session


@pytest.fixture
def bank() -> Bank:
    return make_bank()


@pytest.fixture
def session(bank: Bank) -> Session:
    return Session.start(BankLibrary((bank, make_bank("other", tempo=90, velocity_knob=None))))
