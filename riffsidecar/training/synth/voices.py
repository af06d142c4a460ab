"""Play a part's notes on our own synthesis, straight onto the circle of the loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from riffsidecar.training.synth import basses, keys, leads, textures
from riffsidecar.training.synth.drums import CHOKED_BY, drum_hit
from riffsidecar.training.synth.events import Audio, Event, Voice, add_circular, fade_tail
from riffsidecar.training.synth.kits import KITS, Kit, kit_variant

__all__ = ["FALLBACKS", "play_kit", "play_voice", "voice_for"]

_Builder: TypeAlias = Callable[[np.random.Generator, float, int], Voice]

_BUILDERS: dict[str, _Builder] = {
    "sub-bass": basses.sub_bass,
    "808-bass": basses.bass_808,
    "acid-bass": basses.acid_bass,
    "reese-bass": basses.reese_bass,
    "fm-bass": basses.fm_bass,
    "saw-bass": basses.saw_bass,
    "pluck-bass": basses.pluck_bass,
    "electric-piano": keys.electric_piano,
    "drawbar-organ": keys.drawbar_organ,
    "karplus-guitar": keys.karplus_guitar,
    "synth-strings": keys.synth_strings,
    "fm-bell": keys.fm_bell,
    "saw-lead": leads.saw_lead,
    "square-lead": leads.square_lead,
    "supersaw-lead": leads.supersaw_lead,
    "sine-lead": leads.sine_lead,
    "wavetable-lead": leads.wavetable_lead,
    "chip-lead": leads.chip_lead,
    "pluck": leads.pluck,
    "warm-pad": partial(leads.pad, "warm"),
    "dark-pad": partial(leads.pad, "dark"),
    "glass-pad": partial(leads.pad, "glass"),
    "noise-pad": partial(leads.pad, "noise"),
    "supersaw-pad": partial(leads.pad, "supersaw"),
    "vinyl-noise": textures.vinyl_noise,
    "riser": textures.riser,
    "wind-noise": textures.wind_noise,
}

_MONO = frozenset(
    ("sub-bass", "808-bass", "acid-bass", "reese-bass", "fm-bass", "saw-bass", "saw-lead", "square-lead",
     "sine-lead", "chip-lead", "wavetable-lead")
)  # fmt: skip

_ALIKE = frozenset(
    ("sub-bass", "808-bass", "acid-bass", "fm-bass", "saw-bass", "pluck-bass", "karplus-guitar", "fm-bell",
     "saw-lead", "square-lead", "supersaw-lead", "sine-lead", "chip-lead", "pluck")
)  # fmt: skip
"""Voices whose notes do not depend on when they start, so that a repeated note is computed once."""

FALLBACKS: dict[str, str] = {
    "kit-acoustic": "kit-breaks", "kit-jazz": "kit-breaks", "kit-rock": "kit-breaks",
    "kit-orchestral": "kit-electro",
    "perc-latin": "kit-808", "perc-hand": "kit-breaks",
    "finger-bass": "pluck-bass", "slap-bass": "fm-bass", "upright-bass": "sub-bass",
    "picked-bass": "saw-bass",
    "grand-piano": "electric-piano", "bright-piano": "electric-piano", "rhodes": "electric-piano",
    "harpsichord": "karplus-guitar", "clavinet": "karplus-guitar", "church-organ": "drawbar-organ",
    "nylon-guitar": "karplus-guitar", "steel-guitar": "karplus-guitar", "clean-guitar": "karplus-guitar",
    "muted-guitar": "pluck", "overdriven-guitar": "saw-lead", "distorted-guitar": "saw-lead",
    "string-ensemble": "synth-strings", "slow-strings": "synth-strings",
    "violin": "saw-lead", "cello": "saw-lead",
    "pizzicato": "pluck", "tremolo-strings": "synth-strings", "harp": "karplus-guitar",
    "flute": "sine-lead", "saxophone": "wavetable-lead", "clarinet": "square-lead", "trumpet": "saw-lead",
    "trombone": "saw-lead", "brass-section": "supersaw-lead", "choir-aahs": "noise-pad",
    "voice-oohs": "warm-pad",
    "vibraphone": "fm-bell", "marimba": "pluck", "music-box": "fm-bell", "kalimba": "fm-bell",
    "steel-drum": "fm-bell",
    "sitar": "karplus-guitar",
}  # fmt: skip
"""The own instrument that stands in for one of the soundfont's where there is no soundfont."""


