"""Runs of a net with one weight: what must hold whatever is trained."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from riffsidecar.errors import TrainingError
from riffsidecar.training.run import Run


def _run(folder: Path, steps: int) -> Run:
    torch.manual_seed(0)
    return Run(
        folder,
        {"net": torch.nn.Linear(3, 2)},
        learning_rate=1e-2,
        steps=steps,
        warmup_steps=2,
        decay_share=0.0,
        ema=0.9,
        checkpoint_minutes=1e9,
        seed=5,
    )


def _train(run: Run, poison_at: int = -1) -> Run:
    net = run.modules["net"]

    def loss_of(step: int, rng: np.random.Generator) -> tuple[torch.Tensor, dict[str, float], int]:
        sample = torch.from_numpy(rng.standard_normal((4, 3)).astype(np.float32))
        loss = (net(sample) - 1).square().mean()
        return loss * (math.nan if step == poison_at else 1.0), {"loss": float(loss.detach())}, 4

    run.train(loss_of, lambda *_: None)
    return run


def test_weights_averages_and_optimiser_resume_exactly(tmp_path: Path) -> None:
    whole = _train(_run(tmp_path / "whole", 12))
    _train(_run(tmp_path / "halves", 5))
    halves = _train(_run(tmp_path / "halves", 12))
    for state in ("live", "averaged"):
        for one, other in zip(whole.parameters, halves.parameters, strict=True):
            assert torch.equal(one, other), state
        whole.average()
        halves.average()


def test_averages_are_lent_and_given_back(tmp_path: Path) -> None:
    run = _train(_run(tmp_path, 12))
    live = [parameter.detach().clone() for parameter in run.parameters]
    with run.averaged():
        assert not any(torch.equal(p, q) for p, q in zip(run.parameters, live, strict=True))
    assert all(torch.equal(p, q) for p, q in zip(run.parameters, live, strict=True))


def test_a_gradient_that_is_no_number_never_reaches_the_saved_state(tmp_path: Path) -> None:
    _train(_run(tmp_path, 4))
    saved = (tmp_path / "state.pt").read_bytes()
    run = _run(tmp_path, 9)
    with pytest.raises(TrainingError, match="step 6: the gradient is nan"):
        _train(run, poison_at=6)
    assert all(torch.isfinite(parameter).all() for parameter in run.parameters)
    assert (tmp_path / "state.pt").read_bytes() == saved


@pytest.mark.parametrize("content", [b"", b"not a state at all", b"PK\x03\x04 cut"])
def test_a_damaged_state_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(TrainingError, match=r"state\.pt"):
        _run(tmp_path, 1)
