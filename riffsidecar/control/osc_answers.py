"""Write what OSC clients are told: events, the rows of a state, the answers to queries. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from riffsidecar.control.osc_codec import OscValue
from riffsidecar.control.osc_table import ADDRESSES, QUERIES
from riffsidecar.errors import UnknownNameError, nearest
from riffsidecar.session.events import Acked, Failed, Finished, Previewed, Progressed
from riffsidecar.session.knobs import FREE, KNOBS

__all__ = [
    "NO_SLOT",
    "Answer",
    "Row",
    "changed_rows",
    "done_without_loop",
    "event_answers",
    "query_rows",
    "request_error",
    "state_rows",
]

Row = tuple[OscValue, ...]

NO_SLOT = -1
_MAX_TEXT = 1000
_ROWS_OF = {"pads": "pad", "loops": "loop", "seeds": "seed"}
"""Parts of the state that are lists of rows, and what each row is called."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One message to a client."""

    address: str
    values: Row


def event_answers(event: Acked | Progressed | Previewed | Finished | Failed) -> tuple[Answer, ...]:
    """Return what an event says to whoever asked for it.

    >>> from riffsidecar.session.events import Origin
    >>> [answer.address for answer in event_answers(Acked(Origin("osc", "127.0.0.1:5000", "id:7"), None))]
    ['/riff/ack', '/riff/done']
    """
    name = event.origin.request_id or event.origin.surface
    match event:
        case Acked(slot=None):
            return Answer("/riff/ack", (name, NO_SLOT)), done_without_loop(name)
        case Acked(slot=int(slot)):
            return (Answer("/riff/ack", (name, slot)),)
        case Progressed():
            values = (name, _finite(event.fraction), _finite(event.eta_s), event.slot, event.stage)
            return (Answer("/riff/progress", values),)
        case Previewed():
            return (Answer("/riff/preview", _loop(name, event.loop)),)
        case Finished():
            return (Answer("/riff/done", _loop(name, event)),)
        case Failed():
            return (request_error(name, event.code, event.text),)
    return ()


def done_without_loop(request_id: str) -> Answer:
    """Return the end of a request that makes no loop, in the same types as that of one that does."""
    return Answer("/riff/done", (request_id, NO_SLOT, "", 0.0, 0.0, "", 0, 0, 0, 0.0, 0, 0))


def request_error(request_id: str, code: str, text: str) -> Answer:
    """Return the end of a request that failed."""
    return Answer("/riff/error", (request_id, code, text[:_MAX_TEXT]))


def state_rows(state: Mapping[str, object]) -> dict[tuple[OscValue, ...], Row]:
    """Return the rows of a state: what follows ``/riff/state``, by the part of the row that names it.

    >>> list(state_rows({"tempo": 87.5, "knobs": {"density": None}, "slot": None}).values())
    [('tempo', 87.5), ('knob', 'density', 'free'), ('slot', -1)]
    """
    rows: dict[tuple[OscValue, ...], Row] = {}
    for name, value in state.items():
        if name == "knobs" and isinstance(value, Mapping):
            rows.update(
                {("knob", knob): ("knob", knob, _plain(position)) for knob, position in value.items()}
            )
        elif name in _ROWS_OF and isinstance(value, list | tuple):
            one = _ROWS_OF[name]
            rows.update({(one, row[0]): (one, *row) for row in _rows(value)})
        elif isinstance(value, list | tuple):
            rows[(name,)] = (name, *(_plain(item) for item in value))
        else:
            rows[(name,)] = (name, NO_SLOT if name == "slot" and value is None else _plain(value))
    return rows


def changed_rows(before: Mapping[Row, Row], after: Mapping[Row, Row]) -> list[Row]:
    """Return the rows that a client is told of; a seed that has gone is told by its name and ``none``.

    >>> changed_rows({("seed", "break"): ("seed", "break", 92.0)}, {("tempo",): ("tempo", 120.0)})
    [('tempo', 120.0), ('seed', 'break', 'none')]
    """
    changed = [row for part, row in after.items() if before.get(part) != row]
    gone = [part for part in before if part[0] == "seed" and len(part) > 1 and part not in after]
    return changed + [(*part, "none") for part in gone]


def query_rows(what: str, state: Mapping[str, object], ports: Iterable[Row] = ()) -> list[Row]:
    """Return the rows that answer a query about anything but the state itself.

    Raises:
        UnknownNameError: for something that cannot be asked for, naming the nearest.
    """
    match what:
        case "knobs":
            return _knob_rows(state)
        case "banks":
            names = [str(name) for name in _list(state.get("banks"))]
            return [(number, name, int(name == state.get("bank"))) for number, name in enumerate(names, 1)]
        case "pads":
            return _rows(_list(state.get("pads")))
        case "loops":
            return _rows(_list(state.get("loops")))
        case "seeds":
            return _rows(_list(state.get("seeds")))
        case "ports":
            return list(ports)
        case "help":
            return [(row.usage, row.help) for row in ADDRESSES.values()]
    raise UnknownNameError(
        f"nothing called {what[:40]!r} to ask for, but {', '.join(QUERIES)}{nearest(what[:40], QUERIES)}"
    )


def _loop(name: str, event: Finished) -> Row:
    return (
        name,
        event.slot,
        event.path,
        float(event.bars),
        float(event.bpm),
        event.key,
        event.seed,
        event.num_samples,
        event.sample_rate,
        float(event.render_s),
        int(event.cached),
        event.bar,
    )


def _finite(value: float) -> float:
    """Return a number that OSC can carry; -1 where nobody knows."""
    return float(value) if math.isfinite(value) else -1.0


def _knob_rows(state: Mapping[str, object]) -> list[Row]:
    positions = state.get("knobs")
    known = positions if isinstance(positions, Mapping) else {}
    return [
        (
            name,
            _plain(known.get(name, knob.default)),
            float(knob.minimum),
            float(knob.maximum),
            _plain(knob.default),
            NO_SLOT if knob.cc is None else knob.cc,
            knob.help,
        )
        for name, knob in KNOBS.items()
    ]


def _rows(entries: Sequence[object]) -> list[Row]:
    return [
        tuple(_plain(value) for value in entry.values()) for entry in entries if isinstance(entry, Mapping)
    ]


def _list(value: object) -> Sequence[object]:
    return value if isinstance(value, list | tuple) else ()


def _plain(value: object) -> OscValue:
    """Return a value as OSC carries it; None is what a client writes for it, and a boolean a number."""
    if value is None:
        return FREE
    if isinstance(value, bool):
        return int(value)
    return value if isinstance(value, int | float) else str(value)[:_MAX_TEXT]
