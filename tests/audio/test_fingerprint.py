"""Loops that sound alike have fingerprints that are alike."""

from __future__ import annotations

import doctest

import numpy as np
from support_seeds import RATE, beat, recording

import riffsidecar.audio.fingerprint
from riffsidecar.audio.fingerprint import FINGERPRINT_SIZE, fingerprint, likeness


def test_a_fingerprint_is_small_finite_and_of_one_size() -> None:
    for samples in (beat(120, 2), np.zeros((1, RATE), np.float32), beat(90, 1)[:, :3000]):
        print_ = fingerprint(recording(samples), 2)
        assert print_.shape == (FINGERPRINT_SIZE,) and np.isfinite(print_.astype(float)).all()


def test_the_same_beat_at_another_tempo_is_nearer_than_another_sound() -> None:
    times = np.arange(4 * RATE) / RATE
    pad = np.stack([0.2 * np.sin(2 * np.pi * hz * times) for hz in (440.0, 554.0)]).astype(np.float32)
    mine = fingerprint(recording(beat(120, 2)), 2)
    others = np.stack([fingerprint(recording(beat(96, 2, seed=1)), 2), fingerprint(recording(pad), 2), mine])
    faster, other, same = likeness(mine, others)
    assert same > 0.999 and faster > 0.8 > other


def test_the_examples_are_true() -> None:
    assert doctest.testmod(riffsidecar.audio.fingerprint).failed == 0
