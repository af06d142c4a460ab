"""A training run that can be killed at any moment: steps, weights, averages and optimiser in one folder."""

from __future__ import annotations

import logging
import math
import pickle
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from riffsidecar.errors import TrainingError
from riffsidecar.training.config import AutoencoderConfig, DenoiserConfig, DistillConfig, TrainingConfig
from riffsidecar.training.precision import autocast

__all__ = ["Run", "device", "learning_rate_share", "step_rng"]

logger = logging.getLogger(__name__)


def device() -> torch.device:
    """Return the device that training runs on: CUDA where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def step_rng(seed: int, step: int) -> np.random.Generator:
    """Return the random numbers of one step: a resumed run draws what the killed one would have drawn."""
    return np.random.default_rng((seed, step))


def learning_rate_share(step: int, steps: int, warmup: int, decay_share: float) -> float:
    """Return the share of the peak learning rate: linear warm-up, plateau, linear decay to zero (WSD).

    >>> [round(learning_rate_share(s, 100, 10, 0.5), 2) for s in (0, 9, 30, 75, 100)]
    [0.1, 1.0, 1.0, 0.5, 0.0]
    """
    decay = max(1.0, steps * decay_share)
    return min(1.0, (step + 1) / max(1, warmup), max(0.0, (steps - step) / decay))


class Run:
    """Trains named modules with AdamW, keeps their exponential moving averages, resumes exactly.

    Args:
        folder: where ``state.pt`` lies.
        modules: what is trained, by name.
        learning_rate: peak learning rate.
        steps, warmup_steps, decay_share: the schedule of :func:`learning_rate_share`.
        ema: decay of the averages (shorter at the start).
        checkpoint_minutes: how often the state is saved.
        seed: of every random draw.
    """

    def __init__(
        self,
        folder: Path,
        modules: dict[str, nn.Module],
        *,
        learning_rate: float,
        steps: int,
        warmup_steps: int,
        decay_share: float,
        ema: float,
        checkpoint_minutes: float,
        seed: int,
    ) -> None:
        self.folder, self.modules, self.steps, self.seed = folder, modules, steps, seed
        self._learning_rate, self._warmup, self._decay_share = learning_rate, warmup_steps, decay_share
        self._ema_decay, self._period_s = ema, checkpoint_minutes * 60
        self.device = device()
        for module in modules.values():
            module.to(self.device)
        self.parameters = [p for module in modules.values() for p in module.parameters() if p.requires_grad]
        decayed = [p for p in self.parameters if p.ndim >= 2]
        plain = [p for p in self.parameters if p.ndim < 2]
        self.optimizer = torch.optim.AdamW(
            [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}],
            lr=learning_rate,
            betas=(0.9, 0.98),
            fused=True,
        )
        self._averages = [p.detach().clone() for p in self.parameters]
        self.step = 0
        self._restore()

    @classmethod
    def configured(
        cls,
        folder: Path,
        modules: dict[str, nn.Module],
        settings: AutoencoderConfig | DenoiserConfig | DistillConfig,
        config: TrainingConfig,
    ) -> Run:
        """Return the run of ``modules`` in ``folder`` that a part of a configuration asks for."""
        return cls(
            folder,
            modules,
            learning_rate=settings.learning_rate,
            steps=settings.steps,
            warmup_steps=settings.warmup_steps,
            decay_share=settings.decay_share,
            ema=settings.ema,
            checkpoint_minutes=config.checkpoint_minutes,
            seed=config.seed,
        )

    @property
    def _path(self) -> Path:
        return self.folder / "state.pt"

    def _restore(self) -> None:
        if not self._path.exists():
            return
        try:
            state: dict[str, Any] = torch.load(self._path, map_location=self.device, weights_only=True)
            for name, module in self.modules.items():
                module.load_state_dict(state["modules"][name])
            self.optimizer.load_state_dict(state["optimizer"])
            for group in self.optimizer.param_groups:
                group["fused"] = True
            self._averages = [average.to(self.device) for average in state["averages"]]
            self.step = int(state["step"])
        except (KeyError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as error:
            raise TrainingError(
                f"{self._path} does not fit this configuration ({error}); name another --run folder or "
                "delete it"
            ) from error
        logger.info("resumed %s at step %d", self.folder, self.step)

    def save(self) -> None:
        """Write the state, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".part")
        state = {
            "modules": {name: module.state_dict() for name, module in self.modules.items()},
            "optimizer": self.optimizer.state_dict(),
            "averages": self._averages,
            "step": self.step,
        }
        torch.save(state, partial)
        partial.replace(self._path)

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context of the forward pass, in the precision that is quick there."""
        return autocast(self.device)

    def train(
        self,
        loss_of: Callable[[int, np.random.Generator], tuple[torch.Tensor, dict[str, float], int]],
        report: Callable[[int, int, dict[str, float], float], None],
        *,
        report_every: int = 20,
    ) -> None:
        """Train to the last step.

        Args:
            loss_of: given step and random numbers, returns the loss, figures to show and the number of
                samples.
            report: called with step, steps, mean figures and samples per second.
            report_every: steps between two reports.

        Raises:
            TrainingError: the gradient is no longer finite; the last saved state is untouched.
        """
        sums: dict[str, float] = {}
        samples, since, saved, count = 0, time.perf_counter(), time.perf_counter(), 0
        while self.step < self.steps:
            share = learning_rate_share(self.step, self.steps, self._warmup, self._decay_share)
            for group in self.optimizer.param_groups:
                group["lr"] = self._learning_rate * share
            loss, figures, size = loss_of(self.step, step_rng(self.seed, self.step))
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = float(nn.utils.clip_grad_norm_(self.parameters, 1.0))
            if not math.isfinite(norm):
                raise TrainingError(
                    f"step {self.step}: the gradient is {norm}, which would spoil every weight: resume from "
                    f"{self._path} with a lower learning_rate"
                )
            self.optimizer.step()
            decay = min(self._ema_decay, (1 + self.step) / (10 + self.step))
            torch._foreach_lerp_(self._averages, [p.detach() for p in self.parameters], 1 - decay)
            self.step += 1
            samples, count = samples + size, count + 1
            for name, value in figures.items():
                sums[name] = sums.get(name, 0.0) + value
            if self.step % report_every == 0 or self.step == self.steps:
                now = time.perf_counter()
                report(
                    self.step, self.steps, {n: v / count for n, v in sums.items()}, samples / (now - since)
                )
                sums, samples, since, count = {}, 0, now, 0
            if time.perf_counter() - saved > self._period_s:
                self.save()
                saved = time.perf_counter()
        self.save()

    def average(self) -> None:
        """Give the modules their averages for good."""
        with torch.no_grad():
            for parameter, average in zip(self.parameters, self._averages, strict=True):
                parameter.copy_(average)

    def averaged(self) -> AbstractContextManager[None]:
        """Return a context in which the modules hold their averages."""
        return _swapped(self.parameters, self._averages)


class _swapped(AbstractContextManager[None]):
    """Swap two lists of tensors, and swap them back."""

    def __init__(self, live: list[nn.Parameter], averages: list[torch.Tensor]) -> None:
        self._live, self._averages = live, averages

    def _swap(self) -> None:
        with torch.no_grad():
            for parameter, average in self._pairs():
                kept = parameter.detach().clone()
                parameter.copy_(average)
                average.copy_(kept)

    def _pairs(self) -> Iterator[tuple[nn.Parameter, torch.Tensor]]:
        return zip(self._live, self._averages, strict=True)

    def __enter__(self) -> None:
        self._swap()

    def __exit__(self, *_: object) -> None:
        self._swap()
