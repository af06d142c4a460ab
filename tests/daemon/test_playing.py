"""Variation through the whole daemon: real OSC, a real worker process and a double for the model."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from riffsidecar.cli import main
from riffsidecar.config import Config, OscConfig, OutputConfig, PresetsConfig, SessionConfig
from riffsidecar.control.osc_codec import OscValue, decode_packet, encode_message
from riffsidecar.daemon import Daemon
from riffsidecar.daemon.surfaces import Surfaces
from riffsidecar.render.library import Library, Wanted
from riffsidecar.session import ACTIONS

BANK = """
title = "Mine"
tempo = 120
bars = 2
""" + "\n".join(f'[[pad]]\nname = "pad {number}"\nprompt = "quick {number}"' for number in range(1, 17))


class Player:
    """Be an OSC client that waits for the end of each request."""

    def __init__(self, port: int, folder: Path, daemon: Daemon) -> None:
        self.port = port
        self.folder = folder
        self.daemon = daemon
        self._to = ("127.0.0.1", port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(60)
        self._count = 0

    def ask(self, address: str, *values: OscValue) -> tuple[str, ...]:
        """Return the address that ended the request, and its texts."""
        self._count += 1
        name = f"id:{self._count}"
        self._socket.sendto(encode_message(address, *values, name), self._to)
        while True:
            for message in decode_packet(self._socket.recv(65536)):
                if message.address in ("/riff/done", "/riff/error") and message.arguments[0] == name:
                    return (
                        message.address,
                        *(text for text in message.arguments[1:] if isinstance(text, str)),
                    )

    def loop(self, address: str, *values: OscValue) -> Path:
        """Return the file that ended the request."""
        end = self.ask(address, *values)
        assert end[0] == "/riff/done", end
        assert Path(end[1]).is_file()
        return Path(end[1])

    def error(self, address: str, *values: OscValue) -> tuple[str, ...]:
        """Return the code and the text that ended the request."""
        end = self.ask(address, *values)
        assert end[0] == "/riff/error", end
        return end[1:]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def player(tmp_path: Path) -> Iterator[Player]:
    presets = tmp_path / "presets"
    presets.mkdir()
    (presets / "mine.toml").write_text(BANK)
    folder = tmp_path / "loops"
    config = Config(
        output=OutputConfig(folder=str(folder)),
        osc=OscConfig(port=0),
        session=SessionConfig(bank="mine"),
        presets=PresetsConfig(folder=str(presets)),
    )
    surfaces = Surfaces(config, midi=False)
    daemon = Daemon(config, surfaces.all, "support_pipeline:load_sounding")
    surfaces.watch(daemon)
    daemon.start()
    assert surfaces.osc is not None
    player = Player(surfaces.osc.port, folder, daemon)
    try:
        yield player
    finally:
        player.close()
        daemon.close()


def test_variations_land_and_undo_and_redo_name_their_files_again(player: Player) -> None:
    assert player.error("/riff/again", 3)[0] == "bad-value"
    first = player.loop("/riff/pad", 3)
    second = player.loop("/riff/again", 3)
    third = player.loop("/riff/like", 3, 0.25)
    fourth = player.loop("/riff/change", -1, 2)
    assert len({first, second, third, fourth}) == len(list(player.folder.glob("*.wav"))) == 4
    assert player.loop("/riff/undo", 3) == third
    assert player.loop("/riff/undo") == second
    assert player.loop("/riff/redo", 3) == third
    assert player.loop("/riff/keep", 3) == third
    assert player.ask("/riff/knob/brightness", 0.5)[:2] == ("/riff/done", "")
    assert len(list(player.folder.glob("*.wav"))) == 4
    third.unlink()
    assert player.loop("/riff/undo", 3) == second
    code, text = player.error("/riff/redo", 3)
    assert code == "drop-folder" and "favourite" in text
    assert player.ask("/riff/keep", 3, 0)[:2] == ("/riff/done", "")
    assert player.loop("/riff/undo", 3) == second
    assert player.loop("/riff/redo", 3) != third


def starred(player: Player, count: int) -> list[str]:
    """Return the names of the loops with a star, once the library has looked at all that was noted."""
    keeper = player.daemon._keeper
    assert keeper is not None
    library = Library(player.folder)
    for _ in range(200):
        assert keeper.wait_until_idle(30)
        found = [entry.name for entry in library.find(Wanted(starred=True))]
        if len(found) == count:
            return found
        keeper._closing.wait(0.05)
    raise AssertionError(f"the library never had {count} stars")


def test_a_favourite_has_a_star_in_the_library_until_it_is_let_go(player: Player) -> None:
    first = player.loop("/riff/pad", 3)
    player.loop("/riff/keep", 3)
    assert starred(player, 1) == [first.stem]
    player.ask("/riff/keep", 3, 0)
    assert starred(player, 0) == []


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_every_action_ends_in_done_or_in_a_clear_error(player: Player, name: str) -> None:
    row = ACTIONS[name]
    player.loop("/riff/pad", 3)
    player.loop("/riff/again", 3)
    for _ in range(2):
        end = player.ask(row.osc, 3, *row.example)
        assert end[0] == "/riff/done" or end[1] == "bad-value", end
    assert player.ask(row.osc, 9, *row.example)[:2] == ("/riff/error", "bad-value")


def test_the_command_line_does_what_a_client_does(
    player: Player, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    port = ("--port", str(player.port))
    first = player.loop("/riff/pad", 3)
    assert main(["do", "again", *port]) == 0
    second = Path(capsys.readouterr().out.strip())
    assert second.is_file() and second != first
    assert main(["do", "undo", "--slot", "3", *port]) == 0
    assert Path(capsys.readouterr().out.strip()) == first
    assert main(["do", "lock-bars", "1", *port]) == 0
    assert capsys.readouterr().out.strip() == "lock-bars: done"
    assert main(["do", "like", "--slot", "7", *port]) == 2
    assert "slot 7 has no loop yet" in capsys.readouterr().err
    assert main(["do", "agian", *port]) == 2
    assert "did you mean 'again'" in capsys.readouterr().err
    assert main(["do", "change", "2", "--json", *port]) == 0
    assert '"change"' in capsys.readouterr().out


def test_the_command_line_says_where_no_daemon_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert main(["do", "again", "--port", str(port)]) != 0
    assert "riffsidecar run" in capsys.readouterr().err
