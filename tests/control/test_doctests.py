"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import riffsidecar.control
import riffsidecar.daemon

MODULES = [
    f"{package.__name__}.{module.name}"
    for package in (riffsidecar.control, riffsidecar.daemon)
    for module in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
