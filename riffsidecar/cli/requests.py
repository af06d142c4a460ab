"""Make loop requests from the options of ``riffsidecar render``."""

from __future__ import annotations

import argparse
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from riffsidecar.config import Config
from riffsidecar.errors import SessionError
from riffsidecar.music import Tempo
from riffsidecar.session.knobs import KNOBS
from riffsidecar.session.options import check_option
from riffsidecar.session.requests import MAX_SEED, LoopRequest
from riffsidecar.session.settings import DEFAULT_TEMPO

__all__ = ["MAX_COUNT", "add_request_options", "requests_from"]

MAX_COUNT: Final = 999
_MAX_FILE_BYTES: Final = 256_000_000

_OPTIONS: Final[Mapping[str, tuple[str, str, str]]] = MappingProxyType(
    {
        "--bpm": ("bpm", "N", "tempo in quarter notes a minute, 20 to 400; default 120"),
        "--bars": ("bars", "N", "length in bars, 1/4 to 64; default 4"),
        "--meter": ("meter", "N/D", "time signature; default 4/4"),
        "--key": ("key", "KEY", "key such as Am, C or 'D dorian'"),
        "--chords": ("chords", "CHORDS", "chords, one a bar: 'Am F C G'; several a bar: 'Am F | C G'"),
        "--negative": ("negative", "PROMPT", "what is not to be heard"),
        "--to": ("prompt_b", "PROMPT", "the prompt that --morph goes to"),
        "--seed": ("seed", "N", "seed of the noise; default a random one, which is told"),
        "--keep-bars": ("keep_bars", "A-B", "bars of --of that stay as they are, such as 1-2"),
        "--keep-band": (
            "keep_bands_hz",
            "LOW-HIGH",
            "band of --of in Hz that stays as it is, such as 20-200",
        ),
        "--rate": ("sample_rate", "HZ", "44100, 48000, 88200 or 96000; default 44100"),
        "--depth": ("bit_depth", "BITS", "16, 24 or 32f; default 24"),
        "--lufs": ("loudness_lufs", "N", "loudness of the repeated loop, -40 to -6; default -14"),
    }
)


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """Add the prompt, the musical options, the output options and one option for each knob of the table."""
    parser.add_argument("prompt", metavar="PROMPT", help="what is to be heard")
    for flag, (name, metavar, text) in _OPTIONS.items():
        parser.add_argument(flag, dest=name, metavar=metavar, help=text)
    for knob in KNOBS.values():
        parser.add_argument(
            f"--{knob.name}", dest=knob.name, metavar="X", help=f"{knob.help}; {knob.allowed}"
        )
    parser.add_argument(
        "--from", dest="source", type=Path, metavar="FILE", help="a WAV to begin from; see --strength"
    )
    parser.add_argument(
        "--of", type=Path, metavar="LOOP.wav", help="an earlier loop, for --keep-bars or --keep-band"
    )
    parser.add_argument(
        "--count", type=int, default=1, metavar="N", help=f"how many loops, 1 to {MAX_COUNT}, a seed each"
    )


def requests_from(args: argparse.Namespace, config: Config) -> tuple[LoopRequest, ...]:
    """Return one request for each loop; ``--of`` gives the default tempo, length and harmony.

    Raises:
        RiffError: an option cannot be, or a file cannot be read.
    """
    if not 1 <= args.count <= MAX_COUNT:
        raise SessionError(f"--count is {args.count}; give 1 to {MAX_COUNT}")
    names = [name for name, _, _ in _OPTIONS.values()] + list(KNOBS)
    written = {name: value for name in names if (value := getattr(args, name)) is not None}
    if str(written.get("sample_rate", "")).isdecimal():
        written["sample_rate"] = int(written["sample_rate"])
    given = {name: check_option(name, value) for name, value in written.items()}
    output = config.output
    values: dict[str, Any] = {
        "sample_rate": output.sample_rate,
        "bit_depth": output.bit_depth,
        "loudness_lufs": output.loudness_lufs,
        "tempo": Tempo.parse(config.session.bpm) if config.session.bpm else DEFAULT_TEMPO,
    }
    if args.of is not None:
        values.update(_of_earlier(args.of))
    if args.source is not None:
        values.update(
            source_path=str(args.source),
            source_sha256=_sha256(args.source),
            strength=KNOBS["strength"].default,
        )
    elif "strength" in given:
        raise SessionError("--strength says how far from the seed audio; name the audio with --from")
    if "bpm" in given:
        given["tempo"] = given.pop("bpm")
    first = given.pop("seed", None)
    seed = first if isinstance(first, int) else secrets.randbelow(1_000_000)
    request = LoopRequest(**{"prompt": args.prompt, **values, **given, "seed": seed})
    return tuple(replace(request, seed=(seed + index) % (MAX_SEED + 1)) for index in range(args.count))


def _of_earlier(path: Path) -> dict[str, object]:
    from riffsidecar.render.recipe import read_loop

    earlier = read_loop(path)
    if earlier.latents is None:
        raise SessionError(
            f"{path} holds no latents, so nothing of it can be kept; use a loop that riffsidecar made"
        )
    request = earlier.request
    return {
        "of_path": str(path),
        "of_sha256": _sha256(path),
        "tempo": request.tempo,
        "meter": request.meter,
        "bars": request.bars,
        "key": request.key,
        "chords": request.chords,
    }


def _sha256(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > _MAX_FILE_BYTES:
            raise SessionError(
                f"{path} has {size} bytes; give a file of at most {_MAX_FILE_BYTES}, cut it shorter"
            )
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SessionError(
            f"{path} cannot be read: {error.strerror or error}; name a file that exists"
        ) from error
