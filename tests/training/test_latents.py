"""The latents and controls that a denoiser is trained on are encoded and measured once, and never stale."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from riffsidecar.diffusion.autoencoder import BeatGridAutoencoder
from riffsidecar.music import Meter, Tempo
from riffsidecar.training import latents
from riffsidecar.training.dataset import LoopRecord


def _autoencoder() -> BeatGridAutoencoder:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    shape = {"widths": (8, 8, 16), "encoder_blocks": (0, 0, 1), "decoder_blocks": (0, 0, 1)}
    return BeatGridAutoencoder(**shape, latents_mean=(0.0,) * 8, latents_std=(1.0,) * 8).eval()


def _record(bars: int, meter: str = "7/8", family: str = "piano") -> LoopRecord:
    return LoopRecord(
        seed=1,
        family=family,
        tempo=Tempo.parse(120),
        meter=Meter.parse(meter),
        bars=Fraction(bars),
        key=None,
        chords=None,
        captions=("x",),
        attributes={},
    )


class _Loops:
    """A data set of loops of noise, each louder than the one before."""

    def __init__(self, *records: LoopRecord) -> None:
        self.records = list(records)
        self.written: tuple[tuple[int, int], ...] = ((1, 1),)

    def __iter__(self) -> Iterator[LoopRecord]:
        return iter(self.records)

    def spectrogram(self, index: int) -> np.ndarray:
        frames = self.records[index].length.frames
        return np.random.default_rng(0).integers(40 * index, 255, (2, 256, frames)).astype(np.uint8)


def test_kept_latents_are_encoded_again_when_anything_they_rest_on_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vae = _autoencoder()
    loops, cache = _Loops(_record(1)), tmp_path / "latents.npz"
    first = latents.LatentSet(loops, vae, cache).latents[0]
    assert first.shape == (8, 32, 14) and first.dtype == np.float16
    with monkeypatch.context() as patch:
        patch.delattr(latents, "_encoded")
        np.testing.assert_array_equal(latents.LatentSet(loops, vae, cache).latents[0], first)
        told = _Loops(dataclasses.replace(_record(1), captions=("y", "z")))
        kept = latents.LatentSet(told, vae, cache)
        np.testing.assert_array_equal(kept.latents[0], first)
        assert kept.records[0].captions == ("y", "z")
    vae.register_to_config(latents_std=(2.0,) * 8)
    second = latents.LatentSet(loops, vae, cache).latents[0]
    np.testing.assert_allclose(second, first / 2, atol=2e-2)
    third = latents.LatentSet(_Loops(_record(1, "6/8")), vae, cache).latents[0]
    assert third.shape == (8, 32, 12)


def test_latents_outlive_another_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vae, loops, cache = _autoencoder(), _Loops(_record(1)), tmp_path / "latents.npz"
    first = latents.LatentSet(loops, vae, cache)
    with torch.no_grad():
        vae.decoder[0].weight.add_(1.0)
    monkeypatch.delattr(latents, "_encoded")
    again = latents.LatentSet(loops, vae, cache)
    np.testing.assert_array_equal(again.latents[0], first.latents[0])
    np.testing.assert_array_equal(again.controls, first.controls)


def test_controls_are_ranks_within_the_family(tmp_path: Path) -> None:
    loops = _Loops(_record(1), _record(1), _record(1), _record(1, family="bass"))
    controls = latents.LatentSet(loops, _autoencoder(), tmp_path / "latents.npz").controls
    assert controls[:, 2].tolist() == [0.0, 0.5, 1.0, 0.5]
