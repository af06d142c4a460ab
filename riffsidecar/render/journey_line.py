"""From the latents of half windows to sound that goes on: decode, phase, sample rate and level, in stretches.

Each stretch is half a window. It is decoded with what lies before and behind it, its phase goes on from the
stretch before, its samples are read at exact places of one endless line. What is held is a few stretches,
however long the journey is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio import Waveform
from riffsidecar.audio.loudness import integrated_lufs
from riffsidecar.diffusion.journey_grid import JourneyGrid
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.render.journey_decode import StretchDecoder
from riffsidecar.session.journeys import JourneyRequest
from riffsidecar.spectrogram.codec import magnitudes_at_rate
from riffsidecar.spectrogram.line import LOOK_AHEAD_FRAMES, PhaseLine
from riffsidecar.spectrogram.resample import HALF_TAPS, read_line

__all__ = ["LEAD_FRAMES", "TRAIL_FRAMES", "LineSynth", "Settled"]

LEAD_FRAMES: Final = 64
TRAIL_FRAMES: Final = 48
"""Frames before the first and behind the last stretch that are made and not heard."""

_SHIFT_FRAMES: Final = 32
"""How long before the end of a half window its phase is found: hits on the bar line then lie inside."""

_MOST_RAISED_DB: Final = 40.0
"""How far a stretch is raised at most, so that silence stays silent."""

_CEILING: Final = 10.0 ** (-1.1 / 20.0)
_OVERSAMPLING: Final = 4

Latents = NDArray[np.float16]
Samples = NDArray[np.float32]
Frames = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """The finished samples (channels, num_samples) of one stretch."""

    index: int
    samples: Samples


@dataclass(frozen=True, slots=True, eq=False)
class _Raw:
    """A stretch before its level is set, and the gain that it could take by itself."""

    index: int
    samples: Samples
    gain: float


class LineSynth:
    """Take the latents of half windows in their order; give their samples, two half windows later.

    Args:
        pipeline: for its decoder.
        journey: for tempo, rate and level.
        grid: how the windows of the journey are laid.
        first: the first half window that is to be heard; the one before it is taken too.
    """

    def __init__(
        self, pipeline: LoopPipeline, journey: JourneyRequest, grid: JourneyGrid, first: int
    ) -> None:
        self._journey, self._grid = journey, grid
        self._decoder = StretchDecoder(pipeline)
        self._format = pipeline.format
        self._hop = round(grid.frame_s * self._format.sample_rate)
        self._rate = self._hop / grid.frame_s
        self._step = self._rate / journey.sample_rate
        self._phase = PhaseLine(self._hop, self._format.win_length)
        self._first = first
        self._latents: list[tuple[int, Latents]] = []
        self._frames: Frames | None = None
        self._audio: Samples = np.zeros((pipeline.kind.audio_channels, 0), np.float32)
        begin = first * grid.segment_columns * grid.frames_per_column
        self._audio_start = (begin - LEAD_FRAMES) * self._hop
        self._raw: list[_Raw] = []
        self._done: list[Settled] = []
        self._edge_gain: float | None = None

    @property
    def held_samples(self) -> int:
        """Return how many samples of audio are held now."""
        return int(self._audio.shape[1]) + sum(raw.samples.shape[1] for raw in self._raw)

    @property
    def held_latents(self) -> int:
        """Return how many half windows of latents are held now."""
        return len(self._latents)

    def push(self, index: int, latents: Latents, progress: Callable[[float], None]) -> None:
        """Take the latents (channels, rows, columns) of a half window.

        Nothing is taken where ``progress``, which is given the fraction done, raises.
        """
        held = [*self._latents[-2:], (index, latents)]
        if len(held) > 1:
            # With its right neighbour here, the one before can be decoded.
            frames = self._joined(self._magnitudes(held, len(held) - 2))
            index = held[-2][0]
            if index >= self._first:
                cut = frames.shape[1] - _SHIFT_FRAMES
                self._continue(index, frames[:, :cut], frames[:, cut:], progress)
                frames = frames[:, cut:].copy()
            self._frames = frames
        self._latents = held

    def finish(self, progress: Callable[[float], None]) -> None:
        """End the line: the half window taken last stands behind the end and is not heard.

        What ``progress`` raises leaves it to be called again.
        """
        frames = self._joined(self._magnitudes(self._latents, len(self._latents) - 1))
        cut = _SHIFT_FRAMES + TRAIL_FRAMES
        self._continue(self._latents[-1][0], frames[:, :cut], frames[:, cut:], progress)
        while self._raw:
            self._set_level()

    def drain(self) -> list[Settled]:
        """Return the stretches whose samples are final, each once."""
        done, self._done = self._done, []
        return done

    def _magnitudes(self, held: list[tuple[int, Latents]], at: int) -> Frames:
        """Return the magnitudes (channels, frames, bins) of one of the held half windows."""
        index, latents = held[at]
        left = held[at - 1][1] if at else None
        right = held[at + 1][1] if at + 1 < len(held) else None
        spectrogram = self._decoder.decode(left, latents, right)
        if index < self._first:
            spectrogram = spectrogram[:, :, -LEAD_FRAMES:]
        magnitudes = magnitudes_at_rate(spectrogram, float(self._rate), self._format)
        magnitudes[:, :, 0] = 0.0
        return magnitudes

    def _joined(self, frames: Frames) -> Frames:
        """Return the frames that were left over and those that follow them."""
        return frames if self._frames is None else np.concatenate([self._frames, frames], axis=1)

    def _continue(
        self, index: int, frames: Frames, look_ahead: Frames, progress: Callable[[float], None]
    ) -> None:
        """Find the phase of more frames, and read the stretch before ``index``, which is whole then."""
        settled = self._phase.push(frames, look_ahead[:, :LOOK_AHEAD_FRAMES], progress)
        self._audio = np.concatenate([self._audio, settled], axis=1)
        if index > self._first:
            self._raw.append(self._read(index - 1))
        if len(self._raw) > 1:
            self._set_level()

    def _read(self, index: int) -> _Raw:
        """Read a stretch at the journey's sample rate, and drop what nothing will hear again."""
        start = self._journey.start_sample(int(index * self._grid.segment_bars))
        end = self._journey.start_sample(int((index + 1) * self._grid.segment_bars))
        samples = read_line(self._audio, self._audio_start, self._step, start, end - start)
        dense = self._step / _OVERSAMPLING
        peaks = read_line(
            self._audio, self._audio_start, dense, start * _OVERSAMPLING, (end - start) * _OVERSAMPLING
        )
        peak = max(float(np.abs(peaks).max()), 1e-9)
        unheard = int(end * self._step // 1) - 2 * HALF_TAPS - self._audio_start
        self._audio = self._audio[:, unheard:].copy()
        self._audio_start += unheard
        return _Raw(index, samples, min(self._wanted_gain(samples), _CEILING / peak))

    def _wanted_gain(self, samples: Samples) -> float:
        """Return the gain that brings a stretch to the journey's loudness.

        Pictures that are relative to their loudest place say nothing of how loud that was: it is measured.
        """
        is_absolute = self._format.scale == "decibels"
        reference = self._format.reference_lufs
        if not is_absolute:
            measured = integrated_lufs(Waveform(samples, self._journey.sample_rate))
            reference = max(measured, reference - _MOST_RAISED_DB)
        decibels = self._journey.loudness_lufs - reference
        return float(10.0 ** (decibels / 20.0))

    def _set_level(self) -> None:
        """Set the level of the oldest stretch: it moves between what it and its neighbours can take."""
        raw = self._raw.pop(0)
        behind = min(raw.gain, self._raw[0].gain) if self._raw else raw.gain
        before = raw.gain if self._edge_gain is None else self._edge_gain
        self._edge_gain = behind
        turn = np.linspace(0.0, np.pi, raw.samples.shape[1], endpoint=False)
        gain = before + (behind - before) * (0.5 - 0.5 * np.cos(turn))
        self._done.append(Settled(raw.index, (raw.samples * gain).astype(np.float32)))
