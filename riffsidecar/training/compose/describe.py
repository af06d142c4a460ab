"""Say what a listener would say about a composed loop, from what was really written."""

from __future__ import annotations

from collections.abc import Sequence

from riffsidecar.training.compose.genres import Genre
from riffsidecar.training.compose.plan import Plan
from riffsidecar.training.instruments import INSTRUMENTS
from riffsidecar.training.score import Attributes, Mix, Part

__all__ = ["describe", "tempo_word"]

_TEMPO_WORDS = ((66.0, "very slow"), (86.0, "slow"), (108.0, "mid-tempo"), (132.0, "upbeat"), (156.0, "fast"))
_LIGHT = {
    "pad": 0.45,
    "bass": 0.25,
    "choir": 0.45,
    "lead": 0.7,
    "mallet": 0.65,
    "texture": 0.6,
    "winds": 0.55,
}


def tempo_word(bpm: float) -> str:
    """Name a tempo.

    >>> tempo_word(70.0), tempo_word(174.0)
    ('slow', 'very fast')
    """
    return next((word for limit, word in _TEMPO_WORDS if bpm < limit), "very fast")


def _density(plan: Plan, parts: Sequence[Part]) -> float:
    sounding = [part for part in parts if part.role != "texture"]
    slots = {round(note.start * 4.0) for part in sounding for note in part.notes}
    count = sum(len(part.notes) for part in sounding)
    filled = min(1.0, len(slots) / (plan.quarters * 4.0))
    return round(min(1.0, 0.6 * filled + 0.4 * min(1.0, count / (plan.quarters * 10.0))), 3)


def _brightness(parts: Sequence[Part]) -> float:
    total = weight_sum = 0.0
    for part in parts:
        weight = 10.0 ** (part.gain_db / 20.0)
        light = _LIGHT.get(INSTRUMENTS[part.instrument].family, 0.5)
        total += weight * (0.35 * light + 0.65 * part.brightness)
        weight_sum += weight
    return round(min(1.0, total / weight_sum), 3)


def _moods(
    plan: Plan, genre: Genre, mix: Mix, parts: Sequence[Part], energy: float, density: float, brightness:
        float,
    swing: float, pitched: bool,
) -> tuple[str, ...]:  # fmt: skip
    dice = plan.dice
    bass_only = all(part.role in ("bass", "texture") for part in parts)
    wet = 0.3 if bass_only else max(part.reverb for part in parts)
    sustained = parts[0].role in ("pad", "texture")
    found = [
        (energy > 0.72, "energetic"),
        (energy < 0.3, "calm"),
        (density > 0.62, "busy"),
        (density < 0.2 and not sustained, "sparse"),
        (brightness > 0.68, "bright"),
        (brightness < 0.36, "muffled"),
        (wet > 0.55, "spacious"),
        (wet < 0.08, "dry"),
        (mix.drive > 0.45, "distorted"),
        (mix.lofi > 0.4, "dusty"),
        (mix.sidechain > 0.45, "pumping"),
        (swing > 0.45, "swung"),
        (mix.width > 0.8, "wide"),
    ]
    tags = [word for holds, word in found if holds]
    if pitched:
        if (
            not plan.key.is_minor
            and plan.key.mode in ("major", "lydian", "major-pentatonic")
            and dice.chance(0.65)
        ):
            tags.append("happy")
        elif plan.key.is_minor and energy < 0.5:
            tags.append("sad")
        elif plan.key.is_minor and brightness < 0.55:
            tags.append("dark")
    words = dice.shuffled(genre.moods.split())[:2]
    clashes = {
        "bright": "dark",
        "happy": "dark menacing sad",
        "calm": "driving aggressive frantic heavy energetic",
    }
    banned = {clash for tag in tags for clash in clashes.get(tag, "").split()}
    return tuple(dict.fromkeys([*dice.shuffled(tags)[:3], *(word for word in words if word not in banned)]))


def describe(
    plan: Plan, genre: Genre, family: str, parts: Sequence[Part], mix: Mix, stem: str, swing: float
) -> Attributes:
    """Gather the attributes of a loop."""
    drums = any(part.role in ("drums", "percussion") for part in parts)
    pitched = family != "drums"
    density = _density(plan, parts)
    brightness = _brightness(parts)
    pace = min(1.0, max(0.0, (plan.bpm - 60.0) / 120.0))
    energy = round(min(1.0, 0.55 * plan.energy + 0.15 * pace + 0.15 * density + 0.15 * mix.drive), 3)
    loudness = {part.instrument: part.gain_db for part in parts if part.role != "texture"}
    order = {part.instrument: place for place, part in enumerate(parts)}
    if family != "groove":
        names = sorted(loudness, key=lambda name: order[name])
    else:
        names = sorted(loudness, key=lambda name: -loudness[name])
    names += [part.instrument for part in parts if part.role == "texture"]
    return Attributes(
        family=family,
        genre=genre.name,
        instruments=tuple(dict.fromkeys(names)),
        mood=_moods(plan, genre, mix, parts, energy, density, brightness, swing, pitched),
        energy=energy,
        density=density,
        brightness=brightness,
        swing=round(swing, 3),
        drums=drums,
        key=str(plan.key) if pitched else "",
        tempo_word=tempo_word(plan.bpm),
        stem=stem,
    )
