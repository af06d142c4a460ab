"""The patcher of Riffsidecar Launcher.amxd: it starts the daemon from Live, on request.

It is a device of its own because it needs Node for Max; the others work without.
"""

from __future__ import annotations

from typing import Final

from max_for_live.controls import add_light
from max_for_live.patcher import AUDIO_EFFECT, Device, Patch, Style, Visible, button, number, toggle

__all__ = ["LAUNCHER_SCRIPT", "launcher_device", "launcher_patch"]

LAUNCHER_SCRIPT: Final = "riffsidecar-launcher.js"

_WIDTH = 244


def launcher_device() -> Device:
    """Return what is true of the device as a whole."""
    return Device(
        kind=AUDIO_EFFECT,
        width=_WIDTH,
        description="Starts riffsidecar from Live, where it does not run already.",
        live="11.3.25",
        max_version="8.6",
    )


def launcher_patch(daemon_port: int) -> Patch:
    """Return the boxes and cords."""
    patch = Patch()
    source, target = patch.object("plugin", "plugin~"), patch.object("plugout", "plugout~")
    for side in (0, 1):
        patch.cord(source, side, target, side)
    add_light(patch, _WIDTH)
    node = patch.add(
        "node",
        "newobj",
        (1, 2, ("", "")),
        text=f"node.script {LAUNCHER_SCRIPT} @autostart 1 @watch 0",
        saved_object_attributes={"autostart": 1, "defer": 0, "watch": 0},
        textfile={"filename": LAUNCHER_SCRIPT, "flags": 0, "embed": 0, "autowatch": 1},
    )
    answers = patch.object("answers", "route status light hello")
    patch.connect(node, answers)
    patch.connect(answers, patch.object("status-text", "prepend set"), "obj-status")
    patch.cord(answers, 1, patch.object("light-colour", "prepend textcolor"))
    patch.connect("obj-light-colour", "obj-light")
    start = patch.parameter(
        "start",
        "live.text",
        (8, 34, 110, 26),
        "Start riffsidecar",
        "Starts riffsidecar, unless it runs. It goes on when Live ends; stop it with the button beside.",
        button(),
        mode=0,
        text="Start",
        texton="Start",
    )
    patch.connect(start, patch.message("start-message", "start"), node)
    stop = patch.parameter(
        "stop",
        "live.text",
        (126, 34, 110, 26),
        "Stop riffsidecar",
        "Stops riffsidecar if this device has started it, and no other.",
        button(),
        mode=0,
        text="Stop",
        texton="Stop",
    )
    patch.connect(stop, patch.message("stop-message", "stop"), node)
    auto = patch.parameter(
        "autostart",
        "live.text",
        (8, 68, 228, 18),
        "Start with this set",
        "Starts riffsidecar whenever this set is opened and it does not run.",
        toggle(on=False),
        mode=1,
        text="Start with this set",
        texton="Start with this set",
    )
    port = patch.parameter(
        "port",
        "live.numbox",
        (172, 146, 64, 15),
        "Daemon port",
        "The UDP port of riffsidecar run, 9123 where it was given no other.",
        number(1024, 65535, daemon_port, Style.INT, Visible.STORED),
        shortname="Port",
    )
    patch.label("port-label", (140, 146, 32, 16), "Port")
    patch.label("note-1", (8, 94, 228, 16), "Where riffsidecar lies, its own command tells once:")
    patch.label("note-2", (8, 110, 228, 16), "riffsidecar install-device")
    # Node starts later than the device, and asks for the settings that the set has restored.
    for control, word in ((auto, "autostart"), (port, "port")):
        kept = patch.object(f"{word}-kept", "i")
        patch.connect(control, kept, patch.object(f"{word}-message", f"prepend {word}"), node)
    asked = patch.object("asked", "t b b")
    patch.cord(answers, 2, asked)
    patch.cord(asked, 1, "obj-port-kept")
    patch.cord(asked, 0, "obj-autostart-kept")
    return patch
