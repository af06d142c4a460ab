"""The patch for Pure Data with the real daemon: pads play exact loops, swapped at the bar."""

from __future__ import annotations

import queue
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from support_control import WAIT_S, OscProbe

from hosts.pure_data import REPLY_PORT, VOICE, main_patch, voice_patch
from riffsidecar.config import Config, OscConfig, OutputConfig, PresetsConfig, SessionConfig
from riffsidecar.control.osc import DEFAULT_PORT
from riffsidecar.control.osc_codec import encode_message
from riffsidecar.daemon import Daemon
from riffsidecar.daemon.surfaces import Surfaces
from riffsidecar.session.knobs import KNOBS

FindTool = Callable[[str], str]
HARNESS = Path(__file__).with_name("harness.pd")
BANK = """
title = "Mine"
tempo = 120
bars = 1
""" + "\n".join(f'[[pad]]\nname = "pad {number}"\nprompt = "noise {number}"' for number in range(1, 17))
BPM = 240.0
BAR = 44_100  # samples of a bar at that tempo
BLOCK = 64  # Pd computes so many samples at once
FADE = 400  # and fades a little longer than 8 ms


def free_ports(kind: int, count: int) -> list[int]:
    taken = [socket.socket(socket.AF_INET, kind) for _ in range(count)]
    for each in taken:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in taken]
    for each in taken:
        each.close()
    return ports


@contextmanager
def running_daemon(folder: Path) -> Iterator[tuple[Daemon, int]]:
    presets = folder / "presets"
    presets.mkdir()
    (presets / "mine.toml").write_text(BANK)
    config = Config(
        output=OutputConfig(folder=str(folder / "my loops")),
        osc=OscConfig(port=0),
        session=SessionConfig(bank="mine"),
        presets=PresetsConfig(folder=str(presets)),
    )
    surfaces = Surfaces(config, midi=False)
    daemon = Daemon(config, surfaces.all, "support_pipeline:load_sounding")
    surfaces.watch(daemon)
    daemon.start()
    try:
        assert surfaces.osc is not None
        yield daemon, surfaces.osc.port
    finally:
        daemon.close()


