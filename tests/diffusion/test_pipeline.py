from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from riffsidecar.diffusion.blend import seeded_noise
from riffsidecar.diffusion.conditioning import column_conditions, control_vector
from riffsidecar.diffusion.locks import make_lock
from riffsidecar.diffusion.pipeline import LoopOutput, LoopPipeline
from riffsidecar.errors import CancelledError, DiffusionError
from riffsidecar.music import BarSpans, Chords, Key, LoopLength
from riffsidecar.spectrogram.formats import BEAT_GRID

_ONE_BAR = LoopLength.parse(1, "4/4", 120)
_SEVENS = LoopLength.parse(3, "7/8", 120)
_FAST: dict[str, Any] = {"num_inference_steps": 4}


def _make(pipeline: LoopPipeline, prompt: str = "warm bass", **options: Any) -> LoopOutput:
    return pipeline(prompt, **{"length": _ONE_BAR, "seed": 3, **_FAST, **options})


@pytest.mark.parametrize(
    ("bars", "meter", "bpm"), [(1, "4/4", 120), (3, "7/8", 120), ("1/4", "4/4", 90), (4, "5/16", 350)]
)
def test_a_loop_of_any_length_has_its_shape(pipeline: LoopPipeline, bars: Any, meter: str, bpm: int) -> None:
    length = LoopLength.parse(bars, meter, bpm)
    output = _make(pipeline, length=length)
    assert output.latents.shape == (8, 32, length.columns)
    assert output.latents.dtype == torch.float32
    assert output.spectrogram.shape == (2, 256, length.frames)
    assert output.spectrogram.dtype == np.float32
    assert np.isfinite(output.spectrogram).all()


def test_the_same_request_gives_the_same_bits(pipeline: LoopPipeline) -> None:
    options = {"key": Key.parse("Am"), "chords": Chords.parse("Am F"), "drift": 0.3, "density": 0.5}
    first, second = _make(pipeline, **options), _make(pipeline, **options)
    assert torch.equal(first.latents, second.latents)
    assert np.array_equal(first.spectrogram, second.spectrogram)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 4},
        {"drift": 0.5},
        {"prompt": "choir"},
        {"prompt": "warm (bass:1.4)"},
        {"prompt_b": "choir", "morph": 0.5},
        {"negative_prompt": "drums"},
        {"guidance_scale": 2.5},
        {"num_inference_steps": 6},
        {"key": Key.parse("C")},
        {"chords": Chords.parse("Am")},
        {"density": 0.9},
        {"brightness": 0.1},
        {"energy": 0.9},
        {"length": LoopLength.parse(1, "4/4", 130)},
    ],
    ids=lambda change: "-".join(change),
)
def test_every_argument_is_heard(pipeline: LoopPipeline, change: dict[str, Any]) -> None:
    plain = _make(pipeline).latents
    assert not torch.allclose(_make(pipeline, **change).latents, plain, atol=1e-4)


@pytest.mark.parametrize(
    "change", [{"morph": 0.7}, {"prompt_b": "choir"}, {"strength": 0.2}], ids=lambda c: "-".join(c)
)
def test_half_a_pair_of_arguments_does_nothing(pipeline: LoopPipeline, change: dict[str, Any]) -> None:
    assert torch.equal(_make(pipeline, **change).latents, _make(pipeline).latents)


def _rolled_run(
    pipeline: LoopPipeline, length: LoopLength, shift: int, **options: Any
) -> tuple[Tensor, Tensor]:
    """Return the decoded run, and the decoded run of everything rolled by ``shift`` columns, in float64."""
    noise = seeded_noise(5, 8, 32, length.columns).double()
    conditions = pipeline.condition(
        "warm bass", prompt_b="choir", morph=0.4, negative_prompt="noise", length=length
    )
    rolled = dataclasses.replace(conditions, columns=torch.roll(conditions.columns, shift, -1))
    latents = pipeline.denoise(noise, conditions, num_inference_steps=3, **options)
    if "init_latents" in options:
        options["init_latents"] = torch.roll(options["init_latents"], shift, -1)
    moved = pipeline.denoise(torch.roll(noise, shift, -1), rolled, num_inference_steps=3, **options)
    with torch.no_grad():
        return pipeline.vae.decode(latents[None]), pipeline.vae.decode(moved[None])


