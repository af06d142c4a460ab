"""A test of a real client that is skipped has failed where the clients have to be there, as in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SKIPS = "import pytest\n\n\ndef test_skips() -> None:\n    pytest.skip('the client is not there')\n"


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    """Return a folder of tests with our conftest, and one test that skips in every folder of interest."""
    folder = tmp_path / "tests"
    for name in ("clients", "hosts", "max_for_live", "music"):
        (folder / name).mkdir(parents=True)
        (folder / name / f"test_{name}.py").write_text(SKIPS, encoding="utf-8")
    conftest = ROOT / "tests" / "conftest.py"
    (folder / "conftest.py").write_text(conftest.read_text(encoding="utf-8"), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("required", "outcome"), [("", "4 skipped"), ("1", "3 failed, 1 skipped")], ids=["at home", "in CI"]
)
def test_a_skipped_client_test_is_a_failure_in_ci_and_only_there(
    tests: Path, required: str, outcome: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tests)],
        cwd=tests,
        env={**os.environ, "RIFFSIDECAR_REQUIRE_CLIENTS": required},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert outcome in done.stdout, done.stdout + done.stderr


def test_ci_asks_for_the_clients() -> None:
    assert "\nexport RIFFSIDECAR_REQUIRE_CLIENTS=1\n" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
