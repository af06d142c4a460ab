"""Write bass lines: step patterns of chord degrees by style, and walking, acid and rumbling lines by rule.

Patterns hold sixteen sixteenths: ``R`` root, ``r`` soft root, ``O`` octave above, ``L`` octave below, ``5``
fifth above, ``4`` fifth below, ``3`` third, ``6`` sixth, ``7`` seventh, ``n`` a step towards the next root,
``g`` ghost, ``-`` holds the note, ``.`` rests. Alternatives are parted by ``|``.
"""

from __future__ import annotations

from riffsidecar.training.compose.harmony import Span, near
from riffsidecar.training.compose.plan import Event, Plan, fit_steps, runs
from riffsidecar.training.instruments import INSTRUMENTS

__all__ = ["BASS_STYLES", "write_bass"]

_PATTERNS = {
    "sustain": "R--------------- | R-------R------- | R-----------5--- | R-----------n---",
    "roots": "R---R---R---R--- | R--.R--.R--.R--. | R-------R---n---",
    "eighths": "R.R.R.R.R.R.R.R. | R-R-R-R-R-R-R-R- | R.r.R.r.R.r.R.n. | R-r-R-r-R-5-R-n-",
    "offbeat": "..R...R...R...R. | ..R-..R-..R-..R- | ..R...R...R.R.R. | ..R...R...R...O.",
    "octaves": "R.O.R.O.R.O.R.O. | R-O-R-O-R-O-R-n- | R..OR..OR..OR.O. | R.O.R.OOR.O.R.On | R.O.5.O.R.O.n.O.",
    "pump": "RRRRRRRRRRRRRRRR | RrrrRrrrRrrrRrrr | R.RRR.RRR.RRR.RR | RrRrRrRrRrRrOrRr",
    "rolling": ".RRR.RRR.RRR.RRR | .RRO.RRR.RRO.RRR | .rRR.rRR.rRR.rRO | .RRR.RRR.RRR.R3n",
    "reggae": "R--.R.3.5-..R... | ....R-3-5--.R... | R-..R.R-..5.3-.. | R--...5-3-R-.... | ..R-R-..5-3.R...",
    "dub": "R--....R-..5-... | R-......R--.4-.. | R---....R.R.5... | ....R---..5.R--- | R--.3-..R---....",
    "funk": "R..R..O.g.R..7O. | R.gR..R.O..7.5R. | R..g..R.gOR.7.O. | R.R...gR..7.O.5. | RgR.O..g7.R..R3n",
    "slap": "R..gO..RgR..O.7O | R.OgR..g..RO.7.O | RgO.R.gO..R.Ogn. | R..OgR.O7..Og5R.",
    "808": "R-----....R----- | R------...R--..R | R---------R----. | R------.R--.O--- | R--------...R..R",
    "drill": "R-----..R-----O- | R------...R--.O- | R---..R---..5--- | R-----R---O---n-",
    "dnb": "R-----....R----- | R--.R-..R-R--... | R------.O-....R- | R-.R-.R-..R-n--- | R---------R---n-",
    "reese": "R--------------- | R---------n----- | R-------R------- | R-----R-----R---",
    "jungle": "R-----......R--- | R---..R-....O-.. | R--R--R---....R. | R-....R-..5-R-..",
    "garage": "R-.R..R-....O.R. | R..R-.....R-..O. | ..R-..R-R..O..5- | R-..R..O...R-.n. | R--..R-..O.R....",
    "tumbao": "R-....5-----R--- | ......5-----O--- | R-..3-5-....R-n- | ......5-...-R---",
    "bossa": "R-----R-5-----5- | R-----R-4-----4- | R-----r-5-----n- | R-----5-4-----R-",
    "twobeat": "R---....5---.... | R---....4---.... | R-..R...5-..5... | R---....5---..n.",
    "afro": "R..R-.5.R..7-.O. | R.R..5-.R.R..7-. | ..R-5.R...R-7.5. | R-..R.R-5..R.7-. | R--R-.O.7-5-R...",
    "minimal": "R......R........ | R.....R...R..... | ..R....R..R....O | R..R......R..... | ...R...R.....R..",
    "rumble": ".RRR.RRR.RRR.RRR | .rRr.rRr.rRr.rRr | ..RR..RR..RR..RR | .RrR.RrR.RrR.RrR",
    "techno": "R.RR.RR.RR.RR.RR | R..R..R..R..R.R. | RRRORRRORRRORRRO | ..R...R...R...RR | R.R.O.R.R.R.7.R.",
    "boombap": "R-----.R..R--... | R--..R-.R---..n. | R---..R-..5-R-.. | R-....R.R--.7-R. | R--R--..O-..5.R.",
    "lofi": "R-------....R--- | R-----5-....R--- | R---....R-5-.... | R-----..5---n---",
    "disco": "R.O.R.O.R.O.R.O. | R..R.R.O5..5.7.O | R-R.O.RR5.R.7.n. | R.RO.RO.R.RO.3n. | R..OR..O5..O7.On",
    "motown": "R--R.R3-5-.5R.n. | R-.5R-3.5.6.5.3. | R---.R5-6-5-3-n- | R-R.5.R.6.5.3.n.",
    "synthwave": "RRRRRRRRRRRRRRRR | R.RRR.RRR.RRR.RR | RrRrRrRrOrRr5rRr | R-R-R-R-R-R-O-R-",
    "rock": "R-R-R-R-R-R-R-R- | R--.R-R-R--.R-n- | R-----R-R---5-n- | R-R-..R-R-R-..n-",
    "metal": "RrrRrrRrrRrrRrRr | R.rrR.rrR.rrR.rr | RRrRRRrRRRrR5-3- | R---rrR---rrR-n-",
    "drone": "R---------------",
    "chip": "R.R.O.R.R.R.O.R. | ROROROROROROROR5 | R.5.O.5.R.5.O.5. | R.R.5.5.O.O.5.n.",
    "logdrum": "R-....R..R-...R. | ..R-..R-..R.R-O. | R..R..R-...O-.5. | ....R-.R..R-5-R.",
    "dubstep": "R-R-R-R.R--R--R- | R-------R--R--R- | R--R--R.R.R.R--- | R-----R-..R-O-n-",
    "reggaeton": "R--R--R-R--R--R- | R-.R--R.R-.R--O. | R---..R-R---..n-",
    "blues": "R---R-3-5---5-6- | R-R-3-3-5-5-6-5- | R---3---5---6--- | R-R-5-5-6-6-5-5-",
    "highlife": "R--R--5-..3-5-.. | R-3-5-..6-5-3-.. | R..R5.3-R..R6.5-",
    "moombah": "R--.R--.R--R--O. | R-..R..R..R-..R.",
    "pedal": "R-------R------- | R---R---R---R---",
}

