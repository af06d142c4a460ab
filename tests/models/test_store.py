from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_models import checkpoint_files, safetensors, written

from riffsidecar.errors import ModelError, UnknownNameError
from riffsidecar.models.catalogue import KNOWN_MODELS, find_known
from riffsidecar.models.licences import LICENCES, needs_acceptance
from riffsidecar.models.local import install_local
from riffsidecar.models.manifest import MANIFEST_NAME, Manifest, ModelFile, safe_path
from riffsidecar.models.safetensors_header import kind_of_file, read_header
from riffsidecar.models.store import ModelStore

_SINGLE = {
    "model.diffusion_model.input_blocks.0.0.weight": 4,
    "first_stage_model.decoder.conv_in.weight": 4,
    "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight": 4,
}


class _Trap:
    """Leave a file behind when it is unpickled."""

    def __init__(self, sprung: Path) -> None:
        self._sprung = sprung

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self._sprung,)


def trap(path: Path, sprung: Path) -> Path:
    import pickle

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(_Trap(sprung)))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "model", checkpoint_files())


def test_a_folder_is_copied_without_its_pickles(store: ModelStore, folder: Path) -> None:
    manifest = install_local(store, "mine", folder, "MIT")
    assert (manifest.kind, manifest.source) == ("checkpoint", "local")
    assert [each.name for each in store] == ["mine"]
    names = {path.name for path in store.path("mine").rglob("*")}
    assert not any(name.endswith((".bin", ".ckpt", ".md")) for name in names)
    assert store.checked("mine") == (store.path("mine"), manifest)


@pytest.mark.parametrize("suffix", [".bin", ".ckpt", ".pt", ".pth", ".pkl"])
def test_a_booby_trapped_pickle_runs_nothing(store: ModelStore, tmp_path: Path, suffix: str) -> None:
    sprung = tmp_path / "sprung"
    with pytest.raises(ModelError, match=r"is a pickle.*not opened"):
        install_local(store, "mine", trap(tmp_path / f"model{suffix}", sprung), "")
    assert not sprung.exists() and not store.has("mine")


def test_a_pickle_that_calls_itself_safetensors_runs_nothing(store: ModelStore, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    with pytest.raises(ModelError, match="no safetensors file"):
        install_local(store, "mine", trap(tmp_path / "model.safetensors", sprung), "")
    assert not sprung.exists()


def test_a_folder_with_pickles_alone_runs_nothing(store: ModelStore, tmp_path: Path, folder: Path) -> None:
    sprung = tmp_path / "sprung"
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    trap(folder / "unet" / "diffusion_pytorch_model.bin", sprung)
    with pytest.raises(ModelError, match=r"unet only as pickles"):
        install_local(store, "mine", folder, "")
    assert not sprung.exists() and not store.has("mine")


def test_one_file_takes_its_vocabulary_from_beside_it_or_from_another_model(
    store: ModelStore, tmp_path: Path, folder: Path
) -> None:
    single = tmp_path / "alone" / "tuned.safetensors"
    written(tmp_path / "alone", {"tuned.safetensors": safetensors(_SINGLE)})
    assert kind_of_file(single) == "single"
    with pytest.raises(ModelError, match=r"no tokenizer: put vocab.json"):
        install_local(store, "tuned", single, "")
    install_local(store, "mine", folder, "")
    manifest = install_local(store, "tuned", single, "")
    assert {file.path for file in manifest.files} == {
        "model.safetensors", "tokenizer/vocab.json", "tokenizer/merges.txt",
    }  # fmt: skip


def test_a_lora_is_told_by_its_names(store: ModelStore, tmp_path: Path) -> None:
    names = {"lora_unet_x.lora_down.weight": 4, "lora_unet_x.lora_up.weight": 4, "lora_unet_x.alpha": 1}
    path = tmp_path / "dusty.safetensors"
    path.write_bytes(safetensors(names))
    assert install_local(store, "dusty", path, "").kind == "lora"
    with pytest.raises(ModelError, match="dusty is a lora, which makes no loops by itself"):
        store.find_maker("dusty")
    path.write_bytes(safetensors({"something": 4}))
    with pytest.raises(ModelError, match="neither a whole Stable Diffusion"):
        install_local(store, "other", path, "")


def test_a_changed_file_is_seen_at_the_next_use(store: ModelStore, folder: Path) -> None:
    install_local(store, "mine", folder, "")
    path = store.path("mine") / "unet" / "diffusion_pytorch_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(1, 1))
    assert store.verify("mine") == [
        f"{path.parent.name}/{path.name} has another SHA-256 than when it was installed"
    ]
    with pytest.raises(ModelError, match="not what was installed"):
        store.checked("mine")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "vae" / "config.json").unlink(), "vae/config.json is missing"),
        (
            lambda folder: (folder / "vae" / "config.json").write_text("longer than it was before"),
            "bytes instead",
        ),
        (
            lambda folder: (folder / "unet" / "x.bin").write_bytes(b""),
            "does not belong there, and could run code",
        ),
    ],
)
def test_verify_names_what_is_wrong(store: ModelStore, folder: Path, damage: object, message: str) -> None:
    install_local(store, "mine", folder, "")
    damage(store.path("mine"))  # type: ignore[operator]
    (wrong,) = store.verify("mine")
    assert message in wrong


