"""What comes back from a command, to every surface: frozen values, plain enough for any wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from riffsidecar.session.commands import Command
from riffsidecar.session.loops import Loop
from riffsidecar.session.passages import Passage

__all__ = [
    "Acked",
    "Envelope",
    "Event",
    "Failed",
    "Finished",
    "Origin",
    "Previewed",
    "Progressed",
    "StateChanged",
]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a command came from: the surface, the client there, and the client's own name for the request."""

    surface: str
    client: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A command on its way from a surface."""

    command: Command
    origin: Origin


@dataclass(frozen=True, slots=True)
class Acked:
    """A command was taken; ``slot`` is where its loop will lie, or None when it asks for none."""

    origin: Origin
    slot: int | None


@dataclass(frozen=True, slots=True)
class Progressed:
    """A render went on: ``fraction`` from 0 to 1, and the seconds that it may still take."""

    origin: Origin
    slot: int
    fraction: float
    eta_s: float
    stage: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A loop lies in the drop folder; ``loop`` is what the session keeps of it, where it was asked for.

    ``bar`` is the first bar that it can sound in, 0 where nothing plays. ``passage`` is what of a journey it
    is.
    """

    origin: Origin
    slot: int
    path: str
    bars: float
    bpm: float
    key: str
    seed: int
    num_samples: int
    sample_rate: int
    render_s: float
    cached: bool
    loop: Loop | None = None
    bar: int = 0
    passage: Passage | None = None


@dataclass(frozen=True, slots=True)
class Previewed:
    """A draft lies in the drop folder, in time for a bar that the loop itself would miss; it follows."""

    loop: Finished

    @property
    def origin(self) -> Origin:
        """Where the command came from."""
        return self.loop.origin

    @property
    def slot(self) -> int:
        """The slot of the loop."""
        return self.loop.slot


@dataclass(frozen=True, slots=True)
class Failed:
    """A command could not be carried out; ``code`` is that of the error, ``slot`` None when it had none."""

    origin: Origin
    slot: int | None
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The session is in another state; ``state`` is :meth:`Session.state_dict`."""

    state: Mapping[str, object]


Event = Acked | Progressed | Previewed | Finished | Failed | StateChanged
