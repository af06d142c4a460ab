"""What Riffusion's authors and diffusers do with Stable Diffusion, done here on the same weights."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, StableDiffusionImg2ImgPipeline
from torch import Tensor

from riffsidecar.diffusion.blend import slerp
from riffsidecar.diffusion.clip_text import encode_prompts
from riffsidecar.diffusion.locks import LatentLock
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.music import LoopLength

# 1.28 s are 128 pixels, the width that the small model was made for.
_LENGTH = LoopLength.parse(1, "4/4", 187.5)
_STEPS = 20


def _drawn(seed: int) -> Tensor:
    return torch.randn(1, 4, 8, 16, generator=torch.Generator().manual_seed(seed))


def _theirs(pipeline: LoopPipeline) -> Any:
    theirs = StableDiffusionImg2ImgPipeline(
        vae=pipeline.vae,
        text_encoder=pipeline.text_encoder,
        tokenizer=pipeline.tokenizer,
        unet=pipeline.denoiser,
        scheduler=DPMSolverMultistepScheduler(
            beta_start=0.00085,
            beta_end=0.012,
            beta_schedule="scaled_linear",
            use_karras_sigmas=True,
            steps_offset=1,
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    theirs.set_progress_bar_config(disable=True)
    return theirs


@pytest.mark.parametrize("strength", [1.0, 0.75, 0.5, 0.1])
def test_img2img_gives_diffusers_latents_at_every_step(
    line: LoopPipeline, strength: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    init = _drawn(1)
    expected: list[Tensor] = []

    def note(_: Any, __: int, ___: Any, state: dict[str, Any]) -> dict[str, Any]:
        expected.append(state["latents"].clone())
        return state

    _theirs(line)(
        "warm bass",
        image=init,
        strength=strength,
        num_inference_steps=_STEPS,
        guidance_scale=5.0,
        negative_prompt="noise",
        generator=torch.Generator().manual_seed(7),
        output_type="latent",
        callback_on_step_end=note,
    )
    found: list[Tensor] = []
    step = line.scheduler.step

    def noted(*args: Any, **kwargs: Any) -> Any:
        after = step(*args, **kwargs)
        found.append(after[0].flip(-2))
        return after

    monkeypatch.setattr(line.scheduler, "step", noted)
    conditions = line.condition("warm bass", length=_LENGTH, negative_prompt="noise", guidance_scale=5.0)
    line.denoise(
        _drawn(7)[0].flip(-2),
        conditions,
        num_inference_steps=_STEPS,
        strength=strength,
        init_latents=init[0].flip(-2),
    )
    assert len(found) == len(expected) == round(strength * _STEPS)
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.equal(ours, theirs)


def test_the_autoencoder_is_used_as_diffusers_uses_it(line: LoopPipeline) -> None:
    picture = torch.rand(1, 3, 64, 128, generator=torch.Generator().manual_seed(3)) * 2 - 1
    picture[:, 1:] = picture[:, :1]
    theirs = line.vae.encode(picture).latent_dist.mode() * line.vae.config.scaling_factor
    sound = (-picture[0, :1].flip(-2)).numpy()
    torch.testing.assert_close(line.encode(sound).flip(-2), theirs[0])
    decoded = line.vae.decode(theirs / line.vae.config.scaling_factor).sample[0, :1]
    shown = line.decode(theirs[0].flip(-2))
    np.testing.assert_allclose(shown, -decoded.flip(-2).clamp(-1, 1).numpy(), atol=1e-6)


def test_strength_moves_the_loop_steadily_where_theirs_jumps_from_step_to_step(line: LoopPipeline) -> None:
    init, noise = _drawn(1)[0], _drawn(7)[0]
    conditions = line.condition("warm bass", length=_LENGTH, guidance_scale=1.0)

    def at(strength: float) -> Tensor:
        return line.denoise(noise, conditions, num_inference_steps=5, strength=strength, init_latents=init)

    places = [at(0.4 + 0.02 * i) for i in range(21)]
    moves = [(b - a).norm().item() for a, b in pairwise(places)]
    # Two whole steps lie between the ends; in a quantised way 19 of the 20 moves would be nothing.
    assert min(moves) > 0.0
    assert max(moves) < 0.3 * sum(moves)
    for edge in (0.4, 0.6):
        below, above = at(edge - 1e-6), at(edge + 1e-6)
        assert (below - above).norm() < 1e-2 * at(edge).norm()


def test_two_prompts_blend_on_the_line_between_their_embeddings(stable: LoopPipeline) -> None:
    a, b = (
        stable.text_encoder(
            stable.tokenizer([text], padding="max_length", return_tensors="pt").input_ids
        ).last_hidden_state
        for text in ("warm bass", "choir")
    )
    for alpha in (0.0, 0.25, 1.0):
        conditions = stable.condition("warm bass", prompt_b="choir", morph=alpha, length=_LENGTH)
        torch.testing.assert_close(conditions.hidden_states[1:], a + alpha * (b - a))


def _riffusions_slerp(t: float, v0: np.ndarray, v1: np.ndarray) -> np.ndarray:
    """Return what is published: spherical weights by the angle, on the vectors as they are."""
    dot = np.sum(v0 * v1) / (np.linalg.norm(v0) * np.linalg.norm(v1))
    theta = np.arccos(dot)
    return np.sin((1 - t) * theta) / np.sin(theta) * v0 + np.sin(t * theta) / np.sin(theta) * v1


@pytest.mark.parametrize("t", [0.0, 0.3, 0.5, 1.0])
def test_noise_goes_along_riffusions_great_circle(t: float) -> None:
    a, b = _drawn(1).double(), _drawn(2).double()
    b *= a.norm() / b.norm()
    theirs = _riffusions_slerp(t, a.numpy().ravel(), b.numpy().ravel())
    np.testing.assert_allclose(slerp(a, b, t).numpy().ravel(), theirs, atol=1e-12)
    # Radii of two drawn noises differ by a hair, which theirs does not even out.
    c = _drawn(3).double()
    theirs = _riffusions_slerp(t, a.numpy().ravel(), c.numpy().ravel())
    assert np.linalg.norm(slerp(a, c, t).numpy().ravel() - theirs) < 0.05 * np.linalg.norm(theirs)


def test_a_mask_is_mixed_into_the_latents_after_every_step(line: LoopPipeline) -> None:
    kept, noise = _drawn(1)[0], _drawn(7)[0]
    mask = torch.zeros(8, 16)
    mask[:4] = 0.25
    mask[6:, :8] = 1.0
    conditions = line.condition("warm bass", length=_LENGTH)
    found = line.denoise(
        noise,
        conditions,
        num_inference_steps=4,
        keep=LatentLock(kept.numpy(), mask.numpy()),
    )
    # The published loop: x = step(x); x = noised_init * mask + x * (1 - mask), at the level just reached.
    scheduler = line.scheduler
    scheduler.set_timesteps(4)
    x = noise[None]
    for index, timestep in enumerate(scheduler.timesteps):
        x = scheduler.step(line.kind.predict(x, index, conditions), timestep, x, return_dict=False)[0]
        x = scheduler.noised(kept[None], noise[None], index + 1) * mask + x * (1 - mask)
    torch.testing.assert_close(found, x[0], rtol=1e-4, atol=1e-4)
    assert torch.equal(found[:, 6:, :8], kept[:, 6:, :8])


def _weighted_reference(pipeline: LoopPipeline, tokens: list[int], weights: list[float]) -> Tensor:
    """Return the published weighting: chunks of 75, one after the other, the mean as before."""
    begin, end = pipeline.tokenizer.bos_token_id, pipeline.tokenizer.eos_token_id
    states, scales = [], []
    for start in range(0, len(tokens), 75):
        part = tokens[start : start + 75]
        row = [begin, *part, *[end] * (76 - len(part))]
        states.append(pipeline.text_encoder(torch.tensor([row])).last_hidden_state[0])
        scales += [1.0, *weights[start : start + 75], *[1.0] * (76 - len(part))]
    hidden = torch.cat(states)
    weighted = hidden * torch.tensor(scales)[:, None]
    return weighted * (hidden.mean() / weighted.mean())


def test_weighted_prompts_beyond_75_tokens_are_those_published(stable: LoopPipeline) -> None:
    tokens: list[int] = []
    weights: list[float] = []
    for text, weight in (("warm bass " * 20, 1.0), ("choir " * 40, 1.3), ("drums " * 50, 1.0)):
        ids = stable.tokenizer(text, add_special_tokens=False).input_ids
        tokens += ids
        weights += [weight] * len(ids)
    assert len(tokens) > 75
    prompt = "warm bass " * 20 + "(" + "choir " * 40 + ":1.3)" + "drums " * 50
    found = encode_prompts(stable.text_encoder, stable.tokenizer, [prompt])
    torch.testing.assert_close(found[0], _weighted_reference(stable, tokens, weights))


def test_long_prompts_short_negatives_and_morphs_share_a_batch(stable: LoopPipeline) -> None:
    conditions = stable.condition(
        "warm (bass:1.4) " * 60, prompt_b="choir", morph=0.5, negative_prompt="noise", length=_LENGTH
    )
    assert conditions.hidden_states.shape[:2] == (2, 77 * 2)
    loop = stable("warm (bass:1.4) " * 60, prompt_b="choir", morph=0.5, length=_LENGTH, num_inference_steps=2)
    assert np.isfinite(loop.spectrogram).all()


def test_the_negative_prompt_is_honoured(stable: LoopPipeline) -> None:
    options: dict[str, Any] = {"length": _LENGTH, "num_inference_steps": 3, "seed": 1}
    plain = stable("warm bass", **options).latents
    assert not torch.allclose(
        stable("warm bass", negative_prompt="choir", **options).latents, plain, atol=1e-3
    )
