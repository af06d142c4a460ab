"""``riffsidecar do``: do something to a loop of the daemon that runs, as a pad or an OSC client does."""

from __future__ import annotations

import argparse
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from riffsidecar.cli.context import Context, add_common_options
from riffsidecar.cli.exit_codes import OK
from riffsidecar.config import OscConfig
from riffsidecar.control.osc_codec import OscMessage, OscValue, decode_packet, encode_message
from riffsidecar.errors import ControlError, OscError
from riffsidecar.render.messages import error_from_code
from riffsidecar.session.actions import ACTIONS, find_action
from riffsidecar.session.commands import Perform

__all__ = ["add_parser", "run"]

_LAST_SLOT = -1
_PATIENCE_S = 3.0
_RENDER_PATIENCE_S = 120.0
_MAX_DATAGRAM_BYTES = 65_536
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"}  # noqa: S104 - read, not bound


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    rows = "\n".join(f"  {row.usage:<22} {row.help}" for row in ACTIONS.values())
    parser = subparsers.add_parser(
        "do",
        help="do something to a loop of the daemon that runs: again, like, keep, undo, ...",
        description="Do an action to the loop of a slot of the daemon that runs, and wait for its end.",
        epilog=f"actions:\n{rows}\n\nexample: riffsidecar do change 3 --slot 5",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", metavar="ACTION", help=f"one of {', '.join(ACTIONS)}")
    parser.add_argument("values", metavar="VALUE", nargs="*", help="what the action takes, such as a bar")
    parser.add_argument("--slot", type=int, metavar="N", help="0 to 16; default the one that was played last")
    parser.add_argument("--port", type=int, metavar="N", help="UDP port of the daemon; default 9123")
    parser.add_argument("--token", metavar="TEXT", help="the token that the daemon wants")
    add_common_options(parser)
    parser.set_defaults(run=run)


def run(context: Context) -> int:
    """Send the action, show progress, and name the loop that is current then.

    Raises:
        RiffError: what the daemon answers, or that none is there.
    """
    args = context.args
    command = Perform(args.action, tuple(args.values), args.slot)
    slot = _LAST_SLOT if command.slot is None else command.slot
    with _daemon(context.config.osc) as (connected, token):
        request_id = f"id:do-{secrets.token_hex(4)}"
        address = find_action(command.action).osc
        connected.send(encode_message(address, *token, slot, *command.values, request_id))
        done = _end_of(context, connected, request_id, command.action)
    path = str(done.arguments[2])
    context.terminal.line(path or f"{command.action}: done")
    context.terminal.document(
        {
            "action": command.action,
            "values": list(command.values),
            "slot": done.arguments[1] if path else slot,
            "path": path or None,
            "seed": done.arguments[6] if path else None,
        }
    )
    return OK


@contextmanager
def _daemon(osc: OscConfig) -> Iterator[tuple[socket.socket, tuple[OscValue, ...]]]:
    """Give a socket that is connected to the daemon, and what every message to it begins with."""
    host = _EVERYWHERE.get(osc.bind, osc.bind)
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as connected:
        # Connected, so that only the one asked is heard, and an error tells that nobody listens.
        try:
            connected.connect((host, osc.port))
            yield connected, (f"token:{osc.token}",) if osc.token else ()
        except TimeoutError as error:
            raise ControlError(
                f"no answer from {host}, UDP port {osc.port}; is it riffsidecar that listens there? See "
                "'riffsidecar doctor'"
            ) from error
        except OSError as error:
            raise ControlError(
                f"no daemon listens on {host}, UDP port {osc.port}: start one with 'riffsidecar run', or "
                "name its port with --port"
            ) from error


def _end_of(context: Context, connected: socket.socket, request_id: str, action: str) -> OscMessage:
    """Return the message that ends the request.

    Raises:
        RiffError: the error that ends it.
    """
    until_s = time.monotonic() + _PATIENCE_S
    while (left_s := until_s - time.monotonic()) > 0:
        connected.settimeout(left_s)
        for message in _messages(connected.recv(_MAX_DATAGRAM_BYTES)):
            if not message.arguments or message.arguments[0] != request_id:
                continue
            until_s = time.monotonic() + _RENDER_PATIENCE_S
            if message.address == "/riff/progress":
                context.terminal.progress(action, float(message.arguments[1]), float(message.arguments[2]))
            elif message.address in ("/riff/done", "/riff/error"):
                context.terminal.clear_bar()
                if message.address == "/riff/error":
                    raise error_from_code(str(message.arguments[1]), str(message.arguments[2]))
                return message
    raise TimeoutError


def _messages(data: bytes) -> tuple[OscMessage, ...]:
    try:
        return tuple(decode_packet(data))
    except OscError as error:
        raise ControlError(f"the daemon's answer is not OSC: {error}; reinstall riffsidecar") from error
