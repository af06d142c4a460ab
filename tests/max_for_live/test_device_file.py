"""The built device: its container, its parameters, and the rules that Ableton has for devices."""

from __future__ import annotations

import itertools
import json
import re
import struct
from typing import Any

import pytest

from max_for_live.build import DEVICE, PORTS, build_device, make_script
from riffsidecar.control.osc_table import ADDRESSES, ANSWERS
from riffsidecar.session.knobs import KNOBS
from riffsidecar.session.pads import NUM_PADS

Box = dict[str, Any]

STRIP_HEIGHT = 169
AUTOMATED, STORED, HIDDEN = 0, 1, 2


def read_chunks(data: bytes) -> list[tuple[str, bytes]]:
    """Return the chunks of a device: a tag, a little-endian length without the header, the payload."""
    chunks, at = [], 0
    while at < len(data):
        tag, size = struct.unpack_from("<4sI", data, at)
        payload = data[at + 8 : at + 8 + size]
        assert len(payload) == size, f"{tag!r} ends early"
        chunks.append((tag.decode("ascii"), payload))
        at += 8 + size
    return chunks


@pytest.fixture(scope="module")
def patcher() -> Box:
    payload = dict(read_chunks(DEVICE.read_bytes()))["ptch"]
    return dict(json.loads(payload.removesuffix(b"\0"))["patcher"])


@pytest.fixture(scope="module")
def boxes(patcher: Box) -> dict[str, Box]:
    return {entry["box"]["id"]: entry["box"] for entry in patcher["boxes"]}


@pytest.fixture(scope="module")
def parameters(boxes: dict[str, Box]) -> dict[str, Box]:
    """Return the parameters by the name that Live stores them under."""
    found = [box for box in boxes.values() if box.get("parameter_enable")]
    named = {value_of(box)["parameter_longname"]: box for box in found}
    assert len(named) == len(found), "two parameters share a name"
    return named


def value_of(box: Box) -> Box:
    return dict(box["saved_attribute_attributes"]["valueof"])


def presented(boxes: dict[str, Box]) -> dict[str, list[int]]:
    return {name: box["presentation_rect"] for name, box in boxes.items() if box.get("presentation")}


def test_the_container_is_an_unfrozen_audio_effect() -> None:
    (ampf, kind), (meta, frozen), (ptch, patcher) = read_chunks(DEVICE.read_bytes())
    assert (ampf, kind) == ("ampf", b"aaaa")
    assert (meta, frozen) == ("meta", bytes(4))
    assert ptch == "ptch" and patcher.endswith(b"\n\0") and patcher.count(b"\0") == 1


def test_the_committed_device_is_what_its_sources_make() -> None:
    assert DEVICE.read_bytes() == build_device(), "run: python -m max_for_live.build"


def test_max_finds_the_project_that_it_cannot_do_without(patcher: Box) -> None:
    assert patcher["project"]["amxdtype"] == int.from_bytes(b"aaaa", "big")
    assert (patcher["minimum_live_version"], patcher["minimum_max_version"]) == ("12.2", "9")


def test_the_device_depends_on_no_other_file(patcher: Box, boxes: dict[str, Box]) -> None:
    assert patcher["dependency_cache"] == []
    (script,) = (box for box in boxes.values() if box["maxclass"] == "v8.codebox")
    assert script["filename"] == "none"
    assert script["code"].replace("\r\n", "\n") == make_script()


def test_every_cord_joins_an_outlet_and_an_inlet_that_are_there(patcher: Box, boxes: dict[str, Box]) -> None:
    assert len(boxes) == len(patcher["boxes"])
    for line in patcher["lines"]:
        (source, outlet), (target, inlet) = line["patchline"]["source"], line["patchline"]["destination"]
        assert outlet < boxes[source]["numoutlets"] and inlet < boxes[target]["numinlets"], line
    for box in boxes.values():
        assert len(box.get("outlettype", ())) == box["numoutlets"]


def test_the_sound_of_the_track_passes_through(patcher: Box) -> None:
    lines = [line["patchline"] for line in patcher["lines"]]
    for side in (0, 1):
        assert {"source": ["obj-plugin", side], "destination": ["obj-plugout", side]} in lines


