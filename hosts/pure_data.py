"""Write the patch for Pure Data: sixteen pads, the knobs, and a voice for each pad that swaps at the bar.

It needs nothing but Pd 0.53 or later without libraries. A voice counts samples, so that its loop goes round
exactly; a new loop is read beside the one that plays, and takes over with the next bar.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Final

from riffsidecar.control.leds import STOPPED
from riffsidecar.session.knobs import KNOBS, Knob
from riffsidecar.session.pads import NUM_PADS

__all__ = ["REPLY_PORT", "VOICE", "main_patch", "voice_patch"]

REPLY_PORT: Final = 9150
"""Where the patch hears the daemon."""

VOICE: Final = "riffsidecar-voice"
"""The name of the voice's file, without its ending."""

_PADS_PER_ROW = 4
_PAD = 44
_LEFT, _TOP = 20, 96
_FADE_MS = 8
_BEAT_MS = 2000
_AWAY_MS = 12000
_WIDTH, _HEIGHT = 470, 330
_GREY, _ORANGE, _BLACK = "#e4e4e4", "#f08030", "#000000"
_WIRES_LEFT = 520


@dataclass(slots=True)
class _Pd:
    """Collect the lines of a patch; each object is its number."""

    lines: list[str] = field(default_factory=list)
    cords: list[str] = field(default_factory=list)

    def add(self, line: str) -> int:
        self.lines.append(f"{line};")
        return len(self.lines) - 1

    def obj(self, x: int, y: int, text: str) -> int:
        return self.add(f"#X obj {x} {y} {_escaped(text)}")

    def msg(self, x: int, y: int, text: str) -> int:
        return self.add(f"#X msg {x} {y} {_escaped(text)}")

    def text(self, x: int, y: int, text: str) -> int:
        return self.add(f"#X text {x} {y} {_escaped(text)}")

    def wire(self, source: int, target: int, outlet: int = 0, inlet: int = 0) -> None:
        self.cords.append(f"#X connect {source} {outlet} {target} {inlet};")

    def chain(self, *objects: int) -> None:
        for source, target in itertools.pairwise(objects):
            self.wire(source, target)

    def file(self, width: int, height: int) -> str:
        head = f"#N canvas 60 60 {width} {height} 10;"
        return "\n".join([head, *self.lines, *self.cords]) + "\n"


def voice_patch() -> str:
    """Return the voice of one pad: two buffers, of which one is heard while the other is read."""
    pd = _Pd()
    pd.text(20, 10, "One loop, swapped at the bar. The main patch makes sixteen of these.")
    kinds = pd.obj(20, 65, "route on load")
    pd.chain(pd.obj(20, 40, "inlet"), kinds)
    fields = pd.obj(140, 95, "unpack s f f")
    pd.wire(kinds, fields, 1)
    # The loop's sample rate over Pd's: how far the count goes with each sample.
    pace = pd.obj(300, 155, "/ 44100")
    ask = pd.obj(300, 105, "t f b")
    pd.wire(fields, ask, 2)
    rate = pd.obj(360, 130, "samplerate~")
    pd.wire(ask, rate, 1)
    pd.wire(rate, pace, 0, 1)
    pd.wire(ask, pace)
    side = pd.obj(500, 95, "f 0")
    pd.chain(pd.obj(500, 65, "loadbang"), side)
    bar = pd.obj(640, 65, "r riffsidecar-bar")
    waits = pd.obj(640, 95, "spigot")
    pd.wire(bar, waits)
    swap = pd.obj(640, 125, "t b b b")
    pd.wire(waits, swap)
    done = pd.msg(760, 155, "0")
    pd.wire(swap, done, 2)
    pd.wire(done, waits, 0, 1)
    now = pd.obj(640, 185, "f 0")
    pd.wire(swap, now, 1)
    pd.wire(side, now, 0, 1)
    begin = pd.obj(640, 215, "sel 0 1")
    pd.wire(now, begin)
    flip = pd.obj(560, 155, "== 0")
    again = pd.obj(560, 125, "f 0")
    pd.wire(swap, again)
    pd.wire(side, again, 0, 1)
    pd.chain(again, flip, side)
    arm = pd.msg(420, 330, "1")
    pd.wire(arm, waits, 0, 1)
    start = pd.obj(760, 65, "r riffsidecar-start")
    silence = pd.obj(20, 560, "sig~ 0")
    sums = [pd.obj(20 + 200 * channel, 640, "+~") for channel in (0, 1)]
    gains = []
    for place in (0, 1):
        gains.append(_add_buffer(pd, place, fields, pace, side, arm, start, begin, silence, sums))
    for place, gain in enumerate(gains):
        up = pd.msg(560 + 140 * place, 300, f"1 {_FADE_MS}")
        down = pd.msg(560 + 140 * place, 330, f"0 {_FADE_MS}")
        pd.wire(begin, up, place)
        pd.wire(begin, down, 1 - place)
        pd.wire(up, gain)
        pd.wire(down, gain)
    _add_outputs(pd, kinds, sums)
    return pd.file(900, 720)


