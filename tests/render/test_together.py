"""Loops that differ in their seed alone are denoised in one run, and are what they are by themselves."""

from __future__ import annotations

from ctypes import c_longlong
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from support_diffusion import tiny_pipeline
from support_stable import write_layout

from riffsidecar.audio import decode_wav
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.diffusion.placement import Placement
from riffsidecar.diffusion.shelf import ModelShelf
from riffsidecar.errors import CancelledError, DiffusionError
from riffsidecar.models.local import install_local
from riffsidecar.models.store import ModelStore
from riffsidecar.music import LoopLength, Tempo
from riffsidecar.render.messages import RenderDone, RenderedLoop, RenderJob
from riffsidecar.render.render_loop import LoopRenderer
from riffsidecar.render.together import alike
from riffsidecar.render.worker_main import _serve
from riffsidecar.session.requests import LoopRequest


@pytest.fixture(scope="module")
def renderer(tmp_path_factory: pytest.TempPathFactory) -> LoopRenderer:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("together")
    store = ModelStore(folder / "store")
    install_local(store, "small", write_layout(folder / "model"), "")
    shelf = ModelShelf(tiny_pipeline(), "d" * 64, store, Placement("cpu", torch.float32))
    return LoopRenderer(shelf, "d" * 64, {"threads": "1"})


def ask(seed: int, **options: Any) -> LoopRequest:
    given = {"prompt": "bass", "tempo": Tempo.parse(187.5), "bars": Fraction(1), "model": "small", **options}
    return LoopRequest(seed=seed, quality="draft", **given)


def small(renderer: LoopRenderer, at_once: int) -> LoopPipeline:
    pipeline = renderer.shelf.take("small").pipeline
    pipeline.loops_at_once = at_once
    return pipeline


def rendered(renderer: LoopRenderer, requests: list[LoopRequest]) -> list[RenderedLoop]:
    return [
        renderer.render(request, lambda *_: None, beside=requests[index + 1 :])
        for index, request in enumerate(requests)
    ]


def latents_of(loop: RenderedLoop) -> np.ndarray:
    latents = decode_wav(loop.wav).latents
    assert latents is not None
    return latents.astype(np.float32)


@pytest.mark.parametrize("options", [{}, {"anchor": "none"}, {"seam": "repaint"}, {"drift": 0.3}])
def test_loops_made_together_are_those_made_alone(renderer: LoopRenderer, options: dict[str, Any]) -> None:
    requests = [ask(seed, **options) for seed in (1, 2, 3)]
    small(renderer, 1)
    alone = rendered(renderer, requests)
    pipeline = small(renderer, 2)
    sizes: list[int] = []
    watch = pipeline.denoiser.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    together = rendered(renderer, requests)
    watch.remove()
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(latents_of(other), latents_of(one), rtol=0, atol=0.02)
    # Two loops with guidance are four pictures and without it two; the third loop is left to itself.
    guided, free = sizes.count(4), sizes.count(1)
    assert free > 2 and 0 <= guided - free <= 1
    assert sizes.count(2) == guided + free and len(sizes) == 2 * (guided + free)
    assert [loop.environment.get("together") for loop in together] == ["2", "2", None]
    assert [loop.environment.get("together") for loop in alone] == [None] * 3


def test_only_what_differs_in_its_seed_alone_goes_together() -> None:
    first = ask(1)
    assert alike(first, [ask(2), ask(3, prompt="choir"), ask(4)], 8) == (first, ask(2))
    assert alike(first, [ask(2), ask(3)], 2) == (first, ask(2))
    assert alike(first, [ask(2)], 1) == (first,)


def test_what_something_else_came_between_is_made_anew(renderer: LoopRenderer) -> None:
    pipeline = small(renderer, 4)
    requests = [ask(seed) for seed in (5, 6)]
    renderer.render(requests[0], lambda *_: None, beside=requests[1:])
    renderer.render(ask(7), lambda *_: None)
    calls: list[int] = []
    watch = pipeline.denoiser.register_forward_pre_hook(lambda *_: calls.append(1))
    late = renderer.render(requests[1], lambda *_: None)
    watch.remove()
    assert calls and "together" not in late.environment


def test_a_run_together_can_be_stopped_and_leaves_nothing(renderer: LoopRenderer) -> None:
    small(renderer, 4)
    requests = [ask(seed) for seed in (8, 9)]

    def stop(stage: str, fraction: float) -> None:
        if stage == "denoise" and fraction > 0.3:
            raise CancelledError("a newer request")

    with pytest.raises(CancelledError):
        renderer.render(requests[0], stop, beside=requests[1:])
    assert renderer.together.take("", requests[1]) is None
    assert "together" not in renderer.render(requests[1], lambda *_: None).environment


def test_the_embedded_kind_makes_one_at_a_time(renderer: LoopRenderer) -> None:
    requests = [ask(seed, model="embedded") for seed in (1, 2)]
    assert [loop.environment.get("together") for loop in rendered(renderer, requests)] == [None, None]
    pipeline = renderer.pipeline
    length = LoopLength.parse(1, "4/4", 187.5)
    noise = torch.stack([pipeline.noise(seed, 0.0, length) for seed in (1, 2)])
    with pytest.raises(DiffusionError, match="one at a time"):
        pipeline.denoise_together(noise, pipeline.condition("bass", length=length))


def test_the_worker_is_told_what_follows(renderer: LoopRenderer) -> None:
    told: list[dict[str, Any]] = []
    loop = rendered(renderer, [ask(1)])[0]

    class Listening:
        def render(self, request: Any, progress: Any, again: Any = None, **given: Any) -> RenderedLoop:
            told.append(given)
            return loop

    sent: list[object] = []
    line: Any = SimpleNamespace(send=sent.append)
    listening: Any = Listening()
    for beside in ((), (ask(2),)):
        assert _serve(line, c_longlong(-1), listening, RenderJob(1, ask(1), None, beside))
    assert told == [{}, {"beside": (ask(2),)}] and all(isinstance(each, RenderDone) for each in sent)
