from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from riffsidecar.diffusion.autoencoder import BeatGridAutoencoder
from riffsidecar.diffusion.pipeline import LoopPipeline


def _spectrogram(columns: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 2, 256, 16 * columns, generator=generator, dtype=torch.float64)


def _latents(columns: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(1, 8, 32, columns, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(("columns", "shift"), [(1, 0), (3, 1), (42, 1), (42, 14), (42, 41)])
@torch.no_grad()
def test_a_roll_by_columns_commutes_with_encoding_and_with_decoding(
    wide_pipeline: LoopPipeline, columns: int, shift: int
) -> None:
    vae, sound, latents = wide_pipeline.vae, _spectrogram(columns), _latents(columns)
    encoded, decoded = vae.encode(sound), vae.decode(latents)
    assert encoded.shape == (1, 8, 32, columns) and decoded.shape == sound.shape
    rolled = vae.encode(sound.roll(16 * shift, -1))
    torch.testing.assert_close(rolled, encoded.roll(shift, -1), rtol=0, atol=1e-11)
    rolled = vae.decode(latents.roll(shift, -1))
    torch.testing.assert_close(rolled, decoded.roll(16 * shift, -1), rtol=0, atol=1e-11)


@torch.no_grad()
def test_a_roll_by_half_a_column_is_another_sound(wide_pipeline: LoopPipeline) -> None:
    sound = _spectrogram(3)
    encoded = wide_pipeline.vae.encode(sound)
    assert not torch.allclose(wide_pipeline.vae.encode(sound.roll(8, -1)), encoded, atol=1e-3)


@torch.no_grad()
def test_a_loop_played_twice_has_its_latents_twice(wide_pipeline: LoopPipeline) -> None:
    vae, sound, latents = wide_pipeline.vae, _spectrogram(5), _latents(5)
    twice = vae.encode(sound.repeat(1, 1, 1, 2))
    torch.testing.assert_close(twice, vae.encode(sound).repeat(1, 1, 1, 2), rtol=0, atol=1e-11)
    twice = vae.decode(latents.repeat(1, 1, 1, 2))
    torch.testing.assert_close(twice, vae.decode(latents).repeat(1, 1, 1, 2), rtol=0, atol=1e-11)


@torch.no_grad()
def test_frequency_is_no_circle(wide_pipeline: LoopPipeline) -> None:
    sound = _spectrogram(2)
    moved = wide_pipeline.vae.encode(sound.roll(8, -2))
    assert not torch.allclose(moved, wide_pipeline.vae.encode(sound).roll(1, -2), atol=1e-3)


def _small(**options: object) -> BeatGridAutoencoder:
    torch.manual_seed(2)
    shape = {"widths": (8, 8, 16), "encoder_blocks": (0, 1, 1), "decoder_blocks": (0, 1, 1)}
    net: BeatGridAutoencoder = BeatGridAutoencoder(**shape, **options).double().eval()
    return net


@torch.no_grad()
def test_the_statistics_come_off_when_encoding_and_on_again_when_decoding() -> None:
    mean, std = tuple(0.5 * i for i in range(8)), tuple(0.5 + i for i in range(8))
    plain, scaled = _small(), _small(latents_mean=mean, latents_std=std)
    scaled.load_state_dict(plain.state_dict())
    raw, _ = plain.moments(_spectrogram(2))
    shift, scale = (torch.tensor(v, dtype=torch.float64).view(1, -1, 1, 1) for v in (mean, std))
    torch.testing.assert_close(scaled.encode(_spectrogram(2)), (raw - shift) / scale)
    torch.testing.assert_close(scaled.decode((raw - shift) / scale), plain.decode(raw))
    torch.testing.assert_close(scaled(_spectrogram(2)), plain(_spectrogram(2)))


@torch.no_grad()
def test_the_variance_of_any_sound_stays_in_its_bounds() -> None:
    _, log_variance = _small().moments(1e6 * _spectrogram(2))
    assert log_variance.min() >= -12.0 and log_variance.max() <= 4.0


@torch.no_grad()
def test_a_saved_autoencoder_is_the_same_one(tmp_path: Path) -> None:
    net = _small(latents_mean=(0.25,) * 8, latents_std=(2.0,) * 8).float()
    net.save_pretrained(tmp_path / "vae", safe_serialization=True)
    loaded = BeatGridAutoencoder.from_pretrained(tmp_path / "vae", local_files_only=True)
    sound = _spectrogram(2).float()
    assert torch.equal(loaded.encode(sound), net.encode(sound))
    assert torch.equal(loaded(sound), net(sound))
