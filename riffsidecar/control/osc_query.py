"""Describe the OSC address space over HTTP, as the OSCQuery proposal has it, on loopback alone.

A host such as TouchDesigner, Max or Chataigne reads from it which addresses there are, what they take and how
the knobs stand (https://github.com/Vidvox/OSCQueryProposal). Nothing can be set through it.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from riffsidecar.control.osc_table import ADDRESSES, OscAddress
from riffsidecar.control.surface import Submit
from riffsidecar.errors import ControlError, PortTakenError
from riffsidecar.session.events import Event, StateChanged
from riffsidecar.session.knobs import KNOBS, KnobValue

__all__ = ["OscQuerySurface", "host_info", "query_tree"]

logger = logging.getLogger(__name__)

_LOOPBACK = "127.0.0.1"
_HOSTS = ("127.0.0.1", "localhost", "[::1]")
_JOIN_S = 5.0
_TIMEOUT_S = 10.0
_WRITE, _READ_WRITE = 2, 3
_ATTRIBUTES: Final = ("FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "VALUE", "RANGE", "DESCRIPTION")
_TYPES: Final[Mapping[type, str]] = {int: "i", float: "f", str: "s"}

Node = dict[str, Any]


def query_tree(knobs: Mapping[str, KnobValue] | None = None) -> Node:
    """Return the tree of all addresses; ``knobs`` are the session's, for their values.

    >>> query_tree()["CONTENTS"]["riff"]["CONTENTS"]["pad"]["TYPE"]
    'ii'
    """
    root: Node = {"FULL_PATH": "/", "ACCESS": 0, "CONTENTS": {}}
    for row in ADDRESSES.values():
        at = root
        path = ""
        for word in row.address.strip("/").split("/"):
            path = f"{path}/{word}"
            at = at.setdefault("CONTENTS", {}).setdefault(word, {"FULL_PATH": path, "ACCESS": 0})
        at.update(_leaf(row))
    for name, knob in KNOBS.items():
        node = _find(root, knob.osc)
        value = (knobs or {}).get(name, knob.default)
        position = knob.choices.index(value) + knob.minimum if isinstance(value, str) else value
        node |= {
            "ACCESS": _READ_WRITE,
            "TYPE": "f",
            "RANGE": [{"MIN": knob.minimum, "MAX": knob.maximum}],
            # A knob that leaves the model free stands nowhere.
            "VALUE": [position],
        }
    return root


def host_info(osc_port: int, osc_host: str = _LOOPBACK) -> Node:
    """Return what a client asks for first: where OSC itself is served, and what this description can do."""
    extensions = {name: True for name in ("ACCESS", "VALUE", "RANGE", "DESCRIPTION", "TYPE")}
    return {
        "NAME": "riffsidecar",
        "OSC_IP": osc_host,
        "OSC_PORT": osc_port,
        "OSC_TRANSPORT": "UDP",
        "EXTENSIONS": {**extensions, "LISTEN": False, "PATH_CHANGED": False},
    }


def _leaf(row: OscAddress) -> Node:
    types = "".join(_TYPES[type(value)] for value in row.example)
    return {"ACCESS": _WRITE, "TYPE": types, "DESCRIPTION": f"{row.usage}: {row.help}"}


def _find(root: Node, address: str) -> Node:
    node = root
    for word in address.strip("/").split("/"):
        node = node["CONTENTS"][word]
    return node


class OscQuerySurface:
    """Serve the description on one TCP port of loopback.

    Args:
        port: the TCP port; 0 takes a free one, which :attr:`port` then tells.
        osc_port: the UDP port of OSC, asked for at each request because it is known only when it is open.
    """

    def __init__(self, port: int, osc_port: Callable[[], int]) -> None:
        """Open nothing yet."""
        self._wanted = port
        self._osc_port = osc_port
        self._knobs: Mapping[str, KnobValue] = {}
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """Return ``"osc-query"``."""
        return "osc-query"

    @property
    def port(self) -> int:
        """Return the TCP port; after the start the one that was really taken."""
        return self._wanted if self._server is None else int(self._server.server_address[1])

    def start(self, submit: Submit) -> None:
        """Bind the port and serve; nothing that is asked here becomes a command.

        Raises:
            PortTakenError: when somebody has the port.
            ControlError: when it was started before.
        """
        if self._server is not None or self._closed:
            raise ControlError("this OSCQuery server was started before: make a new one")
        surface = self

        class Handler(BaseHTTPRequestHandler):
            timeout = _TIMEOUT_S

            def do_GET(self) -> None:
                surface._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                logger.debug(format, *args)

        try:
            self._server = ThreadingHTTPServer((_LOOPBACK, self._wanted), Handler)
        except OSError as error:
            raise PortTakenError(
                f"TCP port {self._wanted} for OSCQuery cannot be opened: {error}; "
                "choose another osc.query_port"
            ) from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="riffsidecar-osc-query", daemon=True
        )
        self._thread.start()
        logger.info("OSCQuery describes OSC on http://%s:%d", _LOOPBACK, self.port)

    def notify(self, event: Event) -> None:
        """Note how the knobs stand."""
        if isinstance(event, StateChanged) and isinstance(knobs := event.state.get("knobs"), Mapping):
            self._knobs = dict(knobs)

    def close(self) -> None:
        """Stop to serve and give the port back."""
        self._closed = True
        server, thread = self._server, self._thread
        if server is None:
            return
        server.shutdown()
        server.server_close()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answer one request; a web page that reaches for loopback under another name gets nothing."""
        host = (request.headers.get("Host") or "").rpartition(":")
        name = host[0] if host[1] and host[2].isdecimal() else "".join(host)
        if name not in _HOSTS:
            return _send(request, HTTPStatus.FORBIDDEN, {"error": f"ask 127.0.0.1, not {name[:64]!r}"})
        asked = urlsplit(request.path)
        if asked.query == "HOST_INFO":
            return _send(request, HTTPStatus.OK, host_info(self._osc_port()))
        try:
            path = unquote(asked.path).strip("/")
            tree = query_tree(self._knobs)
            node = _find(tree, path) if path else tree
        except KeyError:
            return _send(request, HTTPStatus.NOT_FOUND, {"error": f"no address {asked.path[:80]!r}"})
        if not asked.query:
            return _send(request, HTTPStatus.OK, node)
        if asked.query not in _ATTRIBUTES:
            return _send(request, HTTPStatus.BAD_REQUEST, {"error": f"no attribute {asked.query[:40]!r}"})
        if asked.query not in node:
            return _send(request, HTTPStatus.NO_CONTENT, None)
        return _send(request, HTTPStatus.OK, {asked.query: node[asked.query]})


def _send(request: BaseHTTPRequestHandler, status: HTTPStatus, document: Node | None) -> None:
    body = b"" if document is None else json.dumps(document).encode("utf-8")
    try:
        request.send_response(status)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
    except OSError as error:
        logger.debug("an OSCQuery client left: %s", error)
