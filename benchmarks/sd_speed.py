"""Time every stage of a Stable Diffusion 1.x model on random weights of the true size, without a checkpoint.

    python -m benchmarks.sd_speed [--forwards 3] [--full] [--small] [--threads 1]

The baseline is what Riffusion's authors ran, by diffusers' own StableDiffusionImg2ImgPipeline: a schedule of
50 steps at strength 0.75 (37 forwards of the U-Net with guidance), single precision on a CPU and half on a
GPU, and the published audio path. Ours is the same picture with 20 steps of DPM++ 2M at strength 0.75 (15
forwards) where and in what precision a model is put here, with our audio; the draft is 4 steps without
guidance, as LCM-LoRA makes them, and a small decoder. Each stage is timed by itself, and totals are made of
them; with ``--full`` the baseline runs from end to end as well. ``--small`` takes small nets, to try the
benchmark itself. The exit code says whether the reach holds: 5 times faster than the baseline on a CPU, 4
times on CUDA.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from benchmarks.riffusion_audio import published_audio
from riffsidecar.diffusion.placement import Placement, choose_placement
from riffsidecar.diffusion.single_file import STABLE_1
from riffsidecar.spectrogram.codec import synthesise
from riffsidecar.spectrogram.formats import RIFFUSION
from riffsidecar.spectrogram.image import image_to_spectrogram

__all__ = ["main"]

_COLUMNS = 512
_THEIR_STEPS, _OUR_STEPS, _DRAFT_STEPS = 37, 15, 4
_REACH = {"cpu": 5.0, "mps": 5.0, "cuda": 4.0}
_SMALL = {
    "unet": {"block_out_channels": [32, 64, 64, 64], "norm_num_groups": 8, "cross_attention_dim": 64},
    "vae": {"block_out_channels": [16, 16, 32, 32], "norm_num_groups": 8},
    "text_encoder": {
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    },
}


def _nets(small: bool) -> dict[str, nn.Module]:
    shapes = {name: {**shape, **(_SMALL[name] if small else {})} for name, shape in STABLE_1.items()}
    kinds = {"unet": UNet2DConditionModel, "vae": AutoencoderKL}
    torch.manual_seed(0)
    nets: dict[str, nn.Module] = {name: kind.from_config(shapes[name]) for name, kind in kinds.items()}
    nets["text_encoder"] = CLIPTextModel(CLIPTextConfig(**shapes["text_encoder"]))
    nets["tiny"] = AutoencoderTiny()
    return {name: net.eval().requires_grad_(False) for name, net in nets.items()}


def _put(nets: dict[str, nn.Module], place: Placement, *, channels_last: bool) -> None:
    for name, net in nets.items():
        nn.Module.to(net, place.device, place.dtype)
        if channels_last and name != "text_encoder":
            for weight in net.parameters():
                if weight.ndim == 4:
                    weight.data = weight.data.contiguous(memory_format=torch.channels_last)


def _seconds(work: Callable[[], Any], device: str, times: int) -> float:
    """Return the median seconds of ``times`` runs, after one that warms up."""
    taken = []
    for _ in range(times + 1):
        if device == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken[1:]))


@torch.inference_mode()
def stages(nets: dict[str, nn.Module], place: Placement, forwards: int) -> dict[str, float]:
    """Return the seconds of each stage: one forward of the U-Net with and without guidance, and the rest."""
    unet, vae, text = nets["unet"], nets["vae"], nets["text_encoder"]
    width = int(unet.config.cross_attention_dim)

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, device=place.device, dtype=place.dtype)

    latents, picture = drawn(2, 4, 64, _COLUMNS // 8), drawn(1, 3, 512, _COLUMNS)
    states, ids = drawn(2, 77, width), torch.zeros((2, 77), dtype=torch.int64, device=place.device)
    works: dict[str, Callable[[], Any]] = {
        "text": lambda: text(ids),
        "encode": lambda: vae.encode(picture),
        "unet": lambda: unet(latents, 500, states),
        "unet, no guidance": lambda: unet(latents[:1], 500, states[:1]),
        "decode": lambda: vae.decode(latents[:1]),
        "decode, small": lambda: nets["tiny"].decode(latents[:1]),
    }
    return {name: _seconds(work, place.device, forwards) for name, work in works.items()}


def audio_seconds(forwards: int) -> dict[str, float]:
    """Return the seconds of both audio paths for one picture, on the CPU."""
    picture = np.random.default_rng(0).integers(0, 256, (512, _COLUMNS, 3), dtype=np.uint8)
    spectrogram = image_to_spectrogram(picture)
    works: dict[str, Callable[[], Any]] = {
        "published audio": lambda: published_audio(picture),
        "audio": lambda: synthesise(spectrogram, _COLUMNS * 441, RIFFUSION, workers=torch.get_num_threads()),
    }
    return {name: _seconds(work, "cpu", forwards) for name, work in works.items()}


@torch.inference_mode()
def end_to_end(nets: dict[str, nn.Module], place: Placement, small: bool) -> float:
    """Return the seconds of the baseline's denoising and decoding by diffusers' own pipeline."""
    from diffusers import PNDMScheduler, StableDiffusionImg2ImgPipeline

    scheduler = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
    )
    theirs = StableDiffusionImg2ImgPipeline(
        vae=nets["vae"],
        text_encoder=nets["text_encoder"],
        tokenizer=None,
        unet=nets["unet"],
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    theirs.set_progress_bar_config(disable=True)
    width = int(nets["unet"].config.cross_attention_dim)
    states = torch.randn(1, 77, width, device=place.device, dtype=place.dtype)
    picture = torch.rand(1, 3, 512, _COLUMNS, device=place.device, dtype=place.dtype)
    start = time.perf_counter()
    theirs(
        prompt_embeds=states,
        negative_prompt_embeds=states,
        image=picture,
        strength=0.75,
        num_inference_steps=4 if small else 50,
        output_type="pt",
    )
    return time.perf_counter() - start


def _total(parts: dict[str, float], audio: str, forwards: int, *, draft: bool = False) -> float:
    unet, decode = ("unet, no guidance", "decode, small") if draft else ("unet", "decode")
    return parts["text"] + parts["encode"] + forwards * parts[unet] + parts[decode] + parts[audio]


def _table(name: str, parts: dict[str, float], total: float, forwards: int, audio: str, draft: bool) -> None:
    unet, decode = ("unet, no guidance", "decode, small") if draft else ("unet", "decode")
    rows = (("U-Net", forwards * parts[unet]), ("decoder", parts[decode]), ("audio", parts[audio]))
    shares = ", ".join(f"{label} {seconds:.2f} s ({seconds / total:.0%})" for label, seconds in rows)
    print(f"{name:<10} {total:8.2f} s for {_COLUMNS / 100:.2f} s of sound: {shares}")


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; return 0 where the reach holds."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sd_speed", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--forwards", type=int, default=3, help="how often each stage is timed")
    parser.add_argument("--full", action="store_true", help="run the baseline from end to end as well")
    parser.add_argument("--small", action="store_true", help="small nets, to try the benchmark itself")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    ours = choose_placement()
    theirs = Placement(ours.device, torch.float32 if ours.device == "cpu" else torch.float16)
    nets = _nets(options.small)
    audio = audio_seconds(options.forwards)
    _put(nets, theirs, channels_last=False)
    parts = {**stages(nets, theirs, options.forwards), **audio}
    baseline = _total(parts, "published audio", _THEIR_STEPS)
    print(f"baseline in {theirs.dtype} and ours in {ours.dtype} on {ours.device}, {options.threads} threads")
    _table("baseline", parts, baseline, _THEIR_STEPS, "published audio", False)
    if options.full:
        print(f"baseline from end to end, without audio: {end_to_end(nets, theirs, options.small):.2f} s")
    _put(nets, ours, channels_last=ours.device == "cuda")
    parts = {**stages(nets, ours, options.forwards), **audio}
    normal, draft = _total(parts, "audio", _OUR_STEPS), _total(parts, "audio", _DRAFT_STEPS, draft=True)
    _table("ours", parts, normal, _OUR_STEPS, "audio", False)
    _table("draft", parts, draft, _DRAFT_STEPS, "audio", True)
    reach = _REACH[ours.device]
    holds = baseline / normal >= reach
    print(
        "ok  " if holds else "MISS",
        f"{baseline / normal:.1f} times faster than the baseline (reach {reach:.0f}); drafts "
        f"{baseline / draft:.1f} times",
    )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
