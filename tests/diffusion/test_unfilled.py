"""Nets that are made without drawing the numbers they would begin with."""

from __future__ import annotations

import torch
from torch import nn

from riffsidecar.diffusion.text import TextEncoder
from riffsidecar.diffusion.unfilled import unfilled


def test_no_number_is_drawn() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    net = unfilled(lambda: TextEncoder(vocab_size=7, width=64))
    assert torch.equal(torch.get_rng_state(), before)
    TextEncoder(vocab_size=7, width=64)
    assert not torch.equal(torch.get_rng_state(), before)
    assert torch.equal(net.table_scale, torch.ones(7))


def test_given_its_state_it_is_the_net_it_would_have_been() -> None:
    filled = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Linear(4, 5), nn.LayerNorm(5), nn.Embedding(6, 2))
    net = unfilled(
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.Linear(4, 5), nn.LayerNorm(5), nn.Embedding(6, 2))
    )
    net.load_state_dict(filled.state_dict())
    for mine, theirs in zip(net.parameters(), filled.parameters(), strict=True):
        assert torch.equal(mine, theirs)
        assert mine.requires_grad


def test_afterwards_numbers_are_drawn_again() -> None:
    unfilled(lambda: nn.Linear(2, 2))
    weight = nn.init.constant_(torch.zeros(2), 4.0)
    assert weight.tolist() == [4.0, 4.0]
    assert nn.init.uniform_(torch.zeros(50), 1.0, 2.0).min() >= 1.0
