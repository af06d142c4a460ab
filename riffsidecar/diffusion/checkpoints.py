"""Find and load checkpoints: directories of safetensors, nothing that could run code while it is read."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import torch
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn
from transformers.utils import logging as transformers_logging

from riffsidecar.diffusion.layouts import is_stable_layout
from riffsidecar.diffusion.lean_imports import without_others
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.unfilled import unfilled
from riffsidecar.errors import CheckpointError, RiffError, nearest

__all__ = ["EMBEDDED", "checkpoint_digest", "find_checkpoint", "load_pipeline", "packaged_checkpoint"]

EMBEDDED = "embedded"

_INDEX = "model_index.json"
_NET = "diffusion_pytorch_model.safetensors"
_SINGLE = "model.safetensors"
_COMPONENTS = frozenset(("vae", "denoiser", "scheduler", "text_encoder", "tokenizer", "spectrogram_format"))
_OPTIONAL = "flow_map"
_LIBRARIES = frozenset(("diffusers", "transformers"))
_OWN_MODULES = "riffsidecar.diffusion."
_READ = frozenset((".json", ".safetensors", ".txt"))
"""What loading reads: the rest of a directory (notes, pictures, a file manager's own) decides no sample."""
_PICKLES = frozenset((".bin", ".ckpt", ".pt", ".pth", ".pkl", ".pickle", ".py"))
_REMEDY = "reinstall riffsidecar, or name another checkpoint"


def packaged_checkpoint() -> Path:
    """Return the directory of the model inside the package, whether it is there or not."""
    return Path(__file__).resolve().parent.parent / "checkpoints" / EMBEDDED


def find_checkpoint(name_or_path: str | Path = EMBEDDED) -> Path:
    """Return the directory of a checkpoint: `EMBEDDED`, or a path.

    Raises:
        CheckpointError: there is none, or the directory is no checkpoint.
    """
    path = packaged_checkpoint() if str(name_or_path) == EMBEDDED else Path(name_or_path).expanduser()
    if path.is_file():
        raise CheckpointError(f"{path} is a file: a checkpoint is a directory with a {_INDEX}; {_REMEDY}")
    if not path.is_dir():
        hint = "" if str(name_or_path) == EMBEDDED else nearest(str(name_or_path), [EMBEDDED])
        raise CheckpointError(f"there is no checkpoint at {path}{hint}; {_REMEDY}")
    if not (path / _INDEX).is_file() and not (path / _SINGLE).is_file():
        raise CheckpointError(f"{path} holds no {_INDEX}, so it is no checkpoint; {_REMEDY}")
    return path


def checkpoint_digest(path: Path) -> str:
    """Return the SHA-256, in hex, of the names and contents of all files that loading reads.

    Those are the index, and the JSON, safetensors and text files of the folders that it names.

    Raises:
        CheckpointError: a file cannot be read.
    """
    total = hashlib.sha256()
    try:
        for file in sorted(_files_read(path)):
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
            total.update(f"{file.relative_to(path).as_posix()}\n{content}\n".encode())
    except OSError as error:
        raise CheckpointError(f"the checkpoint {path} cannot be read: {error}; {_REMEDY}") from error
    return total.hexdigest()


def _files_read(path: Path) -> Iterator[Path]:
    single = path / _SINGLE
    if not (path / _INDEX).is_file() and single.is_file():
        yield single
        return
    yield path / _INDEX
    for folder in path.iterdir():
        if folder.is_dir() and folder.name in _entries(path):
            yield from (
                file
                for file in folder.rglob("*")
                if file.suffix in _READ and not file.name.startswith(".") and file.is_file()
            )


def _entries(path: Path) -> dict[str, object]:
    """Return the components that the index of a checkpoint names.

    Raises:
        CheckpointError: the index cannot be read.
    """
    try:
        index = json.loads((path / _INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path / _INDEX} cannot be read: {error}; {_REMEDY}") from error
    return (
        {name: value for name, value in index.items() if name[:1] != "_"} if isinstance(index, dict) else {}
    )


def load_pipeline(
    name_or_path: str | Path = EMBEDDED,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
) -> LoopPipeline:
    """Load a checkpoint, ready to render.

    Args:
        name_or_path: `EMBEDDED` or a directory.
        dtype: of the nets.
        device: where they work.

    Raises:
        CheckpointError: missing, damaged, incomplete, or with files that could run code.
    """
    path = find_checkpoint(name_or_path)
    single = not (path / _INDEX).is_file()
    stable = single or is_stable_layout(_entries(path))
    if not stable:
        _check_files(path)
        _check_index(path)
    try:
        with _no_progress_bars():
            # Nets of others take longer to import than the embedded model takes to load.
            if single:
                from riffsidecar.diffusion.single_file import load_single

                pipeline = load_single(path / _SINGLE, path / "tokenizer")
            elif stable:
                from riffsidecar.diffusion.stable_layout import load_stable

                pipeline = load_stable(path)
            else:
                pipeline = _load_own(path)
    except CheckpointError:
        raise
    except RiffError as error:
        raise CheckpointError(f"the checkpoint {path} cannot be used: {error}; {_REMEDY}") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, ImportError, RuntimeError) as error:
        raise CheckpointError(f"the checkpoint {path} is damaged: {error}; {_REMEDY}") from error
    for name in ("vae", "denoiser", "text_encoder", _OPTIONAL):
        net = getattr(pipeline, name)
        if net is None:
            continue
        # Not the pipeline's own `to`, which warns of parts kept in float32 although there are none.
        nn.Module.to(net, device, dtype)
    if pipeline.flow_map is not None and not pipeline.flow_map.fits(pipeline.denoiser):
        raise CheckpointError(f"the flow map in {path} was made for another denoiser; {_REMEDY}")
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _load_own(path: Path) -> LoopPipeline:
    """Load the parts that the index names, each as its own class does, and nets of ours in less time."""
    parts: dict[str, object] = {}
    for name, entry in _entries(path).items():
        if entry == [None, None]:
            continue
        module, kind = cast("tuple[str, str]", entry)
        part = getattr(importlib.import_module(module), kind)
        if issubclass(part, ModelMixin):
            parts[name] = _load_net(part, path / name)
        else:
            parts[name] = part.from_pretrained(path / name, local_files_only=True)
    with without_others():
        return LoopPipeline(**parts)  # type: ignore[arg-type]


def _load_net(kind: type[ModelMixin], folder: Path) -> ModelMixin:
    """Load a net; diffusers would draw the numbers first that one begins with, and look for what moves it."""
    weights = folder / _NET
    if not kind.__module__.startswith(_OWN_MODULES) or not weights.is_file():
        # The keyword for the dtype changed its name between releases of diffusers: the caller casts.
        net = kind.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
        )
        _check_weights(folder, net)
        return net
    config = kind.load_config(folder, local_files_only=True)
    net = unfilled(lambda: kind.from_config(config))
    try:
        state = load_file(weights)
    except SafetensorError as error:
        raise CheckpointError(f"{weights} is damaged: {error}; {_REMEDY}") from error
    _check_names(folder, net, set(state))
    net.load_state_dict(state)
    return net.eval()


