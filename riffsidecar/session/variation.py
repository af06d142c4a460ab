"""Turn a take into a request: what it begins from, what it keeps, and with which seed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from riffsidecar.errors import SessionError
from riffsidecar.music import BarSpans, LoopLength
from riffsidecar.session.drum_words import drums_only, without_drums
from riffsidecar.session.loops import Loop
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.slots import Locks
from riffsidecar.session.takes import Take, next_seed

__all__ = ["requested"]

_FILL_DENSITY: Final = 0.95
_FILL_WORD: Final = "busy"


def requested(values: Mapping[str, Any], take: Take, locks: Locks) -> LoopRequest:
    """Return the request of a take.

    Args:
        values: what the pad or the prompt asks for as things are set, as fields of a request.
        take: what the actions have made of it.
        locks: what the slot keeps of the take's earlier loop.

    Raises:
        RiffError: if it cannot be rendered as things stand.
    """
    made = dict(values)
    if take.seed is not None:
        made["seed"] = take.seed
    if not made.get("prompt_b"):
        # A knob that changes nothing here must not make another request of it: the loop is in the cache.
        made["morph"] = 0.0
    _ask_for_drums(made, take.drums)
    if take.fill is not None:
        made["density"] = max(made["density"] or 0.0, _FILL_DENSITY)
        for prompt in ("prompt", "prompt_b"):
            made[prompt] = f"{made[prompt]}, {_FILL_WORD}" if made.get(prompt) else ""
    if take.base is not None:
        _begin_from(take.base, made, take)
        _keep(take.base, made, take, locks)
    if not made.get("source_sha256"):
        made["strength"] = 1.0
    return LoopRequest(**made)


def _ask_for_drums(made: dict[str, Any], part: str) -> None:
    change = {"only": drums_only, "without": without_drums}.get(part)
    if change is None:
        return
    made["prompt"], made["negative"] = change(made["prompt"], made.get("negative", ""))
    if made.get("prompt_b"):
        made["prompt_b"], _ = change(made["prompt_b"])
    if part == "only":
        made["key"] = made["chords"] = None


def _begin_from(base: Loop, made: dict[str, Any], take: Take) -> None:
    distance = made["strength"] if take.distance is None else take.distance
    varies = distance < 1.0 and not made.get("source_sha256")
    if varies:
        made.update(source_path=base.path, source_sha256=base.sha256, strength=distance)
    if varies or not take.is_whole:
        made["seed"] = next_seed(base.request.seed) if take.base_seed is None else take.base_seed


def _keep(base: Loop, made: dict[str, Any], take: Take, locks: Locks) -> None:
    kept = _kept_bars(made["bars"], take, locks)
    if kept is None and locks.band_hz is None:
        return
    wanted = LoopLength(made["bars"], made["meter"], made["tempo"]).columns
    if base.request.length.columns != wanted:
        raise SessionError(
            f"parts are kept of a loop of {base.request.bars} bars of {base.request.meter} at "
            f"{base.request.tempo} BPM, which {made['bars']} bars of {made['meter']} at {made['tempo']} BPM "
            "cannot hold: unlock them, or go back to that length"
        )
    made.update(of_path=base.path, of_sha256=base.sha256, keep_bars=kept, keep_bands_hz=locks.band_hz)


def _kept_bars(bars: Any, take: Take, locks: Locks) -> BarSpans | None:
    free = BarSpans.ending(bars, take.fill) if take.fill is not None else take.only
    rest = None if free is None else free.inverse(bars)
    if rest is None or locks.bars is None:
        return rest or locks.bars
    kept = rest.joined(locks.bars)
    if kept.inverse(bars) is None:
        raise SessionError(f"bars {free} are locked: unlock them, or choose others (locked: {locks.bars})")
    return kept
