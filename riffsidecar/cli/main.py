"""Read the command line, run the command, turn every error into one line and a number."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from types import FrameType

from riffsidecar import __version__
from riffsidecar.cli import (
    autostart,
    demo,
    do,
    doctor,
    install_device,
    journey,
    learn,
    library,
    listing,
    model,
    pack,
    play,
    render,
    rerender,
    run,
)
from riffsidecar.cli.context import Context, configured
from riffsidecar.cli.exit_codes import INTERRUPTED, OK, TERMINATED, exit_code_of, exit_code_table
from riffsidecar.cli.terminal import Terminal
from riffsidecar.errors import RiffError
from riffsidecar.render.settings import DEFAULT_FACTORY

__all__ = ["build_parser", "main"]

logger = logging.getLogger(__name__)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="riffsidecar",
        description="Make loops beside a DAW: a pad or a knob asks, a latent-diffusion model answers "
        "with a WAV.",
        epilog=f"exit codes:\n{exit_code_table()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"riffsidecar {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (run, demo, do, render, journey, pack, play, rerender, library):
        command.add_parser(subparsers)
    listing.add_parsers(subparsers)
    model.add_parser(subparsers)
    install_device.add_parser(subparsers)
    autostart.add_parser(subparsers)
    learn.add_parser(subparsers)
    doctor.add_parser(subparsers)
    # Its options belong to the training room, which is loaded only when it is asked for.
    subparsers.add_parser("train", help="make the embedded model (needs the extra [train])", add_help=False)
    return parser


def main(argv: Sequence[str] | None = None, *, factory: str = DEFAULT_FACTORY) -> int:
    """Run the command in ``argv`` and return its exit code.

    ``factory`` is what the render worker loads, as ``module:function``.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["train"]:
        return _train(words[1:])
    args = build_parser().parse_args(words)
    terminal = Terminal(json_output=args.json)
    try:
        with _terminable():
            config = configured(args)
            level = (
                "DEBUG" if args.verbose else config.log.level.upper() if args.command == "run" else "CRITICAL"
            )
            logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
            # It tells of every touch of every file, and would drown what --verbose is for.
            logging.getLogger("watchdog").setLevel(logging.INFO)
            code: int = args.run(Context(args, config, terminal, factory))
            # In Windows, autostart runs pythonw.exe, which has no streams.
            if sys.stdout is not None:
                sys.stdout.flush()
            return code
    except RiffError as error:
        logger.debug("the command failed", exc_info=True)
        terminal.error(str(error))
        return exit_code_of(error)
    except KeyboardInterrupt:
        terminal.note("riffsidecar: stopped")
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone, as in "riffsidecar knobs | head": no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _train(words: Sequence[str]) -> int:
    try:
        from riffsidecar.training.cli import main as train
    except ModuleNotFoundError as error:
        Terminal().error(f"training needs {error.name}; install it with: pip install 'riffsidecar[train]'")
        return exit_code_of(RiffError())
    return train(list(words))


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM unwind the stack as Ctrl-C does, so that workers end and no temporary file stays."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_term(number: int, frame: FrameType | None) -> None:
        raise SystemExit(TERMINATED)

    before = signal.signal(signal.SIGTERM, on_term)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
