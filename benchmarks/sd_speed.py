"""Time every stage of a Stable Diffusion 1.x model on random weights of the true size, without a checkpoint.

    python -m benchmarks.sd_speed [--only STAGE ...] [--keep FILE] [--forwards 1] [--full] [--small]

The baseline is what Riffusion's authors ran, with the nets of diffusers' own StableDiffusionImg2ImgPipeline:
a schedule of 50 steps at strength 0.75, of which PNDM makes 38 passes of the U-Net with guidance, in single
precision on a CPU and half on a GPU, and the published audio path. Ours is the same picture at the same
strength with 20 steps of DPM++ 2M, of which 15 are left: 8 passes with guidance and then 7 without, as other
models are guided where nobody says how (`--guided`), where and in what precision a model is put here, with
our audio. The draft is 4 steps without guidance, as LCM-LoRA makes them, and a small decoder.

One pass of each net is timed, with guidance and without, and a run is the number of its passes times that:
an extrapolation, which the output says; with ``--full`` the baseline runs from end to end as well, so that it
can be held beside it.
Every stage is a measurement of its own and holds the net of that stage alone, 3.4 GB at most: ``--only``
takes some of them, and ``--keep`` notes them in a file, where the next run finds them. Beside the time by the
clock stands that which the processor computed, which others on the same machine lengthen far less; on a CPU
the verdict is that of computed seconds. ``--small`` takes small nets, to try the benchmark itself. The exit
code says whether the reach holds: 5 times faster than the baseline on a CPU, 4 times on CUDA.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderTiny,
    PNDMScheduler,
    StableDiffusionImg2ImgPipeline,
    UNet2DConditionModel,
)
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from benchmarks.riffusion_audio import published_audio
from riffsidecar.diffusion.guided_steps import num_guided_steps
from riffsidecar.diffusion.placement import Placement, choose_placement
from riffsidecar.diffusion.single_file import STABLE_1
from riffsidecar.diffusion.solvers import KarrasSolver
from riffsidecar.session.engines import DEFAULT_GUIDED
from riffsidecar.spectrogram.codec import synthesise
from riffsidecar.spectrogram.formats import RIFFUSION
from riffsidecar.spectrogram.image import image_to_spectrogram

__all__ = ["main"]

_COLUMNS = 512
_STRENGTH = 0.75
_THEIR_STEPS, _OUR_STEPS, _DRAFT_STEPS = 50, 20, 4
_REACH = {"cpu": 5.0, "mps": 5.0, "cuda": 4.0}
_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
_SMALL: Mapping[str, dict[str, Any]] = {
    "unet": {"block_out_channels": [32, 64, 64, 64], "norm_num_groups": 8, "cross_attention_dim": 64},
    "vae": {"block_out_channels": [16, 16, 32, 32], "norm_num_groups": 8},
    "text_encoder": {
        "hidden_size": 64,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    },
    "tiny": {},
}
_STAGES = {
    "text": "text_encoder",
    "encode": "vae",
    "unet": "unet",
    "unet, no guidance": "unet",
    "decode": "vae",
    "decode, small": "tiny",
}
"""The net that each stage takes."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds of one pass: by the clock, and as computed by all threads."""

    clock_s: float
    computed_s: float

    def __add__(self, other: Taken) -> Taken:
        return Taken(self.clock_s + other.clock_s, self.computed_s + other.computed_s)

    def __mul__(self, times: int) -> Taken:
        return Taken(self.clock_s * times, self.computed_s * times)


def their_scheduler() -> PNDMScheduler:
    """Return the scheduler of the checkpoint's time."""
    return PNDMScheduler(**_BETAS, skip_prk_steps=True, steps_offset=1)


def passes() -> tuple[int, int, int]:
    """Return how many passes of the U-Net a run takes, as their schedulers lay them out.

    Theirs, all with guidance; ours with guidance; and ours without.
    """
    theirs = their_scheduler()
    theirs.set_timesteps(_THEIR_STEPS)
    first = _THEIR_STEPS - int(_THEIR_STEPS * _STRENGTH)
    ours = KarrasSolver(**_BETAS, steps_offset=1, use_karras_sigmas=True)
    ours.set_timesteps(_OUR_STEPS, start=_STRENGTH)
    guided = num_guided_steps(DEFAULT_GUIDED, len(ours.timesteps))
    return len(theirs.timesteps[first * theirs.order :]), guided, len(ours.timesteps) - guided


