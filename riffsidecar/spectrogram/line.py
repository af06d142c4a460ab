"""Phase for sound that goes on: a line of frames, taken a stretch at a time, in memory that does not grow.

A loop's phase is found on a circle. Here each stretch begins with what the one before it has settled: the
phases of its last frames are where the heap integration starts, and its last samples are put back in every
iteration of Griffin-Lim, so that the new ones fit them. Behind each stretch lie frames of the next one, which
are only looked at. Silence between the two ends of the circle keeps them from hearing each other.

The last samples of a stretch stay open until the next one knows them too; both agree there, and one turns
into the other within half a window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riffsidecar.errors import SpectrogramError
from riffsidecar.spectrogram.griffin_lim import fast_griffin_lim
from riffsidecar.spectrogram.phase import heap_phase
from riffsidecar.spectrogram.stft import stft

__all__ = ["CONTEXT_FRAMES", "LOOK_AHEAD_FRAMES", "PhaseLine"]

CONTEXT_FRAMES = 24
"""Frames of the settled past that a stretch begins with."""

LOOK_AHEAD_FRAMES = 16
"""Frames of the stretch to come that a stretch looks at: more than a window at the longest hop."""

_TINY = np.float32(1e-30)

Audio = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Past:
    """What is settled: magnitudes of the last frames, and samples up to the frame that comes next."""

    magnitudes: NDArray[np.float32]
    samples: Audio


class PhaseLine:
    """Turn STFT magnitudes that arrive in order into audio that has no join.

    Args:
        hop: samples between frames.
        win_length: of the Hann window; at least four hops.
        iterations: of Griffin-Lim in each stretch.
        workers: threads of the transforms.

    Raises:
        SpectrogramError: a hop that the window does not cover four times.
    """

    def __init__(self, hop: int, win_length: int, *, iterations: int = 8, workers: int = 1) -> None:
        if not 1 <= hop <= win_length // 3:
            raise SpectrogramError(f"hop is {hop}, allowed is 1 to {win_length // 3} for {win_length}")
        self._hop, self._win = hop, win_length
        self._iterations, self._workers = iterations, workers
        self._guard = -(-win_length // hop) + 1
        self._past: _Past | None = None

    @property
    def open_samples(self) -> int:
        """Return how many samples at the end of a stretch come with the next one."""
        return self._win // 2

    def push(
        self,
        magnitudes: NDArray[np.float32],
        look_ahead: NDArray[np.float32],
        callback: Callable[[float], None] | None = None,
    ) -> Audio:
        """Take a stretch and return the audio (channels, num_samples) that is settled with it.

        That is from :attr:`open_samples` before its first frame up to as many before the frame that comes
        next; of the first stretch, from its first frame on. Nothing is taken where ``callback``, which is
        given the fraction done, raises.

        Args:
            magnitudes: (channels, num_frames, win_length // 2 + 1), at least `CONTEXT_FRAMES` frames.
            look_ahead: the frames that follow, `LOOK_AHEAD_FRAMES` of them.
            callback: called in each iteration.

        Raises:
            SpectrogramError: magnitudes that cannot be used.
        """
        if magnitudes.ndim != 3 or magnitudes.shape[1] < CONTEXT_FRAMES:
            raise SpectrogramError(
                f"a stretch has shape {magnitudes.shape}, allowed is (channels, {CONTEXT_FRAMES} or more "
                "frames, bins)"
            )
        channels, num_frames, num_bins = magnitudes.shape
        past = self._past
        behind = 0 if past is None else CONTEXT_FRAMES
        parts = [np.zeros((channels, self._guard, num_bins), np.float32)]
        if past is not None:
            parts.append(past.magnitudes)
        target = np.concatenate([*parts, magnitudes, look_ahead], axis=1)
        signal = self._solved(target, past, callback)
        start = (self._guard + behind) * self._hop
        end = start + num_frames * self._hop
        open_ = self.open_samples
        if past is None:
            history = signal[:, :end]
            settled = signal[:, start : end - open_]
        else:
            known, new = past.samples[:, -open_:], signal[:, start - open_ : start]
            rise = np.linspace(0.0, 1.0, open_, endpoint=False, dtype=np.float32)
            new += (1 - rise) * (known - new)
            settled = signal[:, start - open_ : end - open_]
            history = np.concatenate([past.samples[:, :-open_], signal[:, start - open_ : end]], axis=1)
        kept = CONTEXT_FRAMES * self._hop + self._win // 2
        self._past = _Past(magnitudes[:, -CONTEXT_FRAMES:].copy(), history[:, -kept:].copy())
        return settled.copy()

    def _solved(
        self, target: NDArray[np.float32], past: _Past | None, callback: Callable[[float], None] | None
    ) -> Audio:
        total = target.sum(axis=0)
        shared = heap_phase(total, self._hop, self._win, known=self._known_turns(past, total.shape[1]))
        shared /= np.maximum(total, _TINY)
        known = None
        if past is not None:
            known = ((self._guard + CONTEXT_FRAMES) * self._hop - past.samples.shape[1], past.samples)
        return fast_griffin_lim(
            shared,
            target,
            self._hop,
            self._win,
            iterations=self._iterations,
            callback=callback,
            workers=self._workers,
            known=known,
        )

    def _known_turns(self, past: _Past | None, num_bins: int) -> NDArray[np.float32] | None:
        """Return the phases in turns of the frames up to the last one that lies wholly in the past."""
        if past is None:
            return None
        half = self._win // 2
        # The samples begin half a window before the first of these frames, so frame i is i hops in.
        whole = CONTEXT_FRAMES - -(-half // self._hop)
        mixed = past.samples.sum(axis=0)
        padded = -(-mixed.shape[0] // self._hop) * self._hop
        line = np.zeros(padded, np.float32)
        line[: mixed.shape[0]] = mixed
        frames = stft(np.roll(line, -half), padded // self._hop, self._win, workers=self._workers)[:whole]
        turns = np.zeros((self._guard + whole, num_bins), np.float32)
        turns[self._guard :] = np.angle(frames) / np.float32(2.0 * np.pi)
        return turns
