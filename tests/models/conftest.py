"""An empty store for each test of models."""

from __future__ import annotations

from pathlib import Path

import pytest

from riffsidecar.models.store import ModelStore


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "store")
