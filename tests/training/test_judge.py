from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from riffsidecar.spectrogram import uint8_to_mel
from riffsidecar.training import ear as ear_module
from riffsidecar.training import judge as judge_module
from riffsidecar.training.config import TrainingConfig, load_config
from riffsidecar.training.dataset import LoopRecord, LoopSet
from riffsidecar.training.judge import Judge, trained_judge
from riffsidecar.training.score import FAMILIES

LOOPS = 16


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("frames", [112, 256, 672, 1024])
def test_every_frame_of_a_loop_is_judged(frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []

    def forward(batch: Tensor) -> Tensor:
        seen.append(batch)
        return torch.zeros(len(batch), len(FAMILIES))

    judge = Judge()
    monkeypatch.setattr(judge, "forward", forward)
    numbered = np.broadcast_to(np.arange(frames, dtype=np.float32), (2, 256, frames))
    judge.classify(numbered)
    (batch,) = seen
    assert batch.shape[1:] == (2, 256, 256)
    assert set(batch.flatten().tolist()) == set(range(frames))


def test_loops_of_any_length_are_classified_alike_each_time() -> None:
    judge = Judge().eval()
    for frames in (112, 672):
        sound = np.random.default_rng(frames).standard_normal((2, 256, frames), np.float32)
        assert judge.classify(sound) == judge.classify(sound) < len(FAMILIES)


def _shards(folder: Path, config: TrainingConfig) -> None:
    """Write loops that nobody could confuse: hits for drums, low lines for bass."""
    folder.mkdir(parents=True)
    records, frames = [], []
    rng = np.random.default_rng(0)
    for index in range(LOOPS):
        drums = index % 2 == 0
        record = LoopRecord.from_json(
            {
                "seed": config.evaluation.judge_seed * 10_000_000 + index,
                "family": "drums" if drums else "bass",
                "tempo": "120",
                "meter": "4/4",
                "bars": "1",
                "key": None,
                "chords": None,
                "captions": ["x"],
                "attributes": {},
            }
        )
        loop = rng.integers(0, 20, (256, 2, 256)).astype(np.uint8)
        if drums:
            loop[::32] = 200
        else:
            loop[:, :, :24] = 200
        records.append(record.to_json())
        frames.append(loop)
    np.save(folder / "shard-00000.npy", np.concatenate(frames))
    (folder / "shard-00000.json").write_text(json.dumps(records), "utf-8")


def test_the_judge_learns_what_tells_two_families_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ear_module, "CROP_FRAMES", 64)
    _shards(tmp_path / "data", load_config("tiny"))
    loops = LoopSet(tmp_path / "data", held_out=0.0)
    torch.manual_seed(0)
    judge = Judge(width=4)
    judge_module._train(judge, loops, 40, 1, lambda _: None)
    judge.eval()
    for index, record in enumerate(loops.records):
        assert FAMILIES[judge.classify(uint8_to_mel(loops.spectrogram(index)))] == record.family


def test_a_trained_judge_is_kept_whole_and_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = load_config("tiny")
    config = dataclasses.replace(
        tiny, evaluation=dataclasses.replace(tiny.evaluation, judge_loops=LOOPS, judge_steps=1)
    )
    _shards(tmp_path / "judge-data", config)

    def killed(tensors: dict[str, Tensor], path: Path) -> None:
        path.write_bytes(b"half a file")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ear_module, "save_file", killed)
        with pytest.raises(KeyboardInterrupt):
            trained_judge(tmp_path, config, lambda _: None)
    judge, _ = trained_judge(tmp_path, config, lambda _: None)
    assert not judge.training
    assert not list(tmp_path.glob("*.part"))
    monkeypatch.delattr(judge_module, "_train")
    again, _ = trained_judge(tmp_path, config, lambda _: None)
    for name, value in judge.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
