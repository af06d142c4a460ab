from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest
import torch
from support_diffusion import tiny_pipeline

from riffsidecar.diffusion.checkpoints import load_pipeline
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.placement import RUNGS, MemoryLadder, Placement, choose_placement
from riffsidecar.diffusion.shelf import ModelShelf
from riffsidecar.errors import CancelledError, DiffusionError
from riffsidecar.models.local import install_local
from riffsidecar.models.store import ModelStore
from riffsidecar.music import LoopLength

_LENGTH = LoopLength.parse(1, "4/4", 187.5)


@pytest.mark.parametrize(
    ("cuda", "cuda_bf16", "mps", "cpu_bf16", "placement"),
    [
        (True, True, False, True, Placement("cuda", torch.bfloat16)),
        (True, False, True, True, Placement("cuda", torch.float16)),
        (False, True, True, True, Placement("mps", torch.float16)),
        (False, False, False, True, Placement("cpu", torch.bfloat16)),
        (False, False, False, False, Placement("cpu", torch.float32)),
    ],
)
def test_a_large_model_goes_where_it_is_quickest(
    cuda: bool, cuda_bf16: bool, mps: bool, cpu_bf16: bool, placement: Placement
) -> None:
    found = choose_placement(
        cuda=lambda: cuda, cuda_bfloat16=lambda: cuda_bf16, mps=lambda: mps, cpu_bfloat16=lambda: cpu_bf16
    )
    assert found == placement


def _loop(pipeline: LoopPipeline) -> torch.Tensor:
    loop = pipeline("bass", length=_LENGTH, num_inference_steps=2, seed=1)
    assert loop.spectrogram.shape == (1, 64, 128)
    return loop.latents


@pytest.mark.parametrize("count", range(len(RUNGS) + 1))
def test_every_rung_goes_on_with_the_same_loop(stable_folder: Path, count: int) -> None:
    pipeline = load_pipeline(stable_folder)
    expected = _loop(pipeline)
    ladder = MemoryLadder(pipeline)
    calls: list[int] = []

    def work() -> torch.Tensor:
        calls.append(1)
        if len(calls) <= count:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")
        return _loop(pipeline)

    torch.testing.assert_close(ladder.run(work), expected, rtol=1e-4, atol=1e-3)
    assert ladder.given_up == tuple(name for name, _ in RUNGS[:count])
    assert len(calls) == count + 1
    again = ladder.run(lambda: _loop(pipeline))
    torch.testing.assert_close(again, expected, rtol=1e-4, atol=1e-3)


def test_memory_that_never_suffices_is_said_in_words(stable: LoopPipeline) -> None:
    def work() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB.")

    ladder = MemoryLadder(stable, tuple((f"rung {i}", lambda _: None) for i in range(3)))
    with pytest.raises(DiffusionError, match=r"does not fit into memory.*fewer bars"):
        ladder.run(work)
    assert len(ladder.given_up) == 3


def test_what_ran_out_is_let_go_before_the_next_try(stable: LoopPipeline) -> None:
    held: list[weakref.ref[torch.Tensor]] = []

    def work() -> str:
        if not held:
            tensor = torch.zeros(10)
            held.append(weakref.ref(tensor))
            raise torch.OutOfMemoryError("out of memory")
        return "done"

    def look(_: LoopPipeline) -> None:
        gc.collect()
        assert held[0]() is None, "the exception still holds the tensors of its frames"

    assert MemoryLadder(stable, (("look", look),)).run(work) == "done"


def test_other_errors_pass(stable: LoopPipeline) -> None:
    def work() -> None:
        raise CancelledError("newer")

    ladder = MemoryLadder(stable)
    with pytest.raises(CancelledError):
        ladder.run(work)
    assert ladder.given_up == ()


def test_the_shelf_puts_other_models_where_they_belong(tmp_path: Path, stable_folder: Path) -> None:
    store = ModelStore(tmp_path / "store")
    install_local(store, "small", stable_folder, "")
    shelf = ModelShelf(tiny_pipeline(), "d" * 64, store, Placement("cpu", torch.bfloat16))
    shelved = shelf.take("small")
    assert shelved.pipeline.denoiser.dtype == shelved.pipeline.vae.dtype == torch.bfloat16
    assert shelved.environment["dtype"] == "bfloat16"
    loop = shelved.pipeline("bass", length=_LENGTH, num_inference_steps=2)
    assert loop.latents.dtype == torch.float32 and torch.isfinite(loop.latents).all()
    assert shelf.take().ladder is None and shelf.take().pipeline.denoiser.dtype == torch.float32
