"""What loading the embedded model leaves alone, and that those who want it get it all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import riffsidecar

ROOT = Path(riffsidecar.__file__).parent.parent


def told(script: str) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=150,
        cwd=ROOT,
    )
    return run.stdout.split()


def test_the_embedded_model_loads_without_nets_of_others_and_without_the_compiler() -> None:
    loaded = told(
        "import riffsidecar.render.render_loop\n"
        "from riffsidecar.diffusion.checkpoints import load_pipeline\n"
        "load_pipeline()\n"
        "import sys\n"
        "print('\\n'.join(sys.modules))"
    )
    assert "diffusers.pipelines.pipeline_utils" in loaded
    spared = ("torch._dynamo", "sympy", "scipy.stats", "scipy.signal", "transformers.modeling_utils")
    nets = ("diffusers.models.unets", "diffusers.models.autoencoders", "diffusers.models.transformers")
    assert [name for name in (*spared, *nets) if name in loaded] == []


def test_whoever_asks_for_the_true_ones_gets_them() -> None:
    asked = told(
        "import riffsidecar.diffusion.pipeline\n"
        "from diffusers.pipelines import pipeline_loading_utils as loading, pipeline_utils as base\n"
        "small = dict(block_out_channels=(8,), norm_num_groups=1, latent_channels=2)\n"
        "held = base.AutoencoderKL\n"
        "print(isinstance(3, held), issubclass(int, loading.PreTrainedModel))\n"
        "from diffusers import AutoencoderKL\n"
        "from transformers import CLIPTextModel, PreTrainedModel\n"
        "print(held is AutoencoderKL, isinstance(AutoencoderKL(**small), held))\n"
        "print(issubclass(CLIPTextModel, loading.PreTrainedModel))\n"
        "import scipy.stats, torch\n"
        "print(scipy.stats.norm.cdf(0.0), torch.compiler.disable.__module__, torch._dynamo.__name__)\n"
    )
    assert asked == [*["False"] * 3, *["True"] * 2, "0.5", "torch.compiler", "torch._dynamo"]


def test_what_was_imported_before_keeps_its_names() -> None:
    asked = told(
        "from diffusers import AutoencoderKL, DiffusionPipeline\n"
        "import riffsidecar.diffusion.pipeline, sys\n"
        "from diffusers.pipelines import pipeline_utils as base\n"
        "print(base.AutoencoderKL is AutoencoderKL)\n"
        "from riffsidecar.diffusion.lean_imports import install, without_others\n"
        "before = len(sys.meta_path)\n"
        "install()\n"
        "import torch\n"
        "with without_others():\n"
        "    print(torch._dynamo is sys.modules['torch._dynamo'], len(sys.meta_path) == before)\n"
    )
    assert asked == ["True", "True", "True"]
