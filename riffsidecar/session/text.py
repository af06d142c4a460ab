"""Text from outside: prompts and names without control characters."""

from __future__ import annotations

import unicodedata

from riffsidecar.errors import SessionError
from riffsidecar.music.shown import shown

__all__ = ["MAX_NAME", "MAX_PROMPT", "clean_text"]

MAX_PROMPT = 1000
MAX_NAME = 64


def clean_text(value: object, what: str, maximum: int = MAX_PROMPT) -> str:
    r"""Return text as one line of visible characters, composed (NFC), blanks joined.

    Line breaks and tabs become blanks. Other control and format characters (NUL, escape, writing direction)
    and lone surrogates are dropped, so that text can be logged, tagged and sent as it is.

    Raises:
        SessionError: if it is no text, or longer than ``maximum`` characters.

    >>> clean_text("dusty\n\tboom bap \x1b[31m", "prompt")
    'dusty boom bap [31m'
    """
    if not isinstance(value, str):
        raise SessionError(f"{what} is {shown(value)}, but must be text")
    if len(value) > maximum:
        raise SessionError(f"{what} has {len(value)} characters, but must have at most {maximum}")
    spaced = " ".join(value.split())
    kept = "".join(char for char in spaced if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co"))
    text = unicodedata.normalize("NFC", " ".join(kept.split()))
    if len(text) > maximum:
        raise SessionError(f"{what} has {len(text)} characters, but must have at most {maximum}")
    return text
