"""Guidance in the first steps alone: how many, what follows them, and what the solver makes of the jump."""

from __future__ import annotations

import doctest
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionImg2ImgPipeline
from torch import Tensor

from riffsidecar.diffusion import guided_steps
from riffsidecar.diffusion.guided_steps import conditions_at, num_guided_steps
from riffsidecar.diffusion.journey import JourneyDenoiser
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.solvers import KarrasSolver
from riffsidecar.errors import DiffusionError
from riffsidecar.music import LoopLength, Tempo
from riffsidecar.session.journeys import JourneyRequest

_LENGTH = LoopLength.parse(1, "4/4", 187.5)
_LONG = LoopLength.parse(3, "4/4", 187.5)
_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def _drawn(seed: int) -> Tensor:
    return torch.randn(1, 4, 8, 16, generator=torch.Generator().manual_seed(seed))


def _made(pipeline: LoopPipeline, **options: Any) -> Tensor:
    given = {"length": _LENGTH, "seed": 3, "num_inference_steps": 6, **options}
    return pipeline("warm bass", **given).latents


@contextmanager
def _passes(pipeline: LoopPipeline) -> Iterator[list[int]]:
    """Note how many pictures each pass of the U-Net has."""
    sizes: list[int] = []
    watch = pipeline.denoiser.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    try:
        yield sizes
    finally:
        watch.remove()


def test_the_examples_are_right() -> None:
    assert doctest.testmod(guided_steps).failed == 0


@pytest.mark.parametrize(
    ("guided", "num_steps", "count"),
    [(0.5, 15, 8), (0.5, 16, 8), (1.0, 7, 7), (0.0, 7, 0), (0.01, 20, 1), (0.7, 10, 7), (0.55, 20, 11)],
)
def test_a_share_of_the_steps_is_rounded_up_and_rounding_errors_are_not(
    guided: float, num_steps: int, count: int
) -> None:
    assert num_guided_steps(guided, num_steps) == count


@pytest.mark.parametrize(("guided", "sizes"), [(0.5, [2] * 8 + [1] * 7), (1.0, [2] * 15), (0.0, [1] * 15)])
def test_a_run_passes_two_pictures_while_it_is_guided_and_then_one(
    line: LoopPipeline, guided: float, sizes: list[int]
) -> None:
    with _passes(line) as passed:
        _made(line, num_inference_steps=20, strength=0.75, init_latents=_drawn(1)[0], guided=guided)
    assert passed == sizes


def test_no_share_guides_as_guidance_of_one_does_and_all_of_it_as_it_always_was(stable: LoopPipeline) -> None:
    assert torch.equal(_made(stable, guided=0.0), _made(stable, guidance_scale=1.0))
    assert torch.equal(_made(stable, guided=1.0), _made(stable))
    half = _made(stable, guided=0.5)
    for other in (0.0, 1.0):
        assert not torch.allclose(half, _made(stable, guided=other), atol=1e-3)


def test_a_negative_prompt_acts_in_the_guided_steps(stable: LoopPipeline) -> None:
    for guided, acts in ((0.5, True), (0.0, False)):
        plain, led = (_made(stable, guided=guided, negative_prompt=text) for text in ("", "choir"))
        assert torch.allclose(led, plain, atol=1e-3) is not acts


def test_a_long_loop_and_a_repainted_one_do_without_guidance_in_every_window(stable: LoopPipeline) -> None:
    with _passes(stable) as passed:
        _made(stable, length=_LONG, guided=0.5)
    assert len(passed) > 6 and passed == sorted(passed, reverse=True)
    assert passed.count(1) == passed.count(2)
    stable.set_seam("repaint")
    with _passes(stable) as passed:
        _made(stable, guided=0.5, num_inference_steps=10)
    stable.set_seam("circular")
    # The second run begins at a strength of 0.7, and is guided in half of its own steps.
    assert passed == [2] * 5 + [1] * 5 + [2] * 4 + [1] * 3


def test_a_journey_does_without_guidance_in_the_second_half_of_its_steps(stable: LoopPipeline) -> None:
    def halves(guided: float) -> tuple[list[Tensor], list[int]]:
        tour = JourneyRequest(
            prompts=("warm bass", "choir"), tempo=Tempo.parse(187.5), bars=4, negative="noise", guided=guided
        )
        with _passes(stable) as passed:
            denoiser = JourneyDenoiser(stable, tour, 4, first=0, last=1, begin=-1)
            found = [denoiser.take(lambda: None) for _ in range(2)]
        return found, passed

    whole, passed = halves(1.0)
    assert set(passed) == {2}
    half, passed = halves(0.5)
    assert passed.count(1) == passed.count(2)
    for one, other in zip(whole, half, strict=True):
        assert torch.isfinite(other).all() and not torch.allclose(one, other, atol=1e-3)


