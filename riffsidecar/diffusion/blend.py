"""Seeds as noise, and the ways between two of them: drift along a sphere, morph along a line."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from riffsidecar.errors import DiffusionError

__all__ = ["MAX_SEED", "drifted_noise", "lerp", "seeded_noise", "slerp", "velocity_mix"]

MAX_SEED = 2**31 - 1
_PARALLEL = 1e-4


def lerp(a: Tensor, b: Tensor, amount: float) -> Tensor:
    """Return ``a`` at 0, ``b`` at 1, and the straight line between them.

    >>> lerp(torch.zeros(1), torch.ones(1), 0.25).item()
    0.25
    """
    return a + amount * (b - a) if amount < 1.0 else b.clone()


def slerp(a: Tensor, b: Tensor, amount: float) -> Tensor:
    """Return ``a`` at 0, ``b`` at 1, and the great circle between them (Shoemake 1985).

    Gaussian noise of many dimensions lies on a sphere; the straight line between two seeds passes through its
    inside, where a denoiser has never been. Radii are interpolated linearly. Nearly parallel tensors fall
    back to `lerp`.

    >>> slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 0.5).mul(10).round().tolist()
    [7.0, 7.0]
    """
    if amount <= 0.0:
        return a.clone()
    if amount >= 1.0:
        return b.clone()
    wide_a, wide_b = a.double(), b.double()
    radius_a, radius_b = wide_a.norm(), wide_b.norm()
    if min(radius_a.item(), radius_b.item()) == 0.0:
        return lerp(a, b, amount)
    cosine = torch.clamp((wide_a * wide_b).sum() / (radius_a * radius_b), -1.0, 1.0).item()
    angle = math.acos(cosine)
    if math.sin(angle) < _PARALLEL:
        return lerp(a, b, amount)
    direction = (
        math.sin((1.0 - amount) * angle) * wide_a / radius_a + math.sin(amount * angle) * wide_b / radius_b
    ) / math.sin(angle)
    point: Tensor = (direction * lerp(radius_a, radius_b, amount)).to(a.dtype)
    return point


def seeded_noise(seed: int, channels: int, rows: int, columns: int) -> Tensor:
    """Draw the standard normal noise ``(channels, rows, columns)`` float32 of a seed.

    Noise is drawn column by column from numpy's Philox counter, on the CPU: the same on every device, and a
    longer loop of the same seed begins with the noise of the shorter one.

    Raises:
        DiffusionError: a seed outside 0 to `MAX_SEED`.
    """
    if not 0 <= seed <= MAX_SEED:
        raise DiffusionError(f"seed is {seed}: must be 0 to {MAX_SEED}")
    generator = np.random.Generator(np.random.Philox(key=seed))
    drawn = generator.standard_normal((columns, channels, rows), dtype=np.float32)
    return torch.from_numpy(drawn).permute(1, 2, 0).contiguous()


def drifted_noise(seed: int, drift: float, channels: int, rows: int, columns: int) -> Tensor:
    """Return the noise ``drift`` of the way from ``seed`` to the seed after it, on the sphere.

    The seed after the last is 0, so that a walk never ends.
    """
    noise = seeded_noise(seed, channels, rows, columns)
    if drift <= 0.0:
        return noise
    return slerp(noise, seeded_noise((seed + 1) % (MAX_SEED + 1), channels, rows, columns), drift)


def velocity_mix(guidance: float, morph: float) -> tuple[float, float, float]:
    """Return the weights of the velocities under prompt A, prompt B and the negative prompt; they sum to 1.

    Guidance (Ho & Salimans 2022) is ``negative + guidance * (wanted - negative)``; what is wanted is ``(1 -
    morph) * A + morph * B``, the composition of scores of Liu et al. 2022, which samples near ``p(x | A) **
    (1 - morph) * p(x | B) ** morph``. Blending velocities and not the prompts' hidden states needs no pairing
    of the third word of one prompt with the third word of the other, keeps every forward pass on prompts the
    net was trained with, and is linear in ``morph`` at every step, so that the result moves steadily from A
    to B.

    >>> velocity_mix(2.0, 0.25)
    (1.5, 0.5, -1.0)
    """
    return guidance * (1.0 - morph), guidance * morph, 1.0 - guidance
