"""What the denoiser is trained on is what it is asked with."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from riffsidecar.diffusion.autoencoder import BeatGridAutoencoder
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
        density=0.25,
        brightness=0.5,
        energy=0.75,
        captions=("x",),
        attributes={},
    )


def test_training_and_rendering_are_told_the_same() -> None:
    record = LoopRecord.from_json(_record().to_json())
    assert record == _record()
    shown = DenoiserConfig(harmony_dropout=0.0, control_dropout=0.0)
    columns, controls = room._conditions(record, shown, np.random.default_rng(0))
    np.testing.assert_array_equal(columns, column_conditions(record.length, record.key, record.chords))
    np.testing.assert_array_equal(
        controls, control_vector(record.length, density=0.25, brightness=0.5, energy=0.75)
    )
    hidden = DenoiserConfig(harmony_dropout=1.0, control_dropout=1.0)
    columns, controls = room._conditions(record, hidden, np.random.default_rng(0))
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


class _OneLoop:
    """A data set of one loop of noise."""

    def __init__(self, record: LoopRecord) -> None:
        self.records = [record]

    def __len__(self) -> int:
        return 1

    def spectrogram(self, index: int) -> np.ndarray:
        frames = self.records[index].length.frames
        return np.random.default_rng(0).integers(0, 255, (2, 256, frames)).astype(np.uint8)


def test_kept_latents_are_encoded_again_when_anything_they_rest_on_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    shape = {"widths": (8, 8, 16), "encoder_blocks": (0, 0, 1), "decoder_blocks": (0, 0, 1)}
    vae = BeatGridAutoencoder(**shape, latents_mean=(0.0,) * 8, latents_std=(1.0,) * 8).eval()
    loops, cache = _OneLoop(_record(1)), tmp_path / "latents.npz"
    first = room.LatentSet(loops, vae, cache).latents[0]
    assert first.shape == (8, 32, 14) and first.dtype == np.float16
    with monkeypatch.context() as patch:
        patch.delattr(room, "_encoded")
        np.testing.assert_array_equal(room.LatentSet(loops, vae, cache).latents[0], first)
    vae.register_to_config(latents_std=(2.0,) * 8)
    second = room.LatentSet(loops, vae, cache).latents[0]
    np.testing.assert_allclose(second, first / 2, atol=2e-2)
    third = room.LatentSet(_OneLoop(_record(1, "6/8")), vae, cache).latents[0]
    assert third.shape == (8, 32, 12)
