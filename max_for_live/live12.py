"""The patcher of Riffsidecar.amxd, for Live 12.2 and later: controls and wires around one embedded script.

Every box that a person sees lies on whole pixels in a strip of 169, and tells Live's Info View what it does.
What Live may automate is the knob table; what the script shows is hidden from Live, or Undo would fill up.
"""

from __future__ import annotations

from typing import Final

from max_for_live.controls import KNOB_BANKS, KNOBS_PER_ROW, add_light, add_pads, knob_control
from max_for_live.patcher import (
    AUDIO_EFFECT,
    Device,
    Patch,
    Rect,
    Style,
    Visible,
    button,
    choice,
    number,
    toggle,
)
from riffsidecar.session.commands import RELEASE
from riffsidecar.session.knobs import KNOBS

__all__ = ["BARS", "PLACES", "PLAYERS", "live12_device", "live12_patch"]

BARS: Final = (RELEASE, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16)
"""What the menu of bars sends; the first leaves each pad its own."""

PLACES: Final = ("Pad's slot", "Replace", "Arrangement", "Simpler", "Listen")
"""Where a loop goes."""

PLAYERS: Final = ("a", "b")

_TOP = 28
_PADS_LEFT = 8
_PAD = (66, 31)
_GAP = 3
_KNOBS_LEFT = 296
_KNOB = (48, 52)
_TEXT_LEFT = _KNOBS_LEFT + KNOBS_PER_ROW * _KNOB[0] + 12
_TEXT_WIDTH = 190
_HALF = (_TEXT_WIDTH - 4) // 2
_SIDE_LEFT = _TEXT_LEFT + _TEXT_WIDTH + 12
_SIDE_WIDTH = 62
_WIDTH = _SIDE_LEFT + _SIDE_WIDTH + 8
_ROW = 17
_TEXT_BG = {"expression": "themecolor.live_control_text_bg"}
_TEXT_FG = {"expression": "themecolor.live_control_fg"}
_FADE_MS = 8


def live12_device() -> Device:
    """Return what is true of the device as a whole."""
    return Device(
        kind=AUDIO_EFFECT,
        width=_WIDTH,
        description="Pads, knobs and prompts for riffsidecar: what you ask for becomes loops in this track.",
        live="12.2",
        max_version="9",
        banks=KNOB_BANKS,
    )


def live12_patch(script: str, daemon_port: int, reply_port: int) -> Patch:
    """Return the boxes and cords around a script."""
    patch = Patch()
    code = patch.add(
        "script",
        "v8.codebox",
        (1, 3, ("", "", "")),
        code=script.replace("\n", "\r\n"),
        filename="none",
        fontface=0,
        fontname="<Monospaced>",
        fontsize=12.0,
        saved_object_attributes={"parameter_enable": 0},
    )
    _add_wires(patch, code, daemon_port, reply_port)
    add_light(patch, _WIDTH)
    for place, pad in enumerate(add_pads(patch, _PADS_LEFT, _TOP, _PAD, _GAP), 1):
        patch.connect(pad, patch.message(f"pad{place}-message", f"pad {place}"), code)
    patch.line("line-1", (_KNOBS_LEFT - 8, _TOP, 1, 133))
    _add_knobs(patch, code)
    patch.line("line-2", (_TEXT_LEFT - 8, _TOP, 1, 133))
    _add_bank_and_bars(patch, code)
    _add_prompts(patch, code)
    _add_places(patch, code)
    patch.line("line-3", (_SIDE_LEFT - 8, _TOP, 1, 133))
    _add_song(patch, code, daemon_port)
    _add_players(patch, code)
    return patch


def _add_wires(patch: Patch, code: str, daemon_port: int, reply_port: int) -> None:
    ready = patch.object("ready", "live.thisdevice")
    sender = patch.object("send", f"udpsend 127.0.0.1 {daemon_port}")
    receiver = patch.object("receive", f"udpreceive {reply_port} @defer 1")
    patch.connect(ready, code, sender)
    patch.connect(receiver, code)
    patch.cord(code, 1, receiver)


