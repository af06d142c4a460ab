"""Put a patcher of Max together: boxes, parameters of Live, cords, and the JSON that all of them become.

The shapes come from devices that Max saved; the project block is what Max takes no device without.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

__all__ = [
    "AUDIO_EFFECT",
    "HEIGHT",
    "MIDI_EFFECT",
    "Box",
    "Device",
    "Patch",
    "Rect",
    "Style",
    "Visible",
    "button",
    "choice",
    "number",
    "toggle",
]

Box = dict[str, Any]
Rect = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""
Arity = tuple[int, int, Sequence[str]]
"""Inlets, outlets, and what each outlet sends."""

HEIGHT: Final = 169
"""Of every device in Live."""

_BANK_SIZE = 8
_COLUMNS = 6
_SIGNAL = "signal"
_ARITY: Final[Mapping[str, Arity]] = {
    "*~": (2, 1, (_SIGNAL,)),
    "+~": (2, 1, (_SIGNAL,)),
    "buffer~": (1, 2, ("float", "bang")),
    "change": (1, 3, ("", "int", "int")),
    "coll": (1, 4, ("", "", "", "")),
    "deferlow": (1, 1, ("",)),
    "delay": (2, 1, ("bang",)),
    "expr": (1, 1, ("",)),
    "gate": (2, 1, ("",)),
    "groove~": (3, 3, (_SIGNAL, _SIGNAL, _SIGNAL)),
    "f": (2, 1, ("float",)),
    "i": (2, 1, ("int",)),
    "iter": (1, 1, ("",)),
    "line~": (2, 2, (_SIGNAL, "bang")),
    "live.comment": (1, 0, ()),
    "live.dial": (1, 2, ("", "float")),
    "live.menu": (1, 3, ("", "", "float")),
    "live.numbox": (1, 2, ("", "float")),
    "live.object": (2, 1, ("",)),
    "live.observer": (2, 2, ("", "")),
    "live.path": (1, 3, ("", "", "")),
    "live.text": (1, 2, ("", "")),
    "live.thisdevice": (1, 3, ("bang", "int", "int")),
    "message": (2, 1, ("",)),
    "metro": (2, 1, ("bang",)),
    "midiin": (1, 1, ("int",)),
    "midiout": (1, 0, ()),
    "midiparse": (1, 8, ("", "", "", "int", "int", "", "int", "")),
    "node.script": (1, 2, ("", "")),
    "onebang": (2, 2, ("bang", "bang")),
    "panel": (1, 0, ()),
    "pattr": (1, 3, ("", "", "")),
    "plugin~": (2, 2, (_SIGNAL, _SIGNAL)),
    "plugout~": (2, 2, (_SIGNAL, _SIGNAL)),
    "plugsync~": (1, 9, ("int", "int", "int", "float", "list", "float", "float", "int", "int")),
    "prepend": (1, 1, ("",)),
    "sig~": (1, 1, (_SIGNAL,)),
    "textedit": (1, 4, ("", "int", "", "")),
    "tosymbol": (1, 1, ("",)),
    "udpreceive": (1, 1, ("",)),
    "udpsend": (1, 0, ()),
    "umenu": (1, 3, ("int", "", "")),
    "uzi": (2, 3, ("bang", "bang", "int")),
    "zl.change": (2, 2, ("", "")),
    "zl.join": (2, 2, ("", "")),
    "zl.reg": (2, 2, ("", "")),
    "zl.rev": (2, 2, ("", "")),
    "zl.slice": (2, 2, ("", "")),
}
_LETTERS: Final[Mapping[str, str]] = {"b": "bang", "i": "int", "f": "float", "l": "", "s": "", "a": ""}

# Max wants dates in its project; a fixed one (2026-01-01, in seconds from 1904) keeps the bytes the same.
_DATE = 3850070400


AUDIO_EFFECT: Final = b"aaaa"
MIDI_EFFECT: Final = b"mmmm"
"""What a device is, in its container and its project."""


class Visible(IntEnum):
    """Say who sees a parameter; what the patch itself changes must be hidden, or it floods Undo."""

    AUTOMATED = 0
    STORED = 1
    HIDDEN = 2


class Style(IntEnum):
    """Say how Live writes a number."""

    INT = 0
    FLOAT = 1


@dataclass(frozen=True, slots=True)
class Device:
    """Say what is true of a device as a whole.

    Attributes:
        kind: the four letters of its container.
        banks: the parameters that Push and other controllers show, by the name of their page.
        live: the first version of Live that takes it, and ``max_version`` the first Max.
    """

    kind: bytes
    width: int
    description: str
    live: str
    max_version: str
    banks: Sequence[tuple[str, Sequence[str]]] = ()

    def __post_init__(self) -> None:
        """Refuse a page that no controller can show."""
        for name, page in self.banks:
            if len(page) > _BANK_SIZE:
                raise ValueError(f"bank {name} has {len(page)} parameters, but a page shows {_BANK_SIZE}")


@dataclass(slots=True)
class Patch:
    """Collect boxes and cords."""

    boxes: list[Box] = field(default_factory=list)
    cords: list[tuple[str, int, str, int]] = field(default_factory=list)

    def add(self, name: str, maxclass: str, arity: Arity | None = None, **attributes: Any) -> str:
        """Add a box, in rows in the patching view, and return its id."""
        inlets, outlets, types = arity or _ARITY[maxclass]
        place = len(self.boxes)
        box: Box = {
            "id": f"obj-{name}",
            "maxclass": maxclass,
            "numinlets": inlets,
            "numoutlets": outlets,
            "patching_rect": [16 + 240 * (place % _COLUMNS), 16 + 32 * (place // _COLUMNS), 220, 22],
            **attributes,
        }
        if outlets:
            box["outlettype"] = list(types)
        self.boxes.append({"box": box})
        return str(box["id"])

    def object(self, name: str, text: str) -> str:
        """Add an object by what is written in its box."""
        return self.add(name, "newobj", _arity_of(text), text=text)

    def message(self, name: str, text: str) -> str:
        """Add a message box."""
        return self.add(name, "message", text=text)

    def label(self, name: str, rect: Rect, text: str, **attributes: Any) -> str:
        """Add a text that people read, and cannot click."""
        shown: Box = {"presentation": 1, "presentation_rect": list(rect), "textjustification": 0}
        return self.add(name, "live.comment", text=text, varname=name, **(shown | attributes))

    def line(self, name: str, rect: Rect) -> str:
        """Add a thin line between two groups."""
        return self.add(
            name,
            "panel",
            background=1,
            mode=0,
            bgcolor=[0.0, 0.0, 0.0, 0.25],
            ignoreclick=1,
            presentation=1,
            presentation_rect=list(rect),
        )

    def parameter(
        self, name: str, maxclass: str, rect: Rect, longname: str, info: str, value: Box, **attributes: Any
    ) -> str:
        """Add a control of Live; ``value`` holds its type, range, initial value and visibility."""
        shortname = attributes.pop("shortname", longname)
        named = {
            "parameter_longname": longname,
            "parameter_shortname": shortname,
            "parameter_annotation_name": longname,
            "parameter_info": info,
            "parameter_modmode": 0,
        }
        if "parameter_initial" in value:
            named["parameter_initial_enable"] = 1
        return self.add(
            name,
            maxclass,
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

    def cord(self, source: str, outlet: int, target: str, inlet: int = 0) -> None:
        """Connect one outlet to one inlet."""
        self.cords.append((source, outlet, target, inlet))

    def document(self, device: Device) -> Box:
        """Return the patcher as Max stores it."""
        return {
            "patcher": {
                "fileversion": 1,
                "appversion": {
                    "major": int(device.max_version.split(".")[0]),
                    "minor": 0,
                    "revision": 0,
                    "architecture": "x64",
                    "modernui": 1,
                },
                "classnamespace": "box",
                "rect": [100, 100, 1500, 900],
                "openrect": [0, 0, device.width, HEIGHT],
                "openinpresentation": 1,
                "default_fontsize": 10.0,
                "default_fontname": "Arial Bold",
                "gridsize": [8, 8],
                "devicewidth": device.width,
                "description": device.description,
                "boxes": self.boxes,
                "lines": [
                    {"patchline": {"source": [source, outlet], "destination": [target, inlet]}}
                    for source, outlet, target, inlet in self.cords
                ],
                "parameters": self._parameters(device),
                "dependency_cache": [],
                "latency": 0,
                "is_mpe": 0,
                "minimum_live_version": device.live,
                "minimum_max_version": device.max_version,
                "platform_compatibility": 0,
                "project": _project(device.kind),
                "autosave": 0,
            }
        }

    def _parameters(self, device: Device) -> Box:
        """Return the list of parameters, and the banks of eight that Push and other controllers show."""
        listed: Box = {}
        for box in (entry["box"] for entry in self.boxes):
            if box.get("parameter_enable"):
                value = box["saved_attribute_attributes"]["valueof"]
                listed[box["id"]] = [value["parameter_longname"], value["parameter_shortname"], 0]
        banks = {}
        for index, (name, page) in enumerate(device.banks):
            full = [*page, *["-"] * (_BANK_SIZE - len(page))]
            banks[str(index)] = {"index": index, "name": name, "parameters": full}
        return {**listed, "parameterbanks": banks, "inherited_shortname": 1}


def number(
    minimum: float, maximum: float, initial: float, style: Style, visible: Visible = Visible.AUTOMATED
) -> Box:
    """Return the value of a parameter that is a number; an int parameter of Live ends at 255, a float not."""
    return {
        "parameter_type": 0,
        "parameter_unitstyle": int(style),
        "parameter_mmin": float(minimum),
        "parameter_mmax": float(maximum),
        "parameter_initial": [float(initial)],
        "parameter_invisible": int(visible),
    }


def choice(names: Sequence[str], initial: int = 0, visible: Visible = Visible.AUTOMATED) -> Box:
    """Return the value of a parameter that is one of a list."""
    return {
        "parameter_type": 2,
        "parameter_enum": list(names),
        "parameter_mmax": len(names) - 1,
        "parameter_initial": [initial],
        "parameter_invisible": int(visible),
    }


def toggle(*, on: bool) -> Box:
    """Return the value of a switch that is stored with the set."""
    return choice(("off", "on"), int(on), Visible.STORED)


def button() -> Box:
    """Return the value of a button; hidden, or each click would be a step of Undo."""
    return choice(("off", "on"), 0, Visible.HIDDEN)


def _arity_of(text: str) -> Arity:
    """Return the arity of an object; that of some follows from its arguments."""
    name, *words = text.split()
    arguments = list(itertools.takewhile(lambda word: not word.startswith("@"), words))
    match name:
        case "route":
            return 1 + len(arguments), 1 + len(arguments), ("",) * (1 + len(arguments))
        case "gate":
            return 2, int(arguments[0]), ("",) * int(arguments[0])
        case "sel":
            outlets = 1 + len(arguments)
            return (2 if len(arguments) == 1 else 1), outlets, ("bang",) * len(arguments) + ("",)
        case "t":
            return 1, len(arguments), tuple(_LETTERS.get(letter, "") for letter in arguments)
        case "unpack":
            kinds = {"i": "int", "0": "int", "f": "float", "0.": "float"}
            return 1, len(arguments), tuple(kinds.get(each, "") for each in arguments)
        case "pack" | "pak":
            return len(arguments), 1, ("",)
        case "pipe":
            kinds = tuple("float" if "." in each else "int" for each in arguments[:-1])
            return len(arguments), len(kinds), kinds
        case "sprintf":
            return max(1, sum(word.count("%") for word in words)), 1, ("",)
        case "expr" | "if":
            highest = max((int(digit) for digit in _digits(text)), default=1)
            return highest, 1, ("",)
    return _ARITY[name]


def _digits(text: str) -> list[str]:
    """Return the numbers of the variables of an expression: ``$f1``, ``$i2``."""
    return [text[at + 2] for at in range(len(text) - 2) if text[at] == "$" and text[at + 2].isdigit()]


def _project(kind: bytes) -> Box:
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
        "amxdtype": int.from_bytes(kind, "big"),
        "readonly": 0,
        "devpathtype": 0,
        "devpath": ".",
        "sortmode": 0,
        "viewmode": 0,
        "includepackages": 0,
    }