def made(name: str, small: bool) -> nn.Module:
    """Return a net of the true size, or a small one, with random weights."""
    shape = {**STABLE_1.get(name, {}), **(_SMALL[name] if small else {})}
    torch.manual_seed(0)
    if name == "text_encoder":
        net: nn.Module = CLIPTextModel(CLIPTextConfig(**shape))
    elif name == "tiny":
        net = AutoencoderTiny()
    else:
        net = (UNet2DConditionModel if name == "unet" else AutoencoderKL).from_config(shape)
    return net.eval().requires_grad_(False)


def work_of(stage: str, net: Any, place: Placement, width: int, columns: int) -> Callable[[], Any]:
    """Return one pass of a stage, for a picture of so many columns."""

    def drawn(*shape: int) -> Tensor:
        return torch.randn(*shape, device=place.device, dtype=place.dtype)

    match stage:
        case "text":
            ids = torch.zeros((2, 77), dtype=torch.int64, device=place.device)
            return lambda: net(ids)
        case "encode":
            picture = drawn(1, 3, 512, columns)
            return lambda: net.encode(picture)
        case "unet" | "unet, no guidance":
            prompts = 2 if stage == "unet" else 1
            latents, states = drawn(prompts, 4, 64, columns // 8), drawn(prompts, 77, width)
            return lambda: net(latents, 500, states)
        case _:
            latents = drawn(1, 4, 64, columns // 8)
            return lambda: net.decode(latents)


def timed(work: Callable[[], Any], device: str, times: int) -> Taken:
    """Return the median of ``times`` passes."""
    clock, computed = [], []
    for _ in range(times):
        if device == "cuda":
            torch.cuda.synchronize()
        started, spent = time.perf_counter(), time.process_time()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        clock.append(time.perf_counter() - started)
        computed.append(time.process_time() - spent)
    return Taken(float(np.median(clock)), float(np.median(computed)))


class Bench:
    """Measure stages, each once, and note them."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._path: Path | None = options.keep
        known = self._path is not None and self._path.is_file()
        self._found: dict[str, dict[str, float]] = json.loads(self._path.read_text()) if known else {}

    def note(self, key: str, measure: Callable[[], Taken]) -> Taken:
        """Return a measurement, taken now unless it is noted."""
        full = f"{key} | {'small' if self._options.small else 'true size'}, {self._options.threads} threads"
        if full not in self._found:
            self._found[full] = asdict(measure())
            if self._path is not None:
                self._path.write_text(json.dumps(self._found, indent=1))
        return Taken(**self._found[full])

    def stages(self, place: Placement, *, ours: bool) -> dict[str, Taken]:
        """Return a pass of each stage at a place, one net in memory at a time."""
        found = {}
        order = ", channels last" if ours and place.channels_last else ""
        for stage in _STAGES:
            if not self._options.only or stage in self._options.only:
                found[stage] = self.note(
                    f"{stage}, {place.dtype}, {place.device}{order}", self._measured(stage, place, ours)
                )
        return found

    def _measured(self, stage: str, place: Placement, ours: bool) -> Callable[[], Taken]:
        @torch.inference_mode()
        def measure() -> Taken:
            gc.collect()
            width = _SMALL["unet"]["cross_attention_dim"] if self._options.small else 768
            net = made(_STAGES[stage], self._options.small)
            if ours:
                place.lay(net)
            else:
                nn.Module.to(net, place.device, place.dtype)
            # A narrow picture loads the libraries; on a GPU the kernels are chosen by one of the true width.
            work_of(stage, net, place, width, 64 if place.device == "cpu" else _COLUMNS)()
            return timed(work_of(stage, net, place, width, _COLUMNS), place.device, self._options.forwards)

        return measure

    def audio(self) -> dict[str, Taken]:
        """Return both audio paths for one picture, on the CPU."""
        picture = np.random.default_rng(0).integers(0, 256, (512, _COLUMNS, 3), dtype=np.uint8)
        spectrogram = image_to_spectrogram(picture)
        works: dict[str, Callable[[], Any]] = {
            "published audio": lambda: published_audio(picture),
            "audio": lambda: synthesise(
                spectrogram, _COLUMNS * 441, RIFFUSION, workers=self._options.threads
            ),
        }

        def measure(work: Callable[[], Any]) -> Taken:
            work()
            return timed(work, "cpu", self._options.forwards)

        return {
            name: self.note(name, lambda work=work: measure(work))
            for name, work in works.items()
            if not self._options.only or name in self._options.only
        }


@torch.inference_mode()
def end_to_end(place: Placement, small: bool) -> Taken:
    """Return the baseline's encoding, denoising and decoding by diffusers' own pipeline, in one go."""
    nets = {name: made(name, small) for name in ("text_encoder", "unet", "vae")}
    for net in nets.values():
        nn.Module.to(net, place.device, place.dtype)
    theirs = StableDiffusionImg2ImgPipeline(
        **nets,
        tokenizer=None,
        scheduler=their_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    theirs.set_progress_bar_config(disable=True)
    width = int(nets["unet"].config.cross_attention_dim)
    states = torch.randn(1, 77, width, device=place.device, dtype=place.dtype)
    picture = torch.rand(1, 3, 512, _COLUMNS, device=place.device, dtype=place.dtype)

    def run() -> None:
        theirs(
            prompt_embeds=states,
            negative_prompt_embeds=states,
            image=picture,
            strength=_STRENGTH,
            num_inference_steps=_THEIR_STEPS,
            output_type="pt",
        )

    return timed(run, place.device, 1)


@dataclass(frozen=True, slots=True)
class Run:
    """One way to make a loop: its stages, and how many passes of the U-Net with guidance and without."""

    name: str
    parts: Mapping[str, Taken]
    guided: int
    unguided: int
    decode: str
    audio: str

    @property
    def rows(self) -> dict[str, Taken]:
        """Return the seconds of each stage in the whole."""
        return {
            "text": self.parts["text"],
            "encode": self.parts["encode"],
            "U-Net": self.parts["unet"] * self.guided + self.parts["unet, no guidance"] * self.unguided,
            "decode": self.parts[self.decode],
            "audio": self.parts[self.audio],
        }

    @property
    def total(self) -> Taken:
        """Return the seconds of all of it."""
        return sum(self.rows.values(), Taken(0.0, 0.0))

    def show(self, computed: bool) -> None:
        """Print the whole and the share of each stage."""
        total, kind = self.total, "computed" if computed else "by the clock"
        whole = total.computed_s if computed else total.clock_s
        print(
            f"{self.name:<9} {whole:8.2f} s {kind} ({total.clock_s:.2f} by the clock) for "
            f"{_COLUMNS / 100:.2f} s of sound; passes of the U-Net: {self.guided} with guidance, "
            f"{self.unguided} without"
        )
        for name, taken in self.rows.items():
            seconds = whole_of(taken, computed)
            print(f"    {name:<7} {seconds:8.2f} s  {seconds / whole:5.1%}")


def whole_of(taken: Taken, computed: bool) -> float:
    """Return the seconds that count."""
    return taken.computed_s if computed else taken.clock_s


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark; return 0 where the reach holds, or where not all of it was asked for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sd_speed", description=__doc__.splitlines()[0]
    )
    names = [*_STAGES, "published audio", "audio"]
    parser.add_argument(
        "--forwards", type=int, default=1, help="passes of each stage, of which the median counts"
    )
    parser.add_argument(
        "--only", nargs="+", choices=names, metavar="STAGE", help=f"some of: {'; '.join(names)}"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="FILE", help="note measurements in a JSON file, and use those in it"
    )
    parser.add_argument("--full", action="store_true", help="run the baseline from end to end as well")
    parser.add_argument("--small", action="store_true", help="small nets, to try the benchmark itself")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    ours = choose_placement()
    theirs = Placement(ours.device, torch.float32 if ours.device == "cpu" else torch.float16)
    bench = Bench(options)
    audio = bench.audio()
    first, second = bench.stages(theirs, ours=False), bench.stages(ours, ours=True)
    if options.only:
        for name, taken in (*audio.items(), *first.items(), *second.items()):
            print(f"{name:<20} {taken.computed_s:8.2f} s computed {taken.clock_s:8.2f} s by the clock")
        return 0
    computed = ours.device == "cpu"
    theirs_guided, guided, unguided = passes()
    print(f"baseline in {theirs.dtype} and ours in {ours.dtype} on {ours.device}, {options.threads} threads")
    print("one pass of each kind is measured; a run is extrapolated as that times the number of its passes")
    baseline = Run("baseline", {**first, **audio}, theirs_guided, 0, "decode", "published audio")
    normal = Run("ours", {**second, **audio}, guided, unguided, "decode", "audio")
    draft = Run("draft", {**second, **audio}, 0, _DRAFT_STEPS, "decode, small", "audio")
    for run in (baseline, normal, draft):
        run.show(computed)
    if options.full:
        whole = bench.note("end to end", lambda: end_to_end(theirs, options.small))
        print(f"baseline from end to end, without text and audio: {whole_of(whole, computed):.2f} s")
    ratios = [whole_of(baseline.total, computed) / whole_of(run.total, computed) for run in (normal, draft)]
    reach = _REACH[ours.device]
    verdict = "ok  " if ratios[0] >= reach else "MISS"
    print(
        f"{verdict} {ratios[0]:.1f} times faster than the baseline (reach {reach:.0f}); "
        f"drafts {ratios[1]:.1f} times"
    )
    return 0 if ratios[0] >= reach else 1


if __name__ == "__main__":
    sys.exit(main())
