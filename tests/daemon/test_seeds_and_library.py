"""The daemon with its seed folder and its library: what lands is heard of, what is made is found again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support_control import OscProbe
from support_seeds import beat, write_audio

from riffsidecar.config import Config, LibraryConfig, OscConfig, OutputConfig, SeedsConfig
from riffsidecar.daemon import Daemon
from riffsidecar.daemon.surfaces import Surfaces
from riffsidecar.render.library import Library, Wanted
from riffsidecar.render.recipe import read_loop

FACTORY = "support_pipeline:load_sounding"


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[tuple[Daemon, OscProbe]]:
    config = Config(output=OutputConfig(folder=str(tmp_path / "loops")), osc=OscConfig(port=0))
    surfaces = Surfaces(config, midi=False)
    daemon = Daemon(config, surfaces.all, FACTORY)
    surfaces.watch(daemon)
    daemon.start()
    assert surfaces.osc is not None
    probe = OscProbe(surfaces.osc.port)
    probe.socket.settimeout(60)
    probe.ask("/riff/hello", probe.port)
    yield daemon, probe
    probe.close()
    daemon.close()


def until_state(probe: OscProbe, name: str, part: str) -> tuple[object, ...]:
    """Return the first row of the state by this name that holds ``part``."""
    while True:
        message = probe.receive()
        if message[:2] == ("/riff/state", name) and any(part in str(value) for value in message[2:]):
            return message


def test_a_dropped_file_is_a_seed_for_a_pad_and_its_loop_is_in_the_library(
    rig: tuple[Daemon, OscProbe],
) -> None:
    daemon, probe = rig
    write_audio(daemon.folder / "seeds" / "My Break.wav", beat(92.0, 2))
    assert until_state(probe, "seed", "my-break")[3] == pytest.approx(92.0, rel=0.01)
    assert probe.ask("/riff/seedaudio", 2, "my-break", "groove", "id:s")[-1][0] == "/riff/done"
    probe.send("/riff/pad", 2, "id:p")
    while (message := probe.receive())[:2] != ("/riff/done", "id:p"):
        assert message[0] != "/riff/error", message
    path = Path(str(message[3]))
    request = read_loop(path).request
    assert (request.source_use, request.strength, request.has_source) == ("groove", 0.7, True)
    assert daemon._keeper is not None and daemon._keeper.wait_until_idle(60)
    library = Library(daemon.folder)
    while not (found := library.find(Wanted())):
        assert daemon._keeper.wait_until_idle(60)
    assert [entry.path for entry in found] == [path.name]


def test_a_broken_file_and_an_unknown_seed_are_told_of(rig: tuple[Daemon, OscProbe]) -> None:
    daemon, probe = rig
    (daemon.folder / "seeds" / "bad.flac").write_bytes(b"nothing to hear" * 99)
    assert "bad.flac" in str(until_state(probe, "seed_problem", "bad.flac"))
    answer = probe.ask("/riff/seedaudio", 1, "nobody", "id:x")[-1]
    assert answer[:3] == ("/riff/error", "id:x", "unknown-name")


def test_both_can_be_switched_off(tmp_path: Path) -> None:
    config = Config(
        output=OutputConfig(folder=str(tmp_path / "loops")),
        osc=OscConfig(enabled=False),
        seeds=SeedsConfig(enabled=False),
        library=LibraryConfig(enabled=False),
    )
    daemon = Daemon(config, Surfaces(config, midi=False).all, FACTORY)
    daemon.start()
    daemon.close()
    assert list(daemon.folder.iterdir()) == []
