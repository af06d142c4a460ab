r"""Read weighted prompts: ``(x)`` louder, ``(x:1.3)`` by a number, ``[x]`` softer, ``\(`` a bracket.

The notation is the one of Stable Diffusion front ends ("long prompt weighting"): ``(x)`` multiplies by 1.1,
``[x]`` divides by 1.1, groups nest and multiply. Here a prompt never fails: a bracket without a partner is a
character like any other, because a musician who types ``:)`` wants a loop and no lesson in syntax.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["EMPHASIS", "MAX_NESTING", "MAX_WEIGHT", "PromptPart", "parse_prompt"]

EMPHASIS = 1.1
MAX_WEIGHT = 4.0
MAX_NESTING = 16

_MARK = re.compile(r"\\[()\[\]\\:]|[()\[\]]|[^\\()\[\]]+|\\")
_TAIL = re.compile(r":\s*([0-9]{1,6}(?:\.[0-9]{0,6})?|\.[0-9]{1,6})\s*$", re.ASCII)


@dataclass(frozen=True, slots=True)
class PromptPart:
    """A run of characters that weigh the same.

    Attributes:
        text: At least one character.
        weight: 0 (as if absent) to `MAX_WEIGHT`; 1 is plain text.
    """

    text: str
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.text:
            raise ValueError("PromptPart.text is empty: leave the part out")
        if not 0.0 <= self.weight <= MAX_WEIGHT:
            raise ValueError(f"PromptPart.weight is {self.weight}: must be 0 to {MAX_WEIGHT}")


def _partners(marks: list[str]) -> dict[int, int]:
    """Match brackets of the same kind, at most `MAX_NESTING` deep; others stay plain characters."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    for index, mark in enumerate(marks):
        if mark in ("(", "["):
            stack.append(index)
        elif mark in (")", "]") and stack and marks[stack[-1]] + mark in ("()", "[]"):
            opened = stack.pop()
            if len(stack) < MAX_NESTING:
                pairs[opened] = index
    return pairs


def parse_prompt(prompt: str) -> tuple[PromptPart, ...]:
    r"""Split a prompt into parts of equal weight, in order; neighbours of equal weight are joined.

    Weights multiply when groups nest and are held between 0 and `MAX_WEIGHT`. Brackets without a partner, or
    nested deeper than `MAX_NESTING`, are plain text. The time taken is linear in the length of the prompt.

    >>> [(part.text, part.weight) for part in parse_prompt("warm (bass:1.3) loop")]
    [('warm ', 1.0), ('bass', 1.3), (' loop', 1.0)]
    >>> [(part.text, round(part.weight, 3)) for part in parse_prompt("(a [b])")]
    [('a ', 1.1), ('b', 1.0)]
    >>> [(part.text, part.weight) for part in parse_prompt(r"no \(group\) :)")]
    [('no (group) :)', 1.0)]
    >>> parse_prompt("")
    ()
    """
    marks = _MARK.findall(prompt)
    pairs = _partners(marks)
    closers = {closed: opened for opened, closed in pairs.items()}
    weights = [1.0]
    pieces: list[tuple[str, float]] = []
    for index, mark in enumerate(marks):
        if index in pairs:
            factor = 1.0 / EMPHASIS if mark == "[" else EMPHASIS
            tail = _TAIL.search(marks[pairs[index] - 1]) if mark == "(" else None
            if tail is not None and pairs[index] - 1 > index:
                factor = float(tail.group(1))
                marks[pairs[index] - 1] = marks[pairs[index] - 1][: tail.start()]
            weights.append(weights[-1] * factor)
        elif index in closers:
            weights.pop()
        else:
            text = mark[1:] if len(mark) == 2 and mark[0] == "\\" else mark
            pieces.append((text, min(max(weights[-1], 0.0), MAX_WEIGHT)))
    return _joined(pieces)


def _joined(pieces: list[tuple[str, float]]) -> tuple[PromptPart, ...]:
    parts: list[PromptPart] = []
    run: list[str] = []
    current = 1.0
    for text, weight in [*pieces, ("", -1.0)]:
        if weight != current:
            if any(run):
                parts.append(PromptPart("".join(run), current))
            run, current = [], weight
        run.append(text)
    return tuple(parts)
