"""Write melodies, riffs, ragas and arpeggios: motifs that return, answer and follow the harmony."""

from __future__ import annotations

from riffsidecar.training.compose.harmony import near
from riffsidecar.training.compose.plan import Event, Plan, fit_steps
from riffsidecar.training.instruments import INSTRUMENTS

__all__ = ["LEAD_STYLES", "write_lead"]

_RHYTHMS = {
    "sparse": "x-------x---.... | x-----x-----.... | ....x-----x----- | x-----------x--- | x-----x-x-------",
    "melody": (
        "x---x-x-x---x--- | x--x--x-x---.... | x-x-x---x-x-x--- | ..x-x-x-x-----.. | x--x--x---x-x-.."
        " | x-----x-x-x-x--- | x---x---x-x-x-.."
    ),
    "fast": "x-x-xxx-x-x-x--- | xxx-x-x-xxx-x--- | x-xxx-x-x-xxx-.. | x-x-x-x-x-xxxxx- | xx-xx-x-xx-xx-..",
    "riff": "x.x..x.xx..x.x.. | x..x..x.x.x..... | xx.x.x..xx.x.x.. | x.xx.x..x.x..x.. | x..xx..x..x.x.x.",
    "hook": "x..x..x...x.x... | x..x..x..x..x.x. | x.x.x..x..x.x... | x--x--x---x-x--- | ..x..x..x..x..x.",
    "call": "x-x-x---........ | x--x--x-........ | ..x-x-x---...... | x.xx.x-.........",
    "long": "x--------------- | x-------x------- | x-----------x---",
    "solo": "x-x-x-x-xxx-x--- | ..xxx-x-x--xx-.. | x--xxxx-x-..xxx- | x-xxx-xxx-x-.... | .xxxx-x-x---x-x-",
    "trill": "xxxxxxxxx---.... | x---xxxxxxxxx--- | x-xxxxx-x-xxxxx-",
}
_ARPS = ("arp16", "arp8", "arp-triplet", "arp-dotted", "ostinato")

LEAD_STYLES = (*_RHYTHMS, *_ARPS, "raga", "baroque")
"""Every style that `write_lead` knows."""

_PARSED = {name: tuple(part.strip() for part in text.split("|")) for name, text in _RHYTHMS.items()}
_FORMS = {
    1: ("A",),
    2: ("AA", "AB", "AC"),
    4: ("AAAB", "ABAB", "ABAC", "AABA", "ABCB"),
    8: ("ABACABAD", "AABAAABC"),
}
_LEAPS = ((-1, 5.0), (1, 5.0), (-2, 2.0), (2, 2.0), (0, 2.5), (-3, 0.7), (3, 0.9), (4, 0.4), (-4, 0.3))


def _ladder(classes: tuple[int, ...], low: int, high: int) -> list[int]:
    return [pitch for pitch in range(low, high + 1) if pitch % 12 in classes]


def _snap(pitch: float, classes: tuple[int, ...], low: int, high: int) -> int:
    best: int = min((near(tone, pitch) for tone in classes), key=lambda found: abs(found - pitch))
    while best < low:
        best += 12
    while best > high:
        best -= 12
    return best


def write_lead(
    plan: Plan, style: str, instrument: str, *, low: int | None = None, high: int | None = None
) -> list[Event]:
    """Write a line in a style of `LEAD_STYLES` between two pitches of an instrument's range."""
    tool = INSTRUMENTS[instrument]
    bottom = max(tool.low, low if low is not None else 55)
    top = min(tool.high, high if high is not None else 88)
    if top - bottom < 12:
        bottom, top = tool.low, tool.high
    if style in _ARPS:
        return _arpeggio(plan, style, bottom, top)
    if style == "raga":
        return _raga(plan, bottom, top)
    if style == "baroque":
        return _baroque(plan, bottom, top)
    return _motif_line(plan, style, bottom, top)


def _motif_line(plan: Plan, style: str, low: int, high: int) -> list[Event]:
    """Build bars from motifs: a rhythm and a contour in scale steps, bent to the chord on strong beats."""
    dice = plan.dice
    centre = dice.uniform(low + (high - low) * 0.35, low + (high - low) * 0.65)
    form = dice.pick(_FORMS.get(plan.bars, ("A" * plan.bars,)))
    gate = dice.uniform(0.6, 1.0)
    motifs: dict[str, list[tuple[float, float, int, float]]] = {}
    for letter in sorted(set(form)):
        pattern = fit_steps(dice.pick(_PARSED[style]), plan)
        contour = 0
        cells = []
        step = 0
        while step < len(pattern):
            if pattern[step] != "x":
                step += 1
                continue
            count = 1
            while step + count < len(pattern) and pattern[step + count] == "-":
                count += 1
            cells.append((step * 0.25, count * 0.25, contour, 0.78 + dice.lean(0.14)))
            contour += dice.weighted(_LEAPS)
            if abs(contour) > 5:
                contour = dice.integer(-2, 2)
            step += count
        motifs[letter] = cells
    events: list[Event] = []
    for bar, letter in enumerate(form):
        base = bar * plan.bar_quarters
        for offset, length, contour, level in motifs[letter]:
            start = base + offset
            span = plan.span_at(start)
            ladder = _ladder(span.scale, low, high)
            anchor = _snap(centre, span.pitch_classes, low, high)
            nearest = min(range(len(ladder)), key=lambda place: abs(ladder[place] - anchor))
            pitch = ladder[max(0, min(len(ladder) - 1, nearest + contour))]
            if abs(offset % 1.0) < 1e-6 or length >= 1.0:
                pitch = _snap(pitch, span.pitch_classes, low, high)
            events.append((start, max(0.1, length * gate), pitch, min(1.0, level)))
            if length >= 0.5 and dice.chance(0.03):
                events.append(
                    (
                        max(0.0, start - 0.08),
                        0.08,
                        ladder[max(0, ladder.index(pitch) - 1)] if pitch in ladder else pitch,
                        0.5,
                    )
                )
    return events


