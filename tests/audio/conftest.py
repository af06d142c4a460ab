from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from riffsidecar.audio import LoopTags, Waveform
from riffsidecar.music import Key, Meter


@pytest.fixture
def waveform() -> Waveform:
    samples = 0.2 * np.random.default_rng(1).standard_normal((2, 5_001))
    return Waveform(np.clip(samples, -1, 1), 44_100)


@pytest.fixture
def make_tags() -> Callable[..., LoopTags]:
    def make(**changes: Any) -> LoopTags:
        values: dict[str, Any] = {
            "title": "Dusty drums",
            "bpm": Fraction(175, 2),
            "beats": Fraction(16),
            "meter": Meter(4, 4),
            "key": Key.parse("F#m"),
            "prompt": "dusty drums, vinyl",
            "seed": 42,
            "genre": "Lo-Fi",
            "software": "riffsidecar 0.1.0",
            "recipe": {"recipe": 1, "model": "embedded", "bars": "4"},
        }
        return LoopTags(**(values | changes))

    return make
