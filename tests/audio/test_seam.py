from __future__ import annotations

import doctest
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import riffsidecar.audio.seam
from riffsidecar.audio.seam import Seam, seam_measure
from riffsidecar.errors import AudioError

_LENGTH = 44_100
_LINES = (0, 11_025, 22_050, 33_075)


def _periodic(seed: int = 0) -> NDArray[np.float64]:
    """Coloured noise without any edge: its spectrum falls, its period is the array."""
    rng = np.random.default_rng(seed)
    spectrum = rng.standard_normal((1, _LENGTH // 2 + 1)) + 1j * rng.standard_normal((1, _LENGTH // 2 + 1))
    spectrum /= 1.0 + np.arange(_LENGTH // 2 + 1) / 200.0
    samples = np.fft.irfft(spectrum, _LENGTH)
    return np.asarray(samples / np.abs(samples).max() * 0.5)


def test_the_examples_in_the_docstring_hold() -> None:
    assert doctest.testmod(riffsidecar.audio.seam).failed == 0


def test_the_wrap_of_a_periodic_signal_is_an_ordinary_place() -> None:
    seam = seam_measure(_periodic(), _LINES)
    assert seam.jump < 1.0
    assert abs(seam.lpc_db) < 4.0
    assert all(abs(error) < 4.0 for error in seam.inner_lpc_db)


def test_a_click_at_the_wrap_shows_in_both_measures() -> None:
    # The longer circle, cut: its ends do not meet.
    cut = np.concatenate([_periodic(1), _periodic(2)], axis=1)[:, 5_000 : 5_000 + _LENGTH]
    cut = cut + np.linspace(-0.4, 0.4, _LENGTH)
    seam = seam_measure(cut, _LINES)
    assert seam.jump > 5.0
    assert seam.lpc_db > max(seam.inner_lpc_db) + 6.0
    assert max(seam.inner_jumps) < 1.5


def test_a_click_inside_shows_at_its_bar_line_only() -> None:
    samples = _periodic()
    samples[0, 11_025:] += 0.4
    samples -= np.linspace(0.0, 0.4, _LENGTH)
    seam = seam_measure(samples, _LINES)
    assert seam.inner_jumps[0] > 3.0 > 1.5 > max(seam.jump, *seam.inner_jumps[1:])


@settings(max_examples=15, deadline=None)
@given(st.floats(0.001, 100.0), st.integers(1, 3))
def test_the_measure_knows_no_volume_and_no_rotation_by_bars(gain: float, bars: int) -> None:
    base = seam_measure(_periodic(), _LINES)
    places = [(base.jump, base.lpc_db), *zip(base.inner_jumps, base.inner_lpc_db, strict=True)]
    turned = seam_measure(np.roll(_periodic(), -_LINES[bars], axis=1) * gain, _LINES)
    np.testing.assert_allclose((turned.jump, turned.lpc_db), places[bars], rtol=1e-3, atol=1e-3)


def test_the_worst_channel_counts() -> None:
    clean, broken = _periodic()[0], _periodic()[0] + np.linspace(-0.4, 0.4, _LENGTH)
    both = seam_measure(np.stack([clean, broken]), _LINES)
    assert both.jump == pytest.approx(seam_measure(broken[None], _LINES).jump)


def test_silence_has_no_seam() -> None:
    assert seam_measure(np.zeros((2, 1000)), (0, 500)) == Seam(0.0, 0.0, (0.0,), (0.0,))


def test_a_pure_tone_is_measured() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(_LENGTH) / 44_100)[None]
    assert np.isfinite(seam_measure(tone, _LINES).lpc_db)


def test_one_bar_has_no_inner_lines() -> None:
    seam = seam_measure(_periodic(), (0,))
    assert seam.inner_jumps == seam.inner_lpc_db == ()
    assert seam.to_dict()["inner_jumps"] == []


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(1000), "shape"),
        (np.zeros((0, 1000)), "shape"),
        (np.zeros((1, 100)), "too short"),
        (np.full((1, 1000), np.nan), "NaN"),
    ],
)
def test_samples_that_cannot_be_measured_are_refused(samples: NDArray[Any], message: str) -> None:
    with pytest.raises(AudioError, match=message):
        seam_measure(samples, (0,))