def _arpeggio(plan: Plan, style: str, low: int, high: int) -> list[Event]:
    """Run through the chord tones: up, down, both ways, or in a fixed order, with a pattern of rests."""
    dice = plan.dice
    stride = {"arp16": 0.25, "arp8": 0.5, "arp-triplet": 1.0 / 3.0, "arp-dotted": 0.25, "ostinato": 0.25}[
        style
    ]
    octaves = dice.weighted(((1, 3.0), (2, 4.0), (3, 1.0)))
    order = dice.pick(("up", "down", "both", "both", "drawn", "drawn", "pedal"))
    cycle = {"arp-dotted": 3, "ostinato": dice.pick((3, 4, 5, 6, 8))}.get(style, dice.pick((4, 8, 8, 16, 6)))
    drawn = [dice.integer(0, 3 + 3 * octaves) for _ in range(cycle)]
    silent = (
        {place for place in range(1, cycle) if dice.chance(0.3 * (1.0 - plan.density))}
        if cycle > 3
        else set()
    )
    if style == "arp-dotted":
        silent = {1} if dice.chance(0.5) else {1, 2}
    accent = dice.pick((2, 3, 4, 4))
    gate = dice.uniform(0.45, 1.1)
    ceiling = min(high, low + 14 + 10 * octaves)
    floor = max(low, dice.integer(low, max(low, ceiling - 14 - 6 * octaves)))
    events: list[Event] = []
    count = round(plan.quarters / stride)
    wander = dice.chance(0.35)
    for place in range(count):
        start = place * stride
        if place % cycle in silent and start % plan.bar_quarters > 1e-6:
            continue
        span = plan.span_at(start)
        ladder = _ladder(span.pitch_classes, floor, ceiling)
        size = min(len(ladder), len(span.intervals) * octaves)
        index = place % cycle if wander else round((start - span.start) / stride)
        if order == "up":
            tone = index % size
        elif order == "down":
            tone = size - 1 - index % size
        elif order == "both":
            turn = max(1, 2 * size - 2)
            tone = index % turn
            tone = tone if tone < size else turn - tone
        elif order == "pedal":
            tone = 0 if index % 2 == 0 else 1 + (index // 2) % max(1, size - 1)
        else:
            tone = drawn[index % cycle] % size
        level = (0.88 if place % accent == 0 else 0.66) + dice.lean(0.05)
        events.append((start, stride * gate, ladder[tone], min(1.0, level)))
    return events


def _raga(plan: Plan, low: int, high: int) -> list[Event]:
    """Wander slowly in the scale around the tonic with grace notes, as an alap or a gat would."""
    dice = plan.dice
    tonic = near(plan.key.tonic, (low + high) / 2.0)
    events: list[Event] = []
    phrases: list[tuple[float, float, int, float, bool]] = []
    start, contour = 0.0, 0
    phrase_quarters = plan.bar_quarters * (2 if plan.bars >= 4 else 1)
    while start < phrase_quarters - 0.2:
        length = dice.weighted(((0.25, 3.0), (0.5, 5.0), (0.75, 1.5), (1.0, 2.5), (2.0, 0.8)))
        length = min(length, phrase_quarters - start)
        phrases.append((start, length, contour, 0.8 + dice.lean(0.15), dice.chance(0.3)))
        contour = max(-5, min(8, contour + dice.weighted(_LEAPS)))
        start += length
    for repeat in range(round(plan.quarters / phrase_quarters + 0.49)):
        for offset, length, contour, level, grace in phrases:
            place = repeat * phrase_quarters + offset
            if place >= plan.quarters:
                break
            ladder = _ladder(plan.span_at(place).scale, low, high)
            middle = min(range(len(ladder)), key=lambda found: abs(ladder[found] - tonic))
            index = max(0, min(len(ladder) - 1, middle + contour + (1 if repeat % 2 and offset > 1.5 else 0)))
            if offset == 0.0:
                index = middle
            events.append((place, length * 0.97, ladder[index], min(1.0, level)))
            if grace and index + 1 < len(ladder):
                events.append((place, 0.1, ladder[index + 1], level * 0.6))
    return events


def _baroque(plan: Plan, low: int, high: int) -> list[Event]:
    """Run by step in sixteenths or eighths, touching a chord tone on every beat, as an invention does."""
    dice = plan.dice
    stride = dice.pick((0.25, 0.25, 0.5))
    count = round(plan.quarters / stride)
    per_beat = max(1, round(1.0 / stride))
    pitch = _snap((low + high) / 2.0, plan.spans[0].pitch_classes, low, high)
    direction = 1
    events: list[Event] = []
    for place in range(count):
        start = place * stride
        span = plan.span_at(start)
        if place % per_beat == 0:
            pitch = _snap(pitch, span.pitch_classes, low, high)
            if dice.chance(0.4):
                direction = -direction
        else:
            ladder = _ladder(span.scale, low, high)
            nearest = min(range(len(ladder)), key=lambda found: abs(ladder[found] - pitch))
            if not 0 < nearest + direction < len(ladder) - 1:
                direction = -direction
            pitch = ladder[max(0, min(len(ladder) - 1, nearest + direction))]
        events.append(
            (start, stride * 0.85, pitch, 0.72 + (0.1 if place % per_beat == 0 else 0.0) + dice.lean(0.05))
        )
    return events
