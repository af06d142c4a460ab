"""Tests of the flow map: leaps in place of steps, guidance in them, beside the denoiser and not in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support_diffusion import tiny_pipeline

from riffsidecar.diffusion.blend import velocity_mix
from riffsidecar.diffusion.checkpoints import checkpoint_digest, load_pipeline
from riffsidecar.diffusion.flow_map import FlowMapAdapter, flow_map_mix
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.shelf import ModelShelf
from riffsidecar.errors import DiffusionError
from riffsidecar.music import LoopLength, Meter, Tempo

LENGTH = LoopLength.parse(1, Meter.parse("4/4"), Tempo.parse(120))


def _leaping(*, learned: bool = True) -> LoopPipeline:
    """Return a tiny pipeline with a flow map; one that has learned nothing is the denoiser."""
    pipeline = tiny_pipeline()
    shape = {name: value for name, value in pipeline.denoiser.config.items() if not name.startswith("_")}
    adapter = FlowMapAdapter(shape, rank=4)
    if learned:
        generator = torch.Generator().manual_seed(5)
        with torch.no_grad():
            for parameter in adapter.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    pipeline.register_modules(flow_map=adapter)
    return pipeline


def _latents(pipeline: LoopPipeline, **options: object) -> torch.Tensor:
    return pipeline("drums", length=LENGTH, num_inference_steps=2, seed=3, **options).latents


@given(
    guidance=st.floats(0, 12),
    morph=st.floats(0, 1),
    baked=st.floats(1, 8),
    velocities=st.lists(st.floats(-3, 3), min_size=4, max_size=4),
    negative=st.booleans(),
)
def test_leaps_with_guidance_in_them_mix_to_what_velocities_mix_to(
    guidance: float, morph: float, baked: float, velocities: list[float], negative: bool
) -> None:
    free = velocities[3]
    plain = [*velocities[:2], velocities[2] if negative else free]
    leaps = [free + baked * (velocity - free) for velocity in velocities]
    wanted = sum(w * v for w, v in zip(velocity_mix(guidance, morph), plain, strict=True))
    mix = flow_map_mix(guidance, morph, baked, negative)
    assert sum(w * v for w, v in zip(mix, leaps, strict=True)) == pytest.approx(wanted, abs=1e-6)
    assert sum(mix) == pytest.approx(1.0)


@torch.inference_mode()
def test_one_that_has_learned_nothing_is_the_denoiser() -> None:
    pipeline = _leaping(learned=False)
    usual = _latents(pipeline, guidance_scale=1.0)
    pipeline.kind.set_distilled(True)
    conditions = pipeline.condition("drums", length=LENGTH)
    assert conditions.mix == (1.0,)
    first = pipeline.noise(3, 0.0, LENGTH)[None]
    pipeline.scheduler.set_timesteps(2)
    leap = pipeline.kind.predict(first, 0, conditions)
    pipeline.kind.set_distilled(False)
    pipeline.scheduler.set_timesteps(2)
    velocity = pipeline.kind.predict(first, 0, pipeline.condition("drums", length=LENGTH, guidance_scale=1.0))
    torch.testing.assert_close(leap, velocity)
    assert torch.equal(_latents(pipeline, guidance_scale=1.0), usual)


def test_a_draft_leaves_what_is_made_after_it_as_it_was() -> None:
    pipeline = _leaping()
    before = _latents(pipeline)
    pipeline.kind.set_distilled(True)
    draft = _latents(pipeline)
    assert not torch.allclose(draft, before) and torch.isfinite(draft).all()
    pipeline.kind.set_distilled(False)
    assert torch.equal(_latents(pipeline), before)


def test_leaps_are_periodic_too() -> None:
    pipeline = _leaping()
    pipeline.kind.set_distilled(True)
    shift = 4
    noise = pipeline.noise(1, 0.0, LENGTH)
    conditions = pipeline.condition("drums", length=LENGTH)
    plain = pipeline.denoise(noise, conditions, num_inference_steps=4)
    rolled = dict(
        hidden_states=conditions.hidden_states,
        token_weights=conditions.token_weights,
        mix=conditions.mix,
        columns=conditions.columns.roll(shift, -1),
        controls=conditions.controls,
    )
    turned = pipeline.denoise(noise.roll(shift, -1), type(conditions)(**rolled), num_inference_steps=4)
    torch.testing.assert_close(turned, plain.roll(shift, -1), atol=1e-5, rtol=1e-4)


def test_a_checkpoint_keeps_its_flow_map_and_counts_it(tmp_path: Path) -> None:
    pipeline = _leaping()
    pipeline.save_pretrained(tmp_path / "with", safe_serialization=True)
    loaded = load_pipeline(tmp_path / "with")
    for made in (pipeline, loaded):
        made.kind.set_distilled(True)
    torch.testing.assert_close(_latents(loaded), _latents(pipeline))
    before = checkpoint_digest(tmp_path / "with")
    weights = tmp_path / "with" / "flow_map" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    assert checkpoint_digest(tmp_path / "with") != before
    tiny_pipeline().save_pretrained(tmp_path / "without", safe_serialization=True)
    assert load_pipeline(tmp_path / "without").flow_map is None


def test_without_one_every_quality_is_solved() -> None:
    pipeline = tiny_pipeline()
    with pytest.raises(DiffusionError, match="no flow map"):
        pipeline.kind.set_distilled(True)
    for quality, steps in pipeline.kind.quality_steps.items():
        assert ModelShelf(pipeline, "d").take(quality=quality).steps == steps


def test_the_shelf_leaps_to_drafts_and_usual_loops_and_solves_fine_ones() -> None:
    pipeline = _leaping()
    solved = _latents(pipeline)
    shelf = ModelShelf(pipeline, "d")
    assert torch.equal(_latents(shelf.take(quality="fine").pipeline), solved)
    for quality, leaps in pipeline.kind.distilled_steps.items():
        shelved = shelf.take(quality=quality)
        assert shelved.steps == leaps < pipeline.kind.quality_steps[quality]
        assert not np.allclose(_latents(shelved.pipeline), solved)
        assert torch.equal(_latents(shelf.take(quality=quality, leaps=False).pipeline), solved)


def test_what_leaps_is_saved_with_its_solver(tmp_path: Path) -> None:
    pipeline = _leaping()
    solved = _latents(pipeline)
    pipeline.kind.set_distilled(True)
    pipeline.save_pretrained(tmp_path, safe_serialization=True)
    assert torch.equal(_latents(load_pipeline(tmp_path)), solved)
