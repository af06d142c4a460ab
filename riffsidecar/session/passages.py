"""A loop of a journey as a loop of its own: what would be asked for to have those bars alone."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from riffsidecar.music import Chords
from riffsidecar.session.checks import check_kind
from riffsidecar.session.journeys import JourneyRequest, Piece, Walk
from riffsidecar.session.requests import LoopRequest

__all__ = ["Passage"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a journey that has come into a slot.

    Attributes:
        index: the number of the piece, from 0.
        given: the options that the journey's command named; what it left open is the session's.

    Raises:
        SessionError: if the journey has no such piece.
    """

    journey: JourneyRequest
    index: int
    given: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a piece that there is not."""
        check_kind("journey", self.journey, JourneyRequest)
        self.journey.piece(self.index)

    @property
    def piece(self) -> Piece:
        """Return the bars of the piece."""
        return self.journey.piece(self.index)

    @property
    def walk(self) -> Walk:
        """Return where the noise lies in the bar in its middle."""
        return self.journey.walk(self._middle)

    @property
    def stations(self) -> tuple[str, str, float]:
        """Return the prompt behind, the one ahead, and how far between them the bar in its middle is.

        Where one of them sounds alone there is none ahead.
        """
        position = self.journey.position(self._middle)
        here, amount = int(position), float(position % 1)
        prompts = self.journey.prompts
        return prompts[here], prompts[(here + 1) % len(prompts)] if amount else "", amount

    @property
    def chords(self) -> Chords | None:
        """Return its chords, from its first bar on."""
        return self.journey.chords_from(self.piece.first_bar)

    @property
    def request(self) -> LoopRequest:
        """Return the loop that these bars would be, with prompts and noise of the bar in their middle.

        Raises:
            RiffError: if no loop has that length.
        """
        journey, (prompt, prompt_b, morph), walk = self.journey, self.stations, self.walk
        return LoopRequest(
            prompt=prompt,
            prompt_b=prompt_b,
            morph=morph,
            negative=journey.negative,
            seed=walk.seed,
            drift=walk.amount,
            guidance=journey.guidance,
            quality=journey.quality,
            density=journey.density,
            brightness=journey.brightness,
            energy=journey.energy,
            tempo=journey.tempo,
            meter=journey.meter,
            bars=Fraction(self.piece.bars),
            key=journey.key,
            chords=self.chords,
            sample_rate=journey.sample_rate,
            bit_depth=journey.bit_depth,
            loudness_lufs=journey.loudness_lufs,
            label=journey.label,
            model=journey.model,
            lora=journey.lora,
            anchor=journey.groove,
            guided=journey.guided,
        )

    @property
    def _middle(self) -> int:
        return self.piece.first_bar + self.piece.bars // 2
