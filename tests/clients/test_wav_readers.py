"""What real programs read from our WAV files; they skip where a program is missing, except in CI."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from riffsidecar.audio import LoopTags, Waveform, decode_wav, encode_wav
from riffsidecar.music import Key, Meter

FindTool = Callable[[str], str]
NUM_SAMPLES = 30_240  # one quarter note at 87.5 BPM and 44.1 kHz
TAGS = LoopTags(
    title="Dusty Ä drums 太鼓",
    bpm=Fraction(175, 2),
    beats=Fraction(1),
    meter=Meter(7, 4),
    key=Key.parse("F#m"),
    prompt='dusty "drums", 太鼓',
    seed=42,
    genre="Lo-Fi",
    software="riffsidecar 0.1.0",
    recipe={"recipe": 1, "model": "embedded"},
    latents=np.ones((8, 32, 4), np.float16),
    source=b"seed audio of odd length!",
)


@pytest.fixture(params=["16", "24", "32f"])
def depth(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def loop(tmp_path: Path, depth: str) -> Path:
    noise = np.random.default_rng(0).uniform(-1, 1, (2, NUM_SAMPLES)).astype(np.float32)
    path = tmp_path / f"riff_dusty_{depth}.wav"
    path.write_bytes(encode_wav(Waveform(noise, 44_100), depth, TAGS))
    return path


def output(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, check=True, timeout=60)
    return (done.stdout + done.stderr).decode("utf-8")


def test_sndfile_info_reads_acid_smpl_and_info(loop: Path, depth: str, require_tool: FindTool) -> None:
    text = " ".join(output(require_tool("sndfile-info"), loop).split())
    for expected in [
        f"Frames : {NUM_SAMPLES}",
        "Channels : 2",
        "Sample Rate : 44100",
        "Flags : 0x0006 (Loop,RootNoteValid,StretchOn,RAMBased",
        "Root note : 0x36",
        "Beats : 1",
        "Meter : 7/4",
        "Tempo : 87.500000",
        "Midi Note : 54",
        "Loop Count : 1",
        f"Start : 0 End : {NUM_SAMPLES - 1}",
        "INAM : Dusty Ä drums 太鼓",
        "IGNR : Lo-Fi",
        "ISFT : riffsidecar 0.1.0",
        f"ICMT : {TAGS.summary()}",
    ]:
        assert expected in text
    assert "error" not in text.lower()
    assert {"16": "Bit Width : 16", "24": "Bit Width : 24", "32f": "IEEE_FLOAT"}[depth] in text


def test_sox_reads_the_exact_samples_without_a_warning(
    loop: Path, depth: str, require_tool: FindTool
) -> None:
    sox = require_tool("sox")
    assert output(sox, "--i", "-s", loop).strip() == str(NUM_SAMPLES)
    log = output(sox, "-V4", loop, "-n")
    assert "WAV Chunk acid" in log and "WAV Chunk smpl" in log and "WAV Chunk LIST" in log
    assert "WARN" not in log and "FAIL" not in log
    if depth == "32f":
        return  # sox works in 32-bit integers and so rounds floats; libsndfile's null test stands for them
    raw = loop.with_suffix(".raw")
    output(sox, "-D", loop, "-t", "raw", "-e", "signed-integer", "-b", depth, raw)
    width = int(depth) // 8
    theirs = np.frombuffer(raw.read_bytes(), np.uint8).reshape(-1, width)
    own = decode_wav(loop.read_bytes()).waveform.samples.T.ravel() * 2.0 ** (int(depth) - 1)
    assert [int.from_bytes(row.tobytes(), "little", signed=True) for row in theirs] == own.tolist()


def test_mediainfo_reads_title_tempo_key_genre_and_recipe(loop: Path, require_tool: FindTool) -> None:
    tracks = json.loads(output(require_tool("mediainfo"), "--Output=JSON", loop))["media"]["track"]
    general = next(track for track in tracks if track["@type"] == "General")
    audio = next(track for track in tracks if track["@type"] == "Audio")
    assert general["Format"] == "Wave"
    # From id3; INFO says nothing of its encoding, MediaInfo takes it for Latin-1 and most others for UTF-8.
    assert general["Track"] == "Dusty Ä drums 太鼓"
    assert float(general["BPM"]) == 87.5
    assert general["Genre"] == "Lo-Fi"
    assert "riffsidecar 0.1.0" in general["Encoded_Application"]
    assert general["extra"]["Initial_key"] == "F#m"
    assert json.loads(general["Comment"]) == json.loads(TAGS.summary())
    assert (audio["Channels"], audio["SamplingRate"]) == ("2", "44100")


def test_ffprobe_reads_the_tags(loop: Path, require_tool: FindTool) -> None:
    report = json.loads(
        output(require_tool("ffprobe"), "-v", "quiet", "-of", "json", "-show_format", "-show_streams", loop)
    )
    tags = {name.lower(): value for name, value in report["format"]["tags"].items()}
    assert tags["title"] == "Dusty Ä drums 太鼓"
    assert tags["genre"] == "Lo-Fi"
    assert json.loads(tags["comment"]) == json.loads(TAGS.summary())
    assert report["streams"][0]["duration_ts"] == NUM_SAMPLES
