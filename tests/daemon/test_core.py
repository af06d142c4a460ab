"""What the daemon promises as a whole, with real OSC, a real worker process and a double for the model."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from riffsidecar.config import Config, OscConfig, OutputConfig, PresetsConfig, SessionConfig
from riffsidecar.control.osc_codec import OscMessage, OscValue, decode_packet, encode_message
from riffsidecar.daemon import Daemon
from riffsidecar.daemon.lock import FolderLock
from riffsidecar.daemon.surfaces import Surfaces
from riffsidecar.errors import ConfigError, DropError, PortTakenError, PresetError, UnknownNameError

FACTORY = "support_pipeline:load_double"
BANK = """
title = "Mine"
tempo = 120
bars = 1
""" + "\n".join(f'[[pad]]\nname = "pad {number}"\nprompt = "quick {number}"' for number in range(1, 17))


class Client:
    """Be an OSC client on loopback."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(60)
        self.seen: list[OscMessage] = []
        self.send("/riff/hello", self._socket.getsockname()[1], "test")
        self.until("/riff/welcome")

    def send(self, address: str, *values: OscValue) -> None:
        self._socket.sendto(encode_message(address, *values), self._to)

    def until(self, address: str, first: OscValue | None = None) -> OscMessage:
        """Read answers until one is from ``address`` and begins with ``first``."""
        while True:
            for message in decode_packet(self._socket.recv(65536)):
                self.seen.append(message)
                if message.address == address and (first is None or message.arguments[0] == first):
                    return message

    def until_end(self, request_id: str) -> OscMessage:
        """Read answers until the request has ended."""
        while True:
            for message in decode_packet(self._socket.recv(65536)):
                self.seen.append(message)
                if message.address in ("/riff/done", "/riff/error") and message.arguments[0] == request_id:
                    return message

    def until_state(self, key: str, value: OscValue) -> None:
        while self.until("/riff/state", key).arguments[1] != value:
            continue

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    presets = tmp_path / "presets"
    presets.mkdir()
    (presets / "mine.toml").write_text(BANK)
    return Config(
        output=OutputConfig(folder=str(tmp_path / "loops")),
        osc=OscConfig(port=0),
        session=SessionConfig(bank="mine"),
        presets=PresetsConfig(folder=str(presets)),
    )


@pytest.fixture
def daemon(config: Config) -> Iterator[Daemon]:
    surfaces = Surfaces(config, midi=False)
    daemon = Daemon(config, surfaces.all, FACTORY)
    surfaces.watch(daemon)
    daemon.start()
    yield daemon
    daemon.close()


@pytest.fixture
def client(daemon: Daemon) -> Iterator[Client]:
    osc = next(surface for surface in daemon._surfaces if surface.name == "osc")
    client = Client(osc.port)  # type: ignore[attr-defined]
    yield client
    client.close()


def loops(daemon: Daemon) -> list[str]:
    return sorted(path.name for path in daemon.folder.glob("*.wav"))


def test_a_pad_over_osc_becomes_a_file_and_every_step_is_told(daemon: Daemon, client: Client) -> None:
    client.send("/riff/pad", 2, "id:a")
    done = client.until_end("id:a")
    own = [message.address for message in client.seen if message.arguments[:1] == ("id:a",)]
    assert own[0] == "/riff/ack" and own[-1] == "/riff/done" and set(own[1:-1]) == {"/riff/progress"}
    _, slot, path, bars, bpm, *_ = done.arguments
    assert (slot, bars, bpm) == (2, 1.0, 120.0)
    assert Path(str(path)).parent == daemon.folder and loops(daemon) == [Path(str(path)).name]


def test_a_repeated_pad_is_answered_with_the_same_file(daemon: Daemon, client: Client) -> None:
    paths = []
    for request_id in ("id:a", "id:b"):
        client.send("/riff/pad", 2, request_id)
        paths.append(client.until_end(request_id).arguments[2])
    assert paths[0] == paths[1] and len(loops(daemon)) == 1


def test_a_turned_knob_renders_the_last_pad_anew(daemon: Daemon, client: Client) -> None:
    client.send("/riff/pad", 2, "id:a")
    client.until_end("id:a")
    for step in range(20):
        client.send("/riff/knob/guidance", 1.5 + step / 10)
    client.send("/riff/knob/guidance", 5.0, "id:last")
    assert client.until_end("id:last").address == "/riff/done"
    assert daemon.session.settings.turned["guidance"] == 5.0
    assert len(loops(daemon)) <= 5


