"""One tiny pipeline for all tests that do not change it."""

from __future__ import annotations

import pytest
import torch
from support_diffusion import tiny_pipeline

from riffsidecar.diffusion.pipeline import LoopPipeline


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def pipeline() -> LoopPipeline:
    return tiny_pipeline()


@pytest.fixture(scope="session")
def wide_pipeline() -> LoopPipeline:
    return tiny_pipeline().to(torch.float64)
