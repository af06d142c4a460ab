"""Render scores to loops: the orchestra plays every part onto the circle, the mixer sums them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy.signal import butter

from riffsidecar.training.effects import circular_filter, shelf
from riffsidecar.training.inserts import insert_effects
from riffsidecar.training.instruments import INSTRUMENTS
from riffsidecar.training.mixer import Track, mix_tracks
from riffsidecar.training.score import Part, Score
from riffsidecar.training.soundfont import default_soundfont, soundfont_player
from riffsidecar.training.synth import FALLBACKS, Audio, Event, play_kit, play_voice

__all__ = ["default_soundfont", "render_part", "render_score"]

_KICKS = (35, 36)
_SYNTH_KIT_DB = -11.0
_FONT_KIT_DB = -5.0
_SYSTEM_SOUNDFONT = default_soundfont()


def _events(part: Part, quarter: float, num_samples: int) -> list[Event]:
    out = []
    for note in part.notes:
        start = round(note.start * quarter) % num_samples
        gate = max(1, round((note.start + note.duration) * quarter) - round(note.start * quarter))
        velocity = float(min(1.0, max(0.02, note.velocity)))
        out.append(Event(start, gate, note.pitch, velocity, note.pitch))
    return sorted(out, key=lambda event: (event.start, event.pitch))


def _coloured(audio: Audio, brightness: float, sample_rate: int) -> Audio:
    """Close a low-pass under a brightness of 0.45 and lift the highs above it."""
    if brightness < 0.45:
        edge = 1100.0 * 2.0 ** (brightness / 0.45 * 3.9)
        return circular_filter(audio, butter(2, edge, "lowpass", fs=sample_rate, output="sos"), 4096)
    if brightness > 0.45:
        return shelf(audio, 4500.0, 12.0 * (brightness - 0.45), sample_rate)
    return audio


def render_part(
    part: Part, quarter: float, num_samples: int, *, sample_rate: int = 44100, soundfont: Path | None = None
) -> Audio:
    """Render one part, dry and unpanned, with tails wrapped round the loop.

    Args:
        part: What is played.
        quarter: Samples per quarter note.
        num_samples: Length of the loop.
        sample_rate: In hertz.
        soundfont: File for the soundfont instruments; None plays them on the nearest of our own.

    Returns:
        (2, num_samples) float32 at whatever level the instrument has.
    """
    instrument = INSTRUMENTS[part.instrument]
    events = _events(part, quarter, num_samples)
    if not events:
        return np.zeros((2, num_samples), dtype=np.float32)
    if instrument.program is not None and soundfont is not None:
        tuning = float(np.random.default_rng((part.seed, 5)).normal(0.0, 0.5 if instrument.bank else 0.04))
        audio = soundfont_player(soundfont, sample_rate).play(
            instrument.program, instrument.bank, events, num_samples, tuning=float(np.clip(tuning, -0.8, 0.8))
        )
        return _coloured(audio, part.brightness, sample_rate)
    play = play_kit if FALLBACKS.get(part.instrument, part.instrument).startswith("kit-") else play_voice
    audio = play(
        part.instrument,
        events,
        num_samples,
        seed=part.seed,
        brightness=part.brightness,
        sample_rate=sample_rate,
    )
    # Saturated basses are uneven: take their slow offset away before it eats headroom.
    return circular_filter(audio, butter(1, 16.0, "highpass", fs=sample_rate, output="sos"), 2 * sample_rate)


def render_score(
    score: Score, *, sample_rate: int = 44100, soundfont: Path | None = _SYSTEM_SOUNDFONT
) -> Audio:
    """Render a score to a loop of exactly its length.

    Args:
        score: What is played.
        sample_rate: In hertz.
        soundfont: File for the soundfont instruments, by default the system's, where it has one; None plays
            everything on our own synthesis.

    Returns:
        (2, num_samples) float32, num_samples being ``score.length.num_samples(sample_rate)``, with a peak of
        at most -3 dBFS; its end runs on into its start.

    Raises:
        TrainingError: The soundfont cannot be played.
    """
    num_samples = score.length.num_samples(sample_rate)
    quarter = num_samples / float(score.length.quarters)
    tracks = []
    kicks: list[int] = []
    for part in score.parts:
        audio = render_part(part, quarter, num_samples, sample_rate=sample_rate, soundfont=soundfont)
        sampled = INSTRUMENTS[part.instrument].program is not None and soundfont is not None
        fixed = None
        if INSTRUMENTS[part.instrument].family == "kit" and part.role == "drums":
            fixed = _FONT_KIT_DB if sampled else _SYNTH_KIT_DB
            kicks += [round(note.start * quarter) for note in part.notes if note.pitch in _KICKS]
        audio = insert_effects(part, audio, quarter, sampled=sampled, sample_rate=sample_rate)
        tracks.append(Track(part, audio, fixed))
    return mix_tracks(tracks, score.mix, kicks, quarter=quarter, seed=score.seed, sample_rate=sample_rate)
