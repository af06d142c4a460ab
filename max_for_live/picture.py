"""Draw the presentation view of a device, as near to Live's look as can be without Live.

``python -m max_for_live.picture FOLDER`` draws every device. Nothing of it is part of a device: it shows
what the layout comes to, and a test looks whether everything is readable.
"""

from __future__ import annotations

import json
import math
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from PIL import Image, ImageDraw, ImageFont

from max_for_live.build import DEVICES, build_device
from max_for_live.patcher import HEIGHT, Box
from riffsidecar.session.presets import load_bank, packaged_presets

__all__ = ["draw_device", "main", "read_patcher", "text_width"]

_SCALE = 2
_TITLE = 18
_SURFACE = (82, 82, 82)
_TITLE_BAR = (52, 52, 52)
_FIELD = (42, 42, 42)
_BUTTON = (58, 58, 58)
_ON = (255, 173, 86)
_INK = (212, 212, 212)
_DARK_INK = (20, 20, 20)
_VALUE = (255, 173, 86)
_FAINT = 0.4
_OFF_SURFACE = (59, 59, 59)

Rgb = tuple[int, int, int]
Shown = Mapping[str, Mapping[str, Any]]
"""What a script has made of a box, by its name: the same messages that Max would get."""


def read_patcher(data: bytes) -> Box:
    """Return the patcher of an unfrozen or frozen device."""
    at = 0
    while at < len(data):
        tag, size = struct.unpack_from("<4sI", data, at)
        payload = data[at + 8 : at + 8 + size]
        at += 8 + size
        if tag == b"ptch":
            start = payload.index(b"{")
            return dict(json.loads(payload[start : payload.index(b"\0", start)])["patcher"])
    raise ValueError("the device has no patcher")


def text_width(text: str, size: float) -> float:
    """Return how many pixels of the layout a text takes."""
    return float(_font(size).getlength(text)) / _SCALE


def draw_device(patcher: Box, title: str, shown: Shown = MappingProxyType({})) -> Image.Image:
    """Return a picture of the device, twice as large as in Live, under its title."""
    width = patcher["openrect"][2]
    image = Image.new("RGB", (width * _SCALE, (HEIGHT + _TITLE) * _SCALE), _SURFACE)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, width * _SCALE, _TITLE * _SCALE), fill=_TITLE_BAR)
    _text(pen, (6, 0, width, _TITLE), title, 10, _INK)
    boxes = [entry["box"] for entry in patcher["boxes"] if entry["box"].get("presentation")]
    for box in sorted(boxes, key=lambda each: -int(each.get("background", 0))):
        drawn = {**box, **shown.get(box.get("varname", ""), {})}
        x, y, w, h = box["presentation_rect"]
        _DRAWN[box["maxclass"]](pen, (x, y + _TITLE, w, h), drawn)
    return image


