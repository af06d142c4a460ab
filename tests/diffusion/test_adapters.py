"""LoRAs, the consistency draft, one file in place of folders, and the shelf that puts them together."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderTiny
from safetensors.torch import load_file, save_file
from support_diffusion import tiny_pipeline
from support_stable import SMALL_FORMAT

from riffsidecar.diffusion.checkpoints import load_pipeline
from riffsidecar.diffusion.lora import attach, read_adapters
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.shelf import DRAFT_LORA, PREVIEW_DECODER, ModelShelf
from riffsidecar.diffusion.single_file import load_single
from riffsidecar.diffusion.solvers import ConsistencySolver, KarrasSolver
from riffsidecar.errors import CheckpointError, DiffusionError, ModelError
from riffsidecar.models.local import install_local
from riffsidecar.models.store import ModelStore
from riffsidecar.music import LoopLength

_LENGTH = LoopLength.parse(1, "4/4", 187.5)
_TO_Q = "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_q"
_CONV = "down_blocks.0.resnets.0.conv1"
_TEXT = "encoder.layers.0.self_attn.q_proj"


def _make(pipeline: LoopPipeline, **options: Any) -> torch.Tensor:
    return pipeline(
        "warm bass", **{"length": _LENGTH, "seed": 3, "num_inference_steps": 2, **options}
    ).latents


def _halves(pipeline: LoopPipeline, seed: int = 0) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return a LoRA of rank 2 for a linear layer, a convolution and a layer of the text encoder."""
    generator = torch.Generator().manual_seed(seed)
    text = dict(pipeline.text_encoder.named_modules())
    name = _TEXT if _TEXT in text else f"text_model.{_TEXT}"
    found = {}
    for key, layer in (
        (f"unet.{_TO_Q}", pipeline.denoiser.get_submodule(_TO_Q)),
        (f"unet.{_CONV}", pipeline.denoiser.get_submodule(_CONV)),
        (f"text_encoder.{name}", text[name]),
    ):
        shape = tuple(layer.weight.shape)
        down = torch.randn(2, *shape[1:], generator=generator)
        up = torch.randn(shape[0], 2, *([1, 1] if len(shape) == 4 else []), generator=generator)
        found[key] = (down, up)
    return found


def _write(path: Path, halves: dict[str, tuple[torch.Tensor, torch.Tensor]], naming: str) -> Path:
    tensors: dict[str, torch.Tensor] = {}
    for key, (down, up) in halves.items():
        if naming == "diffusers":
            tensors |= {f"{key}.lora_A.weight": down, f"{key}.lora_B.weight": up}
        else:
            net, _, layer = key.partition(".")
            flat = layer.replace(".", "_")
            if net == "text_encoder" and not flat.startswith("text_model"):
                flat = f"text_model_{flat}"
            name = f"{'lora_unet' if net == 'unet' else 'lora_te'}_{flat}"
            tensors |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
            tensors[f"{name}.alpha"] = torch.tensor(2.0)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    return path


def _nets(pipeline: LoopPipeline) -> dict[str, Any]:
    return {"unet": pipeline.denoiser, "text_encoder": pipeline.text_encoder}


@pytest.mark.parametrize("naming", ["diffusers", "original"])
def test_a_lora_is_what_adding_it_to_the_weights_would_be(
    stable_folder: Path, tmp_path: Path, naming: str
) -> None:
    pipeline, merged = load_pipeline(stable_folder), load_pipeline(stable_folder)
    halves = _halves(pipeline)
    for key, (down, up) in halves.items():
        net, _, layer = key.partition(".")
        weight = _nets(merged)[net].get_submodule(layer).weight
        weight += 0.5 * torch.einsum("or,r...->o...", up.flatten(1), down)
    plain = _make(pipeline)
    handles = attach(_nets(pipeline), read_adapters(_write(tmp_path / "x.safetensors", halves, naming)), 0.5)
    worn = _make(pipeline)
    torch.testing.assert_close(worn, _make(merged), rtol=1e-3, atol=1e-3 * plain.abs().max().item())
    assert not torch.allclose(worn, plain, atol=1e-2)
    for handle in handles:
        handle.remove()
    assert torch.equal(_make(pipeline), plain), "taken off, it leaves not a bit behind"