BASS_STYLES = (*_PATTERNS, "walking", "acid")
"""Every style that `write_bass` knows."""

_PARSED = {name: tuple(part.strip() for part in text.split("|")) for name, text in _PATTERNS.items()}
_STEPS_ABOVE = {"R": 0, "r": 0, "g": 0, "O": 12, "L": -12, "6": 9}
_LEVELS = {"r": 0.55, "g": 0.32, "O": 0.82, "n": 0.7}


def _root(span: Span, low: int, high: int, target: float) -> int:
    pitch = near(span.root, target)
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch


def _degree(span: Span, symbol: str, root: int, following: int) -> int:
    if symbol in _STEPS_ABOVE:
        return root + _STEPS_ABOVE[symbol]
    intervals = span.intervals
    if symbol == "3":
        return root + next((step for step in intervals if step in (3, 4)), 5 if 5 in intervals else 7)
    if symbol in "54":
        fifth = next((step for step in intervals if step in (6, 7, 8)), 7)
        return root + fifth - (12 if symbol == "4" else 0)
    if symbol == "7":
        return root + next((step for step in intervals if step in (9, 10, 11)), 10)
    return following - 1 if following > root else following + (2 if following == root else 1)


def _clamp(pitch: int, low: int, high: int) -> int:
    while pitch > high:
        pitch -= 12
    while pitch < low:
        pitch += 12
    return min(pitch, high)


def write_bass(plan: Plan, style: str, instrument: str, *, low: int | None = None) -> list[Event]:
    """Write a bass line in a style of `BASS_STYLES` for an instrument.

    A bar's pattern is drawn once and comes back; every second or fourth bar may end in another one.
    """
    tool = INSTRUMENTS[instrument]
    floor = max(tool.low, low if low is not None else tool.low)
    centre = plan.dice.uniform(floor + 5.0, max(floor + 6.0, min(floor + 13.0, tool.high - 12.0)))
    if style == "walking":
        events = _walking(plan, floor, tool.high, centre)
    elif style == "acid":
        events = _acid(plan, floor, tool.high, centre)
    else:
        events = _patterned(plan, style, floor, tool.high, centre)
    return events