def test_a_model_that_is_not_installed_is_refused_and_the_one_before_stays(
    daemon: Daemon, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIFFSIDECAR_MODELS", str(tmp_path / "models"))
    client.send("/riff/model", "riffusion-v1", "id:a")
    refused = client.until_end("id:a")
    assert refused.arguments[1] == "checkpoint"
    assert "installed are none beside the embedded one" in str(refused.arguments[2])
    assert "riffsidecar model fetch riffusion-v1" in str(refused.arguments[2])
    assert daemon.session.output.model == "embedded"
    client.send("/riff/model", "embedded", "id:b")
    assert client.until_end("id:b").address == "/riff/done"
    client.send("/riff/pad", 2, "id:c")
    assert client.until_end("id:c").address == "/riff/done"


def test_a_pad_that_failed_is_in_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.send("/riff/render", "refused", "bars", 1, "id:a")
    failed = client.until_end("id:a")
    assert failed.address == "/riff/error"
    lines = [
        record.getMessage() for record in caplog.records if str(failed.arguments[2]) in record.getMessage()
    ]
    assert len(lines) == 1 and lines[0].startswith("failed: slot 0:")


def test_a_worker_that_dies_fails_its_render_and_the_next_one_succeeds(
    daemon: Daemon, client: Client
) -> None:
    client.send("/riff/render", "die", "bars", 1, "id:a")
    failed = client.until_end("id:a")
    assert (failed.address, failed.arguments[1]) == ("/riff/error", "worker")
    client.send("/riff/render", "quick", "bars", 1, "id:b")
    assert client.until_end("id:b").address == "/riff/done"


def test_a_superseded_and_a_cancelled_render_are_told(client: Client) -> None:
    client.send("/riff/render", "slow", "bars", 1, "id:a")
    client.until("/riff/progress", "id:a")
    client.send("/riff/render", "slow other", "bars", 1, "id:b")
    assert client.until_end("id:a").arguments[1] == "superseded"
    client.until("/riff/progress", "id:b")
    client.send("/riff/cancel")
    assert client.until_end("id:b").arguments[1] == "cancelled"


def test_bad_messages_are_answered_and_the_daemon_goes_on(client: Client) -> None:
    for index, (address, *values) in enumerate(
        [
            ("/riff/tempo", -1.0),
            ("/riff/pad", 99),
            ("/riff/bank", "nowhere"),
            ("/riff/nothing", 1),
            ("/riff/render", ""),
        ]
    ):
        client.send(address, *values, f"id:{index}")
        assert client.until_end(f"id:{index}").address == "/riff/error"
    client.send("/riff/pad", 1, "id:ok")
    assert client.until_end("id:ok").address == "/riff/done"


def test_an_edited_bank_is_reloaded_and_a_broken_edit_keeps_the_last_good_one(
    daemon: Daemon, client: Client, config: Config
) -> None:
    path = Path(config.presets.folder) / "mine.toml"
    path.write_text(BANK.replace("Mine", "Edited"))
    client.until_state("title", "Edited")
    path.write_text("title = 'broken")
    while not daemon._conductor._problem:
        time.sleep(0.02)
    assert "mine.toml" in daemon._conductor._problem
    assert daemon.session.bank.title == "Edited"
    path.with_suffix(".new").write_text(BANK.replace("Mine", "Moved here"))
    path.with_suffix(".new").replace(path)
    client.until_state("title", "Moved here")
    assert daemon._conductor._problem == ""


def test_starting_twice_is_starting_once_and_closing_twice_is_closing_once(daemon: Daemon) -> None:
    daemon.start()
    daemon.close()
    daemon.close()
    assert not [path for path in daemon.folder.rglob("*") if path.is_file() and not path.name.startswith(".")]


def test_a_part_that_fails_to_close_does_not_keep_the_others_open(
    daemon: Daemon, config: Config, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    threads = threading.active_count()
    with monkeypatch.context() as patch:
        patch.setattr(daemon._watcher, "close", lambda: 1 / 0)
        daemon.close()
    assert "ZeroDivisionError" in caplog.text
    assert threading.active_count() < threads
    with FolderLock(daemon.folder):
        pass
    daemon._watcher.close()


def test_a_second_daemon_on_the_same_folder_is_refused_and_leaves_the_first_alone(
    daemon: Daemon, client: Client, config: Config
) -> None:
    second = Daemon(config, (), FACTORY)
    with pytest.raises(DropError, match="another riffsidecar daemon"):
        second.start()
    second.close()
    client.send("/riff/pad", 1, "id:a")
    assert client.until_end("id:a").address == "/riff/done"


def test_a_taken_port_stops_the_start_and_leaves_nothing_behind(config: Config) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        busy = replace(config, osc=OscConfig(port=port))
        daemon = Daemon(busy, Surfaces(busy, midi=False).all, FACTORY)
        with pytest.raises(PortTakenError, match=f"{port}.*--port"):
            daemon.start()
    assert not [path for path in daemon.folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    again = Daemon(config, Surfaces(config, midi=False).all, FACTORY)
    again.start()
    again.close()


def test_a_drop_folder_in_a_home_that_is_not_there_is_named(config: Config) -> None:
    with pytest.raises(ConfigError, match="nobody-of-that-name"):
        Daemon(replace(config, output=replace(config.output, folder="~nobody-of-that-name/loops")), [])


def test_a_preset_that_is_broken_at_the_start_is_in_the_state_until_it_is_mended(config: Config) -> None:
    path = Path(config.presets.folder) / "broken.toml"
    path.write_text("title = 'broken")
    surfaces = Surfaces(config, midi=False)
    daemon = Daemon(config, surfaces.all, FACTORY)
    surfaces.watch(daemon)
    daemon.start()
    with closing(daemon), closing(Client(surfaces.osc.port if surfaces.osc is not None else 0)) as client:
        client.send("/riff/query", "state", "id:q")
        while "broken.toml" not in str((row := client.until("/riff/state", "problem")).arguments[1]):
            continue
        assert row.arguments[-1] == "id:q"
        path.write_text(BANK.replace("Mine", "Mended"))
        client.until_state("problem", "")


def test_a_pad_whose_render_a_knob_takes_over_is_told_so_and_the_knob_gets_the_loop(client: Client) -> None:
    client.send("/riff/render", "slow", "bars", 1, "id:pad")
    client.until("/riff/progress", "id:pad")
    client.send("/riff/knob/guidance", 5.5, "id:knob")
    assert client.until_end("id:pad").arguments[1] == "superseded"
    client.send("/riff/knob/guidance", 5.0, "id:newer")
    assert client.until_end("id:knob").arguments[1] == "superseded"
    client.send("/riff/cancel")
    assert client.until_end("id:newer").arguments[1] == "cancelled"


def test_a_pad_that_waits_for_another_is_told_when_a_knob_takes_it_over(client: Client) -> None:
    client.send("/riff/render", "slow", "bars", 1, "id:runs")
    client.until("/riff/progress", "id:runs")
    client.send("/riff/pad", 3, "id:waits")
    client.until("/riff/ack", "id:waits")
    client.send("/riff/knob/guidance", 5.5, "id:knob")
    assert client.until_end("id:waits").arguments[1] == "superseded"
    client.send("/riff/cancel", 0)
    assert client.until_end("id:knob").address == "/riff/done"


def test_a_bank_or_preset_folder_that_is_not_there_is_named(config: Config, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="mine"):
        Daemon(replace(config, session=SessionConfig(bank="mime")), ())
    with pytest.raises(PresetError, match=r"presets\.folder"):
        Daemon(replace(config, presets=PresetsConfig(str(tmp_path / "gone"))), ())


def test_the_configuration_sets_the_session(config: Config) -> None:
    session = SessionConfig(bpm=87.5, meter="7/8", bars=3, key="Am", chords="Am F", bank="mine", seed=9)
    state = Daemon(replace(config, session=session), ()).session.state_dict()
    assert (state["tempo"], state["meter"], state["bars"], state["key"], state["chords"], state["seed"]) == (
        87.5,
        "7/8",
        3.0,
        "Am",
        "Am F",
        9,
    )
    assert state["tempo_source"] == "config"


def test_an_address_beyond_loopback_needs_a_guard() -> None:
    with pytest.raises(ConfigError, match=r"osc\.token"):
        OscConfig(bind="0.0.0.0")
    assert OscConfig(bind="0.0.0.0", token="x").token == "x"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals to send")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_under_load_ends_the_daemon_cleanly(tmp_path: Path, name: str) -> None:
    script = (
        "import sys\n"
        "from riffsidecar.cli import main\n"
        "sys.exit(main(['run', '--out', sys.argv[1], '--port', '0', '--no-midi', '--json'], "
        f"factory={FACTORY!r}))\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "XDG_CONFIG_HOME": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "loops")],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    while '"port"' not in (line := process.stdout.readline()):
        assert line, "the daemon said nothing"
    with closing(Client(int(line.split(":")[1].strip(" ,\n")))) as client:
        client.send("/riff/render", "slow", "bars", 1, "id:a")
        client.until("/riff/progress", "id:a")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        workers = [int(pid) for pid in children.read_text().split()] if children.exists() else []
        process.send_signal(signal.Signals[name])
        assert client.until_end("id:a").arguments[1] == "cancelled"
    assert process.wait(timeout=60) == 0
    process.stdout.close()
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert {path.name for path in (tmp_path / "loops").glob("[!.]*")} <= {"seeds"}
    assert not list((tmp_path / "loops").rglob("*.part"))
