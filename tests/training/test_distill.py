"""Tests of what a flow map is taught with, and of how it is taught."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from support_diffusion import TEXT_FOLDER, tiny_pipeline

from riffsidecar.diffusion.checkpoints import packaged_checkpoint
from riffsidecar.diffusion.conditioning import column_conditions, control_vector
from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.diffusion.flow_map import FlowMapAdapter
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.errors import TrainingError
from riffsidecar.music import Chords, Key, LoopLength, Meter, Tempo
from riffsidecar.training.config import DistillConfig, TrainingConfig
from riffsidecar.training.denoiser import Batch
from riffsidecar.training.distill import FlowMapLoss, distil, matching_adapter
from riffsidecar.training.start import adopt_flow_map
from riffsidecar.training.trajectories import Teacher, Trajectory, solve_trajectories

LENGTH = LoopLength.parse(1, Meter.parse("4/4"), Tempo.parse(120))
KEY, CHORDS = Key.parse("Am"), Chords.parse("Am")
SETTINGS = DistillConfig(
    trajectory_batches=5, num_inference_steps=4, rank=4, steps=6, warmup_steps=1, free_share=0.0
)


@pytest.fixture(scope="module")
def pipeline() -> LoopPipeline:
    return tiny_pipeline()


def _batch(count: int, caption: str = "deep drums") -> Batch:
    channels, rows = tiny_pipeline().latent_shape
    columns, controls = column_conditions(LENGTH, KEY, CHORDS), control_vector(LENGTH, density=0.8)
    return Batch(
        np.zeros((count, channels, rows, LENGTH.columns), np.float32),
        np.stack([columns] * count),
        np.stack([controls] * count),
        (caption,) * count,
        (),
    )


class _Batches:
    """Draws the same askings again and again."""

    def draw(self, rng: np.random.Generator, batch_columns: int) -> Batch:
        return _batch(2)


def _teacher(pipeline: LoopPipeline, settings: DistillConfig = SETTINGS) -> Teacher:
    return Teacher(pipeline.denoiser, pipeline.text_encoder, TEXT_FOLDER, settings)


def test_the_teacher_solves_as_the_pipeline_does(pipeline: LoopPipeline) -> None:
    rng = np.random.default_rng(4)
    trajectory = _teacher(pipeline).solve(_batch(1), rng)
    states = torch.from_numpy(trajectory.states.astype(np.float32))[:, 0]
    conditions = pipeline.condition(
        "deep drums", length=LENGTH, columns=trajectory.columns[0], controls=trajectory.controls[0]
    )
    solved = pipeline.denoise(states[0], conditions, num_inference_steps=4)
    moved = float((solved - states[0]).norm())
    # The teacher computes in bf16, in eight bits; without guidance it is somewhere else.
    assert float((states[-1] - solved).norm()) < 0.1 * moved
    plain = dataclasses.replace(SETTINGS, guidance_scale=1.0)
    unguided = _teacher(pipeline, plain).solve(_batch(1), np.random.default_rng(4))
    assert float((torch.from_numpy(unguided.states[-1, 0].astype(np.float32)) - solved).norm()) > 0.2 * moved


def test_a_share_of_the_loops_is_told_nothing(pipeline: LoopPipeline) -> None:
    settings = dataclasses.replace(SETTINGS, free_share=1.0)
    trajectory = _teacher(pipeline, settings).solve(_batch(2), np.random.default_rng(1))
    assert trajectory.captions == ("", "")
    assert np.array_equal(trajectory.columns[0], column_conditions(LENGTH, None, None))
    assert np.array_equal(trajectory.controls[0], control_vector(LENGTH))
    assert _teacher(pipeline).solve(_batch(2, ""), np.random.default_rng(1)).columns[0, 6] == pytest.approx(1)


def test_the_loss_is_that_of_the_mean_velocity(pipeline: LoopPipeline) -> None:
    loss = FlowMapLoss(pipeline.denoiser, pipeline.text_encoder, TEXT_FOLDER, SETTINGS)
    shape = {name: value for name, value in pipeline.denoiser.config.items() if not name.startswith("_")}
    adapter = FlowMapAdapter(shape, rank=4)
    batch = _batch(1)
    start = torch.from_numpy(np.random.default_rng(2).standard_normal(batch.latents.shape, np.float32))
    sigmas = loss.sigmas
    with torch.inference_mode():
        conditions = pipeline.condition(
            "deep drums",
            length=LENGTH,
            columns=batch.columns[0],
            controls=batch.controls[0],
            guidance_scale=1.0,
        )
        pipeline.scheduler.set_timesteps(4)
        velocity = pipeline.kind.predict(start, 0, conditions)
    # An adapter that has learned nothing says the velocity, which a straight trajectory keeps all the way.
    states = torch.stack([start + float(sigma - sigmas[0]) * velocity for sigma in sigmas]).half().numpy()
    straight = Trajectory(states, batch.columns, batch.controls, batch.captions)
    backwards = Trajectory(states[::-1], batch.columns, batch.controls, batch.captions)
    with torch.no_grad():
        mapped = adapter.mapped()
        for end in (1, 2, 4):
            there = float(loss(adapter, mapped, straight, np.asarray([[0, end]])))
            scale = float(velocity.square().mean())
            assert there < 0.01 * scale
            assert float(loss(adapter, mapped, backwards, np.asarray([[0, end]]))) > 0.5 * scale


def _distilled(pipeline: LoopPipeline, folder: Path, steps: int) -> FlowMapAdapter | None:
    settings = dataclasses.replace(SETTINGS, steps=steps, decay_share=0.0)
    config = TrainingConfig(seed=1, distill=settings)
    nets = pipeline.denoiser, pipeline.text_encoder, TEXT_FOLDER
    told: list[int] = []
    distil(*nets, folder, _Batches(), config, lambda *_: told.append(1), lambda *_: None)  # type: ignore[arg-type]
    return matching_adapter(*nets, folder, config)


def test_a_distillation_that_was_stopped_ends_like_one_that_was_not(
    pipeline: LoopPipeline, tmp_path: Path
) -> None:
    whole = _distilled(pipeline, tmp_path / "whole", 6)
    _distilled(pipeline, tmp_path / "halves", 3)
    halves = _distilled(pipeline, tmp_path / "halves", 6)
    assert whole is not None and halves is not None
    for name, value in whole.state_dict().items():
        assert torch.equal(value, halves.state_dict()[name]), name
    assert float(whole.up["output"].detach().abs().max()) > 0


def test_a_flow_map_of_other_nets_is_not_taken(tmp_path: Path) -> None:
    pipeline = tiny_pipeline()
    assert _distilled(pipeline, tmp_path, 2) is not None
    with torch.no_grad():
        pipeline.denoiser.output.bias.add_(0.1)
    config = TrainingConfig(seed=1, distill=dataclasses.replace(SETTINGS, steps=2, decay_share=0.0))
    nets = pipeline.denoiser, pipeline.text_encoder, TEXT_FOLDER
    assert matching_adapter(*nets, tmp_path, config) is None


def test_a_new_run_can_begin_with_a_checkpoints_flow_map(pipeline: LoopPipeline, tmp_path: Path) -> None:
    finished = FlowMapAdapter.from_pretrained(packaged_checkpoint() / "flow_map")
    adapter = FlowMapAdapter(finished.config.denoiser, rank=finished.config.rank)
    adopt_flow_map(packaged_checkpoint(), adapter)
    for name, value in adapter.state_dict().items():
        assert torch.equal(value, finished.state_dict()[name].float()), name
    with pytest.raises(TrainingError, match="does not fit"):
        adopt_flow_map(packaged_checkpoint(), FlowMapAdapter(finished.config.denoiser, rank=4))
    pipeline.save_pretrained(tmp_path)
    with pytest.raises(TrainingError, match="no flow map to start from"):
        adopt_flow_map(tmp_path, adapter)


def test_trajectories_that_are_there_are_kept(pipeline: LoopPipeline, tmp_path: Path) -> None:
    solve = lambda: solve_trajectories(  # noqa: E731
        _teacher(pipeline),
        _Batches(),
        tmp_path,
        SETTINGS,
        3,
        lambda *_: None,  # type: ignore[arg-type]
    )
    first = {path: path.read_bytes() for path in solve().paths}
    assert len(first) == SETTINGS.trajectory_batches
    next(iter(first)).unlink()
    assert {path: path.read_bytes() for path in solve().paths} == first


def test_too_few_trajectories_are_refused() -> None:
    with pytest.raises(TrainingError, match="trajectory_batches"):
        DistillConfig(trajectory_batches=4)
    with pytest.raises(TrainingError, match="multiple of 4"):
        DistillConfig(num_inference_steps=6)


def test_other_shapes_do_not_fit() -> None:
    shape = {"width": 64, "depth": 2, "heads": 2}
    adapter = FlowMapAdapter(shape, rank=4)
    assert adapter.fits(ColumnDenoiser(**shape))
    assert not adapter.fits(ColumnDenoiser(**{**shape, "depth": 1}))
