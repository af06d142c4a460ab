"""What the tests of the devices share."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def node(require_tool: Callable[[str], str]) -> str:
    """Return Node, or skip."""
    return require_tool("node")
