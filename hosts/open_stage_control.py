"""Write the session for Open Stage Control: sixteen pads, the knobs, a prompt, and a line of what happens.

Its server runs beside the daemon and shows the session in any browser, so that a phone needs no OSC itself.
"""

from __future__ import annotations

import json
from typing import Any, Final

from riffsidecar.control.osc import DEFAULT_PORT
from riffsidecar.session.knobs import KNOBS, Knob
from riffsidecar.session.pads import NUM_PADS

__all__ = ["OSC_PORT", "TARGET", "session_json"]

TARGET: Final = f"127.0.0.1:{DEFAULT_PORT}"
OSC_PORT: Final = 9152
"""Where Open Stage Control is told to listen for OSC."""

_PADS_PER_ROW = 4
_PAD, _GAP, _MARGIN = 110, 8, 12
_COLORS = ("#ff5a36", "#2f6bff", "#ffd23f", "#f15bb5")
_KNOBS_LEFT = _MARGIN + _PADS_PER_ROW * (_PAD + _GAP) + 12
_BOTTOM = _MARGIN + _PADS_PER_ROW * (_PAD + _GAP) + 4

Widget = dict[str, Any]


def session_json() -> str:
    """Return the file."""
    widgets = [_pad(pad) for pad in range(1, NUM_PADS + 1)]
    widgets += [_knob(knob, place) for place, knob in enumerate(KNOBS.values())]
    widgets += [
        {
            **_place("prompt", _MARGIN, _BOTTOM, 472, 40),
            "type": "input",
            "address": "/riff/render",
            "align": "left",
            "comments": "Write what is to be heard, and press Enter.",
        },
        {
            **_place("hello", _KNOBS_LEFT, _BOTTOM, 80, 40),
            "type": "button",
            "label": "Hello",
            "mode": "tap",
            "address": "/riff/hello",
            "preArgs": [OSC_PORT],
            "on": "open-stage-control",
            "off": "",
            "typeTags": "is",
            "comments": "Asks riffsidecar to send its answers here.",
        },
        {
            **_place("error", _KNOBS_LEFT + 88, _BOTTOM, 300, 40),
            "type": "text",
            "address": "/riff/error",
            "value": "",
            "comments": "What went wrong.",
        },
    ]
    root = {"type": "root", "id": "root", "widgets": widgets, "tabs": []}
    session = {"createdWith": "Open Stage Control", "version": "1.25.0", "type": "session", "content": root}
    return json.dumps(session, indent=2) + "\n"


def _place(name: str, left: int, top: int, width: int, height: int) -> Widget:
    return {
        "id": name,
        "left": left,
        "top": top,
        "width": width,
        "height": height,
        "target": TARGET,
        "ignoreDefaults": True,
    }


def _pad(pad: int) -> Widget:
    row, column = divmod(pad - 1, _PADS_PER_ROW)
    step = _PAD + _GAP
    top = _MARGIN + (_PADS_PER_ROW - 1 - row) * step
    return {
        **_place(f"pad_{pad}", _MARGIN + column * step, top, _PAD, _PAD),
        "type": "button",
        "label": str(pad),
        "colorWidget": _COLORS[row],
        "mode": "tap",
        "address": "/riff/pad",
        "preArgs": [pad],
        "on": 100,
        "off": "",
        "typeTags": "ii",
    }


def _knob(knob: Knob, place: int) -> Widget:
    row, column = divmod(place, _PADS_PER_ROW)
    widget = _place(knob.name, _KNOBS_LEFT + column * 100, _MARGIN + row * 150, 92, 140)
    told = {"address": knob.osc, "comments": knob.help}
    if knob.choices:
        values = {name: index for index, name in enumerate(knob.choices)}
        return {**widget, **told, "type": "switch", "values": values, "typeTags": "i"}
    default = (knob.minimum + knob.maximum) / 2 if knob.default is None else knob.default
    return {
        **widget,
        **told,
        "type": "knob",
        "label": knob.name,
        "range": {"min": knob.minimum, "max": knob.maximum},
        "default": default,
        "decimals": 3,
        "typeTags": "f",
    }