def test_remove_takes_a_model_and_what_was_begun_of_it(store: ModelStore, folder: Path) -> None:
    install_local(store, "mine", folder, "")
    (store.part("mine") / "piece").write_bytes(b"12345")
    assert store.remove("mine") > 15_000
    assert list(store.folder.glob("mine*")) == []
    with pytest.raises(ModelError, match="no model 'mine' is installed"):
        store.remove("mine")


def test_a_name_is_never_a_path(store: ModelStore) -> None:
    for name in ("../x", "a/b", "", ".hidden", "x" * 65):
        assert not store.has(name)
        with pytest.raises(ModelError, match="no model can be called"):
            store.find(name)


@given(st.text(max_size=60))
def test_a_path_inside_a_model_never_leads_out(text: str) -> None:
    try:
        path = safe_path(text)
    except ModelError:
        return
    assert (Path("/m") / path).resolve().is_relative_to("/m")


def test_a_manifest_round_trips_and_a_damaged_one_is_refused(store: ModelStore, folder: Path) -> None:
    manifest = install_local(store, "mine", folder, "MIT")
    assert Manifest.from_json(manifest.to_json(), "x") == manifest
    path = store.path("mine") / MANIFEST_NAME
    for text in ("{", "{}", "[]", json.dumps({"manifest": 2, "files": []})):
        path.write_text(text)
        with pytest.raises(ModelError):
            store.find("mine")
        assert list(store) == []
    with pytest.raises(ModelError, match="40 hexadecimal"):
        Manifest("a", "lora", "owner/name@main", "", (ModelFile("x", 1, "0" * 64),))
    with pytest.raises(ModelError, match="not 'embedded'"):
        Manifest("embedded", "lora", "local", "", (ModelFile("x", 1, "0" * 64),))


def test_a_header_that_lies_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    whole = safetensors({"a": 100})
    for content in (b"", b"\xff" * 20, whole[:-1], whole + b"x", (2).to_bytes(8, "little") + b"[]"):
        path.write_bytes(content)
        with pytest.raises(ModelError):
            read_header(path)


def test_the_table_of_models_is_sound() -> None:
    for model in KNOWN_MODELS.values():
        assert model.licence in LICENCES
    assert needs_acceptance("something unknown")
    with pytest.raises(UnknownNameError, match="did you mean 'riffusion-v1'"):
        find_known("riffusion")


def test_a_licence_is_accepted_once(store: ModelStore) -> None:
    assert not store.accepted("x")
    store.accept("x")
    store.accept("x")
    assert store.accepted("x") and not store.accepted("y")
