from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from riffsidecar.diffusion.checkpoints import (
    checkpoint_digest,
    find_checkpoint,
    load_pipeline,
    packaged_checkpoint,
)
from riffsidecar.diffusion.format import FormatComponent
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.errors import CheckpointError
from riffsidecar.music import LoopLength
from riffsidecar.spectrogram.formats import BEAT_GRID, RIFFUSION

_LENGTH = LoopLength.parse(1, "4/4", 120)


@pytest.fixture(scope="module")
def saved(pipeline: LoopPipeline, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint") / "tiny"
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture
def copy(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "copy"))


def _loop(pipeline: LoopPipeline) -> np.ndarray:
    return pipeline("(warm:1.2) bass", length=_LENGTH, num_inference_steps=2, seed=1).spectrogram


def test_a_saved_pipeline_comes_back_whole(pipeline: LoopPipeline, saved: Path) -> None:
    loaded = load_pipeline(saved)
    assert np.array_equal(_loop(loaded), _loop(pipeline))
    assert loaded.spectrogram_format.format == BEAT_GRID
    assert loaded.scheduler.config.shift == pipeline.scheduler.config.shift
    assert loaded.text_encoder.table.dtype == torch.int8
    assert not loaded.denoiser.training


def test_diffusers_own_loading_gives_the_same(pipeline: LoopPipeline, saved: Path) -> None:
    loaded = LoopPipeline.from_pretrained(saved, local_files_only=True)
    assert np.array_equal(_loop(loaded), _loop(pipeline))


def test_a_checkpoint_is_safetensors_and_text_only(saved: Path) -> None:
    suffixes = {file.suffix for file in saved.rglob("*") if file.is_file()}
    assert suffixes == {".safetensors", ".json"}
    index = json.loads((saved / "model_index.json").read_text("utf-8"))
    assert index["tokenizer"] == ["transformers", "PreTrainedTokenizerFast"]
    assert index["spectrogram_format"] == ["riffsidecar.diffusion.format", "FormatComponent"]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_it_renders_in_other_dtypes(pipeline: LoopPipeline, saved: Path, dtype: torch.dtype) -> None:
    loaded = load_pipeline(saved, dtype=dtype)
    assert loaded.denoiser.dtype == loaded.vae.dtype == loaded.text_encoder.dtype == dtype
    spectrogram, expected = _loop(loaded), _loop(pipeline)
    assert spectrogram.dtype == np.float32
    share = np.linalg.norm(spectrogram - expected) / np.linalg.norm(expected)
    assert share < (0.2 if dtype == torch.bfloat16 else 1e-4)


def test_a_half_precision_checkpoint_loads_in_single(
    pipeline: LoopPipeline, saved: Path, tmp_path: Path
) -> None:
    half = LoopPipeline.from_pretrained(saved, local_files_only=True).to(dtype=torch.float16)
    half.save_pretrained(tmp_path / "half")
    loaded = load_pipeline(tmp_path / "half")
    assert loaded.denoiser.dtype == torch.float32
    assert np.linalg.norm(_loop(loaded) - _loop(pipeline)) < 0.05 * np.linalg.norm(_loop(pipeline))


def test_the_digest_is_of_content_and_names_and_not_of_place(saved: Path, copy: Path) -> None:
    digest = checkpoint_digest(saved)
    assert len(digest) == 64
    assert checkpoint_digest(copy) == digest
    (copy / "vae" / "config.json").rename(copy / "vae" / "config2.json")
    assert checkpoint_digest(copy) != digest


def test_the_digest_leaves_out_what_loading_does_not_read(saved: Path, copy: Path) -> None:
    (copy / "README.md").write_text("notes", "utf-8")
    (copy / ".DS_Store").write_bytes(b"x")
    (copy / "vae" / ".DS_Store.json").write_bytes(b"x")
    (copy / "vae" / "plot.png").write_bytes(b"x")
    (copy / "elsewhere").mkdir()
    (copy / "elsewhere" / "config.json").write_text("{}", "utf-8")
    assert checkpoint_digest(copy) == checkpoint_digest(saved)
    (copy / "vae" / "config.json").write_text("{}", "utf-8")
    assert checkpoint_digest(copy) != checkpoint_digest(saved)