@pytest.mark.parametrize("length", [_ONE_BAR, _SEVENS], ids=["16 columns", "42 columns"])
@pytest.mark.parametrize("shift", [1, 5])
def test_the_whole_pipeline_commutes_with_a_roll_by_columns(
    wide_pipeline: LoopPipeline, length: LoopLength, shift: int
) -> None:
    plain, moved = _rolled_run(wide_pipeline, length, shift)
    assert plain.dtype == torch.float64
    assert plain.shape[-1] == 16 * length.columns
    error = (moved - torch.roll(plain, 16 * shift, -1)).abs().max() / plain.abs().max()
    assert error < 1e-10
    assert (moved - plain).abs().max() / plain.abs().max() > 1e-2


def test_seed_audio_rolls_along(wide_pipeline: LoopPipeline) -> None:
    source = torch.randn(8, 32, 42, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    plain, moved = _rolled_run(wide_pipeline, _SEVENS, 1, init_latents=source, strength=0.6)
    assert (moved - torch.roll(plain, 16, -1)).abs().max() / plain.abs().max() < 1e-10


def test_what_is_led_away_from_knows_no_harmony_and_no_controls(pipeline: LoopPipeline) -> None:
    columns = column_conditions(_ONE_BAR, Key.parse("Am"), Chords.parse("Am"))
    controls = control_vector(_ONE_BAR, density=1.0)
    told = pipeline.condition(
        "bass", prompt_b="choir", morph=0.5, length=_ONE_BAR, columns=columns, controls=controls
    )
    assert len(told.mix) == 3 and told.mix[2] < 0.0
    for wanted in (0, 1):
        np.testing.assert_array_equal(told.columns[wanted].float().cpu(), columns)
        np.testing.assert_array_equal(told.controls[wanted].float().cpu(), controls)
    np.testing.assert_array_equal(told.columns[2].float().cpu(), column_conditions(_ONE_BAR, None, None))
    np.testing.assert_array_equal(told.controls[2].float().cpu(), control_vector(_ONE_BAR))


def test_without_its_phases_the_model_would_not_know_the_downbeat(wide_pipeline: LoopPipeline) -> None:
    noise = seeded_noise(5, 8, 32, 16).double()
    conditions = wide_pipeline.condition("warm bass", length=_ONE_BAR)
    blind = dataclasses.replace(conditions, columns=torch.roll(conditions.columns, 1, -1))
    told = wide_pipeline.denoise(noise, conditions, num_inference_steps=2)
    assert not torch.allclose(wide_pipeline.denoise(noise, blind, num_inference_steps=2), told, atol=1e-3)


def test_morph_leads_steadily_from_one_prompt_to_the_other(pipeline: LoopPipeline) -> None:
    start = _make(pipeline, "warm bass").latents
    end = _make(pipeline, "bright choir pad with strings").latents
    axis = end - start
    shares = [
        (
            (
                (
                    _make(pipeline, "warm bass", prompt_b="bright choir pad with strings", morph=m).latents
                    - start
                )
                * axis
            ).sum()
            / axis.square().sum()
        ).item()
        for m in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    ]
    assert shares[0] == pytest.approx(0.0, abs=1e-5)
    assert shares[-1] == pytest.approx(1.0, abs=1e-5)
    assert all(b - a > 0.05 for a, b in pairwise(shares))


def test_the_ends_of_a_morph_are_the_prompts_themselves(pipeline: LoopPipeline) -> None:
    assert torch.equal(
        _make(pipeline, "warm bass", prompt_b="choir", morph=1.0).latents, _make(pipeline, "choir").latents
    )


def test_strength_leads_from_the_seed_audio_without_jumps(pipeline: LoopPipeline) -> None:
    source = _make(pipeline, seed=9).latents
    steps = np.linspace(0.0, 1.0, 41)
    gentle = {"guidance_scale": 2.0}
    made = [_make(pipeline, init_latents=source, strength=float(s), **gentle).latents for s in steps]
    assert torch.equal(made[0], source)
    torch.testing.assert_close(made[-1], _make(pipeline, **gentle).latents)
    travelled = [(b - a).norm().item() for a, b in pairwise(made)]
    whole = (made[-1] - made[0]).norm().item()
    assert max(travelled) < 0.12 * whole
    assert [(m - source).norm().item() for m in made[::10]] == sorted(
        (m - source).norm().item() for m in made[::10]
    )


def test_kept_bars_are_kept_and_the_rest_is_new(pipeline: LoopPipeline) -> None:
    length = LoopLength.parse(2, "4/4", 120)
    earlier = _make(pipeline, length=length, seed=11)
    lock = make_lock(earlier.latents.numpy(), length, BEAT_GRID, bars=BarSpans.parse((2, 2)))
    output = _make(pipeline, "bright choir", length=length, keep=lock)
    assert torch.equal(output.latents[..., 16:], earlier.latents[..., 16:])
    np.testing.assert_array_equal(output.spectrogram[..., 256:], earlier.spectrogram[..., 256:])
    changed = np.abs(output.spectrogram - earlier.spectrogram)[..., 16:240]
    assert changed.mean() > 0.05


def test_kept_bands_are_kept_in_the_spectrogram_although_the_decoder_mixes_rows(
    pipeline: LoopPipeline,
) -> None:
    earlier = _make(pipeline, seed=11)
    lock = make_lock(earlier.latents.numpy(), _ONE_BAR, BEAT_GRID, band_hz=(0.0, 500.0))
    output = _make(pipeline, "bright choir", keep=lock)
    rows = int(np.sum(lock.mask[:, 0] >= 1.0))
    assert rows >= 3
    assert torch.equal(output.latents[:, :rows], earlier.latents[:, :rows])
    np.testing.assert_array_equal(output.spectrogram[:, : 8 * rows], earlier.spectrogram[:, : 8 * rows])
    assert np.abs(output.spectrogram - earlier.spectrogram)[:, 128:].mean() > 0.05


def test_what_is_new_hears_what_is_kept(pipeline: LoopPipeline) -> None:
    length = LoopLength.parse(2, "4/4", 120)
    locks = [
        make_lock(
            _make(pipeline, length=length, seed=seed).latents.numpy(),
            length,
            BEAT_GRID,
            bars=BarSpans.parse((1, 1)),
        )
        for seed in (11, 12)
    ]
    free = [_make(pipeline, length=length, keep=lock).latents[..., 20:28] for lock in locks]
    assert not torch.allclose(free[0], free[1], atol=1e-3)


def test_progress_is_told_at_every_step(pipeline: LoopPipeline) -> None:
    heard: list[tuple[str, float]] = []
    _make(pipeline, callback=lambda stage, fraction: heard.append((stage, fraction)))
    assert heard == [("denoise", i / 4) for i in range(5)] + [("decode", 0.0), ("decode", 1.0)]


def test_a_cancelled_run_stops_at_that_step_and_the_next_is_clean(pipeline: LoopPipeline) -> None:
    heard: list[float] = []

    def stop(stage: str, fraction: float) -> None:
        heard.append(fraction)
        if fraction >= 0.5:
            raise CancelledError("a newer request")

    expected = _make(pipeline).latents
    with pytest.raises(CancelledError, match="newer"):
        _make(pipeline, callback=stop)
    assert heard == [0.0, 0.25, 0.5]
    assert torch.equal(_make(pipeline).latents, expected)


def test_a_prompt_that_counts_nothing_costs_nothing(pipeline: LoopPipeline) -> None:
    assert len(pipeline.condition("a", length=_ONE_BAR, guidance_scale=1.0).mix) == 1
    assert len(pipeline.condition("a", length=_ONE_BAR).mix) == 2
    assert len(pipeline.condition("a", prompt_b="b", morph=0.5, length=_ONE_BAR).mix) == 3


def test_encode_and_decode_fit_each_other(pipeline: LoopPipeline) -> None:
    spectrogram = np.random.default_rng(0).uniform(-1, 1, (2, 256, 80)).astype(np.float32)
    latents = pipeline.encode(spectrogram)
    assert latents.shape == (8, 32, 5)
    assert pipeline.decode(latents).shape == spectrogram.shape
    assert np.array_equal(pipeline.decode(latents), pipeline.decode(latents.numpy()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"morph": 1.2}, "morph is 1.2"),
        ({"drift": -0.1}, "drift is -0.1"),
        ({"strength": float("nan")}, "strength is nan"),
        ({"guidance_scale": float("inf")}, "guidance_scale is inf"),
        ({"num_inference_steps": 0}, "num_inference_steps is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"init_latents": torch.zeros(8, 32, 15)}, "init_latents are"),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(value),
)
def test_values_out_of_range_are_named(pipeline: LoopPipeline, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DiffusionError, match=message):
        _make(pipeline, **options)


def test_shapes_that_do_not_fit_are_named(pipeline: LoopPipeline) -> None:
    with pytest.raises(DiffusionError, match="multiple of 16"):
        pipeline.encode(np.zeros((2, 256, 17), np.float32))
    with pytest.raises(DiffusionError, match="latents are"):
        pipeline.decode(np.zeros((8, 31, 4), np.float32))
    lock = make_lock(
        np.zeros((8, 32, 32), np.float32),
        LoopLength.parse(2, "4/4", 120),
        BEAT_GRID,
        bars=BarSpans.parse((1, 1)),
    )
    with pytest.raises(DiffusionError, match="the lock's latents"):
        _make(pipeline, keep=lock)
