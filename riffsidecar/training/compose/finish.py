"""Turn drafts into parts: swing, looseness, wrapping into the loop, place in the mix."""

from __future__ import annotations

from collections.abc import Sequence

from riffsidecar.training.compose.dice import Dice
from riffsidecar.training.compose.genres import Genre
from riffsidecar.training.compose.plan import Draft, Plan
from riffsidecar.training.instruments import INSTRUMENTS
from riffsidecar.training.score import Mix, Note, Part

__all__ = ["finish", "mix_for", "swung"]

_ROLE_GAIN_DB = {
    "drums": 0.0, "percussion": 0.0, "bass": -1.0, "chords": -4.0, "melody": -4.0, "arp": -5.0, "pad": -6.0,
    "texture": 0.0,
}  # fmt: skip
_ROLE_WET = {
    "drums": 0.35, "percussion": 0.5, "bass": 0.08, "chords": 0.75, "melody": 0.9, "arp": 0.9, "pad": 1.1,
    "texture": 0.3,
}  # fmt: skip
_ROLE_PAN = {"chords": 0.3, "melody": 0.25, "arp": 0.35, "percussion": 0.35}


def swung(quarter: float, amount: float, unit_quarters: float) -> float:
    """Delay the second of each pair of units; 1 puts it on the last third of the pair.

    >>> swung(0.5, 1.0, 0.5), swung(1.0, 1.0, 0.5)
    (0.6666666666666666, 1.0)
    """
    pair = 2.0 * unit_quarters
    whole, inside = divmod(quarter / pair, 1.0)
    middle = 0.5 + amount / 6.0
    bent = inside * middle / 0.5 if inside < 0.5 else middle + (inside - 0.5) * (1.0 - middle) / 0.5
    return (whole + bent) * pair


def _notes(plan: Plan, draft: Draft, swing: float, unit_quarters: float, human: float) -> tuple[Note, ...]:
    dice = plan.dice
    total = plan.quarters
    loose = 0.0 if draft.tight else human * 0.014 * plan.bpm / 60.0
    notes = []
    low, high = INSTRUMENTS[draft.instrument].low, INSTRUMENTS[draft.instrument].high
    for start, duration, pitch, velocity in draft.events:
        if start >= total or not low <= pitch <= high:
            continue
        end = start + duration
        if swing and not draft.tight:
            start, end = swung(start, swing, unit_quarters), swung(end, swing, unit_quarters)
        shift = dice.lean(loose) if loose else 0.0
        # The downbeat never comes early: an early note would wrap to the end of the loop.
        begin = max(0.0, start + (abs(shift) * 0.3 if start < 0.05 else shift))
        level = velocity + (dice.lean(0.08 * human) if human else 0.0)
        notes.append(
            Note(
                round(min(begin, total - 1e-3), 5),
                round(max(0.03, end - start), 5),
                pitch,
                round(min(1.0, max(0.05, level)), 3),
            )
        )
    notes.sort(key=lambda note: (note.start, note.pitch))
    return tuple(notes)


def finish(
    plan: Plan, genre: Genre, drafts: Sequence[Draft], swing: float, unit_quarters: float
) -> tuple[Part, ...]:
    """Make the parts of a score from drafts; parts that came out empty are left out."""
    dice = plan.dice
    wet = dice.uniform(*genre.reverb)
    human = genre.human * dice.uniform(0.5, 1.3)
    solo = len(drafts) == 1
    parts = []
    for draft in drafts:
        notes = _notes(plan, draft, swing, unit_quarters, human)
        if not notes:
            continue
        role = draft.role
        echoing = 0.55 if genre.name in ("dub", "ambient", "trance", "synthwave") else 0.3
        delay = (
            dice.uniform(0.1, 0.6) if role in ("melody", "arp", "chords") and dice.chance(echoing) else 0.0
        )
        spread = 0.0 if solo else _ROLE_PAN.get(role, 0.0)
        parts.append(
            Part(
                role=role,
                instrument=draft.instrument,
                notes=notes,
                gain_db=round(_ROLE_GAIN_DB[role] + draft.gain_db + dice.lean(2.0), 2),
                pan=round(dice.lean(spread), 3),
                reverb=round(min(1.0, wet * _ROLE_WET[role] * dice.uniform(0.6, 1.2)), 3),
                delay=round(delay, 3),
                brightness=round(min(1.0, max(0.0, plan.brightness + dice.lean(0.2))), 3),
                seed=dice.integer(0, 2**31 - 1),
            )
        )
    return tuple(parts)


def mix_for(dice: Dice, genre: Genre, energy: float, drums: bool) -> Mix:
    """Draw the mixer's settings for a genre; side-chaining needs drums more often than not."""
    low, high = genre.sidechain
    pumped = high > 0.0 and drums and dice.chance(0.75)
    return Mix(
        drive=round(min(1.0, dice.uniform(*genre.drive) * (0.6 + 0.6 * energy)), 3),
        sidechain=round(dice.uniform(low, high), 3) if pumped else 0.0,
        reverb_size=round(min(1.0, max(0.0, dice.uniform(*genre.reverb) + dice.lean(0.2))), 3),
        lofi=round(dice.uniform(*genre.lofi), 3) if genre.lofi[1] > 0.0 and dice.chance(0.85) else 0.0,
        width=round(dice.uniform(*genre.width), 3),
    )
