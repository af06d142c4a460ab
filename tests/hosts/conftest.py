"""What the tests of other hosts share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest

REQUIRE_VARIABLE = "RIFFSIDECAR_REQUIRE_CLIENTS"


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], str]:
    """Return what finds a program, and skips the test, or in CI fails it, where there is none."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is not None:
            return path
        if os.environ.get(REQUIRE_VARIABLE) == "1":
            pytest.fail(f"{name} is not installed, and {REQUIRE_VARIABLE}=1 asks for it")
        pytest.skip(f"{name} is not installed")

    return find
