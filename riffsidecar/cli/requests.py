"""Make loop requests from the options of ``riffsidecar render``."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from riffsidecar.audio.content import content_digest
from riffsidecar.cli.seeds import fitted_seed
from riffsidecar.cli.variations import add_variation_options, of_recipe, varied
from riffsidecar.config import Config
from riffsidecar.errors import RiffError, SessionError, WavError
from riffsidecar.music import Tempo
from riffsidecar.session.engines import EMBEDDED_MODEL
from riffsidecar.session.knobs import KNOBS
from riffsidecar.session.options import check_option
from riffsidecar.session.requests import MAX_SEED, SEED_STRENGTH, LoopRequest
from riffsidecar.session.seeds import SeedSource
from riffsidecar.session.settings import DEFAULT_METER, DEFAULT_TEMPO

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
        "--to": ("prompt_b", "PROMPT", "the prompt that --morph goes to; halfway without --morph"),
        "--seed": ("seed", "N", "seed of the first loop; default a random one, which is told"),
        "--keep-bars": ("keep_bars", "A-B", "bars of --of that stay as they are, such as 1-2"),
        "--keep-band": (
            "keep_bands_hz",
            "LOW-HIGH",
            "band of --of in Hz that stays as it is, such as 20-200",
        ),
        "--lora": ("lora", "NAME[:N]", "LoRAs of --model and how much of each, such as dusty:0.8"),
        "--anchor": (
            "anchor",
            "GROOVE",
            "the groove that a model without tempo begins from, such as 'boom-bap 58%%', or none",
        ),
        "--seam": ("seam", "HOW", "how such a model closes the loop: circular, roll, repaint or line"),
        "--air": ("air", "X", "how much to fill in above 10 kHz, where such a model ends, 0 to 1; default 0"),
        "--guided": ("guided", "X", "share of such a model's steps that are guided, 0 to 1; default 0.5"),
        "--rate": ("sample_rate", "HZ", "44100, 48000, 88200 or 96000; default 44100"),
        "--depth": ("bit_depth", "BITS", "16, 24 or 32f; default 24"),
        "--lufs": ("loudness_lufs", "N", "loudness of the repeated loop, -40 to -6; default -14"),
    }
)

_FLAG_OF: Final = (
    *((flag, name) for flag, (name, _, _) in _OPTIONS.items()),
    *((f"--{name}", name) for name in KNOBS),
    ("--rate", "sample rate"),
    ("--depth", "bit depth"),
    ("--lufs", "loudness"),
)
"""Each option with how messages name its value."""

_HALFWAY: Final = 0.5


def add_request_options(parser: argparse.ArgumentParser) -> None:
    """Add the prompt, the musical options, the output options and one option for each knob of the table."""
    parser.add_argument(
        "prompt", metavar="PROMPT", nargs="?", help="what is to be heard; with --of what that loop was"
    )
    for flag, (name, metavar, text) in _OPTIONS.items():
        parser.add_argument(flag, dest=name, metavar=metavar, help=text)
    for knob in KNOBS.values():
        parser.add_argument(
            f"--{knob.name}", dest=knob.name, metavar="X", help=f"{knob.help}; {knob.allowed}"
        )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="NAME|FILE",
        help="seed audio to begin from: a seed of the seed folder by its name, or a WAV, AIFF, FLAC, MP3 or "
        "Ogg file; see --strength",
    )
    parser.add_argument(
        "--groove", action="store_true", help="take the rhythm of --from alone, not its sound"
    )
    parser.add_argument(
        "--of",
        type=Path,
        metavar="LOOP.wav",
        help="an earlier loop to vary; or seed audio, for --keep-bars or --keep-band",
    )
    add_variation_options(parser)
    parser.add_argument(
        "--count", type=int, default=1, metavar="N", help=f"how many loops, 1 to {MAX_COUNT}, a seed each"
    )


def requests_from(args: argparse.Namespace, config: Config) -> tuple[LoopRequest, ...]:
    """Return one request for each loop.

    What no option names is that of the loop ``--of``, then what the configuration says, then the default.

    Raises:
        RiffError: an option cannot be, would do nothing, or a file cannot be read.
    """
    _check_company(args)
    given = _given(args)
    values = _configured(config)
    first = given.pop("seed", values.pop("seed"))
    if "bpm" in given:
        given["tempo"] = given.pop("bpm")
    earlier = None
    if args.of is not None:
        found, earlier = _of_earlier(args.of, config, {**values, **given})
        values.update(found)
        if earlier is not None and args.prompt is None:
            values.update(of_recipe(earlier))
    if args.source is not None:
        seed = _fitted(args.source, config, {**values, **given})
        values.update(
            source_path=seed.path,
            source_sha256=seed.sha256,
            source_use="groove" if args.groove else "sound",
            strength=SEED_STRENGTH,
        )
    if args.prompt_b is not None:
        values["morph"] = _HALFWAY
    noise = first if isinstance(first, int) else secrets.randbelow(1_000_000)
    try:
        prompt = {} if args.prompt is None else {"prompt": args.prompt}
        request = varied({**values, **prompt, **given, "seed": noise}, args, earlier)
    except RiffError as error:
        raise _in_flags(error) from error
    if request.negative and request.guidance == 1.0:
        raise SessionError(
            "--negative does nothing at --guidance 1, which follows the prompt alone; raise --guidance"
        )
    if request.negative and request.guided == 0.0 and request.model != EMBEDDED_MODEL:
        raise SessionError("--negative does nothing at --guided 0, which guides no step; raise --guided")
    return tuple(replace(request, seed=(noise + index) % (MAX_SEED + 1)) for index in range(args.count))


def _check_company(args: argparse.Namespace) -> None:
    """Refuse an option that would do nothing without another."""
    if not 1 <= args.count <= MAX_COUNT:
        raise SessionError(f"--count is {args.count}; give 1 to {MAX_COUNT}")
    if args.prompt is None and args.of is None:
        raise SessionError("PROMPT is missing: say what is to be heard, or name a loop to vary with --of")
    for flag, value, partners, company in (
        ("--morph", args.morph, (args.prompt_b,), "goes to a second prompt; name it with --to"),
        (
            "--strength",
            args.strength,
            (args.source, args.of),
            "is away from seed audio, --from, or from an earlier loop, --of; name one",
        ),
        ("--groove", args.groove or None, (args.source,), "is that of seed audio; name it with --from"),
        ("--keep-bars", args.keep_bars, (args.of,), "names bars of an earlier loop; name that with --of"),
        (
            "--keep-band",
            args.keep_bands_hz,
            (args.of,),
            "names a band of an earlier loop; name that with --of",
        ),
        ("--only-bars", args.only_bars, (args.of,), "names bars of an earlier loop; name that with --of"),
        ("--fill", args.fill, (args.of,), "is the end of an earlier loop; name it with --of"),
        (
            "--of",
            args.of if args.prompt is not None else None,
            (args.keep_bars, args.keep_bands_hz, args.only_bars, args.fill, args.strength),
            "is a loop to vary; say how: --keep-bars 1-2, --keep-band 20-200, --only-bars 3, --fill or "
            "--strength 0.5; or leave PROMPT out for another like it",
        ),
    ):
        if value is not None and all(partner is None for partner in partners):
            raise SessionError(f"{flag} {company}")


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """Return the values of the options that were written."""
    names = [name for name, _, _ in _OPTIONS.values()] + list(KNOBS)
    written = {name: value for name in names if (value := getattr(args, name)) is not None}
    if str(written.get("sample_rate", "")).isdecimal():
        written["sample_rate"] = int(written["sample_rate"])
    try:
        return {name: check_option(name, value) for name, value in written.items()}
    except RiffError as error:
        raise _in_flags(error) from error


def _in_flags(error: RiffError) -> RiffError:
    """Return the error speaking of the option that was written and not of the field behind it."""
    text = str(error)
    for flag, name in _FLAG_OF:
        if text.startswith((f"{name} ", f"{name}:")):
            return type(error)(flag + text[len(name) :])
    return error


def _configured(config: Config) -> dict[str, Any]:
    """Return what the configuration says of every loop."""
    output, session = config.output, config.session
    values: dict[str, Any] = {
        "sample_rate": output.sample_rate,
        "bit_depth": output.bit_depth,
        "loudness_lufs": output.loudness_lufs,
        "model": config.render.model,
        "tempo": Tempo.parse(session.bpm) if session.bpm else DEFAULT_TEMPO,
        "seed": session.seed or None,
    }
    for name in ("meter", "bars", "key", "chords"):
        if written := getattr(session, name):
            values[name] = check_option(name, written)
    return values


def _fitted(written: str, config: Config, values: Mapping[str, Any]) -> SeedSource:
    return fitted_seed(written, config, values["tempo"], values.get("meter", DEFAULT_METER))


def _of_earlier(
    path: Path, config: Config, values: Mapping[str, Any]
) -> tuple[dict[str, object], LoopRequest | None]:
    """Return what ``--of`` means for the loop to come, and the request of that loop if it is one."""
    from riffsidecar.render.recipe import read_loop

    if not _is_loop(path):
        seed = _fitted(str(path), config, values)
        return {"of_path": seed.path, "of_sha256": seed.sha256}, None
    earlier = read_loop(path)
    if earlier.latents is None:
        raise SessionError(
            f"{path} holds no latents, so nothing of it can be kept; use a loop that riffsidecar made"
        )
    request = earlier.request
    found = {
        "of_path": str(path),
        "of_sha256": _sha256(path),
        "tempo": request.tempo,
        "meter": request.meter,
        "bars": request.bars,
        "key": request.key,
        "chords": request.chords,
    }
    return found, request


def _is_loop(path: Path) -> bool:
    """Tell whether a file carries a recipe; what cannot be read counts as a loop, and is told of so."""
    from riffsidecar.audio.wav import decode_wav
    from riffsidecar.render.seeds import SUFFIXES

    try:
        with path.open("rb") as file:
            return decode_wav(file.read(_MAX_FILE_BYTES)).recipe is not None
    except WavError:
        return path.suffix.lower() not in SUFFIXES - {".wav", ".wave"}
    except OSError:
        return path.suffix != "" or len(path.parts) > 1


def _sha256(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > _MAX_FILE_BYTES:
            raise SessionError(
                f"{path} has {size} bytes; give a file of at most {_MAX_FILE_BYTES}, cut it shorter"
            )
        return content_digest(path.read_bytes())
    except OSError as error:
        raise SessionError(
            f"{path} cannot be read: {error.strerror or error}; name a file that exists"
        ) from error
