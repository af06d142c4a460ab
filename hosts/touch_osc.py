"""Write the layout for TouchOSC on a phone or tablet: sixteen pads and the knobs.

The file is XML, compressed with zlib; its elements are those that TouchOSC itself writes. Each message begins
with the token that ``riffsidecar run --bind --token`` asks for.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Sequence
from typing import Final
from xml.sax.saxutils import escape

from riffsidecar.control.osc_clients import TOKEN_PREFIX
from riffsidecar.session.knobs import KNOBS, Knob, KnobValue
from riffsidecar.session.pads import NUM_PADS

__all__ = ["TOKEN", "layout_bytes", "layout_xml"]

TOKEN: Final = "riffsidecar"  # noqa: S105 - what the layout begins with; people change it
"""The token in the layout as it is shipped."""

_WIDTH, _HEIGHT = 1024, 640
_PADS_PER_ROW = 4
_PAD, _GAP, _MARGIN = 146, 10, 12
_KNOBS_LEFT = _MARGIN + _PADS_PER_ROW * (_PAD + _GAP) + 12
_ROW = (_HEIGHT - 2 * _MARGIN) // len(KNOBS)
_SPACE = uuid.UUID("6f1f2f43-6a1e-5a39-9d0b-0a6f4e2f9123")

Rgba = tuple[float, float, float, float]
Frame = tuple[int, int, int, int]
_DARK: Final[Rgba] = (0.1, 0.1, 0.12, 1)
_WHITE: Final[Rgba] = (1, 1, 1, 1)
_ROWS: Final[Sequence[Rgba]] = (
    (1, 0.35, 0.21, 1),
    (0.18, 0.42, 1, 1),
    (1, 0.82, 0.25, 1),
    (0.94, 0.36, 0.71, 1),
)


def layout_bytes() -> bytes:
    """Return the file."""
    return zlib.compress(layout_xml().encode("utf-8"), 9)


def layout_xml() -> str:
    """Return the layout before it is compressed."""
    children = [_pad(pad) for pad in range(1, NUM_PADS + 1)]
    children += [_label(f"pad {pad}", str(pad), _pad_frame(pad)) for pad in range(1, NUM_PADS + 1)]
    for place, knob in enumerate(KNOBS.values()):
        top = _MARGIN + place * _ROW
        children.append(_knob(knob, (_KNOBS_LEFT, top + 24, _WIDTH - _KNOBS_LEFT - _MARGIN, _ROW - 32)))
        children.append(_label(f"{knob.name} name", knob.name, (_KNOBS_LEFT, top, 300, 22)))
    root = _node("GROUP", "riffsidecar", (0, 0, _WIDTH, _HEIGHT), _DARK, children="".join(children))
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<lexml version='3'>{root}</lexml>"


def _pad_frame(pad: int) -> Frame:
    row, column = divmod(pad - 1, _PADS_PER_ROW)
    step = _PAD + _GAP
    return _MARGIN + column * step, _MARGIN + (_PADS_PER_ROW - 1 - row) * step, _PAD, _PAD


def _pad(pad: int) -> str:
    message = _message("/riff/pad", "RISE", [_constant("INTEGER", pad), _constant("INTEGER", 100)])
    values = _value("x", 0) + _value("touch", "false")
    more = _property("i", "buttonType", 0)
    color = _ROWS[(pad - 1) // _PADS_PER_ROW]
    return _node("BUTTON", f"pad {pad}", _pad_frame(pad), color, more, values, message)


def _knob(knob: Knob, frame: Frame) -> str:
    kind = "INTEGER" if knob.choices else "FLOAT"
    argument = _partial("VALUE", kind, "x", knob.minimum, knob.maximum)
    values = _value("x", f"{_position(knob, knob.default):g}") + _value("touch", "false")
    more = _property("i", "orientation", 1)
    message = _message(knob.osc, "ANY", [argument])
    return _node("FADER", knob.name, frame, (0.95, 0.6, 0.2, 1), more, values, message)


def _position(knob: Knob, value: KnobValue) -> float:
    position = knob.to_unit(value)
    return 0.5 if position is None else position


def _label(name: str, text: str, frame: Frame) -> str:
    more = (
        _property("b", "background", 0)
        + _property("b", "interactive", 0)
        + _property("i", "textSize", 16)
        + _color("textColor", _WHITE)
    )
    return _node("LABEL", name, frame, _DARK, more, _value("text", text))


def _message(address: str, condition: str, arguments: Sequence[str]) -> str:
    token = _partial("CONSTANT", "STRING", f"{TOKEN_PREFIX}{TOKEN}")
    return (
        "<osc><enabled>1</enabled><send>1</send><receive>0</receive><feedback>0</feedback>"
        "<connections>00001</connections>"
        f"<triggers><trigger><var><![CDATA[x]]></var><condition>{condition}</condition></trigger></triggers>"
        f"<path>{_partial('CONSTANT', 'STRING', address)}</path>"
        f"<arguments>{''.join((token, *arguments))}</arguments></osc>"
    )


def _constant(kind: str, value: int) -> str:
    return _partial("CONSTANT", kind, str(value))


def _partial(kind: str, conversion: str, value: str, low: float = 0, high: float = 1) -> str:
    return (
        f"<partial><type>{kind}</type><conversion>{conversion}</conversion><value><![CDATA[{value}]]></value>"
        f"<scaleMin>{low:g}</scaleMin><scaleMax>{high:g}</scaleMax></partial>"
    )


def _node(
    kind: str,
    name: str,
    frame: Frame,
    color: Rgba,
    more: str = "",
    values: str = "",
    messages: str = "",
    children: str = "",
) -> str:
    x, y, w, h = frame
    own = uuid.uuid5(_SPACE, f"{kind} {name}")
    place = f"<x>{x}</x><y>{y}</y><w>{w}</w><h>{h}</h>"
    properties = (
        _property("s", "name", escape(name)) + _property("r", "frame", place) + _color("color", color) + more
    )
    inner = f"<children>{children}</children>" if children else f"<messages>{messages}</messages>"
    return (
        f"<node ID='{own}' type='{kind}'><properties>{properties}</properties>"
        f"<values>{values or _value('touch', 'false')}</values>{inner}</node>"
    )


def _property(kind: str, key: str, value: object) -> str:
    text = f"<![CDATA[{value}]]>" if kind == "s" else str(value)
    return f"<property type='{kind}'><key><![CDATA[{key}]]></key><value>{text}</value></property>"


def _color(key: str, color: Rgba) -> str:
    red, green, blue, alpha = color
    return (
        f"<property type='c'><key><![CDATA[{key}]]></key><value><r>{red:g}</r><g>{green:g}</g><b>{blue:g}</b>"
        f"<a>{alpha:g}</a></value></property>"
    )


def _value(key: str, default: object) -> str:
    return (
        f"<value><key><![CDATA[{key}]]></key><locked>0</locked><lockedDefaultCurrent>0</lockedDefaultCurrent>"
        f"<default><![CDATA[{default}]]></default><defaultPull>0</defaultPull></value>"
    )
