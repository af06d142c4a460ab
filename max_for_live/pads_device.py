"""The patcher of Riffsidecar Pads.amxd: a MIDI effect for a controller that Live owns, in plain objects.

Notes of the track become pads and controllers become knobs; all of them go on to what follows as well.
"""

from __future__ import annotations

from max_for_live.patcher import MIDI_EFFECT, Device, Patch
from max_for_live.presence import Wires, add_presence, say
from riffsidecar.session.knobs import Knob, default_ccs, find_knob
from riffsidecar.session.pads import FIRST_NOTE, NUM_PADS

__all__ = ["REPLY_PORT_OFFSET", "pads_device", "pads_patch"]

REPLY_PORT_OFFSET = 60
"""From the first reply port of the other devices, which look for free ones from there."""

_WIDTH = 236
_MIDI_MAX = 127


def pads_device() -> Device:
    """Return what is true of the device as a whole."""
    return Device(
        kind=MIDI_EFFECT,
        width=_WIDTH,
        description="The notes and controllers of this track play riffsidecar's pads and knobs.",
        live="11.3.25",
        max_version="8.6",
    )


def pads_patch(daemon_port: int, reply_port: int) -> Patch:
    """Return the boxes and cords."""
    patch = Patch()
    wires = add_presence(
        patch, "pads", _WIDTH, daemon_port, reply_port, (_WIDTH - 72, 146, 64, 15), ("/riff/error",)
    )
    source, target = patch.object("midi-in", "midiin"), patch.object("midi-out", "midiout")
    parse = patch.object("midi", "midiparse")
    patch.connect(source, target)
    patch.connect(source, parse)
    last_note = FIRST_NOTE + NUM_PADS - 1
    patch.label("notes", (8, 30, _WIDTH - 16, 16), f"Notes {FIRST_NOTE} to {last_note}: pads 1 to {NUM_PADS}")
    ccs = default_ccs()
    half = (_WIDTH - 16) // 2
    for place, (cc, name) in enumerate(ccs.items()):
        row, column = divmod(place, 2)
        patch.label(f"cc-{cc}", (8 + column * half, 52 + 17 * row, half, 16), f"CC {cc}: {name}")
    _add_notes(patch, parse, wires)
    _add_controllers(patch, parse, wires, ccs)
    error = patch.object("error", "unpack s s s")
    patch.cord(wires.answers, 1, error)
    patch.cord(error, 2, patch.object("error-text", "prepend set"))
    patch.connect("obj-error-text", "obj-status")
    say(patch, "start", "riffsidecar", (wires.ready, 0))
    return patch


def _add_notes(patch: Patch, parse: str, wires: Wires) -> None:
    """Let a note become its pad; the daemon itself passes over velocity 0, a note that ends."""
    numbers = " ".join(str(FIRST_NOTE + place) for place in range(NUM_PADS))
    notes = patch.object("notes-only", f"route {numbers}")
    patch.connect(parse, notes)
    for place in range(NUM_PADS):
        hit = patch.message(f"pad{place + 1}", f"/riff/pad {place + 1} $1")
        patch.cord(notes, place, hit)
        patch.connect(hit, wires.send)


def _add_controllers(patch: Patch, parse: str, wires: Wires, ccs: dict[int, str]) -> None:
    """Let a controller turn its knob, over the knob's whole range."""
    known = patch.object("ccs-only", f"route {' '.join(str(cc) for cc in ccs)}")
    patch.cord(parse, 2, known)
    for place, name in enumerate(ccs.values()):
        knob = find_knob(name)
        turned = patch.object(f"{name}-value", f"expr {_scaled(knob)}")
        patch.cord(known, place, turned)
        patch.connect(turned, patch.object(f"{name}-message", f"prepend {knob.osc}"), wires.send)


def _scaled(knob: Knob) -> str:
    """Return the formula from a controller's 0 to 127 to the knob.

    >>> _scaled(find_knob("guidance")), _scaled(find_knob("quality"))
    ('1. + $i1 * 5. / 127.', 'min(2, $i1 * 3 / 127)')
    """
    span = knob.maximum - knob.minimum
    if knob.choices:
        return f"min({len(knob.choices) - 1}, $i1 * {len(knob.choices)} / {_MIDI_MAX})"
    return f"{float(knob.minimum):g}. + $i1 * {float(span):g}. / {_MIDI_MAX}."