def test_a_lora_of_another_model_is_refused_and_leaves_nothing(stable_folder: Path, tmp_path: Path) -> None:
    pipeline = load_pipeline(stable_folder)
    plain = _make(pipeline)
    halves = _halves(pipeline)
    down, up = next(iter(halves.values()))
    for bad in (
        {"unet.no.such.layer": (down.clone(), up.clone())},
        {f"unet.{_TO_Q}": (torch.ones(2, 5), torch.ones(16, 2))},
    ):
        path = _write(tmp_path / "x.safetensors", {**halves, **bad}, "diffusers")
        with pytest.raises(CheckpointError, match="made for another model"):
            attach(_nets(pipeline), read_adapters(path), 1.0)
        assert torch.equal(_make(pipeline), plain)
    save_file({"a": torch.ones(1)}, tmp_path / "y.safetensors")
    with pytest.raises(CheckpointError, match="is no LoRA"):
        read_adapters(tmp_path / "y.safetensors")


@pytest.fixture
def store(tmp_path: Path, stable_folder: Path, stable: LoopPipeline) -> ModelStore:
    store = ModelStore(tmp_path / "store")
    install_local(store, "small", stable_folder, "")
    install_local(store, "dusty", _write(tmp_path / "dusty.safetensors", _halves(stable), "original"), "")
    return store


def test_the_shelf_loads_by_name_and_dresses_and_undresses(store: ModelStore) -> None:
    shelf = ModelShelf(tiny_pipeline(), "d" * 64, store)
    small = shelf.take("small")
    plain = _make(small.pipeline)
    dusty = shelf.take("small", lora="dusty:0.5")
    assert dusty.pipeline is small.pipeline and dusty.digest != small.digest
    assert not torch.equal(_make(dusty.pipeline), plain)
    half = shelf.take("small", lora="dusty:0.25")
    assert half.digest != dusty.digest
    assert torch.equal(_make(shelf.take("small").pipeline), plain)
    assert (shelf.take().digest, shelf.take().steps) == ("d" * 64, 12)
    with_models = shelf.digest
    assert with_models != "d" * 64
    store.remove("dusty")
    assert shelf.digest not in (with_models, "d" * 64), "cached loops of a removed model are not served"
    assert small.steps == 20


@pytest.mark.parametrize(
    ("model", "lora", "message"),
    [
        ("nowhere", "", "no model 'nowhere' is installed"),
        ("dusty", "", "is a lora, which makes no loops"),
        ("small", "small", "is a checkpoint and no LoRA"),
        ("embedded", "dusty", "takes no LoRA"),
    ],
)
def test_the_shelf_says_what_cannot_be(store: ModelStore, model: str, lora: str, message: str) -> None:
    shelf = ModelShelf(tiny_pipeline(), "d" * 64, store)
    with pytest.raises(CheckpointError, match=message):
        shelf.take(model, lora=lora)


def test_a_model_that_was_changed_on_disk_is_not_loaded(store: ModelStore) -> None:
    path = store.path("small") / "unet" / "diffusion_pytorch_model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ModelError, match="not what was installed"):
        ModelShelf(tiny_pipeline(), "d" * 64, store).take("small")


