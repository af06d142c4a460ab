"""The ReaScript in real Lua against a small REAPER: loops at the edit cursor, as long as their bars."""

from __future__ import annotations

import os
import subprocess
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from riffsidecar.audio.names import draft_name
from riffsidecar.audio.tags import LoopTags
from riffsidecar.audio.wav import encode_wav
from riffsidecar.audio.waveform import Waveform
from riffsidecar.music import LoopLength

FindTool = Callable[[str], str]
SCRIPT = Path(__file__).resolve().parents[2] / "hosts" / "reaper" / "riffsidecar.lua"
FAKE = Path(__file__).with_name("fake_reaper.lua")


def write_loop(path: Path, bars: int, meter: str, bpm: str) -> LoopLength:
    length = LoopLength.parse(bars, meter, bpm)
    samples = np.zeros((2, length.num_samples(44100)), np.float32)
    beats = length.bars * length.meter.numerator
    tags = LoopTags(title=path.stem, bpm=length.tempo.bpm, beats=beats, meter=length.meter)
    path.write_bytes(encode_wav(Waveform(samples, 44100), "24", tags))
    return length


def play(
    require_tool: FindTool,
    folder: Path,
    tempo: float,
    cursor: float,
    *names: str,
    selected: bool = True,
    **environment: str,
) -> tuple[list[list[str]], list[str]]:
    """Return the items that the script has made, and where it left the project."""
    lua = require_tool("lua5.4")
    done = subprocess.run(
        [lua, str(FAKE), str(SCRIPT), str(folder), str(tempo), str(cursor), *names],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "SELECTED": str(int(selected)), **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    *items, project = (line.split("|") for line in done.stdout.splitlines())
    return items, project


@pytest.mark.parametrize(
    ("bars", "meter", "bpm"), [(4, "4/4", "123.457"), (3, "7/8", "90"), (1, "3/4", "200")]
)
def test_a_loop_is_as_long_as_its_bars_at_the_projects_tempo(
    bars: int, meter: str, bpm: str, require_tool: FindTool, tmp_path: Path
) -> None:
    length = write_loop(tmp_path / "riff_loop.wav", bars, meter, bpm)
    (item,), project = play(require_tool, tmp_path, float(bpm), 2.5, "riff_loop.wav")
    name, position, seconds, loops, rate, keeps_pitch = item
    exact = float(length.quarters) * 60 / float(bpm)
    assert (name, float(position), loops, keeps_pitch) == ("riff_loop", 2.5, "1", "1")
    assert float(seconds) == pytest.approx(exact, abs=1e-8) and float(rate) == pytest.approx(1, abs=1e-4)
    assert project == ["cursor", f"{2.5 + exact:.9f}", "1 tracks", "0 undo"]


def test_another_tempo_stretches_the_loop_to_its_bars(require_tool: FindTool, tmp_path: Path) -> None:
    write_loop(tmp_path / "a.wav", 2, "4/4", "120")
    (item,), _ = play(require_tool, tmp_path, 100, 0, "a.wav")
    assert float(item[2]) == pytest.approx(4.8) and float(item[4]) == pytest.approx(4 / 4.8)


def test_loops_that_follow_line_up_and_earlier_and_half_written_files_are_left_alone(
    require_tool: FindTool, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        write_loop(tmp_path / f"{name}.wav", 2, "4/4", "120")
    items, _ = play(require_tool, tmp_path, 120, 0, "a.wav", "b.wav")
    assert [(item[0], float(item[1])) for item in items] == [("a", 0.0), ("b", pytest.approx(4.0))]


def test_a_folder_may_be_typed_from_the_home_folder(require_tool: FindTool, tmp_path: Path) -> None:
    folder = tmp_path / "Music" / "loops"
    folder.mkdir(parents=True)
    write_loop(folder / "a.wav", 1, "4/4", "120")
    items, _ = play(require_tool, folder, 120, 0, "a.wav", TYPED="~/Music/loops/", HOME=str(tmp_path))
    assert len(items) == 1


def test_a_folder_that_was_typed_wrongly_once_can_be_typed_anew(
    require_tool: FindTool, tmp_path: Path
) -> None:
    write_loop(tmp_path / "a.wav", 1, "4/4", "120")
    items, _ = play(require_tool, tmp_path, 120, 0, "a.wav", TYPED=str(tmp_path), KEPT="/no/such/folder")
    assert len(items) == 1


def test_a_draft_is_left_out_because_its_loop_follows(require_tool: FindTool, tmp_path: Path) -> None:
    names = [f"{draft_name('riff_120_draft_drums_2b')}_3f9a.wav", "riff_120_draft_drums_2b_3f9b.wav"]
    for name in names:
        write_loop(tmp_path / name, 2, "4/4", "120")
    (item,), _ = play(require_tool, tmp_path, 120, 0, *names)
    assert item[0] == names[1].removesuffix(".wav")


def test_a_file_that_cannot_be_read_yet_is_waited_for_and_one_without_tags_keeps_its_length(
    require_tool: FindTool, tmp_path: Path
) -> None:
    with wave.open(str(tmp_path / "plain.wav"), "wb") as plain:
        plain.setnchannels(2)
        plain.setsampwidth(2)
        plain.setframerate(44100)
        plain.writeframes(bytes(4 * 44100))
    (item,), _ = play(require_tool, tmp_path, 97, 0, "gone.wav", "plain.wav")
    assert item[0] == "plain" and float(item[2]) == 1 and float(item[4]) == 1


def test_without_a_selected_track_a_new_one_is_made(require_tool: FindTool, tmp_path: Path) -> None:
    write_loop(tmp_path / "a.wav", 1, "4/4", "120")
    _, project = play(require_tool, tmp_path, 120, 0, "a.wav", selected=False)
    assert project[2] == "1 tracks"
