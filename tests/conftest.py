"""Let the tests, and the worker processes that they spawn, import the doubles beside them.

CI installs every real client, so there a test of one that is skipped, for whatever reason, has failed.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
REQUIRE_VARIABLE = "RIFFSIDECAR_REQUIRE_CLIENTS"
CLIENT_FOLDERS = frozenset({"clients", "hosts", "max_for_live"})

if str(TESTS) not in sys.path:
    sys.path.insert(0, str(TESTS))

# No test asserts how long something takes: a busy machine is no fault of the code.
settings.register_profile("riffsidecar", deadline=None)
settings.load_profile("riffsidecar")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a skipped client test fail where the clients have to be there."""
    report = yield
    is_skip = report.skipped and not hasattr(report, "wasxfail")
    if is_skip and os.environ.get(REQUIRE_VARIABLE) == "1" and is_client_test(item.path):
        report.outcome = "failed"
        report.longrepr = f"skipped, but {REQUIRE_VARIABLE}=1: {report.longrepr}"
    return report


def is_client_test(path: Path) -> bool:
    """Return whether a test file speaks with a real program."""
    return path.is_relative_to(TESTS) and path.relative_to(TESTS).parts[0] in CLIENT_FOLDERS


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str], str]:
    """Return what finds a program, and skips the test where there is none (which CI takes for a failure)."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            pytest.skip(f"{name} is not installed")
        return path

    return find
