"""The controls are heard: more onsets are denser, more treble is brighter, more sound has more energy."""

from __future__ import annotations

import numpy as np

from riffsidecar.music import LoopLength
from riffsidecar.training.controls import control_figures, ranked_within

LENGTH = LoopLength.parse(2, "4/4", 120)


def _hits(every: int, *, low: int = 0, high: int = 256, level: float = 1.0) -> np.ndarray:
    """Decaying hits every so many frames, in the bands ``low`` to ``high``."""
    spectrogram = np.full((2, 256, LENGTH.frames), -1.0, np.float32)
    decay = np.maximum(level - np.arange(every) / 24.0, -1.0)
    spectrogram[:, low:high] = np.tile(decay, LENGTH.frames // every)
    return spectrogram


def test_density_counts_onsets_a_quarter() -> None:
    assert [control_figures(_hits(every), LENGTH)[0] for every in (64, 32, 16)] == [1.0, 2.0, 4.0]


def test_density_is_that_of_the_music_and_not_of_the_clock() -> None:
    assert (
        control_figures(_hits(32), LENGTH)[0] == control_figures(_hits(32), LoopLength.parse(2, "4/4", 90))[0]
    )


def test_brightness_is_where_the_treble_lies() -> None:
    dark, bright = (control_figures(_hits(32, low=low, high=low + 64), LENGTH)[1] for low in (40, 150))
    assert 40 < dark < 104 < 150 < bright < 214


def test_a_bass_under_it_makes_nothing_darker() -> None:
    plain = _hits(32, low=100, high=160)
    with_bass = plain.copy()
    with_bass[:, :30] = 1.0
    assert control_figures(with_bass, LENGTH)[1] == control_figures(plain, LENGTH)[1]


def test_energy_is_how_full_of_sound_a_loop_is() -> None:
    thin, full = (control_figures(_hits(32, level=level), LENGTH)[2] for level in (0.2, 1.0))
    assert full > thin + 5.0


def test_silence_has_figures_too() -> None:
    silence = np.full((2, 256, LENGTH.frames), -1.0, np.float32)
    assert control_figures(silence, LENGTH)[0] == 0.0 and np.isfinite(control_figures(silence, LENGTH)).all()


def test_loops_that_are_alike_share_their_rank() -> None:
    figures = np.asarray([[0.0], [0.0], [7.0], [7.0]])
    assert (
        ranked_within(figures, ["a"] * 4)[:, 0].tolist()
        == [np.float32(0.5 / 3)] * 2 + [np.float32(2.5 / 3)] * 2
    )
