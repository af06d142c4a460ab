"""What becomes of files in the seed folder: seeds, patience, or a word on what is wrong."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from support_control import Recorder
from support_seeds import audio_bytes, beat, write_audio

from riffsidecar.control import seed_folder
from riffsidecar.control.seed_folder import SeedFolderSurface
from riffsidecar.errors import BusyError
from riffsidecar.session.commands import ReplaceSeeds
from riffsidecar.session.events import StateChanged
from riffsidecar.session.seeds import seed_name


class Clock:
    """Seconds that go on when a test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Rig:
    """A surface that looks when it is told to, without threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "seeds"
        self.folder.mkdir()
        self.clock = Clock()
        self.recorder = Recorder()
        self.surface = SeedFolderSurface(self.folder, folder / "fitted", clock=self.clock)
        self.surface._submit = self.recorder

    def looked(self, seconds: float = 1.0) -> list[ReplaceSeeds]:
        """Look, wait, look again; return what was told."""
        self.surface.look()
        self.clock.now_s += seconds
        self.surface.look()
        told = self.recorder.rest()
        assert all(isinstance(command, ReplaceSeeds) for command in told)
        return told  # type: ignore[return-value]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.mark.parametrize("suffix", ["wav", "aiff", "flac", "mp3"])
def test_a_file_becomes_a_seed_by_its_name(rig: Rig, suffix: str) -> None:
    write_audio(rig.folder / f"My Beat.{suffix}", beat(100.0, 2))
    (told,) = rig.looked()
    (seed,) = told.seeds
    assert seed.name == "my-beat" and seed.bars == 2 and round(seed.bpm) == 100
    assert Path(seed.path).is_file() and told.problem == ""
    assert rig.looked() == []


def test_files_beyond_the_limit_are_told_of(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seed_folder, "_MAX_SEEDS", 1)
    for name in ("one", "two", "three"):
        write_audio(rig.folder / f"{name}.wav", beat(100.0, 2))
    told = rig.looked()[-1]
    assert len(told.seeds) == 1 and "left out: 2" in told.problem
    for path in sorted(rig.folder.iterdir())[1:]:
        path.unlink()
    assert rig.looked()[-1].problem == ""


def test_names_in_other_scripts_are_kept_apart(rig: Rig) -> None:
    for name in ("太鼓", "拍子"):
        write_audio(rig.folder / f"{name}.wav", beat(100.0, 2))
    told = rig.looked()[-1]
    assert {seed.name for seed in told.seeds} == {seed_name("太鼓"), seed_name("拍子")}


def test_a_file_that_still_grows_waits(rig: Rig) -> None:
    content = audio_bytes(beat(100.0, 2))
    path = rig.folder / "slow.wav"
    for end in (5000, 90_000, len(content) // 2):
        path.write_bytes(content[:end])
        assert rig.looked(0.1) == []
    assert rig.looked(5.0) == []
    path.write_bytes(content)
    (told,) = rig.looked()
    assert [seed.name for seed in told.seeds] == ["slow"] and told.problem == ""


def test_half_a_file_that_stays_half_is_told_of_and_mended_by_the_whole(rig: Rig) -> None:
    content = audio_bytes(beat(100.0, 2))
    path = rig.folder / "half.wav"
    path.write_bytes(content[: len(content) // 2])
    assert rig.looked(30.0) == []
    (told,) = rig.looked(61.0)
    assert told.seeds == () and "half.wav" in told.problem and "still being copied" in told.problem
    path.write_bytes(content)
    (told,) = rig.looked()
    assert [seed.name for seed in told.seeds] == ["half"] and told.problem == ""


def test_a_broken_file_is_told_of_and_harms_no_other(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    write_audio(rig.folder / "good.wav", beat(100.0, 2))
    (rig.folder / "bad.mp3").write_bytes(b"no audio at all" * 100)
    (rig.folder / "still.wav").write_bytes(audio_bytes(np.zeros((2, 44100), np.float32)))
    (rig.folder / "notes.txt").write_text("not looked at")
    (rig.folder / ".hidden.wav").write_bytes(b"not looked at")
    with caplog.at_level(logging.WARNING):
        (told,) = rig.looked()
        assert rig.looked() == []
    assert [seed.name for seed in told.seeds] == ["good"]
    assert "bad.mp3" in told.problem and "silent" in told.problem
    assert len([record for record in caplog.records if "no seed" in record.message]) == 2
    (rig.folder / "bad.mp3").unlink()
    (rig.folder / "still.wav").unlink()
    (told,) = rig.looked()
    assert told.problem == "" and len(told.seeds) == 1


def test_a_link_to_nowhere_hides_no_other_file(rig: Rig) -> None:
    for number in range(4):
        write_audio(rig.folder / f"{number}.wav", beat(100.0, 1))
        try:
            (rig.folder / f"gone {number}.wav").symlink_to(rig.folder.parent / "nowhere.wav")
        except OSError:
            pytest.skip("no links can be made here")
    (told,) = rig.looked()
    assert sorted(seed.name for seed in told.seeds) == ["0", "1", "2", "3"] and told.problem == ""


def test_a_file_that_goes_takes_its_seed_along_and_one_that_changes_is_read_again(rig: Rig) -> None:
    path = write_audio(rig.folder / "a.wav", beat(100.0, 2))
    (first,) = rig.looked()
    write_audio(path, beat(110.0, 2))
    (second,) = rig.looked()
    assert round(second.seeds[0].bpm) == 110 and second.seeds[0].sha256 != first.seeds[0].sha256
    path.unlink()
    (third,) = rig.looked()
    assert third.seeds == ()


def test_two_files_of_one_name_are_told_apart(rig: Rig) -> None:
    write_audio(rig.folder / "beat.wav", beat(100.0, 1))
    write_audio(rig.folder / "beat.flac", beat(100.0, 1, seed=1))
    (told,) = rig.looked()
    assert len({seed.name for seed in told.seeds}) == 2
    assert {"beat"} < {seed.name for seed in told.seeds} <= {"beat", "beat-flac", "beat-wav"}


def test_the_tempo_of_the_session_chooses_the_octave_and_a_far_move_reads_anew(rig: Rig) -> None:
    write_audio(rig.folder / "a.wav", beat(87.0, 2))
    rig.surface.notify(StateChanged({"tempo": 90.0, "meter": "4/4"}))
    (slow,) = rig.looked()
    assert (round(slow.seeds[0].bpm), slow.seeds[0].bars) == (87, 2)
    rig.surface.notify(StateChanged({"tempo": 100.0, "meter": "4/4"}))
    assert rig.looked() == []
    rig.surface.notify(StateChanged({"tempo": 174.0, "meter": "4/4"}))
    (fast,) = rig.looked()
    assert (round(fast.seeds[0].bpm), fast.seeds[0].bars) == (174, 4)


def test_seeds_that_were_refused_are_told_again(rig: Rig) -> None:
    write_audio(rig.folder / "a.wav", beat(100.0, 1))
    rig.recorder.problem = BusyError("busy")
    assert len(rig.looked()) == 1
    rig.recorder.problem = None
    (told,) = rig.looked()[:1]
    assert [seed.name for seed in told.seeds] == ["a"]


def test_nothing_in_the_folder_is_changed(rig: Rig) -> None:
    path = write_audio(rig.folder / "a.wav", beat(100.0, 1))
    before = path.read_bytes(), path.stat().st_mtime_ns
    rig.looked()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [entry.name for entry in rig.folder.iterdir()] == ["a.wav"]


def test_a_folder_that_cannot_be_made_is_logged_and_the_surface_lives(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    surface = SeedFolderSurface(tmp_path / "file" / "seeds", tmp_path / "fitted", settle_s=0.02)
    surface.start(Recorder())
    surface.close()
