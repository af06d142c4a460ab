"""Tell which devices torch could compute on here, and which one it does."""

from __future__ import annotations

import sys

import torch

__all__ = ["compute_devices", "has_bfloat16"]

_GIB = 2**30


def compute_devices(used: str | torch.device, threads: int) -> tuple[str, ...]:
    """Return a line for each device, and for each kind that is absent why.

    ``used`` is where the nets are; ``threads`` is what the CPU computes with.
    """
    kind = torch.device(used).type
    lines = [f"CPU, {threads} thread{'s' if threads > 1 else ''}{_mark('cpu', kind)}"]
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            memory = f"{properties.total_memory / _GIB:.0f} GiB"
            lines.append(f"CUDA {index}, {properties.name}, {memory}{_mark('cuda', kind)}")
    else:
        why = "this torch is built without it" if torch.version.cuda is None else "no such GPU, or no driver"
        lines.append(f"no CUDA: {why}")
    if torch.backends.mps.is_available():
        lines.append(f"MPS, the GPU of this Mac{_mark('mps', kind)}")
    elif sys.platform == "darwin":
        lines.append("no MPS: this macOS or Mac does not have it")
    return tuple(lines)


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a CPU or a CUDA device multiplies bfloat16 by itself (CPU: AVX-512 BF16 or AMX)."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in asked)


def _mark(kind: str, used: str) -> str:
    return ", used" if kind == used else ", not used"
