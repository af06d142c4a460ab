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
_TRACK = "this_device canonical_parent"
_SETTLE_MS = 250  # Live warps a new clip after the call that asked for it
_SAME = 1e-4
_WAITING = "0.98 0.7 0.2 1."
_READY = "0.3 0.8 0.35 1."
_FAILED = "0.9 0.2 0.15 1."
_EMPTY = "0.3 0.3 0.3 1."
_ID = "id:live11"  # then the pad and the reply port; every device's begins with id:live
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
    own, whose = _add_own_answers(patch, wires)
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
    _add_bank(patch, with_loop, router)
    loops = patch.object("loops", "route -1")
    patch.cord(own, 2, loops)
    _add_clips(patch, loops, with_loop)


def _add_own_answers(patch: Patch, wires: Wires) -> tuple[str, str]:
    """Let through what answers a pad of this device; return what sends it, by its kind, and whose it is.

    An error names its request alone and no slot, so the id of a request names its pad. The first word of an
    answer is that id; the route learns the sixteen from the port.
    """
    own = patch.object("own", f"gate {len(_ANSWERS) - 1}")
    ids = patch.object("own-ids", f"route {' '.join(f'id{number}' for number in range(1, NUM_PADS + 1))}")
    for kind in range(1, len(_ANSWERS)):
        order = patch.object(f"answer{kind}", f"t l {kind}")
        patch.cord(wires.answers, 1 + kind, order)
        patch.cord(order, 1, own)
        patch.connect(order, ids)
    whose = patch.object("answer-pad", "i")
    for number in range(1, NUM_PADS + 1):
        name = patch.object(f"id{number}", f"sprintf {_ID}-{number}-%ld")
        patch.connect(wires.port, name)
        patch.cord(name, 0, ids, number)
        known = patch.object(f"own{number}", f"t l {number}")
        patch.cord(ids, number - 1, known)
        patch.cord(known, 1, whose)
        patch.cord(known, 0, own, 1)
    return own, whose


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


def _add_bank(patch: Patch, with_loop: str, pads: str) -> None:
    """Ask for the bank when the daemon comes, and let no pad of another bank look as if it had a loop."""
    patch.cord("obj-back", 0, patch.message("state-ask", "/riff/query state"))
    patch.connect("obj-state-ask", "obj-send")
    another = patch.object("bank-changed", "zl.change")
    patch.cord("obj-states", 1, another)
    each = patch.object("bank-pads", f"uzi {NUM_PADS}")
    anew = patch.object("bank-new", "t b b")
    patch.connect(another, anew, each)
    patch.cord(anew, 1, patch.message("no-loops", "clear"))
    patch.connect("obj-no-loops", with_loop)
    patch.cord(each, 2, "obj-pad-empty")


def _add_clips(patch: Patch, loops: str, with_loop: str) -> None:
    """Make a clip of a loop: keep what it is, find an empty slot, create, and leave the rest for later.

    All of it runs before the next message, so that the loop that comes next cannot take its place.
    """
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
    found = patch.object("found", "t b i b i")
    patch.connect(first, found)
    patch.cord(found, 3, "obj-pad-ready")
    patch.cord(found, 3, patch.message("loop-there", "$1 $1"))
    patch.connect("obj-loop-there", with_loop)
    made = patch.object("made", "pack 0 0. 0")
    patch.cord(found, 3, made, 2)
    patch.cord(found, 2, samples)
    patch.connect(samples, beats)
    patch.cord(beats, 0, made, 1)
    index = patch.object("index", "expr ($i1 - 1 + ($i2 <= $i3) * ($i2 - 1)) % $i3")
    patch.cord(found, 1, index, 1)
    create = _add_search(patch, found, index)
    patch.cord(create, 1, file)
    patch.connect(file, patch.object("create-call", "prepend call create_audio_clip"), "obj-slot")
    _add_warp(patch, create, made)
    _add_finish(patch, made)


