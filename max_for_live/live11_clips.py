"""What makes clips of loops in the device for Live 11, in plain objects of Max 8."""

from __future__ import annotations

from max_for_live.controls import after_samples
from max_for_live.patcher import Patch
from max_for_live.presence import say

__all__ = ["add_clips"]

_TRACK = "this_device canonical_parent"
_SETTLE_MS = 250  # Live warps a new clip after the call that asked for it


def add_clips(patch: Patch, loops: str, with_loop: str) -> None:
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
