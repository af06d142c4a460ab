"""The patcher of the device: its boxes, where they lie, its parameters and its cords, as the JSON of Max.

Every box that a person sees lies on whole pixels in a strip of 169, and tells Live's Info View what it does.
What Live may automate is the knob table; the pads are hidden from Live, or each click would be an Undo step.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from riffsidecar.session.knobs import KNOBS, Knob
from riffsidecar.session.pads import NUM_PADS

__all__ = ["AUDIO_EFFECT", "Ports", "initial_value", "make_patcher"]

AUDIO_EFFECT: Final = b"aaaa"

Box = dict[str, Any]
Rect = tuple[int, int, int, int]
Arity = tuple[int, int, Sequence[str]]
"""Inlets, outlets, and what each outlet sends."""

_HEIGHT = 169
_MARGIN = 8
_TOP = 30
_PAD = (72, 28)
_PADS_PER_ROW = 4
_KNOB = (48, 48)
_KNOBS_PER_ROW = 4
_GAP = 4
_KNOBS_LEFT = _MARGIN + _PADS_PER_ROW * (_PAD[0] + _GAP) + _MARGIN
_WIDTH = _KNOBS_LEFT + _KNOBS_PER_ROW * (_KNOB[0] + _GAP) - _GAP + _MARGIN
_BOTTOM = 146
_LIGHT_WIDTH = 16
_PORT_WIDTH = 44
_PORT_LABEL_WIDTH = 60

_FLOAT, _ENUM = 0, 2
_AUTOMATED, _STORED, _HIDDEN = 0, 1, 2
_AS_INT, _AS_FLOAT = 0, 1
_BANK_SIZE = 8
_ARITY: Final[Mapping[str, Arity]] = {
    "live.dial": (1, 2, ("", "float")),
    "live.menu": (1, 3, ("", "", "float")),
    "live.numbox": (1, 2, ("", "float")),
    "live.text": (1, 2, ("", "")),
}
_BUTTON = 0
_RED = [0.9, 0.2, 0.15, 1.0]

# Max wants dates in its project; a fixed one (2026-01-01, in seconds from 1904) keeps the bytes the same.
_DATE = 3850070400


@dataclass(frozen=True, slots=True)
class Ports:
    """The UDP ports that a new device begins with: the daemon's, and the one it hears answers at."""

    daemon: int
    reply: int


