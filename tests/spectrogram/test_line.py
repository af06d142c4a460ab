"""Sound that goes on has no join, and is read at any rate without drift."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from riffsidecar.audio.seam import seam_measure
from riffsidecar.errors import SpectrogramError
from riffsidecar.spectrogram.codec import reconstruct
from riffsidecar.spectrogram.line import CONTEXT_FRAMES, LOOK_AHEAD_FRAMES, PhaseLine
from riffsidecar.spectrogram.resample import reach, read_line
from riffsidecar.spectrogram.stft import stft

HOP, WIN, STRETCH, FRAMES = 328, 2048, 128, 512


@pytest.fixture(scope="module")
def magnitudes() -> NDArray[np.float32]:
    """Stereo magnitudes of held tones with a hit on each beat."""
    at = np.arange(FRAMES * HOP) / 44100
    sound = sum(a * np.sin(2 * np.pi * hz * at + hz) for hz, a in ((110, 0.2), (220.3, 0.1), (1234, 0.05)))
    noise = np.random.default_rng(0).standard_normal(3000) * np.exp(-np.arange(3000) / 400)
    for beat in range(0, FRAMES * HOP, 64 * HOP):
        sound[beat : beat + 3000] += 0.4 * noise[: len(sound) - beat]
    stereo = np.stack([sound, 0.8 * np.roll(sound, 30)]).astype(np.float32)
    return np.stack([np.abs(stft(channel, FRAMES, WIN)) for channel in stereo]).astype(np.float32)


def line_of(magnitudes: NDArray[np.float32]) -> NDArray[np.float32]:
    line = PhaseLine(HOP, WIN)
    made = [
        line.push(
            magnitudes[:, at : at + STRETCH], magnitudes[:, at + STRETCH : at + STRETCH + LOOK_AHEAD_FRAMES]
        )
        for at in range(0, FRAMES - STRETCH, STRETCH)
    ]
    return np.concatenate(made, axis=1)


def convergence_db(samples: NDArray[np.float32], magnitudes: NDArray[np.float32]) -> float:
    frames = samples.shape[1] // HOP
    made = np.abs(stft(samples[0, : frames * HOP], frames, WIN))[8:-8]
    wanted = magnitudes[0, :frames][8:-8]
    return float(20 * np.log10(np.linalg.norm(made - wanted) / np.linalg.norm(wanted)))


def test_a_line_is_as_good_as_a_circle(magnitudes: NDArray[np.float32]) -> None:
    line = line_of(magnitudes)
    assert line.shape == (2, 3 * STRETCH * HOP - WIN // 2)
    circle = reconstruct(magnitudes, HOP, WIN)[:, : line.shape[1]]
    assert convergence_db(line, magnitudes) < convergence_db(circle, magnitudes) + 3.0


def test_a_join_is_an_ordinary_place(magnitudes: NDArray[np.float32]) -> None:
    line = line_of(magnitudes)
    joins = [at * HOP - back for at in (STRETCH, 2 * STRETCH) for back in (WIN // 2, WIN // 4, 1)]
    beats = range(64 * HOP, line.shape[1], 64 * HOP)
    ordinary = seam_measure(line, list(beats))
    found = seam_measure(line, joins)
    assert max(found.inner_jumps) < 1.0
    assert max(found.inner_lpc_db) < max(ordinary.inner_lpc_db)


def test_a_stretch_that_is_stopped_can_be_pushed_again(magnitudes: NDArray[np.float32]) -> None:
    def stop(fraction: float) -> None:
        raise KeyboardInterrupt

    calm, disturbed = PhaseLine(HOP, WIN), PhaseLine(HOP, WIN)
    for at in (0, STRETCH):
        parts = magnitudes[:, at : at + STRETCH], magnitudes[:, at + STRETCH : at + STRETCH + 16]
        with pytest.raises(KeyboardInterrupt):
            disturbed.push(*parts, stop)
        assert np.array_equal(calm.push(*parts), disturbed.push(*parts))


def test_too_few_frames_are_refused() -> None:
    with pytest.raises(SpectrogramError, match="24 or more"):
        PhaseLine(HOP, WIN).push(np.zeros((2, CONTEXT_FRAMES - 1, 1025), np.float32), np.zeros((2, 16, 1025)))
    with pytest.raises(SpectrogramError, match="hop"):
        PhaseLine(1000, WIN)


@pytest.mark.parametrize(("hz", "limit_db"), [(1000.0, -95.0), (19000.0, -75.0)])
def test_a_tone_is_read_where_it_is(hz: float, limit_db: float) -> None:
    step = Fraction(440563, 441000)
    tone = np.sin(2 * np.pi * hz * np.arange(20_000) / 44056.3)[None].astype(np.float32)
    made = read_line(tone, 0, step, 1000, 15_000)[0]
    exact = np.sin(2 * np.pi * hz * np.arange(1000, 16_000) / 44100)
    assert 20 * np.log10(np.abs(made - exact).max()) < limit_db


def test_a_late_stretch_is_read_as_exactly_as_an_early_one() -> None:
    step, first = Fraction(440563, 441000), 441_000 * 10**7
    noise = np.random.default_rng(1).standard_normal((2, 3000)).astype(np.float32)
    early = read_line(noise, -100, step, 0, 2000)
    late = read_line(noise, first * 440563 // 441000 - 100, step, first, 2000)
    assert np.array_equal(early, late)


def test_stretches_meet() -> None:
    step = Fraction(997, 1000)
    noise = np.random.default_rng(2).standard_normal((1, 3000)).astype(np.float32)
    whole = read_line(noise, -50, step, 0, 2000)
    halves = [read_line(noise, -50, step, at, 1000) for at in (0, 1000)]
    np.testing.assert_allclose(np.concatenate(halves, axis=1), whole, atol=1e-6)


def test_what_is_not_there_is_not_read() -> None:
    low, high = reach(Fraction(1), 0, 10)
    with pytest.raises(SpectrogramError, match="only 0 to 100"):
        read_line(np.zeros((1, 100), np.float32), 0, Fraction(1), 0, 10)
    assert read_line(np.zeros((1, high - low), np.float32), low, Fraction(1), 0, 10).shape == (1, 10)
