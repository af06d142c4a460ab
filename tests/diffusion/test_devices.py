"""What is told of the devices that torch could compute on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from riffsidecar.diffusion.devices import compute_devices, has_bfloat16
from riffsidecar.diffusion.placement import Placement, choose_placement


def test_without_a_gpu_the_cpu_is_used_and_it_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", None)
    lines = compute_devices("cpu", 3)
    assert lines[0] == "CPU, 3 threads, used"
    assert lines[1] == "no CUDA: this torch is built without it"
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    assert "driver" in compute_devices("cpu", 1)[1]


def test_every_gpu_is_listed_and_the_one_in_use_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    card = SimpleNamespace(name="A card", total_memory=8 * 2**30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: card)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert compute_devices("cuda", 1) == (
        "CPU, 1 thread, not used",
        "CUDA 0, A card, 8 GiB, used",
        "MPS, the GPU of this Mac, not used",
    )
    assert compute_devices("mps", 1)[2] == "MPS, the GPU of this Mac, used"


@pytest.mark.parametrize(("major", "dtype"), [(7, torch.float16), (9, torch.bfloat16)])
def test_a_card_that_only_emulates_bfloat16_computes_in_float16(
    monkeypatch: pytest.MonkeyPatch, major: int, dtype: torch.dtype
) -> None:
    monkeypatch.setattr(torch.version, "hip", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(major=major))
    # Tensors of it can be had on every card.
    monkeypatch.setattr(torch.cuda, "_check_bf16_tensor_supported", lambda _: True)
    assert has_bfloat16(torch.device("cuda")) == (dtype == torch.bfloat16)
    assert choose_placement(cuda=lambda: True) == Placement("cuda", dtype)
