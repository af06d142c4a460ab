"""What a render takes from an earlier loop, wherever that came from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support_journey import made

from riffsidecar.music import BarSpans, Tempo
from riffsidecar.render.ingredients import load_earlier
from riffsidecar.session.journeys import JourneyPart, JourneyRequest
from riffsidecar.session.passages import Passage

TOUR = JourneyRequest(prompts=("a", "b"), tempo=Tempo.parse(159), bars=4, form="loops", piece_bars=2)


def test_bars_of_a_journeys_loop_can_be_kept(tmp_path: Path) -> None:
    loop, request = made(JourneyPart(TOUR, 1)), Passage(TOUR, 1).request
    path = tmp_path / "j002.wav"
    path.write_bytes(loop.wav)
    keeping = replace(request, of_path=str(path), of_sha256=loop.sha256, keep_bars=BarSpans.parse(1))
    earlier = load_earlier(keeping)
    assert earlier is not None and earlier.request == request and earlier.latents is not None
    assert (earlier.latents == 1).all() and earlier.waveform.num_samples == loop.num_samples
