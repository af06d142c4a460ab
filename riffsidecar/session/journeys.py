"""A journey: several prompts that flow into one another bar by bar, and the pieces it is cut into.

All of it is a function of the bar: which prompts sound and how much of each, how far the noise has walked,
which sample the bar begins with. Nothing is stored for bars, so a journey of an hour weighs as much as one of
eight bars, and any bar can be asked for alone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

from riffsidecar.errors import MusicError, RiffError, SessionError, nearest
from riffsidecar.music import Chords, Key, LoopLength, Meter, Tempo
from riffsidecar.music.shown import shown
from riffsidecar.session.checks import MAX_SEED, check_int, check_kind, check_output, check_seed
from riffsidecar.session.engines import (
    ALL_GUIDED,
    AUTO_ANCHOR,
    AUTO_GUIDED,
    EMBEDDED_MODEL,
    check_anchor,
    check_lora,
    check_model,
    guided_by,
)
from riffsidecar.session.knobs import find_knob
from riffsidecar.session.text import MAX_NAME, MAX_PROMPT, clean_text

__all__ = [
    "FORMS",
    "JOURNEY_VERSION",
    "MAX_JOURNEY_BARS",
    "MAX_LOOP_BARS",
    "MAX_PIECE_BARS",
    "MAX_PROMPTS",
    "JourneyPart",
    "JourneyRequest",
    "Piece",
    "Walk",
]

JOURNEY_VERSION: Final = 1
FORMS: Final = ("file", "pieces", "loops")
"""One long file; files that go on where the one before ends; or files each of which is a loop too."""

MAX_PROMPTS: Final = 16
MAX_JOURNEY_BARS: Final = 100_000
MAX_PIECE_BARS: Final = 64
MAX_LOOP_BARS: Final = 16

_ADDED: Final = MappingProxyType({"lora": "", "groove": AUTO_ANCHOR, "guided": ALL_GUIDED})
"""Fields that the first recipes of this version did not have, and what their journeys were made with."""

_WINDOW_BARS: Final = (4, 2, 8, 16)
_MIN_SEGMENT_COLUMNS: Final = 16
_MAX_WINDOW_S: Final = 16
_FOUR_FOUR: Final = Meter(4, 4)
_MAX_ANCHOR: Final = 32_768


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a journey: its number, its bars, and which samples of the whole it holds."""

    index: int
    first_bar: int
    bars: int
    start_sample: int
    num_samples: int