@pytest.mark.parametrize("library", ["diffusers_evil", "diffusers.evil", "transformersx", "riffsidecar.cli"])
def test_a_library_whose_name_only_begins_like_one_of_ours_is_refused(copy: Path, library: str) -> None:
    index = json.loads((copy / "model_index.json").read_text("utf-8"))
    index["scheduler"] = [library, "FlowAdamsBashforthScheduler"]
    (copy / "model_index.json").write_text(json.dumps(index), "utf-8")
    with pytest.raises(CheckpointError, match="does not know"):
        load_pipeline(copy)


def test_the_embedded_checkpoint_lies_in_the_package() -> None:
    path = packaged_checkpoint()
    assert path.parts[-3:] == ("riffsidecar", "checkpoints", "embedded")


def _truncate(path: Path) -> None:
    file = path / "denoiser" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:5000])


def _empty(path: Path) -> None:
    (path / "vae" / "diffusion_pytorch_model.safetensors").write_bytes(b"")


def _lose_weights(path: Path) -> None:
    (path / "vae" / "diffusion_pytorch_model.safetensors").unlink()


def _lose_component(path: Path) -> None:
    shutil.rmtree(path / "tokenizer")


def _lose_tokenizer(path: Path) -> None:
    (path / "tokenizer" / "tokenizer.json").unlink()


def _lose_a_tensor(path: Path) -> None:
    file = path / "denoiser" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    tensors.pop("output.weight")
    save_file(tensors, file, metadata={"format": "pt"})


def _reshape_a_tensor(path: Path) -> None:
    file = path / "denoiser" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(file)
    tensors["output.weight"] = tensors["output.weight"][:-1].clone()
    save_file(tensors, file, metadata={"format": "pt"})


def _garble_index(path: Path) -> None:
    (path / "model_index.json").write_text("{", "utf-8")


def _garble_format(path: Path) -> None:
    (path / "spectrogram_format" / "preprocessor_config.json").write_text('{"n_mels": -1}', "utf-8")


def _foreign_class(path: Path) -> None:
    index = json.loads((path / "model_index.json").read_text("utf-8"))
    index["scheduler"] = ["os", "system"]
    (path / "model_index.json").write_text(json.dumps(index), "utf-8")


def _unknown_class(path: Path) -> None:
    index = json.loads((path / "model_index.json").read_text("utf-8"))
    index["scheduler"] = ["diffusers", "NoSuchScheduler"]
    (path / "model_index.json").write_text(json.dumps(index), "utf-8")


def _pickle(path: Path) -> None:
    (path / "denoiser" / "diffusion_pytorch_model.bin").write_bytes(b"\x80\x04.")


def _code(path: Path) -> None:
    (path / "vae" / "model.py").write_text("raise SystemExit", "utf-8")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, "damaged"),
        (_empty, "damaged"),
        (_lose_weights, "damaged"),
        (_lose_component, "lacks its tokenizer"),
        (_lose_tokenizer, "damaged"),
        (_lose_a_tensor, "do not fit.*output.weight"),
        (_reshape_a_tensor, "damaged"),
        (_garble_index, "cannot be read"),
        (_garble_format, "cannot be used"),
        (_foreign_class, "does not know"),
        (_unknown_class, "damaged"),
        (_pickle, "could run code.*only safetensors"),
        (_code, "could run code"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_damaged_checkpoint_is_one_clear_error(
    copy: Path, damage: Callable[[Path], Any], message: str
) -> None:
    damage(copy)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_pipeline(copy)
    assert str(copy) in str(caught.value)


def test_a_missing_checkpoint_says_what_to_do(tmp_path: Path, saved: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint at.*reinstall"):
        find_checkpoint(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match="did you mean 'embedded'"):
        find_checkpoint("embeded")
    with pytest.raises(CheckpointError, match="is a file"):
        find_checkpoint(saved / "model_index.json")
    with pytest.raises(CheckpointError, match="no model_index"):
        find_checkpoint(tmp_path)


def test_a_missing_embedded_checkpoint_is_not_taken_for_a_slip_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("riffsidecar.diffusion.checkpoints.packaged_checkpoint", lambda: tmp_path / "gone")
    with pytest.raises(CheckpointError, match="reinstall") as caught:
        find_checkpoint()
    assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("spectrogram_format", [BEAT_GRID, RIFFUSION], ids=lambda f: f.name)
def test_a_format_component_round_trips(spectrogram_format: Any, tmp_path: Path) -> None:
    FormatComponent.of(spectrogram_format).save_pretrained(tmp_path)
    assert FormatComponent.from_pretrained(tmp_path).format == spectrogram_format