def test_drafts_take_four_steps_and_a_small_decoder_where_both_are_installed(
    store: ModelStore, tmp_path: Path, stable: LoopPipeline
) -> None:
    install_local(store, DRAFT_LORA, _write(tmp_path / "lcm.safetensors", _halves(stable, 1), "original"), "")
    torch.manual_seed(0)
    tiny = AutoencoderTiny(
        encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4,
        num_encoder_blocks=(1, 1, 1, 1), num_decoder_blocks=(1, 1, 1, 1),
    )  # fmt: skip
    tiny.save_pretrained(tmp_path / "taesd")
    install_local(store, PREVIEW_DECODER, tmp_path / "taesd", "MIT")
    shelf = ModelShelf(tiny_pipeline(), "d" * 64, store)
    draft = shelf.take("small", quality="draft")
    assert (draft.steps, draft.guidance) == (4, 1.0)
    assert isinstance(draft.pipeline.scheduler, ConsistencySolver)
    loop = draft.pipeline("bass", length=_LENGTH, num_inference_steps=4, guidance_scale=1.0)
    assert loop.spectrogram.shape == (1, 64, 128)
    rolled = draft.pipeline.decode(torch.roll(loop.latents, 3, -1))
    assert abs(rolled - torch.roll(torch.from_numpy(loop.spectrogram), 24, -1).numpy()).max() < 1e-4
    normal = shelf.take("small")
    assert isinstance(normal.pipeline.scheduler, KarrasSolver) and normal.guidance is None
    assert abs(normal.pipeline.decode(loop.latents) - loop.spectrogram).max() > 1e-2


def test_the_consistency_draft_goes_from_noise_to_clean_and_moves_with_its_strength() -> None:
    solver = ConsistencySolver()
    clean, noise = torch.randn(2, 1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    for start in (1.0, 0.63):
        solver.set_timesteps(4, start=start)
        assert solver.timesteps[0] == round(1000 * start) - 1 and len(solver.timesteps) == 4
        x = solver.noised(clean, noise, 0)
        for timestep in solver.timesteps:
            alpha = solver.alphas_cumprod[int(timestep)].item()
            perfect = (x - alpha**0.5 * clean) / (1 - alpha) ** 0.5
            x = solver.step(perfect, timestep, x, return_dict=False)[0]
        # A perfect prediction leads to the clean latents but for what the boundary condition keeps of x.
        assert (x - clean).abs().max() < 1e-3
    with pytest.raises(DiffusionError, match="all 4 steps"):
        solver.step(x, 0, x)
    with pytest.raises(DiffusionError, match="from 0 to 1"):
        solver.set_timesteps(4, start=1.5)


def test_the_solver_begins_where_the_strength_says(stable: LoopPipeline) -> None:
    solver = stable.scheduler
    solver.set_timesteps(10)
    whole = solver.sigmas.tolist()
    solver.set_timesteps(10, start=0.65)
    assert len(solver.timesteps) == 7 and whole[4] < solver.sigmas[0] < whole[3]
    assert solver.sigmas.tolist()[1:] == whole[4:]
    for start in (0.0, 1e-4):
        solver.set_timesteps(10, start=start)
        assert len(solver.timesteps) == 1 and solver.sigmas[0] < whole[-2]


_RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
    "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
}  # fmt: skip
_VAE_RESNET = {"conv_shortcut": "nin_shortcut"}
_VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def _renamed(name: str, table: dict[str, str]) -> str:
    for ours, original in table.items():
        if name == ours or name.startswith(f"{ours}."):
            return original + name[len(ours) :]
    return name


def _unet_key(key: str) -> str:
    """Return the original name of a weight of a U-Net with two levels and one layer a block."""
    plain = {
        "conv_in": "input_blocks.0.0", "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_norm_out": "out.0", "conv_out": "out.2", "down_blocks.0.resnets.0": "input_blocks.1.0",
        "down_blocks.0.attentions.0": "input_blocks.1.1",
        "down_blocks.0.downsamplers.0.conv": "input_blocks.2.0.op",
        "down_blocks.1.resnets.0": "input_blocks.3.0", "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1", "mid_block.resnets.1": "middle_block.2",
        "up_blocks.0.resnets.0": "output_blocks.0.0", "up_blocks.0.resnets.1": "output_blocks.1.0",
        "up_blocks.0.upsamplers.0": "output_blocks.1.1", "up_blocks.1.resnets.0": "output_blocks.2.0",
        "up_blocks.1.attentions.0": "output_blocks.2.1", "up_blocks.1.resnets.1": "output_blocks.3.0",
        "up_blocks.1.attentions.1": "output_blocks.3.1",
    }  # fmt: skip
    for ours, original in plain.items():
        if key.startswith(f"{ours}."):
            rest = key[len(ours) + 1 :]
            if "resnets" in ours:
                rest = _renamed(rest, _RESNET)
            return f"model.diffusion_model.{original}.{rest}"
    raise AssertionError(key)


