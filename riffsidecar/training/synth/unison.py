"""Play notes on detuned table oscillators and bend their cutoffs: what the subtractive voices share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from riffsidecar.training.synth.events import Audio, Event, hertz
from riffsidecar.training.synth.kernels import stack, svf
from riffsidecar.training.synth.tables import harmonics_below, shape_table

__all__ = ["Unison", "cutoff_curve", "filtered", "steps", "vibrato"]


@dataclass(frozen=True, slots=True)
class Unison:
    """Hold the copies of one oscillator.

    Attributes:
        ratios: (voices,) frequency ratios.
        phases: (voices,) starts in cycles.
        lefts: (voices,) gains into the left channel.
        rights: (voices,) gains into the right channel.
    """

    ratios: NDArray[np.float64]
    phases: NDArray[np.float64]
    lefts: NDArray[np.float64]
    rights: NDArray[np.float64]

    @classmethod
    def spread(
        cls, rng: np.random.Generator, voices: int, cents: float, width: float, *, reset: bool = False
    ) -> Unison:
        """Spread ``voices`` over ``cents`` to either side and over ``width`` of the stereo field.

        Args:
            rng: Source of phases and of the unevenness.
            voices: How many copies.
            cents: Detune of the outermost copies.
            width: 0 to 1.
            reset: Start all copies at phase 0, for basses that must hit alike every time.
        """
        places = np.linspace(-1.0, 1.0, voices) if voices > 1 else np.zeros(1)
        offsets = places + (rng.uniform(-0.12, 0.12, voices) if voices > 2 else 0.0)
        phases = np.zeros(voices) if reset else rng.random(voices)
        order = rng.permutation(voices) if voices > 2 else np.arange(voices)
        angles = (places[order] * width + 1.0) * np.pi / 4.0
        level = np.sqrt(2.0 / voices)
        ratios = 2.0 ** (offsets * cents / 1200.0)
        return cls(ratios, phases, np.cos(angles) * level, np.sin(angles) * level)

    def play(
        self,
        event_hz: float,
        step: NDArray[np.float64],
        shape: str,
        other: str = "",
        morph: Audio | None = None,
    ) -> Audio:
        """Sound the copies of ``shape``, fading to the shape ``other`` along ``morph``."""
        harmonics = harmonics_below(event_hz * float(self.ratios.max()))
        first = shape_table(shape, harmonics)
        second = shape_table(other or shape, harmonics)
        return self.sound(step, first, second, morph)

    def sound(
        self, step: NDArray[np.float64], first: Audio, second: Audio, morph: Audio | None = None
    ) -> Audio:
        """Sound the copies of a pair of tables."""
        fade = np.zeros(step.shape[0], dtype=np.float32) if morph is None else morph
        out: Audio = stack(first, second, fade, step, self.ratios, self.phases, self.lefts, self.rights)
        return out


def steps(event: Event, num_samples: int, sample_rate: int, *, glide_s: float = 0.0) -> NDArray[np.float64]:
    """Return the cycles per sample of an event, sliding from where the note before it stood."""
    hz = hertz(event.pitch)
    out = np.full(num_samples, hz / sample_rate)
    if glide_s > 0.0 and event.glide_from != event.pitch:
        fall = np.exp(-np.arange(num_samples) / (glide_s * 0.3 * sample_rate))
        out *= 2.0 ** ((event.glide_from - event.pitch) / 12.0 * fall)
    return out


def vibrato(
    step: NDArray[np.float64],
    rate_hz: float,
    cents: float,
    delay_s: float,
    sample_rate: int,
    start: float = 0.0,
) -> NDArray[np.float64]:
    """Return ``step`` with a vibrato that sets in over ``delay_s``."""
    n = np.arange(step.shape[0]) / sample_rate
    depth = cents / 1200.0 * np.minimum(1.0, n / max(delay_s, 1e-3)) ** 2
    return step * 2.0 ** (depth * np.sin(2.0 * np.pi * (rate_hz * n + start)))


def cutoff_curve(
    num_samples: int, rest_hz: float, peak_hz: float, fall_s: float, sample_rate: int, rise_s: float = 0.0
) -> Audio:
    """Return a cutoff in fractions of the sample rate, falling from ``peak_hz`` to ``rest_hz``."""
    n = np.arange(num_samples, dtype=np.float32)
    fall = np.exp(n * np.float32(-6.9078 / (max(fall_s, 1e-3) * sample_rate)))
    if rise_s > 0.0:
        fall = fall * (1.0 - np.exp(n * np.float32(-3.0 / (rise_s * sample_rate))))
    octaves = np.log2(max(peak_hz, 20.0) / max(rest_hz, 20.0))
    out: Audio = (rest_hz * np.exp2(octaves * fall) / sample_rate).astype(np.float32)
    return out


def filtered(audio: Audio, cutoff: Audio, damping: float = 1.2, mode: int = 0, poles: int = 2) -> Audio:
    """Filter with one state-variable stage or two."""
    out: Audio = svf(audio, cutoff, damping if poles == 2 else max(damping, 0.2), mode)
    if poles == 4:
        out = svf(out, cutoff, 1.2, mode)
    return out
