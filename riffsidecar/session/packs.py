"""A pack of loops: a grid of prompts, tempi, lengths, keys and seeds, laid out as its cells. Pure.

A cell is one loop to be. Its first try has the seed of the grid; each later try has a seed derived from that
request and the number of the try, so that the same recipe always goes the same way.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from riffsidecar.errors import RiffError, SessionError
from riffsidecar.music import Key, Tempo
from riffsidecar.session.checks import MAX_SEED, check_int
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.text import MAX_NAME, MAX_PROMPT, clean_text

__all__ = ["MAX_CELLS", "MAX_TRIES", "PackCell", "PackPrompt", "PackRecipe", "derived_seed"]

MAX_CELLS: Final = 20_000
MAX_TRIES: Final = 50
_DEFAULT_TRIES: Final = 6
_DEFAULT_LIKENESS: Final = 0.95
"""Loops of one seed and prompt are alike by 0.96 to 0.99 at two tempi, those of two seeds by 0.9 at most."""

_OPTION_KINDS: Final = frozenset(
    {
        "meter", "chords", "negative", "sample_rate", "bit_depth", "loudness_lufs", "model", "lora",
        "anchor", "seam", "guided", "quality", "guidance", "brightness", "density", "energy",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PackPrompt:
    """One of the sounds of a pack.

    Attributes:
        name: the words that stand for it in file names; ``group`` is its folder.
        tonal: whether it follows the keys of the pack; what does not is made once for all of them.
        options: what holds for this prompt alone, as fields of a request.
    """

    prompt: str
    name: str = ""
    group: str = ""
    tonal: bool = True
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be asked for; an empty name is the prompt, an empty group the name."""
        object.__setattr__(self, "prompt", clean_text(self.prompt, "prompt", MAX_PROMPT))
        if not self.prompt:
            raise SessionError("prompt is empty: say what is to be heard, such as 'dusty boom bap drums'")
        object.__setattr__(self, "name", clean_text(self.name, "name", MAX_NAME) or self.prompt[:MAX_NAME])
        object.__setattr__(self, "group", clean_text(self.group, "group", MAX_NAME) or self.name)
        object.__setattr__(self, "options", _options(self.options))


@dataclass(frozen=True, slots=True)
class PackCell:
    """One loop of a pack: where it stands in the grid, and what is asked for at its first try."""

    index: int
    prompt: PackPrompt
    request: LoopRequest

    def asked(self, number: int) -> LoopRequest:
        """Return the request of a try; 0 is the first.

        Raises:
            SessionError: a try below 0.
        """
        if number == 0:
            return self.request
        return replace(self.request, seed=derived_seed(self.request, number))


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRecipe:
    """A grid of loops, in the order prompts, tempi, bars, keys, seeds.

    Attributes:
        name: of the pack; ``label`` begins every file name, as that of a maker does.
        keys: for prompts that have a pitch; empty leaves them free.
        tries: how often a loop is made before its cell is given up.
        likeness: from which likeness on, -1 to 1, two loops of one tempo and key count as the same one.
        options: what holds for all, as fields of a request.

    Raises:
        SessionError: a grid that cannot be.
    """

    name: str
    prompts: tuple[PackPrompt, ...]
    tempi: tuple[Tempo, ...]
    bars: tuple[Fraction, ...] = (Fraction(4),)
    keys: tuple[Key, ...] = ()
    seeds: tuple[int, ...] = (1,)
    label: str = "RIFF"
    tries: int = _DEFAULT_TRIES
    likeness: float = _DEFAULT_LIKENESS
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        """Refuse a grid that is empty, too large or names something twice."""
        for what in ("name", "label"):
            object.__setattr__(self, what, clean_text(getattr(self, what), what, MAX_NAME))
        if not self.name:
            raise SessionError("name is empty: give the pack a name, such as 'Night Drive'")
        for what in ("prompts", "tempi", "bars", "keys", "seeds"):
            values: Sequence[object] = getattr(self, what)
            if not values and what != "keys":
                raise SessionError(f"{what} is empty, but must hold at least one")
            if len({str(each) for each in values}) < len(values):
                raise SessionError(f"{what} names something twice: each may stand there once")
        check_int("tries", self.tries, 1, MAX_TRIES)
        if isinstance(self.likeness, bool) or not isinstance(self.likeness, int | float):
            raise SessionError(f"likeness is {self.likeness!r}, but must be a number from 0.5 to 1")
        if not 0.5 <= self.likeness <= 1.0:
            raise SessionError(f"likeness is {self.likeness:g}, but must be from 0.5 to 1")
        object.__setattr__(self, "options", _options(self.options))
        if "chords" in self.options and len(self.keys) > 1:
            raise SessionError(
                f"chords hold in one key, but keys names {len(self.keys)}: leave chords out, or name one key"
            )
        if self.size > MAX_CELLS:
            raise SessionError(
                f"the grid has {self.size} loops, but may have at most {MAX_CELLS}: split it into several"
            )

    @property
    def size(self) -> int:
        """Return the number of cells."""
        tonal = sum(prompt.tonal for prompt in self.prompts)
        per_key = tonal * max(1, len(self.keys)) + (len(self.prompts) - tonal)
        return per_key * len(self.tempi) * len(self.bars) * len(self.seeds)

    def cells(self) -> tuple[PackCell, ...]:
        """Return every loop to be made, in the order of the grid.

        Raises:
            RiffError: naming the cell that cannot be, such as one of no whole number of columns.
        """
        return tuple(PackCell(index, prompt, asked) for index, (prompt, asked) in enumerate(self._grid()))

    def _grid(self) -> Iterator[tuple[PackPrompt, LoopRequest]]:
        for prompt in self.prompts:
            options = {**self.options, **prompt.options}
            keys: tuple[Key | None, ...] = self.keys or (None,)
            if not prompt.tonal:
                keys = (None,)
                options.pop("chords", None)
            for tempo, bars, key, seed in itertools.product(self.tempi, self.bars, keys, self.seeds):
                try:
                    asked = LoopRequest(
                        prompt=prompt.prompt, label=prompt.name, tempo=tempo, bars=bars, key=key, seed=seed,
                        **options,
                    )  # fmt: skip
                except RiffError as error:
                    raise SessionError(
                        f"{prompt.name!r} with {bars} bars at {tempo} BPM cannot be made: {error}"
                    ) from error
                yield prompt, asked


def derived_seed(request: LoopRequest, number: int) -> int:
    """Return the seed of a later try, as the request and the number of the try decide it.

    Raises:
        SessionError: a try below 1.
    """
    check_int("try", number, 1, MAX_TRIES)
    digest = hashlib.sha256(f"{request.digest}/{number}".encode("ascii")).digest()
    return int.from_bytes(digest[:8], "big") % (MAX_SEED + 1)


def _options(options: Mapping[str, Any]) -> Mapping[str, Any]:
    for name in options:
        if name not in _OPTION_KINDS:
            raise SessionError(f"{name} is no option of a pack; those are {', '.join(sorted(_OPTION_KINDS))}")
    return MappingProxyType(dict(options))
