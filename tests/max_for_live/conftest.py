"""What the tests of the devices share."""

from __future__ import annotations

import os
import shutil

import pytest

REQUIRE_VARIABLE = "RIFFSIDECAR_REQUIRE_CLIENTS"


@pytest.fixture(scope="session")
def node() -> str:
    """Return Node; without it skip, or in CI fail."""
    path = shutil.which("node")
    if path is not None:
        return path
    if os.environ.get(REQUIRE_VARIABLE) == "1":
        pytest.fail(f"node is not installed, and {REQUIRE_VARIABLE}=1 asks for it")
    pytest.skip("node is not installed")