def _add_buffer(
    pd: _Pd,
    place: int,
    fields: int,
    pace: int,
    side: int,
    arm: int,
    start: int,
    begin: int,
    silence: int,
    sums: list[int],
) -> int:
    """Add a buffer, what reads it from its file, and what counts through it; return its fade."""
    x = 20 + 260 * place
    names = [f"$0-{channel}{place}" for channel in ("left", "right")]
    for row, name in enumerate(names):
        pd.obj(x + 560, 420 + 25 * row, f"array define {name} 4")
    mine = pd.obj(x, 185, f"== {place}")
    pd.wire(side, mine)
    file = pd.obj(x, 215, "spigot 1" if place == 0 else "spigot 0")
    pd.wire(fields, file)
    pd.wire(mine, file, 0, 1)
    step = pd.obj(x + 120, 215, "spigot 1" if place == 0 else "spigot 0")
    pd.wire(pace, step)
    pd.wire(mine, step, 0, 1)
    words = pd.obj(x, 245, "list prepend read -resize")
    arrays = pd.obj(x, 270, f"list append {' '.join(names)}")
    trim, reader = pd.obj(x, 295, "list trim"), pd.obj(x, 320, "soundfiler")
    pd.chain(file, words, arrays, trim, reader)
    # A file that cannot be read has no samples, and is not waited for.
    whole = pd.obj(x, 345, "moses 1")
    pd.wire(reader, whole)
    size = pd.obj(x, 370, "t b f")
    pd.wire(whole, size, 1)
    pd.wire(size, arm)
    count = pd.obj(x, 560, "fexpr~ if($y1 + $f2 >= $f3, $y1 + $f2 - $f3, $y1 + $f2)")
    pd.wire(silence, count)
    pd.wire(step, count, 0, 1)
    pd.wire(size, count, 1, 2)
    home = pd.msg(x, 520, "set y1 -1")
    pd.wire(start, home)
    pd.wire(home, count)
    fade = pd.obj(x + 130, 590, "line~")
    for name, total in zip(names, sums, strict=True):
        tone = pd.obj(x, 600, f"tabread~ {name}")
        level = pd.obj(x, 620, "*~")
        pd.chain(count, tone, level, total)
        pd.wire(fade, level, 0, 1)
    pd.wire(begin, home, place)
    return fade


def _add_outputs(pd: _Pd, kinds: int, sums: list[int]) -> None:
    """Add the pad's own switch, which begins as on, and the way to the main patch."""
    ramp = pd.obj(20, 95, f"pack f {_FADE_MS}")
    is_on = pd.obj(20, 120, "line~")
    pd.wire(kinds, ramp)
    first = pd.msg(60, 70, "1")
    pd.chain(pd.obj(60, 45, "loadbang"), first, ramp, is_on)
    for channel, (total, name) in enumerate(zip(sums, ("left", "right"), strict=True)):
        level = pd.obj(20 + 200 * channel, 665, "*~")
        pd.chain(total, level, pd.obj(20 + 200 * channel, 690, f"throw~ riffsidecar-{name}"))
        pd.wire(is_on, level, 0, 1)


def main_patch(daemon_port: int) -> str:
    """Return the patch that people open: what they see at the left, its wires at the right."""
    pd = _Pd()
    pd.text(_LEFT, 8, "riffsidecar: start the daemon, switch Play on, hit a pad.")
    send, answers = _add_network(pd, daemon_port)
    voices = pd.obj(_WIRES_LEFT, 560, f"clone -s 1 {VOICE} {NUM_PADS}")
    _add_answers(pd, answers, voices)
    _add_pads(pd, send, voices)
    for place, knob in enumerate(KNOBS.values()):
        _add_knob(pd, send, knob, place)
    _add_transport(pd, send)
    _add_sound(pd)
    return pd.file(_WIDTH, _HEIGHT)