def _add_knobs(patch: Patch, code: str) -> None:
    width, height = _KNOB
    for place, knob in enumerate(KNOBS.values()):
        row, column = divmod(place, KNOBS_PER_ROW)
        rect = (_KNOBS_LEFT + column * width, _TOP + row * (height + 2), width - 2, height)
        control = knob_control(patch, knob, rect)
        patch.connect(control, patch.object(f"{knob.name}-message", f"prepend knob {knob.name}"), code)


def _add_bank_and_bars(patch: Patch, code: str) -> None:
    """Add the bank's menu, which the daemon fills, what remembers it with the set, and the menu of bars."""
    top = 141
    patch.label("bank-label", (_KNOBS_LEFT, top + 2, 32, 16), "Bank")
    menu = patch.add(
        "bank",
        "umenu",
        varname="bank",
        presentation=1,
        presentation_rect=[_KNOBS_LEFT + 32, top + 2, 84, 18],
        items=["House"],
        parameter_enable=0,
        fontsize=9.0,
        annotation="The bank of pads. It is stored with the set, for this device alone.",
        annotation_name="Bank",
        saved_attribute_attributes={"bgfillcolor": _TEXT_BG, "textcolor": _TEXT_FG},
    )
    chosen = patch.object("bank-message", "prepend bank")
    patch.cord(menu, 1, chosen)
    patch.connect(chosen, code)
    memory = patch.add(
        "bank-memory",
        "newobj",
        (1, 3, ("", "", "")),
        text="pattr bank-memory",
        varname="bank-memory",
        parameter_enable=1,
        saved_object_attributes={"parameter_enable": 1, "parameter_mappable": 0},
        saved_attribute_attributes={
            "valueof": {
                "parameter_longname": "Bank memory",
                "parameter_shortname": "Bank memory",
                "parameter_annotation_name": "Bank memory",
                "parameter_info": "The bank that was chosen, by name.",
                "parameter_type": 3,
                "parameter_invisible": int(Visible.STORED),
            }
        },
        annotation="The bank that was chosen, by name.",
        annotation_name="Bank memory",
    )
    patch.connect(memory, patch.object("bank-restored", "prepend remembered"), code)
    patch.label("bars-label", (_KNOBS_LEFT + 120, top + 2, 29, 16), "Bars")
    names = ["Pad's", "1/4", "1/2", *(str(each) for each in BARS[3:])]
    bars = patch.parameter(
        "bars",
        "live.menu",
        (_KNOBS_LEFT + 150, top + 3, 42, 15),
        "Bars",
        "How many bars every loop has. Pad's: each pad has its own.",
        choice(names, 0, Visible.STORED),
    )
    patch.connect(bars, patch.object("bars-message", "prepend bars"), code)


def _add_prompts(patch: Patch, code: str) -> None:
    """Add two fields of text, and the buttons that make something of them."""
    what = {
        "a": (
            "Prompt A",
            "What is to be heard, such as: warm rhodes chords.",
            "warm rhodes chords",
        ),
        "b": ("Prompt B", "Where Morph and Journey go to, in words. It may be empty.", ""),
    }
    for place, (which, (longname, info, text)) in enumerate(what.items()):
        top = _TOP + place * 28
        patch.label(f"prompt-{which}-label", (_TEXT_LEFT, top + 4, 14, 16), which.upper())
        field = patch.parameter(
            f"prompt-{which}",
            "textedit",
            (_TEXT_LEFT + 14, top, _TEXT_WIDTH - 14, 25),
            longname,
            info,
            {"parameter_type": 3, "parameter_invisible": int(Visible.STORED), "parameter_initial": [text]},
            text=text,
            keymode=1,
            outputmode=1,
            fontsize=9.0,
            rounded=2.0,
        )
        patch.boxes[-1]["box"]["saved_attribute_attributes"] |= {"bgcolor": _TEXT_BG, "textcolor": _TEXT_FG}
        patch.connect(field, patch.object(f"prompt-{which}-message", f"prepend prompt {which}"), code)
    top = _TOP + 57
    buttons = (
        ("make", "Make loop", "Makes a loop of prompt A, or of its blend with B where Morph is turned.", 0),
        (
            "journey",
            "Journey A-B",
            "Eight loops that flow into one another, from prompt A to prompt B, in consecutive slots. "
            "Another click stops it.",
            1,
        ),
    )
    for name, longname, info, column in buttons:
        _add_button(patch, code, name, longname, info, _cell(column, top))


