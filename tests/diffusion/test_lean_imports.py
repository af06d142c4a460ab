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
    nets += ("diffusers.hooks", "transformers.models")
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


def test_the_models_of_transformers_are_listed_when_somebody_asks_for_one() -> None:
    tell = (
        "import hashlib, transformers\n"
        "{ask}\n"
        "names = sorted(transformers.__all__)\n"
        "print(type(transformers).__module__, len(names), len(dir(transformers)) >= len(names))\n"
        "print(hashlib.sha256(' '.join(names).encode()).hexdigest())\n"
        "print(transformers.CLIPTextModel.__module__, hasattr(transformers, 'NoSuchModel'))\n"
        "print(transformers.models.clip.__name__, transformers.PreTrainedTokenizerFast.__name__)\n"
    )
    whole = told(tell.format(ask=""))
    for ask in (
        "",
        "dir(transformers)",
        "import transformers.models.clip.configuration_clip",
        "import copy; copy.copy(transformers)",
    ):
        assert told("import riffsidecar.diffusion\n" + tell.format(ask=ask)) == whole, ask


def test_loading_the_embedded_model_asks_transformers_for_none_of_its_models() -> None:
    asked = told(
        "from riffsidecar.diffusion.checkpoints import load_pipeline\n"
        "import transformers\n"
        "load_pipeline()\n"
        "print('CLIPTextModel' in transformers._class_to_module, '__all__' in vars(transformers))\n"
        "print(hasattr(transformers, 'CLIPTextModel'), 'CLIPTextModel' in transformers._class_to_module)\n"
    )
    assert asked == ["False", "False", "True", "True"]


def test_numba_looks_at_linear_algebra_when_a_function_uses_it() -> None:
    asked = told(
        "import riffsidecar.diffusion, numba, numpy, sys\n"
        "print(numba.njit(lambda a: a.sum())(numpy.ones(3)), 'scipy.linalg' in sys.modules)\n"
        "from numba.np import arraymath, linalg\n"
        "print(arraymath.ensure_blas is linalg.ensure_blas, arraymath._HAVE_BLAS)\n"
        "print(numba.njit(lambda a: a @ a)(numpy.ones((1, 1)))[0, 0], 'scipy.linalg' in sys.modules)\n"
    )
    assert asked == ["3.0", "False", "True", "True", "1.0", "True"]


def test_installed_packages_are_listed_when_one_is_looked_up() -> None:
    asked = told(
        "import riffsidecar.diffusion, importlib.metadata as metadata\n"
        "from diffusers.utils import import_utils as utilities\n"
        "found = getattr(utilities, '_package_map', None)\n"
        "true = metadata.packages_distributions()\n"
        "print(found is None or dict(found) == true and 'torch' in found and len(found) == len(true))\n"
    )
    assert asked == ["True"]
