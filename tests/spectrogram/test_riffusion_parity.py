"""Riffusion's pictures of sound, against its published formulas written out here with numpy and librosa."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
from numpy.typing import NDArray

from riffsidecar.spectrogram.codec import analyse, denormalise, synthesise
from riffsidecar.spectrogram.formats import RIFFUSION
from riffsidecar.spectrogram.image import image_to_spectrogram, spectrogram_to_image
from riffsidecar.spectrogram.mel import mel_filterbank

_RATE, _HOP, _FRAMES = 44100, 441, 128
_INNER = slice(12, _FRAMES - 12)
"""Frames whose window, and its padding, touch neither end: at the ends theirs reflects and ours wraps."""


def _htk_bank() -> NDArray[np.float64]:
    """Return 512 HTK triangles of peak 1 over the bins of n_fft 17640, as torchaudio's formula has them."""
    mels = np.linspace(0.0, 2595.0 * np.log10(1.0 + 10000.0 / 700.0), 514)
    points = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    bins = np.linspace(0.0, _RATE / 2, 17640 // 2 + 1)
    slopes = points[None, :] - bins[:, None]
    gaps = np.diff(points)
    down, up = -slopes[:, :-2] / gaps[:-1], slopes[:, 2:] / gaps[1:]
    return np.maximum(0.0, np.minimum(down, up)).T


def _published_mel(audio: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return mel amplitudes: windows of 4410 in transforms of 17640, hop 441, centred, reflected."""
    padded = np.pad(audio, 17640 // 2, mode="reflect")
    window = np.zeros(17640)
    window[6615 : 6615 + 4410] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(4410) / 4410)
    frames = np.stack([padded[t * _HOP : t * _HOP + 17640] * window for t in range(len(audio) // _HOP)])
    return _htk_bank() @ np.abs(np.fft.rfft(frames, axis=1)).T


def _published_image(mel: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the picture: the clip's loudest is 1, to the power 0.25, inverted, cut to 8 bits, low below."""
    data = 255.0 - (mel / mel.max()) ** 0.25 * 255.0
    return np.repeat(data.astype(np.uint8)[::-1, :, None], 3, axis=2)


@pytest.fixture(scope="module")
def audio() -> NDArray[np.float64]:
    rng = np.random.default_rng(1)
    time_s = np.arange(_FRAMES * _HOP) / _RATE
    tones = sum(np.sin(2 * np.pi * hz * time_s) for hz in (82.4, 220.0, 554.4, 3136.0))
    hits = rng.standard_normal(len(time_s)) * np.exp(-((time_s * 6.0) % 1.0) * 9.0)
    fade = np.hanning(len(time_s))
    return (0.1 * tones + 0.2 * hits) * fade


def test_the_filterbank_is_theirs() -> None:
    np.testing.assert_allclose(mel_filterbank(RIFFUSION), _htk_bank(), atol=2e-5)
    theirs = librosa.filters.mel(
        sr=_RATE, n_fft=17640, n_mels=512, fmin=0.0, fmax=10000.0, htk=True, norm=None, dtype=np.float64
    )
    np.testing.assert_allclose(mel_filterbank(RIFFUSION), theirs, atol=2e-5)


def test_audio_becomes_their_mel_and_their_picture(audio: NDArray[np.float64]) -> None:
    published = _published_mel(audio)
    assert published.argmax() % _FRAMES in range(_INNER.start, _INNER.stop)
    ours = analyse(audio[None].astype(np.float32), _FRAMES, RIFFUSION)
    mel = denormalise(ours, RIFFUSION)[0]
    wanted = published / published.max()
    np.testing.assert_allclose(mel[:, _INNER], wanted[:, _INNER], atol=2e-6, rtol=2e-3)
    shown, theirs = spectrogram_to_image(ours), _published_image(published)
    assert shown.shape == theirs.shape == (512, _FRAMES, 3)
    apart = np.abs(shown.astype(int) - theirs.astype(int))[:, _INNER]
    assert apart.max() <= 1 and (apart == 0).mean() > 0.99


def test_librosa_sees_the_same_mel(audio: NDArray[np.float64]) -> None:
    spectrum = librosa.stft(
        audio, n_fft=17640, hop_length=441, win_length=4410, center=True, pad_mode="reflect"
    )
    theirs = _htk_bank() @ np.abs(spectrum)[:, :_FRAMES]
    np.testing.assert_allclose(_published_mel(audio), theirs, atol=1e-6 * theirs.max())


def test_a_picture_becomes_their_mel() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (512, 40, 3), dtype=np.uint8)
    mono = ((255.0 - picture[::-1, :, 0].astype(np.float64)) / 255.0) ** 4
    stereo = ((255.0 - picture[::-1, :, 1:].transpose(2, 0, 1).astype(np.float64)) / 255.0) ** 4
    np.testing.assert_allclose(denormalise(image_to_spectrogram(picture), RIFFUSION)[0], mono, atol=2e-6)
    np.testing.assert_allclose(
        denormalise(image_to_spectrogram(picture, stereo=True), RIFFUSION), stereo, atol=2e-6
    )


def test_a_picture_survives_mel_and_back_to_the_bit() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (512, 40, 3), dtype=np.uint8)
    picture[..., 1:] = picture[..., :1]
    again = spectrogram_to_image(image_to_spectrogram(picture))
    assert np.abs(again.astype(int) - picture).max() <= 1


def test_sound_from_a_picture_has_the_mel_of_the_picture(audio: NDArray[np.float64]) -> None:
    picture = _published_image(_published_mel(audio))
    spectrogram = image_to_spectrogram(picture)
    sound = synthesise(spectrogram, _FRAMES * _HOP, RIFFUSION)
    assert sound.shape == (1, _FRAMES * _HOP)
    heard = denormalise(analyse(sound, _FRAMES, RIFFUSION), RIFFUSION)[0]
    wanted = denormalise(spectrogram, RIFFUSION)[0]
    error = np.linalg.norm(heard * wanted.max() - wanted) / np.linalg.norm(wanted)
    # Theirs, 32 Griffin-Lim iterations: 0.075 on their own test clip, which is no noise.
    assert error < 0.2


@pytest.mark.parametrize(("num_samples", "rate"), [(60_000, 44100), (51_234, 44100), (70_000, 48000)])
def test_time_is_warped_in_the_picture_to_the_very_sample(
    audio: NDArray[np.float64], num_samples: int, rate: int
) -> None:
    spectrogram = image_to_spectrogram(_published_image(_published_mel(audio)))
    sound = synthesise(spectrogram, num_samples, RIFFUSION, sample_rate=rate)
    assert sound.shape == (1, num_samples)
    # Pitch stays where it is however time is warped: the loudest partials are where they were.
    power = np.abs(np.fft.rfft(sound[0] * np.hanning(num_samples))) ** 2
    hz = np.fft.rfftfreq(num_samples, 1 / rate)
    for partial in (220.0, 554.4):
        near = np.abs(hz - partial) < 40
        assert abs(hz[near][power[near].argmax()] - partial) < 8.0
