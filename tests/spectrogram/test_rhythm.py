"""What is left of a spectrogram when only its groove is wanted."""

from __future__ import annotations

import numpy as np

from riffsidecar.spectrogram.codec import denormalise
from riffsidecar.spectrogram.formats import BEAT_GRID
from riffsidecar.spectrogram.rhythm import GROOVE_BANDS, groove_of


def test_a_groove_keeps_when_and_how_loud_and_forgets_which_pitch() -> None:
    spectrogram = np.full((1, BEAT_GRID.n_mels, 64), -1.0, np.float32)
    other = spectrogram.copy()
    spectrogram[0, 20, ::16] = 0.5
    other[0, 30, ::16] = 0.5
    groove = groove_of(spectrogram, BEAT_GRID)
    assert np.allclose(groove, groove_of(other, BEAT_GRID), atol=1e-5)
    region = BEAT_GRID.n_mels // GROOVE_BANDS
    assert np.ptp(groove[0, :region, 0]) < 1e-5
    assert (groove[0, :region, 0] > -0.5).all() and (groove[0, :region, 8] == -1.0).all()
    energy = [float((denormalise(each, BEAT_GRID)[0, :, 0] ** 2).sum()) for each in (spectrogram, groove)]
    assert np.isclose(*energy, rtol=0.05)