def _add_places(patch: Patch, code: str) -> None:
    """Add where loops go, and what happens to them there."""
    top = _TOP + 78
    patch.label("to-label", (_TEXT_LEFT, top - 1, 44, 16), "Loops to")
    place = patch.parameter(
        "to",
        "live.menu",
        (_TEXT_LEFT + 46, top, _TEXT_WIDTH - 46, 15),
        "Loops to",
        "Where a loop goes. Pad's slot: the clip slot in the row of its pad, or the next empty one. Replace: "
        "there too, in place of an earlier loop of riffsidecar; the file stays. Arrangement: at the next "
        "bar. Simpler: into the Simpler before this device (Live 12.4). Listen: only to be heard here.",
        choice(PLACES, 0, Visible.STORED),
    )
    patch.connect(place, patch.object("to-message", "prepend to"), code)
    switches = (
        ("launch", "Launch", "Starts each new clip, at the launch quantisation of the set.", False, 0, 19),
        (
            "catching",
            "Catch MIDI",
            "Loops that MIDI pads or other programs ask riffsidecar for go here too, where this device of "
            "the set was used last.",
            True,
            1,
            19,
        ),
    )
    for name, longname, info, on, column, down in switches:
        _add_switch(patch, code, name, name, longname, info, _cell(column, top + down), on=on)
    _add_button(
        patch, code, "keep", "Keep", "Makes a clip of the loop that is being listened to.", _cell(0, top + 38)
    )
    _add_button(patch, code, "stop", "Stop", "Ends the listening.", _cell(1, top + 38))


def _add_song(patch: Patch, code: str, daemon_port: int) -> None:
    """Add what of the song the daemon follows, and the daemon's port."""
    patch.label("follow-label", (_SIDE_LEFT, _TOP, _SIDE_WIDTH, 16), "Follow song")
    info = {
        "tempo": "The tempo of the set is riffsidecar's.",
        "meter": "The time signature of the set is riffsidecar's.",
        "scale": "While Live's Scale Mode is on, its root and scale are riffsidecar's key.",
    }
    for place, (what, text) in enumerate(info.items()):
        rect = (_SIDE_LEFT, _TOP + 19 + place * 22, _SIDE_WIDTH, _ROW)
        longname = f"Follow {what}"
        _add_switch(
            patch,
            code,
            f"follow-{what}",
            f"follow {what}",
            longname,
            text,
            rect,
            on=True,
            text=what.capitalize(),
        )
    top = _TOP + 97
    patch.label("port-label", (_SIDE_LEFT, top, _SIDE_WIDTH, 16), "Port")
    port = patch.parameter(
        "port",
        "live.numbox",
        (_SIDE_LEFT, top + 17, _SIDE_WIDTH, 15),
        "Daemon port",
        "The UDP port of riffsidecar run, 9123 where it was given no other.",
        number(1024, 65535, daemon_port, Style.INT, Visible.STORED),
        shortname="Port",
    )
    patch.connect(port, patch.object("port-message", "prepend daemon_port"), code)


