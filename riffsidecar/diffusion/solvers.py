"""Solvers for models that predict noise: DPM++ 2M from any point of its schedule, and a consistency draft.

Both lay their steps out from ``start``, the strength, without rounding it to a whole step, so that turning
the knob moves the loop steadily. Where it falls on a step, the first agrees with diffusers' own.
"""

from __future__ import annotations

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, SchedulerMixin
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.schedulers.scheduling_utils import SchedulerOutput
from torch import Tensor

from riffsidecar.errors import DiffusionError

__all__ = ["ConsistencySolver", "KarrasSolver"]

_RHO = 7.0
_SIGMA_DATA = 0.5
_TIMESTEP_SCALING = 10.0


def _check(num_inference_steps: int, start: float) -> None:
    if num_inference_steps < 1 or not 0.0 <= start <= 1.0:
        raise DiffusionError(
            f"solver: {num_inference_steps} steps from strength {start}: must be 1 or more, from 0 to 1"
        )


class KarrasSolver(DPMSolverMultistepScheduler):  # type: ignore[misc]
    """Solve from a fractional step on: DPM-Solver++ 2M (Lu et al. 2022) on Karras' sigmas (2022).

    A strength between two steps begins with the rest of a step. The correction that the second order makes
    with the prediction before it fades with the length of that rest, because a tiny step would otherwise
    count like a whole one and the result would jump wherever the strength passes a step.
    """

    first_share = 1.0
    sigmas: Tensor
    timesteps: Tensor

    def set_timesteps(
        self, num_inference_steps: int, device: torch.device | str | None = None, start: float = 1.0
    ) -> None:
        """Lay out ``num_inference_steps`` steps of the whole way, and keep those after ``1 - start`` of it.

        Raises:
            DiffusionError: fewer than one step, or a start outside 0 to 1.
        """
        _check(num_inference_steps, start)
        super().set_timesteps(num_inference_steps, device)
        place = round((1.0 - start) * num_inference_steps, 9)
        whole = min(int(place), num_inference_steps - 1)
        rest = place - whole
        self.first_share = 1.0 - rest
        sigmas, timesteps = self.sigmas[whole:].clone(), self.timesteps[whole:].clone()
        if rest > 0.0:
            high, low = float(sigmas[0]) ** (1.0 / _RHO), float(sigmas[1]) ** (1.0 / _RHO)
            sigma = max((high + rest * (low - high)) ** _RHO, 1e-4)
            sigmas[0] = sigma
            table = ((1 - self.alphas_cumprod) / self.alphas_cumprod) ** 0.5
            nearest = self._sigma_to_t(np.array(sigma), np.log(table.numpy()))
            timesteps[0] = int(np.clip(np.rint(nearest), 0, len(table) - 1))
        self.sigmas, self.timesteps = sigmas, timesteps
        self.num_inference_steps = len(timesteps)
        self.set_begin_index(0)

    def multistep_dpm_solver_second_order_update(
        self, model_output_list: list[Tensor], *args: Tensor, **kwargs: Tensor
    ) -> Tensor:
        """Return the second-order step, of which the share of the first step's rest is second order."""
        second: Tensor = super().multistep_dpm_solver_second_order_update(model_output_list, *args, **kwargs)
        if self.step_index != 1 or self.first_share == 1.0:
            return second
        first = self.dpm_solver_first_order_update(model_output_list[-1], *args, **kwargs)
        return first + self.first_share * (second - first)

    def restart(self) -> None:
        """Forget the predictions before, so that the next step is first order, as the first one is."""
        self.lower_order_nums = 0

    def noised(self, clean: Tensor, noise: Tensor, index: int) -> Tensor:
        """Return ``clean`` at the level of noise before step ``index``; after the last there is none."""
        sigma = self.sigmas[index].to(clean.device, clean.dtype)
        alpha = 1.0 / (sigma**2 + 1.0) ** 0.5
        noisy: Tensor = alpha * clean + (sigma * alpha) * noise
        return noisy


