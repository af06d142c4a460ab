"""What the docstrings of the room show, and what the room may import."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import riffsidecar.session

MODULES = [
    module.name for module in pkgutil.iter_modules(riffsidecar.session.__path__, "riffsidecar.session.")
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_the_session_needs_nothing_but_the_standard_library() -> None:
    code = (
        "import sys, riffsidecar.music, riffsidecar.session\n"
        "names = {name.partition('.')[0] for name in sys.modules}\n"
        "print(*sorted(names - set(sys.stdlib_module_names) - {'riffsidecar'}))\n"
    )
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) <= {"__main__", "__mp_main__"}
