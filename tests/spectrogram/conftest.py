from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture(scope="session")
def loop() -> NDArray[np.float32]:
    """Two bars at 120 BPM: hits, a bass note that rings over the wrap and a chord, off centre."""
    num_samples, rate = 176_400, 44_100
    rng = np.random.default_rng(3)
    time_s = np.arange(num_samples) / rate
    left = np.zeros(num_samples)
    right = np.zeros(num_samples)
    for beat in range(8):
        hit = rng.standard_normal(4000) * np.exp(-np.arange(4000) / 600) * 0.2
        start = beat * num_samples // 8
        left[start : start + 4000] += hit
        right[start : start + 4000] += 0.7 * hit
    for hz, gain in ((55.0, 0.3), (220.0, 0.1), (277.5, 0.1), (330.0, 0.1)):
        left += gain * np.sin(2 * np.pi * hz * time_s) * (1.0 + 0.3 * np.cos(np.pi * time_s))
        right += gain * np.sin(2 * np.pi * hz * time_s + 0.3)
    return np.stack([left, right]).astype(np.float32) * 0.6
