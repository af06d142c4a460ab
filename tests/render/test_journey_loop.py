"""Pieces of a journey from a tiny model: exact, repeatable, and held one at a time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support_diffusion import tiny_pipeline
from support_stable import write_layout

from riffsidecar.audio.seam import seam_measure
from riffsidecar.audio.wav import decode_wav
from riffsidecar.diffusion.flow_map import FlowMapAdapter
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.placement import Placement
from riffsidecar.diffusion.shelf import ModelShelf
from riffsidecar.errors import CancelledError, ModelError
from riffsidecar.models.local import install_local
from riffsidecar.models.store import ModelStore
from riffsidecar.music import Tempo
from riffsidecar.render.journey_decode import DECODER_REACH
from riffsidecar.render.journey_loop import JourneyRenderer
from riffsidecar.render.journey_runs import start_run
from riffsidecar.session.journeys import JourneyPart, JourneyRequest

STEPS = 2


@pytest.fixture(scope="module")
def pipeline() -> LoopPipeline:
    torch.set_num_threads(1)
    return tiny_pipeline()


def journey(**values: object) -> JourneyRequest:
    given = {"prompts": ("a", "b"), "tempo": Tempo.parse("155.37"), "bars": 7, "form": "pieces", **values}
    return JourneyRequest(**{"piece_bars": 3, **given})  # type: ignore[arg-type]


def test_the_decoder_hears_no_further_than_its_reach(pipeline: LoopPipeline) -> None:
    latents = np.random.default_rng(0).standard_normal((8, 32, 64)).astype(np.float32)
    changed = latents.copy()
    changed[..., 32:] = 0.0
    difference = np.abs(pipeline.decode(latents) - pipeline.decode(changed)).max(axis=(0, 1))
    heard = np.flatnonzero(difference > 0)
    assert heard.min() >= (32 - DECODER_REACH) * 16 or heard.min() < DECODER_REACH * 16
    middle = difference[DECODER_REACH * 16 : (32 - DECODER_REACH) * 16]
    assert middle.max() == 0.0


def test_pieces_are_exact_and_their_cuts_change_nothing(pipeline: LoopPipeline) -> None:
    whole = start_run(pipeline, JourneyPart(journey(piece_bars=7), 0), STEPS).render(lambda *_: None)[0]
    run = start_run(pipeline, JourneyPart(journey(), 0), STEPS)
    pieces = [run.render(lambda *_: None) for _ in range(3)]
    assert [samples.shape[1] for samples, _, _ in pieces] == [
        journey().piece(index).num_samples for index in range(3)
    ]
    assert np.array_equal(np.concatenate([samples for samples, _, _ in pieces], axis=1), whole)
    assert [latents.shape[-1] for _, latents, _ in pieces if latents is not None] == [48, 48, 16]
    assert whole.shape[1] == journey().num_samples and float(np.abs(whole).max()) < 1.0


def test_an_endless_run_holds_no_more_the_longer_it_goes_on(pipeline: LoopPipeline) -> None:
    tour = journey(endless=True, piece_bars=2, tempo=Tempo.parse(159))
    run = start_run(pipeline, JourneyPart(tour, 0), STEPS)
    held = []
    for _ in range(14):
        run.render(lambda *_: None)
        held.append(run.held)
    assert held[4:9] == held[9:14] or np.ptp(np.array(held[4:]), axis=0)[:2].max() == 0
    assert np.ptp([samples for _, _, samples in held[4:]]) <= 2


def test_a_run_that_is_stopped_everywhere_makes_the_same_samples(pipeline: LoopPipeline) -> None:
    tour = journey(bars=2, piece_bars=2)
    calm = start_run(pipeline, JourneyPart(tour, 0), STEPS).render(lambda *_: None)[0]
    run = start_run(pipeline, JourneyPart(tour, 0), STEPS)
    left = 0

    def stop(stage: str, fraction: float) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise CancelledError("a pad")

    for calls in (1, 3, 5, 9, 20, 10**6):
        left = calls
        try:
            samples = run.render(stop)[0]
        except CancelledError:
            continue
        break
    assert np.array_equal(samples, calm)


def test_loops_loop_and_follow_each_other(pipeline: LoopPipeline) -> None:
    tour = journey(form="loops", bars=6, piece_bars=2)
    run = start_run(pipeline, JourneyPart(tour, 0), STEPS)
    made = [run.render(lambda *_: None) for _ in range(3)]
    lines = [tour.start_sample(2), tour.start_sample(4)]
    chain = seam_measure(np.concatenate([samples for samples, _, _ in made], axis=1), lines)
    assert max(chain.inner_jumps) < 1.0
    assert all(seam_measure(samples, [0]).jump < 1.0 for samples, _, _ in made)
    assert len({tie for _, _, tie in made}) == 1
    alone = start_run(pipeline, JourneyPart(tour, 2, made[2][2]), STEPS).render(lambda *_: None)
    assert np.array_equal(alone[0], made[2][0])


def renderer_of(pipeline: LoopPipeline, store: ModelStore) -> JourneyRenderer:
    shelf = ModelShelf(pipeline, "d" * 64, store, Placement("cpu", torch.float32))
    return JourneyRenderer(
        SimpleNamespace(shelf=shelf, checkpoint="d" * 64, environment={"threads": "1"}, devices=())
    )


def test_drafts_of_a_journey_do_not_leap(tmp_path: Path) -> None:
    usual, leaping = tiny_pipeline(), tiny_pipeline()
    shape = {name: value for name, value in leaping.denoiser.config.items() if not name.startswith("_")}
    leaping.register_modules(flow_map=FlowMapAdapter(shape, rank=4))
    store = ModelStore(tmp_path / "store")
    tour = journey(form="pieces", bars=6, piece_bars=2, quality="draft", tempo=Tempo.parse(159))
    one, other = renderer_of(usual, store), renderer_of(leaping, store)
    for index in range(3):
        part = JourneyPart(tour, index)
        assert other.render(part, lambda *_: None).wav == one.render(part, lambda *_: None).wav
        leaping.kind.set_distilled(True)


def test_the_renderer_goes_on_or_begins_anew(pipeline: LoopPipeline, tmp_path: Path) -> None:
    renderer = renderer_of(pipeline, ModelStore(tmp_path / "store"))
    tour = journey(form="loops", bars=4, piece_bars=2, quality="draft", tempo=Tempo.parse(159))
    loops = [renderer.render(JourneyPart(tour, index), lambda *_: None) for index in (0, 1)]
    recipe = decode_wav(loops[1].wav).recipe
    assert recipe is not None
    again = renderer.render(JourneyPart(tour, 1, recipe["anchor"]), lambda *_: None)
    assert again.wav == loops[1].wav and loops[0].stem.startswith("riff_159_j001_a_b_2b")
    with pytest.raises(ModelError, match="other"):
        renderer.render(JourneyPart(replace(tour, model="other"), 0), lambda *_: None)
    other = renderer.render(JourneyPart(replace(tour, seed=9), 0), lambda *_: None)
    assert other.wav != loops[0].wav


def test_an_installed_model_makes_the_journey_that_names_it(pipeline: LoopPipeline, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "store")
    install_local(store, "small", write_layout(tmp_path / "model"), "")
    renderer = renderer_of(pipeline, store)
    tour = journey(bars=2, piece_bars=2, quality="draft", tempo=Tempo.parse(187.5))
    embedded = renderer.render(JourneyPart(tour, 0), lambda *_: None)
    small = renderer.render(JourneyPart(replace(tour, model="small"), 0), lambda *_: None)
    assert small.num_samples == embedded.num_samples and small.wav != embedded.wav
    assert small.environment["checkpoint"] != embedded.environment["checkpoint"]
    recipe = decode_wav(small.wav).recipe
    assert recipe is not None and recipe["model"] == "small"
