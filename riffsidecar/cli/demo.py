"""``riffsidecar demo``: the main job in one command: a daemon, a client, four pads, four loops."""

from __future__ import annotations

import argparse
import itertools
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from riffsidecar.cli.context import Context, add_common_options, add_model_options
from riffsidecar.cli.exit_codes import OK
from riffsidecar.control.osc_codec import OscMessage, OscValue, decode_packet, encode_message
from riffsidecar.daemon import Daemon
from riffsidecar.daemon.surfaces import Surfaces
from riffsidecar.errors import ControlError, OscError
from riffsidecar.music import Tempo
from riffsidecar.render.messages import error_from_code
from riffsidecar.render.worker import LOAD_LIMIT_S

__all__ = ["add_parser", "run"]

_NUM_PADS = 4
# The daemon is silent while the model loads.
_SILENCE_LIMIT_S = LOAD_LIMIT_S + 60.0
_MAX_DATAGRAM_BYTES = 65_536
_TELLING = ("/riff/progress", "/riff/done", "/riff/error")


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command and its options."""
    parser = subparsers.add_parser(
        "demo",
        help="show the main job: four pads become four loops",
        description="Start the daemon on a free port, hit four pads over OSC on loopback, and name the "
        "loops that land in the folder.",
    )
    parser.add_argument("--bpm", default="124", metavar="N", help="tempo that the client names; default 124")
    parser.add_argument(
        "--bank", default="house", metavar="BANK", help="bank whose first four pads are hit; default house"
    )
    parser.add_argument("--out", metavar="DIR", help="the folder for the loops; default ./loops")
    add_model_options(parser)
    add_common_options(parser)
    parser.set_defaults(run=run)


def run(context: Context) -> int:
    """Run the daemon in this process and be its client over real OSC."""
    tempo = Tempo.parse(context.args.bpm)
    config = replace(
        context.config,
        osc=replace(context.config.osc, enabled=True, bind="127.0.0.1", port=0, token="", allow=()),
    )
    surfaces = Surfaces(config, midi=False)
    daemon = Daemon(config, surfaces.all, context.factory)
    surfaces.watch(daemon)
    bank = daemon.session.banks.find(
        int(context.args.bank) if context.args.bank.isdecimal() else context.args.bank
    )
    pads = range(1, _NUM_PADS + 1)
    try:
        daemon.start()
        port = surfaces.osc.port if surfaces.osc is not None else 0
        context.terminal.line(
            f"the daemon listens on 127.0.0.1, UDP port {port}; loops go to {daemon.folder}"
        )
        with _Client.connected(port) as client:
            client.send("/riff/bank", bank.name)
            client.send("/riff/tempo", float(tempo))
            for pad in pads:
                client.send("/riff/pad", pad, f"id:pad-{pad}")
            names = {f"id:pad-{pad}": f"pad {pad}, {bank.pad(pad).name}" for pad in pads}
            context.terminal.line(f"the client asks for {tempo} BPM and hits " + "; ".join(names.values()))
            loops = _collect(context, client, names)
    finally:
        daemon.close()
    context.terminal.document({"port": port, "folder": str(daemon.folder), "bank": bank.name, "loops": loops})
    return OK


def _collect(context: Context, client: _Client, names: dict[str, str]) -> list[dict[str, object]]:
    """Show progress until each of the requests in ``names`` has ended.

    Raises:
        RiffError: the error that the daemon answered first.
    """
    terminal = context.terminal
    loops: list[dict[str, object]] = []
    waiting = dict(names)
    asked_s = time.perf_counter()
    started_s: dict[str, float] = {}
    messages = client.messages()
    with terminal.waiting("loading the model"):
        first = next(
            message
            for message in messages
            if message.address in _TELLING and message.arguments and message.arguments[0] in waiting
        )
    for message in itertools.chain((first,), messages):
        name = str(message.arguments[0]) if message.arguments else ""
        if name not in waiting:
            continue
        if message.address == "/riff/progress":
            started_s.setdefault(name, time.perf_counter())
            terminal.progress(waiting[name], float(message.arguments[1]), float(message.arguments[2]))
        elif message.address == "/riff/error":
            raise error_from_code(str(message.arguments[1]), f"{waiting[name]}: {message.arguments[2]}")
        elif message.address == "/riff/done":
            loop = _done(message, time.perf_counter() - started_s.get(name, asked_s))
            terminal.line(
                f"{loop['path']}  {loop['bars']:g} bars  {loop['bpm']:g} BPM  {loop['render_s']:.2f} s"
            )
            loops.append({"name": waiting.pop(name), **loop})
            if not waiting:
                break
    return loops


def _done(message: OscMessage, render_s: float) -> dict[str, object]:
    _, slot, path, bars, bpm, key, seed, num_samples, sample_rate, *_ = message.arguments
    return {
        "slot": slot,
        "path": path,
        "bars": bars,
        "bpm": round(float(bpm), 3),
        "key": key,
        "seed": seed,
        "num_samples": num_samples,
        "sample_rate": sample_rate,
        "render_s": render_s,
    }


class _Client:
    """Be an OSC client on loopback, as a DAW's device is one."""

    def __init__(self, opened: socket.socket, port: int) -> None:
        self._socket = opened
        self._to = ("127.0.0.1", port)

    @classmethod
    @contextmanager
    def connected(cls, port: int) -> Iterator[_Client]:
        """Give a client with a port of its own, said hello with."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
            opened.bind(("127.0.0.1", 0))
            opened.settimeout(_SILENCE_LIMIT_S)
            client = cls(opened, port)
            client.send("/riff/hello", opened.getsockname()[1], "demo")
            yield client

    def send(self, address: str, *values: OscValue) -> None:
        """Send one message."""
        self._socket.sendto(encode_message(address, *values), self._to)

    def messages(self) -> Iterator[OscMessage]:
        """Give the answers as they come.

        Raises:
            ControlError: nothing came for longer than the model may take to load.
        """
        while True:
            try:
                data = self._socket.recv(_MAX_DATAGRAM_BYTES)
            except TimeoutError as error:
                raise ControlError(
                    f"the daemon said nothing for {_SILENCE_LIMIT_S:.0f} s; run 'riffsidecar doctor' to "
                    "find out why"
                ) from error
            try:
                yield from decode_packet(data)
            except OscError as error:
                raise ControlError(
                    f"the daemon's answer is not OSC: {error}; reinstall riffsidecar"
                ) from error