@dataclass(frozen=True, slots=True)
class Walk:
    """Where the noise of a bar lies: ``amount`` of the way from ``seed`` to ``next_seed``."""

    seed: int
    next_seed: int
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyRequest:
    """A journey to be rendered, complete and hashable.

    Attributes:
        prompts: the stations, two at least; an endless journey goes on from the last to the first.
        bars: from the first prompt to the last.
        form: one of :data:`FORMS`.
        piece_bars: how many bars a piece has, where it comes in pieces.
        drift: how much of the way to the next seed the noise walks in a bar.
        density: like ``brightness`` and ``energy`` from 0 to 1, or None where the model is free.
        model: the name of an installed model.
        lora: LoRAs of that model.
        groove: what a model that knows no tempo keeps time by, as the ``anchor`` of a loop.
        guided: the share of the steps that are guided, as that of a loop.

    Raises:
        SessionError: for a value out of range, or values that contradict each other.
        MusicError: if a bar of this meter at this tempo cannot be cut into windows of whole latent columns.
    """

    prompts: tuple[str, ...]
    bars: int = 32
    endless: bool = False
    form: str = "file"
    piece_bars: int = 8
    negative: str = ""
    seed: int = 0
    drift: float = 0.05
    guidance: float = 4.0
    quality: str = "normal"
    density: float | None = None
    brightness: float | None = None
    energy: float | None = None
    tempo: Tempo
    meter: Meter = _FOUR_FOUR
    key: Key | None = None
    chords: Chords | None = None
    sample_rate: int = 44100
    bit_depth: str = "24"
    loudness_lufs: float = -14.0
    label: str = ""
    model: str = EMBEDDED_MODEL
    lora: str = ""
    groove: str = AUTO_ANCHOR
    guided: float = AUTO_GUIDED

    def __post_init__(self) -> None:
        """Check every value, and bring knobs, prompts and the seed to their usual form."""
        self._check_prompts()
        self._check_form()
        for name in ("drift", "guidance", "quality", "density", "brightness", "energy"):
            object.__setattr__(self, name, find_knob(name).check(getattr(self, name)))
        for name, check in (("model", check_model), ("lora", check_lora), ("groove", check_anchor)):
            object.__setattr__(self, name, check(getattr(self, name)))
        object.__setattr__(self, "guided", guided_by(self.model, self.guided))
        object.__setattr__(self, "seed", check_seed(self.seed))
        object.__setattr__(self, "label", clean_text(self.label, "label", MAX_NAME))
        check_kind("tempo", self.tempo, Tempo)
        check_kind("meter", self.meter, Meter)
        check_kind("key", self.key, Key, optional=True)
        check_kind("chords", self.chords, Chords, optional=True)
        lufs = check_output(self.sample_rate, self.bit_depth, self.loudness_lufs)
        object.__setattr__(self, "loudness_lufs", lufs)
        if self.window.columns % 2:
            raise MusicError(
                f"{self.piece_bars} bars of {self.meter} at {self.tempo} BPM are {self.window.columns} "
                "latent columns, but loops of a journey need an even number of them: choose "
                f"{2 * self.piece_bars} bars"
            )

    def _check_prompts(self) -> None:
        if not isinstance(self.prompts, tuple):
            raise SessionError(f"prompts are {shown(self.prompts)}, but must be a tuple of texts")
        prompts = tuple(clean_text(prompt, "prompt", MAX_PROMPT) for prompt in self.prompts)
        if not 2 <= len(prompts) <= MAX_PROMPTS:
            raise SessionError(
                f"a journey goes through {len(prompts)} prompts, but must go through 2 to {MAX_PROMPTS}: "
                "name where it begins and where it leads, such as 'ambient pad' 'acid techno'"
            )
        if not all(prompts):
            raise SessionError("a prompt of the journey is empty: say what is to be heard there")
        object.__setattr__(self, "prompts", prompts)
        object.__setattr__(self, "negative", clean_text(self.negative, "negative", MAX_PROMPT))

    def _check_form(self) -> None:
        check_int("bars", self.bars, 2, MAX_JOURNEY_BARS)
        check_kind("endless", self.endless, bool)
        if self.form not in FORMS:
            raise SessionError(
                f"form is {shown(self.form)}, but must be one of {', '.join(FORMS)}"
                + nearest(str(self.form)[:32], FORMS)
            )
        if self.endless and self.form == "file":
            raise SessionError("an endless journey does not fit one file: ask for pieces or for loops")
        limit = MAX_LOOP_BARS if self.form == "loops" else MAX_PIECE_BARS
        check_int("bars of a piece", self.piece_bars, 1, limit)
        if self.form == "loops" and self.bars % self.piece_bars:
            below = self.bars - self.bars % self.piece_bars
            near = " or ".join(str(bars) for bars in (below, below + self.piece_bars) if bars)
            raise SessionError(
                f"{self.bars} bars do not divide into loops of {self.piece_bars}: choose {near} bars"
            )

    @property
    def window(self) -> LoopLength:
        """Return the length of a window: what is denoised at once, half of it shared with each neighbour.

        Raises:
            MusicError: if no window of whole latent columns can be laid at this tempo and meter.
        """
        if self.form == "loops":
            return LoopLength(Fraction(self.piece_bars), self.meter, self.tempo)
        fallback: LoopLength | None = None
        for bars in _WINDOW_BARS:
            try:
                length = LoopLength(Fraction(bars), self.meter, self.tempo)
            except MusicError:
                continue
            if length.columns % 2 or length.columns < 2 * _MIN_SEGMENT_COLUMNS:
                continue
            if length.duration_s <= _MAX_WINDOW_S:
                return length
            fallback = fallback or length
        if fallback is None:
            raise MusicError(
                f"bars of {self.meter} at {self.tempo} BPM do not fall on latent columns, even two by two: "
                "choose a slower tempo or another meter for a journey"
            )
        return fallback

    @property
    def segment_bars(self) -> Fraction:
        """Return the bars of a segment, half a window."""
        return self.window.bars / 2

    @property
    def segment_columns(self) -> int:
        """Return the latent columns of a segment."""
        return self.window.columns // 2

    @property
    def bar_s(self) -> Fraction:
        """Return the exact duration of a bar in seconds."""
        return self.meter.quarters_per_bar * self.tempo.quarter_s

    @property
    def num_pieces(self) -> int | None:
        """Return how many pieces there are; None for an endless journey."""
        return None if self.endless else -(-self.bars // self.piece_bars)

    @property
    def num_samples(self) -> int:
        """Return the samples of the whole, or of one round of an endless journey's bars."""
        return self.start_sample(self.bars)

    @property
    def texts(self) -> tuple[str, ...]:
        """Return the prompts and, last, the negative one."""
        return (*self.prompts, self.negative)

    def start_sample(self, bar: int) -> int:
        """Return the first sample of a bar counted from 0: exact, and rounded once, however late it is.

        >>> tour = JourneyRequest(prompts=("pad", "techno"), tempo=Tempo.parse(126))
        >>> tour.start_sample(1), tour.start_sample(1_000_001) - tour.start_sample(1_000_000)
        (84000, 84000)
        """
        return round(bar * self.bar_s * self.sample_rate)

    def piece(self, index: int) -> Piece:
        """Return a piece by its number from 0.

        Raises:
            SessionError: if the journey has no such piece.
        """
        count = self.num_pieces
        if index < 0 or (count is not None and index >= count):
            raise SessionError(f"piece {index} is not in a journey of {count} pieces, counted from 0")
        first = index * self.piece_bars
        bars = self.piece_bars if self.endless else min(self.piece_bars, self.bars - first)
        start = self.start_sample(first)
        return Piece(index, first, bars, start, self.start_sample(first + bars) - start)

    def position(self, bar: int) -> Fraction:
        """Return where the journey is in a bar: 0 at the first prompt, 1 at the second, and between.

        Before its first and after its last bar it stands still; an endless one goes round.

        >>> tour = JourneyRequest(prompts=("a", "b", "c"), tempo=Tempo.parse(126), bars=9)
        >>> [str(tour.position(bar)) for bar in (-3, 0, 1, 4, 8, 11)]
        ['0', '0', '1/4', '1', '2', '2']
        """
        legs = len(self.prompts) - 1
        if self.endless:
            return max(bar, 0) * Fraction(legs, self.bars) % len(self.prompts)
        return min(max(bar, 0), self.bars - 1) * Fraction(legs, self.bars - 1)

    def weights(self, bar: int) -> dict[int, float]:
        """Return how the velocities under :attr:`texts` are mixed in a bar, by their index; they sum to 1.

        What is wanted is the straight line between two prompts, and guidance leads from the negative one to
        it, as in one loop with ``morph``.

        >>> tour = JourneyRequest(prompts=("a", "b"), tempo=Tempo.parse(126), bars=3, guidance=2.0)
        >>> tour.weights(0), tour.weights(1)
        ({0: 2.0, 2: -1.0}, {0: 1.0, 1: 1.0, 2: -1.0})
        """
        position = self.position(bar)
        here = int(position)
        amount = float(position - here)
        mix = {
            here: self.guidance * (1.0 - amount),
            (here + 1) % len(self.prompts): self.guidance * amount,
            len(self.prompts): 1.0 - self.guidance,
        }
        return {index: weight for index, weight in mix.items() if weight}

    def walk(self, bar: int) -> Walk:
        """Return where the noise of a bar lies.

        >>> tour = JourneyRequest(prompts=("a", "b"), tempo=Tempo.parse(126), seed=7, drift=0.25)
        >>> tour.walk(0), tour.walk(6)
        (Walk(seed=7, next_seed=8, amount=0.0), Walk(seed=8, next_seed=9, amount=0.5))
        """
        walked = max(bar, 0) * Fraction(str(self.drift))
        seeds = MAX_SEED + 1
        first = self.seed + int(walked)
        return Walk(first % seeds, (first + 1) % seeds, float(walked % 1))

    def chords_from(self, bar: int) -> Chords | None:
        """Return the chords of a window that begins with a bar, which may lie before the first."""
        if self.chords is None:
            return None
        count = len(self.chords.bars)
        shift = bar % count
        return Chords(self.chords.bars[shift:] + self.chords.bars[:shift])

    def to_recipe(self) -> dict[str, object]:
        """Return the request as plain strings and numbers, for JSON."""
        recipe: dict[str, object] = {"journey": JOURNEY_VERSION}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                value = list(value)
            elif isinstance(value, Tempo | Meter | Key | Chords):
                value = str(value)
            recipe[field.name] = value
        return recipe

    @classmethod
    def from_recipe(cls, recipe: object) -> JourneyRequest:
        """Build the request that :meth:`to_recipe` wrote.

        Raises:
            SessionError: if it is no recipe of a journey of this version, or has a bad value.
        """
        if not isinstance(recipe, dict) or recipe.get("journey") != JOURNEY_VERSION:
            raise SessionError(f"this is no recipe of a journey of version {JOURNEY_VERSION}")
        known = {field.name for field in fields(cls)}
        values = {**_ADDED, **{name: value for name, value in recipe.items() if name != "journey"}}
        if values.keys() != known:
            odd = ", ".join(sorted(str(name)[:32] for name in values.keys() ^ known))
            raise SessionError(f"recipe of a journey: {odd} is missing or unknown")
        try:
            return cls(**{**values, **_parsed(values)})
        except (RiffError, TypeError) as error:
            raise SessionError(f"recipe of a journey: {error}") from error


def _parsed(values: dict[str, Any]) -> dict[str, Any]:
    prompts = values["prompts"]
    if not isinstance(prompts, list):
        raise SessionError(f"prompts are {shown(prompts)}, but must be a list of texts")
    key, chords = values["key"], values["chords"]
    return {
        "prompts": tuple(prompts),
        "tempo": Tempo.parse(str(values["tempo"])),
        "meter": Meter.parse(str(values["meter"])),
        "key": None if key is None else Key.parse(str(key)),
        "chords": None if chords is None else Chords.parse(str(chords)),
    }


@dataclass(frozen=True, slots=True)
class JourneyPart:
    """Ask for one piece of a journey.

    ``anchor`` is what ties the loops of a chain, as the recipe of each has it; None where the pieces are
    asked for in their order.

    Raises:
        SessionError: if the journey has no such piece, or the anchor is no text.
    """

    journey: JourneyRequest
    index: int
    anchor: str | None = None

    def __post_init__(self) -> None:
        """Refuse a piece that there is not."""
        check_kind("journey", self.journey, JourneyRequest)
        self.journey.piece(self.index)
        if self.anchor is not None and (not isinstance(self.anchor, str) or len(self.anchor) > _MAX_ANCHOR):
            raise SessionError(f"the anchor of a piece is {shown(self.anchor)}, but must be a short text")

    @property
    def piece(self) -> Piece:
        """Return the bars and samples of the piece."""
        return self.journey.piece(self.index)
