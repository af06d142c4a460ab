"""Audio to normalised mel spectrogram and back: the two doors of this room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from riffsidecar.errors import SpectrogramError
from riffsidecar.spectrogram.air import add_air
from riffsidecar.spectrogram.formats import BEAT_GRID, SpectrogramFormat
from riffsidecar.spectrogram.griffin_lim import fast_griffin_lim
from riffsidecar.spectrogram.mel import magnitudes_to_mel, mel_bank, mel_to_magnitudes
from riffsidecar.spectrogram.phase import heap_phase
from riffsidecar.spectrogram.stft import hann, resample_circular, stft, whole_hop

__all__ = [
    "analyse",
    "denormalise",
    "magnitudes_at_rate",
    "mel_magnitudes",
    "normalise",
    "reconstruct",
    "synthesise",
]

_TINY = 1e-10
_MEL_ITERATIONS = 15
_FADE_DB = 2.0
_HIGHEST = 2.0


def normalise(mel: NDArray[np.float32], fmt: SpectrogramFormat) -> NDArray[np.float32]:
    """Bring mel amplitudes to the format's normalised values.

    >>> [round(float(value), 3) + 0.0 for value in normalise(np.float32([0.0, 1e-4, 0.01, 1.0]), BEAT_GRID)]
    [-1.0, -1.0, 0.0, 1.0]
    """
    if fmt.scale == "root":
        loudest = max(float(mel.max(initial=0.0)), _TINY)
        return np.asarray(2.0 * (mel / loudest) ** fmt.exponent - 1.0, dtype=np.float32)
    decibels = 20.0 * np.log10(np.maximum(mel, np.float32(_TINY)))
    return np.maximum((decibels - fmt.floor_db) * (2.0 / fmt.range_db) - 1.0, -1.0).astype(np.float32)


def denormalise(spectrogram: NDArray[np.float32], fmt: SpectrogramFormat) -> NDArray[np.float32]:
    """Bring normalised values to mel amplitudes, the inverse of :func:`normalise`.

    What lies at the floor is silence, not a noise of -80 dB: the lowest 2 dB fade to nothing. Values a model
    overshoots to are held at 2.0 (40 dB over full scale in the beat-grid format).

    >>> [round(float(value), 6) for value in denormalise(np.float32([-1.0, 0.0, 1.0]), BEAT_GRID)]
    [0.0, 0.01, 1.0]
    """
    held = np.clip(spectrogram, -1.0, _HIGHEST)
    if fmt.scale == "root":
        return np.asarray(((held + 1.0) * 0.5) ** (1.0 / fmt.exponent), dtype=np.float32)
    above_floor = (held + 1.0) * (0.5 * fmt.range_db)
    mel = np.exp((above_floor + fmt.floor_db) * np.float32(np.log(10.0) / 20.0))
    return np.asarray(mel * np.minimum(above_floor * (1.0 / _FADE_DB), 1.0), dtype=np.float32)


def _checked_audio(samples: NDArray[Any]) -> NDArray[np.float32]:
    if samples.ndim != 2 or samples.shape[0] not in (1, 2) or samples.shape[1] < 1:
        raise SpectrogramError(
            f"samples have shape {samples.shape}, allowed is (1 or 2 channels, num_samples)"
        )
    if not np.issubdtype(samples.dtype, np.floating):
        raise SpectrogramError(f"samples are {samples.dtype}, allowed is floating point from -1 to 1")
    audio = np.asarray(samples, dtype=np.float32)
    if not np.isfinite(audio).all():
        raise SpectrogramError("samples contain NaN or infinity; only finite samples can be analysed")
    return audio


def analyse(
    samples: NDArray[Any],
    num_frames: int,
    fmt: SpectrogramFormat = BEAT_GRID,
    *,
    sample_rate: int | None = None,
    workers: int = 1,
) -> NDArray[np.float32]:
    """Turn one period of audio (channels, num_samples) into (channels, n_mels, num_frames), normalised.

    Frame ``t`` is centred at ``t * num_samples / num_frames`` on the circle: the period is first resampled to
    a whole hop, and the bands stay where they are in hertz. ``sample_rate`` is the format's unless given.

    Raises:
        SpectrogramError: samples or a number of frames that cannot be analysed.
    """
    audio = _checked_audio(samples)
    num_samples = audio.shape[1]
    if not 1 <= num_frames <= num_samples:
        raise SpectrogramError(
            f"num_frames is {num_frames}, allowed is 1 to {num_samples} for {num_samples} samples"
        )
    whole, rate = _whole_period(num_samples, num_frames, fmt, sample_rate)
    period = resample_circular(audio, whole, workers=workers)
    bank = mel_bank(fmt, rate)
    scale = np.float32(1.0) / _full_scale(fmt)
    mel = np.empty((audio.shape[0], fmt.n_mels, num_frames), dtype=np.float32)
    for channel in range(audio.shape[0]):
        spectrum = stft(period[channel], num_frames, fmt.win_length, n_fft=fmt.n_fft, workers=workers)
        mel[channel] = magnitudes_to_mel(np.abs(spectrum) * scale, bank)
    return normalise(mel, fmt)


def _whole_period(
    num_samples: int, num_frames: int, fmt: SpectrogramFormat, sample_rate: int | None
) -> tuple[int, float]:
    """Return the length of the period at a whole hop, and its sample rate."""
    duration_s = num_samples / float(fmt.sample_rate if sample_rate is None else sample_rate)
    whole = num_frames * whole_hop(duration_s * fmt.sample_rate, num_frames)
    return whole, whole / duration_s


def mel_magnitudes(
    spectrogram: NDArray[np.floating[Any]],
    num_samples: int,
    fmt: SpectrogramFormat = BEAT_GRID,
    *,
    sample_rate: int | None = None,
) -> tuple[NDArray[np.float32], int]:
    """Turn a normalised spectrogram (channels, n_mels, num_frames) into STFT magnitudes and their hop.

    Magnitudes are (channels, num_frames, win_length // 2 + 1), as those of
    :func:`riffsidecar.spectrogram.stft.stft`.

    Raises:
        SpectrogramError: a spectrogram, a length or a hop that cannot be.
    """
    if spectrogram.ndim != 3 or spectrogram.shape[0] not in (1, 2) or spectrogram.shape[1] != fmt.n_mels:
        raise SpectrogramError(
            f"the spectrogram has shape {spectrogram.shape}, allowed is (1 or 2, {fmt.n_mels}, num_frames)"
        )
    num_frames = spectrogram.shape[2]
    if num_frames < 1 or num_samples < num_frames:
        raise SpectrogramError(
            f"num_samples is {num_samples}, allowed is at least one a frame of {num_frames}"
        )
    if not np.isfinite(spectrogram).all():
        raise SpectrogramError("the spectrogram contains NaN or infinity; only finite values can be heard")
    whole, rate = _whole_period(num_samples, num_frames, fmt, sample_rate)
    hop = whole // num_frames
    if 2 * hop > fmt.win_length:
        raise SpectrogramError(
            f"{num_samples} samples in {num_frames} frames are {hop} apart; windows of {fmt.win_length} "
            f"allow at most {fmt.win_length // 2}: use more frames"
        )
    return magnitudes_at_rate(spectrogram, rate, fmt), hop


def magnitudes_at_rate(
    spectrogram: NDArray[np.floating[Any]], rate: float, fmt: SpectrogramFormat = BEAT_GRID
) -> NDArray[np.float32]:
    """Turn a normalised spectrogram (channels, n_mels, num_frames) into STFT magnitudes at a rate in Hz.

    Each frame is looked at by itself, so a stretch of a longer spectrogram gives that stretch of magnitudes.
    """
    bank = mel_bank(fmt, rate)
    # A padded analysis has bins between those of the window alone; the window's own are every so many.
    stride = fmt.n_fft // fmt.win_length
    mel = denormalise(np.asarray(spectrogram, dtype=np.float32), fmt)
    magnitudes = np.stack(
        [mel_to_magnitudes(channel, bank, iterations=_MEL_ITERATIONS)[:, ::stride] for channel in mel]
    )
    magnitudes *= _full_scale(fmt)
    return magnitudes


def _full_scale(fmt: SpectrogramFormat) -> np.float32:
    """Return the STFT magnitude of a full-scale sine at its bin."""
    return np.float32(float(hann(fmt.win_length, "float64").sum()) / 2.0)


def reconstruct(
    magnitudes: NDArray[np.float32],
    hop: int,
    win_length: int,
    *,
    iterations: int = 8,
    callback: Callable[[float], None] | None = None,
    workers: int = 1,
) -> NDArray[np.float32]:
    """Find the period of audio (channels, num_frames * hop) with these STFT magnitudes.

    ``magnitudes`` are (channels, num_frames, win_length // 2 + 1).
    Magnitudes say nothing of the phase between channels, so all start from one phase, that of their sum,
    which keeps a sound in the middle where it is; each is then refined by itself. (Refining the sum alone
    costs 1.5 dB of spectral convergence and 4 dB of the sides of reverberant loops, and gains the middle
    nothing.)

    Raises:
        SpectrogramError: magnitudes that cannot be used.
    """
    total = magnitudes.sum(axis=0)
    shared = heap_phase(total, hop, win_length)
    shared /= np.maximum(total, np.float32(1e-30))
    _report(callback, 0.2)
    return fast_griffin_lim(
        shared,
        magnitudes,
        hop,
        win_length,
        iterations=iterations,
        callback=lambda fraction: _report(callback, 0.2 + 0.8 * fraction),
        workers=workers,
    )


def _report(callback: Callable[[float], None] | None, fraction: float) -> None:
    if callback is not None:
        callback(fraction)


def synthesise(
    spectrogram: NDArray[np.floating[Any]],
    num_samples: int,
    fmt: SpectrogramFormat = BEAT_GRID,
    *,
    sample_rate: int | None = None,
    iterations: int = 8,
    callback: Callable[[float], None] | None = None,
    workers: int = 1,
    air: float = 0.0,
) -> NDArray[np.float32]:
    """Turn a normalised spectrogram (channels, n_mels, num_frames) into one period (channels, num_samples).

    Mel bands to magnitudes, gradient heap integration, fast Griffin-Lim, then the circle is resampled to
    exactly ``num_samples`` at ``sample_rate`` (the format's unless given). The same input gives the same
    bits. ``callback`` is called with the fraction done between stages and in each iteration; what it raises
    ends the work. ``air``, 0 to 1, fills in what is above the format's highest band (`add_air`).

    Raises:
        SpectrogramError: a spectrogram, a length or a hop that cannot be.
    """
    magnitudes, hop = mel_magnitudes(spectrogram, num_samples, fmt, sample_rate=sample_rate)
    if air > 0.0:
        _, rate = _whole_period(num_samples, spectrogram.shape[2], fmt, sample_rate)
        add_air(magnitudes, int(fmt.fmax_hz * fmt.win_length / rate), air)
    _report(callback, 0.1)
    period = reconstruct(
        magnitudes,
        hop,
        fmt.win_length,
        iterations=iterations,
        callback=lambda fraction: _report(callback, 0.1 + 0.85 * fraction),
        workers=workers,
    )
    samples = resample_circular(period, num_samples, workers=workers)
    _report(callback, 1.0)
    return samples
