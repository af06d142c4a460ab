"""What the loops of a session become when its tempo, its meter or its harmony changes. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from riffsidecar.errors import RiffError
from riffsidecar.session.checks import check_policy
from riffsidecar.session.loops import Loop
from riffsidecar.session.requests import MAX_RETUNE, LoopRequest

if TYPE_CHECKING:
    from riffsidecar.session.state import Session

__all__ = ["CLOCK_HYSTERESIS_BPM", "Following", "followed", "followings", "is_retunable", "must_follow"]

CLOCK_HYSTERESIS_BPM: Final = Fraction(1, 20)
"""A loop does not follow a clock by less than this: no clock is known better."""

_ESTIMATED: Final = ("clock", "link")
_MEASURED: Final = "measuring"


@dataclass(frozen=True, slots=True)
class Following:
    """A slot whose loop has to change: to what, and the loop whose latents it is decoded from, if any.

    ``problem`` is why it cannot; ``request`` is None then.
    """

    slot: int
    request: LoopRequest | None
    decoded_from: Loop | None = None
    problem: str = ""


def must_follow(before: Session, after: Session) -> bool:
    """Return whether a command has changed what playing loops have to agree with, or which loops play."""
    return _frame(before) != _frame(after) or any(
        slot.loop is not None and slot.loop != before.slot(number).loop
        for number, slot in after.slots.items()
        if not slot.asked
    )


def followings(session: Session) -> Iterator[Following]:
    """Give what each slot's loop has to become, slot by slot; nothing for those that agree already.

    A tempo within 12 % of the one that the latents were made at decodes them again, one beyond makes the loop
    anew; another meter makes it anew, and so do another key and other chords where the loop has a pitch. The
    policy of the session decides about tempo and meter: ``follow`` does both, ``decode`` only decodes,
    ``hold`` does neither. A favourite is decoded and never made anew; a loop of a journey stays as it is.
    """
    for number, slot in sorted(session.slots.items()):
        have = slot.newest
        if have is None or slot.take is None or slot.is_passing:
            continue
        try:
            wanted = session.wanted(number)
            found = _followed(session, number, have, wanted)
        except RiffError as error:
            if have.tempo != session.tempo:
                yield Following(number, None, problem=str(error))
            continue
        if found is not None:
            yield found


def followed(session: Session, following: Following) -> Session:
    """Return the session that has asked for what a slot becomes."""
    slot = session.slot(following.slot)
    if following.request is None or slot.take is None:
        return session
    asked = slot.asking(following.request, slot.take)
    return replace(session, slots={**session.slots, following.slot: asked})


def _frame(session: Session) -> tuple[object, ...]:
    # A clock may be known to be what it was first believed to be, and then moves what plays.
    is_measured = session.tempo_source == _MEASURED
    settings = session.settings
    timing = (session.tempo, is_measured, session.meter, settings.bars, settings.follow)
    return (*timing, settings.harmony, session.banks)


def _followed(session: Session, number: int, have: LoopRequest, wanted: LoopRequest) -> Following | None:
    policy = check_policy(session.settings.follow)
    slot = session.slot(number)
    is_kept = not slot.asked and session.is_kept(slot.loop)
    same_harmony = (have.key, have.chords) == (wanted.key, wanted.chords)
    same_meter = have.meter == wanted.meter
    source, apart = session.tempo_source, abs(have.tempo.bpm - wanted.tempo.bpm)
    # A clock that is still measured moves nothing: what it is known to be in a moment does.
    same_tempo = source == _MEASURED or not apart or (source in _ESTIMATED and apart < CLOCK_HYSTERESIS_BPM)
    if policy == "hold":
        same_tempo = same_meter = True
    if same_harmony and same_meter and same_tempo:
        return None
    if same_harmony and same_meter and is_retunable(have, wanted):
        base = _decodable(slot.loop, have)
        if base is not None or not slot.asked:
            return Following(number, have.retuned(wanted.tempo), base)
    if is_kept or (policy == "decode" and same_harmony):
        return None
    tempo = have.tempo if policy == "hold" else wanted.tempo
    if policy == "decode" and not is_retunable(have, wanted):
        tempo = have.tempo
    meter, bars = have.meter, have.bars
    if policy == "follow":
        meter, bars = wanted.meter, wanted.bars if have.meter != wanted.meter else have.bars
    fields = {"tempo": tempo, "meter": meter, "bars": bars, "latents_tempo": None}
    fields |= {"key": wanted.key, "chords": wanted.chords}
    if have.is_locked and (meter, bars) != (have.meter, have.bars):
        # Bars of another meter keep nothing of one another.
        fields |= {"of_path": None, "of_sha256": "", "keep_bars": None, "keep_bands_hz": None}
    made = replace(have, **fields)  # type: ignore[arg-type]
    return None if made == have else Following(number, made)


def is_retunable(have: LoopRequest, wanted: LoopRequest) -> bool:
    """Return whether the latents of a loop do at another tempo: within 12 % of their own."""
    made_at = have.latents_tempo or have.tempo
    return abs(wanted.tempo.bpm / made_at.bpm - 1) <= MAX_RETUNE


def _decodable(loop: Loop | None, have: LoopRequest) -> Loop | None:
    """Return the current loop where its latents are those of the newest request."""
    return loop if loop is not None and loop.request.at_its_own_tempo == have.at_its_own_tempo else None
