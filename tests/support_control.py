"""Doubles for tests of the surfaces: an OSC client, MIDI without hardware, a session that listens."""

from __future__ import annotations

import ctypes
import queue
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from riffsidecar.control.midi_wire import Answer, Ask, Channel, Heard
from riffsidecar.control.osc import OscSurface
from riffsidecar.errors import MidiError
from riffsidecar.session.commands import Command
from riffsidecar.session.events import Acked, Envelope, Finished, Origin

WAIT_S = 60.0
"""How long a test waits for what has to come. Nothing is measured by it."""


class Recorder:
    """A submit that keeps what it is given."""

    def __init__(self) -> None:
        self.envelopes: queue.Queue[Envelope] = queue.Queue()
        self.problem: Exception | None = None

    def __call__(self, envelope: Envelope) -> None:
        self.envelopes.put(envelope)
        if self.problem is not None:
            raise self.problem

    def next(self) -> Envelope:
        return self.envelopes.get(timeout=WAIT_S)

    def command(self) -> Command:
        return self.next().command

    def rest(self) -> list[Command]:
        found = []
        while not self.envelopes.empty():
            found.append(self.envelopes.get().command)
        return found


class OscProbe:
    """A UDP client that speaks python-osc, on a socket of its own."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.server = (host, port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(WAIT_S)

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def send(self, address: str, *values: object) -> None:
        self.send_bytes(osc(address, *values))

    def send_bytes(self, data: bytes) -> None:
        self.socket.sendto(data, self.server)

    def receive(self) -> tuple[object, ...]:
        """Return the next message: its address, then its arguments."""
        message = OscMessage(self.socket.recv(65536))
        return (message.address, *message.params)

    def until(self, address: str) -> list[tuple[object, ...]]:
        """Return the messages that come, up to and with the first to an address."""
        found = [self.receive()]
        while found[-1][0] != address:
            found.append(self.receive())
        return found

    def ask(self, address: str, *values: object) -> list[tuple[object, ...]]:
        """Send a request and return its answers, up to the one that ends it."""
        self.send(address, *values)
        found = [self.receive()]
        while found[-1][0] not in ("/riff/done", "/riff/error"):
            found.append(self.receive())
        return found

    def is_quiet(self) -> bool:
        """Return whether nothing waits to be received."""
        self.socket.setblocking(False)
        try:
            self.socket.recv(65536)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(WAIT_S)
        return False

    def close(self) -> None:
        self.socket.close()


def osc(address: str, *values: object) -> bytes:
    builder = OscMessageBuilder(address=address)
    for value in values:
        builder.add_arg(value)  # type: ignore[arg-type]
    return bytes(builder.build().dgram)


@contextmanager
def osc_rig(**settings: object) -> Iterator[tuple[OscSurface, Recorder, OscProbe]]:
    """Run an OSC surface on a free port, with a client."""
    surface = OscSurface(port=0, **settings)  # type: ignore[arg-type]
    recorder = Recorder()
    surface.start(recorder)
    probe = OscProbe(surface.port)
    try:
        yield surface, recorder, probe
    finally:
        probe.close()
        surface.close()


class FakeMidi:
    """A MIDI system whose ports a test plugs in and out; it is the backend and its factory."""

    def __init__(
        self, inputs: Sequence[str] = ("Pads 20:0",), outputs: Sequence[str] = ("Pads 20:0",)
    ) -> None:
        self.input_names = tuple(inputs)
        self.output_names = tuple(outputs)
        self.clock: Callable[[], float] = time.monotonic
        self.is_gone = False
        self.tell_gone: Callable[[], None] = lambda: None
        self.receivers: dict[str, Callable[[Sequence[int], float], None]] = {}
        self.sent: queue.Queue[bytes] = queue.Queue()
        self.opened: queue.Queue[str] = queue.Queue()
        self.closed: queue.Queue[str] = queue.Queue()
        self.is_closed = False
        self.problem = ""

    def __call__(self) -> FakeMidi:
        return self

    def when_gone(self, tell: Callable[[], None]) -> None:
        self.tell_gone = tell

    def die(self, problem: str) -> None:
        """End, as a driver does that crashes."""
        self.problem, self.is_gone = problem, True
        self.tell_gone()

    def inputs(self) -> tuple[str, ...]:
        if self.problem:
            raise MidiError(self.problem)
        return self.input_names

    def outputs(self) -> tuple[str, ...]:
        return self.output_names

    def open_input(self, name: str, receive: Callable[[Sequence[int], float], None]) -> FakeInput:
        self.receivers[name] = receive
        self.opened.put(name)
        return FakeInput(self, name)

    def open_output(self, name: str) -> FakeOutput:
        self.opened.put(f"out {name}")
        return FakeOutput(self, name)

    def close(self) -> None:
        self.is_closed = True

    def wait_for(self, name: str) -> None:
        """Wait until a port has been opened."""
        while self.opened.get(timeout=WAIT_S) != name:
            continue

    def play(self, *data: int) -> None:
        """Send a message from the controller."""
        for receive in list(self.receivers.values()):
            receive(list(data), self.clock())

    def light(self) -> tuple[int, ...]:
        return tuple(self.sent.get(timeout=WAIT_S))


class FakeInput:
    def __init__(self, midi: FakeMidi, name: str) -> None:
        self._midi = midi
        self._name = name

    def close(self) -> None:
        del self._midi.receivers[self._name]
        self._midi.closed.put(self._name)


class FakeOutput:
    def __init__(self, midi: FakeMidi, name: str) -> None:
        self._midi = midi
        self._name = name

    def send(self, data: Sequence[int]) -> None:
        if self._name not in self._midi.output_names:
            raise MidiError(f"{self._name} is gone")
        self._midi.sent.put(bytes(data))

    def close(self) -> None:
        self._midi.closed.put(f"out {self._name}")


def playing_midi(channel: Channel, api: str | None) -> None:
    """Be a MIDI process whose one input plays a pad as soon as it is open; ports have the names of deeds."""
    channel.send(Answer())
    while True:
        ask = channel.receive(WAIT_S)
        match ask:
            case Ask("open-input", name="crashes"):
                ctypes.string_at(0)
            case Ask("open-input", name="hangs"):
                threading.Event().wait()
            case Ask("open-input", name="is taken"):
                channel.send(Answer("the port is taken"))
            case Ask("open-input", number=number):
                channel.send(Answer())
                channel.send(Heard(number, ((bytes((0x90, 36, 100)), time.monotonic()),)))
            case Ask(what):
                channel.send(Answer(names=("Pads",) if what == "inputs" else ()))


def refusing_midi(channel: Channel, api: str | None) -> None:
    """Be a MIDI process that cannot connect."""
    channel.send(Answer("the MIDI system does not answer"))


def finished(origin: Origin, slot: int = 3) -> Finished:
    return Finished(
        origin=origin,
        slot=slot,
        path="/loops/riff_120_dusty_drums_Am.wav",
        bars=4.0,
        bpm=120.0,
        key="Am",
        seed=42,
        num_samples=352_800,
        sample_rate=44_100,
        render_s=1.5,
        cached=False,
    )


class ScriptedSession(Recorder):
    """A submit that answers every command through ``notify``, as the daemon does for a pad."""

    def __init__(self, surface: OscSurface) -> None:
        super().__init__()
        self._surface = surface

    def __call__(self, envelope: Envelope) -> None:
        super().__call__(envelope)
        slot = getattr(envelope.command, "pad", None)
        self._surface.notify(Acked(envelope.origin, slot))
        if slot is not None:
            self._surface.notify(finished(envelope.origin, slot))


def mutated(data: bytes, generator: random.Random) -> bytes:
    """Return a packet with one to four faults: bytes changed, put in, cut, doubled, sizes overwritten."""
    packet = bytearray(data)
    for _ in range(generator.randint(1, 4)):
        at = generator.randrange(len(packet) + 1)
        match generator.randrange(6):
            case 0 if packet:
                packet[at % len(packet)] = generator.randrange(256)
            case 1:
                packet[at:at] = generator.randbytes(generator.choice((1, 2, 4, 8)))
            case 2:
                del packet[at : at + generator.choice((1, 4, 16))]
            case 3:
                packet += packet[at:]
            case 4:
                packet[at : at + 4] = generator.choice(
                    (
                        b"\xff\xff\xff\xfc",
                        b"\x7f\xff\xff\xff",
                        bytes(4),
                        b"\xff\xff\xff\xff",
                        b"\x7f\xc0\0\0",
                        b"#bun",
                    )
                )
            case 5:
                packet = bytearray(b"#bundle\0" + bytes(8) + len(packet).to_bytes(4, "big") + packet)
    return bytes(packet)
