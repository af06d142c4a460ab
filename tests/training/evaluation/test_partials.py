"""Jitter and shimmer of held partials: what they tell and what they leave alone."""

from __future__ import annotations

import numpy as np

from riffsidecar.spectrogram import BEAT_GRID, analyse, synthesise
from riffsidecar.training.compose import compose
from riffsidecar.training.evaluation.partials import steadiness, with_blurred_phases
from riffsidecar.training.render import render_score

RATE = BEAT_GRID.sample_rate
TIME = np.arange(2 * RATE) / RATE


def chord() -> np.ndarray:
    return np.stack([sum(0.1 * np.sin(2 * np.pi * hertz * TIME) for hertz in (220.0, 277.2, 329.6))])


def swaying(cents: float) -> np.ndarray:
    """A tone with a vibrato of 5.5 Hz."""
    deviation = 440.0 * (2 ** (cents / 1200) - 1)
    return np.stack([0.1 * np.sin(2 * np.pi * 440 * TIME + deviation / 5.5 * np.sin(2 * np.pi * 5.5 * TIME))])


def test_a_steady_chord_has_next_to_none_of_either() -> None:
    heard = steadiness(chord())
    assert heard.held > 0.95
    assert heard.jitter_cents < 0.3 and heard.shimmer_db < 0.05


def test_shimmer_grows_with_roughness_and_jitter_with_vibrato() -> None:
    rough = [
        steadiness(chord() * (1 + depth * np.sin(2 * np.pi * 18 * TIME))).shimmer_db
        for depth in (0.0, 0.1, 0.3, 0.6)
    ]
    assert rough == sorted(rough) and rough[3] > 5 * rough[1] > 10 * rough[0]
    jitter = [steadiness(swaying(cents)).jitter_cents for cents in (0.0, 10.0, 30.0)]
    assert jitter == sorted(jitter) and jitter[2] > 2 * jitter[1] > 10 * jitter[0]


def test_slow_vibrato_and_decay_count_little() -> None:
    assert steadiness(swaying(30.0)).jitter_cents < 30.0 / 6
    assert steadiness(chord() * 10 ** (-TIME)).shimmer_db < 0.03


def test_blurred_phases_make_partials_rough_and_let_some_go() -> None:
    true, heard = steadiness(chord()), steadiness(with_blurred_phases(chord()))
    assert 0.5 < heard.held < true.held
    assert heard.shimmer_db > 10 * true.shimmer_db
    assert heard.jitter_cents > 10 * true.jitter_cents


def test_what_holds_no_note_has_no_figures() -> None:
    clicks = np.zeros((2, RATE))
    clicks[:, ::11025] = 1.0
    for samples in (np.zeros((2, RATE)), clicks):
        heard = steadiness(samples)
        assert heard.held == 0.0 and np.isnan(heard.jitter_cents) and np.isnan(heard.shimmer_db)


def test_a_composed_pad_stays_steady_through_the_reconstruction_of_its_phases() -> None:
    score = compose(3, family="choir-pad", bars=1)
    pad = render_score(score, soundfont=None)
    heard = synthesise(analyse(pad, score.length.frames), pad.shape[1])
    true, through, blurred = (steadiness(samples) for samples in (pad, heard, with_blurred_phases(pad)))
    assert true.held > 0.5 and through.held > 0.5
    assert through.shimmer_db - true.shimmer_db < 0.3 * (blurred.shimmer_db - true.shimmer_db)
    assert through.jitter_cents < 0.5 * blurred.jitter_cents
