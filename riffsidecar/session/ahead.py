"""What is likely to be asked for next: pads of the bank, neighbours of the knob, other banks. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from riffsidecar.errors import RiffError
from riffsidecar.session.commands import SelectBank, SetKnob
from riffsidecar.session.knobs import KNOBS, KnobValue
from riffsidecar.session.pads import NUM_PADS
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.state import Session

__all__ = ["followers", "likely_next"]

_PADS_OF_OTHER_BANKS: Final = 4
_DETENT: Final = 1 / 127
"""A step of a MIDI controller, as a part of the knob's way."""


def likely_next(
    session: Session,
    moves: Sequence[SetKnob] = (),
    velocity: int | None = None,
    *,
    hits: Sequence[int] = (),
    is_turning: bool = False,
    limit: int = 24,
) -> tuple[LoopRequest, ...]:
    """Return the loops that are likely to be asked for next, the likeliest first, each once.

    Args:
        session: as it is now.
        moves: the last moves of knobs, newest last.
        velocity: how hard pads have been hit.
        hits: the pads that were hit, newest last: what followed the newest before, follows again.
        is_turning: whether a knob was touched last, and not a pad.
        limit: how many loops at most.

    Nothing is likely before anything was played.
    """
    if session.last is None:
        return ()
    pads, neighbours = _pads(session, velocity, hits), _neighbours(session, moves)
    # A knob has many places and a bank few pads: whoever turns one hits a pad next as likely as not.
    here = _in_turn(neighbours, pads) if is_turning else itertools.chain(pads, neighbours)
    known = frozenset(session.latest.values())
    found: dict[LoopRequest, None] = {}
    for request in itertools.chain(here, _other_banks(session, velocity)):
        if len(found) >= limit:
            break
        if request not in known:
            found[request] = None
    return tuple(found)


def followers(hits: Sequence[int]) -> tuple[int, ...]:
    """Return the pads that came after the newest hit before, the likeliest first.

    What came after the newest two goes before what came after the newest alone, and later over earlier.

    >>> followers([1, 2, 3, 1, 5, 1]), followers([1, 2, 4, 2, 1, 2]), followers([7])
    ((5, 2), (4, 1), ())
    """
    if not hits:
        return ()
    places = [at for at in range(len(hits) - 2, -1, -1) if hits[at] == hits[-1]]
    alike = [at for at in places if len(hits) > 1 and at > 0 and hits[at - 1] == hits[-2]]
    return tuple(dict.fromkeys(hits[at + 1] for at in (*alike, *places)))


def _in_turn(one: Iterable[LoopRequest], other: Iterable[LoopRequest]) -> Iterator[LoopRequest]:
    for pair in itertools.zip_longest(one, other):
        yield from (request for request in pair if request is not None)


def _pads(
    session: Session, velocity: int | None, hits: Sequence[int] = (), count: int = NUM_PADS
) -> Iterator[LoopRequest]:
    """Give the pads of the bank: those that followed the newest before, those that were played, the others.

    Within each, from the pad after the one that played last.
    """
    first = (session.last or 0) if count == NUM_PADS else 0
    pads = [(first + step) % NUM_PADS + 1 for step in range(count)]
    pads.sort(key=lambda pad: pad not in session.slots)
    for pad in dict.fromkeys((*followers(hits), *pads)):
        try:
            yield session.pad_request(pad, velocity)
        except RiffError:
            # A pad that cannot be rendered now says so when it is hit.
            continue


def _neighbours(session: Session, moves: Sequence[SetKnob]) -> Iterator[LoopRequest]:
    if not moves:
        return
    for value in _values_beside(moves):
        try:
            renders = session.apply(SetKnob(moves[-1].name, value)).renders
        except RiffError:
            continue
        yield from (request for _, request in renders)


def _values_beside(moves: Sequence[SetKnob]) -> Iterator[KnobValue]:
    """Give where the knob that moved last may stand next: on with the same stride, a detent on or back."""
    name = moves[-1].name
    knob = KNOBS[name]
    if knob.choices:
        yield from (choice for choice in knob.choices if choice != moves[-1].value)
        return
    places = [knob.to_unit(move.value) for move in moves if move.name == name and not _is_word(move.value)]
    if not places or places[-1] is None:
        return
    at, before = places[-1], places[-2] if len(places) > 1 else None
    stride = at - before if before is not None and before != at else _DETENT
    onward = _DETENT if stride > 0 else -_DETENT
    for step in dict.fromkeys((stride, onward, -onward, 2 * stride)):
        if 0.0 <= at + step <= 1.0:
            yield knob.from_unit(at + step)


def _is_word(value: KnobValue) -> bool:
    return isinstance(value, str)


def _other_banks(session: Session, velocity: int | None) -> Iterator[LoopRequest]:
    names = session.banks.names
    here = names.index(session.bank_name)
    for name in dict.fromkeys((names[(here + 1) % len(names)], names[here - 1])):
        if name != session.bank_name:
            other = session.apply(SelectBank(name)).session
            yield from _pads(other, velocity, count=_PADS_OF_OTHER_BANKS)
