"""The whole training chain on the tiny configuration: it proves the code, not the sound."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support_diffusion import TEXT_FOLDER, tiny_pipeline

from riffsidecar.diffusion.checkpoints import load_pipeline
from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.diffusion.text import TextEncoder
from riffsidecar.errors import TrainingError
from riffsidecar.music import LoopLength, Meter, Tempo
from riffsidecar.training.autoencoder import train_autoencoder
from riffsidecar.training.cli import main
from riffsidecar.training.config import load_config
from riffsidecar.training.dataset import LoopSet, build_data
from riffsidecar.training.export import export_checkpoint
from riffsidecar.training.run import Run, learning_rate_share
from riffsidecar.training.start import adopt_weights

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    build_data(folder, load_config("tiny").data, workers=2, report=lambda *_: None)
    return folder


def test_captions_are_written_anew_and_only_of_the_loops_that_are_there(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(data, tmp_path / "data"))
    options = ["captions", "--config", "tiny", "--data", str(folder)]
    path = sorted(folder.glob("*.json"))[-1]
    rows = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps([row | {"captions": ["old"]} for row in rows]), "utf-8")
    assert main(options) == 0
    assert json.loads(path.read_text("utf-8")) == rows
    assert capsys.readouterr().out.endswith(f"{load_config('tiny').data.loops} loops\n")
    other = json.dumps([row | {"tempo": "61", "captions": ["old"]} for row in rows])
    path.write_text(other, "utf-8")
    assert main(options) == 1
    assert f"seed {rows[0]['seed']}" in capsys.readouterr().err
    assert path.read_text("utf-8") == other
    assert main(["captions", "--data", str(tmp_path)]) == 1
    assert "train data" in capsys.readouterr().err


@pytest.mark.timeout(600)
def test_the_tiny_chain_makes_a_checkpoint_that_renders(data: Path, tmp_path: Path) -> None:
    options = ["--config", "tiny", "--data", str(data), "--run", str(tmp_path), "--text", str(TEXT_FOLDER)]
    for command in ("autoencoder", "denoiser", "distill", "export"):
        assert main([command, *options]) == 0
    configs = list((tmp_path / "checkpoint").glob("*/config.json"))
    assert configs and not [path for path in configs if "_name_or_path" in path.read_text("utf-8")]
    pipeline = load_pipeline(tmp_path / "checkpoint")
    length = LoopLength.parse(2, Meter.parse("4/4"), Tempo.parse(120))
    output = pipeline("house drums", length=length, num_inference_steps=2, seed=1)
    assert output.spectrogram.shape == (2, 256, 512)
    assert np.isfinite(output.spectrogram).all()
    pipeline.kind.set_distilled(True)
    draft = pipeline("house drums", length=length, num_inference_steps=4, seed=1)
    assert np.isfinite(draft.spectrogram).all()
    for part in ("autoencoder", "denoiser"):
        samples = list((tmp_path / part / "samples").glob("*.png"))
        assert [path.name for path in samples] == ["000030.png"]
        assert np.asarray(Image.open(samples[0])).std() > 1
    ways = tmp_path / "flow_map" / "trajectories"
    solved = {path: path.stat().st_mtime_ns for path in ways.glob("*.npz")}
    assert len(solved) == load_config("tiny").distill.trajectory_batches
    assert main(["distill", *options]) == 0
    assert {path: path.stat().st_mtime_ns for path in ways.glob("*.npz")} == solved
    (ways / "teacher.txt").write_text("another", "utf-8")
    assert main(["export", *options]) == 0
    assert load_pipeline(tmp_path / "checkpoint").flow_map is None
    again = tmp_path / "again"
    start = ["--run", str(again), "--start-from", str(tmp_path / "checkpoint")]
    assert main(["denoiser", *options, *start]) == 0
    vae = Path("autoencoder") / "vae" / "diffusion_pytorch_model.safetensors"
    assert (again / vae).read_bytes() == (tmp_path / "checkpoint" / "vae" / vae.name).read_bytes()


def test_a_run_takes_over_the_weights_of_a_checkpoint(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint"
    finished = tiny_pipeline()
    finished.save_pretrained(checkpoint, safe_serialization=True)
    denoiser = ColumnDenoiser(width=64, depth=2, heads=2)
    text_encoder = TextEncoder.from_table(TEXT_FOLDER)
    adopt_weights(checkpoint, denoiser, text_encoder)
    for net, model in ((denoiser, finished.denoiser), (text_encoder, finished.text_encoder)):
        for name, value in model.state_dict().items():
            assert torch.equal(net.state_dict()[name], value), name
    with pytest.raises(TrainingError, match="does not fit this configuration"):
        adopt_weights(checkpoint, ColumnDenoiser(width=64, depth=1, heads=2), text_encoder)


def test_shards_that_exist_are_not_rendered_again(data: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in data.iterdir()}
    build_data(data, load_config("tiny").data, workers=1, report=lambda *_: None)
    assert {path: path.stat().st_mtime_ns for path in data.iterdir()} == before


def test_a_run_that_was_stopped_ends_like_one_that_was_not(data: Path, tmp_path: Path) -> None:
    config = load_config("tiny")
    short = dataclasses.replace(
        config, autoencoder=dataclasses.replace(config.autoencoder, steps=6, decay_share=0.0)
    )
    stopped = dataclasses.replace(short, autoencoder=dataclasses.replace(short.autoencoder, steps=3))
    loops = LoopSet(data, held_out=config.held_out)
    whole = train_autoencoder(loops, tmp_path / "whole", short, lambda *_: None)
    train_autoencoder(loops, tmp_path / "halves", stopped, lambda *_: None)
    halves = train_autoencoder(loops, tmp_path / "halves", short, lambda *_: None)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, halves.state_dict()[name]), name


def test_a_killed_run_leaves_a_state_that_can_be_resumed(data: Path, tmp_path: Path) -> None:
    toml = tmp_path / "killed.toml"
    tiny = (REPOSITORY / "riffsidecar/training/configs/tiny.toml").read_text("utf-8")
    toml.write_text("checkpoint_minutes = 0.0\n" + tiny.replace("steps = 30", "steps = 2000"), "utf-8")
    run = tmp_path / "run"
    command = [sys.executable, "-m", "riffsidecar", "train", "autoencoder", "--config", str(toml)]
    process = subprocess.Popen(
        [*command, "--data", str(data), "--run", str(run)], cwd=REPOSITORY, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 120
        while not (run / "autoencoder" / "state.pt").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.kill()
        process.wait()
    state = torch.load(run / "autoencoder" / "state.pt", weights_only=True)
    assert state["step"] >= 1


def test_a_state_of_another_shape_is_refused(tmp_path: Path) -> None:
    def run(width: int) -> Run:
        return Run(
            tmp_path,
            {"net": torch.nn.Linear(width, 1)},
            learning_rate=1e-3,
            steps=1,
            warmup_steps=1,
            decay_share=0.1,
            ema=0.9,
            checkpoint_minutes=1,
            seed=0,
        )

    run(2).save()
    with pytest.raises(TrainingError, match="does not fit this configuration"):
        run(3)


def test_an_unknown_setting_names_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text("[autoencoder]\nstepps = 3\n", "utf-8")
    with pytest.raises(TrainingError, match="did you mean 'steps'"):
        load_config(str(path))
    path.write_text("[autoencoder]\nsteps = 'many'\n", "utf-8")
    with pytest.raises(TrainingError, match="'steps' is 'many'"):
        load_config(str(path))
    with pytest.raises(TrainingError, match="no training configuration"):
        load_config(str(tmp_path / "missing.toml"))


def test_shards_of_other_loops_are_not_mixed_in(data: Path) -> None:
    tiny = load_config("tiny").data
    for other in (dataclasses.replace(tiny, seed=2), dataclasses.replace(tiny, loops_per_shard=6)):
        with pytest.raises(TrainingError, match="holds other loops"):
            build_data(data, other, workers=1, report=lambda *_: None)


def test_without_an_autoencoder_the_denoiser_says_what_to_run_first(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--config", "tiny", "--data", str(data), "--run", str(tmp_path), "--text", str(TEXT_FOLDER)]
    for command in ("denoiser", "export"):
        assert main([command, *options]) == 1
        assert "run `riffsidecar train autoencoder`" in capsys.readouterr().err


def test_export_before_training_says_what_to_run(data: Path, tmp_path: Path) -> None:
    config = load_config("tiny")
    loops = LoopSet(data, held_out=config.held_out)
    one = dataclasses.replace(config, autoencoder=dataclasses.replace(config.autoencoder, steps=1))
    train_autoencoder(loops, tmp_path / "autoencoder", one, lambda *_: None)
    with pytest.raises(TrainingError, match="train denoiser"):
        export_checkpoint(tmp_path, TEXT_FOLDER, tmp_path / "out", config, print)


def test_the_learning_rate_never_leaves_its_range() -> None:
    shares = [learning_rate_share(step, 1000, 50, 0.3) for step in range(1001)]
    assert min(shares) == 0.0
    assert max(shares) == 1.0
