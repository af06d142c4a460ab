"""The kind of model that paints pictures of seconds: width, seams, windows, channels, the downbeat."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.diffusion.blend import seeded_noise
from riffsidecar.diffusion.kinds import SEAM_MODES
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.spectrogram_image import SpectrogramImageKind
from riffsidecar.diffusion.windows import over_windows, window_starts
from riffsidecar.errors import DiffusionError
from riffsidecar.music import LoopLength
from riffsidecar.music.groove import Groove
from riffsidecar.spectrogram.downbeat import downbeat_frame
from riffsidecar.spectrogram.groove import groove_spectrogram
from riffsidecar.spectrogram.image import image_to_spectrogram, spectrogram_to_image

_SHORT = LoopLength.parse(1, "4/4", 187.5)
_LONG = LoopLength.parse(8, "4/4", 187.5)


@pytest.mark.parametrize(
    ("bars", "meter", "bpm", "columns"),
    [
        (1, "4/4", 187.5, 16),
        (2, "4/4", 120, 50),
        (1, "4/4", 123, 24),
        ("1/4", "4/4", 140, 6),
        (4, "7/8", 93, 112),
    ],
)
def test_a_loop_is_as_wide_as_its_seconds_in_columns_that_halve_evenly(
    stable: LoopPipeline, bars: Any, meter: str, bpm: float, columns: int
) -> None:
    length = LoopLength.parse(bars, meter, bpm)
    assert stable.columns(length) == columns
    assert abs(stable.frames(length) - float(length.duration_s) * 100) <= 8.0
    assert stable.latent_shape == (4, 8)


@pytest.mark.parametrize("shift", [2, 6])
def test_in_circular_mode_everything_turns_together(stable: LoopPipeline, shift: int) -> None:
    noise = seeded_noise(5, 4, 8, 16)
    conditions = stable.condition("warm bass", negative_prompt="noise", length=_SHORT)
    plain = stable.denoise(noise, conditions, num_inference_steps=3)
    turned = stable.denoise(torch.roll(noise, shift, -1), conditions, num_inference_steps=3)
    scale = plain.abs().max()
    assert (turned - torch.roll(plain, shift, -1)).abs().max() < 1e-4 * scale
    shown, moved = stable.decode(plain), stable.decode(turned)
    np.testing.assert_allclose(moved, np.roll(shown, 8 * shift, -1), atol=1e-3)


def _seam(spectrogram: np.ndarray) -> float:
    """Return how much larger the step across the seam is than the median step between columns."""
    steps = np.abs(spectrogram - np.roll(spectrogram, 1, -1)).mean(axis=(0, 1))
    return float(steps[0] / np.median(steps))


def test_every_mode_but_the_line_closes_the_loop(stable: LoopPipeline) -> None:
    seams = {}
    for mode in SEAM_MODES:
        stable.set_seam(mode)
        made = [
            stable("bass", length=_SHORT, seed=s, num_inference_steps=4, guidance_scale=1.0) for s in range(4)
        ]
        seams[mode] = float(np.median([_seam(each.spectrogram) for each in made]))
    stable.set_seam("circular")
    for mode in ("circular", "roll", "repaint"):
        assert seams[mode] < seams["line"], seams


def test_an_unknown_seam_is_named(stable: LoopPipeline) -> None:
    with pytest.raises(DiffusionError, match="circular, roll, repaint, line"):
        stable.set_seam("circle")


def test_the_toggle_leaves_the_weights_alone(stable: LoopPipeline) -> None:
    before = {name: value.clone() for name, value in stable.denoiser.state_dict().items()}
    stable.set_circular(False)
    line = stable("bass", length=_SHORT, num_inference_steps=2).latents
    stable.set_circular(True)
    circle = stable("bass", length=_SHORT, num_inference_steps=2).latents
    assert not torch.equal(line, circle)
    assert all(torch.equal(before[name], value) for name, value in stable.denoiser.state_dict().items())


@given(st.integers(1, 400), st.integers(2, 96))
def test_windows_see_every_column_and_overlap_by_half(columns: int, width: int) -> None:
    starts = window_starts(columns, width)
    if not starts:
        assert columns <= 1.25 * width
        return
    gaps = np.diff([*starts, starts[0] + columns])
    assert gaps.max() <= -(-width // 2)
    assert gaps.max() - gaps.min() <= 1


def test_windows_that_say_the_same_say_it_of_the_whole() -> None:
    latents = torch.randn(1, 2, 3, 50, generator=torch.Generator().manual_seed(0))
    found = over_windows(lambda part: 2.0 * part, latents, window_starts(50, 16), 16)
    torch.testing.assert_close(found, 2.0 * latents)


def test_a_long_loop_is_painted_in_windows_of_the_width_that_was_trained(stable: LoopPipeline) -> None:
    seen: list[int] = []
    handle = stable.denoiser.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[-1]))
    try:
        loop = stable("bass", length=_LONG, num_inference_steps=2)
    finally:
        handle.remove()
    assert set(seen) == {16}
    assert loop.spectrogram.shape == (1, 64, 8 * 128)
    assert _seam(loop.spectrogram) < 4.0


def test_a_long_loop_turns_with_its_noise_by_whole_windows(stable: LoopPipeline) -> None:
    noise = seeded_noise(5, 4, 8, 128)
    conditions = stable.condition("bass", length=_LONG, guidance_scale=1.0)
    plain = stable.denoise(noise, conditions, num_inference_steps=2)
    turned = stable.denoise(torch.roll(noise, 16, -1), conditions, num_inference_steps=2)
    assert (turned - torch.roll(plain, 16, -1)).abs().max() < 1e-3 * plain.abs().max()


def test_what_is_drawn_is_what_riffusions_picture_says(stable: LoopPipeline) -> None:
    spectrogram = np.random.default_rng(0).uniform(-1, 1, (1, 64, 128)).astype(np.float32)
    picture = spectrogram_to_image(spectrogram)
    seen: list[torch.Tensor] = []
    handle = stable.vae.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        stable.encode(spectrogram)
    finally:
        handle.remove()
    shown = ((seen[0][0].permute(1, 2, 0) + 1) * 127.5).numpy()
    assert np.abs(shown - picture).max() <= 1.0
    np.testing.assert_allclose(image_to_spectrogram(picture), spectrogram, atol=2 / 255)


def test_stereo_pictures_leave_red_alone(stable: LoopPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SpectrogramImageKind, "planes", (1, 2))
    spectrogram = np.random.default_rng(0).uniform(-1, 1, (2, 64, 128)).astype(np.float32)
    seen: list[torch.Tensor] = []
    handle = stable.vae.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        latents = stable.encode(spectrogram)
    finally:
        handle.remove()
    shown = ((seen[0][0].permute(1, 2, 0) + 1) * 127.5).numpy()
    assert np.abs(shown - spectrogram_to_image(spectrogram)).max() <= 1.0
    assert stable.decode(latents).shape == (2, 64, 128)


class _Painted:
    """Encode and decode without loss: eight frames in a column, as they are."""

    def __init__(self, kind: SpectrogramImageKind) -> None:
        self.kind = kind

    def decode(self, latents: torch.Tensor) -> np.ndarray:
        return latents.permute(1, 2, 0).reshape(1, latents.shape[1], -1).numpy()

    def encode(self, spectrogram: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(spectrogram[0].copy()).reshape(spectrogram.shape[1], -1, 8).permute(2, 0, 1)


@pytest.mark.parametrize("turned", [0, 24, 37, 200])
def test_a_loop_made_from_text_alone_is_turned_to_its_downbeat(
    stable: LoopPipeline, monkeypatch: pytest.MonkeyPatch, turned: int
) -> None:
    length = LoopLength.parse(2, "4/4", 120)
    picture = groove_spectrogram(Groove("half-time"), length, 400, stable.format)
    painted = _Painted(stable.kind)  # type: ignore[arg-type]
    monkeypatch.setattr(stable.kind, "decode", painted.decode)
    monkeypatch.setattr(stable.kind, "encode", painted.encode)
    latents = painted.encode(np.roll(picture, turned, -1))
    settled = painted.decode(stable.settle(latents, length))
    shift = [np.abs(settled - np.roll(picture, s, -1)).max() for s in (0, 200)]
    assert min(shift) < 1e-6, "the loop begins on bar 1 or on bar 2"
    assert downbeat_frame(settled, length) in (0, 200)


def test_a_loop_with_a_seed_or_a_lock_is_not_turned(
    stable: LoopPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    settle = stable.kind.settle
    monkeypatch.setattr(stable.kind, "settle", lambda *args: calls.append(1) or settle(*args))
    loop = stable("bass", length=_SHORT, num_inference_steps=2)
    assert calls == [1]
    stable("bass", length=_SHORT, num_inference_steps=2, init_latents=loop.latents, strength=0.5)
    assert calls == [1]
