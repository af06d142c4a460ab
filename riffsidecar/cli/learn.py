"""``riffsidecar learn``: tie a control of a MIDI controller to a pad or a knob of the daemon that runs."""

from __future__ import annotations

import argparse
import socket
import time
from collections.abc import Iterator

from riffsidecar.cli.context import Context, add_common_options
from riffsidecar.cli.exit_codes import OK
from riffsidecar.control.controllers import CONTROLLERS
from riffsidecar.control.learned import read_learned
from riffsidecar.control.osc_codec import OscMessage, OscValue, decode_packet, encode_message
from riffsidecar.daemon.surfaces import learned_file
from riffsidecar.errors import ControlError
from riffsidecar.render.messages import error_from_code
from riffsidecar.session.learning import FORGET, LEARN_MODES, Learn

__all__ = ["add_parser", "run"]

_ANSWER_S = 3.0
_MAX_DATAGRAM_BYTES = 65_536
_ID = "id:learn"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "learn",
        help="tie a MIDI control to a pad or a knob",
        description="Let the daemon that runs learn: name a pad or a knob, then move the control. Without a "
        "target, list what was learned and the controllers that need no learning.",
    )
    parser.add_argument("target", nargs="*", metavar="TARGET", help="'pad 3', 'morph' or any other knob")
    parser.add_argument(
        "--mode",
        choices=LEARN_MODES,
        default="auto",
        metavar="MODE",
        help="how the control counts: auto, absolute, twos-complement, offset or sign-magnitude; or forget",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=30.0,
        metavar="S",
        help="seconds to wait for the control; default 30",
    )
    parser.add_argument("--port", type=int, metavar="N", help="UDP port of the daemon; default 9123")
    parser.add_argument("--token", metavar="TEXT", help="the token that the daemon wants")
    add_common_options(parser)
    parser.set_defaults(run=run)


def run(context: Context) -> int:
    """Arm the target, wait for the control, and tell what was learned.

    Raises:
        RiffError: no daemon, no such target, or nothing moved in time.
    """
    if not context.args.target:
        return _list(context)
    command = Learn(" ".join(context.args.target), context.args.mode)
    learned = _learn(context, command)
    context.terminal.line(learned)
    context.terminal.document({"target": command.target, "learned": learned})
    return OK


def _list(context: Context) -> int:
    path = learned_file(context.config)
    ties = read_learned(path)
    terminal = context.terminal
    for tie in ties:
        terminal.line(tie.said)
    if not ties:
        terminal.line(f"nothing was learned yet ({path})")
    terminal.line()
    rows = [(row.name, row.title, row.note) for row in CONTROLLERS.values()]
    terminal.table(("name", "controller that needs no learning", "what to know"), rows)
    terminal.document(
        {"file": str(path), "learned": [tie.said for tie in ties], "controllers": list(CONTROLLERS)}
    )
    return OK


def _learn(context: Context, command: Learn) -> str:
    osc = context.config.osc
    token: tuple[OscValue, ...] = (f"token:{osc.token}",) if osc.token else ()
    words = (command.target, command.mode)
    # What Windows and macOS call every address is no address to send to.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}.get(osc.bind, osc.bind)  # noqa: S104
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as connected:
        try:
            connected.connect((host, osc.port))
            connected.send(encode_message("/riff/hello", *token, 0, "learn"))
            connected.send(encode_message("/riff/learn", *token, *words, _ID))
            try:
                return _until_learned(context, command, connected)
            finally:
                connected.send(encode_message("/riff/learn", *token, "none"))
        except OSError as error:
            raise ControlError(
                f"no daemon listens on {host}, UDP port {osc.port}: start one with 'riffsidecar run', or "
                "name its port with --port"
            ) from error


def _until_learned(context: Context, command: Learn, connected: socket.socket) -> str:
    is_taken = False
    for message in _messages(connected, _ANSWER_S, context.args.patience):
        words = message.arguments
        if message.address == "/riff/error" and words[:1] == (_ID,):
            raise error_from_code(str(words[1]), str(words[2]))
        if not is_taken and message.address == "/riff/ack" and words[:1] == (_ID,):
            is_taken = True
            if command.mode != FORGET:
                context.terminal.note(f"{command.target} waits: move its control now")
        if message.address == "/riff/state" and words[:1] == ("learned",) and words[1:] not in ((), ("",)):
            return str(words[1])
    if not is_taken:
        raise OSError("no answer")
    raise ControlError(
        "no control has moved: see 'riffsidecar ports' for what the daemon hears, and try again"
    )


def _messages(connected: socket.socket, first_s: float, patience_s: float) -> Iterator[OscMessage]:
    """Give what the daemon says, until it has been silent for too long."""
    until_s = time.monotonic() + first_s
    heard = False
    while (left_s := until_s - time.monotonic()) > 0:
        connected.settimeout(left_s)
        try:
            data = connected.recv(_MAX_DATAGRAM_BYTES)
        except TimeoutError:
            return
        if not heard:
            heard, until_s = True, time.monotonic() + patience_s
        yield from decode_packet(data)
