from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support_hub import REVISION, running_hub
from support_models import checkpoint_files

from riffsidecar.errors import ModelError
from riffsidecar.models.fetch import RemoteFile, choose_files, fetch_model
from riffsidecar.models.hugging_face import HuggingFace
from riffsidecar.models.manifest import Manifest
from riffsidecar.models.store import ModelStore


@pytest.fixture(autouse=True)
def _no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


def fetch(store: ModelStore, endpoint: str, **options: object) -> Manifest:
    values = {"name": "mine", "kind": "checkpoint", "repo": "owner/model", "licence": "", **options}
    return fetch_model(store, HuggingFace(endpoint), **values)  # type: ignore[arg-type]


def test_a_model_is_fetched_at_one_revision_without_its_pickles(store: ModelStore) -> None:
    files = checkpoint_files()
    told: list[tuple[str, int, int]] = []
    with running_hub(files) as hub:
        manifest = fetch(store, hub.endpoint, progress=lambda *step: told.append(step))
    assert manifest.source == f"owner/model@{REVISION}"
    folder = store.path("mine")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {path for path in found if not path.startswith((".verified", "riffsidecar-model"))} == {
        path for path in files if not path.endswith((".bin", ".ckpt", ".md"))
    }
    assert all((folder / file.path).read_bytes() == files[file.path] for file in manifest.files)
    assert not any(name.endswith((".bin", ".ckpt")) for name, _ in hub.asked)
    assert told[0][1] == 0 and told[-1][1] == told[-1][2] == manifest.size
    assert [done for _, done, _ in told] == sorted(done for _, done, _ in told)
    assert store.verify("mine") == []


def test_a_broken_fetch_goes_on_where_it_stopped(store: ModelStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1000)
    name = "vae/diffusion_pytorch_model.safetensors"
    before = 0

    def stop(path: str, done: int, total: int) -> None:
        nonlocal before
        if path != name:
            before = done
        elif done >= before + 3000:
            raise KeyboardInterrupt

    with running_hub(checkpoint_files()) as hub:
        with pytest.raises(KeyboardInterrupt):
            fetch(store, hub.endpoint, progress=stop)
        assert not store.has("mine")
        first = [asked for asked, _ in hub.asked]
        hub.asked.clear()
        manifest = fetch(store, hub.endpoint)
        again = dict(hub.asked)
    assert again.pop(name) >= 2000, "the piece that was there is not fetched again"
    assert not set(again) & set(first), "nor is a file that was whole"
    assert manifest.source.endswith(REVISION)
    assert store.verify("mine") == []


def test_a_connection_that_breaks_is_taken_up_again(store: ModelStore) -> None:
    with running_hub(checkpoint_files()) as hub:
        hub.break_once = "vae/diffusion_pytorch_model.safetensors"
        fetch(store, hub.endpoint)
    assert store.verify("mine") == []


def test_a_file_that_is_not_what_the_hub_says_is_refused_and_thrown_away(store: ModelStore) -> None:
    name = "unet/diffusion_pytorch_model.safetensors"
    with running_hub(checkpoint_files()) as hub:
        hub.lies.add(name)
        with pytest.raises(ModelError, match=r"unet.*SHA-256.*fetch again"):
            fetch(store, hub.endpoint)
    assert not store.has("mine")
    assert not (store.part("mine") / name).exists()


def test_weights_that_are_only_a_pickle_are_refused_before_anything_is_fetched(store: ModelStore) -> None:
    files = checkpoint_files()
    del files["unet/diffusion_pytorch_model.safetensors"]
    with running_hub(files) as hub:
        with pytest.raises(ModelError, match=r"unet only as pickles.*run any code"):
            fetch(store, hub.endpoint)
        assert hub.asked == []


@pytest.mark.parametrize("revision", ["main", "v1", "0123", REVISION.upper()])
def test_a_revision_that_may_move_is_refused(store: ModelStore, revision: str) -> None:
    with pytest.raises(ModelError, match="40 hexadecimal"):
        fetch(store, "http://127.0.0.1:9", revision=revision)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repo": "owner/other"}, "not on the hub"),
        ({"revision": "f" * 40}, "cannot be fetched"),
        ({"repo": "../../etc"}, "OWNER/NAME"),
    ],
)
def test_what_is_not_there_is_said_in_words(store: ModelStore, options: dict[str, str], message: str) -> None:
    with running_hub(checkpoint_files()) as hub, pytest.raises(ModelError, match=message):
        fetch(store, hub.endpoint, **options)


def test_a_hub_that_cannot_be_reached_names_the_other_way(store: ModelStore) -> None:
    with pytest.raises(ModelError, match="--from PATH"):
        fetch(store, "http://127.0.0.1:9")


def test_a_model_that_is_there_is_not_fetched_again(store: ModelStore) -> None:
    with running_hub(checkpoint_files()) as hub:
        fetch(store, hub.endpoint)
        count = len(hub.asked)
        with pytest.raises(ModelError, match="installed already"):
            fetch(store, hub.endpoint)
        assert len(hub.asked) == count


def test_whole_precision_is_chosen_before_variants() -> None:
    files = [RemoteFile(name, 1) for name in ("a.fp16.safetensors", "pytorch_lora_weights.safetensors")]
    assert [file.path for file in choose_files("lora", files, "x")] == ["pytorch_lora_weights.safetensors"]


def test_the_room_loads_without_the_hub_or_torch() -> None:
    code = (
        "import riffsidecar.models, riffsidecar.models.fetch, riffsidecar.models.hugging_face, sys;"
        "sys.exit(bool({'torch', 'huggingface_hub', 'safetensors', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
