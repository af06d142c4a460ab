from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.errors import SpectrogramError
from riffsidecar.spectrogram.formats import BEAT_GRID, RIFFUSION, SpectrogramFormat
from riffsidecar.spectrogram.mel import (
    hz_to_mel,
    magnitudes_to_mel,
    mel_bank,
    mel_filterbank,
    mel_to_hz,
    mel_to_magnitudes,
    mel_to_uint8,
    uint8_to_mel,
)


@pytest.mark.parametrize("fmt", [BEAT_GRID, RIFFUSION], ids=["beat-grid", "riffusion"])
def test_the_filterbank_is_librosas(fmt: SpectrogramFormat) -> None:
    librosa = pytest.importorskip("librosa")
    expected = librosa.filters.mel(
        sr=fmt.sample_rate,
        n_fft=fmt.n_fft,
        n_mels=fmt.n_mels,
        fmin=fmt.fmin_hz,
        fmax=fmt.fmax_hz,
        htk=fmt.mel_scale == "htk",
        norm=None,
    )
    np.testing.assert_allclose(mel_filterbank(fmt), expected, atol=2e-6)


@pytest.mark.parametrize("fmt", [BEAT_GRID, RIFFUSION], ids=["beat-grid", "riffusion"])
def test_no_band_is_empty(fmt: SpectrogramFormat) -> None:
    assert mel_filterbank(fmt).max(axis=1).min() > 0.3


@given(st.floats(0.0, 20000.0), st.sampled_from(["slaney", "htk"]))
def test_the_mel_scale_inverts(hz: float, scale: str) -> None:
    assert float(mel_to_hz(hz_to_mel(hz, scale), scale)) == pytest.approx(hz, abs=1e-6)


def test_a_band_stays_where_it_is_in_hertz_when_the_rate_moves() -> None:
    bins_hz = np.arange(BEAT_GRID.num_bins) * 44188.0 / BEAT_GRID.n_fft
    bank = mel_bank(BEAT_GRID, 44188.0)
    edges = mel_to_hz(np.linspace(0.0, float(hz_to_mel(20000.0, "slaney")), 258), "slaney")
    heard = bins_hz < 20000.0
    assert np.all(edges[bank.bands[heard]] <= bins_hz[heard] + 1e-6)
    assert np.all(edges[bank.bands[heard] + 1] >= bins_hz[heard] - 1e-6)


def test_the_banded_sum_is_the_dense_product() -> None:
    magnitudes = np.random.default_rng(0).random((37, BEAT_GRID.num_bins), dtype=np.float32)
    expected = mel_filterbank(BEAT_GRID) @ magnitudes.T
    np.testing.assert_allclose(magnitudes_to_mel(magnitudes, mel_bank(BEAT_GRID)), expected, rtol=1e-4)


@pytest.mark.parametrize("fmt", [BEAT_GRID, RIFFUSION], ids=["beat-grid", "riffusion"])
def test_inverted_magnitudes_have_the_same_bands(fmt: SpectrogramFormat) -> None:
    # 21 frames: one whole block of lanes and a part of one.
    bank = mel_bank(fmt)
    mel = magnitudes_to_mel(np.random.default_rng(1).random((21, fmt.num_bins), dtype=np.float32), bank)
    again = magnitudes_to_mel(mel_to_magnitudes(mel, bank, iterations=60), bank)
    assert np.linalg.norm(again - mel) / np.linalg.norm(mel) < 0.01


def test_a_low_sine_is_recovered_bin_by_bin() -> None:
    true = np.zeros((1, BEAT_GRID.num_bins), dtype=np.float32)
    true[0, 19:22] = (0.5, 1.0, 0.5)
    bank = mel_bank(BEAT_GRID)
    made = mel_to_magnitudes(magnitudes_to_mel(true, bank), bank, iterations=200)
    np.testing.assert_allclose(made, true, atol=0.02)


def test_silence_inverts_to_silence() -> None:
    made = mel_to_magnitudes(np.zeros((256, 5), dtype=np.float32), mel_bank(BEAT_GRID))
    assert made.shape == (5, 1025)
    assert not made.any()


@pytest.mark.parametrize("bad", [-1.0, np.nan])
def test_negative_or_missing_amplitudes_are_refused(bad: float) -> None:
    with pytest.raises(SpectrogramError, match="negative or NaN"):
        mel_to_magnitudes(np.full((256, 3), bad, dtype=np.float32), mel_bank(BEAT_GRID))


def test_another_banks_shapes_are_refused() -> None:
    bank = mel_bank(replace(BEAT_GRID, n_mels=80))
    with pytest.raises(SpectrogramError, match=r"\(80, num_frames\)"):
        mel_to_magnitudes(np.zeros((256, 3), dtype=np.float32), bank)
    with pytest.raises(SpectrogramError, match="1025"):
        magnitudes_to_mel(np.zeros((3, 513), dtype=np.float32), bank)


@given(st.floats(-1.0, 1.06))
def test_storage_is_exact_to_half_a_step(value: float) -> None:
    stored = uint8_to_mel(mel_to_uint8(np.array([value])))[0]
    assert abs(float(stored) - value) <= 2.06 / 255 / 2 + 1e-6


def test_every_stored_value_survives() -> None:
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal(mel_to_uint8(uint8_to_mel(every)), every)
