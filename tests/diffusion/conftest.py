"""One tiny pipeline for all tests that do not change it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from support_diffusion import tiny_pipeline
from support_stable import write_layout

from riffsidecar.diffusion.checkpoints import load_pipeline
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


@pytest.fixture(scope="session")
def stable_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small model in Stable Diffusion's layout once."""
    return write_layout(tmp_path_factory.mktemp("stable") / "model")


@pytest.fixture(scope="session")
def stable(stable_folder: Path) -> LoopPipeline:
    return load_pipeline(stable_folder)


@pytest.fixture
def line(stable: LoopPipeline) -> Iterator[LoopPipeline]:
    """Give the small model with its edges, as diffusers' own pipelines have it."""
    stable.set_seam("line")
    yield stable
    stable.set_seam("circular")
