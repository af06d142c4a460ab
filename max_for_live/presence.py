"""The wires that devices of plain objects share: say hello, hear answers, show if the daemon is there."""

from __future__ import annotations

from dataclasses import dataclass

from max_for_live.controls import RED, add_light
from max_for_live.patcher import Patch, Rect, Style, Visible, number

__all__ = ["Wires", "add_presence", "colour", "say"]

_BEAT_MS = 2000
_AWAY_MS = 12000  # a busy machine keeps the daemon from answering
_NUM_PORTS = 16  # from the one that was chosen on; other devices of the set may have it
GREEN = [0.3, 0.8, 0.35, 1.0]


@dataclass(frozen=True, slots=True)
class Wires:
    """Hold where messages go to the daemon, where its answers come from, and what starts the device.

    ``answers`` sends each answer without its address, at the outlet of its place among the addresses that
    were asked for. ``port`` sends the number of the reply port, ``beat`` a bang every two seconds.
    """

    send: str
    answers: str
    ready: str
    port: str
    beat: str


def add_presence(
    patch: Patch,
    name: str,
    width: int,
    daemon_port: int,
    reply_port: int,
    port_rect: Rect,
    addresses: tuple[str, ...],
) -> Wires:
    """Add the light, the text, the reply port and the heartbeat; the welcome is always heard first."""
    add_light(patch, width)
    left, top, _, _ = port_rect
    patch.label("port-label", (left - 62, top, 60, 16), "Reply port")
    port = patch.parameter(
        "port",
        "live.numbox",
        port_rect,
        "Reply port",
        "The UDP port that riffsidecar answers this device at. Where another device of the set has it, the "
        "next free one is found.",
        number(1024, 65535, reply_port, Style.INT, Visible.STORED),
    )
    send = patch.object("send", f"udpsend 127.0.0.1 {daemon_port}")
    receive = patch.object("receive", f"udpreceive {reply_port} @defer 1")
    answers = patch.object("answers", f"route /riff/welcome {' '.join(addresses)}")
    patch.connect(receive, answers)
    ready = patch.object("ready", "live.thisdevice")
    start = patch.object("start", "t 1 b")
    beat = patch.object("beat", f"metro {_BEAT_MS}")
    number_again = patch.object("port-kept", f"i {reply_port}")
    patch.connect(ready, start, beat, number_again)
    _add_next_port(patch, port, number_again, reply_port)
    hello = patch.message("hello", f"/riff/hello $1 {name}")
    listen = patch.message("listen", "port $1")
    ports = patch.object("ports", "t i i")
    patch.connect(number_again, ports, hello, send)
    fresh = patch.object("port-changed", "change")
    patch.cord(ports, 1, fresh)
    patch.connect(fresh, listen, receive)
    heard = patch.object("heard", "t b b 1")
    patch.connect(answers, heard)
    patch.cord(heard, 2, "obj-is-own-port", 1)
    deadline = patch.object("deadline", f"delay {_AWAY_MS}")
    patch.connect(heard, deadline)
    patch.cord(start, 1, deadline)
    was_away = patch.object("was-away", "onebang 1")
    patch.cord(heard, 1, was_away)
    back = patch.object("back", "t b b")
    patch.connect(was_away, back)
    colour(patch, "green", GREEN, (back, 1))
    say(patch, "there", "riffsidecar is there", (back, 0))
    lost = patch.object("lost", "t b b b b")
    patch.connect(deadline, lost)
    patch.cord(lost, 3, "obj-is-own-port")
    patch.cord("obj-next-port", 1, deadline)
    patch.cord(lost, 2, was_away, 1)
    colour(patch, "red", RED, (lost, 1))
    say(patch, "away", "riffsidecar does not answer: start riffsidecar run", (lost, 0))
    return Wires(send, answers, ready, ports, beat)


def _add_next_port(patch: Patch, port: str, number: str, reply_port: int) -> None:
    """Let another port be tried where nothing was ever heard at this one, because another device has it."""
    chosen, tries = patch.object("port-chosen", f"i {reply_port}"), patch.object("port-tries", "i")
    own = patch.object("is-own-port", "i")
    place = patch.object("port-place", "pack 0 0")
    patch.connect(chosen, place, patch.object("port-number", f"expr $i1 + $i2 % {_NUM_PORTS}"), number)
    # One that is chosen by hand is the first to be tried.
    anew = patch.object("port-anew", "t i b 0 0")
    patch.connect(port, anew, chosen)
    patch.cord(anew, 1, "obj-deadline")
    patch.cord(anew, 2, tries, 1)
    patch.cord(anew, 2, place, 1)
    patch.cord(anew, 3, own, 1)
    steps = patch.object("next-port", "t b b b")
    patch.connect(own, patch.object("not-own-port", "sel 0"), steps, chosen)
    counted = patch.object("port-counted", "t i i")
    patch.cord(steps, 2, tries)
    patch.connect(tries, patch.object("port-one-more", "expr $i1 + 1"), counted)
    patch.cord(counted, 1, tries, 1)
    patch.cord(counted, 0, place, 1)


def colour(patch: Patch, name: str, shade: list[float], source: tuple[str, int]) -> None:
    """Add the message that gives the light a colour."""
    message = patch.message(f"light-{name}", f"textcolor {' '.join(f'{part:g}' for part in shade)}")
    patch.cord(*source, message)
    patch.connect(message, "obj-light")


def say(patch: Patch, name: str, text: str, source: tuple[str, int]) -> None:
    """Add the message that puts a text beside the light."""
    message = patch.message(f"say-{name}", f"set {text}")
    patch.cord(*source, message)
    patch.connect(message, "obj-status")
