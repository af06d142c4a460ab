"""``riffsidecar play``: hear loops without a DAW, on the keys of the computer."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from riffsidecar.audio.player import Deck
from riffsidecar.cli.context import Context, add_common_options, add_model_options
from riffsidecar.cli.exit_codes import OK
from riffsidecar.cli.keyboard import keys
from riffsidecar.control.key_pads import KEYS, KeyPads, loaded
from riffsidecar.control.sound_output import DeckPlayer, DeviceOutput, NullOutput, Output
from riffsidecar.daemon import Daemon, preset_folders, read_banks, start_session
from riffsidecar.errors import SessionError, WavError
from riffsidecar.music import Meter, Tempo
from riffsidecar.render.recipe import LoopFile, read_loop

__all__ = ["add_parser", "run"]

_NULL: Final = "null"
_DEFAULT_GAIN_DB: Final = -6.0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "play",
        help="hear loops without a DAW, on the keys of the computer (needs the extra [play])",
        description="Hear loops without a DAW. The keys zxcv, asdf, qwer and 1234 are pads 1 to 16: a key "
        "plays its pad from the next bar on or stops it there, with shift it makes another loop; space stops "
        "all, Esc ends. Without files the pads are those of a bank, whose loops are made when asked for.",
        epilog="example: riffsidecar play packs/Night_Drive/loops/drums",
    )
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        metavar="LOOP.wav",
        help="up to 16 loops of one tempo, or a folder of them",
    )
    parser.add_argument("--bank", metavar="BANK", help="the bank of the pads, where no files are named")
    parser.add_argument("--bpm", metavar="N", help="tempo of the bank; default that of the configuration")
    parser.add_argument("--out", metavar="DIR", help="the folder for loops that are made; default ./loops")
    parser.add_argument(
        "--device", default="", metavar="NAME", help="sound device, by number or name; or null"
    )
    parser.add_argument(
        "--gain", type=float, default=_DEFAULT_GAIN_DB, metavar="DB", help="gain of each pad; default -6"
    )
    add_model_options(parser)
    add_common_options(parser)
    parser.set_defaults(run=run)


def run(context: Context) -> int:
    """Play until a key ends it."""
    gain_db: float = context.args.gain
    if not -60.0 <= gain_db <= 12.0:
        raise SessionError(f"--gain is {gain_db:g}, but must be from -60 to 12 dB")
    gain = 10.0 ** (gain_db / 20.0)
    files = _files(context.args.files)
    if files:
        return _play_files(context, files, gain)
    return _play_bank(context, gain)


def _play_files(context: Context, files: Sequence[Path], gain: float) -> int:
    loops: list[LoopFile] = [read_loop(path) for path in files]
    first = loops[0].request
    rate = loops[0].waveform.sample_rate
    player = DeckPlayer(Deck.at(first.tempo, first.meter, rate))
    pads = KeyPads(player, rate, gain, context.terminal.note)
    for number, (path, loop) in enumerate(zip(files, loops, strict=True), 1):
        pads.load(number, loaded(loop, player.deck, rate, gain, path.name))
        context.terminal.line(f"{KEYS[number - 1]}  {path.name}")
    with _output(context, player, rate):
        return _perform(context, pads, player, first.tempo, first.meter)


def _play_bank(context: Context, gain: float) -> int:
    args, config = context.args, context.config
    asked: dict[str, Any] = {} if args.bank is None else {"bank": args.bank}
    if args.bpm is not None:
        asked["bpm"] = float(Tempo.parse(args.bpm))
    config = replace(config, session=replace(config.session, **asked))
    session = start_session(config, read_banks(preset_folders(config)))
    rate = config.output.sample_rate
    player = DeckPlayer(Deck.at(session.tempo, session.meter, rate))
    pads = KeyPads(player, rate, gain, context.terminal.note)
    with ExitStack() as stack:
        # The device first: without one no model is loaded.
        stack.enter_context(_output(context, player, rate))
        daemon = Daemon(config, (pads,), context.factory)
        stack.callback(daemon.close)
        daemon.start()
        for number, key in enumerate(KEYS, 1):
            context.terminal.line(f"{key}  {session.bank.pad(number).name}")
        return _perform(context, pads, player, session.tempo, session.meter)


def _perform(context: Context, pads: KeyPads, player: DeckPlayer, tempo: Tempo, meter: Meter) -> int:
    context.terminal.note(f"{tempo} BPM, {meter}; space stops all pads, Esc ends")
    for key in keys():
        pads.press(key)
    if player.late:
        context.terminal.note(f"the sound device asked {player.late} times in vain; close some programs")
    context.terminal.document({"bpm": float(tempo), "samples": player.deck.position, "late": player.late})
    return OK


def _output(context: Context, player: DeckPlayer, sample_rate: int) -> Output:
    device: str = context.args.device
    if device == _NULL:
        return NullOutput(player, sample_rate)
    return DeviceOutput(player, sample_rate, device)


def _files(named: Sequence[Path]) -> tuple[Path, ...]:
    """Return the loops that were named, those of folders by name."""
    found: list[Path] = []
    for path in named:
        found += sorted(path.glob("*.wav")) if path.is_dir() else [path]
    if named and not found:
        raise WavError(f"{named[0]} holds no loop; name a folder with WAVs, or a bank with --bank")
    if len(found) > len(KEYS):
        raise SessionError(f"{len(found)} loops are more than the {len(KEYS)} pads; name fewer")
    return tuple(found)
