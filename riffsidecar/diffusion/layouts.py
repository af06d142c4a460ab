"""Tell layouts of checkpoints apart by their index, without the nets that they are read into."""

from __future__ import annotations

__all__ = ["STABLE_COMPONENTS", "is_stable_layout"]

STABLE_COMPONENTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
"""The folders that a model in Stable Diffusion 1.x's layout must have."""


def is_stable_layout(index: object) -> bool:
    """Tell whether a ``model_index.json`` names the parts of Stable Diffusion 1.x."""
    return isinstance(index, dict) and all(isinstance(index.get(name), list) for name in STABLE_COMPONENTS)
