from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from riffsidecar.diffusion.scheduler import FlowAdamsBashforthScheduler
from riffsidecar.errors import DiffusionError


def _velocity(x: Tensor, sigma: float) -> Tensor:
    """Return the exact velocity when the data are Gaussian: mean 0.7, variance 0.09."""
    keep = 1.0 - sigma
    variance = keep**2 * 0.09 + sigma**2
    clean = 0.7 + keep * 0.09 / variance * (x - keep * 0.7)
    noise = sigma / variance * (x - keep * 0.7)
    return noise - clean


def _solve(scheduler: FlowAdamsBashforthScheduler, x: Tensor, steps: int, start: float = 1.0) -> Tensor:
    scheduler.set_timesteps(steps, start=start)
    for timestep, sigma in zip(scheduler.timesteps, scheduler.sigmas.tolist(), strict=False):
        x = scheduler.step(_velocity(x, sigma), timestep, x).prev_sample
    return x


def test_it_solves_a_gaussian_flow_and_the_second_order_is_worth_it() -> None:
    x = torch.linspace(-2.0, 2.0, 9, dtype=torch.float64)
    exact = 0.7 + 0.3 * x
    errors = {
        (order, steps): (_solve(FlowAdamsBashforthScheduler(solver_order=order), x, steps) - exact)
        .abs()
        .max()
        .item()
        for order, steps in itertools.product((1, 2), (10, 20, 40))
    }
    assert errors[2, 20] < 0.4 * errors[1, 20]
    assert errors[2, 40] < errors[2, 20] / 3.0 < errors[2, 10]
    assert errors[2, 40] < 0.005


@given(st.floats(0.001, 1.0), st.integers(1, 50), st.floats(0.5, 4.0))
def test_every_start_gets_its_steps_from_exactly_there_down_to_zero(
    start: float, steps: int, shift: float
) -> None:
    scheduler = FlowAdamsBashforthScheduler(shift=shift)
    scheduler.set_timesteps(steps, start=start)
    sigmas = scheduler.sigmas.tolist()
    assert len(sigmas) == steps + 1
    assert sigmas[0] == pytest.approx(start, rel=1e-12)
    assert sigmas[-1] == 0.0
    assert all(a > b for a, b in itertools.pairwise(sigmas))
    assert scheduler.timesteps.tolist() == pytest.approx([1000 * sigma for sigma in sigmas[:-1]])


def test_noise_is_added_along_the_straight_line() -> None:
    scheduler = FlowAdamsBashforthScheduler()
    clean, noise = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
    assert torch.equal(scheduler.add_noise(clean, noise, 250.0), torch.full((2, 3, 4), 0.25))
    per_item = scheduler.add_noise(clean, noise, torch.tensor([0.0, 1000.0]))
    assert per_item[0].eq(0.0).all()
    assert per_item[1].eq(1.0).all()


def test_a_new_run_forgets_the_last_and_a_run_has_an_end() -> None:
    scheduler = FlowAdamsBashforthScheduler()
    x = torch.linspace(-1.0, 1.0, 5)
    first = _solve(scheduler, x, 6)
    assert torch.equal(_solve(scheduler, x, 6), first)
    with pytest.raises(DiffusionError, match="call set_timesteps"):
        scheduler.step(x, 0.0, x)


@pytest.mark.parametrize(("steps", "start"), [(0, 1.0), (4, -0.1), (4, 1.1)])
def test_impossible_schedules_are_refused(steps: int, start: float) -> None:
    with pytest.raises(DiffusionError, match="scheduler"):
        FlowAdamsBashforthScheduler().set_timesteps(steps, start=start)


@pytest.mark.parametrize("config", [{"shift": 0.0}, {"solver_order": 3}])
def test_impossible_schedulers_are_refused(config: dict[str, float]) -> None:
    with pytest.raises(DiffusionError, match="scheduler"):
        FlowAdamsBashforthScheduler(**config)
