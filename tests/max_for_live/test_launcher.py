"""The launcher's script in Node, with real UDP and real processes: it looks first, and ends only its own."""

from __future__ import annotations

import json
import os
import queue
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from max_for_live.build import FOLDER
from max_for_live.launcher import LAUNCHER_SCRIPT

WAIT_S = 60
RED, AMBER, GREEN = [0.9, 0.2, 0.15, 1], [0.98, 0.7, 0.2, 1], [0.3, 0.8, 0.35, 1]
# Answers pings as the daemon does, and says in a file that it lives.
DAEMON = """
import os, pathlib, socket, sys
port = int(sys.argv[sys.argv.index("--port") + 1])
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", port))
pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))
while True:
    _, peer = server.recvfrom(2048)
    server.sendto(b"/riff/pong\\0\\0,sss\\0\\0\\0\\0\\0\\0\\0\\0000.1\\0ready\\0\\0\\0", peer)
"""


class Launcher:
    """Run the script as Node for Max does."""

    def __init__(self, node: str, folder: Path) -> None:
        script = (FOLDER / LAUNCHER_SCRIPT).read_text(encoding="utf-8").replace("@PORT@", "9")
        quick = script.replace("BEAT_MS = 2000", "BEAT_MS = 100")
        for slow, soon in (("AWAY_MS = 12000", "AWAY_MS = 600"), ("LOOK_MS = 5000", "LOOK_MS = 600")):
            assert slow in quick
            quick = quick.replace(slow, soon)
        path = folder / LAUNCHER_SCRIPT
        path.write_text(quick, encoding="utf-8")
        modules = folder / "node_modules"
        modules.mkdir(exist_ok=True)
        shutil.copy(Path(__file__).parent / "fake" / "max-api.js", modules / "max-api.js")
        environment = {**os.environ, "XDG_CONFIG_HOME": str(folder / "config"), "HOME": str(folder)}
        self.process = subprocess.Popen(
            [node, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        self.lines: queue.Queue[list[Any]] = queue.Queue()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(json.loads(line))

    def say(self, *words: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()

    def until(self, kind: str, text: str = "", timeout_s: float = WAIT_S) -> list[Any]:
        while True:
            message = self.lines.get(timeout=timeout_s)
            if message[0] == kind and text in str(message[1:]):
                return message

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(WAIT_S)
        self.reader.join()
        self.process.stdout.close()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.fixture
def launcher(node: str, tmp_path: Path) -> Iterator[Launcher]:
    made = Launcher(node, tmp_path)
    made.until("hello")
    yield made
    made.close()


@pytest.fixture
def pid_file(tmp_path: Path) -> Iterator[Path]:
    """Tell the launcher a daemon, and end it after the test if it still lives."""
    daemon, told = tmp_path / "daemon.py", tmp_path / "config" / "riffsidecar" / "launcher.json"
    daemon.write_text(DAEMON, encoding="utf-8")
    told.parent.mkdir(parents=True)
    path = tmp_path / "pid"
    told.write_text(json.dumps({"command": [sys.executable, str(daemon), str(path)]}), encoding="utf-8")
    yield path
    if path.exists() and is_alive(pid := int(path.read_text())):
        os.kill(pid, 9)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
    return f"{pid} (" in state and ") Z" not in state


def until_dead(pid: int) -> None:
    for _ in range(WAIT_S * 20):
        if not is_alive(pid):
            return
        time.sleep(0.05)
    raise AssertionError("it lives")


def test_nothing_is_started_unless_somebody_asks(launcher: Launcher, pid_file: Path) -> None:
    launcher.say("port", free_port())
    assert launcher.until("light")[1:] == RED
    launcher.until("status", "does not run")
    assert not pid_file.exists()


def test_it_is_started_on_request_found_and_ended_by_its_own_button_alone(
    launcher: Launcher, pid_file: Path
) -> None:
    launcher.say("port", free_port())
    launcher.say("start")
    launcher.until("status", "starts")
    launcher.until("light", str(GREEN)[1:-1])
    launcher.until("status", "started here")
    pid = int(pid_file.read_text())
    launcher.say("start")
    launcher.say("stop")
    launcher.until("status", "is stopped")
    until_dead(pid)


def test_the_daemon_outlives_live(node: str, tmp_path: Path, pid_file: Path) -> None:
    launcher = Launcher(node, tmp_path)
    launcher.until("hello")
    port = free_port()
    launcher.say("port", port)
    launcher.say("start")
    launcher.until("status", "started here")
    launcher.close()
    pid = int(pid_file.read_text())
    assert is_alive(pid)
    again = Launcher(node, tmp_path)
    again.until("hello")
    again.say("port", port)
    again.until("status", "riffsidecar runs")
    again.say("stop")
    again.until("status", "not started here")
    again.close()
    assert is_alive(pid)


def test_a_set_that_asks_for_it_starts_the_daemon_when_none_answers(
    launcher: Launcher, pid_file: Path
) -> None:
    launcher.say("port", free_port())
    launcher.say("autostart", 1)
    launcher.until("status", "started here")
    assert pid_file.exists()


def test_a_daemon_that_somebody_stops_is_not_started_again_by_a_set_that_asks_for_one(
    launcher: Launcher, pid_file: Path
) -> None:
    port = free_port()
    daemon = [sys.executable, str(pid_file.with_name("daemon.py")), str(pid_file), "--port", str(port)]
    with subprocess.Popen(daemon) as running:
        launcher.say("port", port)
        launcher.say("autostart", 1)
        launcher.until("status", "riffsidecar runs")
        pid_file.unlink()
        running.kill()
    launcher.until("status", "does not run")
    launcher.say("start")
    launcher.until("status", "started here")
    launcher.say("stop")
    launcher.until("status", "is stopped")
    with pytest.raises(queue.Empty):
        launcher.until("status", "starts", timeout_s=2)


def test_a_daemon_at_the_port_before_is_not_taken_for_one_at_the_new_port(
    launcher: Launcher, pid_file: Path
) -> None:
    before, after = free_port(), free_port()
    launcher.say("port", before)
    launcher.say("start")
    launcher.until("status", "started here")
    pid = int(pid_file.read_text())
    launcher.say("port", after)
    launcher.say("start")
    launcher.until("status", "stop it first")
    launcher.say("port", before)
    launcher.say("stop")
    launcher.until("status", "is stopped")
    until_dead(pid)


def test_without_a_command_it_says_which_one_to_run(launcher: Launcher) -> None:
    launcher.say("port", free_port())
    launcher.say("start")
    launcher.until("status", "riffsidecar install-device")


def test_a_daemon_that_ends_at_once_is_told(launcher: Launcher, tmp_path: Path, pid_file: Path) -> None:
    (tmp_path / "daemon.py").write_text("raise SystemExit(4)", encoding="utf-8")
    launcher.say("port", free_port())
    launcher.say("start")
    launcher.until("status", "has ended (4)")
