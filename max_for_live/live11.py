"""The patcher of the device for Live 11.3.25 and later, in plain objects of Max 8: no script at all.

It has the pads and dials, tells the daemon Live's tempo, meter and transport, and makes each loop that it
asked for a clip in the slot of its pad, or in the next empty one. It lies on the track itself, not in a rack.
"""

from __future__ import annotations

from typing import Final

from max_for_live.controls import (
    KNOB_BANKS,
    KNOBS_PER_ROW,
    add_pads,
    initial_value,
    knob_control,
)
from max_for_live.live11_clips import add_clips
from max_for_live.patcher import AUDIO_EFFECT, Device, Patch
from max_for_live.presence import Wires, add_presence
from riffsidecar.errors import CancelledError, SupersededError
from riffsidecar.session.commands import RELEASE
from riffsidecar.session.knobs import KNOBS, Knob
from riffsidecar.session.pads import NUM_PADS

__all__ = ["REPLY_PORT_OFFSET", "live11_device", "live11_patch"]

REPLY_PORT_OFFSET: Final = 40
"""From the first reply port of the other devices, which look for free ones from there."""

_TOP = 28
_PAD = (66, 31)
_KNOBS_LEFT = 296
_KNOB = (48, 52)
_WIDTH = _KNOBS_LEFT + KNOBS_PER_ROW * _KNOB[0] + 8
_SAME = 1e-4
_WAITING = "0.98 0.7 0.2 1."
_READY = "0.3 0.8 0.35 1."
_FAILED = "0.9 0.2 0.15 1."
_EMPTY = "0.3 0.3 0.3 1."
_ID = "id:live11"  # then the pad and the reply port; every device's begins with id:live
_DIAL_ID = f"{_ID}-dial"  # then the reply port
_ANSWERS = ("/riff/state", "/riff/ack", "/riff/progress", "/riff/done", "/riff/error")


def live11_device() -> Device:
    """Return what is true of the device as a whole."""
    return Device(
        kind=AUDIO_EFFECT,
        width=_WIDTH,
        description="Pads and knobs for riffsidecar, for Live 11.3.25 and later.",
        live="11.3.25",
        max_version="8.6",
        banks=KNOB_BANKS,
    )


def live11_patch(daemon_port: int, reply_port: int) -> Patch:
    """Return the boxes and cords."""
    patch = Patch()
    source, target = patch.object("plugin", "plugin~"), patch.object("plugout", "plugout~")
    for side in (0, 1):
        patch.cord(source, side, target, side)
    wires = add_presence(
        patch, "live11", _WIDTH, daemon_port, reply_port, (_WIDTH - 72, 146, 64, 15), _ANSWERS
    )
    _add_song(patch, wires)
    _add_knobs(patch, wires)
    _add_pads(patch, wires)
    return patch


def _add_song(patch: Patch, wires: Wires) -> None:
    """Tell tempo, meter and transport when they change, and all of them to a daemon that has come back."""
    root = patch.message("song", "path live_set")
    path = patch.object("song-path", "live.path")
    start = patch.object("song-start", "deferlow")
    patch.connect(wires.ready, start, root, path)
    patch.cord("obj-back", 1, root)
    place = patch.object("place", "live.object")
    # The place can be asked for before anything is observed.
    both = patch.object("song-order", "t l l")
    patch.cord(path, 1, both)
    patch.cord(both, 1, place, 1)
    observed = {"tempo": "tempo", "above": "signature_numerator", "below": "signature_denominator"}
    observers = {}
    for name, of_live in (*observed.items(), ("playing", "is_playing")):
        observers[name] = patch.object(f"{name}-observer", f"live.observer {of_live}")
        patch.cord(both, 0, observers[name], 1)
    patch.connect(observers["tempo"], patch.message("tempo", "/riff/tempo $1 live"), wires.send)
    meter = patch.object("meter", "pak 4 4")
    patch.connect(observers["above"], meter)
    patch.cord(observers["below"], 0, meter, 1)
    patch.connect(meter, patch.object("meter-message", "prepend /riff/meter"), wires.send)
    _add_place(patch, wires, observers["playing"], place)


