"""Keep prompts that nobody tunes anything by: packed, so that they are not read in passing.

They are opened by `riffsidecar train evaluate --release` alone, which writes down each opening. Whoever
writes captions, words of the lexicon or prompts of the open set must not look. To seal others:

    python -m riffsidecar.training.sealed_prompts < prompts.json

where the JSON object has a list of prompts for every family.
"""

from __future__ import annotations

import base64
import json
import sys
import textwrap
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from riffsidecar.errors import TrainingError
from riffsidecar.training.score import FAMILIES

__all__ = ["open_sealed", "seal"]

_PATH = Path(__file__).with_name("sealed_prompts.txt")
_LINE = 100


def open_sealed(packed: str | None = None) -> dict[str, tuple[str, ...]]:
    """Return the sealed prompts by family.

    Raises:
        TrainingError: they are not what `seal` wrote.
    """
    try:
        text = _PATH.read_text("ascii") if packed is None else packed
        prompts = json.loads(zlib.decompress(base64.b64decode("".join(text.split()), validate=True)))
        return {family: tuple(str(prompt) for prompt in prompts[family]) for family in FAMILIES}
    except (OSError, ValueError, zlib.error, KeyError, TypeError) as error:
        raise TrainingError(
            f"the sealed prompts in {_PATH} cannot be opened ({error}); reinstall riffsidecar"
        ) from error


def seal(prompts: Mapping[str, Sequence[str]]) -> str:
    """Return prompts by family, packed.

    Raises:
        TrainingError: a family has none, or what is given is of none.

    >>> open_sealed(seal(dict.fromkeys(FAMILIES, ["a loop"])))["bass"]
    ('a loop',)
    """
    if set(prompts) != set(FAMILIES) or not all(prompts.values()):
        raise TrainingError(f"prompts are needed for each of {', '.join(FAMILIES)}, and for nothing else")
    packed = base64.b64encode(zlib.compress(json.dumps(dict(prompts)).encode(), 9)).decode()
    return "\n".join(textwrap.wrap(packed, _LINE)) + "\n"


if __name__ == "__main__":
    _PATH.write_text(seal(json.load(sys.stdin)), "ascii")