@dataclass(slots=True)
class _Patch:
    boxes: list[Box] = field(default_factory=list)
    cords: list[tuple[str, int, str, int]] = field(default_factory=list)

    def add(self, name: str, maxclass: str, arity: Arity, **attributes: Any) -> str:
        """Add a box, in rows of four in the patching view, and return its id."""
        inlets, outlets, types = arity
        box: Box = {
            "id": f"obj-{name}",
            "maxclass": maxclass,
            "numinlets": inlets,
            "numoutlets": outlets,
            "patching_rect": [16 + 240 * (len(self.boxes) % 4), 16 + 32 * (len(self.boxes) // 4), 220, 22],
            **attributes,
        }
        if outlets:
            box["outlettype"] = list(types)
        self.boxes.append({"box": box})
        return str(box["id"])

    def object(self, name: str, text: str, arity: Arity) -> str:
        return self.add(name, "newobj", arity, text=text)

    def label(self, name: str, rect: Rect, text: str, **attributes: Any) -> str:
        shown = {"presentation": 1, "presentation_rect": list(rect), "textjustification": 0}
        return self.add(name, "live.comment", (1, 0, ()), text=text, varname=name, **shown, **attributes)

    def parameter(
        self, name: str, maxclass: str, rect: Rect, longname: str, info: str, value: Box, **attributes: Any
    ) -> str:
        """Add a control of Live; ``value`` holds its type, range, initial value and visibility."""
        named = {
            "parameter_longname": longname,
            "parameter_shortname": longname,
            "parameter_annotation_name": longname,
            "parameter_info": info,
            "parameter_initial_enable": 1,
            "parameter_modmode": 0,
        }
        return self.add(
            name,
            maxclass,
            _ARITY[maxclass],
            annotation=info,
            annotation_name=longname,
            parameter_enable=1,
            presentation=1,
            presentation_rect=list(rect),
            saved_attribute_attributes={"valueof": {**named, **value}},
            varname=name,
            **attributes,
        )

    def connect(self, *chain: str) -> None:
        """Connect the first outlet of each box to the first inlet of the next."""
        self.cords += [(source, 0, target, 0) for source, target in itertools.pairwise(chain)]


def initial_value(knob: Knob) -> float:
    """Return where the dial of a knob begins; in the middle where the model is free.

    >>> initial_value(KNOBS["guidance"]), initial_value(KNOBS["energy"]), initial_value(KNOBS["quality"])
    (2.0, 0.5, 1.0)
    """
    if isinstance(knob.default, str):
        return float(knob.choices.index(knob.default))
    return float((knob.minimum + knob.maximum) / 2 if knob.default is None else knob.default)


def make_patcher(script: str, ports: Ports) -> dict[str, Any]:
    """Return the patcher around a script, with the controls that the tables ask for."""
    patch = _Patch()
    code = patch.add(
        "script",
        "v8.codebox",
        (1, 2, ("", "")),
        code=script.replace("\n", "\r\n"),
        filename="none",
        fontface=0,
        fontname="<Monospaced>",
        fontsize=12.0,
        saved_object_attributes={"parameter_enable": 0},
    )
    _add_audio(patch)
    _add_wires(patch, code, ports)
    _add_status(patch, code, ports)
    for number in range(1, NUM_PADS + 1):
        _add_pad(patch, code, number)
    for place, knob in enumerate(KNOBS.values()):
        _add_knob(patch, code, knob, place)
    return {"patcher": _document(patch)}


def _add_audio(patch: _Patch) -> None:
    source, target = (
        patch.object(name, f"{name}~", (2, 2, ("signal", "signal"))) for name in ("plugin", "plugout")
    )
    patch.cords += [(source, side, target, side) for side in (0, 1)]


def _add_wires(patch: _Patch, code: str, ports: Ports) -> None:
    ready = patch.object("ready", "live.thisdevice", (1, 3, ("bang", "int", "int")))
    sender = patch.object("send", f"udpsend 127.0.0.1 {ports.daemon}", (1, 0, ()))
    receiver = patch.object("receive", f"udpreceive {ports.reply} @defer 1", (1, 1, ("",)))
    patch.connect(ready, code, sender)
    patch.connect(receiver, code)
    patch.cords.append((code, 1, receiver, 0))


def _add_status(patch: _Patch, code: str, ports: Ports) -> None:
    """Add the light, the line of text, the bank's title, and the port that answers come to."""
    left, right = _MARGIN + _LIGHT_WIDTH, _WIDTH - _MARGIN
    port_left = right - _PORT_WIDTH
    label_left = port_left - _PORT_LABEL_WIDTH
    patch.label("light", (_MARGIN, 5, _LIGHT_WIDTH, 18), "\u25cf", textcolor=_RED)
    # A long error may take a second line here.
    patch.label("status", (left, 2, right - left, 27), "riffsidecar", fontsize=9.0)
    patch.label("bank", (_KNOBS_LEFT, _BOTTOM, label_left - _KNOBS_LEFT, 18), "")
    patch.label("port-label", (label_left, _BOTTOM, _PORT_LABEL_WIDTH, 18), "Reply port")
    number = patch.parameter(
        "port",
        "live.numbox",
        (port_left, _BOTTOM, _PORT_WIDTH, 15),
        "Reply port",
        "The UDP port that riffsidecar answers this device at. Each device of a set needs its own.",
        {
            "parameter_type": _FLOAT,
            "parameter_unitstyle": _AS_INT,
            "parameter_mmin": 1024.0,
            "parameter_mmax": 65535.0,
            "parameter_initial": [float(ports.reply)],
            "parameter_invisible": _STORED,
        },
    )
    patch.connect(number, patch.object("port-message", "prepend port", (1, 1, ("",))), code)


def _add_pad(patch: _Patch, code: str, number: int) -> None:
    """Add a pad; pad 1 is at the lower left, as on a pad controller."""
    row, column = divmod(number - 1, _PADS_PER_ROW)
    width, height = _PAD
    x = _MARGIN + column * (width + _GAP)
    y = _TOP + (NUM_PADS // _PADS_PER_ROW - 1 - row) * (height + _GAP)
    button = patch.parameter(
        f"pad{number}",
        "live.text",
        (x, y, width, height),
        f"Pad {number}",
        f"Asks riffsidecar for the loop of pad {number} of its bank, and puts it into this track.",
        {
            "parameter_type": _ENUM,
            "parameter_enum": ["off", "on"],
            "parameter_mmax": 1,
            "parameter_initial": [0],
            "parameter_invisible": _HIDDEN,
        },
        mode=_BUTTON,
        text=str(number),
        texton=str(number),
    )
    hit = patch.add(f"pad{number}-message", "message", (2, 1, ("",)), text=f"pad {number}")
    patch.connect(button, hit, code)


def _add_knob(patch: _Patch, code: str, knob: Knob, place: int) -> None:
    row, column = divmod(place, _KNOBS_PER_ROW)
    width, height = _KNOB
    x, y = _KNOBS_LEFT + column * (width + _GAP), _TOP + row * (height + 16)
    longname = knob.name.capitalize()
    info = f"{knob.help[:1].upper()}{knob.help[1:]}. At its default it leaves the choice to the pad."
    value: Box = {"parameter_initial": [initial_value(knob)], "parameter_invisible": _AUTOMATED}
    if knob.choices:
        value |= {
            "parameter_type": _ENUM,
            "parameter_enum": list(knob.choices),
            "parameter_mmax": len(knob.choices) - 1,
        }
        patch.label(f"{knob.name}-label", (x, y, width, 18), longname)
        control = patch.parameter(knob.name, "live.menu", (x, y + 20, width, 15), longname, info, value)
    else:
        value |= {
            "parameter_type": _FLOAT,
            "parameter_unitstyle": _AS_FLOAT,
            "parameter_mmin": float(knob.minimum),
            "parameter_mmax": float(knob.maximum),
        }
        control = patch.parameter(knob.name, "live.dial", (x, y, width, height), longname, info, value)
    message = patch.object(f"{knob.name}-message", f"prepend knob {knob.name}", (1, 1, ("",)))
    patch.connect(control, message, code)


def _parameters(boxes: Sequence[Box]) -> Box:
    """Return the list of parameters, and the banks of eight that Push and other controllers show."""
    listed: Box = {}
    for box in (entry["box"] for entry in boxes):
        if box.get("parameter_enable"):
            value = box["saved_attribute_attributes"]["valueof"]
            listed[box["id"]] = [value["parameter_longname"], value["parameter_shortname"], 0]
    names = [name.capitalize() for name in KNOBS]
    banks = {}
    for index, start in enumerate(range(0, len(names), _BANK_SIZE)):
        page = names[start : start + _BANK_SIZE]
        page += ["-"] * (_BANK_SIZE - len(page))
        banks[str(index)] = {"index": index, "name": f"Knobs {index + 1}", "parameters": page}
    return {**listed, "parameterbanks": banks, "inherited_shortname": 1}


def _document(patch: _Patch) -> Box:
    return {
        "fileversion": 1,
        "appversion": {"major": 9, "minor": 0, "revision": 0, "architecture": "x64", "modernui": 1},
        "classnamespace": "box",
        "rect": [100, 100, 1000, 800],
        "openrect": [0, 0, _WIDTH, _HEIGHT],
        "openinpresentation": 1,
        "default_fontsize": 10.0,
        "default_fontname": "Arial Bold",
        "gridsize": [8, 8],
        "devicewidth": _WIDTH,
        "description": "Pads and knobs for riffsidecar: prompts become loops in this track.",
        "boxes": patch.boxes,
        "lines": [
            {"patchline": {"source": [source, outlet], "destination": [target, inlet]}}
            for source, outlet, target, inlet in patch.cords
        ],
        "parameters": _parameters(patch.boxes),
        "dependency_cache": [],
        "latency": 0,
        "is_mpe": 0,
        "minimum_live_version": "12.2",
        "minimum_max_version": "9",
        "platform_compatibility": 0,
        "project": _project(),
        "autosave": 0,
    }


def _project() -> Box:
    """Return the project without which Max takes no device."""
    return {
        "version": 1,
        "creationdate": _DATE,
        "modificationdate": _DATE,
        "viewrect": [0.0, 0.0, 300.0, 500.0],
        "autoorganize": 1,
        "hideprojectwindow": 1,
        "showdependencies": 1,
        "autolocalize": 0,
        "contents": {"patchers": {}},
        "layout": {},
        "searchpath": {},
        "detailsvisible": 0,
        "amxdtype": int.from_bytes(AUDIO_EFFECT, "big"),
        "readonly": 0,
        "devpathtype": 0,
        "devpath": ".",
        "sortmode": 0,
        "viewmode": 0,
        "includepackages": 0,
    }
