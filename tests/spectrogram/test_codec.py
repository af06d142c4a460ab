from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from riffsidecar.errors import SpectrogramError
from riffsidecar.spectrogram.codec import analyse, denormalise, normalise, synthesise
from riffsidecar.spectrogram.formats import BEAT_GRID, RIFFUSION
from riffsidecar.spectrogram.stft import resample_circular, stft

_FRAMES = 512


def _convergence_db(true: NDArray[np.float32], made: NDArray[np.float32]) -> float:
    wanted, got = (
        np.stack(
            [np.abs(stft(channel, _FRAMES, 2048)) for channel in resample_circular(samples, _FRAMES * 345)]
        )
        for samples in (true, made)
    )
    return float(20 * np.log10(np.linalg.norm(wanted - got) / np.linalg.norm(wanted)))


def test_a_loop_comes_back_from_its_mel_bands(loop: NDArray[np.float32]) -> None:
    mel = analyse(loop, _FRAMES)
    assert (mel.shape, mel.dtype) == ((2, 256, _FRAMES), np.float32)
    made = synthesise(mel, loop.shape[1])
    assert (made.shape, made.dtype) == (loop.shape, np.float32)
    assert _convergence_db(loop, made) < -14.0


def test_the_same_spectrogram_gives_the_same_bits(loop: NDArray[np.float32]) -> None:
    mel = analyse(loop, _FRAMES)
    assert np.array_equal(synthesise(mel, 176_401), synthesise(mel.copy(), 176_401))


def test_turning_the_circle_by_frames_turns_everything(loop: NDArray[np.float32]) -> None:
    # 128 frames are half a bar, a whole number of samples.
    mel = analyse(loop, _FRAMES)
    turned = analyse(np.roll(loop, 44_100, axis=1), _FRAMES)
    np.testing.assert_allclose(turned, np.roll(mel, 128, axis=2), atol=2e-3)
    made = synthesise(mel, loop.shape[1])
    again = synthesise(np.roll(mel, 128, axis=2), loop.shape[1])
    np.testing.assert_allclose(again, np.roll(made, 44_100, axis=1), atol=1e-3 * np.abs(made).max())


def test_the_middle_stays_in_the_middle(loop: NDArray[np.float32]) -> None:
    mel = analyse(loop[:1], _FRAMES)
    made = synthesise(np.repeat(mel, 2, axis=0), loop.shape[1])
    assert np.array_equal(made[0], made[1])


def test_mono_is_one_channel(loop: NDArray[np.float32]) -> None:
    assert synthesise(analyse(loop[:1], _FRAMES), loop.shape[1]).shape == (1, loop.shape[1])


@pytest.mark.parametrize("sample_rate", [48_000, 88_200, 96_000])
def test_every_output_rate_is_the_same_sound(loop: NDArray[np.float32], sample_rate: int) -> None:
    mel = analyse(loop, _FRAMES)
    base = synthesise(mel, loop.shape[1])
    num_samples = loop.shape[1] * sample_rate // 44_100
    made = synthesise(mel, num_samples, sample_rate=sample_rate)
    assert made.shape == (2, num_samples)
    np.testing.assert_allclose(resample_circular(made, loop.shape[1]), base, atol=2e-5)
    np.testing.assert_allclose(
        analyse(made, _FRAMES, sample_rate=sample_rate), analyse(base, _FRAMES), atol=5e-3
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.floats(240.0, 530.0))
def test_a_loop_is_exactly_as_long_as_asked(columns: int, hop: float) -> None:
    num_samples = round(columns * 16 * hop)
    noise = np.random.default_rng(columns).standard_normal((1, num_samples)) * 0.1
    made = synthesise(analyse(noise, columns * 16), num_samples, iterations=1)
    assert made.shape == (1, num_samples)
    assert np.isfinite(made).all()


