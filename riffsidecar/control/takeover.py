"""Soft takeover: a knob on a controller does nothing until it has met the value it is to change.

The controller's knob stands somewhere else than the session's after a change of bank or a move by another
client. Taken at its word it would jump; instead it is picked up where it passes by.
"""

from __future__ import annotations

from collections import deque

from riffsidecar.session.knobs import KNOBS, KnobValue

__all__ = ["SoftTakeover"]

_NEAR = 3 / 127
_REMEMBERED = 64


class SoftTakeover:
    """Follow one controller knob and the session's knob of that name.

    Positions go from 0 to 1. A knob with choices, or one that is free, has nothing to meet and is taken at
    once.

    >>> takeover = SoftTakeover("guidance")
    >>> takeover.observe(3.5)
    >>> [takeover.takes(position) for position in (0.1, 0.3, 0.6, 0.2)]
    [False, False, True, True]
    """

    def __init__(self, name: str) -> None:
        """Know nothing yet of the controller's knob; a session's begins at its default."""
        self._knob = KNOBS[name]
        self._value: KnobValue = self._knob.default
        self._last: float | None = None
        self._engaged = False
        self._sent: deque[KnobValue] = deque(maxlen=_REMEMBERED)

    @property
    def position(self) -> float | None:
        """Return where the session's knob stands, or None where the model is free."""
        return self._knob.to_unit(self._value)

    def observe(self, value: KnobValue) -> None:
        """Take the session's value. One that did not come from here loosens the hold; an echo does not."""
        if value in self._sent:
            return
        self._value = value
        self._engaged = False
        self._sent.clear()

    def sent(self, value: KnobValue) -> None:
        """Remember a value that was sent from here."""
        self._value = value
        self._sent.append(value)

    def takes(self, position: float) -> bool:
        """Return whether a position of the controller counts."""
        at, last, self._last = self.position, self._last, position
        if self._engaged or self._knob.choices or at is None:
            self._engaged = True
        elif abs(position - at) <= _NEAR or (last is not None and (last - at) * (position - at) < 0):
            self._engaged = True
        return self._engaged
