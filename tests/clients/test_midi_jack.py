"""Real MIDI: a JACK server without hardware, python-rtmidi's ports, and the MIDI surface."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

import pytest
from support_control import WAIT_S, Recorder, finished

from riffsidecar.control.leds import Light
from riffsidecar.control.midi import MidiSurface
from riffsidecar.control.midi_ports import VIRTUAL
from riffsidecar.control.midi_process import MidiProcess, list_midi_ports
from riffsidecar.errors import MidiError
from riffsidecar.session.commands import ReleaseTempo, SelectBank, SetKnob, SetTempo, TriggerPad
from riffsidecar.session.events import Acked, Origin

FindTool = Callable[[str], str]
REQUIRED = os.environ.get("RIFFSIDECAR_REQUIRE_CLIENTS") == "1"

if REQUIRED:
    import rtmidi
else:
    rtmidi = pytest.importorskip("rtmidi")


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
    """Run jackd until the end of the block, and wait at its beginning until it answers."""
    command = [jackd, "-n", name, "-r", "-d", "dummy", "-r", "48000", "-p", "256"]
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
    port.open_virtual_port("out")
    try:
        yield port
    finally:
        port.close_port()
        port.delete()


@contextmanager
def running(**settings: Any) -> Iterator[tuple[MidiSurface, Recorder]]:
    surface, recorder = MidiSurface(backend=jack_backend, poll_s=0.05, **settings), Recorder()
    surface.start(recorder)
    try:
        yield surface, recorder
    finally:
        surface.close()


SEQUENCER = """
import sys, time
import rtmidi
port = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="sequencer")
port.open_virtual_port("out")
print("plays", flush=True)
while True:
    port.send_message([0xF8])
    port.send_message([0x90, 36, 100])
    time.sleep(0.0005)
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


def until_a_pad_is_hit(recorder: Recorder) -> None:
    while not isinstance(recorder.command(), TriggerPad):
        continue


def until_heard(port: Any, recorder: Recorder, note: int) -> None:
    """Hit a pad until the surface has found the port: only then is anything heard."""
    for _ in range(200):
        port.send_message([0x90, note, 1])
        time.sleep(0.05)
        if recorder.rest():
            return
    pytest.fail("the surface has not found the port")


def test_a_controller_is_found_by_name_and_played() -> None:
    with controller() as port, running(input_name="PADKEYS") as (surface, recorder):
        until_heard(port, recorder, 51)
        time.sleep(0.1)
        recorder.rest()
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
                port.send_message([0x90, note, 99])
                while (command := recorder.command()) != TriggerPad(note - 35, 99):
                    assert command == TriggerPad(note - 35, 1)
            # JACK gives the same name again, so a swap between two looks would not be seen.
            for _ in range(200):
                if not surface.ports():
                    break
                time.sleep(0.05)


def test_another_program_can_connect_to_a_port_of_our_own() -> None:
    with running(input_name=VIRTUAL) as (_, recorder):
        port = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name="daw")
        names: list[str] = []
        for _ in range(100):
            names = [name for name in port.get_ports() if "riffsidecar" in name]
            if names:
                break
            time.sleep(0.05)
        port.open_port(port.get_ports().index(names[0]), "out")
        until_heard(port, recorder, 38)
        port.close_port()
        port.delete()


def test_the_pads_of_the_controller_light_up() -> None:
    lights: list[tuple[int, ...]] = []
    has_shown = threading.Event()
    port = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, name="padlights")
    port.open_virtual_port("in")

    def show(event: Any, _: Any) -> None:
        lights.append(tuple(event[0]))
        if event[0][2] == Light.READY:
            has_shown.set()

    port.set_callback(show)
    with running(input_name="nothing", output_name="padlights") as (surface, _):
        for _ in range(100):
            surface.notify(Acked(Origin("osc"), 2))
            surface.notify(finished(Origin("osc"), 2))
            if has_shown.wait(0.1):
                break
    assert (0x90, 37, Light.READY) in lights
    port.close_port()
    port.delete()


def test_the_clock_of_a_sequencer_sets_the_tempo_and_its_end_lets_it_go() -> None:
    bpm = 240
    with running(input_name="sequencer") as (_, recorder):
        with controller("sequencer") as port:
            until_heard(port, recorder, 36)
            port.send_message([0xFA])
            start_s = time.perf_counter()
            found = None
            for number in range(24 * 4 * 30):
                time.sleep(max(0.0, start_s + number * 60 / (24 * bpm) - time.perf_counter()))
                port.send_message([0xF8])
                tempi = [command for command in recorder.rest() if isinstance(command, SetTempo)]
                if tempi:
                    found = tempi[0]
                    break
            assert found is not None
            assert found.source == "clock"
            # A server without real-time scheduling delivers in bursts: exactness is tested elsewhere.
            assert abs(float(found.tempo) - bpm) < 12
        while not isinstance(command := recorder.command(), ReleaseTempo):
            assert isinstance(command, TriggerPad | SetTempo)


def test_ports_that_are_opened_and_closed_under_a_flood_of_clocks_never_stop_the_process() -> None:
    heard = threading.Event()
    with sequencer():
        backend = jack_backend()
        (name,) = [name for name in backend.inputs() if "sequencer" in name]
        for _ in range(30):
            heard.clear()
            port = backend.open_input(name, lambda data, at_s: heard.set())
            lights = backend.open_output(VIRTUAL)
            lights.send([0x90, 36, 1])
            assert heard.wait(WAIT_S)
            lights.close()
            port.close()
        assert not backend.is_gone
        backend.close()


def test_a_surface_closes_under_a_flood_of_clocks() -> None:
    threads = threading.active_count()
    with sequencer():
        for _ in range(5):
            with running(input_name="sequencer", output_name=VIRTUAL) as (_, recorder):
                until_a_pad_is_hit(recorder)
    assert threading.active_count() == threads


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
        for _ in range(600):
            if surface.problem and not surface.ports():
                break
            time.sleep(0.05)
        assert "JACK" in surface.problem or "MIDI" in surface.problem
        assert surface.ports() == []
        recorder.rest()
        with running_jackd(jackd, name), sequencer():
            until_a_pad_is_hit(recorder)