def _check_files(path: Path) -> None:
    for file in sorted(path.rglob("*")):
        if file.suffix.lower() in _PICKLES:
            raise CheckpointError(
                f"the checkpoint {path} holds {file.relative_to(path)}, which could run code when read: "
                "only safetensors are loaded; convert it, or name another checkpoint"
            )


def _check_index(path: Path) -> None:
    """Refuse an index that lacks a component, or that names classes outside the libraries we load from."""
    entries = _entries(path)
    for name in sorted(_COMPONENTS):
        if name not in entries or not (path / name).is_dir():
            raise CheckpointError(f"the checkpoint {path} lacks its {name}; {_REMEDY}")
    for name, value in entries.items():
        library = value[0] if isinstance(value, list) and len(value) == 2 else None
        known = isinstance(library, str) and (library in _LIBRARIES or library.startswith(_OWN_MODULES))
        if name == _OPTIONAL and (known or value == [None, None]):
            continue
        if name not in _COMPONENTS or not known:
            raise CheckpointError(
                f"{path / _INDEX} has a component {name!r} which riffsidecar does not know: {value!r}; "
                f"{_REMEDY}"
            )


def _check_weights(folder: Path, net: nn.Module) -> None:
    """Refuse weights that leave part of the net as it was initialised; diffusers only warns."""
    stored: set[str] = set()
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="pt") as tensors:
                stored.update(tensors.keys())
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{file} is damaged: {error}; {_REMEDY}") from error
    _check_names(folder, net, stored)


def _check_names(folder: Path, net: nn.Module, stored: set[str]) -> None:
    expected = set(net.state_dict())
    if stored != expected:
        wrong = sorted(stored ^ expected)
        raise CheckpointError(
            f"the weights in {folder} do not fit: {len(wrong)} names differ, the first is {wrong[0]}; "
            f"{_REMEDY}"
        )


@contextlib.contextmanager
def _no_progress_bars() -> Iterator[None]:
    """Keep diffusers and transformers from drawing bars for half a second of loading."""
    shown = [
        logging for logging in (diffusers_logging, transformers_logging) if logging.is_progress_bar_enabled()
    ]
    for logging in shown:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        for logging in shown:
            logging.enable_progress_bar()
