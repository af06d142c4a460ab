"""The options of ``riffsidecar render`` that vary an earlier loop, as the actions of a session do."""

from __future__ import annotations

import argparse
from fractions import Fraction
from typing import Any, Final

from riffsidecar.errors import SessionError
from riffsidecar.music import BarSpans, exact
from riffsidecar.session.actions import DRUM_PARTS
from riffsidecar.session.commands import Render
from riffsidecar.session.loops import Loop
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.settings import DEFAULT_BARS, DEFAULT_METER
from riffsidecar.session.slots import Locks
from riffsidecar.session.takes import Take
from riffsidecar.session.variation import requested

__all__ = ["add_variation_options", "of_recipe", "varied"]

_OF_RECIPE: Final = (
    "prompt", "prompt_b", "morph", "negative", "drift", "guidance", "density", "brightness", "energy",
    "label",
)  # fmt: skip


def add_variation_options(parser: argparse.ArgumentParser) -> None:
    """Add what makes a part of an earlier loop anew, or asks for its drums or for all but them."""
    parser.add_argument(
        "--only-bars", metavar="A-B", help="bars of --of that are made anew; all others stay as they are"
    )
    parser.add_argument(
        "--fill",
        nargs="?",
        const="1/2",
        metavar="N",
        help="make the last bars of --of, 1/2 if N is left out, anew and busier; the rest stays as it is",
    )
    parser.add_argument(
        "--drums", choices=DRUM_PARTS, metavar="PART", help="only, or without: the drums, or all but them"
    )


def of_recipe(request: LoopRequest) -> dict[str, Any]:
    """Return what an earlier loop was asked with, for a loop like it."""
    return {name: getattr(request, name) for name in _OF_RECIPE}


def varied(values: dict[str, Any], args: argparse.Namespace, earlier: LoopRequest | None) -> LoopRequest:
    """Return the request of ``values``, varied as the options say.

    Args:
        values: the fields of a request; ``of_path`` and ``of_sha256`` name the loop ``--of``.
        args: the options.
        earlier: the request of that loop; None where there is none.

    Raises:
        RiffError: an option that cannot be.
    """
    distance = values.get("strength") if args.strength is not None and args.source is None else None
    if earlier is None:
        if args.only_bars is not None or args.fill is not None or distance is not None:
            raise SessionError("--only-bars, --fill and --strength vary a loop made here; name it with --of")
        base = None
    else:
        base = Loop(earlier, values.pop("of_path"), values.pop("of_sha256"))
    locks = Locks()
    if base is not None:
        locks = Locks(values.pop("keep_bars", None), values.pop("keep_bands_hz", None))
    take = Take(
        Render(values["prompt"]),
        base=base,
        base_seed=values["seed"],
        distance=distance,
        only=None if args.only_bars is None else BarSpans.parse(args.only_bars),
        fill=None if args.fill is None else Fraction(exact(args.fill, "--fill")),
        drums=args.drums or "both",
    )
    defaults = {"strength": 1.0, "density": None, "bars": DEFAULT_BARS, "meter": DEFAULT_METER}
    return requested({**defaults, "key": None, "chords": None, **values}, take, locks)
