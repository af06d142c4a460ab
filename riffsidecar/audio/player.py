"""Play loops against one bar grid: state in, a block of samples and the next state out. Only numpy.

The grid is exact: bar ``k`` begins at sample ``round(k * samples_per_bar)``, however blocks are cut. What is
asked for during a bar happens at the next bar line, to the sample: the old loop sounds up to the line, the
new one begins on it with its first sample, and nothing lies in between. A loop of B bars comes round at every
B-th line after the one it began on, so that hours of it stay on the grid; where its whole number of samples
and the grid disagree by one, its circle is read one sample on.

A block costs additions of slices and no other memory than what the caller gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from riffsidecar.audio.waveform import Waveform
from riffsidecar.errors import AudioError
from riffsidecar.music import Meter, Tempo

__all__ = ["CHANNELS", "Deck", "PlayedLoop", "Voice", "bar_line", "mix", "prepared"]

CHANNELS: Final = 2
_EMPTY: Final[Mapping[int, Any]] = MappingProxyType({})

Block = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class PlayedLoop:
    """A loop that is ready to be played: interleaved samples (num_samples, 2), and its bars."""

    frames: Block = field(repr=False)
    bars: int
    name: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be played."""
        if self.frames.ndim != 2 or self.frames.shape[1] != CHANNELS or not self.frames.shape[0]:
            raise AudioError(f"frames have shape {self.frames.shape}; allowed is (num_samples, {CHANNELS})")
        if self.bars < 1:
            raise AudioError(f"a loop of {self.bars} bars cannot be played; give one of whole bars")


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """A loop that sounds since a bar line; ``first_bar`` is the number of that bar."""

    loop: PlayedLoop
    first_bar: int


@dataclass(frozen=True, slots=True, eq=False)
class Deck:
    """The state of the player.

    Attributes:
        samples_per_bar: exact.
        position: the next sample to be played.
        voices: what sounds, by pad; ``pending`` what each pad plays from the next bar line on, None for
            nothing.
    """

    samples_per_bar: Fraction
    position: int = 0
    voices: Mapping[int, Voice] = field(default_factory=lambda: _EMPTY)
    pending: Mapping[int, PlayedLoop | None] = field(default_factory=lambda: _EMPTY)

    def __post_init__(self) -> None:
        """Refuse a grid that cannot be."""
        if not self.samples_per_bar >= 1 or self.position < 0:
            raise AudioError(
                f"a bar of {self.samples_per_bar} samples from sample {self.position} on cannot be; give a "
                "tempo, a meter and a sample rate"
            )

    @classmethod
    def at(cls, tempo: Tempo, meter: Meter, sample_rate: int) -> Deck:
        """Return a deck on which nothing sounds.

        >>> Deck.at(Tempo.parse(120), Meter(4, 4), 44100).samples_per_bar
        Fraction(88200, 1)
        """
        return cls(meter.quarters_per_bar * 60 * sample_rate / tempo.bpm)

    @property
    def bar(self) -> int:
        """Return the number of the bar that ``position`` lies in, from 0."""
        bar = int(self.position / self.samples_per_bar)
        while bar_line(bar + 1, self.samples_per_bar) <= self.position:
            bar += 1
        while bar > 0 and bar_line(bar, self.samples_per_bar) > self.position:
            bar -= 1
        return bar

    def cue(self, pad: int, loop: PlayedLoop | None) -> Deck:
        """Return the deck on which ``pad`` plays ``loop`` from the next bar line on; None stops it there."""
        return replace(self, pending=MappingProxyType({**self.pending, pad: loop}))

    def stop(self) -> Deck:
        """Return the deck on which all pads fall silent at the next bar line."""
        return replace(self, pending=MappingProxyType(dict.fromkeys({*self.voices, *self.pending})))


def bar_line(bar: int, samples_per_bar: Fraction) -> int:
    """Return the first sample of a bar.

    >>> [bar_line(bar, Fraction(5, 2)) for bar in range(4)]
    [0, 2, 5, 8]
    """
    return round(bar * samples_per_bar)


def prepared(waveform: Waveform, bars: Fraction, gain: float = 1.0, name: str = "") -> PlayedLoop:
    """Return a loop as it is played: stereo, interleaved, with its gain; less than a bar fills one.

    Raises:
        AudioError: its bars are no whole number that it could be repeated to.
    """
    repeats = 1 if bars.denominator == 1 else bars.denominator
    samples = waveform.samples[:CHANNELS]
    if samples.shape[0] == 1:
        samples = np.repeat(samples, CHANNELS, axis=0)
    frames = np.ascontiguousarray(np.tile(samples, (1, repeats)).T * np.float32(gain), dtype=np.float32)
    frames.flags.writeable = False
    return PlayedLoop(frames, int(bars * repeats), name)


def mix(deck: Deck, out: Block) -> Deck:
    """Write the next ``len(out)`` samples (num_samples, 2) to ``out`` and return the deck after them."""
    out[:] = 0.0
    done, total = 0, out.shape[0]
    while done < total:
        bar = deck.bar
        if deck.pending and bar_line(bar, deck.samples_per_bar) == deck.position:
            deck = _switched(deck, bar)
        line = bar_line(bar + 1, deck.samples_per_bar)
        count = min(total - done, line - deck.position)
        for voice in deck.voices.values():
            _add(out[done : done + count], voice, bar, deck)
        deck = replace(deck, position=deck.position + count)
        done += count
    np.clip(out, -1.0, 1.0, out=out)
    return deck


def _switched(deck: Deck, bar: int) -> Deck:
    """Return the deck after its bar line: what was asked for sounds, what was let go does not."""
    voices = dict(deck.voices)
    for pad, loop in deck.pending.items():
        voices.pop(pad, None)
        if loop is not None:
            voices[pad] = Voice(loop, bar)
    return replace(deck, voices=MappingProxyType(voices), pending=_EMPTY)


def _add(out: Block, voice: Voice, bar: int, deck: Deck) -> None:
    """Add a stretch of a voice that lies within one bar."""
    frames, length = voice.loop.frames, voice.loop.frames.shape[0]
    turn_bar = bar - (bar - voice.first_bar) % voice.loop.bars
    at = (deck.position - bar_line(turn_bar, deck.samples_per_bar)) % length
    done, total = 0, out.shape[0]
    while done < total:
        count = min(total - done, length - at)
        out[done : done + count] += frames[at : at + count]
        done += count
        at = 0
