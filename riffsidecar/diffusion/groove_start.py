"""What a model that knows no tempo begins from: a drawn groove, which keeps time for it."""

from __future__ import annotations

from typing import Final

from torch import Tensor

from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.music import LoopLength
from riffsidecar.music.groove import Groove
from riffsidecar.session.engines import NO_ANCHOR
from riffsidecar.spectrogram.groove import groove_spectrogram

__all__ = ["groove_start"]

_AUTO_GROOVE: Final = "backbeat"
_STRENGTH: Final = 0.8
"""How far a loop goes from a drawn groove: its authors let Riffusion go 0.75 to 0.95 from a seed picture."""


def groove_start(pipeline: LoopPipeline, length: LoopLength, anchor: str) -> tuple[Tensor | None, float]:
    """Return the latents (channels, rows, columns) that a loop begins from, and how far it goes from them.

    That is no latents, and all the way, for a model that knows the tempo and where ``anchor`` says none.
    """
    if pipeline.kind.knows_tempo or anchor == NO_ANCHOR:
        return None, 1.0
    picture = groove_spectrogram(
        Groove.parse(anchor or _AUTO_GROOVE),
        length,
        pipeline.frames(length),
        pipeline.format,
        pipeline.kind.audio_channels,
    )
    return pipeline.encode(picture), _STRENGTH
