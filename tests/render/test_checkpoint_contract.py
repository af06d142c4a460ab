"""What every checkpoint promises: the embedded model, and a small one in Stable Diffusion's layout.

The small one has random weights: these tests are about time, locks, seams and order, never about sound. It is
guided in half of the steps, as it is by itself, and in all of them.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from support_stable import write_layout

from riffsidecar.audio import Waveform, decode_wav, encode_wav
from riffsidecar.audio.seam import seam_measure
from riffsidecar.audio.tags import LoopTags
from riffsidecar.diffusion.checkpoints import load_pipeline
from riffsidecar.diffusion.pipeline import LoopPipeline
from riffsidecar.errors import CancelledError
from riffsidecar.music import BarSpans, Chords, Key, Meter, Tempo
from riffsidecar.render.journey_runs import start_run
from riffsidecar.render.messages import Again, RenderedLoop
from riffsidecar.render.render_loop import render_loop
from riffsidecar.session.journeys import JourneyPart, JourneyRequest
from riffsidecar.session.requests import LoopRequest

_GUIDED = {"share": 1.0}
"""The share of the steps that the checkpoint of the moment guides."""


@pytest.fixture(scope="module", params=["embedded", "stable, half guided", "stable, all guided"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> LoopPipeline:
    torch.set_num_threads(1)
    _GUIDED["share"] = 0.5 if "half" in request.param else 1.0
    if request.param == "embedded":
        return load_pipeline()
    return load_pipeline(write_layout(tmp_path_factory.mktemp("contract") / "model"))


def ask(**options: object) -> LoopRequest:
    values = {
        "prompt": "dusty drums",
        "tempo": Tempo.parse(187.5),
        "bars": Fraction(1),
        "quality": "draft",
        "guided": _GUIDED["share"],
        **options,
    }
    return LoopRequest(**values)  # type: ignore[arg-type]


def make(checkpoint: LoopPipeline, again: Again | None = None, **options: object) -> RenderedLoop:
    return render_loop(checkpoint, ask(**options), lambda stage, fraction: None, again=again)


def samples_of(loop: RenderedLoop) -> np.ndarray:
    return decode_wav(loop.wav).waveform.samples


def latents_of(loop: RenderedLoop) -> np.ndarray:
    latents = decode_wav(loop.wav).latents
    assert latents is not None
    return latents.astype(np.float64)


def stored(path: Path, wav: bytes) -> dict[str, object]:
    path.write_bytes(wav)
    return {"path": str(path), "sha256": hashlib.sha256(wav).hexdigest()}


def test_text_is_heard(checkpoint: LoopPipeline) -> None:
    drums, choir = make(checkpoint), make(checkpoint, prompt="choir")
    assert np.abs(samples_of(drums)).max() > 0.05
    assert not np.allclose(latents_of(drums), latents_of(choir), atol=1e-2)
    negative = make(checkpoint, negative="choir")
    assert not np.allclose(latents_of(drums), latents_of(negative), atol=1e-2)


@pytest.mark.parametrize(
    ("bpm", "meter", "bars", "rate"),
    [(93, "4/4", "1/2", 44100), (174, "7/8", 2, 48000), (61, "3/4", 1, 44100), (200, "5/16", 4, 96000)],
)
def test_bars_are_exact_at_any_tempo(
    checkpoint: LoopPipeline, bpm: int, meter: str, bars: object, rate: int
) -> None:
    loop = make(
        checkpoint,
        tempo=Tempo.parse(bpm),
        meter=Meter.parse(meter),
        bars=Fraction(str(bars)),
        sample_rate=rate,
        key=Key.parse("Am"),
        chords=Chords.parse("Am F"),
    )
    request = decode_wav(loop.wav).recipe
    assert request is not None
    exact = Fraction(str(bars)) * Meter.parse(meter).quarters_per_bar * 60 * rate / bpm
    assert loop.num_samples == samples_of(loop).shape[1] == round(exact)


def test_seed_audio_is_left_step_by_step(checkpoint: LoopPipeline, tmp_path: Path) -> None:
    source = stored(tmp_path / "source.wav", make(checkpoint, seed=77).wav)
    given = {"source_path": source["path"], "source_sha256": source["sha256"]}
    made = [latents_of(make(checkpoint, **given, strength=s)) for s in (0.0, 0.3, 0.6, 1.0)]
    away = [np.linalg.norm(each - made[0]) for each in made]
    assert away[0] == 0.0
    assert all(b > a for a, b in pairwise(away))


def test_any_audio_can_be_seed_audio(checkpoint: LoopPipeline, tmp_path: Path) -> None:
    time_s = np.arange(44100) / 44100
    tone = (0.3 * np.sin(2 * np.pi * 220 * time_s) * (time_s % 0.25 < 0.1)).astype(np.float32)
    wav = encode_wav(
        Waveform(np.stack([tone, tone]), 44100),
        "24",
        LoopTags(title="tone", bpm=Fraction(120), beats=2, meter=Meter(4, 4)),
    )
    source = stored(tmp_path / "tone.wav", wav)
    given = {"source_path": source["path"], "source_sha256": source["sha256"], "strength": 0.4}
    plain, seeded = make(checkpoint), make(checkpoint, **given)
    assert seeded.num_samples == plain.num_samples
    assert not np.allclose(latents_of(seeded), latents_of(plain), atol=1e-2)


def test_morph_leads_from_one_prompt_to_the_other(checkpoint: LoopPipeline) -> None:
    start, end = make(checkpoint), make(checkpoint, prompt="choir")
    ways = [latents_of(make(checkpoint, prompt_b="choir", morph=m)) for m in (0.0, 0.5, 1.0)]
    np.testing.assert_array_equal(ways[0], latents_of(start))
    np.testing.assert_array_equal(ways[2], latents_of(end))
    assert not np.allclose(ways[1], ways[0], atol=1e-2) and not np.allclose(ways[1], ways[2], atol=1e-2)


def test_locked_bars_keep_their_samples(checkpoint: LoopPipeline, tmp_path: Path) -> None:
    earlier = make(checkpoint, bars=Fraction(2), seed=3)
    source = stored(tmp_path / "earlier.wav", earlier.wav)
    given = {"of_path": source["path"], "of_sha256": source["sha256"]}
    kept = make(checkpoint, bars=Fraction(2), prompt="choir", seed=4, keep_bars=BarSpans.parse("2"), **given)
    before, after = samples_of(earlier), samples_of(kept)
    half = before.shape[1] // 2
    assert np.abs(after[:, half:] - before[:, half:]).max() < 1e-6
    assert np.abs(after[:, : half // 2] - before[:, : half // 2]).max() > 1e-2


def test_locked_bands_keep_their_latents(checkpoint: LoopPipeline, tmp_path: Path) -> None:
    earlier = make(checkpoint, seed=3)
    source = stored(tmp_path / "earlier.wav", earlier.wav)
    kept = make(
        checkpoint,
        prompt="choir",
        seed=4,
        of_path=source["path"],
        of_sha256=source["sha256"],
        keep_bands_hz=(0.0, 900.0),
    )
    before, after = latents_of(earlier), latents_of(kept)
    # In every model row 0 is the lowest band: it is kept, and the highest is not.
    np.testing.assert_array_equal(after[:, 0], before[:, 0])
    assert not np.allclose(after[:, -1], before[:, -1], atol=1e-2)


def test_a_loop_has_no_seam(checkpoint: LoopPipeline) -> None:
    loop = make(checkpoint, bars=Fraction(2), seed=5)
    assert loop.seam["jump"] < 4.0
    samples = samples_of(loop)[0].astype(np.float64)
    steps = np.abs(np.diff(samples))
    assert abs(samples[0] - samples[-1]) <= steps.max()


def test_a_stopped_render_stops_at_its_step_and_leaves_nothing_behind(checkpoint: LoopPipeline) -> None:
    heard: list[str] = []

    def stop(stage: str, fraction: float) -> None:
        heard.append(stage)
        if stage == "denoise" and fraction > 0.2:
            raise CancelledError("a newer request")

    expected = make(checkpoint, seed=6).wav
    with pytest.raises(CancelledError, match="newer"):
        render_loop(checkpoint, ask(seed=6), stop)
    assert "decode" not in heard and heard.count("denoise") < 6
    assert make(checkpoint, seed=6).wav == expected


def test_the_same_request_gives_the_same_bytes_and_latents_give_them_back(checkpoint: LoopPipeline) -> None:
    loop = make(checkpoint, seed=9, drift=0.3)
    assert make(checkpoint, seed=9, drift=0.3).wav == loop.wav
    assert make(checkpoint, seed=10, drift=0.3).wav != loop.wav
    assert make(checkpoint, Again(loop.wav, denoise=False), seed=9, drift=0.3).wav == loop.wav


def travel(**values: object) -> JourneyRequest:
    given = {
        "prompts": ("drums", "choir"),
        "tempo": Tempo.parse("187.53"),
        "bars": 5,
        "form": "pieces",
        "piece_bars": 2,
        "guided": _GUIDED["share"],
        **values,
    }
    return JourneyRequest(**given)  # type: ignore[arg-type]


Part = tuple[np.ndarray, np.ndarray | None, str]


def pieces(checkpoint: LoopPipeline, tour: JourneyRequest, first: int = 0, anchor: str = "") -> list[Part]:
    """Return the pieces of a journey from one on, each in three steps."""
    run = start_run(checkpoint, JourneyPart(tour, first, anchor or None), num_inference_steps=3)
    return [run.render(lambda *_: None) for _ in range(first, tour.num_pieces or 0)]


def test_a_journey_is_exact_and_its_cuts_change_nothing(checkpoint: LoopPipeline) -> None:
    tour = travel()
    made = pieces(checkpoint, tour)
    whole = pieces(checkpoint, travel(piece_bars=5))[0][0]
    assert [samples.shape for samples, _, _ in made] == [
        (2, tour.piece(index).num_samples) for index in range(3)
    ]
    np.testing.assert_array_equal(np.concatenate([samples for samples, _, _ in made], axis=1), whole)
    assert whole.shape[1] == round(5 * 4 * Fraction(60) * 44100 / Fraction("187.53"))
    assert 0.02 < np.abs(whole).max() < 1.0


def test_a_journey_goes_on_from_any_piece_with_the_same_latents(checkpoint: LoopPipeline) -> None:
    tour = travel(bars=8)
    whole, later = pieces(checkpoint, tour), pieces(checkpoint, tour, first=2)
    for (_, before, _), (_, after, _) in zip(whole[2:], later, strict=True):
        assert before is not None and after is not None
        np.testing.assert_array_equal(after, before)


def test_a_journey_leads_from_one_prompt_to_the_other(checkpoint: LoopPipeline) -> None:
    def latents(**values: object) -> list[np.ndarray]:
        made = pieces(checkpoint, travel(bars=8, piece_bars=2, drift=0.0, **values))
        return [each.astype(np.float64) for _, each, _ in made if each is not None]

    moving, still = latents(), latents(prompts=("drums", "drums"))
    apart = [np.linalg.norm(a - b) for a, b in zip(moving, still, strict=True)]
    assert len(apart) == 4 and apart[0] < apart[1] < apart[3]


def test_loops_of_a_journey_loop_and_follow_each_other(checkpoint: LoopPipeline) -> None:
    tour = travel(form="loops", bars=6)
    made = pieces(checkpoint, tour)
    chain = np.concatenate([samples for samples, _, _ in made], axis=1)
    assert max(seam_measure(chain, [tour.start_sample(2), tour.start_sample(4)]).inner_jumps) < 2.0
    assert all(seam_measure(samples, [0]).jump < 2.0 for samples, _, _ in made)
    alone = pieces(checkpoint, tour, first=2, anchor=made[2][2])
    np.testing.assert_array_equal(alone[0][0], made[2][0])


def test_a_journey_that_is_stopped_makes_the_same_samples(checkpoint: LoopPipeline) -> None:
    tour = travel(bars=2)
    calm = pieces(checkpoint, tour)[0][0]
    run = start_run(checkpoint, JourneyPart(tour, 0), num_inference_steps=3)
    left = 0

    def stop(stage: str, fraction: float) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise CancelledError("a pad")

    stopped = 0
    for calls in (1, 4, 9, 10**6):
        left = calls
        try:
            samples = run.render(stop)[0]
        except CancelledError:
            stopped += 1
    assert stopped == 3
    np.testing.assert_array_equal(samples, calm)
