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
    after_samples,
    initial_value,
    knob_control,
)
from max_for_live.patcher import AUDIO_EFFECT, Device, Patch
from max_for_live.presence import Wires, add_presence, say
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
_SLOTS = "path this_device canonical_parent clip_slots"
_SETTLE_MS = 250  # Live warps a new clip after the call that asked for it
_SAME = 1e-4
_WAITING = "0.98 0.7 0.2 1."
_READY = "0.3 0.8 0.35 1."
_FAILED = "0.9 0.2 0.15 1."
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
    for place, knob in enumerate(KNOBS.values()):
        row, column = divmod(place, KNOBS_PER_ROW)
        rect = (_KNOBS_LEFT + column * width, _TOP + row * (height + 2), width - 2, height)
        control = knob_control(patch, knob, rect)
        patch.connect(control, patch.object(f"{knob.name}-message", _knob_rule(knob)), wires.send)
        # A daemon that has come back is told how the dials stand.
        patch.cord("obj-back", 1, control)


def _knob_rule(knob: Knob) -> str:
    """Return the rule that lets the knob go where its dial is at its default."""
    initial = initial_value(knob)
    if knob.choices:
        return f"if $i1 == {initial:g} then {knob.osc} {RELEASE} else {knob.osc} $i1"
    near = f"($f1 > {initial - _SAME:g}) && ($f1 < {initial + _SAME:g})"
    return f"if {near} then {knob.osc} {RELEASE} else {knob.osc} $f1"


def _add_pads(patch: Patch, wires: Wires) -> None:
    """Add the pads, what shows their state, and what makes clips of their loops."""
    pads = add_pads(patch, 8, _TOP, _PAD, 3)
    last = patch.object("last-pad", "i")
    name = patch.object("id", "sprintf id:live%ld-11")
    patch.cord(wires.port, 0, name)
    ask = patch.object("ask", "pack 0 id")
    patch.cord(name, 0, ask, 1)
    patch.connect(ask, patch.object("ask-message", "prepend /riff/pad"), wires.send)
    for number, pad in enumerate(pads, 1):
        hit = patch.message(f"pad{number}-message", str(number))
        patch.connect(pad, hit, ask)
        patch.cord(hit, 0, last, 1)
    router = patch.object("pads", f"route {' '.join(str(number) for number in range(1, NUM_PADS + 1))}")
    for place, pad in enumerate(pads):
        patch.cord(router, place, pad)
    # A reply is the first word of an answer; the route learns it from the port.
    for place, what in enumerate(_ANSWERS[1:], 2):
        own = patch.object(f"own-{what.rpartition('/')[2]}", "route id")
        patch.cord(wires.answers, place, own)
        patch.cord(name, 0, own, 1)
    states = patch.object("states", "route pad")
    patch.cord(wires.answers, 1, states)
    names = patch.object("pad-row", "unpack i s s s i")
    patch.connect(states, names)
    pair = patch.object("pad-name", "pack 0 name")
    patch.cord(names, 1, pair, 1)
    patch.connect(names, pair, patch.message("pad-text", "$1 text $2"), router)
    patch.connect("obj-own-ack", patch.message("pad-waits", f"$1 activebgcolor {_WAITING}"), router)
    stage = patch.object("progress", "unpack f f i s")
    patch.connect("obj-own-progress", stage)
    line = patch.object("progress-text", "sprintf set pad %ld: %ld %%")
    which = patch.object("progress-pad", "i")
    patch.cord(stage, 2, which, 1)
    percent = patch.object("percent", "expr int($f1 * 100.)")
    order = patch.object("progress-order", "t b i")
    patch.connect(stage, percent, order, which, line, "obj-status")
    patch.cord(order, 1, line, 1)
    meant = patch.object("meant", f"route {CancelledError.code} {SupersededError.code}")
    trouble = patch.object("error", "unpack s s")
    patch.connect("obj-own-error", meant)
    patch.cord(meant, 2, trouble)
    patch.cord(trouble, 1, patch.object("error-text", "prepend set"))
    patch.connect("obj-error-text", "obj-status")
    failed = patch.object("error-order", "t b")
    patch.connect(trouble, failed, last, patch.message("pad-failed", f"$1 activebgcolor {_FAILED}"), router)
    _add_clips(patch, router)


