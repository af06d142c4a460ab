"""The built devices: their containers, their parameters, and the rules that Ableton has for devices."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from max_for_live.build import DEVICES, FOLDER, REPLY_PORT, build_device, make_script
from max_for_live.live12 import BARS, PLACES
from max_for_live.picture import draw_device, text_width
from riffsidecar.control.osc import DEFAULT_PORT
from riffsidecar.control.osc_table import ADDRESSES, ANSWERS
from riffsidecar.session.commands import RELEASE
from riffsidecar.session.knobs import KNOBS, default_ccs
from riffsidecar.session.pads import FIRST_NOTE, NUM_PADS

sys.path.insert(0, str(Path(__file__).parent))
from read_amxd import read_chunks, read_frozen, read_patcher

Box = dict[str, Any]

STRIP_HEIGHT = 169
AUTOMATED, STORED, HIDDEN = 0, 1, 2
MAIN, LIVE11, PADS, LAUNCHER = DEVICES
WITH_PADS = (MAIN, LIVE11)
KIND = {MAIN: b"aaaa", LIVE11: b"aaaa", PADS: b"mmmm", LAUNCHER: b"aaaa"}
VERSIONS = {
    MAIN: ("12.2", "9"),
    LIVE11: ("11.3.25", "8.6"),
    PADS: ("11.3.25", "8.6"),
    LAUNCHER: ("11.3.25", "8.6"),
}
# Objects that came with Max 9 or need a file would keep a device from Live 11.
NEWER = re.compile(r"^(v8|v8ui|js|jsui|node[.]script|array[.]|string[.])")

PATCHERS = {name: read_patcher((FOLDER / name).read_bytes()) for name in DEVICES}


def boxes_of(name: str) -> dict[str, Box]:
    return {entry["box"]["id"]: entry["box"] for entry in PATCHERS[name]["boxes"]}


def value_of(box: Box) -> Box:
    return dict(box["saved_attribute_attributes"]["valueof"])


def parameters_of(name: str) -> dict[str, Box]:
    """Return the parameters by the name that Live stores them under."""
    found = [box for box in boxes_of(name).values() if box.get("parameter_enable")]
    named = {value_of(box)["parameter_longname"]: box for box in found}
    assert len(named) == len(found), "two parameters share a name"
    return named


def presented(name: str) -> dict[str, list[int]]:
    boxes = boxes_of(name).items()
    return {key: box["presentation_rect"] for key, box in boxes if box.get("presentation")}


def objects_of(name: str) -> list[str]:
    """Return what is written in the object boxes, and the class of all others."""
    return [
        box["text"] if box["maxclass"] == "newobj" else box["maxclass"] for box in boxes_of(name).values()
    ]


def follow(name: str) -> dict[tuple[str, int], list[str]]:
    """Return where each outlet leads."""
    found: dict[tuple[str, int], list[str]] = {}
    for line in PATCHERS[name]["lines"]:
        source, outlet = line["patchline"]["source"]
        found.setdefault((source, outlet), []).append(line["patchline"]["destination"][0])
    return found


@pytest.mark.parametrize("name", DEVICES)
def test_the_committed_device_is_what_its_sources_make(name: str) -> None:
    assert (FOLDER / name).read_bytes() == build_device(name), "run: python -m max_for_live.build"


def test_one_command_builds_every_device_that_is_there() -> None:
    assert {path.name for path in FOLDER.glob("*.amxd")} == set(DEVICES)


@pytest.mark.parametrize("name", DEVICES)
def test_the_container_says_what_kind_of_device_it_is(name: str) -> None:
    (ampf, kind), (meta, frozen), (ptch, payload) = read_chunks((FOLDER / name).read_bytes())
    assert (ampf, meta, ptch) == ("ampf", "meta", "ptch")
    assert kind == KIND[name]
    assert PATCHERS[name]["project"]["amxdtype"] == int.from_bytes(kind, "big")
    is_frozen = name == LAUNCHER
    assert frozen == bytes([7 if is_frozen else 0, 0, 0, 0]) and payload.startswith(b"mx@c") == is_frozen


def test_the_launcher_carries_its_script_as_a_file_on_disk_and_the_others_carry_none() -> None:
    device, script = read_frozen(dict(read_chunks((FOLDER / LAUNCHER).read_bytes()))["ptch"])
    assert (device.name, device.sort, device.flag) == (LAUNCHER, "JSON", 17)
    assert (script.name, script.sort, script.flag) == ("riffsidecar-launcher.js", "TEXT", 8)
    assert f"let port = {DEFAULT_PORT};".encode() in script.data
    assert [each["name"] for each in PATCHERS[LAUNCHER]["dependency_cache"]] == [script.name]
    assert any(text.startswith(f"node.script {script.name}") for text in objects_of(LAUNCHER))
    for name in (MAIN, LIVE11, PADS):
        assert PATCHERS[name]["dependency_cache"] == []


@pytest.mark.parametrize("name", DEVICES)
def test_the_versions_that_a_device_needs_are_told(name: str) -> None:
    patcher = PATCHERS[name]
    assert (patcher["minimum_live_version"], patcher["minimum_max_version"]) == VERSIONS[name]
    assert patcher["appversion"]["major"] == int(VERSIONS[name][1][0])


def test_the_main_device_holds_its_script_inside() -> None:
    (script,) = (box for box in boxes_of(MAIN).values() if box["maxclass"] == "v8.codebox")
    assert script["filename"] == "none"
    assert script["code"].replace("\r\n", "\n") == make_script()


@pytest.mark.parametrize("name", [LIVE11, PADS])
def test_the_devices_for_live_11_are_made_of_objects_that_max_8_has(name: str) -> None:
    assert [text for text in objects_of(name) if NEWER.match(text)] == []


@pytest.mark.parametrize("name", DEVICES)
def test_every_cord_joins_an_outlet_and_an_inlet_that_are_there(name: str) -> None:
    boxes = boxes_of(name)
    assert len(boxes) == len(PATCHERS[name]["boxes"])
    lines = [json.dumps(line["patchline"]) for line in PATCHERS[name]["lines"]]
    assert len(set(lines)) == len(lines), "two cords join the same"
    for line in PATCHERS[name]["lines"]:
        (source, outlet), (target, inlet) = line["patchline"]["source"], line["patchline"]["destination"]
        assert outlet < boxes[source]["numoutlets"] and inlet < boxes[target]["numinlets"], line
    for box in boxes.values():
        assert len(box.get("outlettype", ())) == box["numoutlets"]


@pytest.mark.parametrize("name", [MAIN, LIVE11, LAUNCHER])
def test_the_sound_of_the_track_passes_through(name: str) -> None:
    lines = [line["patchline"] for line in PATCHERS[name]["lines"]]
    for side in (0, 1):
        assert {"source": ["obj-plugin", side], "destination": ["obj-plugout", side]} in lines


def test_the_notes_of_the_track_pass_through_the_midi_effect() -> None:
    assert "obj-midi-out" in follow(PADS)["obj-midi-in", 0]


@pytest.mark.parametrize("name", DEVICES)
def test_everything_seen_lies_on_whole_pixels_inside_the_strip_and_on_nothing_else(name: str) -> None:
    patcher, rects = PATCHERS[name], presented(name)
    assert patcher["openinpresentation"] == 1 and rects
    assert patcher["openrect"] == [0, 0, patcher["devicewidth"], STRIP_HEIGHT]
    for x, y, width, height in rects.values():
        assert all(isinstance(number, int) for number in (x, y, width, height))
        assert 0 <= x < x + width <= patcher["devicewidth"] and 0 <= y < y + height <= STRIP_HEIGHT
    for (one, (ax, ay, aw, ah)), (other, (bx, by, bw, bh)) in itertools.combinations(rects.items(), 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay, f"{one} lies on {other}"


@pytest.mark.parametrize("name", DEVICES)
def test_every_text_fits_its_box(name: str) -> None:
    for box in boxes_of(name).values():
        if box.get("presentation") and box["maxclass"] in ("live.text", "live.comment"):
            width = box["presentation_rect"][2]
            assert text_width(box["text"], box.get("fontsize", 10.0)) <= width, box["id"]


@pytest.mark.parametrize("name", DEVICES)
def test_every_parameter_has_a_name_of_its_own_and_an_info_text(name: str) -> None:
    parameters = parameters_of(name)
    for longname, box in parameters.items():
        value = value_of(box)
        assert not re.search(r"\[\d+\]$", longname)
        assert box["annotation_name"] == longname and box["annotation"] == value["parameter_info"] != ""
        shown = [longname, value["parameter_shortname"], 0]
        assert PATCHERS[name]["parameters"][box["id"]] == shown
        is_blob = value["parameter_type"] == 3
        assert is_blob or value["parameter_initial_enable"] == 1
    assert len({box["varname"] for box in parameters.values()}) == len(parameters)


@pytest.mark.parametrize("name", DEVICES)
def test_buttons_are_hidden_from_live_or_each_click_would_be_a_step_of_undo(name: str) -> None:
    for longname, box in parameters_of(name).items():
        if box["maxclass"] != "live.text":
            continue
        is_button = box["mode"] == 0
        assert value_of(box)["parameter_invisible"] == (HIDDEN if is_button else STORED), longname


@pytest.mark.parametrize("name", DEVICES)
def test_nothing_that_the_patch_shows_by_itself_is_a_parameter_that_live_stores(name: str) -> None:
    shown = {"light", "status", "bank"} & {box.get("varname") for box in boxes_of(name).values()}
    stored = {
        box["varname"]
        for box in parameters_of(name).values()
        if value_of(box)["parameter_invisible"] != HIDDEN
    }
    assert shown & stored == set()


@pytest.mark.parametrize("name", WITH_PADS)
def test_pad_1_is_at_the_lower_left_and_pad_16_at_the_upper_right(name: str) -> None:
    parameters = parameters_of(name)
    places = [parameters[f"Pad {number}"]["presentation_rect"][:2] for number in range(1, NUM_PADS + 1)]
    assert places == sorted(places, key=lambda place: (-place[1], place[0]))


def test_every_pad_triggers_its_own_number() -> None:
    for number in range(1, NUM_PADS + 1):
        (hit,) = follow(MAIN)[f"obj-pad{number}", 0]
        assert boxes_of(MAIN)[hit]["text"] == f"pad {number}" and follow(MAIN)[hit, 0] == ["obj-script"]


@pytest.mark.parametrize("name", WITH_PADS)
def test_what_live_may_automate_is_the_knob_table(name: str) -> None:
    parameters = parameters_of(name)
    automated = [n for n, box in parameters.items() if value_of(box)["parameter_invisible"] == AUTOMATED]
    assert automated == [knob.capitalize() for knob in KNOBS]
    for knob in KNOBS.values():
        box = parameters[knob.name.capitalize()]
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


@pytest.mark.parametrize("name", DEVICES)
def test_ports_are_stored_with_the_set_and_fit(name: str) -> None:
    ports = [value_of(box) for box in parameters_of(name).values() if box["maxclass"] == "live.numbox"]
    for value in ports:
        assert value["parameter_invisible"] == STORED
        # An integer parameter of Live ends at 255.
        assert value["parameter_type"] == 0 and value["parameter_mmax"] == 65535
    (sent,) = [text for text in objects_of(name) if text.startswith("udpsend")] or [
        f"udpsend 127.0.0.1 {DEFAULT_PORT}"
    ]
    assert sent == f"udpsend 127.0.0.1 {DEFAULT_PORT}"


def test_no_two_devices_begin_at_the_same_reply_port() -> None:
    heard = [
        text.split()[1] for name in DEVICES for text in objects_of(name) if text.startswith("udpreceive")
    ]
    assert len(set(heard)) == len(heard) == 3 and str(REPLY_PORT) in heard and str(DEFAULT_PORT) not in heard
    assert all(
        text.endswith("@defer 1") for name in DEVICES for text in objects_of(name) if "udpreceive" in text
    )


@pytest.mark.parametrize("name", WITH_PADS)
def test_controllers_get_the_knobs_in_banks_of_eight(name: str) -> None:
    banks = PATCHERS[name]["parameters"]["parameterbanks"]
    assert [bank["index"] for bank in banks.values()] == [int(key) for key in banks]
    assert all(len(bank["parameters"]) == 8 for bank in banks.values())
    shown = [each for bank in banks.values() for each in bank["parameters"] if each != "-"]
    assert shown == [knob.capitalize() for knob in KNOBS] and set(shown) <= set(parameters_of(name))


@pytest.mark.parametrize("name", DEVICES)
def test_nothing_is_named_beyond_the_device(name: str) -> None:
    shared = re.compile(r"(send~?|receive~?|s|r|buffer~|groove~|coll|dict|value|v) (?!---)")
    assert [text for text in objects_of(name) if shared.match(text)] == []


@pytest.mark.parametrize("name", DEVICES)
def test_nothing_is_printed_and_nothing_waits_for_the_sound_to_be_on(name: str) -> None:
    assert [text for text in objects_of(name) if re.match(r"(print|loadbang|loadmess)\b", text)] == []


@pytest.mark.parametrize("name", DEVICES)
def test_no_message_has_a_comma_or_a_semicolon_where_max_would_begin_another(name: str) -> None:
    messages = [box["text"] for box in boxes_of(name).values() if box["maxclass"] == "message"]
    assert [text for text in messages if re.search("[,;]", text)] == []


def test_the_menus_of_the_main_device_are_those_of_its_script() -> None:
    script = make_script()
    assert value_of(parameters_of(MAIN)["Loops to"])["parameter_enum"] == list(PLACES)
    assert all(
        re.search(rf'^  ("{re.escape(place)}"|{re.escape(place)}): ', script, re.MULTILINE)
        for place in PLACES
    )
    names = value_of(parameters_of(MAIN)["Bars"])["parameter_enum"]
    assert BARS[0] == RELEASE and len(names) == len(BARS)
    assert [str(each) for each in BARS[3:]] == names[3:]


def test_every_address_in_a_device_is_one_of_the_table() -> None:
    used = set(re.findall(r"\bOSC\.(\w+)", make_script()))
    assert {"hello", "ping", "pad", "tempo", "meter", "key", "transport", "done"} <= used
    assert {f"/riff/{name}" for name in used} <= {*ADDRESSES, *ANSWERS}
    assert '"/riff' not in make_script().split("inlets = 1")[1]
    for name in (LIVE11, PADS):
        words = {word for box in boxes_of(name).values() for word in box.get("text", "").split()}
        written = {word for word in words if word.startswith("/riff/")}
        assert written and written <= {*ADDRESSES, *ANSWERS}


def test_the_notes_and_controllers_of_the_midi_effect_are_those_of_the_tables() -> None:
    (notes,) = (text for text in objects_of(PADS) if text.startswith(f"route {FIRST_NOTE} "))
    assert notes.split()[1:] == [str(FIRST_NOTE + place) for place in range(NUM_PADS)]
    (controllers,) = (text for text in objects_of(PADS) if text.startswith("route 70 "))
    assert controllers.split()[1:] == [str(cc) for cc in default_ccs()]


@pytest.mark.parametrize("name", DEVICES)
def test_the_device_can_be_looked_at(name: str) -> None:
    picture = draw_device(PATCHERS[name], name)
    assert isinstance(picture, Image.Image) and picture.size[0] == 2 * PATCHERS[name]["devicewidth"]
    colours = picture.getcolors(1 << 20)
    assert colours is not None and len(colours) > 8


@pytest.mark.parametrize("name", DEVICES)
def test_py2max_finds_nothing_wrong_with_the_patcher(name: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("py2max") is None:
        if os.environ.get("RIFFSIDECAR_REQUIRE_CLIENTS") == "1":
            pytest.fail("py2max is not installed, and CI needs it: pip install py2max")
        pytest.skip("py2max is not installed")
    patch = tmp_path / "device.maxpat"
    patch.write_text(json.dumps({"patcher": PATCHERS[name]}), encoding="utf-8")
    command = [sys.executable, "-m", "py2max", "validate", str(patch)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
