from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from riffsidecar.spectrogram import uint8_to_mel
from riffsidecar.training import tagger as room
from riffsidecar.training.config import TrainingConfig, load_config
from riffsidecar.training.dataset import LoopRecord, LoopSet
from riffsidecar.training.instruments import INSTRUMENTS
from riffsidecar.training.labels import GROUPS, LABEL_GENRES, group_of
from riffsidecar.training.tagger import Tagger, held_out_timbres, trained_tagger

LOOPS = 24
KINDS = (("house", ["kit-909"], True), ("ambient", ["warm-pad"], False))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def _config(loops: int = LOOPS) -> TrainingConfig:
    tiny = load_config("tiny")
    sizes = {"judge_loops": loops, "tagger_loops": 3, "tagger_steps": 1}
    return dataclasses.replace(tiny, evaluation=dataclasses.replace(tiny.evaluation, **sizes))


def _record(index: int, seed: int) -> LoopRecord:
    genre, instruments, drums = KINDS[index % 2]
    return LoopRecord.from_json(
        {
            "seed": seed * 10_000_000 + index,
            "family": "drums" if drums else "choir-pad",
            "tempo": "120",
            "meter": "4/4",
            "bars": "1",
            "key": None,
            "chords": None,
            "density": 0.5,
            "brightness": 0.5,
            "energy": 0.5,
            "captions": ["x"],
            "attributes": {"genre": genre, "instruments": instruments, "drums": drums},
        }
    )


def _sound(index: int) -> np.ndarray:
    loop = np.random.default_rng(index).integers(0, 20, (256, 2, 256)).astype(np.uint8)
    if index % 2 == 0:
        loop[::32] = 200
    else:
        loop[:, :, 100:160] = 200
    return loop


def _shards(folder: Path, seed: int) -> None:
    """Write loops that nobody could confuse: hits for house drums, a band for an ambient pad."""
    folder.mkdir(parents=True)
    np.save(folder / "shard-00000.npy", np.concatenate([_sound(index) for index in range(LOOPS)]))
    records = [_record(index, seed).to_json() for index in range(LOOPS)]
    (folder / "shard-00000.json").write_text(json.dumps(records), "utf-8")


def test_every_instrument_but_a_texture_has_a_group() -> None:
    for name, instrument in INSTRUMENTS.items():
        assert (group_of(name) is None) == (instrument.family == "texture")


@pytest.mark.parametrize("frames", [112, 672])
def test_the_tagger_hears_loops_of_any_length(frames: int) -> None:
    tagger = Tagger(width=4).eval()
    tags = tagger.listen(np.random.default_rng(frames).standard_normal((2, 256, frames), np.float32))
    assert tags.genre.shape == (len(LABEL_GENRES),) and tags.instruments.shape == (len(GROUPS),)
    assert np.linalg.norm(tags.embedding) == pytest.approx(1.0, abs=1e-5)
    assert np.exp(tags.genre).sum() == pytest.approx(1.0, abs=1e-5)


def test_the_tagger_learns_genre_instruments_and_drums(tmp_path: Path) -> None:
    _shards(tmp_path / "data", 1)
    loops = LoopSet(tmp_path / "data", held_out=0.0)
    torch.manual_seed(0)
    tagger = Tagger(width=4)
    room._train(tagger, [loops], 60, lambda _: None)
    tagger.eval()
    rather_kit: dict[bool, list[float]] = {True: [], False: []}
    for index, record in enumerate(loops.records):
        tags = tagger.listen(uint8_to_mel(loops.spectrogram(index)))
        assert LABEL_GENRES[int(tags.genre.argmax())] == record.attributes["genre"]
        kit, pad = (float(tags.instruments[GROUPS.index(group)]) for group in ("kit", "pad"))
        rather_kit[record.attributes["drums"]].append(kit - pad)
        assert (tags.drums > 0) == record.attributes["drums"]
    assert min(rather_kit[True]) > max(rather_kit[False])


def test_a_trained_tagger_is_kept_and_not_trained_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = _config()
    _shards(tmp_path / "judge-data", config.evaluation.judge_seed)
    heard: list[tuple[int, str]] = []

    def composed(seed: int, *_: object, timbres: str) -> tuple[LoopRecord, np.ndarray]:
        heard.append((seed, timbres))
        return _record(len(heard), 5), _sound(len(heard)).transpose(1, 2, 0)

    monkeypatch.setattr(room, "make_record", composed)
    tagger, loops = trained_tagger(tmp_path, config, lambda _: None)
    assert not tagger.training and len(loops) == LOOPS
    assert [timbres for _, timbres in heard] == ["held-out"] * 3
    assert min(seed for seed, _ in heard) == config.evaluation.tagger_seed * 10_000_000
    monkeypatch.delattr(room, "_train")
    monkeypatch.delattr(room, "make_record")
    again, _ = trained_tagger(tmp_path, config, lambda _: None)
    for name, value in tagger.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    further = held_out_timbres(tmp_path, config, lambda _: None)
    assert further is not None and len(further) == 3


def test_no_other_net_is_made_with_the_tagger() -> None:
    package = Path(room.__file__).parent
    users = {
        path.relative_to(package).parts[0]
        for path in package.rglob("*.py")
        if "riffsidecar.training.tagger" in path.read_text("utf-8")
    }
    assert users == {"evaluation"}
