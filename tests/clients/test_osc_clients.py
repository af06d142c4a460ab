"""Real OSC clients and a real OSC surface: liblo's oscsend and oscdump, Pure Data without a screen."""

from __future__ import annotations

import queue
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import pytest
from support_control import WAIT_S, ScriptedSession

from riffsidecar.control.osc import OscSurface
from riffsidecar.music import Chords, Meter, Tempo
from riffsidecar.session.commands import Render, SetChords, SetKnob, SetMeter, SetTempo, TriggerPad

FindTool = Callable[[str], str]
PATCH = Path(__file__).parent / "osc_client.pd"


@pytest.fixture
def surface() -> Iterator[tuple[OscSurface, ScriptedSession]]:
    made = OscSurface(port=0)
    session = ScriptedSession(made)
    made.start(session)
    yield made, session
    made.close()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def lines_of(*command: str) -> Iterator[queue.Queue[str]]:
    """Run a program and put every line that it writes in a queue."""
    lines: queue.Queue[str] = queue.Queue()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line.strip())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield lines
    finally:
        process.kill()
        process.wait()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()


def until(lines: queue.Queue[str], word: str) -> str:
    """Return the first line that holds a word."""
    while word not in (line := lines.get(timeout=WAIT_S)):
        continue
    return line


def test_oscsend_plays_and_oscdump_hears_at_the_port_that_hello_named(
    surface: tuple[OscSurface, ScriptedSession], require_tool: FindTool
) -> None:
    oscsend, oscdump = require_tool("oscsend"), require_tool("oscdump")
    made, session = surface
    reply_port = free_port()

    def send(*words: str) -> None:
        subprocess.run([oscsend, "127.0.0.1", str(made.port), *words], check=True, timeout=WAIT_S)

    with lines_of(oscdump, "-L", str(reply_port)) as lines:
        send("/riff/hello", "is", str(reply_port), "liblo")
        welcome = ""
        while not welcome:
            # oscdump does not say when it listens: greet until it has heard.
            try:
                welcome = lines.get(timeout=0.5)
            except queue.Empty:
                send("/riff/hello", "is", str(reply_port), "liblo")
        assert f'/riff/welcome isss {reply_port} "' in welcome
        send("/riff/pad", "iis", "3", "100", "id:pad")
        assert '/riff/ack si "id:pad" 3' in until(lines, "id:pad")
        done = until(lines, "id:pad")
        assert '/riff/done sisffsiiifii "id:pad" 3 "/loops/riff_120_dusty_drums_Am.wav" 4.000000 ' in done
        send("/riff/tempo", "f", "123.45")
        send("/riff/meter", "ii", "7", "8")
        send("/riff/knob/morph", "f", "0.3")
        send("/riff/chords", "s", "Am F C G")
        send("/riff/render", "sss", "warm pad", "out", "/etc")
        assert "no path comes off the wire" in until(lines, "/riff/error")
        send("/riff/render", "ssf", "warm pad", "bpm", "90")
        send("/riff/pda", "i", "3")
        assert "did you mean '/riff/pad'" in until(lines, "/riff/error")
    assert [session.command() for _ in range(6)] == [
        TriggerPad(3, 100),
        SetTempo(Tempo(Fraction(12345, 100))),
        SetMeter(Meter(7, 8)),
        SetKnob("morph", 0.3),
        SetChords(Chords.parse("Am F C G")),
        Render("warm pad", (("bpm", 90),)),
    ]


def test_pure_data_plays_from_one_port_and_hears_at_another(
    surface: tuple[OscSurface, ScriptedSession], require_tool: FindTool, tmp_path: Path
) -> None:
    pd = require_tool("pd")
    made, session = surface
    reply_port = free_port()
    patch = tmp_path / "client.pd"
    text = PATCH.read_text(encoding="utf-8")
    patch.write_text(text.replace("PORT", str(made.port)).replace("REPLY", str(reply_port)), encoding="utf-8")
    with lines_of(pd, "-nogui", "-noaudio", "-nomidi", "-stderr", str(patch)) as lines:
        assert f"welcome {reply_port}" in until(lines, "welcome")
        assert "ack" in until(lines, "ack")
        assert "riff_120_dusty_drums_Am.wav 4 120 Am 42 352800 44100" in until(lines, "done")
    assert session.command() == TriggerPad(5, 90)
    assert session.command() == SetTempo(Tempo(Fraction(175, 2)))
    assert session.command() == SetChords(Chords.parse("Am F C G"))
