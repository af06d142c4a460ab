"""The gallery's figures: sharp onsets, clean basses; and its sheet."""

from __future__ import annotations

import numpy as np

from benchmarks.gallery import Pair, bass_contrast_db, draw, onset_crest_db, report, scores
from riffsidecar.spectrogram import BEAT_GRID
from riffsidecar.training.compose import GENRES
from riffsidecar.training.evaluation.loops import Loop
from riffsidecar.training.score import FAMILIES

RATE = BEAT_GRID.sample_rate
TIME = np.arange(2 * RATE) / RATE
NOISE = np.random.default_rng(0).standard_normal((2, 2 * RATE))


def test_sharp_onsets_stand_out_and_soft_ones_less() -> None:
    since = TIME % 0.5
    sharp, soft = (
        onset_crest_db(NOISE * np.minimum(since / attack_s, 1.0) * np.exp(-since / 0.05), 4.0)
        for attack_s in (0.001, 0.08)
    )
    assert sharp > soft + 3.0 > onset_crest_db(NOISE, 4.0) + 3.0
    assert np.isnan(onset_crest_db(np.zeros((2, RATE)), 2.0))


def test_a_bass_among_noise_has_less_contrast_and_no_bass_has_none() -> None:
    tone = np.stack([0.3 * np.sin(2 * np.pi * 55.0 * TIME)] * 2)
    muddy = bass_contrast_db(tone + 0.1 * NOISE)
    assert bass_contrast_db(tone) > muddy + 10.0 > 10.0
    assert np.isnan(bass_contrast_db(np.zeros((2, RATE))))


def test_the_gallery_goes_through_every_genre_and_every_family() -> None:
    drawn = list(scores(len(GENRES), 1))
    assert {score.attributes.genre for score in drawn} == set(GENRES)
    assert {score.attributes.family for score in drawn} == set(FAMILIES)


def test_a_sheet_has_a_cell_for_each_pair_and_the_report_ratios_to_composed_loops() -> None:
    score = next(scores(1, 1))
    samples = (0.1 * NOISE[:, : score.length.num_samples(RATE)]).astype(np.float32)
    samples = np.resize(samples, (2, score.length.num_samples(RATE)))
    loop = Loop(score.length, samples, np.zeros((2, 1, 1), np.float32))
    one, three = (draw([Pair("a prompt", score, loop, loop, loop)] * count, 2) for count in (1, 3))
    assert one.width == three.width and three.height == 2 * one.height
    assert np.asarray(three)[-60:, : three.width // 2].max() > 50 > np.asarray(three)[-60:, -100:].max()
    row = {name: 10.0 for name in ("kHz", "onset crest dB", "bass contrast dB")}
    line = {"prompt": "p", "family": "drums", "composed": row, "codec": row, "model": {**row, "kHz": 8.0}}
    lines = list(report([line]))
    assert any("all" in text and "0.80" in text and "1.00" in text for text in lines)