def _patterned(plan: Plan, style: str, low: int, high: int, centre: float) -> list[Event]:
    dice = plan.dice
    main = fit_steps(dice.pick(_PARSED[style]), plan)
    other = fit_steps(dice.pick(_PARSED[style]), plan) if dice.chance(0.55) else main
    swap = dice.pick((2, 4)) if plan.bars >= 4 else 2
    gate = dice.uniform(0.55, 0.98)
    events: list[Event] = []
    for bar in range(plan.bars):
        pattern = other if bar % swap == swap - 1 else main
        for step, length, symbol in runs(pattern):
            beginning = bar * plan.bar_quarters + step * 0.25
            for start, hold in plan.pieces(beginning, length * 0.25):
                span = plan.span_at(start)
                root = _root(span, low, high, centre)
                following = _root(plan.next_span(start), low, high, centre)
                if symbol == "n" and start + hold < span.end - 0.01:
                    symbol = "5" if dice.chance(0.5) else "R"
                pitch = _clamp(_degree(span, symbol, root, following), low, high)
                level = _LEVELS.get(symbol, 0.86) + (0.07 if step == 0 else 0.0) + dice.lean(0.05)
                duration = 0.12 if symbol == "g" else hold * (gate if length <= 2 else 0.97)
                events.append((start, duration, pitch, min(1.0, max(0.1, level))))
    return events


def _walking(plan: Plan, low: int, high: int, centre: float) -> list[Event]:
    """Walk in quarters: chord tones on strong beats, scale steps between, a step into each new root."""
    dice = plan.dice
    beats = round(plan.quarters) if not plan.compound else round(plan.quarters / 0.5)
    stride = plan.quarters / beats if not plan.compound else 0.5
    events: list[Event] = []
    pitch = _root(plan.spans[0], low, high, centre)
    for beat in range(beats):
        start = beat * stride
        span = plan.span_at(start)
        ahead = plan.span_at(start + stride)
        if abs(start - span.start) < 1e-6:
            pitch = _root(span, low, high, float(pitch) if dice.chance(0.6) else centre)
        elif ahead is not span:
            target = _root(ahead, low, high, float(pitch))
            pitch = target + dice.pick((-1, 1, -1, 2 if (target + 2) % 12 in span.scale else 1))
        else:
            tones = span.pitch_classes if dice.chance(0.6) else span.scale
            near_by = [tone for tone in range(pitch - 5, pitch + 6) if tone % 12 in tones and tone != pitch]
            pitch = dice.pick(near_by) if near_by else pitch
        pitch = _clamp(pitch, low, high)
        level = 0.8 + dice.lean(0.08)
        events.append((start, stride * 0.92, pitch, level))
        if dice.chance(0.1):
            events[-1] = (start, stride * 0.5, pitch, level)
            events.append((start + stride * 0.5, stride * 0.4, pitch, 0.45))
    return events


def _acid(plan: Plan, low: int, high: int, centre: float) -> list[Event]:
    """Write a 303 line: one bar of random scale notes with octave leaps, accents and slides (overlaps)."""
    dice = plan.dice
    fill = 0.45 + 0.45 * plan.density
    cells: list[tuple[int, int, int, float, bool]] = []
    for step in range(plan.steps):
        if step and not dice.chance(fill):
            continue
        degree = dice.weighted(((0, 6.0), (1, 1.5), (2, 2.0), (4, 2.0), (6, 1.0)))
        octave = dice.weighted(((0, 7.0), (12, 2.0), (-12, 1.0)))
        level = 0.98 if step == 0 or dice.chance(0.25) else 0.62
        cells.append((step, degree, octave, level, dice.chance(0.25)))
    events: list[Event] = []
    for bar in range(plan.bars):
        for step, degree, octave, level, slide in cells:
            start = bar * plan.bar_quarters + step * 0.25
            span = plan.span_at(start)
            scale = sorted((tone - span.root) % 12 for tone in span.scale)
            root = _root(span, low, high, centre)
            pitch = _clamp(root + scale[degree % len(scale)] + octave, low, high)
            events.append((start, 0.32 if slide else 0.16, pitch, min(1.0, level + dice.lean(0.04))))
    return events
