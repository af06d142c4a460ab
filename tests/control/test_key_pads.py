"""Keys as pads: what is asked of the session, what sounds, and what a missing PortAudio says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support_control import Recorder
from support_pipeline import SoundingRenderer

from riffsidecar.audio.player import CHANNELS, Deck
from riffsidecar.control.key_pads import KEYS, KeyPads, loaded, pad_of_key
from riffsidecar.control.sound_output import DeckPlayer, DeviceOutput, NullOutput, portaudio_remedy
from riffsidecar.control.surface import Surface
from riffsidecar.errors import ControlError
from riffsidecar.music import Meter, Tempo
from riffsidecar.render.recipe import read_loop
from riffsidecar.render.settings import WorkerSettings
from riffsidecar.session.commands import Perform, TriggerPad
from riffsidecar.session.events import Finished, Origin
from riffsidecar.session.requests import LoopRequest

RATE = 44100


@pytest.fixture
def rig() -> Iterator[tuple[KeyPads, DeckPlayer, list[str]]]:
    told: list[str] = []
    player = DeckPlayer(Deck.at(Tempo.parse(120), Meter(4, 4), RATE))
    yield KeyPads(player, RATE, 1.0, told.append), player, told


def wav_at(folder: Path, monkeypatch: pytest.MonkeyPatch, seed: int, bpm: int = 120) -> Path:
    for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "1")
    request = LoopRequest(prompt="noise", tempo=Tempo.parse(bpm), bars=Fraction(1), seed=seed)
    path = folder / f"loop_{seed}_{bpm}.wav"
    path.write_bytes(SoundingRenderer(WorkerSettings(threads=1)).wav(request))
    return path


def come(path: Path, slot: int, surface: str = "keys") -> Finished:
    return Finished(Origin(surface), slot, str(path), 1.0, 120.0, "", 1, 88200, RATE, 0.1, False)


def block(player: DeckPlayer, size: int) -> np.ndarray:
    out = np.zeros((size, CHANNELS), np.float32)
    player.fill(out)
    return out


def test_it_is_a_surface(rig: tuple[KeyPads, DeckPlayer, list[str]]) -> None:
    assert isinstance(rig[0], Surface)


def test_a_loop_that_comes_takes_the_place_of_the_old_one_at_the_bar_line(
    rig: tuple[KeyPads, DeckPlayer, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pads, player, _ = rig
    recorder = Recorder()
    pads.start(recorder)
    old, new = (wav_at(tmp_path, monkeypatch, seed) for seed in (1, 2))
    assert pads.press("z") and recorder.command() == TriggerPad(1)
    assert not block(player, 1000).any(), "nothing sounds before the loop is there"
    pads.notify(come(old, 1))
    sound = [block(player, 88_200 - 1000)]
    assert not sound[0].any(), "a loop that comes in the middle of a bar waits for its end"
    assert pads.press("Z") and recorder.command() == Perform("again", slot=1)
    first = block(player, 50_000)
    pads.notify(come(new, 1))
    sound = np.concatenate([first, *(block(player, size) for size in (38_000, 200, 88_200))])
    np.testing.assert_array_equal(sound[:88_200], read_loop(old).waveform.samples.T)
    np.testing.assert_array_equal(sound[88_200:176_400], read_loop(new).waveform.samples.T)


def test_a_key_stops_what_it_started_and_space_stops_all(
    rig: tuple[KeyPads, DeckPlayer, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pads, player, told = rig
    loop = loaded(read_loop(wav_at(tmp_path, monkeypatch, 3)), player.deck, RATE, 1.0, "three")
    for pad in (1, 2):
        pads.load(pad, loop)
    for key in "zx":
        pads.press(key)
    assert block(player, 88_200).any()
    pads.press("z")
    block(player, 88_200)
    assert list(player.deck.voices) == [2]
    pads.press(" ")
    assert not block(player, 88_200).any()
    assert not pads.press("p")
    pads.press("4")
    assert told[-1] == "pad 16 has no loop"


def test_loops_of_others_are_kept_but_do_not_begin_to_sound(
    rig: tuple[KeyPads, DeckPlayer, list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pads, player, told = rig
    pads.notify(come(wav_at(tmp_path, monkeypatch, 4), 2, "osc"))
    assert not block(player, 88_200).any()
    pads.press("x")
    assert block(player, 88_200).any()
    pads.notify(come(wav_at(tmp_path, monkeypatch, 4, bpm=90), 2))
    assert "play loops of one tempo" in told[-1]


def test_every_key_is_a_pad_and_its_shifted_one_the_same() -> None:
    assert [pad_of_key(key) for key in KEYS] == [(pad, False) for pad in range(1, 17)]
    assert [pad_of_key(key) for key in "ZXCVASDFQWER!@#$"] == [(pad, True) for pad in range(1, 17)]


def test_the_null_device_asks_for_blocks_until_it_is_closed() -> None:
    player = DeckPlayer(Deck(Fraction(100)))
    with NullOutput(player, 48_000, 16):
        while player.deck.position < 64:
            pass
    assert player.deck.position % 16 == 0


@pytest.mark.parametrize(
    ("platform", "word"),
    [("linux", "libportaudio2"), ("darwin", "brew"), ("win32", "64-bit"), ("aix", "system")],
)
def test_a_missing_portaudio_says_how_it_comes_onto_the_machine(
    platform: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Missing:
        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "sounddevice":
                raise OSError("PortAudio library not found")

    assert word in portaudio_remedy(platform)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(ControlError, match=word):
        DeviceOutput(DeckPlayer(Deck(Fraction(100))), RATE)


def test_a_missing_sounddevice_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(ControlError, match=r"riffsidecar\[play\]"):
        DeviceOutput(DeckPlayer(Deck(Fraction(100))), RATE)