def test_diffusers_own_run_whose_guidance_is_switched_off_on_the_way_has_the_same_latents(
    line: LoopPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    init, expected, found = _drawn(1), [], []
    scheduler = DPMSolverMultistepScheduler(**_BETAS, use_karras_sigmas=True, steps_offset=1)
    theirs = StableDiffusionImg2ImgPipeline(
        vae=line.vae,
        text_encoder=line.text_encoder,
        tokenizer=line.tokenizer,
        unet=line.denoiser,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    theirs.set_progress_bar_config(disable=True)

    def switch(running: Any, step: int, _: Any, state: dict[str, Any]) -> dict[str, Any]:
        expected.append(state["latents"].clone())
        if step == 7:
            running._guidance_scale = 1.0
            running.scheduler.lower_order_nums = 0
            state["prompt_embeds"] = state["prompt_embeds"].chunk(2)[-1]
        return state

    theirs(
        "warm bass",
        image=init,
        strength=0.75,
        num_inference_steps=20,
        guidance_scale=5.0,
        negative_prompt="noise",
        generator=torch.Generator().manual_seed(7),
        output_type="latent",
        callback_on_step_end=switch,
        callback_on_step_end_tensor_inputs=["latents", "prompt_embeds"],
    )
    step = line.scheduler.step

    def noted(*args: Any, **kwargs: Any) -> Any:
        after = step(*args, **kwargs)
        found.append(after[0].flip(-2))
        return after

    monkeypatch.setattr(line.scheduler, "step", noted)
    conditions = line.condition(
        "warm bass", length=_LENGTH, negative_prompt="noise", guidance_scale=5.0, guided=0.5
    )
    line.denoise(
        _drawn(7)[0].flip(-2),
        conditions,
        num_inference_steps=20,
        strength=0.75,
        init_latents=init[0].flip(-2),
    )
    assert len(found) == len(expected) == 15
    for ours, other in zip(found, expected, strict=True):
        assert torch.equal(ours, other)


def _noise(x: Tensor, sigma: Tensor, mean: float, deviation: float, guided: bool) -> Tensor:
    """Return the exact noise in ``x`` (alpha is 1) of a Gaussian, guided by 4 away from a wide one at 0."""
    wanted = sigma * (x - mean) / (deviation**2 + sigma**2)
    free = sigma * x / (1.0 + sigma**2)
    return free + 4.0 * (wanted - free) if guided else wanted


@pytest.mark.parametrize(("steps", "count"), [(20, 5), (20, 8), (30, 12)])
def test_a_solver_that_restarts_at_the_jump_lies_nearer_to_where_the_way_leads(
    steps: int, count: int
) -> None:
    begin = torch.linspace(-3, 3, 101, dtype=torch.float64)

    def solved(restarts: bool) -> Tensor:
        solver = KarrasSolver(**_BETAS, steps_offset=1, use_karras_sigmas=True)
        solver.set_timesteps(steps, start=0.75)
        x = begin.clone()
        for step, timestep in enumerate(solver.timesteps):
            if step == count and restarts:
                solver.restart()
            sigma = solver.sigmas[step].double()
            alpha = (sigma**2 + 1.0) ** -0.5
            said = _noise(x / alpha, sigma, 1.0, 0.3, step < count)
            x = solver.step(said, timestep, x, return_dict=False)[0]
        return x

    solver = KarrasSolver(**_BETAS, steps_offset=1, use_karras_sigmas=True)
    solver.set_timesteps(steps, start=0.75)
    sigmas = solver.sigmas.double()
    exact = begin * (sigmas[0] ** 2 + 1.0) ** 0.5
    for step in range(len(sigmas) - 1):
        places = torch.linspace(float(sigmas[step]), float(sigmas[step + 1]), 201, dtype=torch.float64)
        for high, low in pairwise(places):
            half = exact + (low - high) / 2 * _noise(exact, high, 1.0, 0.3, step < count)
            exact = exact + (low - high) * _noise(half, (high + low) / 2, 1.0, 0.3, step < count)
    carried, restarted = ((solved(restarts) - exact).norm() for restarts in (False, True))
    assert restarted < 0.75 * carried and restarted < 0.02 * exact.norm()


def test_solvers_restart_once_and_only_where_guidance_ends(stable: LoopPipeline) -> None:
    class Noting:
        count = 0

        def restart(self) -> None:
            self.count += 1

    for guided, guidance_scale, count in ((0.5, 4.0, 1), (1.0, 4.0, 0), (0.0, 4.0, 0), (0.5, 1.0, 0)):
        solver = Noting()
        conditions = stable.condition(
            "warm bass", length=_LENGTH, guidance_scale=guidance_scale, guided=guided
        )
        for step in range(6):
            conditions_at(conditions, step, 6, solver)
        assert solver.count == count


@pytest.mark.parametrize("guided", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(stable: LoopPipeline, guided: float) -> None:
    with pytest.raises(DiffusionError, match="guided is"):
        stable.condition("warm bass", length=_LENGTH, guided=guided)


def test_the_embedded_kind_guides_every_step(pipeline: LoopPipeline) -> None:
    options = {"length": LoopLength.parse(1, "4/4", 120), "num_inference_steps": 3}
    made = [pipeline("drums", guided=guided, **options).latents for guided in (0.5, 1.0)]
    assert torch.equal(*made)