def _add_network(pd: _Pd, daemon_port: int) -> tuple[int, int]:
    """Add the two ways of UDP and the greeting; return where messages go in, and where answers come out."""
    x = _WIRES_LEFT
    send, trim, socket = (
        pd.obj(x, 110, "list prepend send"),
        pd.obj(x, 135, "list trim"),
        pd.obj(x, 160, "netsend -u -b"),
    )
    pd.chain(send, trim, socket)
    start = pd.obj(x, 20, "loadbang")
    order = pd.obj(x, 45, "t b b")
    pd.wire(start, order)
    connect = pd.msg(x + 80, 70, f"connect 127.0.0.1 {daemon_port}")
    pd.wire(order, connect, 1)
    pd.wire(connect, socket)
    beat = pd.obj(x, 70, f"metro {_BEAT_MS}")
    on = pd.msg(x + 40, 45, "1")
    pd.wire(order, on)
    pd.wire(on, beat)
    greeting = pd.msg(x + 240, 70, f"{REPLY_PORT} pd")
    hello = pd.obj(x + 240, 95, "oscformat -f is riff hello")
    pd.chain(beat, greeting, hello, send)
    heard = pd.obj(x, 200, f"netreceive -u -b {REPLY_PORT}")
    parse, words, root = (
        pd.obj(x, 225, "oscparse"),
        pd.obj(x, 250, "list trim"),
        pd.obj(x, 275, "route riff"),
    )
    pd.chain(heard, parse, words, root)
    return send, root


def _add_answers(pd: _Pd, answers: int, voices: int) -> None:
    """Show whether the daemon is there, give each loop to its pad's voice, and say what went wrong."""
    x = _WIRES_LEFT
    kinds = pd.obj(x, 300, "route welcome done error progress preview")
    pd.wire(answers, kinds)
    alive = pd.obj(x, 330, "t b b")
    pd.wire(kinds, alive)
    lit, away, dark = pd.msg(x, 380, "1"), pd.obj(x + 60, 355, f"delay {_AWAY_MS}"), pd.msg(x + 60, 380, "0")
    light = pd.add(f"#X obj {_LEFT} 40 tgl 20 0 empty empty daemon 26 10 0 12 {_GREY} #30b050 {_BLACK} 0 1")
    pd.wire(alive, away, 1)
    pd.chain(alive, lit, light)
    pd.chain(away, dark, light)
    loop = pd.obj(x + 140, 330, "list split 1")
    # A draft sounds until its loop has come.
    for outlet in (1, 4):
        pd.wire(kinds, loop, outlet)
    is_loop = pd.obj(x + 140, 355, "route -1 0")
    pd.wire(loop, is_loop, 1)
    fields = pd.obj(x + 140, 380, "unpack f s f f s f f f")
    pd.wire(is_loop, fields, 2)
    packed = pd.obj(x + 140, 430, "pack f s s f f")
    pd.wire(fields, packed, 7, 4)
    pd.wire(fields, packed, 6, 3)
    pd.wire(fields, packed, 1, 2)
    order, word = pd.obj(x + 140, 405, "t f b"), pd.obj(x + 220, 405, "symbol load")
    pd.wire(fields, order)
    pd.wire(order, word, 1)
    pd.wire(word, packed, 0, 1)
    pd.chain(order, packed, voices)
    trouble = pd.obj(x + 320, 330, "list split 1")
    pd.wire(kinds, trouble, 2)
    # What somebody stopped, or overtook with a newer move, is no failure.
    words, meant = pd.obj(x + 320, 355, "list trim"), pd.obj(x + 320, 380, f"route {' '.join(STOPPED)}")
    pd.wire(trouble, words, 1)
    pd.chain(words, meant)
    text = pd.obj(x + 320, 405, "list split 1")
    pd.wire(meant, text, len(STOPPED))
    pd.wire(text, pd.obj(x + 320, 430, "print riffsidecar"), 1)
    # The share of a loop that is done, for the slider above the pads.
    share = pd.obj(x + 460, 330, "unpack s f f f s")
    pd.wire(kinds, share, 3)
    slider = pd.add(
        f"#X obj {_LEFT + 90} 44 hsl 120 12 0 1 0 0 empty empty progress 126 6 0 12 {_GREY} {_ORANGE} "
        f"{_BLACK} 0 1"
    )
    pd.wire(share, slider, 1)


