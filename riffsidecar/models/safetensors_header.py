"""Look into a safetensors file without loading it: its header is JSON, and nothing in it can run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from riffsidecar.errors import ModelError

__all__ = ["PICKLE_SUFFIXES", "kind_of_file", "read_header", "refuse_pickle"]

PICKLE_SUFFIXES: Final = frozenset((".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle", ".p7", ".joblib"))
_MAX_HEADER: Final = 100_000_000
_SINGLE = (
    "model.diffusion_model.input_blocks.0.0.weight",
    "first_stage_model.decoder.conv_in.weight",
    "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight",
)


def refuse_pickle(path: Path) -> None:
    """Refuse a file by its name, before it is opened, if it could run code when it is read.

    Raises:
        ModelError: it is a pickle.
    """
    if path.suffix.lower() in PICKLE_SUFFIXES:
        raise ModelError(
            f"{path.name} is a pickle, which can run any code when it is read, so it is not opened: "
            "convert it to safetensors on a machine you can spare, or find the model as safetensors"
        )


def read_header(path: Path) -> dict[str, Any]:
    """Return the header of a safetensors file: each tensor's name with its dtype, shape and place.

    Raises:
        ModelError: it is no safetensors file, or is cut short.
    """
    refuse_pickle(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(_MAX_HEADER, size - 8):
                raise ModelError(f"{path} is no safetensors file: its header is {length} bytes of {size}")
            header = json.loads(file.read(length))
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read: {error.strerror or error}; name a file that exists"
        ) from error
    except ValueError as error:
        raise ModelError(f"{path} is no safetensors file: {error}") from error
    if not isinstance(header, dict):
        raise ModelError(f"{path} is no safetensors file: its header names no tensors")
    header.pop("__metadata__", None)
    try:
        end = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
    except (TypeError, KeyError, IndexError, ValueError) as error:
        raise ModelError(f"{path} is no safetensors file: its header names no places ({error})") from error
    if 8 + length + end != size:
        raise ModelError(
            f"{path} is cut short or damaged: {8 + length + end} bytes are told of, {size} are there"
        )
    return header


def kind_of_file(path: Path) -> str:
    """Return ``"single"`` for a whole Stable Diffusion 1.x model in its original layout, or ``"lora"``.

    Raises:
        ModelError: it is neither.
    """
    names = read_header(path)
    if all(name in names for name in _SINGLE):
        return "single"
    if names and all("lora" in name.lower() or name.endswith(".alpha") for name in names):
        return "lora"
    first = next(iter(sorted(names)), "nothing")
    raise ModelError(
        f"{path.name} is neither a whole Stable Diffusion 1.x model in one file nor a LoRA (it begins with "
        f"{first}): give the folder of a diffusers model instead"
    )
