"""The process that holds the MIDI ports may crash, hang or be refused: whoever asked hears why, and lives."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from support_control import WAIT_S, Recorder

from riffsidecar.control import midi_process
from riffsidecar.control.midi import MidiSurface
from riffsidecar.control.midi_process import MidiProcess
from riffsidecar.errors import MidiError
from riffsidecar.session.commands import TriggerPad

Play = Callable[..., MidiProcess]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    monkeypatch.setattr(midi_process, "find_midi_system", lambda api: None)
    opened: list[MidiProcess] = []

    def start(host: str = "playing_midi", **settings: float) -> MidiProcess:
        opened.append(MidiProcess(host=f"support_control:{host}", **settings))  # type: ignore[arg-type]
        return opened[-1]

    yield start
    for process in opened:
        process.close()


def test_what_is_played_and_asked_passes_through(play: Play) -> None:
    process, heard = play(), queue.Queue[tuple[bytes, float]]()
    assert (process.inputs(), process.outputs()) == (("Pads",), ())
    port = process.open_input("Pads", lambda data, at_s: heard.put((bytes(data), at_s)))
    assert heard.get(timeout=WAIT_S)[0] == bytes((0x90, 36, 100))
    lights = process.open_output("Pads")
    lights.send((0x90, 36, 1))
    lights.close()
    port.close()
    assert not process.is_gone


def test_a_refusal_is_an_error_and_the_process_stays(play: Play) -> None:
    process = play()
    with pytest.raises(MidiError, match="the port is taken"):
        process.open_input("is taken", lambda data, at_s: None)
    assert process.inputs() == ("Pads",)


def test_a_driver_that_crashes_takes_its_process_and_nobody_else(play: Play) -> None:
    process, told = play(), threading.Event()
    process.when_gone(told.set)
    port = process.open_input("Pads", lambda data, at_s: None)
    with pytest.raises(MidiError, match="exit code"):
        process.open_input("crashes", lambda data, at_s: None)
    assert process.is_gone and told.wait(WAIT_S)
    port.close()
    with pytest.raises(MidiError, match="exit code"):
        process.inputs()


def test_a_driver_that_never_answers_is_given_up(play: Play) -> None:
    process = play(patience_s=0.2)
    with pytest.raises(MidiError, match=r"has not answered for 0\.2 s"):
        process.open_input("hangs", lambda data, at_s: None)
    assert process.is_gone
    with pytest.raises(MidiError):
        process.inputs()


def test_closing_breaks_a_hanging_call_and_leaves_no_thread(play: Play) -> None:
    threads = threading.active_count()
    process, problems = play(), queue.Queue[str]()

    def hang() -> None:
        try:
            process.open_input("hangs", lambda data, at_s: None)
        except MidiError as error:
            problems.put(str(error))

    waiting = threading.Thread(target=hang)
    waiting.start()
    process.close()
    process.close()
    waiting.join(WAIT_S)
    assert "ended" in problems.get(timeout=WAIT_S)
    assert threading.active_count() == threads


def test_a_system_that_cannot_be_reached_says_why_and_leaves_nothing_behind(play: Play) -> None:
    threads = threading.active_count()
    with pytest.raises(MidiError, match="does not answer"):
        play("refusing_midi")
    assert threading.active_count() == threads


def test_a_process_that_ends_while_the_daemon_still_holds_its_pipe_ends_without_a_word() -> None:
    start = midi_process._START.format(path=sys.path)
    with subprocess.Popen(
        [sys.executable, "-c", start, "support_control:refusing_midi", ""],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        code = process.wait(WAIT_S)
        said, complained = process.communicate()
    assert (code, complained) == (0, b"") and b"does not answer" in said


def test_a_surface_is_played_again_after_its_process_was_killed(play: Play) -> None:
    processes: list[MidiProcess] = []

    def counted() -> MidiProcess:
        processes.append(play())
        return processes[-1]

    recorder = Recorder()
    surface = MidiSurface("pads", backend=counted, poll_s=0.05)
    surface.start(recorder)
    assert recorder.command() == TriggerPad(1, 100)
    processes[0]._process.kill()
    assert recorder.command() == TriggerPad(1, 100)
    surface.close()
    assert all(process.is_gone for process in processes)


def test_a_jack_server_that_does_not_run_is_told_by_us_and_libjack_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    rtmidi = pytest.importorskip("rtmidi")
    if rtmidi.API_UNIX_JACK not in rtmidi.get_compiled_api():
        pytest.skip("this python-rtmidi knows nothing of JACK")
    monkeypatch.setenv("JACK_DEFAULT_SERVER", "riffsidecar-nowhere")
    monkeypatch.setenv("JACK_NO_START_SERVER", "1")
    with pytest.raises(MidiError, match="does not answer"):
        MidiProcess("jack")
    assert capfd.readouterr() == ("", "")