def voice_for(instrument: str, seed: int, brightness: float, sample_rate: int) -> Voice:
    """Build the voice of an instrument, its timbre drawn from ``seed``."""
    rng = np.random.default_rng((seed, 7))
    return _BUILDERS[FALLBACKS.get(instrument, instrument)](rng, brightness, sample_rate)


def _linked(events: Sequence[Event], num_samples: int, sample_rate: int) -> list[tuple[Event, int]]:
    """Pair each event with the samples until the next, and mark those that an overlapping one slides into."""
    ordered = sorted(events, key=lambda event: event.start)
    out = []
    for place, event in enumerate(ordered):
        before = ordered[place - 1]
        after = ordered[(place + 1) % len(ordered)]
        until_next = (after.start - event.start) % num_samples or num_samples
        since_last = (event.start - before.start) % num_samples or num_samples
        legato = (
            len(ordered) > 1
            and before.gate > since_last + 0.012 * sample_rate
            and before.pitch != event.pitch
        )
        linked = Event(
            event.start,
            event.gate,
            event.pitch,
            event.velocity,
            before.pitch if legato else event.pitch,
            legato,
        )
        out.append((linked, until_next))
    return out


def play_voice(
    instrument: str,
    events: Sequence[Event],
    num_samples: int,
    *,
    seed: int,
    brightness: float,
    sample_rate: int,
) -> Audio:
    """Play events on one of our own instruments.

    Args:
        instrument: Name of a synthesised instrument, or one of `FALLBACKS`.
        events: The notes; those of mono instruments cut each other unless they start together.
        num_samples: Length of the loop.
        seed: Draws the timbre.
        brightness: 0 to 1.
        sample_rate: In hertz.

    Returns:
        (2, num_samples) float32, tails wrapped round.
    """
    name = FALLBACKS.get(instrument, instrument)
    voice = voice_for(name, seed, brightness, sample_rate)
    out = np.zeros((2, num_samples), dtype=np.float32)
    fade = int(0.006 * sample_rate)
    starts = sorted(event.start for event in events)
    together = any(second - first < fade for first, second in pairwise(starts))
    mono = name in _MONO and not together
    pairs = _linked(events, num_samples, sample_rate) if mono else [(event, 0) for event in events]
    known: dict[Event, Audio] = {}
    for event, until_next in pairs:
        if name in _ALIKE:
            rounded = Event(
                0, event.gate, event.pitch, round(event.velocity * 24) / 24, event.glide_from, event.legato
            )
            if rounded not in known:
                known[rounded] = voice(rounded)
            sound = known[rounded]
        else:
            sound = voice(event)
        if mono and sound.shape[1] > until_next + fade:
            sound = fade_tail(sound[:, : until_next + fade].copy(), fade)
        add_circular(out, sound, event.start)
    return out


@lru_cache(maxsize=400)
def _hit(kit: Kit, pitch: int, bucket: int, seed: int, sample_rate: int) -> Audio:
    sound = drum_hit(kit, pitch, bucket / 12.0, seed, sample_rate)
    sound.setflags(write=False)
    return sound


def play_kit(
    instrument: str,
    events: Sequence[Event],
    num_samples: int,
    *,
    seed: int,
    brightness: float,
    sample_rate: int,
) -> Audio:
    """Play events on one of our own drum machines, open hats cut by closed ones.

    Returns:
        (2, num_samples) float32, tails wrapped round.
    """
    name = FALLBACKS.get(instrument, instrument)
    kit = kit_variant(name if name in KITS else "kit-808", seed, brightness)
    out = np.zeros((2, num_samples), dtype=np.float32)
    fade = int(0.006 * sample_rate)
    for event in events:
        pitch = round(event.pitch)
        bucket = max(1, round(event.velocity * 12))
        sound = _hit(kit, pitch, bucket, seed, sample_rate)
        gain = np.float32(max(0.2, event.velocity * 12 / bucket))
        cutters = CHOKED_BY.get(pitch, ())
        gaps = [
            (other.start - event.start) % num_samples for other in events if round(other.pitch) in cutters
        ]
        until_next = min((gap for gap in gaps if gap > 0), default=sound.shape[1])
        if until_next + fade < sound.shape[1]:
            sound = fade_tail(sound[:, : until_next + fade].copy(), fade)
        add_circular(out, sound * gain, event.start)
    return out
