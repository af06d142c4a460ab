"""Install a model from a folder or a file on this machine, for machines without a network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from riffsidecar.errors import ModelError
from riffsidecar.models.catalogue import KINDS
from riffsidecar.models.fetch import Progress, RemoteFile, choose_files
from riffsidecar.models.manifest import Manifest, ModelFile, safe_path
from riffsidecar.models.safetensors_header import kind_of_file, read_header, refuse_pickle
from riffsidecar.models.store import ModelStore

__all__ = ["install_local", "kind_of_folder"]

_PIECE = 16 * 1024 * 1024
_SINGLE_NAME = "model.safetensors"


def kind_of_folder(folder: Path) -> str:
    """Return what kind of model a folder holds.

    Raises:
        ModelError: none that is known here.
    """
    if (folder / "model_index.json").is_file():
        return "checkpoint"
    config = folder / "config.json"
    if config.is_file() and "AutoencoderTiny" in config.read_text(encoding="utf-8", errors="replace"):
        return "decoder"
    raise ModelError(
        f"{folder} holds neither a model_index.json (a diffusers model) nor the config.json of a small "
        "decoder: "
        "name the folder of the model itself, or one .safetensors file"
    )


def install_local(
    store: ModelStore, name: str, source: Path, licence: str, progress: Progress | None = None
) -> Manifest:
    """Copy a model into the store: a diffusers folder, or one safetensors file.

    Pickles beside the safetensors are left where they are; where there is nothing else, that is said. One
    file has no tokenizer: CLIP's is taken from ``tokenizer/`` beside the file, from beside it, or from a
    model that is installed.

    Raises:
        ModelError: it is no model known here, is a pickle, or cannot be copied.
    """
    if store.has(name):
        raise ModelError(
            f"{name} is installed already; remove it first with 'riffsidecar model remove {name}'"
        )
    refuse_pickle(source)
    if source.is_dir():
        kind, places = _folder_places(source)
    elif source.is_file():
        kind, places = _file_places(store, source)
    else:
        raise ModelError(f"there is no {source}: name a folder or a .safetensors file")
    part = store.part(name)
    total = sum(place.stat().st_size for place in places.values())
    done = 0
    files = []
    for path, place in places.items():
        if path.endswith(".safetensors"):
            read_header(place)
        before = done

        def report(count: int, path: str = path, before: int = before) -> None:
            if progress is not None:
                progress(path, before + count, total)

        _copy(place, part / safe_path(path), report)
        files.append(ModelFile.of(part, path))
        done += place.stat().st_size
    manifest = Manifest(name, kind, "local", licence, tuple(files))
    store.install(manifest)
    return manifest


def _folder_places(source: Path) -> tuple[str, dict[str, Path]]:
    kind = kind_of_folder(source)
    found = []
    layout = KINDS[kind]
    folders = {path.rpartition("/")[0] for path in (*layout.needed, *layout.wanted)}
    for folder in sorted({"", *folders, *layout.weights}):
        for path in (source / folder).glob("*"):
            if path.is_file():
                found.append(RemoteFile(path.relative_to(source).as_posix(), path.stat().st_size))
    unique = tuple({file.path: file for file in found}.values())
    chosen = choose_files(kind, unique, str(source))
    return kind, {file.path: source / file.path for file in chosen}


def _file_places(store: ModelStore, source: Path) -> tuple[str, dict[str, Path]]:
    kind = kind_of_file(source)
    places = {_SINGLE_NAME: source}
    if kind == "single":
        vocabulary = _vocabulary(store, source.parent)
        places |= {f"tokenizer/{file}": vocabulary / file for file in ("vocab.json", "merges.txt")}
    return kind, places


def _vocabulary(store: ModelStore, beside: Path) -> Path:
    installed = [store.path(manifest.name) / "tokenizer" for manifest in store]
    for folder in (beside / "tokenizer", beside, *installed):
        if (folder / "vocab.json").is_file() and (folder / "merges.txt").is_file():
            return folder
    raise ModelError(
        "one file holds no tokenizer: put vocab.json and merges.txt of openai/clip-vit-large-patch14 beside "
        "it, or "
        "install a model that comes as a folder first"
    )


def _copy(source: Path, target: Path, report: Callable[[int], None]) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        copied = 0
        with source.open("rb") as reading, target.open("wb") as writing:
            while piece := reading.read(_PIECE):
                writing.write(piece)
                copied += len(piece)
                report(copied)
            writing.flush()
            os.fsync(writing.fileno())
        shutil.copymode(source, target)
    except OSError as error:
        raise ModelError(f"{source} cannot be copied to {target}: {error.strerror or error}") from error