def _add_place(patch: Patch, wires: Wires, playing: str, place: str) -> None:
    """Tell that the song starts or stops and where it is, and while it plays again with each heartbeat."""
    told = patch.object("transport-order", "t i b")
    patch.connect(playing, told)
    ask = patch.message("place-ask", "get current_song_time")
    patch.cord(told, 1, ask)
    answer = patch.object("place-answer", "route current_song_time")
    patch.connect(ask, place, answer)
    pair = patch.object("transport-pair", "pack 0 0.")
    patch.cord(answer, 0, pair, 1)
    patch.connect(told, pair, patch.object("transport", "prepend /riff/transport"), wires.send)
    kept = patch.object("playing-kept", "i")
    patch.cord(playing, 0, kept, 1)
    patch.connect(wires.beat, kept, patch.object("still-playing", "sel 1"), patch.message("plays", "1"), told)


def _add_knobs(patch: Patch, wires: Wires) -> None:
    width, height = _KNOB
    named, name = patch.object("dial-named", "zl.join"), patch.object("dial-id", f"sprintf {_DIAL_ID}-%ld")
    patch.connect(wires.port, name)
    patch.cord(name, 0, named, 1)
    patch.connect(named, wires.send)
    for place, knob in enumerate(KNOBS.values()):
        row, column = divmod(place, KNOBS_PER_ROW)
        rect = (_KNOBS_LEFT + column * width, _TOP + row * (height + 2), width - 2, height)
        control = knob_control(patch, knob, rect)
        patch.connect(control, patch.object(f"{knob.name}-message", _knob_rule(knob)), named)
        # A daemon that has come back is told how the dials stand.
        patch.cord("obj-back", 1, control)


def _knob_rule(knob: Knob) -> str:
    """Return the rule that lets the knob go where its dial is at its default."""
    initial = initial_value(knob)
    kind, is_there = "$f1", f"($f1 > {initial - _SAME:g}) && ($f1 < {initial + _SAME:g})"
    if knob.choices:
        kind, is_there = "$i1", f"$i1 == {initial:g}"
    return f"if {is_there} then {knob.osc} {RELEASE} else {knob.osc} {kind}"


def _add_pads(patch: Patch, wires: Wires) -> None:
    """Add the pads, what shows their state, and what makes clips of their loops."""
    pads = add_pads(patch, 8, _TOP, _PAD, 3)
    asking, ask = patch.object("ask-order", "t i i"), patch.object("ask", "pack 0 id")
    name = patch.object("id", f"sprintf {_ID}-%ld-%ld")
    patch.cord(wires.port, 0, name, 1)
    patch.cord(asking, 1, name)
    patch.cord(name, 0, ask, 1)
    patch.connect(asking, ask, patch.object("ask-message", "prepend /riff/pad"), wires.send)
    for number, pad in enumerate(pads, 1):
        patch.connect(pad, patch.message(f"pad{number}-message", str(number)), asking)
    router = patch.object("pads", f"route {' '.join(str(number) for number in range(1, NUM_PADS + 1))}")
    for place, pad in enumerate(pads):
        patch.cord(router, place, pad)
    own, whose, others = _add_own_answers(patch, wires)
    states = patch.object("states", "route pad bank")
    patch.cord(wires.answers, 1, states)
    names = patch.object("pad-row", "unpack i s s s i")
    patch.connect(states, names)
    pair = patch.object("pad-name", "pack 0 name")
    patch.cord(names, 1, pair, 1)
    patch.connect(names, pair, patch.message("pad-text", "$1 text $2"), router)
    patch.connect(own, patch.message("pad-waits", f"$1 activebgcolor {_WAITING}"), router)
    stage = patch.object("progress", "unpack f f i s")
    patch.cord(own, 1, stage)
    line = patch.object("progress-text", "sprintf set pad %ld: %ld %%")
    which = patch.object("progress-pad", "i")
    patch.cord(stage, 2, which, 1)
    percent = patch.object("percent", "expr int($f1 * 100.)")
    order = patch.object("progress-order", "t b i")
    patch.connect(stage, percent, order, which, line, "obj-status")
    patch.cord(order, 1, line, 1)
    with_loop = patch.object("pads-with-loop", "coll")
    _add_errors(patch, (own, 3), whose, with_loop, router)
    loops = patch.object("loops", "route -1")
    patch.cord(own, 2, loops)
    owed = _add_owed(patch, own, others, loops)
    _add_bank(patch, with_loop, owed)
    add_clips(patch, loops, with_loop)


