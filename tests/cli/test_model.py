from __future__ import annotations

import json
from pathlib import Path

import pytest
from support_hub import REVISION, running_hub
from support_models import checkpoint_files, safetensors, written

from riffsidecar.cli.exit_codes import CHECKPOINT, OK, PROBLEMS, USAGE
from riffsidecar.cli.main import main


@pytest.fixture(autouse=True)
def _own_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIFFSIDECAR_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return written(tmp_path / "copy", checkpoint_files())


def model(*words: str | Path) -> int:
    return main(["model", *map(str, words)])


def test_list_tells_what_is_installed_and_what_could_be(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert model("fetch", "mine", "--from", folder, "--accept-licence") == OK
    capsys.readouterr()
    assert model("list", "--json") == OK
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["models"]}
    assert rows["mine"]["state"] == rows["embedded"]["state"] == "installed"
    assert rows["riffusion-v1"]["state"] == "known"


def test_a_licence_is_shown_and_has_to_be_accepted_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert model("fetch", "riffusion-v1", "--from", folder) == CHECKPOINT
    told = capsys.readouterr().err
    assert "OpenRAIL-M" in told and "minors" in told and "--accept-licence" in told
    assert model("fetch", "riffusion-v1", "--from", folder, "--accept-licence") == OK
    assert model("remove", "riffusion-v1") == OK
    capsys.readouterr()
    assert model("fetch", "riffusion-v1", "--from", folder) == OK
    assert "OpenRAIL-M" not in capsys.readouterr().err


def test_a_known_model_is_fetched_from_a_hub(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_hub(checkpoint_files()) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        words = ("fetch", "mine", "--repo", "owner/model", "--accept-licence", "--json")
        assert model(*words) == OK
    document = json.loads(capsys.readouterr().out)
    assert document["source"] == f"owner/model@{REVISION}"
    assert {len(file["sha256"]) for file in document["files"]} == {64}


def test_verify_finds_a_changed_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert model("verify") == OK
    model("fetch", "mine", "--from", folder, "--accept-licence", "--json")
    where = Path(json.loads(capsys.readouterr().out.partition("\n")[2])["folder"])
    assert model("verify", "mine") == OK
    (where / "vae" / "config.json").write_text("{}")
    assert model("verify") == PROBLEMS
    assert "vae/config.json" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("fetch", "rifusion"), USAGE, "did you mean 'riffusion-v1'"),
        (("fetch", "mine", "--from", "nowhere", "--repo", "a/b"), CHECKPOINT, "leave --repo"),
        (("fetch", "mine", "--from", "nowhere", "--accept-licence"), CHECKPOINT, "there is no nowhere"),
        (("fetch", "a/b", "--from", "model.ckpt", "--accept-licence"), CHECKPOINT, "is a pickle"),
        (("remove", "mine"), CHECKPOINT, "no model 'mine'"),
        (("verify", "mine"), CHECKPOINT, "no model 'mine'"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: tuple[str, ...], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert model(*words) == code
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_lora_says_how_it_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "dusty.safetensors"
    path.write_bytes(safetensors({"lora_unet_x.lora_down.weight": 4, "lora_unet_x.lora_up.weight": 4}))
    assert model("fetch", "dusty", "--from", path, "--accept-licence") == OK
    assert "--lora dusty" in capsys.readouterr().out
