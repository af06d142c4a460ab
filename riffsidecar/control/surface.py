"""What a surface is: something that turns what a musician does into commands, and shows what came of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from riffsidecar.session.events import Envelope, Event

__all__ = ["Submit", "Surface"]

Submit = Callable[[Envelope], None]
"""Hand a command to the session: quick, from any thread; a RiffError says that it is refused."""


@runtime_checkable
class Surface(Protocol):
    """One way to control riffsidecar: OSC, MIDI, or whatever comes next.

    A surface parses and validates; it decides nothing and keeps no musical state. The contract, which
    every surface passes as a test suite:

    - ``start`` may be called once. It raises a ControlError when the surface can never work (a taken port)
      and only logs what may mend itself (a MIDI port that is not there yet).
    - Commands are submitted in the order in which they were made; an exception of ``submit`` never ends the
      surface.
    - ``notify`` may be called from any thread, before ``start`` and after ``close`` as well; it neither
      blocks nor raises.
    - ``close`` may be called at any time and any number of times; afterwards no thread, socket or port is
      left.
    """

    @property
    def name(self) -> str:
        """Return the name that origins carry."""
        ...

    def start(self, submit: Submit) -> None:
        """Open the surface; from now on commands go to ``submit``."""
        ...

    def notify(self, event: Event) -> None:
        """Show an event."""
        ...

    def close(self) -> None:
        """Close the surface and everything it holds."""
        ...