def _add_own_answers(patch: Patch, wires: Wires) -> tuple[str, str, str]:
    """Let through what answers a pad of this device.

    Return what sends it, by its kind, whose it is, and what sends the answers to all others, whole.

    An error names its request alone and no slot, so the id of a request names its pad. The first word of an
    answer is that id; the route learns the sixteen from the port.
    """
    own = patch.object("own", f"gate {len(_ANSWERS) - 1}")
    others = patch.object("others", f"gate {len(_ANSWERS) - 1}")
    ids = patch.object("own-ids", f"route {' '.join(f'id{number}' for number in range(1, NUM_PADS + 1))}")
    for kind in range(1, len(_ANSWERS)):
        order = patch.object(f"answer{kind}", f"t l {kind}")
        patch.cord(wires.answers, 1 + kind, order)
        patch.cord(order, 1, own)
        patch.cord(order, 1, others)
        patch.connect(order, ids)
    patch.cord(ids, NUM_PADS, others, 1)
    whose = patch.object("answer-pad", "i")
    for number in range(1, NUM_PADS + 1):
        name = patch.object(f"id{number}", f"sprintf {_ID}-{number}-%ld")
        patch.connect(wires.port, name)
        patch.cord(name, 0, ids, number)
        known = patch.object(f"own{number}", f"t l {number}")
        patch.cord(ids, number - 1, known)
        patch.cord(known, 1, whose)
        patch.cord(known, 0, own, 1)
    return own, whose, others


def _add_errors(patch: Patch, errors: tuple[str, int], whose: str, with_loop: str, pads: str) -> None:
    """Show the pad that failed, and let one that was cancelled look as it did before it was asked."""
    meant = patch.object("meant", f"route {CancelledError.code} {SupersededError.code}")
    patch.cord(*errors, meant)
    trouble = patch.object("error", "unpack s s")
    patch.cord(meant, 2, trouble)
    patch.cord(trouble, 1, patch.object("error-text", "prepend set"))
    patch.connect("obj-error-text", "obj-status")
    failed, stopped = patch.object("failed-pad", "i"), patch.object("stopped-pad", "i")
    for pad in (failed, stopped):
        patch.cord(whose, 0, pad, 1)
    patch.connect(trouble, patch.object("error-order", "t b"), failed)
    patch.connect(failed, patch.message("pad-failed", f"$1 activebgcolor {_FAILED}"), pads)
    calm = patch.object("calm", "t i i")
    patch.connect(meant, patch.object("stopped", "t b"), stopped, calm)
    patch.cord(calm, 1, patch.message("pad-empty", f"$1 activebgcolor {_EMPTY}"))
    patch.connect("obj-pad-empty", pads)
    ready = patch.message("pad-ready", f"$1 activebgcolor {_READY}")
    patch.connect(calm, with_loop, ready, pads)


