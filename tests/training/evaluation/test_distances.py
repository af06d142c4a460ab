"""Kernel distance, diversity and nearest neighbours: near, far, all alike, copied."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from support_evaluation import LENGTH, World, hits, lost, tagged

from riffsidecar.errors import TrainingError
from riffsidecar.spectrogram import mel_to_uint8
from riffsidecar.training.compose import compose
from riffsidecar.training.dataset import LoopRecord
from riffsidecar.training.evaluation import distances as room
from riffsidecar.training.evaluation.distances import (
    kernel_distance,
    measure_distance,
    measure_diversity,
    measure_neighbours,
    nearest_distances,
    pairwise_distances,
)
from riffsidecar.training.evaluation.loops import Ask, Loop


def _draw(seed: int, count: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 8)) + shift


def test_the_kernel_distance_of_two_draws_is_nothing_whatever_their_size() -> None:
    apart = [kernel_distance(_draw(seed, 12), _draw(1000 + seed, 100)) for seed in range(200)]
    assert abs(float(np.mean(apart))) < 0.7
    assert min(apart) < 0 < max(apart)


def test_the_kernel_distance_grows_as_loops_move_away() -> None:
    reference = _draw(0, 200)
    near, further, far = (kernel_distance(_draw(1, 50, shift), reference) for shift in (0.0, 0.5, 1.0))
    assert near < 1.0 < further < far


def test_the_distance_of_a_single_loop_is_refused() -> None:
    with pytest.raises(TrainingError, match="1 loops"):
        kernel_distance(_draw(0, 1), _draw(1, 9))


def test_distances_of_embeddings() -> None:
    basis = np.eye(3)
    assert pairwise_distances(basis) == [1.0, 1.0, 1.0]
    np.testing.assert_allclose(nearest_distances(basis, basis[:2]), [0.0, 0.0, 1.0])


class _Noise(World):
    def play(self, ask: Ask, trained: bool) -> Loop:
        return super().play(ask, False)


def test_a_model_near_composed_loops_passes_and_noise_fails(tmp_path: Path) -> None:
    (check,) = measure_distance(World(tmp_path, 24).bench).checks
    assert check.holds and not check.passing_floors
    (check,) = measure_distance(_Noise(tmp_path, 24).bench).checks
    assert not check.holds


class _Varied(World):
    """A model whose loops of one prompt differ as composed ones do, or do not."""

    differs = True

    def play(self, ask: Ask, trained: bool) -> Loop:
        score = compose(ask.seed if self.differs else 1, family=self.kind[0], genre=self.kind[1])
        return self.loop(ask.length, tagged(score, 0.3, ask.seed if self.differs else 1))

    @property
    def kind(self) -> tuple[str, str]:
        return self.bench.pool_kinds[0]


@pytest.mark.parametrize("differs", [True, False])
def test_a_model_whose_seeds_are_alike_fails(
    tmp_path: Path, differs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = _Varied(tmp_path, 8, diversity_prompts=1, diversity_seeds=5)
    world.differs = differs
    world.bench.__dict__["_taught"] = (*world.bench.__dict__["_taught"][:2], [world.kind] * 32)

    def composed(seed: int, length: object, family: str, genre: str) -> Loop:
        return world.loop(LENGTH, tagged(compose(seed, family=family, genre=genre), 0.3, seed + 1))

    def turned(spectrogram: np.ndarray, *_: object, **__: object) -> np.ndarray:
        return spectrogram

    monkeypatch.setattr(world.bench, "composed", composed)
    monkeypatch.setattr(room.np, "roll", turned)
    (check,) = measure_diversity(world.bench).checks
    assert check.holds is differs
    assert not check.passing_floors


def _shards(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    records, frames = [], []
    for index in range(count):
        values = {
            "seed": index,
            "family": "drums",
            "tempo": "120",
            "meter": "4/4",
            "bars": "2",
            "key": None,
            "chords": None,
            "density": 0.5,
            "brightness": 0.5,
            "energy": 0.5,
            "captions": ["x"],
            "attributes": {},
        }
        records.append(LoopRecord.from_json(values).to_json())
        loop = hits(LENGTH, 0.01 * index)
        frames.append(mel_to_uint8(loop).transpose(2, 0, 1))
    np.save(folder / "shard-00000.npy", np.concatenate(frames))
    (folder / "shard-00000.json").write_text(json.dumps(records), "utf-8")


class _Copier(World):
    """A model that plays training loops, or loops of its own."""

    copies = True

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path, 16)
        _shards(tmp_path / "data", 20)
        trained = [tagged(compose(9000 + index), 0.3, index) for index in range(20)]
        self.trained = trained
        known = dict(self.heard)

        def listen(spectrogram: np.ndarray) -> object:
            told = known.get(id(spectrogram)) or self.heard.get(id(spectrogram))
            level = float(spectrogram.max())
            return told or trained[min(19, max(0, round(level * 100)))]

        self.ear.listen = listen  # type: ignore[method-assign]

    def play(self, ask: Ask, trained: bool) -> Loop:
        index = self.index_of(ask)
        return self.loop(ask.length, self.trained[index] if self.copies else lost(index))


@pytest.mark.parametrize("copies", [True, False])
def test_a_model_that_plays_training_loops_is_found_out(tmp_path: Path, copies: bool) -> None:
    world = _Copier(tmp_path)
    world.copies = copies
    part = measure_neighbours(world.bench)
    assert part is not None
    assert part.checks[0].holds is not copies
    assert not part.checks[0].passing_floors


def test_without_shards_neighbours_are_left_out_and_it_is_said(tmp_path: Path) -> None:
    world = World(tmp_path, 8)
    assert measure_neighbours(world.bench) is None
    assert "no shards" in world.said[-1]
