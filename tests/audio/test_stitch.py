"""Loops of a chain can follow each other, whatever they sound like."""

from __future__ import annotations

import numpy as np
import pytest

from riffsidecar.audio.seam import seam_measure
from riffsidecar.audio.stitch import chain_stitch, stitched
from riffsidecar.errors import AudioError

RATE, SIZE = 44100, 44100


def tone(hz: float, phase: float) -> np.ndarray:
    at = 2 * np.pi * hz * np.arange(SIZE) / RATE + phase
    return np.stack([np.sin(at), 0.5 * np.sin(at)]).astype(np.float32)


def test_two_loops_that_meet_in_opposite_phase_are_joined() -> None:
    a, b = tone(220, 1.0), tone(330, 1.0 + np.pi)
    bare = seam_measure(np.concatenate([a, b], axis=1), [SIZE])
    stitch = chain_stitch(a, RATE)
    sewn = [stitched(loop, stitch, RATE) for loop in (a, b)]
    joined = seam_measure(np.concatenate(sewn, axis=1), [SIZE])
    assert bare.inner_jumps[0] > 5 and joined.inner_jumps[0] <= 1.5
    assert joined.inner_lpc_db[0] < bare.inner_lpc_db[0] - 3
    assert all(seam_measure(loop, [0]).jump <= 1.5 for loop in sewn)


def test_only_the_bar_line_is_touched() -> None:
    loop = tone(220, 0.3)
    made = stitched(loop, np.zeros_like(chain_stitch(loop, RATE)), RATE)
    changed = np.flatnonzero(np.any(made != loop, axis=0))
    assert made[0, 0] == 0 and made[0, -1] == 0
    assert set(changed) <= {*range(132), *range(SIZE - 353, SIZE)}


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(AudioError, match="too short"):
        chain_stitch(np.zeros((2, 500), np.float32), RATE)
    with pytest.raises(AudioError, match="the stitch is"):
        stitched(tone(100, 0), np.zeros((2, 3), np.float32), RATE)
