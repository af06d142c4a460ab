"""Synthesise drums, basses, keys, leads, pads and textures with code of our own."""

from riffsidecar.training.synth.events import Audio, Event
from riffsidecar.training.synth.voices import FALLBACKS, play_kit, play_voice

__all__ = ["FALLBACKS", "Audio", "Event", "play_kit", "play_voice"]
