"""What the docstrings of the room show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import riffsidecar.music

MODULES = [module.name for module in pkgutil.iter_modules(riffsidecar.music.__path__, "riffsidecar.music.")]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted > 0
    assert results.failed == 0
