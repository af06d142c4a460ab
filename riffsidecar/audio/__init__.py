"""Audio as the musician gets it: samples, loudness, and WAV files with everything inside.

`loudness` is not imported here: it needs scipy, which takes longer to load than all the rest.
"""

from riffsidecar.audio.names import MAX_NAME_CHARS, MAX_STEM_CHARS, is_safe_stem, loop_name, slug
from riffsidecar.audio.pcm import BIT_DEPTHS, SampleFormat
from riffsidecar.audio.tags import Latents, LoopTags
from riffsidecar.audio.wav import MAX_WAV_BYTES, DecodedWav, decode_wav, encode_wav
from riffsidecar.audio.waveform import FloatArray, Waveform

__all__ = [
    "BIT_DEPTHS",
    "MAX_NAME_CHARS",
    "MAX_STEM_CHARS",
    "MAX_WAV_BYTES",
    "DecodedWav",
    "FloatArray",
    "Latents",
    "LoopTags",
    "SampleFormat",
    "Waveform",
    "decode_wav",
    "encode_wav",
    "is_safe_stem",
    "loop_name",
    "slug",
]
