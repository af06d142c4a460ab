"""What a render makes of a seed, seen on a tiny untrained pipeline: begun from, its groove, or kept."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support_diffusion import tiny_pipeline
from support_seeds import audio_bytes, beat

from riffsidecar.audio.wav import decode_wav
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.music import Meter, Tempo
from riffsidecar.render.messages import Again
from riffsidecar.render.recipe import parse_loop
from riffsidecar.render.render_loop import render_loop
from riffsidecar.render.seeds import fit_seed, keep_fitted
from riffsidecar.session.requests import LoopRequest
from riffsidecar.session.seeds import SeedSource


@pytest.fixture(scope="module")
def pipeline() -> LoopPipeline:
    torch.set_num_threads(1)
    return tiny_pipeline()


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> SeedSource:
    made = fit_seed(audio_bytes(beat(97.0, 2)), "beat", Tempo.parse(120), Meter(4, 4))
    return made.source("beat", keep_fitted(made, tmp_path_factory.mktemp("seeds")))


def wav_of(pipeline: LoopPipeline, **options: Any) -> bytes:
    request = LoopRequest(
        prompt="strings", tempo=Tempo.parse(120), bars=Fraction(2), quality="draft", **options
    )
    return render_loop(pipeline, request, lambda stage, fraction: None).wav


def latents_of(wav: bytes) -> np.ndarray:
    latents = parse_loop(wav, "loop").latents
    assert latents is not None
    return latents.astype(np.float32)


def test_a_seed_at_strength_0_is_kept_and_its_groove_is_another_thing(
    pipeline: LoopPipeline, seed: SeedSource
) -> None:
    source = {"source_path": seed.path, "source_sha256": seed.sha256, "strength": 0.0}
    sound = latents_of(wav_of(pipeline, seed=1, **source))
    assert np.array_equal(sound, latents_of(wav_of(pipeline, seed=2, **source)))
    groove = latents_of(wav_of(pipeline, seed=1, source_use="groove", **source))
    assert groove.shape == sound.shape and not np.allclose(groove, sound, atol=1e-3)


def test_kept_bars_of_a_seed_are_those_of_the_seed_and_the_loop_carries_it(
    pipeline: LoopPipeline, seed: SeedSource
) -> None:
    lock = {"of_path": seed.path, "of_sha256": seed.sha256, "keep_bars": "1"}
    one, other = (wav_of(pipeline, seed=number, **lock) for number in (1, 2))
    left, right = latents_of(one), latents_of(other)
    half = left.shape[2] // 2
    kept, free = slice(2, half - 2), slice(half + 2, -2)
    assert np.abs(left - right)[:, :, kept].max() < 1e-2 < np.abs(left - right)[:, :, free].max()
    assert decode_wav(one).source == Path(seed.path).read_bytes()
    request = parse_loop(one, "loop").request
    made_again = render_loop(
        pipeline,
        LoopRequest.from_recipe({**request.to_recipe(), "of": seed.path}),
        lambda stage, fraction: None,
        again=Again(one, denoise=False),
    )
    assert decode_wav(made_again.wav).waveform.num_samples == decode_wav(one).waveform.num_samples
