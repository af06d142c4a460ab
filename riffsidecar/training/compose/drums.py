"""Write drum and percussion lines: a groove, small variations in answering bars, rolls and fills."""

from __future__ import annotations

from collections.abc import Collection

from riffsidecar.training.compose.grooves import GROOVES, PITCHES, Layer
from riffsidecar.training.compose.plan import Event, Plan, fit_steps
from riffsidecar.training.instruments import INSTRUMENTS

__all__ = ["HAND_VOICES", "ROLLING_GROOVES", "write_drums", "write_percussion"]

ROLLING_GROOVES = ("trap", "drill", "glitch")
"""Grooves whose hats break into rolls."""

HAND_VOICES = "gGqbBvAKSaw"
"""Voices played by a percussionist rather than by the drummer."""

_LEVELS = {"X": 0.96, "x": 0.74, "o": 0.4}
_SYNTH_SUBSTITUTES = {"p": "h", "A": "w", "v": "r", "K": "m", "q": "G"}
_WAVING_VOICES = "hSadrbgG"
_BUSY_VOICES = "hSardwbgGtT"
_PERCUSSION = {
    "perc-latin": ("gG", "gGw", "gGS", "gGwS", "gGvS", "bK", "gGbS", "wvS", "KwA"),
    "perc-hand": ("S", "Sa", "aS", "SbB", "bBa", "gGS", "vS", "aw", "bBSa"),
}


def _choose_layers(
    plan: Plan, layers: tuple[Layer, ...], voices: Collection[str] | None
) -> list[tuple[str, str]]:
    dice = plan.dice
    chosen = []
    for layer in layers:
        if voices is not None and layer.voice not in voices:
            continue
        probability = layer.probability
        if probability < 1.0 and layer.voice in _BUSY_VOICES:
            probability = min(0.97, probability * (0.4 + 1.2 * plan.density))
        if voices is None and not dice.chance(probability):
            continue
        if (
            voices is not None
            and probability < 1.0
            and len(voices) > 3
            and not dice.chance(max(probability, 0.5))
        ):
            continue
        chosen.append((layer.voice, dice.pick(layer.patterns)))
    return chosen


def _odd_meter(plan: Plan, groove: str) -> str:
    if plan.compound:
        return "six-eight"
    if plan.steps == 12 and groove in (
        "rock",
        "folk",
        "country",
        "jazz",
        "jazz-brush",
        "soul",
        "bossa",
        "march",
    ):
        return "waltz"
    return groove