def main() -> int:
    """Draw every device into a folder, pads in the colours of a bank."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    folder.mkdir(parents=True, exist_ok=True)
    for name in DEVICES:
        title = name.removesuffix(".amxd")
        image = draw_device(
            read_patcher(build_device(name)), title, _playing() if name == "Riffsidecar.amxd" else {}
        )
        image.quantize(128).save(folder / f"{title}.png", optimize=True)
    return 0


def _playing() -> dict[str, dict[str, Any]]:
    """Return what the main device shows in the middle of a session."""
    bank = load_bank(packaged_presets() / "house.toml")
    shown: dict[str, dict[str, Any]] = {
        "status": {"text": "piano stabs: denoise, 62 %, 2 s left"},
        "light": {"textcolor": [0.3, 0.8, 0.35, 1.0]},
        "bank": {"items": [bank.title]},
        "prompt-b": {"text": "acid bass, squelchy 303"},
    }
    for number, pad in enumerate(bank.pads, 1):
        own = tuple(int(pad.color[at : at + 2], 16) / 255 for at in (1, 3, 5))
        fill = [_FAINT * part + (1 - _FAINT) * off / 255 for part, off in zip(own, _OFF_SURFACE, strict=True)]
        text = pad.name
        if number in (1, 2, 5):
            fill = list(own)
        if number == 3:
            fill, text = [0.98, 0.7, 0.2], "62 %"
        if number == 8:
            fill = [0.9, 0.2, 0.15]
        bright = 0.3 * fill[0] + 0.6 * fill[1] + 0.1 * fill[2] > 0.5
        ink = [0.05] * 3 if bright else [1.0] * 3
        shown[f"pad{number}"] = {"text": text, "activebgcolor": [*fill, 1.0], "activetextcolor": [*ink, 1.0]}
    return shown


def _font(size: float) -> Any:
    return ImageFont.load_default(size=size * _SCALE)


def _rgb(parts: Sequence[float], beneath: Rgb = _SURFACE) -> Rgb:
    alpha = parts[3] if len(parts) > 3 else 1.0
    red, green, blue = (
        round(255 * part * alpha + under * (1 - alpha))
        for part, under in zip(parts[:3], beneath, strict=True)
    )
    return red, green, blue


def _frame(rect: Sequence[int]) -> tuple[int, int, int, int]:
    x, y, w, h = rect
    return x * _SCALE, y * _SCALE, (x + w) * _SCALE - 1, (y + h) * _SCALE - 1


def _text(
    pen: ImageDraw.ImageDraw, rect: Sequence[int], text: str, size: float, ink: Rgb, side: int = 0
) -> None:
    """Write a text, cut where the box ends: at the left, in the middle or at the right."""
    x, y, w, h = rect
    while text and text_width(text, size) > w:
        text = text[:-1]
    left = x + (w - text_width(text, size)) * side / 2
    pen.text((left * _SCALE, (y + h / 2) * _SCALE), text, fill=ink, font=_font(size), anchor="lm")


def _comment(pen: ImageDraw.ImageDraw, rect: Sequence[int], box: Box) -> None:
    ink = _rgb(box["textcolor"]) if "textcolor" in box else _INK
    if box["text"] == "\u25cf":
        x, y, w, h = rect
        pen.ellipse(_frame((x + w // 2 - 5, y + h // 2 - 5, 10, 10)), fill=ink)
        return
    _text(pen, rect, box["text"], box.get("fontsize", 10.0), ink, box.get("textjustification", 0))


def _panel(pen: ImageDraw.ImageDraw, rect: Sequence[int], box: Box) -> None:
    pen.rectangle(_frame(rect), fill=_rgb(box["bgcolor"]))


def _live_text(pen: ImageDraw.ImageDraw, rect: Sequence[int], box: Box) -> None:
    value = box["saved_attribute_attributes"]["valueof"]
    is_on = box["mode"] == 1 and value["parameter_initial"] == [1]
    fill = _rgb(box["activebgcolor"]) if "activebgcolor" in box else _ON if is_on else _BUTTON
    ink = _rgb(box["activetextcolor"]) if "activetextcolor" in box else _DARK_INK if is_on else _INK
    pen.rounded_rectangle(_frame(rect), radius=3, fill=fill, outline=_DARK_INK)
    _text(pen, rect, box["text"], box.get("fontsize", 10.0), ink, 1)


def _dial(pen: ImageDraw.ImageDraw, rect: Sequence[int], box: Box) -> None:
    x, y, w, _ = rect
    value = box["saved_attribute_attributes"]["valueof"]
    low, high, at = value["parameter_mmin"], value["parameter_mmax"], value["parameter_initial"][0]
    _text(pen, (x, y, w, 14), value["parameter_shortname"], 9.0, _INK, 1)
    frame = (x + w // 2 - 11, y + 15, 22, 22)
    turn = (at - low) / (high - low)
    pen.arc(_frame(frame), 135, 405, fill=_DARK_INK, width=6)
    pen.arc(_frame(frame), 135, 135 + 270 * turn, fill=_VALUE, width=6)
    centre = ((frame[0] + 11) * _SCALE, (frame[1] + 11) * _SCALE)
    angle = math.radians(135 + 270 * turn)
    tip = (centre[0] + 18 * math.cos(angle), centre[1] + 18 * math.sin(angle))
    pen.line((*centre, *tip), fill=_INK, width=3)
    _text(pen, (x, y + 37, w, 13), f"{at:.2f}", 9.0, _INK, 1)


def _menu(pen: ImageDraw.ImageDraw, rect: Sequence[int], box: Box) -> None:
    value = box["saved_attribute_attributes"].get("valueof")
    text = value["parameter_enum"][int(value["parameter_initial"][0])] if value else box["items"][0]
    x, y, w, h = rect
    pen.rounded_rectangle(_frame(rect), radius=3, fill=_FIELD)
    _text(pen, (x + 5, y, w - 16, h), text, 9.0, _INK)
    middle = (y + h / 2) * _SCALE
    right = (x + w - 5) * _SCALE
    pen.polygon([(right - 10, middle - 3), (right, middle - 3), (right - 5, middle + 4)], fill=_INK)


def _numbox(pen: ImageDraw.ImageDraw, rect: Sequence[int], box: Box) -> None:
    pen.rounded_rectangle(_frame(rect), radius=3, fill=_FIELD)
    value = box["saved_attribute_attributes"]["valueof"]["parameter_initial"][0]
    _text(pen, rect, f"{value:g}", 9.0, _VALUE, 1)


def _textedit(pen: ImageDraw.ImageDraw, rect: Sequence[int], box: Box) -> None:
    x, y, w, h = rect
    pen.rounded_rectangle(_frame(rect), radius=4, fill=_FIELD)
    _text(pen, (x + 6, y, w - 12, h), box["text"], box["fontsize"], _INK)


_DRAWN: Final[Mapping[str, Callable[[ImageDraw.ImageDraw, Sequence[int], Box], None]]] = MappingProxyType(
    {
        "live.comment": _comment,
        "live.dial": _dial,
        "live.menu": _menu,
        "live.numbox": _numbox,
        "live.text": _live_text,
        "panel": _panel,
        "textedit": _textedit,
        "umenu": _menu,
    }
)

if __name__ == "__main__":
    sys.exit(main())
