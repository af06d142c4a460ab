from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from riffsidecar.diffusion.conditioning import column_conditions, control_vector
from riffsidecar.diffusion.denoiser import ColumnDenoiser
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.errors import DiffusionError
from riffsidecar.music import Chords, Key, LoopLength

LENGTHS = {
    1: LoopLength.parse("1/4", "1/4", 120),
    42: LoopLength.parse(3, "7/8", 120),
    64: LoopLength.parse(4, "4/4", 120),
}


def _arguments(columns: int, tokens: int = 5) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(columns)

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    length = LENGTHS[columns]
    conditions = column_conditions(length, Key.parse("Am"), Chords.parse("Am F | C G"))
    return {
        "sample": noise(1, 8, 32, columns),
        "timestep": torch.tensor([431.5], dtype=torch.float64),
        "encoder_hidden_states": noise(1, tokens, 256),
        "encoder_attention_mask": torch.ones(1, tokens, dtype=torch.float64),
        "column_conditions": torch.from_numpy(conditions).double()[None],
        "controls": torch.from_numpy(control_vector(length, energy=0.8)).double()[None],
    }


def _close(one: Tensor, other: Tensor, tolerance: float = 1e-10) -> bool:
    return bool((one - other).abs().max() <= tolerance * one.abs().max())


@pytest.mark.parametrize(("columns", "shift"), [(1, 0), (42, 1), (42, 13), (42, 41), (64, 16)])
@torch.no_grad()
def test_latents_and_conditions_that_roll_together_roll_the_velocity(
    wide_pipeline: LoopPipeline, columns: int, shift: int
) -> None:
    net, arguments = wide_pipeline.denoiser, _arguments(columns)
    velocity = net(**arguments)
    assert velocity.shape == (1, 8, 32, columns) and velocity.dtype == torch.float64
    for name in ("sample", "column_conditions"):
        arguments[name] = arguments[name].roll(shift, -1)
    assert _close(net(**arguments), velocity.roll(shift, -1))


@torch.no_grad()
def test_a_column_knows_where_it_is_from_its_phases_alone(wide_pipeline: LoopPipeline) -> None:
    net, arguments = wide_pipeline.denoiser, _arguments(42)
    velocity = net(**arguments)
    arguments["sample"] = arguments["sample"].roll(1, -1)
    assert not _close(net(**arguments), velocity.roll(1, -1), 1e-2)


@torch.no_grad()
def test_every_argument_counts(wide_pipeline: LoopPipeline) -> None:
    net, arguments = wide_pipeline.denoiser, _arguments(42)
    velocity = net(**arguments)
    for name in arguments.keys() - {"encoder_attention_mask"}:
        changed = arguments | {name: 0.5 * arguments[name]}
        assert not _close(net(**changed), velocity, 1e-4), name


@torch.no_grad()
def test_a_token_of_weight_two_is_that_token_twice(wide_pipeline: LoopPipeline) -> None:
    net, arguments = wide_pipeline.denoiser, _arguments(42)
    text, weights = arguments["encoder_hidden_states"], arguments["encoder_attention_mask"].clone()
    weights[0, 2] = 2.0
    once = net(**arguments | {"encoder_attention_mask": weights})
    twice = net(
        **arguments
        | {
            "encoder_hidden_states": torch.cat([text, text[:, 2:3]], dim=1),
            "encoder_attention_mask": torch.ones(1, 6, dtype=torch.float64),
        }
    )
    assert _close(once, twice)
    assert not _close(once, net(**arguments), 1e-4)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bool])
@torch.no_grad()
def test_what_weighs_nothing_is_not_there(wide_pipeline: LoopPipeline, dtype: torch.dtype) -> None:
    net, arguments = wide_pipeline.denoiser, _arguments(42)
    padding = torch.full((1, 3, 256), 7.0, dtype=torch.float64)
    padded = net(
        **arguments
        | {
            "encoder_hidden_states": torch.cat([arguments["encoder_hidden_states"], padding], dim=1),
            "encoder_attention_mask": torch.tensor([[1] * 5 + [0] * 3]).to(dtype),
        }
    )
    assert _close(padded, net(**arguments), 1e-8)


@torch.no_grad()
def test_loops_of_a_batch_do_not_hear_each_other(wide_pipeline: LoopPipeline) -> None:
    net, arguments = wide_pipeline.denoiser, _arguments(42)
    alone = net(**arguments)
    batch = {name: torch.cat([value, 0.3 * value]) for name, value in arguments.items()}
    assert _close(alone, net(**batch)[:1])


@torch.no_grad()
def test_in_half_precision_all_stays_finite(pipeline: LoopPipeline) -> None:
    net = ColumnDenoiser(**{k: pipeline.denoiser.config[k] for k in ("width", "depth", "heads")}).half()
    net.load_state_dict(pipeline.denoiser.state_dict())
    arguments = _arguments(64)
    arguments["encoder_attention_mask"][0, 3:] = 0.0
    assert torch.isfinite(net(**{k: v.float() for k, v in arguments.items()})).all()


@torch.no_grad()
def test_before_training_it_says_nothing() -> None:
    net = ColumnDenoiser(width=64, depth=1, heads=2).double()
    assert not net(**_arguments(42)).any()


@pytest.mark.parametrize("options", [{"width": 96, "heads": 4}, {"width": 100, "heads": 3}])
def test_heads_that_cannot_carry_the_phases_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DiffusionError, match=r"width is \d+ and heads \d.*at least 32 times"):
        ColumnDenoiser(depth=1, **options)
