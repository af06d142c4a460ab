"""Windows of a journey agree, wherever a run begins, and a run holds no more the longer it goes on."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from riffsidecar.diffusion.blend import seeded_noise
from riffsidecar.diffusion.conditioning import column_conditions, control_vector
from riffsidecar.diffusion.journey import JourneyDenoiser
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.errors import CancelledError, DiffusionError
from riffsidecar.music import Chords, Key, LoopLength, Meter, Tempo
from riffsidecar.session.journeys import JourneyRequest

STEPS = 3


def journey(**values: object) -> JourneyRequest:
    given = {"prompts": ("pad", "techno"), "tempo": Tempo.parse(120), "bars": 16, "seed": 5, **values}
    return JourneyRequest(**given)  # type: ignore[arg-type]


def denoiser(
    pipeline: LoopPipeline, tour: JourneyRequest, first: int = 0, last: int | None = 7, begin: int = 0
) -> JourneyDenoiser:
    return JourneyDenoiser(pipeline, tour, STEPS, first=first, last=last, begin=begin)


def taken(run: JourneyDenoiser, count: int) -> list[torch.Tensor]:
    return [run.take(lambda: None) for _ in range(count)]


@pytest.mark.parametrize("form", ["file", "loops"])
def test_a_journey_that_stands_still_is_the_loop_repeated(wide_pipeline: LoopPipeline, form: str) -> None:
    tour = journey(
        prompts=("pad", "pad"),
        drift=0.0,
        form=form,
        piece_bars=4,
        key=Key.parse("Am"),
        guidance=3.0,
        chords=Chords.parse("Am F C G"),
    )
    length = LoopLength(Fraction(4), Meter(4, 4), tour.tempo)
    conditions = wide_pipeline.condition(
        "pad",
        length=length,
        guidance_scale=3.0,
        columns=column_conditions(length, tour.key, tour.chords),
        controls=control_vector(length),
    )
    channels, rows = wide_pipeline.latent_shape
    loop = wide_pipeline.denoise(
        seeded_noise(5, channels, rows, length.columns).double(), conditions, num_inference_steps=STEPS
    ).float()
    halves = taken(denoiser(wide_pipeline, tour), 8)
    for index, half in enumerate(halves):
        own = loop[..., :32] if index % 2 == 0 else loop[..., 32:]
        torch.testing.assert_close(half, own, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("form", ["file", "loops"])
@pytest.mark.parametrize("first", [4, 5])
def test_a_run_that_begins_later_makes_the_same_bits(pipeline: LoopPipeline, form: str, first: int) -> None:
    tour = journey(form=form, piece_bars=4, bars=32, chords=Chords.parse("Am F C"))
    whole = taken(denoiser(pipeline, tour, last=15), 8)
    later = taken(denoiser(pipeline, tour, first=first, last=15), 8 - first)
    for a, b in zip(whole[first:], later, strict=True):
        assert torch.equal(a, b)


def test_an_endless_journey_begins_as_the_others_do_and_holds_no_more(pipeline: LoopPipeline) -> None:
    tour = journey(form="pieces", endless=True)
    run = denoiser(pipeline, tour, last=None)
    most = []
    for _ in range(30):
        run.take(lambda: None)
        most.append(run.alive)
    assert max(most) <= STEPS + 1 and max(most[:10]) == max(most[-10:])


def test_neighbours_share_the_prompt_of_their_bar(pipeline: LoopPipeline) -> None:
    moving = taken(denoiser(pipeline, journey()), 8)
    still = taken(denoiser(pipeline, journey(prompts=("pad", "pad"))), 8)
    apart = [float((a - b).norm()) for a, b in zip(moving, still, strict=True)]
    assert apart[0] < apart[3] < apart[7]


def test_what_stops_a_run_loses_nothing(pipeline: LoopPipeline) -> None:
    tour = journey()
    calm = taken(denoiser(pipeline, tour), 4)
    run = denoiser(pipeline, tour)
    ticks = iter(range(10**6))

    def stop() -> None:
        if next(ticks) % 2:
            raise CancelledError("a pad")

    disturbed: list[torch.Tensor] = []
    while len(disturbed) < 4:
        try:
            disturbed.append(run.take(stop))
        except CancelledError:
            continue
    assert all(torch.equal(a, b) for a, b in zip(calm, disturbed, strict=True))


def test_the_end_is_the_end(pipeline: LoopPipeline) -> None:
    run = denoiser(pipeline, journey(), last=1)
    taken(run, 2)
    with pytest.raises(DiffusionError, match="behind the end"):
        run.take(lambda: None)
