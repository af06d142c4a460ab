"""THE table of models that riffsidecar knows by name, and what each kind of model consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from riffsidecar.errors import UnknownNameError, nearest

__all__ = ["KINDS", "KNOWN_MODELS", "KnownModel", "Layout", "find_known"]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a kind of model consists of.

    Attributes:
        weights: folders that each must hold at least one safetensors file; "" is the model's own folder.
        needed: files that must be there.
        wanted: files that are taken along where they are there.
    """

    weights: tuple[str, ...]
    needed: tuple[str, ...]
    wanted: tuple[str, ...] = ()


KINDS: Final[Mapping[str, Layout]] = MappingProxyType(
    {
        "checkpoint": Layout(
            weights=("unet", "vae", "text_encoder"),
            needed=(
                "model_index.json",
                "scheduler/scheduler_config.json",
                "text_encoder/config.json",
                "tokenizer/merges.txt",
                "tokenizer/vocab.json",
                "unet/config.json",
                "vae/config.json",
            ),
            wanted=(
                "spectrogram_format/preprocessor_config.json",
                "tokenizer/special_tokens_map.json",
                "tokenizer/tokenizer_config.json",
            ),
        ),
        "single": Layout(weights=("",), needed=("tokenizer/merges.txt", "tokenizer/vocab.json")),
        "lora": Layout(weights=("",), needed=()),
        "decoder": Layout(weights=("",), needed=("config.json",)),
    }
)
"""Every kind: a whole Stable Diffusion 1.x model as folders or as one file, a LoRA, a small decoder."""


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One row: a model on the hub."""

    name: str
    kind: str
    repo: str
    licence: str
    help: str


_ROWS = (
    KnownModel(
        "riffusion-v1",
        "checkpoint",
        "riffusion/riffusion-model-v1",
        "CreativeML OpenRAIL-M",
        "Riffusion v1, Stable Diffusion 1.5 tuned on spectrograms; 10 kHz mono, about 4 GB",
    ),
    KnownModel(
        "lcm-lora",
        "lora",
        "latent-consistency/lcm-lora-sdv1-5",
        "CreativeML OpenRAIL-M",
        "drafts in 4 steps; made on photographs, unverified on spectrograms",
    ),
    KnownModel("taesd", "decoder", "madebyollin/taesd", "MIT", "a small decoder for drafts, 5 MB"),
)

KNOWN_MODELS: Final[Mapping[str, KnownModel]] = MappingProxyType({row.name: row for row in _ROWS})
"""Every known model by its name."""


def find_known(name: str) -> KnownModel:
    """Return a known model by its name.

    Raises:
        UnknownNameError: naming the nearest one, and how to fetch another.
    """
    if name not in KNOWN_MODELS:
        raise UnknownNameError(
            f"no model {name[:64]!r} is known, but "
            f"{', '.join(KNOWN_MODELS)}{nearest(name[:64], KNOWN_MODELS)}; "
            "for another say where it is with --repo OWNER/NAME or --from PATH"
        )
    return KNOWN_MODELS[name]
