"""What the denoiser is trained on is what it is asked with."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from riffsidecar.diffusion.conditioning import PHASE_CHANNELS, column_conditions, control_vector
from riffsidecar.music import Chords, Key, Meter, Tempo
from riffsidecar.training import denoiser as room
from riffsidecar.training.compose import compose
from riffsidecar.training.config import DenoiserConfig
from riffsidecar.training.dataset import LoopRecord


def _record(bars: int = 3, meter: str = "7/8", chords: str = "Am F | C/E G | Dm9") -> LoopRecord:
    return LoopRecord(
        seed=1,
        family="piano",
        tempo=Tempo.parse(120),
        meter=Meter.parse(meter),
        bars=Fraction(bars),
        key=Key.parse("A dorian"),
        chords=Chords.parse(chords),
        captions=("x",),
        attributes={},
    )


def test_training_and_rendering_are_told_the_same() -> None:
    record = LoopRecord.from_json(_record().to_json())
    assert record == _record()
    shown = DenoiserConfig(harmony_dropout=0.0, control_dropout=0.0)
    measured = np.asarray([0.5, 0.125, 1.0], np.float32)
    columns, controls = room._conditions(record, measured, shown, np.random.default_rng(0))
    np.testing.assert_array_equal(columns, column_conditions(record.length, record.key, record.chords))
    np.testing.assert_array_equal(
        controls, control_vector(record.length, density=0.5, brightness=0.125, energy=1.0)
    )
    hidden = DenoiserConfig(harmony_dropout=1.0, control_dropout=1.0)
    columns, controls = room._conditions(record, measured, hidden, np.random.default_rng(0))
    np.testing.assert_array_equal(columns, column_conditions(record.length, None, None))
    np.testing.assert_array_equal(controls, control_vector(record.length))


@pytest.mark.parametrize("seed", range(40))
def test_a_composed_harmony_survives_its_record(seed: int) -> None:
    score = compose(seed)
    for harmony, kind in ((score.key, Key), (score.chords, Chords)):
        if harmony is not None:
            assert kind.parse(str(harmony)) == harmony


def test_a_loop_that_starts_at_another_bar_takes_its_harmony_along() -> None:
    record = _record()
    columns = column_conditions(record.length, record.key, record.chords)
    latents = np.arange(42.0)[None, None]
    starts = set()
    for seed in range(20):
        rolled, moved = room._rolled(latents, columns, record, np.random.default_rng(seed))
        start = int(rolled[0, 0, 0])
        starts.add(start)
        np.testing.assert_array_equal(rolled, np.roll(latents, -start, -1))
        np.testing.assert_array_equal(moved[:PHASE_CHANNELS], columns[:PHASE_CHANNELS])
        np.testing.assert_array_equal(moved[PHASE_CHANNELS:], np.roll(columns[PHASE_CHANNELS:], -start, -1))
    assert starts == {14, 28}