def test_everything_seen_lies_on_whole_pixels_inside_the_strip_and_on_nothing_else(
    patcher: Box, boxes: dict[str, Box]
) -> None:
    rects = presented(boxes)
    assert patcher["openinpresentation"] == 1 and rects
    assert patcher["openrect"] == [0, 0, patcher["devicewidth"], STRIP_HEIGHT]
    for x, y, width, height in rects.values():
        assert all(isinstance(number, int) for number in (x, y, width, height))
        assert 0 <= x < x + width <= patcher["devicewidth"] and 0 <= y < y + height <= STRIP_HEIGHT
    for (one, (ax, ay, aw, ah)), (other, (bx, by, bw, bh)) in itertools.combinations(rects.items(), 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay, f"{one} lies on {other}"


def test_every_parameter_has_a_name_of_its_own_and_an_info_text(
    patcher: Box, parameters: dict[str, Box]
) -> None:
    for name, box in parameters.items():
        value = value_of(box)
        assert not re.search(r"\[\d+\]$", name)
        assert box["annotation_name"] == name and box["annotation"] == value["parameter_info"] != ""
        assert value["parameter_initial_enable"] == 1
        assert patcher["parameters"][box["id"]] == [name, value["parameter_shortname"], 0]
    assert len({box["varname"] for box in parameters.values()}) == len(parameters)


def test_the_sixteen_pads_are_buttons_that_leave_no_trace_in_undo(parameters: dict[str, Box]) -> None:
    pads = {name: box for name, box in parameters.items() if box["maxclass"] == "live.text"}
    assert list(pads) == [f"Pad {number}" for number in range(1, NUM_PADS + 1)]
    for box in pads.values():
        assert box["mode"] == 0 and value_of(box)["parameter_invisible"] == HIDDEN


def test_pad_1_is_at_the_lower_left_and_pad_16_at_the_upper_right(parameters: dict[str, Box]) -> None:
    places = [parameters[f"Pad {number}"]["presentation_rect"][:2] for number in range(1, NUM_PADS + 1)]
    assert places == sorted(places, key=lambda place: (-place[1], place[0]))


def test_every_pad_triggers_its_own_number(patcher: Box, boxes: dict[str, Box]) -> None:
    lines = [line["patchline"] for line in patcher["lines"]]
    follow = {line["source"][0]: line["destination"][0] for line in lines if line["source"][1] == 0}
    for number in range(1, NUM_PADS + 1):
        hit = follow[f"obj-pad{number}"]
        assert boxes[hit]["text"] == f"pad {number}" and follow[hit] == "obj-script"


def test_what_live_may_automate_is_the_knob_table(parameters: dict[str, Box]) -> None:
    automated = [n for n, box in parameters.items() if value_of(box)["parameter_invisible"] == AUTOMATED]
    assert automated == [name.capitalize() for name in KNOBS]
    for name, knob in KNOBS.items():
        box = parameters[name.capitalize()]
        value = value_of(box)
        assert box["annotation"].lower().startswith(knob.help.lower())
        if knob.choices:
            assert (box["maxclass"], value["parameter_type"]) == ("live.menu", 2)
            assert tuple(value["parameter_enum"]) == knob.choices
            assert value["parameter_mmax"] == len(knob.choices) - 1
            assert knob.check(value["parameter_initial"][0]) == knob.default
            assert [knob.check(index) for index in range(len(knob.choices))] == list(knob.choices)
        else:
            assert (box["maxclass"], value["parameter_type"]) == ("live.dial", 0)
            assert (value["parameter_mmin"], value["parameter_mmax"]) == (knob.minimum, knob.maximum)
            middle = (knob.minimum + knob.maximum) / 2
            assert value["parameter_initial"] == [middle if knob.default is None else knob.default]


def test_the_reply_port_is_stored_with_the_set_and_not_automated(parameters: dict[str, Box]) -> None:
    value = value_of(parameters["Reply port"])
    assert value["parameter_invisible"] == STORED
    assert value["parameter_initial"] == [PORTS.reply] != [PORTS.daemon]
    # An integer parameter of Live ends at 255.
    assert value["parameter_type"] == 0 and value["parameter_mmax"] == 65535


def test_controllers_get_the_knobs_in_banks_of_eight(patcher: Box, parameters: dict[str, Box]) -> None:
    banks = patcher["parameters"]["parameterbanks"]
    assert [bank["index"] for bank in banks.values()] == [int(key) for key in banks]
    assert all(len(bank["parameters"]) == 8 for bank in banks.values())
    shown = [name for bank in banks.values() for name in bank["parameters"] if name != "-"]
    assert shown == [name.capitalize() for name in KNOBS] and set(shown) <= set(parameters)


def test_nothing_is_named_beyond_the_device(boxes: dict[str, Box]) -> None:
    shared = re.compile(r"(send~?|receive~?|s|r|buffer~|coll|dict|value|v) (?!---)")
    texts = [box["text"] for box in boxes.values() if box["maxclass"] == "newobj"]
    assert texts and not [text for text in texts if shared.match(text)]


def test_every_address_in_the_script_is_one_of_the_table() -> None:
    used = set(re.findall(r"\bOSC\.(\w+)", make_script()))
    assert {"hello", "ping", "pad", "tempo", "meter", "key", "done"} <= used
    assert {f"/riff/{name}" for name in used} <= {*ADDRESSES, *ANSWERS}
    assert '"/riff' not in make_script().split("inlets = 1")[1]
