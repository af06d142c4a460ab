"""Compose a loop from a seed: draw family, genre, time and harmony, arrange it, and describe it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

from riffsidecar.errors import TrainingError, nearest
from riffsidecar.music import Chords, Key, Meter, Tempo
from riffsidecar.training.compose.arrange import TIMBRES, arrange
from riffsidecar.training.compose.describe import describe
from riffsidecar.training.compose.dice import Dice
from riffsidecar.training.compose.finish import finish, mix_for
from riffsidecar.training.compose.flavours import FLAVOURS
from riffsidecar.training.compose.genres import Genre
from riffsidecar.training.compose.genres_band import BAND
from riffsidecar.training.compose.genres_beats import BEATS
from riffsidecar.training.compose.genres_club import CLUB
from riffsidecar.training.compose.genres_world import WORLD
from riffsidecar.training.compose.harmony import Span, harmonise
from riffsidecar.training.compose.plan import Plan
from riffsidecar.training.score import FAMILIES, Part, Score

__all__ = ["FAMILY_WEIGHTS", "GENRES", "compose"]

GENRES: dict[str, Genre] = {genre.name: genre for genre in (*CLUB, *BEATS, *BAND, *WORLD)}
"""Every genre by name."""

FAMILY_WEIGHTS: dict[str, float] = {
    "drums": 0.17,
    "bass": 0.12,
    "piano": 0.11,
    "guitar": 0.11,
    "strings": 0.11,
    "choir-pad": 0.10,
    "lead-arp": 0.10,
    "groove": 0.18,
}
"""How often each family is drawn."""

_METERS = "3/4*4 6/8*4 5/4*3 7/8*3"
_ODD_SHARE = 0.18
_BARS = ((4, 0.43), (2, 0.33), (1, 0.14), (8, 0.10))
_LONGEST_S = 24.0
_SLOWEST, _FASTEST = 50.0, 190.0


def _draw_tempo(dice: Dice, genre: Genre) -> Tempo:
    low, usual, high = genre.tempo
    bpm = dice.triangular(low, usual, high)
    # One loop in six leaves the genre's range, so that a prompt can be asked for at any tempo.
    if dice.chance(0.17):
        bpm = dice.uniform(usual * 0.72, usual * 1.35)
    bpm = min(_FASTEST, max(_SLOWEST, bpm))
    if dice.chance(0.9):
        return Tempo(Fraction(round(bpm)))
    return Tempo.parse(round(bpm, dice.pick((1, 2))))


def _draw_meter(dice: Dice, genre: Genre) -> Meter:
    if dice.chance(min(0.6, _ODD_SHARE * genre.odd)):
        return Meter.parse(dice.name(genre.meters or _METERS))
    return Meter(4, 4)


def _draw_bars(dice: Dice, bar_s: float) -> int:
    bars = dice.weighted(_BARS)
    while bars > 1 and bars * bar_s > _LONGEST_S:
        bars //= 2
    return bars


def _tempo_fit(genre: Genre, bpm: float) -> float:
    """Say how well a tempo suits a genre: 1 inside its range, little far outside."""
    low, _, high = genre.tempo
    if low <= bpm <= high:
        return 1.0
    away = low / bpm if bpm < low else bpm / high
    return max(0.04, 1.0 - 4.0 * (away - 1.0))


def _draw_genre(dice: Dice, family: str, bpm: float | None) -> Genre:
    rows = [
        (genre, genre.weights[family] * (1.0 if bpm is None else _tempo_fit(genre, bpm)))
        for genre in GENRES.values()
        if family in genre.weights
    ]
    return dice.weighted(rows)


def _find_genre(name: str) -> Genre:
    if name not in GENRES:
        raise TrainingError(
            f"genre is {name!r}, but must be one of {', '.join(GENRES)}{nearest(name, GENRES)}"
        )
    return GENRES[name]


def compose(
    seed: int,
    *,
    family: str | None = None,
    genre: str | None = None,
    tempo: Tempo | None = None,
    meter: Meter | None = None,
    bars: int | None = None,
    key: Key | None = None,
    timbres: str = "train",
) -> Score:
    """Compose a loop from a seed; what is given is kept, the rest is drawn.

    Args:
        seed: 0 or more; the same seed and arguments give the same score.
        family: one of `FAMILIES`.
        genre: a name of `GENRES`.
        tempo: quarter notes a minute.
        meter: the time signature.
        bars: how many.
        key: the tonic; its mode gives way to the genre's harmony.
        timbres: "train" leaves held-out instruments alone, "held-out" prefers them, "all" draws from both.

    Raises:
        TrainingError: for an unknown family, genre or set of timbres, or a family the genre does not have.
        MusicError: if the bars do not make a loop.
    """
    if family is not None and family not in FAMILIES:
        raise TrainingError(f"family is {family!r}, but must be one of {', '.join(FAMILIES)}")
    if timbres not in TIMBRES:
        raise TrainingError(f"timbres is {timbres!r}, but must be one of {', '.join(TIMBRES)}")
    dice = Dice(seed)
    style = _find_genre(genre) if genre is not None else None
    if family is None:
        rows = [
            (name, weight)
            for name, weight in FAMILY_WEIGHTS.items()
            if style is None or name in style.weights
        ]
        family = dice.weighted(rows)
    if style is None:
        style = _draw_genre(dice, family, None if tempo is None else float(tempo))
    if family not in style.weights:
        raise TrainingError(
            f"genre {style.name} has no loops of the family {family!r}, but {', '.join(style.weights)}"
        )
    tempo = tempo or _draw_tempo(dice, style)
    meter = meter or _draw_meter(dice, style)
    bar_quarters = float(meter.quarters_per_bar)
    bpm = float(tempo)
    bars = bars or _draw_bars(dice, bar_quarters * 60.0 / bpm)
    flavour = FLAVOURS[dice.name(style.flavours)]
    home = Key(dice.integer(0, 11) if key is None else key.tonic, flavour.mode)
    chords, spans = _harmony(dice, home, flavour.progressions, bars, bar_quarters)
    energy = dice.uniform(*style.energy)
    plan = Plan(
        dice=dice,
        bars=bars,
        bar_quarters=bar_quarters,
        numerator=meter.numerator,
        denominator=meter.denominator,
        bpm=bpm,
        key=home,
        spans=spans,
        energy=energy,
        density=min(1.0, max(0.0, dice.uniform(0.0, 0.9) + 0.25 * (energy - 0.5))),
        brightness=dice.triangular(0.08, 0.3 + 0.35 * energy, 0.97),
    )
    swing = dice.uniform(*style.swing) if style.swing[1] > 0.0 else 0.0
    if plan.compound or (plan.steps % 4 and style.unit == 8):
        swing = 0.0
    plan, stem, parts = _arranged(plan, style, family, timbres, swing)
    drums = any(part.role == "drums" for part in parts)
    mix = mix_for(dice, style, energy, drums)
    pitched = family != "drums"
    return Score(
        seed=seed,
        tempo=tempo,
        meter=meter,
        bars=bars,
        key=home if pitched else None,
        chords=chords if pitched else None,
        parts=parts,
        mix=mix,
        attributes=describe(plan, style, family, parts, mix, stem, swing),
    )


def _arranged(
    plan: Plan, style: Genre, family: str, timbres: str, swing: float
) -> tuple[Plan, str, tuple[Part, ...]]:
    """Arrange and finish a loop; one so sparse that nothing plays is drawn again, denser."""
    while True:
        arrangement = arrange(plan, style, family, timbres)
        parts = finish(plan, style, arrangement.drafts, swing, 4.0 / style.unit)
        if parts:
            return plan, arrangement.stem, parts
        if plan.density >= 1.0:
            raise TrainingError(f"no {family} of the genre {style.name} plays a note at its densest")
        plan = replace(plan, density=min(1.0, plan.density + 0.2))


def _harmony(
    dice: Dice, home: Key, progressions: tuple[str, ...], bars: int, bar_quarters: float
) -> tuple[Chords, tuple[Span, ...]]:
    progression = dice.pick(progressions)
    if bars == 1 and len(progression.split()) > 2 and dice.chance(0.5):
        progression = progression.split()[0]
    chords, spans = harmonise(dice, home, progression, bars, bar_quarters)
    return chords, tuple(spans)
