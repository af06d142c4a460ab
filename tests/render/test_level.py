"""What the level of a loop promises: its loudness, its true peak, and kept parts as they were."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from riffsidecar.audio import Waveform
from riffsidecar.audio.loudness import integrated_lufs, true_peak_dbtp
from riffsidecar.music import BarSpans, Tempo
from riffsidecar.render.level import levelled
from riffsidecar.session.requests import LoopRequest

RATE = 44_100
ASK = LoopRequest(prompt="drums", tempo=Tempo.parse(120), bars=Fraction(2))
KEEPING = replace(ASK, of_path="x.wav", of_sha256="0" * 64, keep_bars=BarSpans.parse("1"))


def rendered(seed: int, crest: float) -> Waveform:
    """Return noise with a hit on each beat, ``crest`` times as high as the noise."""
    dice = np.random.default_rng(seed)
    samples = 0.05 * dice.standard_normal((2, ASK.num_samples))
    for beat in range(8):
        at = beat * ASK.num_samples // 8
        samples[:, at : at + 400] *= crest * np.exp(-np.arange(400) / 100)
    smooth = (np.roll(samples, 1, axis=1) + 2 * samples + np.roll(samples, -1, axis=1)) / 4
    return Waveform(smooth.astype(np.float32), RATE)


@pytest.mark.parametrize(("crest", "reaches"), [(1.0, True), (4.0, True), (60.0, False)])
def test_a_loop_comes_to_its_loudness_unless_that_takes_too_much_limiting(
    crest: float, reaches: bool
) -> None:
    loop = levelled(rendered(1, crest), ASK, None)
    assert true_peak_dbtp(loop) <= -1.0
    assert (abs(integrated_lufs(loop) + 14.0) < 0.1) == reaches
    assert np.abs(loop.samples.mean(axis=1, dtype=np.float64)).max() < 1e-6


@pytest.mark.parametrize("crest", [1.0, 4.0, 60.0])
def test_kept_bars_stay_and_the_new_ones_are_limited_to_go_with_them(crest: float) -> None:
    kept = levelled(rendered(1, 2.0), ASK, None)
    earlier = SimpleNamespace(request=ASK, waveform=kept)
    loop = levelled(rendered(2, crest), KEEPING, earlier)  # type: ignore[arg-type]
    half, edge = ASK.num_samples // 2, ASK.num_samples // 16
    np.testing.assert_array_equal(loop.samples[:, edge : half - edge], kept.samples[:, edge : half - edge])
    assert true_peak_dbtp(loop) <= -0.999
    new = Waveform(np.ascontiguousarray(loop.samples[:, half + edge : -edge]), RATE)
    assert integrated_lufs(new) > -40.0
