"""Spectrograms and back: formats, mel, circular STFT, phase reconstruction, images.

The formats are light; everything that needs numba or scipy loads when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from riffsidecar.spectrogram.formats import BEAT_GRID, FORMATS, RIFFUSION, SpectrogramFormat, format_named

if TYPE_CHECKING:
    from riffsidecar.spectrogram.codec import analyse, synthesise
    from riffsidecar.spectrogram.mel import mel_to_uint8, uint8_to_mel

__all__ = [
    "BEAT_GRID",
    "FORMATS",
    "RIFFUSION",
    "SpectrogramFormat",
    "analyse",
    "format_named",
    "mel_to_uint8",
    "synthesise",
    "uint8_to_mel",
]

_LAZY = {
    "analyse": "codec",
    "synthesise": "codec",
    "mel_to_uint8": "mel",
    "uint8_to_mel": "mel",
}


def __getattr__(name: str) -> Any:
    """Load what needs numba when it is first asked for (PEP 562)."""
    if name in _LAZY:
        return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
