"""The contact sheet of a pack: one HTML file with a spectrogram of every loop inside, which plays them."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final
from urllib.parse import quote

import numpy as np

from riffsidecar.audio.waveform import Waveform
from riffsidecar.render.recipe import parse_loop
from riffsidecar.spectrogram.picture import shaded

__all__ = ["contact_sheet", "thumbnail"]

_WIDTH, _HEIGHT = 240, 80
_WINDOW: Final = 2048
_LOW_HZ, _HIGH_HZ = 40.0, 16_000.0
_FLOOR_DB: Final = -75.0
_LINE = 0xFF
_HEAD: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ background: #0e0e12; color: #c8c8cd; font: 13px/1.4 system-ui, sans-serif; margin: 1.5rem; }}
h1 {{ font-size: 1.3rem; }} h2 {{ font-size: 1rem; margin: 1.5rem 0 .5rem; }}
main section {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: .8rem; }}
figure {{ margin: 0; background: #17171d; padding: 6px; border-radius: 4px; }}
img {{ width: 100%; height: 80px; display: block; image-rendering: pixelated; }}
figcaption {{ overflow-wrap: anywhere; margin-top: 4px; }} small {{ color: #8b8b95; }}
audio {{ width: 100%; height: 28px; margin-top: 4px; }}
</style>
</head>
<body>
<h1>{title}</h1>
<p>{summary}</p>
<main>
"""


def contact_sheet(
    title: str, rows: Sequence[Mapping[str, Any]], read: Callable[[str], bytes], summary: str
) -> bytes:
    """Return the sheet of the ``rows`` of a manifest; ``read`` gives the bytes of a file of the pack.

    Raises:
        RiffError: a loop cannot be read.
    """
    parts = [_HEAD.format(title=html.escape(title), summary=html.escape(summary))]
    for group, members in groupby(rows, key=lambda row: str(row["group"])):
        parts.append(f"<h2>{html.escape(group)}</h2>\n<section>\n")
        for row in members:
            loop = parse_loop(read(row["file"]), row["file"])
            picture = thumbnail(loop.waveform, float(loop.request.bars))
            parts.append(_figure(row, base64.b64encode(picture).decode("ascii")))
        parts.append("</section>\n")
    parts.append("</main>\n</body>\n</html>\n")
    return "".join(parts).encode("utf-8")


def thumbnail(waveform: Waveform, bars: float) -> bytes:
    """Return a small spectrogram as PNG: low notes below, the loop from left to right, bars as lines."""
    # Pillow takes longer to load than all the rest of the command line.
    from PIL import Image

    mono = waveform.samples.mean(axis=0)
    wrapped = np.pad(mono, (_WINDOW // 2, _WINDOW), mode="wrap")
    starts = np.linspace(0, mono.shape[0], _WIDTH, endpoint=False).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(wrapped, _WINDOW)[starts] * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    edges = np.geomspace(_LOW_HZ, _HIGH_HZ, _HEIGHT + 1) * _WINDOW / waveform.sample_rate
    lows = np.minimum(edges[:-1].astype(int), power.shape[1] - 1)
    highs = np.minimum(np.maximum(edges[1:].astype(int), lows + 1), power.shape[1])
    bands = np.stack([power[:, low:high].max(axis=1) for low, high in zip(lows, highs, strict=True)])
    level = 10.0 * np.log10(np.maximum(bands / max(float(bands.max()), 1e-20), 10.0 ** (_FLOOR_DB / 10.0)))
    shade = np.rint((1.0 - level / _FLOOR_DB) * (_LINE - 1)).astype(np.uint8)[::-1]
    for bar in range(1, int(np.ceil(bars))):
        shade[:, min(_WIDTH - 1, round(bar * _WIDTH / bars))] = _LINE
    image = Image.fromarray(np.ascontiguousarray(shade), mode=None).convert("P")
    image.putpalette(_palette())
    out = io.BytesIO()
    image.save(out, format="PNG", optimize=True)
    return out.getvalue()


def _palette() -> list[int]:
    table = shaded(np.linspace(0.0, 1.0, 256))
    table[_LINE] = 255
    return [int(value) for value in table.ravel()]


def _figure(row: Mapping[str, Any], picture: str) -> str:
    name = str(row["file"]).rsplit("/", 1)[-1]
    told = [f"{row['bpm']:g} BPM", f"{row['bars']} bars", str(row["key"] or ""), f"{row['lufs']:g} LUFS"]
    facts = html.escape("  ".join(part for part in [*told, f"seed {row['seed']}"] if part))
    return (
        f'<figure><img alt="" src="data:image/png;base64,{picture}">'
        f'<audio controls loop preload="none" src="{html.escape(quote(str(row["file"])))}"></audio>'
        f"<figcaption>{html.escape(name)}<br><small>{html.escape(str(row['prompt']))}<br>{facts}</small>"
        "</figcaption></figure>\n"
    )
