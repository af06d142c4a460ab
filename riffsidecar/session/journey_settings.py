"""What a journey is asked for as things stand in the session."""

from __future__ import annotations

from typing import Any, Final

from riffsidecar.session.engines import AUTO_ANCHOR
from riffsidecar.session.journey_command import StartJourney
from riffsidecar.session.journeys import JourneyRequest
from riffsidecar.session.pads import Bank
from riffsidecar.session.settings import Harmony, Settings

__all__ = ["DEFAULT_LOOP_BARS", "journey_request"]

DEFAULT_LOOP_BARS: Final = 4

_KNOBS: Final = ("guidance", "brightness", "density", "energy", "quality")
_NOT_FIELDS: Final = ("bpm", "loops", "pieces", "file", "endless", "slot", "slots", "anchor")


def journey_request(settings: Settings, bank: Bank, command: StartJourney) -> JourneyRequest:
    """Return the request: what the command leaves open is that of the session, drift aside.

    The knob drift says how far one loop has walked; a journey walks by itself, so its drift a bar is its own.

    Raises:
        RiffError: if such a journey cannot be.
    """
    options = dict(command.options)
    # A key in the options brings its own harmony: the chords of the session belong to another key.
    harmony = Harmony() if "key" in options else settings.harmony_in(bank)
    output = settings.output
    values: dict[str, Any] = {
        **{name: value for name, value in settings.turned.items() if name in _KNOBS},
        "prompts": command.prompts,
        "tempo": options.get("bpm", settings.tempo_in(bank)),
        "meter": settings.meter_in(bank),
        "key": harmony.key,
        "chords": harmony.chords,
        "seed": settings.seed,
        "sample_rate": output.sample_rate,
        "bit_depth": output.bit_depth,
        "loudness_lufs": output.loudness_lufs,
        "model": output.model,
        "groove": options.get("anchor", AUTO_ANCHOR),
        "endless": bool(options.get("endless")),
        "form": "loops",
        "piece_bars": options.get("loops") or DEFAULT_LOOP_BARS,
        **{name: value for name, value in options.items() if name not in _NOT_FIELDS},
    }
    if options.get("pieces"):
        values |= {"form": "pieces", "piece_bars": options["pieces"]}
    elif options.get("file"):
        values |= {"form": "file", "piece_bars": 8}
    return JourneyRequest(**values)
