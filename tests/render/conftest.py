"""Fixtures of the render tests."""

from __future__ import annotations

from fractions import Fraction

import pytest

from riffsidecar.music import Tempo
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.session.requests import LoopRequest


@pytest.fixture
def double_settings() -> WorkerSettings:
    """Settings of a worker that renders with the double."""
    return WorkerSettings(factory="support_pipeline:load_double", threads=1)


@pytest.fixture
def request_120() -> LoopRequest:
    """A short loop at 120 BPM."""
    return LoopRequest(prompt="quick", tempo=Tempo.parse(120), bars=Fraction(1))