class ConsistencySolver(SchedulerMixin, ConfigMixin):  # type: ignore[misc]
    """Draft in a few steps with a latent consistency model (Luo et al. 2023), such as LCM-LoRA makes of one.

    Args:
        num_train_timesteps: of the noise schedule.
        beta_start: its first beta.
        beta_end: its last; roots of betas are spaced evenly, as in Stable Diffusion.
    """

    init_noise_sigma = 1.0
    order = 1

    @register_to_config
    def __init__(
        self, num_train_timesteps: int = 1000, beta_start: float = 0.00085, beta_end: float = 0.012
    ) -> None:
        betas = torch.linspace(beta_start**0.5, beta_end**0.5, num_train_timesteps, dtype=torch.float64) ** 2
        self.alphas_cumprod = torch.cumprod(1.0 - betas, dim=0)
        self.timesteps = torch.zeros(0, dtype=torch.int64)
        self._step = 0
        self._circle: tuple[int, slice] | None = None

    def lie_within(self, columns: int, part: slice) -> None:
        """Say that what is solved is a part of a loop of so many columns, and shares that loop's noise."""
        self._circle = columns, part

    def set_timesteps(
        self, num_inference_steps: int, device: torch.device | str | None = None, start: float = 1.0
    ) -> None:
        """Lay out ``num_inference_steps`` steps, evenly from ``start`` of the way to its end.

        Raises:
            DiffusionError: fewer than one step, or a start outside 0 to 1.
        """
        _check(num_inference_steps, start)
        top = start * self.config.num_train_timesteps
        even = [round(top * (1 - step / num_inference_steps)) - 1 for step in range(num_inference_steps)]
        self.timesteps = torch.tensor([max(0, step) for step in even], device=device)
        self._step = 0

    def restart(self) -> None:
        """Do nothing: no step remembers the one before."""

    def noised(self, clean: Tensor, noise: Tensor, index: int) -> Tensor:
        """Return ``clean`` at the level of noise before step ``index``; after the last there is none."""
        if index >= len(self.timesteps):
            return clean
        alpha = float(self.alphas_cumprod[int(self.timesteps[index])])
        noisy: Tensor = alpha**0.5 * clean + (1.0 - alpha) ** 0.5 * noise
        return noisy

    def step(
        self, model_output: Tensor, timestep: Tensor | int, sample: Tensor, return_dict: bool = True
    ) -> SchedulerOutput | tuple[Tensor]:
        """Go to the clean latents that the model foresees, and back to the noise of the next step.

        The noise is the same for every loop, for that of a loop's seed decides where it began.

        Raises:
            DiffusionError: every step has been taken.
        """
        if self._step >= len(self.timesteps):
            raise DiffusionError(f"solver: all {len(self.timesteps)} steps are taken: call set_timesteps")
        index = int(self.timesteps[self._step])
        alpha = float(self.alphas_cumprod[index])
        scaled = index * _TIMESTEP_SCALING
        skip = _SIGMA_DATA**2 / (scaled**2 + _SIGMA_DATA**2)
        out = scaled / (scaled**2 + _SIGMA_DATA**2) ** 0.5
        clean = (sample - (1.0 - alpha) ** 0.5 * model_output) / alpha**0.5
        clean = out * clean + skip * sample
        self._step += 1
        moved = self.noised(clean, self._fresh(sample), self._step)
        return SchedulerOutput(prev_sample=moved) if return_dict else (moved,)

    def _fresh(self, sample: Tensor) -> Tensor:
        """Return the noise of a step, (1, channels, rows, columns), for every one of the samples."""
        columns, part = self._circle or (sample.shape[-1], slice(None))
        generator = torch.Generator().manual_seed(self._step)
        noise = torch.randn((1, *sample.shape[1:-1], columns), generator=generator)[..., part]
        return noise.to(sample.device, sample.dtype)

    def scale_model_input(self, sample: Tensor, timestep: Tensor | int | None = None) -> Tensor:
        """Return ``sample``: noise-preserving schedules need no scaling."""
        return sample

    def __len__(self) -> int:
        return int(self.config.num_train_timesteps)
