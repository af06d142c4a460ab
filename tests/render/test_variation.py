"""What a session asks for sounds as it says, on a tiny untrained pipeline; and earlier loops are told of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from support_diffusion import tiny_pipeline
from support_pipeline import DIGEST, wav_bytes
from support_session import make_bank

from riffsidecar.audio import decode_wav
from riffsidecar.audio.content import content_digest
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.render.cache import LoopCache
from riffsidecar.render.drop import DropFolder
from riffsidecar.render.messages import Again, Ready, RenderedLoop
from riffsidecar.render.render_loop import render_loop
from riffsidecar.render.service import RenderService
from riffsidecar.session import BankLibrary, Landed, Loop, LoopRequest, Perform, Session, SetKnob, TriggerPad
from riffsidecar.session.events import Acked, Event, Failed, Finished, Origin
from riffsidecar.session.outcomes import Announcement

ME = Origin("test", "me", "1")


@pytest.fixture(scope="module")
def pipeline() -> LoopPipeline:
    torch.set_num_threads(1)
    return tiny_pipeline()


class Player:
    """Play a session and render what it asks for at once."""

    def __init__(self, pipeline: LoopPipeline, folder: Path) -> None:
        self.pipeline = pipeline
        self.folder = folder
        self.session = Session.start(BankLibrary((make_bank(tempo=140),)))
        self.play(SetKnob("quality", "draft"))

    def play(self, command: object) -> Loop | None:
        outcome = self.session.apply(command)  # type: ignore[arg-type]
        self.session = outcome.session
        for slot, request in outcome.renders:
            wav = render_loop(self.pipeline, request, lambda stage, fraction: None).wav
            path = self.folder / f"{request.digest[:16]}.wav"
            path.write_bytes(wav)
            self.session = self.session.apply(
                Landed(slot, Loop(request, str(path), content_digest(wav)))
            ).session
        return self.session.slot(1).loop


@pytest.fixture
def player(pipeline: LoopPipeline, tmp_path: Path) -> Player:
    return Player(pipeline, tmp_path)


def latents(loop: Loop | None) -> np.ndarray:
    assert loop is not None
    found = decode_wav(Path(loop.path).read_bytes()).latents
    assert found is not None
    return found.astype(np.float64)


def samples(loop: Loop | None) -> np.ndarray:
    assert loop is not None
    return decode_wav(Path(loop.path).read_bytes()).waveform.samples.astype(np.float64)


def test_the_next_loop_goes_the_further_from_the_current_one_the_higher_strength_is(player: Player) -> None:
    base = latents(player.play(TriggerPad(1)))
    distances = []
    for strength in (0.0, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85):
        moved = latents(player.play(SetKnob("strength", strength)))
        distances.append(float(np.sqrt(np.mean((moved - base) ** 2))))
    assert distances[0] == 0.0 and distances[1] > 0.0
    assert all(before < after for before, after in pairwise(distances))
    assert distances[-1] > 0.5 * float(np.sqrt(np.mean(base**2)))


def test_only_the_bar_that_is_changed_sounds_otherwise(player: Player) -> None:
    before = samples(player.play(TriggerPad(1)))
    after = samples(player.play(Perform("change", (2,))))
    bar = before.shape[1] // 2
    edge = bar // 16
    np.testing.assert_allclose(after[:, edge : bar - edge], before[:, edge : bar - edge], atol=1e-6)
    moved = after[:, bar + edge : -edge] - before[:, bar + edge : -edge]
    assert np.sum(moved**2) > 0.1 * np.sum(before[:, bar + edge : -edge] ** 2)


def test_a_fill_leaves_all_before_it_as_it_was(player: Player) -> None:
    before = samples(player.play(TriggerPad(1)))
    after = samples(player.play(Perform("fill", (0.5,))))
    bar = before.shape[1] // 2
    edge = bar // 16
    kept = slice(edge, bar + bar // 2 - edge)
    np.testing.assert_allclose(after[:, kept], before[:, kept], atol=1e-6)
    assert np.abs(after - before)[:, -bar // 4 :].max() > 0.01


def test_a_loop_of_a_loop_of_a_loop_carries_only_the_one_it_was_made_from(player: Player) -> None:
    player.play(TriggerPad(1))
    sizes = []
    for _ in range(3):
        loop = player.play(Perform("like", (0.3,)))
        assert loop is not None
        sizes.append(Path(loop.path).stat().st_size)
    assert max(sizes) - min(sizes) < 1000


def test_a_variation_is_made_again_from_what_its_file_carries(
    player: Player, pipeline: LoopPipeline, tmp_path: Path
) -> None:
    player.play(TriggerPad(1))
    player.play(Perform("like", (0.3,)))
    loop = player.play(Perform("like", (0.3,)))
    assert loop is not None
    wav = Path(loop.path).read_bytes()
    source = decode_wav(wav).source
    assert source is not None
    alone = tmp_path / "alone.wav"
    alone.write_bytes(source)
    request = replace(loop.request, source_path=str(alone))
    again = render_loop(pipeline, request, lambda stage, fraction: None, again=Again(wav))
    assert again.latents_db == -np.inf
    np.testing.assert_array_equal(decode_wav(again.wav).waveform.samples, samples(loop))


class QuietWorker:
    """Render silence at once, or hold a render whose prompt says so."""

    def __init__(self) -> None:
        self.ready: Ready | None = None
        self.rest_s = 0.0
        self.renders = 0
        self.in_step, self.go = threading.Event(), threading.Event()

    def start(self) -> Ready:
        self.ready = Ready(DIGEST, {}, 0.0)
        return self.ready

    def render(
        self, job_id: int, request: LoopRequest, on_progress: Callable[[str, float], None] | None = None
    ) -> RenderedLoop:
        self.renders += 1
        if "held" in request.prompt:
            self.in_step.set()
            assert self.go.wait(10)
        wav = wav_bytes(request)
        return RenderedLoop(wav, "riff", request.num_samples, request.sample_rate, -14.0, {}, {}, {})

    def tend(self) -> bool:
        return True

    def cancel(self, job_id: int) -> None:
        self.go.set()

    def close(self, timeout_s: float = 3.0) -> None:
        self.go.set()


class Stage:
    """A service that keeps its events."""

    def __init__(self, folder: Path) -> None:
        self.worker = QuietWorker()
        self.events: list[Event] = []
        self._changed = threading.Condition()
        self.service = RenderService(self.worker, DropFolder(folder), LoopCache(50_000_000), self._emit)
        self.service.start()

    def _emit(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def ends(self, count: int) -> list[Finished | Failed]:
        def found() -> list[Finished | Failed]:
            return [event for event in self.events if isinstance(event, Finished | Failed)]

        with self._changed:
            assert self._changed.wait_for(lambda: len(found()) >= count, timeout=10), self.events
        return found()

    def loop(self, request: LoopRequest) -> Loop:
        self.service.submit(3, request, [ME])
        (finished,) = self.ends(1)
        assert isinstance(finished, Finished) and finished.loop is not None
        self.events.clear()
        return finished.loop


@pytest.fixture
def stage(tmp_path: Path, request: pytest.FixtureRequest) -> Stage:
    stage = Stage(tmp_path)
    request.addfinalizer(stage.service.close)
    return stage


def told(loop: Loop, *, may_remake: bool = True, supersedes: bool = True) -> Announcement:
    return Announcement(3, loop, may_remake, supersedes)


def test_a_loop_tells_what_it_is_and_where(stage: Stage, request_120: LoopRequest) -> None:
    loop = stage.loop(request_120)
    assert loop.request == request_120 and loop.sha256 == content_digest(Path(loop.path).read_bytes())


def test_an_earlier_loop_is_told_of_and_not_published_again(stage: Stage, request_120: LoopRequest) -> None:
    loop = stage.loop(request_120)
    stage.service.announce(told(loop), [ME])
    assert [type(event) for event in stage.events] == [Acked, Finished]
    finished = stage.events[-1]
    assert isinstance(finished, Finished)
    assert (finished.path, finished.slot, finished.cached, finished.loop) == (loop.path, 3, True, loop)
    assert finished.num_samples == request_120.num_samples
    assert len(list(Path(loop.path).parent.glob("*.wav"))) == 1


def test_an_earlier_loop_whose_file_has_gone_comes_from_the_cache_under_a_new_name(
    stage: Stage, request_120: LoopRequest
) -> None:
    loop = stage.loop(request_120)
    Path(loop.path).unlink()
    stage.service.announce(told(loop), [ME])
    (finished,) = stage.ends(1)
    assert isinstance(finished, Finished) and finished.path != loop.path
    assert Path(finished.path).is_file() and stage.worker.renders == 1


def test_a_favourite_whose_file_has_gone_or_changed_is_an_error_and_is_not_made_anew(
    stage: Stage, request_120: LoopRequest
) -> None:
    loop = stage.loop(request_120)
    Path(loop.path).write_bytes(b"another")
    stage.service.announce(told(loop, may_remake=False), [ME])
    Path(loop.path).unlink()
    stage.service.announce(told(loop, may_remake=False), [ME])
    ends = stage.ends(2)
    assert all(isinstance(end, Failed) and end.code == "drop-folder" and end.slot == 3 for end in ends)
    assert stage.worker.renders == 1 and not list(Path(loop.path).parent.glob("*.wav"))


@pytest.mark.parametrize("supersedes", [True, False])
def test_going_back_gives_up_what_the_slot_renders_and_keeping_does_not(
    stage: Stage, request_120: LoopRequest, supersedes: bool
) -> None:
    loop = stage.loop(request_120)
    stage.service.submit(3, replace(request_120, prompt="held", bars=Fraction(2)), [ME])
    assert stage.worker.in_step.wait(10)
    stage.service.announce(told(loop, supersedes=supersedes), [ME])
    stage.worker.go.set()
    ends = stage.ends(2)
    failed = [end.code for end in ends if isinstance(end, Failed)]
    assert failed == (["superseded"] if supersedes else [])
