"""Play a part's notes on a General MIDI soundfont, through tinysoundfont.

The package is imported on first use only: training on our own synthesis alone does without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from riffsidecar.errors import TrainingError
from riffsidecar.training.synth import Audio, Event

__all__ = ["SoundfontPlayer", "default_soundfont", "soundfont_player"]

_CANDIDATES = (
    Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    Path("/usr/share/soundfonts/FluidR3_GM.sf2"),
    Path("/usr/share/sounds/sf3/FluidR3Mono_GM.sf3"),
    Path("/usr/share/sounds/sf3/MuseScore_General_Lite.sf3"),
)
_BYTES_PER_FRAME = 8
_SILENCE = 2e-4


def default_soundfont() -> Path | None:
    """Return the first MIT-licensed General MIDI soundfont that the system has, or None."""
    return next((path for path in _CANDIDATES if path.is_file()), None)


def _velocity(event: Event) -> int:
    return int(np.clip(round(event.velocity * 127), 1, 127))


class SoundfontPlayer:
    """Hold one loaded soundfont and play parts on it, one after the other.

    Args:
        path: An SF2 or SF3 file.
        sample_rate: In hertz.

    Raises:
        TrainingError: The package is not installed, or the file cannot be read.
    """

    def __init__(self, path: Path, sample_rate: int) -> None:
        """Load the soundfont, which takes about a second and three times the file's size of memory."""
        try:
            import tinysoundfont
        except ImportError as error:
            raise TrainingError(
                "tinysoundfont is not installed; `pip install --no-deps tinysoundfont`, "
                "or render with soundfont=None"
            ) from error
        self.sample_rate = sample_rate
        self._synth: Any = tinysoundfont.Synth(samplerate=sample_rate)
        try:
            self._id: int = self._synth.sfload(str(path), max_voices=192)
        except (RuntimeError, OSError) as error:
            raise TrainingError(f"soundfont {path} cannot be read: {error}") from error

    def play(
        self,
        program: int,
        bank: int,
        events: Sequence[Event],
        num_samples: int,
        *,
        tuning: float = 0.0,
        tail_s: float = 3.0,
    ) -> Audio:
        """Play events on one program so that what rings on is heard at the start of the loop.

        Melodic parts are rendered past the end of the loop and folded. Kits, whose hits cut each other, are
        rendered from ``tail_s`` before the loop, as if it had been playing already.

        Args:
            program: General MIDI program, from 0.
            bank: 0, or 128 for kits, whose notes are never released.
            events: The notes; onsets are exact to the sample.
            num_samples: Length of the loop.
            tuning: Semitones.
            tail_s: How long notes may ring past their loop at most.

        Returns:
            (2, num_samples) float32.
        """
        drums = bank == 128
        self._synth.program_select(0, self._id, 0 if drums else bank, program, drums)
        if self._synth.sfpreset_name(self._id, bank, program) is None:
            self._synth.program_select(0, self._id, 0, 0, drums)
        self._synth.set_tuning(0, tuning)
        tail = int(tail_s * self.sample_rate)
        out = self._steady(events, num_samples, tail) if drums else self._folded(events, num_samples, tail)
        self._synth.sounds_off(0)
        self._synth.generate_simple(2048)
        return np.ascontiguousarray(out.T)

    def _steady(self, events: Sequence[Event], num_samples: int, before: int) -> Audio:
        hits = sorted(
            (event.start + lap * num_samples + before, round(event.pitch), _velocity(event))
            for event in events
            for lap in range(-(before // num_samples) - 1, 1)
        )
        out = np.zeros((before + num_samples, 2), dtype=np.float32)
        view = out.data.cast("B")
        place = 0
        for sample, pitch, velocity in hits:
            if sample >= 0:
                place = self._render(view, place, sample)
                self._synth.noteon(0, pitch, velocity)
        self._render(view, place, len(out))
        return out[before:]

    def _folded(self, events: Sequence[Event], num_samples: int, tail: int) -> Audio:
        actions: list[tuple[int, int, int, int]] = []
        for event in events:
            actions.append((event.start, 1, round(event.pitch), _velocity(event)))
            actions.append((event.start + max(event.gate, 64), 0, round(event.pitch), 0))
        actions.sort()
        end = max(num_samples, max((action[0] for action in actions), default=0))
        out = np.zeros((end + tail, 2), dtype=np.float32)
        view = out.data.cast("B")
        place = 0
        for sample, on, pitch, velocity in actions:
            place = self._render(view, place, sample)
            if on:
                self._synth.noteon(0, pitch, velocity)
            else:
                self._synth.noteoff(0, pitch)
        place = self._render(view, place, end)
        block = self.sample_rate // 4
        while place < len(out):
            after = self._render(view, place, min(place + block, len(out)))
            quiet = float(np.abs(out[place:after]).max()) < _SILENCE
            place = after
            if quiet:
                break
        fade = min(place, self.sample_rate // 8)
        out[place - fade : place] *= np.linspace(1.0, 0.0, fade, dtype=np.float32)[:, None]
        folded = np.zeros((num_samples, 2), dtype=np.float32)
        for start in range(0, place, num_samples):
            piece = out[start : min(start + num_samples, place)]
            folded[: len(piece)] += piece
        return folded

    def _render(self, view: memoryview, place: int, until: int) -> int:
        if until > place:
            self._synth.generate_simple(
                until - place, view[place * _BYTES_PER_FRAME : until * _BYTES_PER_FRAME]
            )
        return max(place, until)


@lru_cache(maxsize=2)
def soundfont_player(path: Path, sample_rate: int) -> SoundfontPlayer:
    """Return the process's player for a soundfont, loaded once."""
    return SoundfontPlayer(path, sample_rate)
