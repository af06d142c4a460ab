from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from riffsidecar.diffusion.blend import MAX_SEED, drifted_noise, lerp, seeded_noise, slerp, velocity_mix
from riffsidecar.errors import DiffusionError

_SHARES = st.floats(0.0, 1.0)
_SEEDS = st.integers(0, MAX_SEED)
_GOLDEN = [0.613058, -0.513915, 0.21178, 0.881548]


@given(_SEEDS, _SHARES)
def test_a_drift_stays_on_the_sphere_of_noise(seed: int, drift: float) -> None:
    noise = drifted_noise(seed, drift, 8, 32, 16)
    assert abs(noise.std().item() - 1.0) < 0.06


@given(_SEEDS)
def test_a_whole_drift_arrives_at_the_next_seed(seed: int) -> None:
    following = (seed + 1) % (MAX_SEED + 1)
    assert torch.equal(drifted_noise(seed, 0.0, 2, 4, 4), seeded_noise(seed, 2, 4, 4))
    assert torch.equal(drifted_noise(seed, 1.0, 2, 4, 4), seeded_noise(following, 2, 4, 4))


@given(_SEEDS, _SHARES, _SHARES)
def test_a_further_drift_is_further_away(seed: int, a: float, b: float) -> None:
    low, high = sorted((a, b))
    start = seeded_noise(seed, 8, 8, 8)
    near = (drifted_noise(seed, low, 8, 8, 8) - start).norm()
    far = (drifted_noise(seed, high, 8, 8, 8) - start).norm()
    assert near <= far + 1e-4


def test_a_longer_loop_begins_with_the_noise_of_the_shorter() -> None:
    assert torch.equal(seeded_noise(7, 8, 32, 64)[..., :42], seeded_noise(7, 8, 32, 42))


def test_the_noise_of_a_seed_never_changes() -> None:
    noise = seeded_noise(1234, 8, 32, 4)
    assert noise.dtype == torch.float32
    expected = torch.tensor(_GOLDEN)
    torch.testing.assert_close(noise[0, :4, 0], expected, atol=1e-6, rtol=0.0)


def test_seeds_are_independent() -> None:
    a, b = seeded_noise(1, 8, 32, 64), seeded_noise(2, 8, 32, 64)
    assert abs((a * b).mean().item()) < 0.03


@pytest.mark.parametrize("seed", [-1, MAX_SEED + 1])
def test_a_seed_out_of_range_is_refused(seed: int) -> None:
    with pytest.raises(DiffusionError, match=str(MAX_SEED)):
        seeded_noise(seed, 1, 1, 1)


@given(_SHARES)
def test_slerp_between_parallel_opposite_or_zero_tensors_is_finite(amount: float) -> None:
    a = torch.tensor([3.0, 4.0])
    for b in (a, 2 * a, -a, torch.zeros(2)):
        assert slerp(a, b, amount).isfinite().all()


def test_slerp_keeps_angles_and_interpolates_radii() -> None:
    point = slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 3.0]), 1 / 3)
    expected = torch.tensor([3**0.5 / 2, 0.5]) * (1 + 2 / 3)
    torch.testing.assert_close(point, expected)


def test_lerp_ends_are_exact() -> None:
    a, b = torch.tensor([0.1]), torch.tensor([0.7])
    assert torch.equal(lerp(a, b, 0.0), a)
    assert torch.equal(lerp(a, b, 1.0), b)


@given(st.floats(0.0, 10.0), _SHARES)
def test_the_weights_of_the_velocities_sum_to_one(guidance: float, morph: float) -> None:
    assert sum(velocity_mix(guidance, morph)) == pytest.approx(1.0, abs=1e-9)


def test_without_guidance_the_negative_prompt_counts_nothing() -> None:
    assert velocity_mix(1.0, 0.0) == (1.0, 0.0, 0.0)