def _add_pads(pd: _Pd, send: int, voices: int) -> None:
    """Add the pads, pad 1 at the lower left, each with the switch of its voice beside it."""
    form = pd.obj(_WIRES_LEFT + 240, 140, "oscformat -f is riff pad")
    ask = pd.obj(_WIRES_LEFT + 240, 115, "list append id:pd")
    pd.chain(ask, form, send)
    for pad in range(1, NUM_PADS + 1):
        row, column = divmod(pad - 1, _PADS_PER_ROW)
        x, y = _LEFT + column * (_PAD + 8), _TOP + (_PADS_PER_ROW - 1 - row) * (_PAD + 8)
        button = pd.add(
            f"#X obj {x} {y} bng {_PAD} 250 50 0 empty riffsidecar-pad-{pad} {pad} 4 10 0 12 "
            f"{_GREY} {_ORANGE} {_BLACK}"
        )
        number = pd.msg(_WIRES_LEFT + 60 * column, 600 + 50 * row, str(pad))
        pd.chain(button, number, ask)
        switch = pd.add(
            f"#X obj {x + _PAD - 13} {y + _PAD - 13} tgl 12 0 empty riffsidecar-on-{pad} empty 0 0 0 8 "
            f"{_GREY} #3060c0 {_BLACK} 1 1"
        )
        told = pd.msg(_WIRES_LEFT + 60 * column, 620 + 50 * row, f"{pad} on $1")
        pd.chain(switch, told, voices)


def _add_knob(pd: _Pd, send: int, knob: Knob, place: int) -> None:
    """Add the slider of a knob over its range, or a row of buttons where it is a list of choices."""
    x, y = _LEFT + 224, _TOP + 26 * place
    form = pd.obj(_WIRES_LEFT + 420, 20 + 25 * place, f"oscformat riff knob {knob.name}")
    if knob.choices:
        control = pd.add(
            f"#X obj {x} {y} hradio 15 1 0 {len(knob.choices)} empty riffsidecar-{knob.name} {knob.name} 126 "
            f"8 0 10 {_GREY} {_BLACK} {_BLACK} {knob.choices.index(str(knob.default))}"
        )
    else:
        control = pd.add(
            f"#X obj {x} {y} hsl 120 15 {knob.minimum:g} {knob.maximum:g} 0 0 empty riffsidecar-{knob.name} "
            f"{knob.name} 126 8 0 10 {_GREY} {_BLACK} {_BLACK} 0 1"
        )
    pd.chain(control, form, send)


def _add_transport(pd: _Pd, send: int) -> None:
    """Add tempo, meter and Play; the bar's length in milliseconds follows from tempo and meter."""
    x = _WIRES_LEFT + 640
    tempo = _number(pd, _LEFT + 224, 40, "tempo", 20, 400, 120)
    pd.chain(tempo, pd.obj(x, 45, "oscformat -f f riff tempo"), send)
    above = _number(pd, _LEFT + 324, 40, "beats", 1, 32, 4, width=2)
    below = _number(pd, _LEFT + 324, 62, "per", 1, 16, 4, width=2)
    form = pd.obj(x, 95, "oscformat -f ii riff meter")
    meter = pd.obj(x, 70, "pack f f")
    pd.chain(meter, form, send)
    bar = pd.obj(x, 120, "expr 240000. * $f2 / ($f3 * $f1)")
    order, keep = pd.obj(x + 120, 45, "t b f"), pd.obj(x + 120, 70, "f 4")
    pd.wire(tempo, bar)
    # The lower number is kept, and lets the upper one go out with it.
    pd.wire(above, meter)
    pd.wire(above, keep, 0, 1)
    pd.wire(below, order)
    pd.wire(order, meter, 1, 1)
    pd.chain(order, keep, meter)
    bpm = pd.obj(x + 240, 95, "f 120")
    pd.wire(tempo, bpm, 0, 1)
    for control, inlet in ((above, 1), (below, 2)):
        again = pd.obj(x + 240, 45 + 25 * inlet, "t b f")
        pd.wire(control, again)
        pd.wire(again, bar, 1, inlet)
        pd.chain(again, bpm)
    pd.wire(bpm, bar)
    metro = pd.obj(x, 170, "metro 2000")
    pd.wire(bar, metro, 0, 1)
    pd.chain(metro, pd.obj(x, 195, "s riffsidecar-bar"))
    play = pd.add(
        f"#X obj {_LEFT + 224} 62 tgl 20 0 empty riffsidecar-play Play 26 10 0 12 {_GREY} #30b050 "
        f"{_BLACK} 0 1"
    )
    # The voices begin again before the first bar says so.
    said = pd.obj(x + 120, 130, "t f f")
    pd.wire(play, said)
    pd.wire(said, metro)
    is_on, begin = pd.obj(x + 180, 155, "sel 1"), pd.obj(x + 180, 180, "s riffsidecar-start")
    pd.wire(said, is_on, 1)
    pd.chain(is_on, begin)
    pd.wire(said, pd.obj(x + 120, 205, "s riffsidecar-playing"), 1)
    first = pd.obj(x, 20, "loadbang")
    started = pd.obj(x + 60, 20, "t b b b")
    pd.wire(first, started)
    four = pd.msg(x + 180, 235, "4")
    pd.wire(first, four)
    for inlet in (1, 2):
        pd.wire(four, bar, 0, inlet)
    _add_place(pd, send, said, metro, (above, below), four)
    for outlet, (control, value) in enumerate(((tempo, 120), (above, 4), (below, 4))):
        shown = pd.msg(x + 60 * outlet, 235, f"set {value}")
        pd.wire(started, shown, outlet)
        pd.wire(shown, control)


