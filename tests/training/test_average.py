"""The mean of two checkpoints of one run."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from support_diffusion import tiny_pipeline

from riffsidecar.diffusion.checkpoints import load_pipeline
from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.training.cli import main

NETS = ("denoiser", "text_encoder")


def weights(checkpoint: Path, part: str) -> Path:
    return checkpoint / part / "diffusion_pytorch_model.safetensors"


@pytest.fixture
def ends(tmp_path: Path) -> tuple[Path, Path]:
    """Two checkpoints whose denoisers and text encoders differ, as before and after a fine-tune."""
    pipeline = tiny_pipeline()
    pipeline.save_pretrained(tmp_path / "first", safe_serialization=True)
    with torch.no_grad():
        for name in NETS:
            for parameter in getattr(pipeline, name).parameters():
                parameter.add_(0.25)
    pipeline.save_pretrained(tmp_path / "second", safe_serialization=True)
    return tmp_path / "first", tmp_path / "second"


def test_every_weight_lies_at_its_share_between_both(ends: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "mean"
    assert main(["average", *map(str, ends), "--share", "0.25", "--out", str(out)]) == 0
    for part in NETS:
        first, second, mean = (load_file(weights(folder, part)) for folder in (*ends, out))
        for name, weight in mean.items():
            wanted = torch.lerp(first[name].float(), second[name].float(), 0.25)
            assert torch.allclose(weight.float(), wanted, atol=2e-3), name
    assert weights(out, "vae").read_bytes() == weights(ends[0], "vae").read_bytes()
    assert load_pipeline(out).flow_map is None


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("vae", "different autoencoders"),
        ("denoiser", "different shapes"),
        ("table", "table of the text_encoder"),
    ],
)
def test_what_has_no_mean_is_refused_and_nothing_is_lost(
    part: str, message: str, ends: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if part == "denoiser":
        denoiser = load_pipeline(ends[1]).denoiser
        other = ColumnDenoiser(**{**denoiser.config, "depth": denoiser.config.depth + 1})
        other.save_pretrained(ends[1] / part, safe_serialization=True)
    else:
        path = weights(ends[1], "text_encoder" if part == "table" else part)
        tensors = load_file(path)
        name = "table" if part == "table" else next(iter(tensors))
        tensors[name] = tensors[name] + 1
        save_file(tensors, path, metadata={"format": "pt"})
    out = tmp_path / "mean"
    out.mkdir()
    (out / "kept").write_text("", "utf-8")
    assert main(["average", *map(str, ends), "--out", str(out)]) == 1
    assert message in capsys.readouterr().err
    assert (out / "kept").exists()


def test_a_share_beyond_the_whole_is_refused(
    ends: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["average", *map(str, ends), "--share", "1.5", "--out", str(tmp_path / "mean")]) == 1
    assert "from 0 to 1" in capsys.readouterr().err
