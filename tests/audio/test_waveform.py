from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from riffsidecar.audio import Waveform
from riffsidecar.errors import AudioError


def test_a_waveform_knows_its_shape_duration_and_peak() -> None:
    samples = np.array([[0.0, 0.5, -0.75], [0.25, 0.0, 0.0]], np.float32)
    waveform = Waveform(samples, 48_000)
    assert (waveform.channels, waveform.num_samples) == (2, 3)
    assert waveform.duration_s == Fraction(3, 48_000)
    assert waveform.peak == 0.75


def test_a_waveform_cannot_be_changed_through_it_or_behind_its_back() -> None:
    samples = np.zeros((1, 4), np.float32)
    waveform = Waveform(samples, 44_100)
    samples[0, 0] = 1.0
    assert waveform.samples[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        waveform.samples[0, 0] = 1.0


def test_a_view_that_is_already_read_only_is_not_copied() -> None:
    samples = np.zeros((1, 4), np.float32)
    samples.flags.writeable = False
    assert Waveform(samples, 44_100).samples is samples


def test_double_precision_becomes_float32() -> None:
    waveform = Waveform(np.full((1, 2), 0.1), 44_100)
    assert waveform.samples.dtype == np.float32
    assert waveform.samples.flags.c_contiguous


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(8, np.float32),
        np.zeros((0, 8), np.float32),
        np.zeros((2, 0), np.float32),
        np.zeros((9, 8), np.float32),
        np.zeros((1, 2, 3), np.float32),
        np.zeros((1, 8), np.int16),
        np.zeros((1, 8), np.complex64),
        np.array([[0.0, np.nan]], np.float32),
        np.array([[0.0, np.inf]], np.float32),
        np.array([[-np.inf, 0.0]], np.float32),
        np.array([[1e300]]),
        [[0.0, 0.0]],
        None,
    ],
)
def test_what_cannot_be_played_is_refused(samples: object) -> None:
    with pytest.raises(AudioError):
        Waveform(samples, 44_100)  # type: ignore[arg-type]


@pytest.mark.parametrize("sample_rate", [0, -44_100, 7_999, 768_001, 44_100.0, True, "44100", None])
def test_an_absurd_sample_rate_is_refused(sample_rate: object) -> None:
    with pytest.raises(AudioError, match="sample rate"):
        Waveform(np.zeros((1, 1), np.float32), sample_rate)  # type: ignore[arg-type]
