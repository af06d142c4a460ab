"""Real MIDI: a JACK server without hardware, python-rtmidi's ports, and the MIDI surface."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any, Self

import pytest
from support_control import WAIT_S, Recorder, finished

from riffsidecar.control.leds import Light
from riffsidecar.control.midi import MidiSurface
from riffsidecar.control.midi_ports import VIRTUAL
from riffsidecar.control.midi_process import MidiProcess, list_midi_ports
from riffsidecar.errors import MidiError
from riffsidecar.session.commands import (
    ReleaseTempo,
    SelectBank,
    SetKnob,
    SetTempo,
    SetTransport,
    TriggerPad,
)
from riffsidecar.session.events import Acked, Origin

FindTool = Callable[[str], str]
REQUIRED = os.environ.get("RIFFSIDECAR_REQUIRE_CLIENTS") == "1"

if REQUIRED:
    import rtmidi
else:
    rtmidi = pytest.importorskip("rtmidi")


pytestmark = pytest.mark.timeout(900)
"""Every step has its own patience: on a busy machine, a process takes seconds to begin."""


def jack_backend() -> MidiProcess:
    return MidiProcess("jack")


@pytest.fixture(scope="module", autouse=True)
def jack_server(require_tool: FindTool) -> Iterator[None]:
    """Run a JACK server of our own, at the side of any other."""
    with jack(require_tool("jackd"), f"riffsidecar-test-{os.getpid()}"):
        yield


@contextmanager
def jack(jackd: str, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a JACK server without hardware that everything started meanwhile connects to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JACK_NO_AUDIO_RESERVATION", "1")
        patch.setenv("JACK_NO_START_SERVER", "1")
        patch.setenv("JACK_DEFAULT_SERVER", name)
        with running_jackd(jackd, name) as server:
            yield server


@contextmanager
def running_jackd(jackd: str, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run jackd until the end of the block, and wait at its beginning until it answers.

    It waits for its clients (-S): without real-time scheduling, a busy machine would have it overtake them,
    and what was played in the meantime would be lost.
    """
    command = [jackd, "-n", name, "-r", "-S", "-d", "dummy", "-r", "48000", "-p", "256"]
    with tempfile.TemporaryFile() as told:
        server = subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT)
        try:
            until_jackd_answers(server, told)
            yield server
        finally:
            server.terminate()
            try:
                server.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def until_jackd_answers(server: subprocess.Popen[bytes], told: IO[bytes]) -> None:
    for _ in range(300):
        if server.poll() is not None:
            told.seek(0)
            pytest.fail(f"jackd ended with {server.returncode}: {told.read().decode(errors='replace')}")
        try:
            jack_backend().close()
            return
        except MidiError:
            time.sleep(0.1)
    pytest.fail("jackd does not answer")


@contextmanager
def controller(name: str = "padkeys") -> Iterator[Any]:
    """Plug a controller in: a JACK client with a MIDI output."""
    port = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=name)
    try:
        port.open_virtual_port("out")
        yield port
    finally:
        unplug(port)


def unplug(port: Any) -> None:
    """Close a port of python-rtmidi, and let go of it when no thread of libjack's is at work on it."""
    port.close_port()
    time.sleep(0.1)
    port.delete()


@contextmanager
def running(
    backend: Callable[[], MidiProcess] = jack_backend, **settings: Any
) -> Iterator[tuple[MidiSurface, Recorder]]:
    surface, recorder = MidiSurface(backend=backend, poll_s=0.05, **settings), Recorder()
    surface.start(recorder)
    try:
        yield surface, recorder
    finally:
        surface.close()