def _add_owed(patch: Patch, own: str, others: str, loops: str) -> str:
    """Take the loop of what overtook a pad, such as a dial that was turned meanwhile, as the pad's own.

    The newer request has another id, and its loop the same slot. Return what keeps the pads that wait.
    """
    owed, use = patch.object("owed", "coll"), patch.object("owed-use", "gate 3")
    patch.cord("obj-meant", 1, patch.object("overtaken", "t b"))
    pad = patch.object("overtaken-pad", "i")
    patch.cord("obj-answer-pad", 0, pad, 1)
    patch.connect("obj-overtaken", pad, patch.message("owe", "$1 $1"), owed)
    patch.cord(owed, 0, use, 1)
    # Its own answers are never owed: it was asked for again, or is there.
    for kind in (0, 2):
        gone = patch.message(f"not-owed{kind}", "remove $1")
        patch.cord(own, kind, gone)
        patch.connect(gone, owed)
    rest = patch.object("others-loop", "zl.slice 1")
    patch.cord(others, 2, rest)
    order = patch.object("owed-order", "t b l l b")
    patch.cord(rest, 1, order)
    door = patch.object("owed-door", "gate 1")
    for outlet, name, words, target in ((3, "owed-find", "1", use), (0, "owed-shut", "0", door)):
        message = patch.message(name, words)
        patch.cord(order, outlet, message)
        patch.connect(message, target)
    slot = patch.object("owed-slot", "unpack i")
    patch.cord(order, 2, slot)
    patch.connect(slot, owed)
    found = patch.object("owed-found", "t b i")
    patch.cord(use, 0, found)
    patch.cord(found, 1, patch.message("owed-paid", "remove $1"))
    patch.connect("obj-owed-paid", owed)
    patch.connect(found, patch.message("owed-open", "1"), door)
    patch.cord(order, 1, door, 1)
    patch.connect(door, loops)
    _add_owed_errors(patch, others, owed, use)
    return owed


def _add_owed_errors(patch: Patch, others: str, owed: str, use: str) -> None:
    """Let the pads that wait for the loop of a dial fail with it, or look as before where it is cancelled."""
    dial = patch.object("dial-error", f"route {_DIAL_ID}")
    patch.cord("obj-dial-id", 0, dial, 1)
    patch.cord(others, 3, dial)
    kinds = patch.object("dial-meant", f"route {CancelledError.code} {SupersededError.code}")
    patch.connect(dial, kinds)
    trouble = patch.object("dial-trouble", "unpack s s")
    patch.cord(kinds, 2, trouble)
    patch.cord(trouble, 1, "obj-error-text")
    for outlet, (source, name, target) in enumerate(
        ((trouble, "failed", "obj-pad-failed"), (kinds, "stopped", "obj-calm")), 2
    ):
        order = patch.object(f"owed-{name}", f"t b b {outlet}")
        patch.connect(source, order)
        patch.cord(order, 2, use)
        for place, words in ((1, "dump"), (0, "clear")):
            message = patch.message(f"owed-{name}-{words}", words)
            patch.cord(order, place, message)
            patch.connect(message, owed)
        patch.cord(use, outlet - 1, target)


def _add_bank(patch: Patch, with_loop: str, owed: str) -> None:
    """Ask for the bank when the daemon comes, and let no pad of another bank look as if it had a loop."""
    patch.cord("obj-back", 0, patch.message("state-ask", "/riff/query state"))
    patch.connect("obj-state-ask", "obj-send")
    another = patch.object("bank-changed", "zl.change")
    patch.cord("obj-states", 1, another)
    each = patch.object("bank-pads", f"uzi {NUM_PADS}")
    anew = patch.object("bank-new", "t b b")
    patch.connect(another, anew, each)
    patch.cord(anew, 1, patch.message("no-loops", "clear"))
    for pads_of_bank in (with_loop, owed):
        patch.connect("obj-no-loops", pads_of_bank)
    patch.cord(each, 2, "obj-pad-empty")
    # A daemon that comes back knows nothing of the pads that waited for the one before.
    again = patch.object("pads-again", f"uzi {NUM_PADS}")
    patch.cord("obj-back", 0, again)
    patch.cord(again, 2, "obj-calm")
    patch.cord("obj-back", 0, patch.message("nothing-owed", "clear"))
    patch.connect("obj-nothing-owed", owed)