def _add_search(patch: Patch, found: str, index: str) -> str:
    """Look at each slot of the track once, from the pad's own on; return what the first empty one fires."""
    steps = patch.object("search", "t b b b")
    patch.connect(found, steps)
    is_made = patch.object("is-made", "i")
    patch.cord(steps, 2, patch.message("not-made", "0"))
    patch.cord("obj-not-made", 0, is_made, 1)
    track_path, track = patch.object("track-path", "live.path"), patch.object("track", "live.object")
    patch.cord(steps, 1, patch.message("track-ask", f"path {_TRACK}"))
    patch.connect("obj-track-ask", track_path)
    got = patch.object("track-got", "t b l")
    patch.cord(track_path, 1, got)
    patch.cord(got, 1, track, 1)
    patch.connect(got, patch.message("count-ask", "getcount clip_slots"), track)
    count = patch.object("count", "t i i")
    patch.connect(track, patch.object("count-answer", "route clip_slots"), count)
    patch.cord(count, 1, index, 2)
    each = patch.object("each-slot", "uzi")
    patch.connect(count, each)
    patch.cord(each, 2, index)
    none = patch.object("none-made", "sel 0")
    patch.connect(steps, is_made, none)
    no_slot = "no clip made: this track has no empty slot (the device must not lie in a rack)"
    say(patch, "full", no_slot, (none, 0))
    where = patch.object("slot-words", f"sprintf path {_TRACK} clip_slots %ld")
    slot_path, slot = patch.object("slot-path", "live.path"), patch.object("slot", "live.object")
    patch.connect(index, patch.object("slot-index", "t i i"), where, slot_path)
    there = patch.object("slot-got", "t b l")
    patch.cord(slot_path, 1, there)
    patch.cord(there, 1, slot, 1)
    patch.connect(there, patch.message("slot-ask", "get has_clip"), slot)
    free = patch.object("slot-free", "sel 0")
    patch.connect(slot, patch.object("slot-answer", "route has_clip"), free)
    create = patch.object("create", "t b b b b")
    patch.connect(free, create)
    patch.cord(create, 3, patch.message("search-end", "break"))
    patch.connect("obj-search-end", each)
    patch.cord(create, 2, patch.message("is-found", "1"))
    patch.cord("obj-is-found", 0, is_made, 1)
    return create


def _add_warp(patch: Patch, create: str, made: str) -> None:
    """Warp the new clip at once, and hand it on; Live takes a while to do so."""
    where = patch.object("clip-words", f"sprintf path {_TRACK} clip_slots %ld clip")
    kept = patch.object("clip-index", "i")
    patch.cord("obj-slot-index", 1, kept, 1)
    path, clip = patch.object("clip-path", "live.path"), patch.object("clip", "live.object")
    patch.connect(create, kept, where, path)
    got = patch.object("clip-got", "t l l")
    patch.cord(path, 1, got)
    patch.cord(got, 1, clip, 1)
    there = patch.object("clip-there", "route id")
    none = patch.object("clip-none", "sel 0")
    patch.connect(got, there, none)
    say(patch, "refused", "Live takes no clip here: is the track frozen or no audio track?", (none, 0))
    steps = patch.object("clip-steps", "t i b")
    patch.cord(none, 1, steps)
    patch.cord(steps, 1, patch.message("warp", "set warping 1"))
    patch.connect("obj-warp", clip)
    patch.connect(steps, made)


def _add_finish(patch: Patch, made: str) -> None:
    """Give each clip its loop and its name when Live has warped it; several may wait at a time."""
    later = patch.object("settle", f"pipe 0 0. 0 {_SETTLE_MS}")
    patch.connect(made, later)
    again = patch.object("settled", "pack 0 0. 0")
    for place in range(3):
        patch.cord(later, place, again, place)
    # What waits comes back on Max's timer; Live is spoken to from its main thread.
    each = patch.object("settled-clip", "unpack i f i")
    patch.connect(again, patch.object("settled-later", "deferlow"), each)
    clip = patch.object("warped", "live.object")
    pad, length = patch.object("clip-pad", "i"), patch.object("length", "f")
    patch.cord(each, 2, pad, 1)
    patch.cord(each, 1, length, 1)
    begin = patch.object("loop-steps", "t b b b b b i")
    patch.connect(each, begin)
    patch.cord(begin, 5, patch.message("warped-id", "id $1"))
    patch.cord("obj-warped-id", 0, clip, 1)
    for outlet, words in ((4, "set looping 1"), (3, "set loop_start 0."), (2, "set start_marker 0.")):
        message = patch.message(f"clip-{words.split()[1]}", words)
        patch.cord(begin, outlet, message)
        patch.connect(message, clip)
    patch.cord(begin, 1, length)
    ends = patch.object("ends", "t f f f")
    patch.connect(length, ends)
    for outlet, word in ((2, "loop_end"), (1, "end_marker")):
        setter = patch.object(f"clip-{word}", f"prepend set {word}")
        patch.cord(ends, outlet, setter)
        patch.connect(setter, clip)
    told = patch.object("told", "sprintf set a clip of %g beats")
    patch.connect(ends, told, "obj-status")
    names = patch.object("names", "coll")
    patch.connect("obj-pad-name", names)
    patch.connect(begin, pad, names, patch.message("clip-name", "set name $1"), clip)
