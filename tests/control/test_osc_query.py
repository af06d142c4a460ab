"""The description of OSC over HTTP: what the table says, on loopback, and nothing that could be set."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from riffsidecar.control.osc_query import OscQuerySurface, query_tree
from riffsidecar.control.osc_table import ADDRESSES, find_address
from riffsidecar.errors import ControlError, PortTakenError
from riffsidecar.session.events import StateChanged
from riffsidecar.session.knobs import KNOBS

TAGS = {"i": int, "f": float, "s": str}


def leaves(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "TYPE" in node:
        yield node
    for child in node.get("CONTENTS", {}).values():
        yield from leaves(child)


@pytest.fixture
def surface() -> Iterator[OscQuerySurface]:
    made = OscQuerySurface(0, lambda: 9123)
    made.start(lambda envelope: pytest.fail("a command came of a question"))
    yield made
    made.close()


def ask(surface: OscQuerySurface, path: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", surface.port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body and method == "GET" else None
    finally:
        connection.close()


def test_every_address_is_described_with_its_types_and_its_help() -> None:
    found = {node["FULL_PATH"]: node for node in leaves(query_tree())}
    assert set(found) == set(ADDRESSES)
    for address, node in found.items():
        row = find_address(address)
        assert row.help in node["DESCRIPTION"]
        if address not in {knob.osc for knob in KNOBS.values()}:
            assert [TAGS[tag] for tag in node["TYPE"]] == [type(value) for value in row.example]


def test_knobs_have_their_range_and_stand_where_the_session_has_them(surface: OscQuerySurface) -> None:
    for knob in KNOBS.values():
        _, node = ask(surface, knob.osc)
        assert node["RANGE"] == [{"MIN": knob.minimum, "MAX": knob.maximum}] and node["ACCESS"] == 3
        assert knob.check(node["VALUE"][0]) == knob.default
    surface.notify(StateChanged({"knobs": {"morph": 0.25, "quality": "fine", "density": None}}))
    assert ask(surface, "/riff/knob/morph?VALUE") == (200, {"VALUE": [0.25]})
    assert ask(surface, "/riff/knob/quality?VALUE") == (200, {"VALUE": [2.0]})
    assert ask(surface, "/riff/knob/density?VALUE") == (200, {"VALUE": [None]})


def test_the_host_tells_where_osc_itself_is(surface: OscQuerySurface) -> None:
    status, info = ask(surface, "/?HOST_INFO")
    assert status == 200
    assert (info["OSC_IP"], info["OSC_PORT"], info["OSC_TRANSPORT"]) == ("127.0.0.1", 9123, "UDP")
    assert info["EXTENSIONS"]["VALUE"] is True and info["EXTENSIONS"]["LISTEN"] is False


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/riff", 200),
        ("/riff/knob/", 200),
        ("/riff/pad?TYPE", 200),
        ("/riff/pad?VALUE", 204),
        ("/riff/pad?COLOR", 400),
        ("/riff/pda", 404),
        ("/riff/../etc/passwd", 404),
        ("/%2e%2e/%00", 404),
        ("/" + "a/" * 2000, 404),
    ],
)
def test_a_path_gets_its_node_and_an_unknown_one_an_error(
    surface: OscQuerySurface, path: str, status: int
) -> None:
    assert ask(surface, path)[0] == status


def test_nothing_can_be_set(surface: OscQuerySurface) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ask(surface, "/riff/knob/morph", method)[0] == 501


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_a_web_page_under_another_name_gets_nothing(surface: OscQuerySurface, host: str) -> None:
    assert ask(surface, "/", Host=host)[0] == 403


@pytest.mark.parametrize("host", ["localhost:1", "localhost", "[::1]:80", "127.0.0.1"])
def test_loopback_goes_by_several_names(surface: OscQuerySurface, host: str) -> None:
    assert ask(surface, "/", Host=host)[0] == 200


def test_a_taken_port_is_named_and_a_closed_server_leaves_nothing() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"TCP port {port}.*query_port"):
            OscQuerySurface(port, lambda: 0).start(lambda envelope: None)
    surface = OscQuerySurface(0, lambda: 0)
    surface.notify(StateChanged({}))
    surface.start(lambda envelope: None)
    with pytest.raises(ControlError, match="started before"):
        surface.start(lambda envelope: None)
    port = surface.port
    surface.close()
    surface.close()
    surface.notify(StateChanged({"knobs": {}}))
    with pytest.raises(ControlError, match="started before"):
        surface.start(lambda envelope: None)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", port))
