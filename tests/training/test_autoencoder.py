"""Going on with a finished autoencoder: peaks count more, and its latents stay of use."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from riffsidecar.diffusion.autoencoder import BeatGridAutoencoder
from riffsidecar.errors import TrainingError
from riffsidecar.training.autoencoder import peak_loss, train_autoencoder
from riffsidecar.training.config import AutoencoderConfig, TrainingConfig
from riffsidecar.training.start import adopt_autoencoder_weights

EMBEDDED = Path(__file__).parents[2] / "riffsidecar" / "checkpoints" / "embedded"


def _partial() -> torch.Tensor:
    """One partial of 20 dB in band 100 over a floor of -60 dB, and its skirt."""
    spectrogram = torch.full((1, 2, 256, 32), -0.5)
    spectrogram[:, :, 99:102] = 0.0
    spectrogram[:, :, 100] = 0.5
    return spectrogram


def test_an_error_at_a_peak_counts_more_than_one_beside_it() -> None:
    target = _partial()
    at_the_peak, below = target.clone(), target.clone()
    at_the_peak[:, :, 100] -= 0.1
    below[:, :, 106] -= 0.1
    assert peak_loss(target, target) == 0.0
    assert peak_loss(at_the_peak, target) > 10 * peak_loss(below, target)


def test_a_peak_that_moves_by_a_band_costs_more_than_one_that_is_softer() -> None:
    target = _partial()
    moved, softer = target.roll(1, dims=2), target.clone()
    softer[:, :, 99:102] -= 0.1
    assert peak_loss(moved, target) > 3 * peak_loss(softer, target)


def test_a_run_begins_with_the_autoencoder_of_a_checkpoint() -> None:
    autoencoder = BeatGridAutoencoder()
    before = adopt_autoencoder_weights(EMBEDDED, autoencoder)
    assert all(torch.equal(a, b) for a, b in zip(autoencoder.parameters(), before.parameters(), strict=True))
    assert not any(parameter.requires_grad for parameter in before.parameters())
    assert all(parameter.requires_grad for parameter in autoencoder.parameters())


def test_an_autoencoder_of_another_shape_is_refused_by_name() -> None:
    with pytest.raises(TrainingError, match="does not fit this configuration"):
        adopt_autoencoder_weights(EMBEDDED, BeatGridAutoencoder(widths=(8, 8, 16)))


def test_latents_are_not_held_to_nothing(tmp_path: Path) -> None:
    config = TrainingConfig(autoencoder=AutoencoderConfig(anchor_weight=0.2))
    with pytest.raises(TrainingError, match="--start-from"):
        train_autoencoder(None, tmp_path, config, lambda *_: None)  # type: ignore[arg-type]
