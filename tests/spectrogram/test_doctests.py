from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name", ["spectrogram.formats", "spectrogram.mel", "spectrogram.stft", "spectrogram.codec"]
)
def test_the_examples_in_the_docstrings_hold(name: str) -> None:
    failures, tries = doctest.testmod(importlib.import_module(f"riffsidecar.{name}"))
    assert failures == 0
    assert tries > 0