@pytest.mark.parametrize("num_samples", [176_400, 176_000, 189_677])
def test_a_note_keeps_its_band_whatever_the_tempo(num_samples: int) -> None:
    # 997 Hz lies between two bands: a shift of a thousandth of its pitch would show.
    sine = np.sin(2 * np.pi * 997.0 * np.arange(num_samples) / 44_100)[None].astype(np.float32)
    bands = denormalise(analyse(sine, _FRAMES), BEAT_GRID)[0, :, _FRAMES // 2]
    centre = float((bands[60:72] * np.arange(60, 72)).sum() / bands[60:72].sum())
    assert centre == pytest.approx(64.59, abs=0.03)


def test_a_full_scale_sine_is_a_few_decibels_under_the_ceiling() -> None:
    sine = np.sin(2 * np.pi * 1000.0 * np.arange(88_200) / 44_100)[None].astype(np.float32)
    assert analyse(sine, 256).max() == pytest.approx(0.909, abs=0.005)


def test_silence_stays_silent() -> None:
    mel = analyse(np.zeros((2, 44_100), dtype=np.float32), 128)
    assert (mel == -1.0).all()
    assert not synthesise(mel, 44_100).any()


def test_what_lies_below_the_floor_is_not_noise() -> None:
    assert np.abs(synthesise(np.full((1, 256, 128), -1.2, dtype=np.float32), 44_100)).max() == 0.0


def test_an_overshooting_model_is_held() -> None:
    mel = np.full((1, 256, 64), 1e30, dtype=np.float32)
    assert np.isfinite(synthesise(mel, 22_050, iterations=0)).all()


@given(st.floats(-0.95, 1.5))
def test_normalisation_inverts_above_the_fade(value: float) -> None:
    again = normalise(denormalise(np.array([value], dtype=np.float32), BEAT_GRID), BEAT_GRID)
    assert float(again[0]) == pytest.approx(value, abs=1e-5)


def test_riffusions_columns_are_warped_to_the_bar(loop: NDArray[np.float32]) -> None:
    mel = analyse(loop[:1], 400, RIFFUSION)
    assert mel.shape == (1, 512, 400)
    assert (float(mel.min()) >= -1.0, float(mel.max())) == (True, 1.0)
    made = synthesise(mel, 180_000, RIFFUSION)
    assert made.shape == (1, 180_000)
    assert np.abs(analyse(made, 400, RIFFUSION) - mel).mean() < 0.1


class _StopError(Exception):
    pass


def test_progress_rises_to_one_through_every_stage(loop: NDArray[np.float32]) -> None:
    fractions: list[float] = []
    synthesise(analyse(loop, _FRAMES), loop.shape[1], iterations=6, callback=fractions.append)
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(fractions) >= 6 + 3


@pytest.mark.parametrize("calls", [1, 2, 5, 10])
def test_a_callback_that_raises_ends_the_work_there(loop: NDArray[np.float32], calls: int) -> None:
    seen: list[float] = []

    def stop(fraction: float) -> None:
        seen.append(fraction)
        if len(seen) == calls:
            raise _StopError

    with pytest.raises(_StopError):
        synthesise(analyse(loop, _FRAMES), loop.shape[1], callback=stop)
    assert len(seen) == calls


@pytest.mark.parametrize(
    ("samples", "num_frames", "message"),
    [
        (np.zeros(100), 4, "channels"),
        (np.zeros((3, 100)), 4, "channels"),
        (np.zeros((1, 0)), 4, "channels"),
        (np.zeros((1, 100), dtype=np.int16), 4, "floating point"),
        (np.full((1, 100), np.nan), 4, "NaN"),
        (np.full((1, 100), np.inf), 4, "NaN"),
        (np.zeros((1, 100)), 0, "num_frames"),
        (np.zeros((1, 100)), 101, "num_frames"),
    ],
)
def test_audio_that_cannot_be_analysed_is_refused(
    samples: NDArray[Any], num_frames: int, message: str
) -> None:
    with pytest.raises(SpectrogramError, match=message):
        analyse(samples, num_frames)


@pytest.mark.parametrize(
    ("shape", "num_samples", "message"),
    [
        ((256, 64), 22_050, "shape"),
        ((3, 256, 64), 22_050, "shape"),
        ((1, 128, 64), 22_050, "shape"),
        ((1, 256, 0), 22_050, "num_samples"),
        ((1, 256, 64), 10, "num_samples"),
        ((1, 256, 16), 44_100, "more frames"),
    ],
)
def test_a_spectrogram_that_cannot_be_heard_is_refused(
    shape: tuple[int, ...], num_samples: int, message: str
) -> None:
    with pytest.raises(SpectrogramError, match=message):
        synthesise(np.zeros(shape, dtype=np.float32), num_samples)


def test_values_that_are_not_numbers_are_refused() -> None:
    mel = np.zeros((1, 256, 64), dtype=np.float32)
    mel[0, 3, 5] = np.nan
    with pytest.raises(SpectrogramError, match="NaN"):
        synthesise(mel, 22_050)


def test_the_formats_come_without_the_transforms() -> None:
    code = (
        "import sys, riffsidecar.spectrogram.formats; print('numba' in sys.modules, 'scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
