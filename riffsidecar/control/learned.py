"""Learn mode: what a controller sends is tied to a pad or a knob, and kept in a file.

Arm a target, move a control, and the first message of a fitting kind is it. Clock, active sensing and notes
that end are passed over. An endless encoder is told from a fader by how it counts.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal

from riffsidecar.control.relative import RELATIVE_MODES, guess_relative
from riffsidecar.errors import MidiError, SessionError
from riffsidecar.session.learning import check_target

__all__ = [
    "LearnedControl",
    "Learner",
    "Nrpn",
    "read_learned",
    "with_learned",
    "write_learned",
]

Kind = Literal["note", "cc", "nrpn"]
_KINDS: Final = ("note", "cc", "nrpn")
_ENOUGH = 6  # messages of one controller, until it is clear how it counts
_DATA_ENTRY, _DATA_ENTRY_FINE = 6, 38
_NRPN_FINE, _NRPN_COARSE, _RPN_FINE, _RPN_COARSE = 98, 99, 100, 101
_NULL = 127
_FINE_OFFSET = 32


@dataclass(frozen=True, slots=True)
class LearnedControl:
    """Tie a control to a target.

    Attributes:
        target: ``"pad 3"`` or ``"knob morph"``.
        kind: of its messages.
        channel: 1 to 16.
        number: of the note, the controller or the NRPN.
        mode: how an endless encoder writes its steps; empty for a fader, a pot or a pad.
    """

    target: str
    kind: Kind
    channel: int
    number: int
    mode: str = ""

    def __post_init__(self) -> None:
        """Refuse a tie that cannot be.

        Raises:
            SessionError: naming what is wrong.
        """
        check_target(self.target)
        if self.kind not in _KINDS:
            raise SessionError(f"kind is {self.kind!r}, but must be one of {', '.join(_KINDS)}")
        last = 16383 if self.kind == "nrpn" else 127
        if not 1 <= self.channel <= 16 or not 0 <= self.number <= last:
            raise SessionError(
                f"{self.target} has channel {self.channel} and number {self.number}: there are none"
            )
        if self.mode and self.mode not in RELATIVE_MODES:
            raise SessionError(f"mode is {self.mode!r}, but must be one of {', '.join(RELATIVE_MODES)}")
        if self.pad is not None and self.kind == "nrpn":
            raise SessionError(f"{self.target} cannot be an NRPN: a pad needs a note or a controller")

    @property
    def pad(self) -> int | None:
        """Return the pad that it plays, or None."""
        word, _, number = self.target.partition(" ")
        return int(number) if word == "pad" else None

    @property
    def knob(self) -> str | None:
        """Return the knob that it turns, or None."""
        word, _, name = self.target.partition(" ")
        return name if word == "knob" else None

    @property
    def said(self) -> str:
        """Return the tie as people read it.

        >>> LearnedControl("knob morph", "cc", 1, 21, "offset").said
        'knob morph: controller 21 on channel 1, endless (offset)'
        """
        what = {"note": "note", "cc": "controller", "nrpn": "NRPN"}[self.kind]
        endless = f", endless ({self.mode})" if self.mode else ""
        return f"{self.target}: {what} {self.number} on channel {self.channel}{endless}"


class Nrpn:
    """Follow which parameter a channel has selected, and put coarse and fine values together.

    >>> nrpn = Nrpn()
    >>> [nrpn.feed(0, cc, value) for cc, value in ((99, 1), (98, 2), (6, 64))]
    [None, None, (130, 8192)]
    """

    def __init__(self) -> None:
        """Start with nothing selected."""
        self._selected: dict[int, dict[int, int]] = {}
        self._coarse: dict[int, int] = {}

    def feed(self, channel: int, cc: int, value: int) -> tuple[int, int] | None:
        """Return the parameter and its value, 0 to 16383, when a controller completes one; else None."""
        if cc in (_NRPN_COARSE, _NRPN_FINE):
            self._selected.setdefault(channel, {})[cc] = value
            return None
        if cc in (_RPN_COARSE, _RPN_FINE):
            # Another kind of parameter is meant now.
            self._selected.pop(channel, None)
            return None
        number = self._number(channel)
        if number is None or cc not in (_DATA_ENTRY, _DATA_ENTRY_FINE):
            return None
        if cc == _DATA_ENTRY:
            self._coarse[channel] = value
            return number, value << 7
        return number, (self._coarse.get(channel, 0) << 7) | value

    def _number(self, channel: int) -> int | None:
        chosen = self._selected.get(channel, {})
        if len(chosen) < 2 or all(part == _NULL for part in chosen.values()):
            return None
        return (chosen[_NRPN_COARSE] << 7) | chosen[_NRPN_FINE]


class Learner:
    """Wait for the control that a target is to be tied to.

    >>> learner = Learner("pad 3")
    >>> learner.feed((0xF8,)), learner.feed((0x99, 40, 100))
    (None, LearnedControl(target='pad 3', kind='note', channel=10, number=40, mode=''))
    """

    def __init__(self, target: str, mode: str = "auto") -> None:
        """Arm a target; ``mode`` is ``"auto"``, ``"absolute"`` or one of the ways to write steps.

        Raises:
            SessionError: the target or the mode is none.
        """
        self._target = check_target(target)
        if mode not in ("auto", "absolute", *RELATIVE_MODES):
            raise SessionError(
                f"mode is {mode[:40]!r}, but must be one of auto, absolute, {', '.join(RELATIVE_MODES)}"
            )
        self._mode = mode
        self._nrpn = Nrpn()
        self._values: dict[tuple[int, int], list[int]] = {}

    def feed(self, data: Sequence[int]) -> LearnedControl | None:
        """Return the tie when a message makes it clear, else None."""
        if len(data) != 3 or not 0x80 <= data[0] < 0xF0:
            return None
        kind, channel, number, value = data[0] & 0xF0, data[0] & 0x0F, data[1], data[2]
        is_pad = self._target.startswith("pad ")
        if is_pad and kind == 0x90 and value:
            return LearnedControl(self._target, "note", channel + 1, number)
        if kind != 0xB0 or number >= 120:
            return None
        parameter = self._nrpn.feed(channel, number, value)
        if parameter is not None and not is_pad:
            return LearnedControl(self._target, "nrpn", channel + 1, parameter[0])
        if number in (_NRPN_FINE, _NRPN_COARSE, _RPN_FINE, _RPN_COARSE):
            return None
        if is_pad:
            return LearnedControl(self._target, "cc", channel + 1, number) if value >= 64 else None
        return self._knob(channel, number, value)

    def _knob(self, channel: int, number: int, value: int) -> LearnedControl | None:
        tie = LearnedControl(self._target, "cc", channel + 1, number)
        if self._mode != "auto":
            return tie if self._mode == "absolute" else replace(tie, mode=self._mode)
        values = self._values.setdefault((channel, number), [])
        values.append(value)
        # Two controllers that go together are one of 14 bits, whose coarse half may stand still as it turns.
        if number < _FINE_OFFSET and (channel, number + _FINE_OFFSET) in self._values:
            return tie
        if number < 2 * _FINE_OFFSET and (channel, number - _FINE_OFFSET) in self._values:
            return replace(tie, number=number - _FINE_OFFSET)
        if len(values) < _ENOUGH:
            return None
        return replace(tie, mode=guess_relative(values))


def with_learned(known: Iterable[LearnedControl], new: LearnedControl) -> tuple[LearnedControl, ...]:
    """Return the ties with a new one; what its target or its control was tied to before is let go."""
    place = (new.kind, new.channel, new.number)
    kept = [tie for tie in known if tie.target != new.target and (tie.kind, tie.channel, tie.number) != place]
    return (*kept, new)


def read_learned(path: Path) -> tuple[LearnedControl, ...]:
    """Return the ties of a file; none where it does not exist.

    Raises:
        MidiError: the file cannot be read.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        return tuple(LearnedControl(**row) for row in document.get("learned", ()))
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TypeError, SessionError) as error:
        raise MidiError(
            f"learned controls in {path} cannot be read: {error}; mend or remove the file"
        ) from error


def write_learned(path: Path, ties: Iterable[LearnedControl]) -> None:
    """Write the ties, whole or not at all.

    Raises:
        MidiError: the file cannot be written.
    """
    lines = ["# Learned by riffsidecar; remove a block to forget it."]
    for tie in ties:
        lines += ["", "[[learned]]", f'target = "{tie.target}"', f'kind = "{tie.kind}"']
        lines += [f"channel = {tie.channel}", f"number = {tie.number}"]
        if tie.mode:
            lines.append(f'mode = "{tie.mode}"')
    partial = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
        partial.replace(path)
    except OSError as error:
        raise MidiError(f"learned controls cannot be kept in {path}: {error}") from error