def _fill(plan: Plan, bar: int, rolling: bool) -> list[tuple[int, float, str, float]]:
    """Draw a fill for the end of a bar as (step, offset in steps, voice, velocity)."""
    dice = plan.dice
    steps = plan.steps
    first = bar * steps + steps - dice.pick((2, 4, 4, 4, 6, 8) if steps >= 16 else (2, 4, 6))
    last = (bar + 1) * steps
    kind = dice.integer(0, 5)
    hits: list[tuple[int, float, str, float]] = []
    span = last - first
    if kind == 0:
        for step in range(first, last):
            hits.append((step, 0.0, "s", 0.45 + 0.5 * (step - first) / span))
    elif kind == 1:
        order = "sssmmTTt" if span >= 8 else "smTt"
        for place, step in enumerate(range(first, last)):
            hits.append((step, 0.0, order[place * len(order) // span], dice.uniform(0.7, 0.95)))
    elif kind == 2:
        for step in range(first, last, 2):
            hits.append((step, 0.0, "s", 0.85))
            if dice.chance(0.6):
                hits.append((step + 1, 0.0, dice.pick("kts"), 0.65))
    elif kind == 3:
        hits.append((last - 2, 0.0, "o", 0.8))
        hits.append((last - 1, 0.0, "s", 0.6))
    elif kind == 4 and rolling:
        for step in range(first, last):
            parts = dice.pick((2, 3, 4))
            hits.extend((step, part / parts, "h", 0.5 + 0.4 * part / parts) for part in range(parts))
    else:
        for step in range(first, last):
            if dice.chance(0.55):
                hits.append((step, 0.0, dice.pick("ssktTm"), dice.uniform(0.45, 0.9)))
        hits.append((last - 1, 0.0, "s", 0.7))
    return hits


def _roll_hats(plan: Plan, events: list[tuple[int, float, str, float]]) -> None:
    """Break some hats into triplets, thirty-seconds and faster, rising or falling in level."""
    dice = plan.dice
    amount = 0.04 + 0.14 * plan.density
    hats = [place for place, hit in enumerate(events) if hit[2] == "h"]
    for place in hats:
        if not dice.chance(amount):
            continue
        step, _, voice, level = events[place]
        parts, length = dice.pick(((2, 1.0), (3, 1.0), (3, 2.0), (4, 1.0), (4, 2.0), (6, 2.0), (8, 2.0)))
        rising = dice.chance(0.5)
        for part in range(1, parts):
            share = part / parts
            shade = 0.5 + 0.5 * (share if rising else 1.0 - share)
            events.append((step, share * length, voice, level * shade))


def write_drums(
    plan: Plan,
    groove: str,
    kit: str,
    *,
    voices: Collection[str] | None = None,
    fills: bool = True,
) -> list[Event]:
    """Write a kit's part.

    The first bar states the groove; answering bars repeat it with a few notes added or left out, the last
    bar may end in a fill, and a crash may mark the first beat.

    Args:
        plan: the loop.
        groove: a name of `GROOVES`.
        kit: the instrument, which says which voices there are.
        voices: play only these voices, all of them; None draws them by their probabilities.
        fills: allow fills and crashes.
    """
    dice = plan.dice
    steps = plan.steps
    name = _odd_meter(plan, groove)
    layers = _choose_layers(plan, GROOVES[name], voices)
    if not layers:
        layers = [(GROOVES[name][0].voice, dice.pick(GROOVES[name][0].patterns))]
    synth = INSTRUMENTS[kit].engine == "synth"
    rolling = name in ROLLING_GROOVES
    looseness = dice.pick((0.0, 0.03, 0.06, 0.1)) * (0.5 + plan.density)
    hits: list[tuple[int, float, str, float]] = []
    for voice, pattern in layers:
        fitted = fit_steps(pattern, plan) if name != "six-eight" and name != "waltz" else pattern
        cycle = len(fitted) // steps or 1
        wave = dice.uniform(0.0, 0.25) if voice in _WAVING_VOICES else 0.0
        changed: dict[int, str] = {}
        if voice != "k" or not dice.chance(0.5):
            for step, symbol in enumerate(fitted[:steps]):
                if symbol == "." and step and dice.chance(looseness * (0.5 if voice in "cC" else 1.0)):
                    changed[step] = "o" if voice in "shrdS" else "x"
                elif symbol == "o" and dice.chance(looseness * 2.0):
                    changed[step] = "."
        for bar in range(plan.bars):
            answering = bar % 2 == 1 if plan.bars > 2 else bar == plan.bars - 1 and plan.bars > 1
            row = fitted[(bar % cycle) * steps : (bar % cycle + 1) * steps]
            for step, symbol in enumerate(row):
                played = changed.get(step, symbol) if answering else symbol
                if played == ".":
                    continue
                level = _LEVELS[played] * (
                    1.0 - (wave if step % 4 else 0.0) - (wave * 0.6 if step % 2 else 0.0)
                )
                hits.append((bar * steps + step, 0.0, voice, level))
    if rolling:
        _roll_hats(plan, hits)
    if fills and plan.bars >= 2 and dice.chance(0.18 + 0.3 * plan.density):
        fill = _fill(plan, plan.bars - 1, rolling)
        first = min(step for step, *_ in fill)
        quiet = {hit[2] for hit in fill}
        hits = [hit for hit in hits if hit[0] < first or (hit[2] in "kdhS" and hit[2] not in quiet)] + fill
    if fills and voices is None and plan.bars >= 2 and dice.chance(0.06 + 0.12 * plan.energy):
        hits.append((0, 0.0, "C", 0.85))
    return _sound(plan, hits, synth, kit)


def _sound(plan: Plan, hits: list[tuple[int, float, str, float]], synth: bool, kit: str) -> list[Event]:
    dice = plan.dice
    level_scale = 0.8 + 0.2 * plan.energy
    orchestral = kit == "kit-orchestral"
    taken: dict[tuple[float, int], Event] = {}
    for step, offset, letter, level in hits:
        voice = _SYNTH_SUBSTITUTES.get(letter, letter) if synth else letter
        pitch = PITCHES[voice]
        if orchestral:
            pitch = _orchestral(plan, voice, step)
        start = ((step + offset) * 0.25) % plan.quarters
        velocity = min(1.0, max(0.08, level * level_scale + dice.lean(0.06)))
        length = 0.5 if voice in "oCd" else 0.25
        known = taken.get((start, pitch))
        if known is None or known[3] < velocity:
            taken[(start, pitch)] = (start, length, pitch, velocity)
    return sorted(taken.values())


def _orchestral(plan: Plan, voice: str, step: int) -> int:
    """Map a voice to the orchestra kit: bass drum, snare, cymbals, timpani (41 to 53) tuned to the chord."""
    if voice in "tTm":
        root = plan.span_at(step * 0.25).root + (7 if voice == "T" else 0)
        return 41 + (root - 41) % 12
    return {"k": 36, "s": 38, "c": 38, "C": 59, "h": 42, "o": 57, "d": 57, "a": 54}.get(voice, 38)


def write_percussion(plan: Plan, groove: str, instrument: str) -> list[Event]:
    """Write congas, shakers, bells and the like over a groove, a few voices of it at a time."""
    dice = plan.dice
    names = [name for name in (groove, "latin", "afrobeat", "salsa") if name in GROOVES]
    for name in [groove, dice.pick(names[-3:])]:
        voices = "".join(layer.voice for layer in GROOVES[name] if layer.voice in HAND_VOICES)
        wanted = [voice for voice in dice.pick(_PERCUSSION[instrument]) if voice in voices]
        if wanted:
            return write_drums(plan, name, instrument, voices=wanted, fills=False)
    return write_drums(plan, "latin", instrument, voices="gGS", fills=False)