def _vae_key(key: str) -> str:
    """Return the original name of a weight of an autoencoder with four levels and one layer a block."""
    levels = 4
    key = re.sub(r"encoder\.down_blocks\.(\d)\.resnets\.(\d)", r"encoder.down.\1.block.\2", key)
    key = re.sub(r"encoder\.down_blocks\.(\d)\.downsamplers\.0", r"encoder.down.\1.downsample", key)
    key = re.sub(
        r"decoder\.up_blocks\.(\d)\.resnets\.(\d)",
        lambda m: f"decoder.up.{levels - 1 - int(m[1])}.block.{m[2]}",
        key,
    )
    key = re.sub(
        r"decoder\.up_blocks\.(\d)\.upsamplers\.0",
        lambda m: f"decoder.up.{levels - 1 - int(m[1])}.upsample",
        key,
    )
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", key)
    key = key.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
    found = re.fullmatch(r"(encoder|decoder)\.mid_block\.attentions\.0\.(.*)", key)
    if found:
        key = f"{found[1]}.mid.attn_1.{_renamed(found[2], _VAE_ATTENTION)}"
    return f"first_stage_model.{key}"


def test_one_file_in_the_original_layout_is_the_same_model(stable_folder: Path, tmp_path: Path) -> None:
    folders = load_pipeline(stable_folder)
    tensors: dict[str, torch.Tensor] = {}
    for key, value in load_file(stable_folder / "unet" / "diffusion_pytorch_model.safetensors").items():
        tensors[_unet_key(key)] = value
    for key, value in load_file(stable_folder / "vae" / "diffusion_pytorch_model.safetensors").items():
        is_attention = "mid_block.attentions" in key and key.endswith("weight") and value.ndim == 2
        tensors[_vae_key(key)] = value[:, :, None, None] if is_attention else value
    for key, value in folders.text_encoder.state_dict().items():
        name = key if key.startswith("text_model.") else f"text_model.{key}"
        tensors[f"cond_stage_model.transformer.{name}"] = value
    path = tmp_path / "model.safetensors"
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    shapes = {
        "unet": {"_class_name": "UNet2DConditionModel", **_plain(folders.denoiser.config)},
        "vae": {"_class_name": "AutoencoderKL", **_plain(folders.vae.config)},
        "text_encoder": folders.text_encoder.config.to_dict(),
    }
    single = load_single(path, stable_folder / "tokenizer", shapes, SMALL_FORMAT)
    torch.testing.assert_close(_make(single), _make(folders))
    save_file({key: value.contiguous() for key, value in list(tensors.items())[5:]}, path)
    with pytest.raises(CheckpointError, match="it does not fit"):
        load_single(path, stable_folder / "tokenizer", shapes, SMALL_FORMAT)


def _plain(config: Any) -> dict[str, Any]:
    return {key: value for key, value in dict(config).items() if not key.startswith("_")}


@pytest.mark.parametrize("folder", ["unet", "vae", "text_encoder"])
def test_weights_as_a_pickle_are_not_opened(stable_folder: Path, tmp_path: Path, folder: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(stable_folder, copy)
    (weights,) = (copy / folder).glob("*.safetensors")
    sprung = tmp_path / "sprung"
    weights.unlink()
    (copy / folder / "pytorch_model.bin").write_bytes(
        b"cpathlib\nPath.touch\n(cpathlib\nPath\n(S'" + str(sprung).encode() + b"'\ntRtR."
    )
    with pytest.raises(CheckpointError, match=r"pickle only, which could run code"):
        load_pipeline(copy)
    assert not sprung.exists()


def test_weights_that_leave_part_of_a_net_untrained_are_refused(stable_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(stable_folder, copy)
    (weights,) = (copy / "unet").glob("*.safetensors")
    tensors = load_file(weights)
    tensors.pop("conv_out.weight")
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"do not fit.*conv_out.weight"):
        load_pipeline(copy)
