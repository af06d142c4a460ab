from __future__ import annotations

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from support_diffusion import tiny_pipeline

from riffsidecar.diffusion.checkpoints import load_pipeline
from riffsidecar.diffusion.lora import Adapter, attach
from riffsidecar.diffusion.memory import RUNGS, MemoryLadder
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.placement import Placement, choose_placement, compile_blocks
from riffsidecar.diffusion.shelf import ModelShelf
from riffsidecar.errors import CancelledError, DiffusionError
from riffsidecar.models.local import install_local
from riffsidecar.models.store import ModelStore
from riffsidecar.music import LoopLength

_TO_Q = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_q"
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


def _latents(pipeline: LoopPipeline) -> torch.Tensor:
    """Return latents of a loop, after an encoding and a decoding that must work as well."""
    noise = pipeline.noise(1, 0.0, _LENGTH)
    begin = pipeline.encode(np.zeros((1, 64, pipeline.frames(_LENGTH)), np.float32))
    conditions = pipeline.condition("bass", length=_LENGTH)
    latents = pipeline.denoise(noise, conditions, num_inference_steps=2)
    assert begin.shape == latents.shape and bool(torch.isfinite(begin).all())
    spectrogram = pipeline.decode(latents)
    assert spectrogram.shape == (1, 64, 128) and np.isfinite(spectrogram).all()
    return latents.cpu()


@pytest.mark.parametrize("count", range(len(RUNGS) + 1))
@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB."),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_every_rung_goes_on_with_the_same_loop(stable_folder: Path, count: int, error: Exception) -> None:
    pipeline = load_pipeline(stable_folder)
    pipeline.loops_at_once = 4
    expected = _latents(pipeline)
    ladder = MemoryLadder(pipeline)
    calls: list[int] = []

    def work() -> torch.Tensor:
        calls.append(1)
        if len(calls) <= count:
            raise error
        return _latents(pipeline)

    torch.testing.assert_close(ladder.run(work), expected, rtol=1e-4, atol=1e-3)
    assert ladder.given_up == tuple(name for name, _ in RUNGS[:count])
    assert len(calls) == count + 1
    again = ladder.run(lambda: _latents(pipeline))
    torch.testing.assert_close(again, expected, rtol=1e-4, atol=1e-3)
    assert pipeline.loops_at_once == (1 if count else 4)


def test_memory_that_runs_out_in_the_net_itself_climbs_until_it_suffices(stable_folder: Path) -> None:
    pipeline = load_pipeline(stable_folder)
    ladder = MemoryLadder(pipeline)
    most: list[int] = []

    def small_card(_: object, given: tuple[torch.Tensor, ...]) -> None:
        most.append(given[0].shape[-1])
        if given[0].shape[-1] > 8:
            raise torch.OutOfMemoryError("CUDA out of memory")

    pipeline.vae.decoder.register_forward_pre_hook(small_card)
    _ = ladder.run(lambda: _latents(pipeline))
    assert ladder.given_up[-1] == "the autoencoder in tiles" and most[-1] == 8


def test_a_decoder_in_tiles_knows_no_edge(stable_folder: Path) -> None:
    pipeline = load_pipeline(stable_folder)
    dict(RUNGS)["the autoencoder in tiles"](pipeline)
    length = LoopLength.parse(2, "4/4", 187.5)
    latents = pipeline.noise(3, 0.0, length)
    whole = pipeline.decode(latents)
    hop = 4
    turned = pipeline.decode(torch.roll(latents, hop, -1))
    np.testing.assert_allclose(turned, np.roll(whole, 8 * hop, -1), atol=2e-4)
    pipeline.set_seam("line")
    assert pipeline.decode(latents).shape == whole.shape
    sound = np.clip(whole, -1, 1)
    assert pipeline.encode(sound).shape == latents.shape


def test_channels_lie_last_where_that_is_quicker(stable_folder: Path) -> None:
    for placement, last in (
        (Placement("cpu", torch.bfloat16), True),
        (Placement("cpu", torch.float32), False),
    ):
        pipeline = load_pipeline(stable_folder)
        placement.put(pipeline)
        weight = pipeline.denoiser.conv_in.weight
        assert weight.is_contiguous(memory_format=torch.channels_last) is last
        assert pipeline.loops_at_once == 1


@pytest.mark.parametrize(("device", "at_once"), [("cuda", 4), ("mps", 2)])
def test_a_gpu_makes_several_loops_at_once(
    stable_folder: Path, device: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = load_pipeline(stable_folder)
    moved: list[tuple[object, ...]] = []
    monkeypatch.setattr(torch.nn.Module, "to", lambda net, *where: moved.append(where))
    Placement(device, torch.float16).put(pipeline)
    assert moved == [(device, torch.float16)] * 3 and pipeline.loops_at_once == at_once


def test_a_gpu_is_warmed_up_and_only_cuda_compiles(
    stable_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = load_pipeline(stable_folder)
    compiled: list[dict[str, object]] = []
    monkeypatch.setattr(
        type(pipeline.denoiser), "compile_repeated_blocks", lambda net, **given: compiled.append(given)
    )
    ran: list[torch.Size] = []
    pipeline.denoiser.register_forward_pre_hook(lambda _, given: ran.append(given[0].shape))
    for device, runs, compiles in (("cpu", 0, 0), ("mps", 2, 0), ("cuda", 4, 1)):
        Placement(device, torch.float16).warm_up(pipeline)
        assert (len(ran), len(compiled)) == (runs, compiles)
    # With guidance and without: a compiler makes something else of one picture than of several.
    assert ran[:2] == [(2, 4, 8, 16), (1, 4, 8, 16)]
    assert compiled == [{"dynamic": True, "backend": "inductor"}]


def test_a_compiler_that_fails_leaves_the_model_as_it_was(stable_folder: Path) -> None:
    pipeline = load_pipeline(stable_folder)
    expected = _latents(pipeline)
    blocks = [part for part in pipeline.denoiser.modules() if type(part).__name__ == "BasicTransformerBlock"]

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("Triton is not installed")

    def compile_blocks(**_: object) -> None:
        for block in blocks:
            block._compiled_call_impl = broken

    pipeline.denoiser.compile_repeated_blocks = compile_blocks
    Placement("cuda", torch.float16).warm_up(pipeline)
    assert blocks and all(block._compiled_call_impl is None for block in blocks)
    torch.testing.assert_close(_latents(pipeline), expected)


def test_compiled_blocks_say_what_they_said(stable_folder: Path) -> None:
    pipeline = load_pipeline(stable_folder)
    expected = _latents(pipeline)
    compile_blocks(pipeline.denoiser, backend="eager")
    torch.testing.assert_close(_latents(pipeline), expected, rtol=1e-4, atol=1e-4)
    layer = pipeline.denoiser.get_submodule(_TO_Q)
    halves = torch.ones(2, layer.in_features), torch.linspace(-3, 3, 2 * layer.out_features).view(-1, 2)
    nets = {"unet": pipeline.denoiser, "text_encoder": pipeline.text_encoder}
    (handle,) = attach(nets, {f"unet.{_TO_Q}": Adapter(*halves, 1.0)}, 1.0)
    dressed = _latents(pipeline)
    handle.remove()
    assert not torch.allclose(dressed, expected, atol=1e-3)
    for mode in ("line", "circular"):
        pipeline.set_seam(mode)
        again = _latents(pipeline)
    torch.testing.assert_close(again, expected, rtol=1e-4, atol=1e-4)
    torch._dynamo.reset()


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
