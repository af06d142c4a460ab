"""The built files of other hosts are what the tables make of them, and send what the daemon takes."""

from __future__ import annotations

import itertools
import json
import xml.etree.ElementTree as ElementTree
import zlib
from typing import Any

import pytest

from hosts.build import FOLDER, files
from hosts.open_stage_control import OSC_PORT, TARGET
from hosts.touch_osc import TOKEN
from riffsidecar.control.osc import DEFAULT_PORT
from riffsidecar.control.osc_clients import OscClients
from riffsidecar.control.osc_table import ADDRESSES, ANSWERS, find_address
from riffsidecar.session.commands import SetKnob, TriggerPad
from riffsidecar.session.knobs import KNOBS
from riffsidecar.session.pads import NUM_PADS


@pytest.mark.parametrize("name", files())
def test_the_committed_file_is_what_its_sources_make(name: str) -> None:
    assert (FOLDER / name).read_bytes() == files()[name], "run: python -m hosts.build"


def widgets() -> list[dict[str, Any]]:
    session = json.loads((FOLDER / "open_stage_control/riffsidecar.json").read_text(encoding="utf-8"))
    assert session["type"] == "session" and session["content"]["type"] == "root"
    return list(session["content"]["widgets"])


def controls() -> list[ElementTree.Element]:
    """Return the controls of TouchOSC that send something."""
    text = zlib.decompress((FOLDER / "touch_osc/riffsidecar.tosc").read_bytes())
    root = ElementTree.fromstring(text)
    assert root.tag == "lexml" and len(root) == 1
    return [node for node in root.iter("node") if node.find("messages/osc") is not None]


def frame_of(node: ElementTree.Element) -> tuple[int, int, int, int]:
    (found,) = (each for each in node.findall("properties/property") if each.findtext("key") == "frame")
    x, y, w, h = (int(found.findtext(f"value/{side}") or "") for side in "xywh")
    return x, y, w, h


def message_of(node: ElementTree.Element, x: float = 1.0) -> tuple[str, tuple[Any, ...]]:
    """Return what a control sends at a position, 0 to 1."""
    address = node.findtext("messages/osc/path/partial/value") or ""
    values: list[Any] = []
    for partial in node.findall("messages/osc/arguments/partial"):
        kind = {"INTEGER": int, "FLOAT": float, "STRING": str}[partial.findtext("conversion") or ""]
        value: Any = partial.findtext("value")
        if partial.findtext("type") == "VALUE":
            low, high = float(partial.findtext("scaleMin") or ""), float(partial.findtext("scaleMax") or "")
            value = low + x * (high - low)
        values.append(kind(value))
    return address, tuple(values)


def test_open_stage_control_has_every_pad_and_every_knob_in_its_range() -> None:
    pads = [each for each in widgets() if each.get("address") == "/riff/pad"]
    commands = [find_address(each["address"]).command((*each["preArgs"], each["on"])) for each in pads]
    assert commands == [TriggerPad(number, 100) for number in range(1, NUM_PADS + 1)]
    by_address = {each["address"]: each for each in widgets()}
    for knob in KNOBS.values():
        widget = by_address[knob.osc]
        if knob.choices:
            assert {knob.check(index): name for name, index in widget["values"].items()} == {
                name: name for name in knob.choices
            }
        else:
            assert widget["range"] == {"min": knob.minimum, "max": knob.maximum}


def test_open_stage_control_sends_to_the_daemon_and_hears_what_it_answers() -> None:
    assert {each["target"] for each in widgets()} == {TARGET} == {f"127.0.0.1:{DEFAULT_PORT}"}
    assert {each["address"] for each in widgets()} <= {*ADDRESSES, *ANSWERS}
    (hello,) = (each for each in widgets() if each["address"] == "/riff/hello")
    assert find_address("/riff/hello").check((*hello["preArgs"], hello["on"])) == (OSC_PORT, hello["on"])


def test_touch_osc_sends_its_token_first_and_then_what_the_daemon_takes() -> None:
    clients = OscClients(TOKEN)
    found = []
    for node in controls():
        address, values = message_of(node)
        rest, token = clients.strip_token(values)
        assert clients.trusts(("192.168.1.5", 9000), token)
        found.append(find_address(address).command(rest))
    assert found[:NUM_PADS] == [TriggerPad(number, 100) for number in range(1, NUM_PADS + 1)]
    assert found[NUM_PADS:] == [SetKnob(knob.name, knob.maximum) for knob in KNOBS.values()]
    faders = controls()[NUM_PADS:]
    lowest = [find_address(message_of(node, 0)[0]).command(message_of(node, 0)[1][1:]) for node in faders]
    assert lowest == [SetKnob(knob.name, knob.minimum) for knob in KNOBS.values()]


def test_nothing_lies_on_anything_else() -> None:
    placed = [(each["left"], each["top"], each["width"], each["height"]) for each in widgets()]
    for rects in (placed, [frame_of(node) for node in controls()]):
        for (ax, ay, aw, ah), (bx, by, bw, bh) in itertools.combinations(rects, 2):
            assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay
