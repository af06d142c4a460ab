"""The windows of a journey as a model lays them: how many latent columns, and which bar each begins in."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.spectrogram_image import SpectrogramImageKind
from riffsidecar.errors import DiffusionError, MusicError
from riffsidecar.music import LoopLength
from riffsidecar.session.journeys import JourneyRequest

__all__ = ["JourneyGrid", "journey_grid"]

_PICTURE_BARS: Final = (2, 4, 8, 16)
_MOST_BEYOND: Final = 1.25
_LEAST_FRAMES: Final = 112
"""Frames of half a window that finding the phase of a line takes, with what lies before and behind."""


@dataclass(frozen=True, slots=True)
class JourneyGrid:
    """Lay latent columns along a journey: the same number in every window, evenly on its bars.

    Attributes:
        window: what is denoised at once; each half is shared with a neighbour.
        columns: latent columns of a window.
        frames_per_column: spectrogram frames of a column.

    Raises:
        DiffusionError: a window that has no halves.
    """

    window: LoopLength
    columns: int
    frames_per_column: int

    def __post_init__(self) -> None:
        """Refuse windows that cannot be halved."""
        if self.columns < 2 or self.columns % 2:
            raise DiffusionError(
                f"a window of {self.window.bars} bars has {self.columns} latent columns, but a journey needs "
                "an even number: choose another number of bars"
            )

    @property
    def segment_columns(self) -> int:
        """Return the latent columns of half a window."""
        return self.columns // 2

    @property
    def segment_bars(self) -> Fraction:
        """Return the bars of half a window."""
        return self.window.bars / 2

    @property
    def columns_per_bar(self) -> Fraction:
        """Return the latent columns of a bar; need not be whole."""
        return self.columns / self.window.bars

    @property
    def frame_s(self) -> Fraction:
        """Return the exact seconds from one frame to the next."""
        return self.window.duration_s / (self.columns * self.frames_per_column)

    def bars_of(self, index: int) -> list[int]:
        """Return the bar, counted along the journey, in which each column of a half window begins."""
        first = index * self.segment_columns
        return [int((first + n) / self.columns_per_bar // 1) for n in range(self.segment_columns)]

    def half(self, index: int) -> slice:
        """Return the columns of a half window in the even window that it belongs to."""
        half = self.segment_columns
        return slice(0, half) if index % 2 == 0 else slice(half, 2 * half)


def journey_grid(pipeline: LoopPipeline, journey: JourneyRequest) -> JourneyGrid:
    """Return the windows of a journey for a model.

    A model that knows the tempo takes the journey's own. One that was trained on pictures of some seconds
    takes as many bars as come nearest to those seconds and do not pass them by more than a quarter.
    """
    kind, window = pipeline.kind, journey.window
    if isinstance(kind, SpectrogramImageKind) and journey.form != "loops":
        trained_s = kind.trained_columns * kind.frames_per_column * pipeline.format.hop_ms / 1000.0
        window = _picture_window(pipeline, journey, _MOST_BEYOND * trained_s)
    return JourneyGrid(window, pipeline.columns(window), kind.frames_per_column)


def _picture_window(pipeline: LoopPipeline, journey: JourneyRequest, most_s: float) -> LoopLength:
    fitting: LoopLength | None = None
    for bars in _PICTURE_BARS:
        try:
            length = LoopLength(Fraction(bars), journey.meter, journey.tempo)
        except MusicError:
            continue
        if pipeline.frames(length) < 2 * _LEAST_FRAMES:
            continue
        if fitting is not None and float(length.duration_s) > most_s:
            break
        fitting = length
    return journey.window if fitting is None else fitting