def _add_button(patch: Patch, code: str, name: str, longname: str, info: str, rect: Rect) -> None:
    control = patch.parameter(
        name,
        "live.text",
        rect,
        longname,
        info,
        button(),
        mode=0,
        text=longname,
        texton=longname,
        fontsize=9.0,
    )
    patch.connect(control, patch.message(f"{name}-message", name), code)


def _add_switch(
    patch: Patch,
    code: str,
    name: str,
    message: str,
    longname: str,
    info: str,
    rect: Rect,
    *,
    on: bool,
    text: str = "",
) -> None:
    label = text or longname
    control = patch.parameter(
        name, "live.text", rect, longname, info, toggle(on=on), mode=1, text=label, texton=label, fontsize=9.0
    )
    patch.connect(control, patch.object(f"{name}-message", f"prepend {message}"), code)


def _cell(column: int, top: int) -> Rect:
    return _TEXT_LEFT + column * (_HALF + 4), top, _HALF, _ROW


def _add_players(patch: Patch, code: str) -> None:
    """Let the track through, and add two players of which one is heard, swapped at the bar.

    A player is read while the other plays; ``arm`` lets it begin with the next bar that Live counts, and
    fades the other out.
    """
    source, target = patch.object("plugin", "plugin~"), patch.object("plugout", "plugout~")
    for side in (0, 1):
        patch.cord(source, side, target, side)
    route = patch.object("players", f"route {' '.join(PLAYERS)} off")
    patch.cord(code, 2, route)
    sync = patch.object("sync", "plugsync~")
    bar = patch.object("bar", "change")
    tick = patch.object("bar-tick", "t b")
    patch.cord(sync, 1, bar)
    patch.connect(bar, tick)
    fades = {player: patch.object(f"{player}-fade", "line~") for player in PLAYERS}
    off = patch.message("fade-out", f"0 {_FADE_MS}")
    patch.cord(route, len(PLAYERS), off)
    for place, player in enumerate(PLAYERS):
        patch.connect(off, fades[player])
        other = fades[PLAYERS[1 - place]]
        _add_player(patch, player, (route, place), tick, fades[player], other, code, target)


def _add_player(
    patch: Patch,
    player: str,
    source: tuple[str, int],
    tick: str,
    fade: str,
    other: str,
    code: str,
    target: str,
) -> None:
    """Add one player: its buffer, its voice, and the gate that waits for the bar."""
    words = patch.object(f"{player}-words", "route replace arm now rate")
    patch.cord(*source, words)
    buffer = patch.object(f"{player}-buffer", f"buffer~ ---riff-{player}")
    patch.connect(words, patch.object(f"{player}-read", "prepend replace"), buffer)
    told = patch.message(f"{player}-loaded", f"loaded {player}")
    patch.cord(buffer, 1, told)
    patch.connect(told, code)
    gate = patch.object(f"{player}-gate", "onebang")
    patch.cord(words, 1, gate, 1)
    patch.connect(tick, gate)
    go = patch.object(f"{player}-go", "t b b b")
    patch.connect(gate, go)
    patch.cord(words, 2, go)
    voice = patch.object(f"{player}-voice", f"groove~ ---riff-{player} 2 @loop 1")
    rate = patch.object(f"{player}-rate", "sig~ 1.")
    patch.cord(words, 3, rate)
    patch.connect(rate, voice)
    begin = patch.message(f"{player}-begin", "startloop")
    patch.cord(go, 2, begin)
    patch.connect(begin, voice)
    up, down = (
        patch.message(f"{player}-up", f"1 {_FADE_MS}"),
        patch.message(f"{player}-down", f"0 {_FADE_MS}"),
    )
    patch.cord(go, 1, up)
    patch.connect(up, fade)
    patch.cord(go, 0, down)
    patch.connect(down, other)
    for side in (0, 1):
        level = patch.object(f"{player}-level-{side}", "*~")
        patch.cord(voice, side, level)
        patch.cord(fade, 0, level, 1)
        patch.cord(level, 0, target, side)