def _add_place(pd: _Pd, send: int, said: int, metro: int, meter: tuple[int, int], four: int) -> None:
    """Tell the daemon where the song is at each bar line, counted from Play, and when it stops."""
    x = _WIRES_LEFT + 900
    turned = pd.obj(x, 45, "sel 1 0")
    pd.wire(said, turned, 1)
    zero, ended = pd.msg(x, 70, "0"), pd.msg(x + 60, 70, "0")
    count, more = pd.obj(x, 120, "f 0"), pd.obj(x + 60, 120, "+ 1")
    pd.wire(turned, zero)
    pd.wire(zero, count, 0, 1)
    pd.wire(turned, ended, 1)
    pd.chain(ended, pd.obj(x + 60, 95, "oscformat -f i riff transport"), send)
    pd.chain(metro, count, more)
    pd.wire(more, count, 0, 1)
    place = pd.obj(x, 145, "expr $f1 * 4. * $f2 / $f3")
    for inlet, control in enumerate(meter, 1):
        pd.wire(control, place, 0, inlet)
        pd.wire(four, place, 0, inlet)
    pd.chain(count, place, pd.msg(x, 170, "1 $1"), pd.obj(x, 195, "oscformat -f if riff transport"), send)


def _number(pd: _Pd, x: int, y: int, name: str, low: int, high: int, value: int, width: int = 5) -> int:
    return pd.add(
        f"#X obj {x} {y} nbx {width} 14 {low} {high} 0 0 empty riffsidecar-{name} {name} "
        f"{width * 8 + 16} 7 0 10 {_GREY} {_BLACK} {_BLACK} {value} 256"
    )


def _add_sound(pd: _Pd) -> None:
    """Sum the voices, let Play open them, and give them to the loudspeakers and to whoever else listens."""
    x = _WIRES_LEFT + 640
    ramp = pd.obj(x + 120, 305, f"pack f {_FADE_MS}")
    is_open = pd.obj(x + 120, 330, "line~")
    pd.chain(pd.obj(x + 120, 280, "r riffsidecar-playing"), ramp, is_open)
    speaker = pd.obj(x, 430, "dac~")
    for channel, name in enumerate(("left", "right")):
        total = pd.obj(x + 140 * channel, 355, f"catch~ riffsidecar-{name}")
        level = pd.obj(x + 140 * channel, 380, "*~")
        pd.chain(total, level)
        pd.wire(is_open, level, 0, 1)
        pd.wire(level, speaker, 0, channel)
        pd.chain(level, pd.obj(x + 140 * channel, 405, f"s~ riffsidecar-out-{name}"))
    pd.chain(pd.obj(x, 460, "loadbang"), pd.msg(x, 485, "; pd dsp 1"))


def _escaped(text: str) -> str:
    return text.replace(",", " \\,").replace("; ", "\\; ").replace("$", "\\$")
