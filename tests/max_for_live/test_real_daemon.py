"""The main device and the real daemon over real UDP: Live and Max are small, everything else is itself."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support_control import OscProbe

from max_for_live.build import FOLDER, make_script
from riffsidecar.config import Config, OscConfig, OutputConfig, PresetsConfig, SessionConfig
from riffsidecar.daemon import Daemon
from riffsidecar.daemon.surfaces import Surfaces
from riffsidecar.music import LoopLength
from riffsidecar.render.settings import DEFAULT_FACTORY

sys.path.insert(0, str(Path(__file__).parent))
from read_amxd import read_patcher
from tiny_max import TinyMax

FAKE = Path(__file__).parent / "fake" / "session.js"
DOUBLE = "support_pipeline:load_double"
RED, GREEN = r"\[0\.9,0\.2,0\.15,1\]", r"\[0\.3,0\.8,0\.35,1\]"
BANK = """
title = "Mine"
tempo = 120
bars = 3
""" + "\n".join(f'[[pad]]\nname = "sound {number}"\nprompt = "quick {number}"' for number in range(1, 17))


class Session:
    """Be the small Live: give orders, wait for what the device shows."""

    def __init__(self, node: str, live: dict[str, Any], daemon_port: int, beat_ms: int = 2000) -> None:
        self._script = make_script().replace("BEAT_MS = 2000", f"BEAT_MS = {beat_ms}")
        self._process = subprocess.Popen(
            [node, str(FAKE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._port = daemon_port
        self.order("open", set=live)

    def order(self, order: str, **what: Any) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"order": order, **what}) + "\n")
        self._process.stdin.flush()
        answer = dict(json.loads(self._process.stdout.readline()))
        assert "crash" not in answer, answer["crash"]
        return answer

    def load(self, name: str, track: int = 0) -> None:
        """Put a device on a track; Live restores its parameters, then says that it is there."""
        self.order("load", name=name, script=self._script, where=f"live_set tracks {track} devices 0")
        self.order("message", name=name, words=["daemon_port", self._port])
        self.order("message", name=name, words=["bang"])

    def say(self, name: str, *words: Any) -> None:
        self.order("message", name=name, words=words)

    def until(self, name: str, box: str, selector: str, pattern: str) -> str:
        return str(self.order("until", name=name, box=box, selector=selector, pattern=pattern)["found"])

    def until_there(self, name: str) -> None:
        self.until(name, "light", "textcolor", GREEN)
        self.until(name, "pad16", "text", "sound|\\w")

    def clips(self, track: int = 0) -> dict[int, dict[str, Any]]:
        """Return the clips of a track by their slot."""
        slots = self.order("look")["set"]["tracks"][track]["clip_slots"]
        return {index: slot["clip"] for index, slot in enumerate(slots) if slot.get("clip")}

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


def a_set(*tracks: dict[str, Any], **song: Any) -> dict[str, Any]:
    return {
        "live_set": {
            "tempo": 120,
            "signature_numerator": 4,
            "signature_denominator": 4,
            "root_note": 0,
            "scale_name": "Major",
            "scale_mode": 0,
            "is_playing": 0,
            "current_song_time": 0,
            **song,
            "tracks": list(tracks) or [a_track()],
        },
        "seconds": {"*": float(LoopLength.parse(3, "7/8", "90").duration_s)},
    }


def a_track(slots: int = 4, frozen: int = 0) -> dict[str, Any]:
    return {
        "has_audio_input": 1,
        "is_frozen": frozen,
        "clip_slots": [{"has_clip": 0} for _ in range(slots)],
    }


@pytest.fixture
def config(tmp_path: Path) -> Config:
    presets = tmp_path / "presets"
    presets.mkdir()
    (presets / "mine.toml").write_text(BANK)
    return Config(
        output=OutputConfig(folder=str(tmp_path / "my loops")),
        osc=OscConfig(port=0),
        session=SessionConfig(bank="mine"),
        presets=PresetsConfig(folder=str(presets)),
    )


@contextmanager
def running(config: Config, factory: str = DOUBLE) -> Iterator[tuple[Daemon, int]]:
    surfaces = Surfaces(config, midi=False)
    daemon = Daemon(config, surfaces.all, factory)
    surfaces.watch(daemon)
    daemon.start()
    try:
        assert surfaces.osc is not None
        yield daemon, surfaces.osc.port
    finally:
        daemon.close()


Open = Callable[..., Session]


@pytest.fixture
def open_set(node: str) -> Iterator[Open]:
    opened: list[Session] = []

    def make(live: dict[str, Any], port: int, beat_ms: int = 2000) -> Session:
        opened.append(Session(node, live, port, beat_ms))
        return opened[-1]

    yield make
    for session in opened:
        session.close()


def samples_of(path: str) -> int:
    import wave

    with wave.open(path) as opened:
        return int(opened.getnframes())


def test_three_bars_of_7_8_at_lives_tempo_become_a_clip_of_ten_and_a_half_beats(
    config: Config, open_set: Open
) -> None:
    with running(config) as (daemon, port):
        session = open_set(a_set(), port)
        session.load("one")
        session.until_there("one")
        for name, value in (("tempo", 90), ("signature_numerator", 7), ("signature_denominator", 8)):
            session.order("turn", property=name, value=value)
        session.order("turn", property="is_playing", value=1)
        session.say("one", "pad", 2)
        session.until("one", "status", "set", "10.5 beats in slot 2")
        clip = session.clips()[1]
        assert (clip["loop_start"], clip["loop_end"], clip["looping"], clip["warping"]) == (0, 10.5, 1, 1)
        assert clip["name"] == "sound 2"
        assert samples_of(clip["file_path"]) == LoopLength.parse(3, "7/8", "90").num_samples(44100)
        assert Path(clip["file_path"]).parent == daemon.folder
        assert daemon.session.tempo_source == "live" and daemon.session.is_playing
        shown = session.order("look", name="one")["shown"]["pad2"]
        assert shown["text"] == "sound 2" and {"wait..."} <= {
            each[1] for each in shown["heard"] if each[0] == "text"
        }


def test_an_occupied_slot_is_left_alone_and_a_frozen_track_named(config: Config, open_set: Open) -> None:
    with running(config) as (_, port):
        first, frozen = a_track(), a_track(frozen=1)
        first["clip_slots"][0] |= {"has_clip": 1, "clip": {"file_path": "/mine.wav", "name": "mine"}}
        session = open_set(a_set(first, frozen), port)
        session.load("one")
        session.until_there("one")
        session.say("one", "pad", 1)
        session.until("one", "status", "set", "in slot 2")
        assert session.clips()[0]["name"] == "mine"
        session.load("two", track=1)
        session.until_there("two")
        session.say("two", "pad", 3)
        session.until("two", "status", "set", "frozen")
        assert session.clips(1) == {}


def test_a_daemon_that_ends_and_comes_back_is_noticed_and_told_everything_anew(
    config: Config, open_set: Open
) -> None:
    with running(config) as (_, port):
        # Faster than in Live, so that the daemon's end is noticed soon.
        session = open_set(a_set(tempo=133), port, beat_ms=300)
        session.load("one")
        session.until_there("one")
        session.say("one", "knob", "morph", 0.25)
        session.say("one", "pad", 1)
        session.until("one", "status", "set", "slot 1")
    session.until("one", "light", "textcolor", RED)
    session.until("one", "status", "set", "does not answer")
    with running(replace(config, osc=OscConfig(port=port))) as (daemon, _):
        session.until("one", "light", "textcolor", GREEN)
        session.say("one", "pad", 2)
        session.until("one", "status", "set", "slot 2")
        assert float(daemon.session.tempo) == 133 and daemon.session.knobs["morph"] == 0.25


def test_two_devices_in_a_set_each_get_their_own_loops(config: Config, open_set: Open) -> None:
    with running(config) as (_, port):
        session = open_set(a_set(a_track(), a_track()), port)
        for name, track in (("one", 0), ("two", 1)):
            session.load(name, track)
            session.until_there(name)
        ports = json.loads(session.order("look")["globals"]["riffsidecar"]["state"])["ports"]
        assert len(set(ports.values())) == 2
        session.say("one", "pad", 1)
        session.say("two", "pad", 2)
        session.until("one", "status", "set", "slot 1")
        session.until("two", "status", "set", "slot 2")
        assert set(session.clips(0)) == {0} and set(session.clips(1)) == {1}


def test_a_prompt_and_the_daemons_own_journey_over_the_wire(config: Config, open_set: Open) -> None:
    with running(config, "support_journey:load_either") as (_, port):
        session = open_set(a_set(a_track(12)), port)
        session.load("one")
        session.until_there("one")
        session.order("type", name="one", field="prompt-a", text="ambient pad, wide")
        session.order("type", name="one", field="prompt-b", text="acid techno")
        session.say("one", "make")
        session.until("one", "status", "set", "in slot 1")
        session.say("one", "bars", 3)
        session.say("one", "journey")
        session.until("one", "status", "set", "journey 8.* in slot 9")
        session.until("one", "journey", "text", "Journey A-B")
        made = session.clips()
        assert set(made) == set(range(9)) and made[8]["name"] == "journey 8"
        assert len({clip["file_path"] for clip in made.values()}) == 9
        bar = LoopLength.parse(1, "4/4", "120").num_samples(44100)
        assert {samples_of(made[index]["file_path"]) for index in range(1, 9)} == {bar}


def test_where_a_song_plays_the_daemon_counts_its_bars_and_follows_a_jump(
    config: Config, open_set: Open
) -> None:
    with running(config) as (_, port):
        session, probe = open_set(a_set(current_song_time=8.0), port), OscProbe(port)
        session.load("one")
        session.until_there("one")
        probe.ask("/riff/hello", probe.port, "test")

        def bar_of(pad: int) -> int:
            session.say("one", "pad", pad)
            while (told := probe.until("/riff/done")[-1])[2] != pad:
                continue
            return int(told[-1])

        assert bar_of(1) == 0, "nothing plays"
        session.order("turn", property="is_playing", value=1)
        assert 3 < bar_of(2) < 100
        session.order("turn", property="current_song_time", value=4000.0)
        assert bar_of(3) > 1001
        probe.close()


def test_a_bank_is_chosen_and_an_error_of_the_daemon_is_one_line(config: Config, open_set: Open) -> None:
    with running(config) as (daemon, port):
        session = open_set(a_set(), port)
        session.load("one")
        session.until_there("one")
        session.say("one", "bank", "house")
        session.until("one", "pad1", "text", "four floor")
        assert daemon.session.bank_name == "house"
        session.order("type", name="one", field="prompt-a", text="refused")
        session.say("one", "make")
        session.until("one", "status", "set", "refused on purpose")


def test_the_real_model_makes_a_clip_of_a_pad(config: Config, open_set: Open) -> None:
    with running(replace(config, session=SessionConfig(bank="house", bars=1)), DEFAULT_FACTORY) as (_, port):
        session = open_set(a_set(), port)
        session.load("one")
        session.until_there("one")
        session.say("one", "knob", "quality", 0)
        session.say("one", "bars", 3)
        session.say("one", "pad", 2)
        session.until("one", "status", "set", "4 beats in slot 2")
        path = session.clips()[1]["file_path"]
        assert samples_of(path) == LoopLength.parse(1, "4/4", "120").num_samples(44100)


@contextmanager
def plain_device(
    port: int, live: dict[str, Any]
) -> Iterator[tuple[TinyMax, Callable[[Callable[[], bool]], None]]]:
    """Open the device for Live 11; what is given beside it lets it speak and hear until something holds."""
    probe = OscProbe(port)
    device = TinyMax(read_patcher((FOLDER / "Riffsidecar (Live 11).amxd").read_bytes()), live)

    def until(holds: Callable[[], bool]) -> None:
        while not holds():
            for address, *values in device.sent:
                probe.send(str(address), *values)
            device.sent.clear()
            device.hear(*probe.receive())  # type: ignore[arg-type]

    device.load()
    device.turn("port", float(probe.port))
    try:
        yield device, until
    finally:
        probe.close()


def test_a_dial_that_is_turned_while_a_pad_is_made_gives_the_pad_its_clip_in_live_11(config: Config) -> None:
    bank = Path(config.presets.folder) / "mine.toml"
    bank.write_text(bank.read_text().replace("quick 2", "slow 2"))
    live = {"live_set": a_set(a_track(4))["live_set"]}
    ready = ["activebgcolor", 0.3, 0.8, 0.35, 1.0]
    with running(config) as (_, port), plain_device(port, live) as (device, until):
        until(lambda: ["text", "sound 16"] in device.shown.get("pad16", []))
        device.wait(50)
        device.click("pad2")
        until(lambda: "2:" in device.shown["status"][-1])
        device.turn("guidance", 2.5)
        until(lambda: device.shown["pad2"][-1] == ready)
        device.wait(500)
        slots = live["live_set"]["tracks"][0]["clip_slots"]
        assert [at for at, slot in enumerate(slots) if "clip" in slot] == [1]


def test_the_device_of_plain_objects_shows_the_bank_and_makes_clips_of_its_loops(config: Config) -> None:
    live = {
        "live_set": a_set(a_track(4), tempo=90, signature_numerator=7, signature_denominator=8)["live_set"]
    }
    with running(config) as (_, port), plain_device(port, live) as (device, until):
        until(lambda: ["text", "sound 16"] in device.shown.get("pad16", []))
        device.wait(50)
        for pad in ("pad2", "pad3", "pad4"):
            device.click(pad)
        device.sent.append(["/riff/cancel", 4])
        ready, waiting = ["activebgcolor", 0.3, 0.8, 0.35, 1.0], ["activebgcolor", 0.98, 0.7, 0.2, 1.0]
        empty = ["activebgcolor", 0.3, 0.3, 0.3, 1.0]
        until(lambda: device.shown["pad4"][-2:] == [waiting, empty])
        until(lambda: all(ready in device.shown.get(pad, []) for pad in ("pad2", "pad3")))
        device.wait(500)
        clips = {
            at: slot["clip"]
            for at, slot in enumerate(live["live_set"]["tracks"][0]["clip_slots"])
            if "clip" in slot
        }
        assert {at: clip["name"] for at, clip in clips.items()} == {1: "sound 2", 2: "sound 3"}
        assert {clip["loop_end"] for clip in clips.values()} == {10.5}
        assert {samples_of(clip["file_path"]) for clip in clips.values()} == {
            LoopLength.parse(3, "7/8", "90").num_samples(44100)
        }
        assert len({clip["file_path"] for clip in clips.values()}) == 2