class Pd:
    """Run the patch with a harness beside it, without a screen or a loudspeaker."""

    def __init__(self, program: str, folder: Path, daemon_port: int) -> None:
        (reply,) = free_ports(socket.SOCK_DGRAM, 1)
        (control,) = free_ports(socket.SOCK_STREAM, 1)
        self.reply = reply
        patch = main_patch(daemon_port).replace(str(REPLY_PORT), str(reply))
        (folder / "riffsidecar.pd").write_text(patch, encoding="utf-8")
        (folder / f"{VOICE}.pd").write_text(voice_patch(), encoding="utf-8")
        harness = HARNESS.read_text(encoding="utf-8").replace("HARNESS", str(control))
        (folder / "harness.pd").write_text(harness, encoding="utf-8")
        command = [program, "-nogui", "-noaudio", "-nomidi", "-r", "44100", "-stderr"]
        files = ["-open", str(folder / "riffsidecar.pd"), "-open", str(folder / "harness.pd")]
        self.process = subprocess.Popen(
            command + files, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: queue.Queue[str] = queue.Queue()
        self.heard: list[str] = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        self.until("harness: bang")
        self.control = socket.create_connection(("127.0.0.1", control), timeout=WAIT_S)

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.heard.append(line.strip())
            self.lines.put(line.strip())

    def until(self, text: str) -> None:
        while text not in self.lines.get(timeout=WAIT_S):
            continue

    def say(self, *words: object) -> None:
        self.control.sendall((" ".join(str(word) for word in words) + ";\n").encode("utf-8"))

    def bars(self, count: int) -> None:
        while not self.lines.empty():
            self.lines.get()
        for _ in range(count):
            self.until("bar: bang")

    def close(self) -> None:
        self.control.close()
        self.process.kill()
        self.process.wait()
        self.reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def rig(require_tool: FindTool, tmp_path: Path) -> Iterator[tuple[Daemon, OscProbe, Pd]]:
    program = require_tool("pd")
    with running_daemon(tmp_path) as (daemon, port):
        pd = Pd(program, tmp_path, port)
        probe = OscProbe(port)
        try:
            yield daemon, probe, pd
        finally:
            pd.close()
            probe.close()


def loop_of(path: str) -> NDArray[np.float32]:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == 44_100
    return np.asarray(samples)


def place_in(record: NDArray[np.float32], loop: NDArray[np.float32], at: int) -> int | None:
    """Return which sample of a loop a place of the record plays, or None."""
    window = record[at : at + 16, 0]
    found = np.flatnonzero(np.abs(loop[:, 0] - window[0]) < 1e-5)
    for start in found:
        if np.allclose(np.take(loop[:, 0], range(start, start + 16), mode="wrap"), window, atol=1e-5):
            return int(start)
    return None


def test_it_prints_what_failed_and_not_what_was_stopped_or_overtaken(
    require_tool: FindTool, tmp_path: Path
) -> None:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as daemon:
        daemon.bind(("127.0.0.1", 0))
        pd = Pd(require_tool("pd"), tmp_path, daemon.getsockname()[1])
        try:
            for code, text in (
                ("superseded", "a newer request took its place"),
                ("cancelled", "it was cancelled"),
                ("render", "impossible"),
            ):
                daemon.sendto(encode_message("/riff/error", "id:pd", code, text), ("127.0.0.1", pd.reply))
            pd.until("impossible")
            told = [line for line in pd.heard if line.startswith("riffsidecar:")]
            assert told == ["riffsidecar: symbol impossible"]
        finally:
            pd.close()


def test_a_pad_plays_its_loop_round_and_round_without_a_seam_and_swaps_it_at_the_bar(
    rig: tuple[Daemon, OscProbe, Pd], tmp_path: Path
) -> None:
    daemon, probe, pd = rig
    probe.ask("/riff/hello", probe.port, "test")
    probe.ask("/riff/seed", 5)
    pd.say("riffsidecar-tempo", BPM)
    pd.say("riffsidecar-play", 1)
    pd.bars(1)
    pd.say("riffsidecar-pad-3", "bang")
    first = probe.until("/riff/done")[-1]
    while first[2] != 3:
        first = probe.until("/riff/done")[-1]
    # What the patch told before the pad has arrived before it.
    assert daemon.session.is_playing and float(daemon.session.tempo) == BPM
    pd.bars(2)
    record = tmp_path / "record.wav"
    pd.say("harness-record", "open", "-wave", "-bytes", 4, record)
    pd.say("harness-record", "start")
    pd.bars(3)
    probe.ask("/riff/seed", 6)
    pd.say("riffsidecar-pad-3", "bang")
    second = probe.until("/riff/done")[-1]
    while second[2] != 3:
        second = probe.until("/riff/done")[-1]
    pd.bars(3)
    pd.say("harness-record", "stop")
    pd.bars(1)
    samples, _ = soundfile.read(record, dtype="float32", always_2d=True)
    old, new = loop_of(str(first[3])), loop_of(str(second[3]))
    assert len(old) == len(new) == BAR
    start = place_in(samples, old, 0)
    assert start is not None, "the loop is not heard"
    length = len(samples)
    expected = np.take(old, range(start, start + length), axis=0, mode="wrap")
    same = np.all(np.abs(samples - expected) < 1e-5, axis=1)
    until = int(np.argmin(same))
    assert until > 2 * BAR, "the loop is not exact where it goes round"
    # The swap begins at a bar, and behind its fade the new loop is exact too.
    assert (start + until) % BAR < 2 * BLOCK or (start + until) % BAR > BAR - BLOCK
    at = until + FADE
    begun = place_in(samples, new, at)
    assert begun is not None and abs(begun - FADE) < 2 * BLOCK
    rest = np.take(new, range(begun, begun + length - at), axis=0, mode="wrap")
    assert length - at > BAR and np.abs(samples[at:] - rest).max() < 1e-5


def test_the_switch_of_a_pad_and_stop_silence_it(rig: tuple[Daemon, OscProbe, Pd], tmp_path: Path) -> None:
    _, probe, pd = rig
    probe.ask("/riff/hello", probe.port, "test")
    pd.say("riffsidecar-tempo", BPM)
    pd.say("riffsidecar-play", 1)
    pd.say("riffsidecar-pad-16", "bang")
    while probe.until("/riff/done")[-1][2] != 16:
        continue
    pd.bars(2)
    for name, words in (("on", ("riffsidecar-on-16", 0)), ("stop", ("riffsidecar-play", 0))):
        record = tmp_path / f"{name}.wav"
        pd.say("harness-record", "open", "-wave", record)
        pd.say("harness-record", "start")
        pd.bars(1)
        pd.say(*words)
        if name == "on":
            pd.bars(2)
            pd.say("harness-record", "stop")
            pd.say("riffsidecar-on-16", 1)
            pd.bars(1)
    pd.say("harness-record", "stop")
    samples, _ = soundfile.read(tmp_path / "on.wav", always_2d=True)
    assert np.abs(samples[: BAR // 2]).max() > 0.1 and np.abs(samples[-BAR // 2 :]).max() == 0


def test_knobs_and_meter_are_told_to_the_daemon(rig: tuple[Daemon, OscProbe, Pd]) -> None:
    daemon, probe, pd = rig
    probe.ask("/riff/hello", probe.port, "test")
    pd.say("riffsidecar-morph", 0.25)
    pd.say("riffsidecar-quality", 2)
    pd.say("riffsidecar-beats", 7)
    pd.say("riffsidecar-per", 8)
    while probe.until("/riff/state")[-1][1:] != ("meter", "7/8"):
        continue
    assert daemon.session.knobs["morph"] == 0.25 and daemon.session.knobs["quality"] == "fine"
    assert not [line for line in pd.heard if "error" in line]


def done_of(probe: OscProbe, pad: int) -> tuple[Any, ...]:
    """Return the message by which the daemon tells of a pad's loop."""
    while (told := probe.until("/riff/done")[-1])[2] != pad:
        continue
    return tuple(told)


def test_the_daemon_counts_bars_from_play_as_the_patch_does(rig: tuple[Daemon, OscProbe, Pd]) -> None:
    _, probe, pd = rig
    probe.ask("/riff/hello", probe.port, "test")
    pd.say("riffsidecar-tempo", BPM)
    probe.ask("/riff/transport", 1, 4000.0)
    pd.say("riffsidecar-play", 1)
    pd.bars(2)
    pd.say("riffsidecar-pad-3", "bang")
    assert 2 <= done_of(probe, 3)[-1] < 500
    pd.say("riffsidecar-play", 0)
    pd.say("riffsidecar-pad-4", "bang")
    assert done_of(probe, 4)[-1] == 0


def test_a_draft_sounds_until_its_loop_has_come(rig: tuple[Daemon, OscProbe, Pd], tmp_path: Path) -> None:
    _, probe, pd = rig
    probe.ask("/riff/hello", probe.port, "test")
    pd.say("riffsidecar-tempo", BPM)
    pd.say("riffsidecar-play", 1)
    pd.say("riffsidecar-on-3", 0)
    pd.say("riffsidecar-pad-3", "bang")
    _, name, _, *rest = done_of(probe, 3)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(encode_message("/riff/preview", name, 5, *rest), ("127.0.0.1", pd.reply))
    pd.bars(3)
    record = tmp_path / "draft.wav"
    pd.say("harness-record", "open", "-wave", "-bytes", 4, record)
    pd.say("harness-record", "start")
    pd.bars(2)
    pd.say("harness-record", "stop")
    pd.bars(1)
    samples, _ = soundfile.read(record, dtype="float32", always_2d=True)
    assert place_in(samples, loop_of(str(rest[0])), 0) is not None


def test_the_patch_has_every_knob_in_its_range_and_the_daemons_port() -> None:
    text = main_patch(DEFAULT_PORT)
    assert f"connect 127.0.0.1 {DEFAULT_PORT}" in text
    for knob in KNOBS.values():
        assert f"oscformat riff knob {knob.name};" in text
        if not knob.choices:
            assert f"hsl 120 15 {knob.minimum:g} {knob.maximum:g} 0 0 empty riffsidecar-{knob.name} " in text
