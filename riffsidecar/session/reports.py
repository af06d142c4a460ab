"""What whoever renders tells the session: that a loop has come, or that no more of a journey do."""

from __future__ import annotations

from dataclasses import dataclass

from riffsidecar.session.checks import check_int, check_kind
from riffsidecar.session.journeys import JourneyRequest
from riffsidecar.session.loops import Loop
from riffsidecar.session.pads import NUM_PADS
from riffsidecar.session.passages import Passage

__all__ = ["EndJourney", "Landed"]


@dataclass(frozen=True, slots=True)
class Landed:
    """Say that a loop that was asked for in a slot has come.

    ``passage`` tells of a loop that no request but a journey has brought.
    """

    slot: int
    loop: Loop
    passage: Passage | None = None

    def __post_init__(self) -> None:
        """Refuse a slot or a loop that is none."""
        check_int("slot", self.slot, 0, NUM_PADS)
        check_kind("loop", self.loop, Loop)
        check_kind("passage", self.passage, Passage, optional=True)


@dataclass(frozen=True, slots=True)
class EndJourney:
    """Say that no more loops of a journey come."""

    journey: JourneyRequest

    def __post_init__(self) -> None:
        """Refuse what is no journey."""
        check_kind("journey", self.journey, JourneyRequest)
