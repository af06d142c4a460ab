"""Draw a groove as a spectrogram: an anchor in time for models that know no tempo.

Riffusion kept time by beginning every picture from one of five seed pictures, all of them two bars of 94
quarter notes a minute. A drawn groove is such a picture for any tempo, meter and number of bars. It is no
sound of its own: the model begins from it, at a strength that leaves little more of it than its beats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from riffsidecar.errors import SpectrogramError
from riffsidecar.music import LoopLength
from riffsidecar.music.groove import Groove
from riffsidecar.spectrogram.codec import normalise
from riffsidecar.spectrogram.formats import SpectrogramFormat
from riffsidecar.spectrogram.mel import hz_to_mel, mel_to_hz

__all__ = ["groove_spectrogram"]

_SLOPE_OCTAVES = 0.5
_AUDIBLE_DB = 80.0


@dataclass(frozen=True, slots=True)
class _Voice:
    """A drum as a picture: bands with their levels, and how long they ring.

    Attributes:
        bands: lowest and highest Hz, level, seconds to fall by 60 dB.
    """

    bands: tuple[tuple[float, float, float, float], ...]


_VOICES: Mapping[str, _Voice] = MappingProxyType(
    {
        "kick": _Voice(((40.0, 110.0, 1.0, 0.35), (110.0, 400.0, 0.25, 0.08), (1500.0, 5000.0, 0.03, 0.03))),
        "snare": _Voice(((160.0, 260.0, 0.4, 0.18), (900.0, 9000.0, 0.16, 0.22))),
        "hat": _Voice(((5500.0, 16000.0, 0.1, 0.09),)),
    }
)


def groove_spectrogram(
    groove: Groove, length: LoopLength, num_frames: int, fmt: SpectrogramFormat, channels: int = 1
) -> NDArray[np.float32]:
    """Return the normalised spectrogram (channels, n_mels, num_frames) of a groove over a whole loop.

    Hits lie on the loop's beats to a fraction of a frame, ring on the circle, and are as wide as the format's
    window makes them.

    Raises:
        SpectrogramError: no frames, or no channels.
    """
    if num_frames < 1 or channels not in (1, 2):
        raise SpectrogramError(
            f"a groove of {num_frames} frames and {channels} channels: must be 1 frame or more, 1 or 2 "
            "channels"
        )
    duration_s = float(length.duration_s)
    frame_s = duration_s / num_frames
    ends = hz_to_mel([fmt.fmin_hz, fmt.fmax_hz], fmt.mel_scale)
    centres = mel_to_hz(np.linspace(ends[0], ends[1], fmt.n_mels + 2)[1:-1], fmt.mel_scale)
    mel = np.zeros((fmt.n_mels, num_frames))
    window = _window(fmt, frame_s, num_frames)
    for voice, bands in _VOICES.items():
        struck = np.zeros(num_frames)
        for hit in groove.hits(length):
            if hit.voice == voice:
                _strike(struck, float(hit.at_quarters / length.quarters) * num_frames, hit.level)
        for low, high, level, ring_s in bands.bands:
            ring = 10.0 ** (-3.0 * np.arange(num_frames) * frame_s / ring_s)
            envelope = np.fft.irfft(np.fft.rfft(struck) * np.fft.rfft(ring) * np.fft.rfft(window), num_frames)
            mel += level * _band(centres, low, high)[:, None] * np.maximum(envelope, 0.0)
    mel = np.maximum(mel, mel.max(initial=0.0) * 10.0 ** (-_AUDIBLE_DB / 20.0))
    picture = normalise(mel[None].astype(np.float32), fmt)
    return np.repeat(picture, channels, axis=0)


def _strike(struck: NDArray[np.float64], place: float, level: float) -> None:
    """Add a hit between two frames, on the circle."""
    whole = int(np.floor(place))
    rest = place - whole
    struck[whole % len(struck)] += level * (1.0 - rest)
    struck[(whole + 1) % len(struck)] += level * rest


def _window(fmt: SpectrogramFormat, frame_s: float, num_frames: int) -> NDArray[np.float64]:
    """Return how the analysis window smears one frame over its neighbours, around frame 0 of the circle."""
    half_s = 0.5 * fmt.win_length / fmt.sample_rate
    apart_s = np.minimum(np.arange(num_frames), num_frames - np.arange(num_frames)) * frame_s
    smear = np.where(apart_s < half_s, 0.5 + 0.5 * np.cos(np.pi * apart_s / half_s), 0.0)
    total: NDArray[np.float64] = smear / smear.sum()
    return total


def _band(centres: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Return 1 inside a band, falling to nothing within half an octave beside it."""
    safe = np.maximum(centres, 1.0)
    outside = np.maximum(np.log2(low / safe), np.log2(safe / high)) / _SLOPE_OCTAVES
    return 0.5 + 0.5 * np.cos(np.pi * np.clip(outside, 0.0, 1.0))
