"""Loops as they are heard, and how those of a checkpoint are kept."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support_diffusion import tiny_pipeline

from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.music import LoopLength, Meter, Tempo
from riffsidecar.spectrogram import mel_to_uint8
from riffsidecar.training.config import load_config
from riffsidecar.training.dataset import composed_score, make_record
from riffsidecar.training.evaluation import loops as room
from riffsidecar.training.evaluation.loops import Ask, Studio, rendered, untrained

LENGTH = LoopLength(Fraction(1, 2), Meter(4, 4), Tempo.parse(180))
ASK = Ask("house drums", LENGTH, 3)
CONFIG = load_config("tiny")


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def pipeline() -> LoopPipeline:
    return tiny_pipeline()


@pytest.fixture
def studio(pipeline: LoopPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.setattr(room, "load_pipeline", lambda _: pipeline)
    monkeypatch.setattr(room, "checkpoint_digest", lambda _: "first")
    return Studio(tmp_path, tmp_path, CONFIG.evaluation, lambda _: None)


def _refuse(*_: Any, **__: Any) -> Any:
    raise AssertionError("made again")


def test_a_loop_is_made_once_and_read_back_to_the_bit(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = studio.made(ASK)
    assert made.samples.shape == (2, LENGTH.num_samples(44100))
    assert made.spectrogram.shape == (2, 256, LENGTH.frames)
    assert set(made.seconds) == {"text", "denoise", "decode", "phase"}
    assert all(seconds >= 0 for seconds in made.seconds.values())
    monkeypatch.setattr(studio, "_generate", _refuse)
    kept = studio.made(ASK)
    np.testing.assert_array_equal(kept.samples, made.samples)
    np.testing.assert_array_equal(kept.spectrogram, made.spectrogram)
    assert kept.seconds == made.seconds
    assert not list(studio.folder.glob("*.part"))


@pytest.mark.parametrize(
    "change", [{"seed": 4}, {"prompt": "house bass"}, {"density": 0.1}, {"prompt_b": "pad", "morph": 0.5}]
)
def test_another_ask_is_another_loop(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    studio.made(ASK)
    monkeypatch.setattr(studio, "_generate", _refuse)
    with pytest.raises(AssertionError, match="made again"):
        studio.made(dataclasses.replace(ASK, **change))


def test_loops_of_trained_and_untrained_weights_are_kept_apart(studio: Studio) -> None:
    assert not np.array_equal(studio.made(ASK).samples, studio.made(ASK, trained=False).samples)


def test_a_file_that_was_cut_is_made_again(studio: Studio) -> None:
    made = studio.made(ASK)
    (path,) = studio.folder.glob("*.npz")
    path.write_bytes(path.read_bytes()[:1000])
    np.testing.assert_array_equal(studio.made(ASK).samples, made.samples)


@pytest.mark.parametrize("what", ["checkpoint", "quality", "source"])
def test_loops_of_another_checkpoint_another_quality_or_other_code_are_not_taken(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    config = CONFIG.evaluation
    if what == "checkpoint":
        monkeypatch.setattr(room, "checkpoint_digest", lambda _: "second")
    elif what == "quality":
        config = dataclasses.replace(config, quality="fine")
    else:
        monkeypatch.setattr(room, "_source_digest", lambda: "changed")
    assert Studio(tmp_path, tmp_path, config, lambda _: None).folder != studio.folder


def test_every_module_that_decides_a_loop_is_there() -> None:
    assert len(room._source_digest()) == 64


@torch.no_grad()
def test_untrained_weights_have_nothing_left_of_the_training_and_it_comes_back(
    pipeline: LoopPipeline,
) -> None:
    conditions = pipeline.condition("house drums", length=LENGTH)
    noise = torch.randn(8, 32, LENGTH.columns, generator=torch.Generator().manual_seed(0))
    before = pipeline.denoise(noise, conditions, num_inference_steps=2)
    with untrained(pipeline):
        torch.testing.assert_close(pipeline.denoise(noise, conditions, num_inference_steps=2), noise)
    assert torch.equal(pipeline.denoise(noise, conditions, num_inference_steps=2), before)


def test_a_composed_loop_is_the_one_that_the_data_set_has() -> None:
    record, quantised = make_record(77_000_003, CONFIG.data, family="bass")
    score = composed_score(77_000_003, CONFIG.data, family="bass")
    loop = rendered(score, CONFIG.data)
    assert (record.length, record.key, record.chords) == (score.length, score.key, score.chords)
    np.testing.assert_array_equal(mel_to_uint8(loop.spectrogram), quantised)
    assert loop.samples.shape == (2, score.length.num_samples(44100))
