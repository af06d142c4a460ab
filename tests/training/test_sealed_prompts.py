from __future__ import annotations

import numpy as np
import pytest

from riffsidecar.errors import TrainingError
from riffsidecar.training.captions import captions, eval_prompts
from riffsidecar.training.compose import compose
from riffsidecar.training.score import FAMILIES
from riffsidecar.training.sealed_prompts import open_sealed, seal


@pytest.mark.parametrize("family", FAMILIES)
def test_sealed_prompts_are_distinct_and_neither_open_nor_training_ones(family: str) -> None:
    prompts = open_sealed()[family]
    assert len(set(prompts)) == len(prompts) >= 10
    written = {
        line
        for seed in range(20)
        for line in captions(compose(seed, family=family), np.random.default_rng(seed), 8, typos=False)
    }
    assert not set(prompts) & (written | set(eval_prompts(family)))


def test_what_is_sealed_is_not_read_in_passing() -> None:
    prompts = {family: [f"a {family} loop"] for family in FAMILIES}
    packed = seal(prompts)
    assert "loop" not in packed
    assert open_sealed(packed) == {family: (f"a {family} loop",) for family in FAMILIES}


@pytest.mark.parametrize("packed", ["", "no base64 !", "eNpNVsu"])
def test_sealed_prompts_that_were_damaged_are_refused(packed: str) -> None:
    with pytest.raises(TrainingError, match="sealed prompts"):
        open_sealed(packed)


def test_a_family_without_a_sealed_prompt_is_refused() -> None:
    with pytest.raises(TrainingError, match="choir-pad"):
        seal({"drums": ["a loop"]})
