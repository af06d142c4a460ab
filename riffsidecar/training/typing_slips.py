"""Type as people do: lower case, lost commas, misspelt words."""

from __future__ import annotations

from riffsidecar.training.compose.dice import Dice

__all__ = ["roughen"]

_KEYBOARD_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _misspell(dice: Dice, text: str) -> str:
    """Misspell one longer word as fingers do: swapped, lost, doubled or neighbouring letters."""
    words = text.split(" ")
    long = [place for place, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not long:
        return text
    place = dice.pick(long)
    word = words[place]
    at = dice.integer(1, len(word) - 2)
    kind = dice.integer(0, 3)
    if kind == 0:
        word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    elif kind == 1:
        word = word[:at] + word[at + 1 :]
    elif kind == 2:
        word = word[:at] + word[at] + word[at:]
    else:
        row = next((row for row in _KEYBOARD_ROWS if word[at].lower() in row), "etaoin")
        beside = (row.find(word[at].lower()) + dice.pick((-1, 1))) % len(row)
        word = word[:at] + row[beside] + word[at + 1 :]
    words[place] = word
    return " ".join(words)


def roughen(dice: Dice, text: str) -> str:
    """Vary case, hyphens and commas, and misspell now and then."""
    if dice.chance(0.06):
        text = _misspell(dice, text)
    if dice.chance(0.12):
        text = text.replace(", ", " ")
    if dice.chance(0.08):
        text = text.replace(" and ", " & ")
    if dice.chance(0.1):
        text = text.replace("-", " ")
    draw = dice.uniform()
    if draw < 0.06:
        return text[:1].upper() + text[1:]
    if draw < 0.08:
        return text.upper()
    return text
