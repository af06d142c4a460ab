from __future__ import annotations

import numpy as np
import pytest

from riffsidecar.errors import SpectrogramError
from riffsidecar.spectrogram.air import add_air
from riffsidecar.spectrogram.codec import analyse, synthesise
from riffsidecar.spectrogram.formats import RIFFUSION

_EDGE = 1000


def _falling(db_per_octave: float) -> np.ndarray:
    bins = np.arange(1, 2207)
    magnitudes = (bins / 100.0) ** (db_per_octave / 6.02)
    return np.tile(magnitudes, (1, 4, 1)).astype(np.float32)


@pytest.mark.parametrize("slope", [-6.0, -12.0, -24.0])
def test_a_falling_spectrum_goes_on_falling(slope: float) -> None:
    true = _falling(slope)
    cut = true.copy()
    cut[..., _EDGE:] = 0.0
    add_air(cut, _EDGE)
    # An octave further nothing is told of any more.
    apart_db = 20 * np.log10(cut[..., _EDGE:1900] / true[..., _EDGE:1900])
    assert np.abs(apart_db).max() < 7.0
    np.testing.assert_array_equal(cut[..., : _EDGE - 10], true[..., : _EDGE - 10])


def test_silence_stays_silent_and_a_dark_sound_dark() -> None:
    silent = np.zeros((1, 3, 2206), np.float32)
    add_air(silent, _EDGE)
    assert silent.max() < 1e-6
    dark = _falling(-6.0)
    dark[..., 300:] = 0.0
    add_air(dark, _EDGE)
    assert dark[..., _EDGE:].max() < 1e-6


def test_the_amount_is_a_gain() -> None:
    whole, half = _falling(-12.0), _falling(-12.0)
    whole[..., _EDGE:] = half[..., _EDGE:] = 0.0
    add_air(whole, _EDGE)
    add_air(half, _EDGE, 0.5)
    np.testing.assert_allclose(half[..., _EDGE + 5 :], 0.5 * whole[..., _EDGE + 5 :], rtol=1e-5)
    for edge, amount in ((4, 1.0), (9999, 1.0), (_EDGE, 1.5)):
        with pytest.raises(SpectrogramError, match="must be from 8"):
            add_air(whole, edge, amount)


def test_air_is_heard_above_ten_kilohertz_and_nowhere_else() -> None:
    rng = np.random.default_rng(0)
    noise = (0.1 * rng.standard_normal((1, 64 * 441))).astype(np.float32)
    picture = analyse(noise, 64, RIFFUSION)
    plain, airy = (synthesise(picture, 64 * 441, RIFFUSION, air=amount)[0] for amount in (0.0, 1.0))
    hz = np.fft.rfftfreq(64 * 441, 1 / 44100)
    above, below = (hz > 10500) & (hz < 16000), (hz > 100) & (hz < 9000)
    power = [np.abs(np.fft.rfft(each)) ** 2 for each in (plain, airy)]
    true = np.abs(np.fft.rfft(noise[0])) ** 2
    scale = true[below].mean() / power[1][below].mean()
    assert power[0][above].mean() < 1e-3 * power[1][above].mean()
    assert 0.2 < scale * power[1][above].mean() / true[above].mean() < 5.0
    assert 0.8 < power[1][below].mean() / power[0][below].mean() < 1.25