def _add_clips(patch: Patch, router: str) -> None:
    """Make a clip of a loop: keep what it is, find an empty slot, create, warp, loop."""
    loops = patch.object("loops", "route -1")
    patch.connect("obj-own-done", loops)
    order = patch.object("loop-order", "t l l l")
    patch.cord(loops, 1, order)
    # From the end: a loop without a key has an empty text in the middle, which may get lost on its way.
    back = patch.object("loop-end", "zl.rev")
    patch.cord(order, 2, back)
    last = len(after_samples())
    sizes = patch.object("loop-sizes", f"unpack {' '.join('f' * last)}")
    patch.connect(back, sizes)
    fields = patch.object("loop-fields", "unpack i s f f")
    patch.cord(order, 1, fields)
    beats = patch.object("beats", "expr int($f1 * $f3 * 16. / (60. * $f2) + 0.5) / 16.")
    patch.cord(sizes, last - 2, beats, 1)
    patch.cord(fields, 3, beats, 2)
    samples = patch.object("samples", "f")
    patch.cord(sizes, last - 1, samples, 1)
    file = patch.object("file", "zl.reg")
    patch.cord(fields, 1, file, 1)
    first = patch.object("first", "unpack i")
    patch.cord(order, 0, first)
    found = patch.object("found", "t i b b i")
    patch.connect(first, found)
    patch.cord(found, 3, patch.message("pad-ready", f"$1 activebgcolor {_READY}"))
    patch.connect("obj-pad-ready", router)
    patch.cord(found, 2, samples)
    patch.connect(samples, beats)
    again = patch.object("once-more", "onebang")
    patch.cord(found, 1, again, 1)
    index = patch.object("index", "i")
    patch.connect(found, patch.object("row", "expr $i1 - 1"), index)
    look = patch.object("look", "deferlow")
    where = patch.object("slot-words", f"sprintf {_SLOTS} %ld")
    slot_path, slot = patch.object("slot-path", "live.path"), patch.object("slot", "live.object")
    patch.connect(index, look, where, slot_path)
    got = patch.object("slot-got", "t l l")
    patch.cord(slot_path, 1, got)
    patch.cord(got, 1, slot, 1)
    there = patch.object("slot-there", "route id")
    none = patch.object("slot-none", "sel 0")
    patch.connect(got, there, none)
    wrap = patch.message("from-the-top", "0")
    patch.connect(none, again, wrap, index)
    say(patch, "full", "no clip made: this track has no empty slot", (again, 1))
    ask = patch.message("slot-ask", "get has_clip")
    patch.cord(none, 1, patch.object("slot-is-there", "t b"))
    patch.connect("obj-slot-is-there", ask, slot)
    answer = patch.object("slot-answer", "route has_clip")
    taken = patch.object("slot-taken", "sel 0 1")
    patch.connect(slot, answer, taken)
    following = patch.object("next", "t b")
    patch.cord(taken, 1, following)
    kept = patch.object("kept", "i")
    patch.cord(index, 0, kept, 1)
    patch.connect(following, kept, patch.object("next-index", "expr $i1 + 1"), index)
    create = patch.object("create", "t b b")
    patch.connect(taken, create)
    patch.cord(create, 1, file)
    patch.connect(file, patch.object("create-call", "prepend call create_audio_clip"), slot)
    _add_finish(patch, create, beats)


def _add_finish(patch: Patch, create: str, beats: str) -> None:
    """Warp the new clip at once, and give it its loop when Live has done so."""
    where = patch.object("clip-words", f"sprintf {_SLOTS} %ld clip")
    path, clip = patch.object("clip-path", "live.path"), patch.object("clip", "live.object")
    again = patch.object("clip-order", "t b")
    index = patch.object("clip-index", "i")
    patch.connect(create, again, index, where, path)
    patch.cord("obj-index", 0, index, 1)
    got = patch.object("clip-got", "t l l")
    patch.cord(path, 1, got)
    patch.cord(got, 1, clip, 1)
    there = patch.object("clip-there", "route id")
    none = patch.object("clip-none", "sel 0")
    patch.connect(got, there, none)
    say(patch, "refused", "Live takes no clip from that file", (none, 0))
    steps = patch.object("clip-steps", "t b b")
    patch.cord(none, 1, steps)
    patch.cord(steps, 1, patch.message("warp", "set warping 1"))
    patch.connect("obj-warp", clip)
    later = patch.object("settle", f"delay {_SETTLE_MS}")
    patch.connect(steps, later)
    length = patch.object("length", "f")
    patch.cord(beats, 0, length, 1)
    begin = patch.object("loop-steps", "t b b b b")
    patch.connect(later, begin)
    for outlet, words in ((3, "set looping 1"), (2, "set loop_start 0."), (1, "set start_marker 0.")):
        message = patch.message(f"clip-{words.split()[1]}", words)
        patch.cord(begin, outlet, message)
        patch.connect(message, clip)
    patch.connect(begin, length)
    ends = patch.object("ends", "t f f f")
    patch.connect(length, ends)
    for outlet, word in ((2, "loop_end"), (1, "end_marker")):
        setter = patch.object(f"clip-{word}", f"prepend set {word}")
        patch.cord(ends, outlet, setter)
        patch.connect(setter, clip)
    told = patch.object("told", "sprintf set a clip of %g beats")
    patch.connect(ends, told, "obj-status")
