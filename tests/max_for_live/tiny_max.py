"""A very small Max: it runs patchers of plain objects, as their reference pages describe them.

Messages run depth first; ``t`` fires from right to left; what waits (``delay``, ``metro``, ``deferlow``) runs
when :meth:`TinyMax.wait` lets the time pass. Signals are not computed.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

Atom = int | float | str
Atoms = list[Atom]
Box = dict[str, Any]

BANG: Atoms = ["bang"]
# What a person sees or hears, and where a signal goes.
SINKS = ("live.comment", "panel", "plugin~", "plugout~", "midiout")
CONTROLS = ("live.dial", "live.menu", "live.numbox")
SOURCES = ("live.text", "live.dial", "live.menu", "live.numbox", "live.thisdevice", "midiin", "udpreceive")


class TinyMax:
    """Run one patcher, with a Live Object Model of nested dictionaries."""

    is_backwards = False
    """Which of an outlet's cords comes first: Max goes by where the boxes lie, here it may be either."""

    def __init__(self, patcher: Box, lom: dict[str, Any] | None = None, track: int = 0) -> None:
        self.boxes = {entry["box"]["id"].removeprefix("obj-"): entry["box"] for entry in patcher["boxes"]}
        self.lom = lom or {"live_set": {"tracks": []}}
        self.track = track
        self.sent: list[Atoms] = []
        self.shown: dict[str, list[Atoms]] = {}
        self.port = 0
        self.now = 0.0
        self.due: list[tuple[float, int, str, Callable[[], None]]] = []
        self.order = 0
        self.ids: list[Any] = []
        self.observers: list[tuple[str, str]] = []
        self.cords: dict[tuple[str, int], list[tuple[str, int]]] = {}
        for line in patcher["lines"]:
            source, outlet = line["patchline"]["source"]
            target, inlet = line["patchline"]["destination"]
            key = (source.removeprefix("obj-"), outlet)
            self.cords.setdefault(key, []).append((target.removeprefix("obj-"), inlet))
        if self.is_backwards:
            self.cords = {key: targets[::-1] for key, targets in self.cords.items()}
        self.state: dict[str, Any] = {}
        for name, box in self.boxes.items():
            self.state[name] = self.begin(*self.words(box))

    @staticmethod
    def words(box: Box) -> tuple[str, Atoms]:
        if box["maxclass"] != "newobj":
            return box["maxclass"], [atom(word) for word in box.get("text", "").split()]
        kind, *arguments = box["text"].split()
        return kind, [atom(word) for word in arguments]

    @staticmethod
    def begin(kind: str, arguments: Atoms) -> Any:
        match kind:
            case "pipe":
                return list(arguments[:-1])
            case "route" | "pack" | "pak":
                return list(arguments)
            case "i" | "f":
                return arguments[0] if arguments else 0
            case "expr" | "if" | "sprintf":
                return [0] * 9
            case "onebang":
                return bool(arguments)
            case "coll":
                return {}
            case "uzi":
                return {"count": arguments[0] if arguments else 0, "is_broken": False}
            case "metro" | "delay":
                return arguments[0] if arguments else 0
        return None

    # What happens from outside.

    def load(self) -> None:
        """Open the device: every control tells its initial value, then the device is ready."""
        for name, box in self.boxes.items():
            if box["maxclass"] in CONTROLS:
                initial = box["saved_attribute_attributes"]["valueof"]["parameter_initial"][0]
                self.turn(name, int(initial) if box["maxclass"] == "live.menu" else initial)
        self.out("ready", 0, BANG)
        self.wait(0)

    def click(self, name: str) -> None:
        self.out(name, 0, [1])

    def turn(self, name: str, value: Atom) -> None:
        self.state[name] = value
        self.out(name, 0, [value])

    def hear(self, *message: Atom) -> None:
        self.out("receive", 0, list(message))

    def note(self, pitch: int, velocity: int) -> None:
        self.out("midi", 0, [pitch, velocity])

    def controller(self, number: int, value: int) -> None:
        self.out("midi", 2, [number, value])

    def change(self, name: str, value: Atom) -> None:
        self.lom["live_set"][name] = value
        for observer, observed in self.observers:
            if observed == name:
                self.out(observer, 0, [value])

    def wait(self, duration_ms: float) -> None:
        end = self.now + duration_ms
        while True:
            ready = sorted(entry for entry in self.due if entry[0] <= end)
            if not ready:
                break
            entry = ready[0]
            self.due.remove(entry)
            self.now = max(self.now, entry[0])
            entry[3]()
        self.now = end

    def after(self, delay_ms: float, owner: str, action: Callable[[], None]) -> None:
        self.order += 1
        self.due.append((self.now + delay_ms, self.order, owner, action))

    # How messages run.

    def out(self, name: str, outlet: int, message: Atoms) -> None:
        for target, inlet in self.cords.get((name, outlet), []):
            self.take(target, inlet, list(message))

    def take(self, name: str, inlet: int, message: Atoms) -> None:
        kind, arguments = self.words(self.boxes[name])
        if kind in SINKS or kind in SOURCES or kind == "udpsend":
            self.sink(name, kind, message)
        elif kind.startswith("live."):
            self.live(name, kind, arguments, inlet, message)
        else:
            getattr(self, "do_" + re.sub(r"\W", "_", kind))(name, arguments, inlet, message)

    def sink(self, name: str, kind: str, message: Atoms) -> None:
        if kind == "udpsend":
            self.sent.append(message)
        elif kind == "udpreceive":
            self.port = int(message[1])
        elif kind in CONTROLS and message == BANG:
            self.out(name, 0, [self.state[name]])
        else:
            self.shown.setdefault(name, []).append(message)

    def do_message(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        if message[0] == "set":
            return
        values = [] if message == BANG else message
        self.out(name, 0, [fill(word, values) for word in arguments])

    def do_route(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        known = self.state[name]
        if inlet > 0:
            known[inlet - 1] = message[0]
        elif message[0] in known:
            self.out(name, known.index(message[0]), message[1:] or BANG)
        else:
            self.out(name, len(known), message)

    def do_gate(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        if inlet == 0:
            self.state[name] = int(message[0])
        elif self.state[name]:
            self.out(name, self.state[name] - 1, message)

    def do_sel(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        if message[0] in arguments:
            self.out(name, arguments.index(message[0]), BANG)
        else:
            self.out(name, len(arguments), message)

    def do_t(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        for outlet in reversed(range(len(arguments))):
            what = arguments[outlet]
            made = {"b": BANG, "l": message, "s": message[:1]}.get(str(what))
            if made is None:
                made = [int(message[0])] if what == "i" else [float(message[0])] if what == "f" else [what]
            self.out(name, outlet, made)

    def keep(self, name: str, inlet: int, message: Atoms, kind: type) -> None:
        if message != BANG:
            self.state[name] = kind(message[0])
        if inlet == 0:
            self.out(name, 0, [self.state[name]])

    def do_i(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        self.keep(name, inlet, message, int)

    def do_f(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        self.keep(name, inlet, message, float)

    def do_pack(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        for place, value in enumerate(message, inlet):
            self.state[name][place] = value
        if inlet == 0:
            self.out(name, 0, list(self.state[name]))

    def do_pipe(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        for place, value in enumerate(message, inlet):
            self.state[name][place] = value
        if inlet == 0:
            held = list(self.state[name])

            def release() -> None:
                for outlet in reversed(range(len(held))):
                    self.out(name, outlet, [held[outlet]])

            self.after(float(arguments[-1]), name, release)

    def do_uzi(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        counting = self.state[name]
        if message == ["break"]:
            counting["is_broken"] = True
            return
        if message != BANG:
            counting["count"] = int(message[0])
        counting["is_broken"] = False
        for number in range(1, counting["count"] + 1):
            self.out(name, 2, [number])
            self.out(name, 0, BANG)
            if counting["is_broken"]:
                return
        self.out(name, 1, BANG)

    def do_coll(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        kept = self.state[name]
        if message == ["clear"]:
            kept.clear()
        elif message == ["dump"]:
            for index, values in list(kept.items()):
                self.out(name, 1, [index])
                self.out(name, 0, values)
        elif message[0] == "remove":
            kept.pop(message[1], None)
        elif len(message) > 1:
            kept[message[0]] = message[1:]
        elif message[0] in kept:
            self.out(name, 0, kept[message[0]])

    def do_pak(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        self.state[name][inlet] = message[0]
        self.out(name, 0, list(self.state[name]))

    def do_unpack(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        for outlet in reversed(range(min(len(arguments), len(message)))):
            kind = {"i": int, "f": float, "s": str}[str(arguments[outlet])]
            # A place for a number leaves words out, and the other way round.
            if (kind is str) == isinstance(message[outlet], str):
                self.out(name, outlet, [kind(message[outlet])])

    def do_prepend(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        self.out(name, 0, [*arguments, *message])

    def do_zl_rev(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        self.out(name, 0, message[::-1])

    def do_zl_slice(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        size = int(arguments[0])
        for outlet, part in ((1, message[size:]), (0, message[:size])):
            if part:
                self.out(name, outlet, part)

    def do_zl_join(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        if inlet:
            self.state[name] = message
        else:
            self.out(name, 0, [*message, *(self.state[name] or [])])

    def do_zl_reg(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        if inlet == 1:
            self.state[name] = message
        else:
            self.out(name, 0, self.state[name])

    def do_sprintf(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        self.state[name][inlet] = message[0]
        if inlet == 0:
            text = " ".join(str(word) for word in arguments).replace("%ld", "%d")
            count = len(re.findall(r"%[a-z]", text))
            self.out(name, 0, [atom(word) for word in (text % tuple(self.state[name][:count])).split()])

    def do_expr(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        for place, value in enumerate(message, inlet):
            self.state[name][place] = value
        if inlet == 0:
            text = " ".join(self.boxes[name]["text"].split()[1:])
            self.out(name, 0, [evaluate(text, self.state[name])])

    def do_if(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        self.state[name][inlet] = message[0]
        text = self.boxes[name]["text"].removeprefix("if ")
        condition, _, rest = text.partition(" then ")
        yes, _, no = rest.partition(" else ")
        chosen = yes if evaluate(condition, self.state[name]) else no
        values = self.state[name]
        self.out(name, 0, [fill(re.sub(r"^\$[if]", "$", word), values) for word in chosen.split()])

    def do_onebang(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        if inlet == 1:
            self.state[name] = True
            return
        was_open, self.state[name] = self.state[name], False
        self.out(name, 0 if was_open else 1, BANG)

    def do_change(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        if self.state[name] != message[0]:
            self.state[name] = message[0]
            self.out(name, 0, message)

    def do_zl_change(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        if self.state[name] != message:
            self.state[name] = message
            self.out(name, 0, message)

    def do_deferlow(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        self.after(0, name, lambda: self.out(name, 0, message))

    def forget(self, name: str) -> None:
        self.due = [entry for entry in self.due if entry[2] != name]

    def do_delay(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        self.forget(name)
        self.after(float(self.state[name]), name, lambda: self.out(name, 0, BANG))

    def do_metro(self, name: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        def beat() -> None:
            self.after(float(self.state[name]), name, beat)
            self.out(name, 0, BANG)

        self.forget(name)
        if message[0] == 1 or message == BANG:
            beat()

    # Live.

    def find(self, path: Sequence[str]) -> Any:
        at: Any = self.lom
        words = list(path)
        if words[:2] == ["this_device", "canonical_parent"]:
            at, words = self.lom["live_set"]["tracks"][self.track], words[2:]
        for word in words:
            if isinstance(at, list):
                at = at[int(word)] if int(word) < len(at) else None
            else:
                at = at.get(word) if at is not None else None
        return at

    def live(self, name: str, kind: str, arguments: Atoms, inlet: int, message: Atoms) -> None:
        if kind == "live.path":
            found = self.find([str(word) for word in message[1:]])
            if found is not None and not any(found is each for each in self.ids):
                self.ids.append(found)
            number = next((at for at, each in enumerate(self.ids, 1) if each is found), 0)
            self.out(name, 1, ["id", number])
        elif inlet == 1:
            self.state[name] = self.ids[int(message[1]) - 1] if message[1] else None
            if kind == "live.observer":
                watched = (name, str(arguments[0]))
                if watched not in self.observers:
                    self.observers.append(watched)
                self.out(name, 0, [self.state[name][watched[1]]])
        else:
            self.act(name, self.state[name], [str(message[0]), str(message[1])], message[2:])

    def act(self, name: str, thing: Any, words: list[str], values: Atoms) -> None:
        match words:
            case ["getcount", what]:
                self.out(name, 0, [what, len(thing[what])])
            case ["get", what]:
                self.out(name, 0, [what, thing[what]])
            case ["set", what]:
                thing[what] = values[0]
                thing.setdefault("order", []).append(what)
            case ["call", "create_audio_clip"]:
                # Live refuses a slot that is taken in Max's console alone.
                if not thing["has_clip"] and not self.lom.get("refuses"):
                    thing["has_clip"] = 1
                    thing["clip"] = {"file_path": values[0]}


def atom(word: str) -> Atom:
    try:
        return int(word)
    except ValueError:
        try:
            return float(word)
        except ValueError:
            return word


def fill(word: Atom, values: Sequence[Atom]) -> Atom:
    """Put a value where a message has ``$1``."""
    if isinstance(word, str) and re.fullmatch(r"\$\d", word):
        return values[int(word[1]) - 1]
    return atom(word) if isinstance(word, str) else word


def evaluate(text: str, values: Sequence[Atom]) -> Atom:
    """Work out an expression of ``expr``; whole numbers divide to whole numbers, as in C."""
    names = {f"f{place}": float(value) for place, value in enumerate(values, 1) if not isinstance(value, str)}
    names |= {f"i{place}": int(value) for place, value in enumerate(values, 1) if not isinstance(value, str)}
    python = text.replace("$", "").replace("&&", " and ")
    if "." not in text and "$f" not in text:
        python = python.replace("/", "//")
    found = eval(python, {"__builtins__": {}, "int": int, "min": min}, names)
    return bool(found) if isinstance(found, bool) else operator.pos(found)