class Backends:
    """The MIDI processes that were started; all of them end with the block, whatever happens in it."""

    def __init__(self, patience_s: float = 5.0) -> None:
        self._patience_s = patience_s
        self.opened: list[MidiProcess] = []

    def open(self) -> MidiProcess:
        self.opened.append(MidiProcess("jack", patience_s=self._patience_s))
        return self.opened[-1]

    def newest(self) -> MidiProcess:
        return self.open() if not self.opened or self.opened[-1].is_gone else self.opened[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for backend in self.opened:
            backend.close()


SEQUENCER = """
import sys, time
import rtmidi
port = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="sequencer")
port.open_virtual_port("out")
print("plays", flush=True)
while True:
    port.send_message([0xF8])
    port.send_message([0x90, 36, 100])
    time.sleep(0.002)
"""


@contextmanager
def sequencer() -> Iterator[None]:
    """Play clocks and notes without a pause, in a process of its own that may die with its server."""
    process = subprocess.Popen(
        [sys.executable, "-c", SEQUENCER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"plays\n"
        yield
    finally:
        process.kill()
        process.wait(WAIT_S)
        process.stdout.close()


def until(holds: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + 4 * WAIT_S
    while not holds():
        assert time.monotonic() < end_s, f"in vain for {4 * WAIT_S:g} s: {what}"
        time.sleep(0.02)


def until_a_pad_is_hit(recorder: Recorder) -> None:
    while not isinstance(recorder.command(), TriggerPad):
        continue


def until_heard(port: Any, recorder: Recorder, note: int) -> None:
    """Hit a pad, ever harder, until the newest hit is heard; nothing is on its way afterwards."""
    for velocity in range(1, 128):
        port.send_message([0x90, note, velocity])
        with suppress(queue.Empty):
            while recorder.envelopes.get(timeout=0.5).command != TriggerPad(note - 35, velocity):
                continue
            return
    pytest.fail("the surface has not found the port")


def test_a_controller_is_found_by_name_and_played() -> None:
    with controller() as port, running(input_name="PADKEYS") as (surface, recorder):
        until_heard(port, recorder, 51)
        for message in ([0x99, 36, 100], [0x90, 51, 1], [0xB0, 75, 127], [0xC0, 2], [0x80, 36, 0]):
            port.send_message(message)
        envelopes = [recorder.next() for _ in range(4)]
        assert [each.command for each in envelopes] == [
            TriggerPad(1, 100),
            TriggerPad(16, 1),
            SetKnob("density", 1.0),
            SelectBank(3),
        ]
        assert envelopes[0].origin.surface == "midi"
        assert "padkeys" in envelopes[0].origin.client
        assert any("padkeys" in name and is_open for direction, name, is_open in surface.ports())


def test_the_ports_of_the_machine_are_listed() -> None:
    with controller("keystation"):
        assert any("keystation" in name for name in list_midi_ports(jack_backend).inputs)


def test_a_controller_that_is_pulled_out_and_put_back_is_played_again() -> None:
    with running(input_name="padkeys") as (surface, recorder):
        for note in (36, 40, 44):
            with controller() as port:
                until_heard(port, recorder, note)
            # JACK gives the same name again, so a swap between two looks would not be seen.
            until(lambda: not surface.ports(), "the port has gone")


def test_another_program_can_connect_to_a_port_of_our_own() -> None:
    with running(input_name=VIRTUAL) as (_, recorder):
        port = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="daw")
        try:
            until(lambda: any("riffsidecar" in name for name in port.get_ports()), "our port is there")
            names = port.get_ports()
            port.open_port(next(at for at, name in enumerate(names) if "riffsidecar" in name), "out")
            until_heard(port, recorder, 38)
        finally:
            unplug(port)


def test_the_pads_of_the_controller_light_up() -> None:
    lights: list[tuple[int, ...]] = []
    port = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="padlights")
    try:
        port.open_virtual_port("in")
        with running(input_name="nothing", output_name="padlights") as (surface, _):

            def is_lit() -> bool:
                surface.notify(Acked(Origin("osc"), 2))
                surface.notify(finished(Origin("osc"), 2))
                # Fetched: a callback would need the interpreter while closing a port waits and holds it.
                while (event := port.get_message()) is not None:
                    lights.append(tuple(event[0]))
                return (0x90, 37, Light.READY) in lights

            until(is_lit, "the pad is lit")
    finally:
        unplug(port)


def test_the_clock_of_a_sequencer_sets_the_tempo_and_its_end_lets_it_go() -> None:
    bpm = 240
    with running(input_name="sequencer") as (_, recorder):
        with controller("sequencer") as port:
            until_heard(port, recorder, 36)
            port.send_message([0xFA])
            start_s = time.perf_counter()
            followed: list[SetTempo | ReleaseTempo] = []
            for number in range(24 * 4 * 30):
                time.sleep(max(0.0, start_s + number * 60 / (24 * bpm) - time.perf_counter()))
                port.send_message([0xF8])
                followed += [each for each in recorder.rest() if isinstance(each, SetTempo | ReleaseTempo)]
                # A busy server delivers in bursts: exactness is tested elsewhere.
                if followed and is_near(followed[-1], bpm):
                    break
            assert followed
            assert is_near(followed[-1], bpm), followed
        ended = []
        while not isinstance(command := recorder.command(), ReleaseTempo):
            ended.append(command)
            assert isinstance(command, TriggerPad | SetTempo | SetTransport)
        assert SetTransport(False) in ended


def is_near(command: SetTempo | ReleaseTempo, bpm: int) -> bool:
    return (
        isinstance(command, SetTempo) and command.source == "clock" and abs(float(command.tempo) - bpm) < 12
    )


def test_ports_that_are_opened_and_closed_under_a_flood_of_clocks_are_heard_and_never_hang() -> None:
    """RtMidi may crash when it comes too late (see midi_host): then the next process is heard."""
    heard = threading.Event()
    with sequencer(), Backends(WAIT_S) as backends:
        for _ in range(10):
            heard.clear()
            while not heard.is_set():
                backend = backends.newest()
                try:
                    (name,) = [name for name in backend.inputs() if "sequencer" in name]
                    port = backend.open_input(name, lambda data, at_s: heard.set())
                    lights = backend.open_output(VIRTUAL)
                    lights.send([0x90, 36, 1])
                    until(lambda at=backend: heard.is_set() or at.is_gone, "clocks are heard")  # type: ignore[misc]
                    lights.close()
                    port.close()
                except MidiError as error:
                    assert backend.is_gone, error
                    assert "has ended" in str(error)


def test_a_crash_of_the_process_under_a_flood_of_clocks_is_played_over() -> None:
    """Jackd takes up to half a minute to get over a client that crashed; nothing here hurries it."""
    with (
        Backends() as backends,
        sequencer(),
        running(backends.open, input_name="sequencer", output_name=VIRTUAL) as (_, recorder),
    ):
        until_a_pad_is_hit(recorder)
        backends.opened[-1]._process.send_signal(signal.SIGSEGV)
        until(lambda: len(backends.opened) > 1, "a new process")
        recorder.rest()
        until_a_pad_is_hit(recorder)


def test_a_surface_closes_under_a_flood_of_clocks() -> None:
    threads = threading.active_count()
    with sequencer():
        for _ in range(3):
            with running(input_name="sequencer", output_name=VIRTUAL) as (_, recorder):
                until_a_pad_is_hit(recorder)
    until(lambda: threading.active_count() == threads, "every thread has ended")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_jack_server_that_ends_takes_nobody_with_it_and_is_played_again_when_it_runs_again(
    require_tool: FindTool, number: signal.Signals
) -> None:
    jackd, name = require_tool("jackd"), f"riffsidecar-end-{os.getpid()}-{number}"
    with jack(jackd, name) as server, running(input_name="sequencer") as (surface, recorder):
        with sequencer():
            until_a_pad_is_hit(recorder)
            server.send_signal(number)
            server.wait(WAIT_S)
        until(lambda: bool(surface.problem) and not surface.ports(), "the end of the server is noticed")
        assert "JACK" in surface.problem or "MIDI" in surface.problem
        recorder.rest()
        with running_jackd(jackd, name), sequencer():
            until_a_pad_is_hit(recorder)
