"""The benchmark's own baseline is the published path, and its measures tell better from worse."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.riffusion_audio import Figure, _verdicts, compare, published_audio, published_picture
from riffsidecar.spectrogram.image import image_to_spectrogram


@pytest.fixture(scope="module")
def sound() -> np.ndarray:
    time_s = np.arange(80 * 441) / 44100
    tone = 0.2 * np.sin(2 * np.pi * 330 * time_s) + 0.1 * np.sin(2 * np.pi * 1320 * time_s)
    hits = 0.1 * np.random.default_rng(0).standard_normal(len(time_s)) * (time_s % 0.2 < 0.03)
    return (tone + hits).astype(np.float32)


def test_the_published_path_loses_a_column_and_keeps_the_sound(sound: np.ndarray) -> None:
    picture = published_picture(sound)
    assert picture.shape == (512, 81, 3)
    made = published_audio(picture)
    assert made.shape == (80 * 441,)
    again = image_to_spectrogram(published_picture(made))[0, :, 10:-10]
    assert np.abs(again - image_to_spectrogram(picture)[0, :, 10:-10]).mean() < 0.1


def test_a_better_sound_has_better_measures(sound: np.ndarray) -> None:
    noise = np.random.default_rng(1).standard_normal(len(sound)).astype(np.float32)
    near, far = (compare(sound, sound + amount * noise)[0] for amount in (0.001, 0.05))
    for name in ("mel dB", "linear dB", "log dB"):
        assert near[name] < far[name]
    assert near["envelope"] > far["envelope"]


def test_the_reach_is_judged_on_every_measure() -> None:
    def figures(cpu_s: float, log_db: float) -> list[Figure]:
        measures = {"mel dB": -20.0, "linear dB": -10.0, "log dB": 3.0, "envelope": 0.8}
        rows = []
        for family in ("drums", "bass", "keys", "mix"):
            rows.append(Figure(family, "published", 8.0, measures, 10.0))
            rows.append(Figure(family, "ours", cpu_s, {**measures, "log dB": log_db}, 10.0))
            rows.append(Figure(family, "ours, air", cpu_s, measures, 5.0))
        return rows

    assert all(holds for holds, _ in _verdicts(figures(1.0, 3.0)))
    assert sum(not holds for holds, _ in _verdicts(figures(1.1, 3.0))) == 1
    assert sum(not holds for holds, _ in _verdicts(figures(1.0, 3.1))) == 4
