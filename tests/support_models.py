"""A model's files without a model: every safetensors file is a true one, of a few bytes."""

from __future__ import annotations

import json
import os
from pathlib import Path

from riffsidecar.models.catalogue import KINDS

__all__ = ["checkpoint_files", "safetensors", "written"]


def safetensors(names: dict[str, int]) -> bytes:
    """Return a safetensors file with uint8 tensors of these names and sizes."""
    header, at = {}, 0
    for name, size in names.items():
        header[name] = {"dtype": "U8", "shape": [size], "data_offsets": [at, at + size]}
        at += size
    told = json.dumps(header).encode()
    return len(told).to_bytes(8, "little") + told + os.urandom(at)


def checkpoint_files() -> dict[str, bytes]:
    """Return the files of a whole model in the layout of folders."""
    layout = KINDS["checkpoint"]
    files = {path: f"{{}} {path}".encode() for path in (*layout.needed, "tokenizer/tokenizer_config.json")}
    for folder in layout.weights:
        files[f"{folder}/diffusion_pytorch_model.safetensors"] = safetensors({"w": 5000})
    files["unet/diffusion_pytorch_model.bin"] = b"\x80\x04."
    files["riffusion-model-v1.ckpt"] = b"\x80\x04."
    files["README.md"] = b"words"
    return files


def written(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files into a folder."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder
