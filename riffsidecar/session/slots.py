"""What a slot holds: the loop that is current, those before and after it, and what its loops keep."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from riffsidecar.errors import SessionError
from riffsidecar.music import BarSpans
from riffsidecar.session.actions import ActionValue
from riffsidecar.session.journeys import JourneyRequest
from riffsidecar.session.loops import Loop
from riffsidecar.session.passages import Passage
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.takes import Take, passage_take

__all__ = ["MAX_UNDO", "Locks", "Slot", "Version"]

MAX_UNDO: Final = 32
"""How many loops of a slot can be gone back to."""

_MAX_ASKED = 16
_FRAME = frozenset({"quality", "tempo", "latents_tempo", "meter", "bars", "key", "chords"})


@dataclass(frozen=True, slots=True)
class Locks:
    """What every loop to come keeps of the current one: bars, a band in Hz, or both."""

    bars: BarSpans | None = None
    band_hz: tuple[float, float] | None = None

    def __bool__(self) -> bool:
        """Return whether anything is kept."""
        return self.bars is not None or self.band_hz is not None


@dataclass(frozen=True, slots=True)
class Version:
    """A loop of a slot, and the take that it was asked with.

    ``journey`` is what it is a piece of; such a loop stays as it is until somebody does something to it.
    """

    loop: Loop
    take: Take
    journey: JourneyRequest | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """The loops of a slot; every method returns the slot after it.

    Attributes:
        current: what is heard: the newest loop that lies in a file, or the one that undo went back to.
        past: what undo goes back to, nearest last; ``future`` is what redo brings back, nearest first.
        asked: requests that no loop has come for yet, oldest first. Older ones may have been superseded.
        locks: what every loop to come keeps.
        given_to: a journey that was begun here, while its first loop is still to come.
    """

    current: Version | None = None
    past: tuple[Version, ...] = ()
    future: tuple[Version, ...] = ()
    asked: tuple[tuple[LoopRequest, Take], ...] = ()
    locks: Locks = field(default_factory=Locks)
    given_to: JourneyRequest | None = None

    @property
    def newest(self) -> LoopRequest | None:
        """Return the newest request, whether its loop has come or not."""
        if self.asked:
            return self.asked[-1][0]
        return None if self.current is None else self.current.loop.request

    @property
    def take(self) -> Take | None:
        """Return the take of the newest request."""
        if self.asked:
            return self.asked[-1][1]
        return None if self.current is None else self.current.take

    @property
    def is_passing(self) -> bool:
        """Return whether a journey's loop, come or still to come, is the newest thing here."""
        of_journey = self.current is not None and self.current.journey is not None
        return not self.asked and (of_journey or self.given_to is not None)

    @property
    def loop(self) -> Loop | None:
        """Return the current loop."""
        return None if self.current is None else self.current.loop

    def needed_loop(self, slot: int) -> Loop:
        """Return the current loop.

        Raises:
            SessionError: saying that ``slot`` has none yet.
        """
        if self.current is None:
            raise SessionError(f"slot {slot} has no loop yet: play it, and wait for its loop")
        return self.current.loop

    def asking(self, request: LoopRequest, take: Take) -> Slot:
        """Note a request."""
        return replace(self, asked=(*self.asked, (request, take))[-_MAX_ASKED:], given_to=None)

    def given(self, journey: JourneyRequest) -> Slot:
        """Leave the slot to a journey: what is asked for is given up."""
        return replace(self, asked=(), given_to=journey)

    def left_by(self, journey: JourneyRequest) -> Slot:
        """Wait no longer for a journey that has ended."""
        return replace(self, given_to=None) if self.given_to == journey else self

    def with_take(self, take: Take) -> Slot:
        """Put another take behind the newest request, as when a knob has moved that changes nothing there."""
        if self.asked:
            return replace(self, asked=(*self.asked[:-1], (self.asked[-1][0], take)))
        return self if self.current is None else replace(self, current=replace(self.current, take=take))

    def reseeded(self) -> Slot:
        """Let the noise seed of the newest request's take go: that of the session holds."""
        return self if self.take is None else self.with_take(replace(self.take, seed=None))

    def landed(self, loop: Loop) -> Slot:
        """Make a loop that has come the current one; one that nobody waits for any more changes nothing.

        A loop of another quality takes the place of the one that it refines, and so does one that was written
        anew because its file had gone, or that follows the tempo or the chords: none is a step for undo.
        """
        exact = [index for index, (request, _) in enumerate(self.asked) if request == loop.request]
        alike = [index for index, (request, _) in enumerate(self.asked) if _refines(request, loop.request)]
        journey = None
        if exact:
            take, left = self.asked[exact[-1]][1], self.asked[exact[-1] + 1 :]
        elif alike:
            # A preview: the loop that was asked for is still to come.
            take, left = self.asked[alike[-1]][1], self.asked
        elif self.current is not None and self.current.loop.request == loop.request:
            take, left = self.current.take, self.asked
            # The very file of a journey is told of again when undo, redo or keep have come to it.
            journey = self.current.journey if loop.sha256 == self.current.loop.sha256 else None
        else:
            return self
        version = Version(loop, take, journey)
        if self.current is None:
            return replace(self, current=version, asked=left)
        follows = take == self.current.take and _differ_in_frame(self.current.loop.request, loop.request)
        is_other = self.current.journey is not None and bool(exact or alike)
        if not is_other and (follows or _refines(self.current.loop.request, loop.request)):
            return replace(self, current=version, asked=left)
        past = (*self.past, self.current)[-MAX_UNDO:]
        return replace(self, current=version, past=past, future=(), asked=left)

    def arrived(self, loop: Loop, passage: Passage) -> Slot:
        """Make a loop of a journey the current one.

        All loops of one journey are one step for undo, which goes back to what lay there before it. What was
        locked goes with the loop that it was locked of.
        """
        version = Version(loop, passage_take(passage), passage.journey)
        past = self.past
        if self.current is not None and self.current.journey != passage.journey:
            past = (*past, self.current)[-MAX_UNDO:]
        return replace(self, current=version, past=past, future=(), locks=Locks(), given_to=None)

    def relocked(self, number: int, action: str, values: tuple[ActionValue, ...]) -> Slot:
        """Lock bars or a band of the current loop too, or with ``unlock`` let all of them go.

        Raises:
            SessionError: when there is no loop, a band does not rise, or all bars would be locked.
            MusicError: for bars that the loop does not have.
        """
        loop, locks = self.needed_loop(number), Locks()
        if action == "lock-bars":
            bars = BarSpans.parse(values)
            bars = bars if self.locks.bars is None else bars.joined(self.locks.bars)
            if bars.inverse(loop.request.bars) is None:
                raise SessionError(
                    f"bars {bars} are the whole loop, and nothing would be left to make: use keep, or unlock"
                )
            locks = replace(self.locks, bars=bars)
        elif action == "lock-band":
            low, high = float(values[0]), float(values[1])
            if not low < high:
                raise SessionError(f"the band goes from {low:g} to {high:g} Hz, but must rise")
            locks = replace(self.locks, band_hz=(low, high))
        slot = self if self.take is None else self.with_take(self.take.on(loop))
        return replace(slot, locks=locks)

    def state_dict(self, number: int, kept: bool) -> dict[str, object]:
        """Return the current loop and what surrounds it as plain values; empty without a loop."""
        if self.current is None:
            return {}
        band = self.locks.band_hz
        return {
            "slot": number,
            "path": self.current.loop.path,
            "kept": kept,
            "undo": len(self.past),
            "redo": len(self.future),
            "locked_bars": "" if self.locks.bars is None else str(self.locks.bars),
            "locked_band": "" if band is None else f"{band[0]:g}-{band[1]:g}",
        }

    def undone(self, slot: int) -> Slot:
        """Go back to the loop before; what is asked for is given up.

        Raises:
            SessionError: when there is none.
        """
        if self.current is None or not self.past:
            raise SessionError(f"slot {slot} has no loop before this one to go back to")
        return replace(
            self,
            current=self.past[-1],
            past=self.past[:-1],
            future=(self.current, *self.future),
            asked=(),
            given_to=None,
        )

    def redone(self, slot: int) -> Slot:
        """Take an undo back; what is asked for is given up.

        Raises:
            SessionError: when nothing was undone.
        """
        if self.current is None or not self.future:
            raise SessionError(f"slot {slot} has nothing undone to bring back")
        return replace(
            self,
            current=self.future[0],
            past=(*self.past, self.current),
            future=self.future[1:],
            asked=(),
            given_to=None,
        )


def _differ_in_frame(request: LoopRequest, other: LoopRequest) -> bool:
    """Return whether two requests differ in nothing but what all loops of a session share."""
    names = (name for name in LoopRequest.__dataclass_fields__ if name not in _FRAME)
    return all(getattr(request, name) == getattr(other, name) for name in names)


def _refines(request: LoopRequest, other: LoopRequest) -> bool:
    """Return whether two requests differ in quality at most, or in the tempo that they are decoded at."""
    mine, others = request.at_its_own_tempo, other.at_its_own_tempo
    return replace(mine, quality=others.quality) == others
