"""Tests of the precision of training: bf16 where the device has it, single where it would be emulated."""

import pytest
import torch

from riffsidecar.training import precision


@pytest.mark.parametrize("native", [False, True])
def test_products_are_of_half_precision_only_where_that_is_quick(
    monkeypatch: pytest.MonkeyPatch, *, native: bool
) -> None:
    monkeypatch.setattr(precision, "has_bfloat16", lambda _: native)
    net = torch.nn.Linear(4, 4)
    with precision.autocast(torch.device("cpu")):
        assert net(torch.ones(1, 4)).dtype == (torch.bfloat16 if native else torch.float32)
