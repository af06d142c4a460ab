"""Decode a line of half windows one after the other, so that nobody hears where one ends.

A decoder that hears a few columns is given those of the neighbours. Stable Diffusion's hears the whole
picture, by its norms and its attention: each half is decoded in both windows that hold it, and one turns into
the other.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from riffsidecar.diffusion.pipeline import LoopPipeline

__all__ = ["DECODER_REACH", "StretchDecoder"]

DECODER_REACH: Final = 12
"""Columns on either side that the embedded decoder's convolutions hear, rounded up from 9.25."""

Latents = NDArray[np.float16]
Frames = NDArray[np.float32]


class StretchDecoder:
    """Turn the latents of half windows into spectrograms.

    Args:
        pipeline: of either kind of model.
    """

    def __init__(self, pipeline: LoopPipeline) -> None:
        self._pipeline = pipeline
        self._per_column = pipeline.kind.frames_per_column

    def decode(self, left: Latents | None, latents: Latents, right: Latents | None) -> Frames:
        """Return the spectrogram (channels, n_mels, frames) of a half window between its neighbours.

        Where there is none, the line begins or ends.
        """
        if self._pipeline.kind.knows_tempo:
            return self._within_reach(left, latents, right)
        begins = None if right is None else self._window(latents, right, second=False)
        if left is None:
            return self._window(latents, None, second=False) if begins is None else begins
        ends = self._window(left, latents, second=True)
        if begins is None:
            return ends
        places = (np.arange(ends.shape[-1], dtype=np.float32) + np.float32(0.5)) / ends.shape[-1]
        rising = np.sin(np.float32(0.5 * np.pi) * places) ** 2
        return ends + rising * (begins - ends)

    def _within_reach(self, left: Latents | None, latents: Latents, right: Latents | None) -> Frames:
        nothing = latents[..., :0]
        before = nothing if left is None else left[..., -DECODER_REACH:]
        behind = nothing if right is None else right[..., :DECODER_REACH]
        chunk = np.concatenate([before, latents, behind], axis=-1).astype(np.float32)
        first = before.shape[-1] * self._per_column
        decoded = self._pipeline.decode(chunk)
        return decoded[:, :, first : first + latents.shape[-1] * self._per_column]

    def _window(self, first: Latents, then: Latents | None, *, second: bool) -> Frames:
        """Return the frames of one half of a window, decoded as a whole."""
        whole = first if then is None else np.concatenate([first, then], axis=-1)
        decoded = self._pipeline.decode(whole.astype(np.float32))
        frames = first.shape[-1] * self._per_column
        return decoded[:, :, frames:] if second else decoded[:, :, :frames]
