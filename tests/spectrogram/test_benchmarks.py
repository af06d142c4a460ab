"""The benchmarks' own judgement: an ordinary pool passes, one with clicks does not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.griffin_lim_baseline import griffin_lim_reflect, reflect_istft, reflect_stft
from benchmarks.phase import convergence_db, envelope_correlation
from benchmarks.seams import judge
from riffsidecar.audio.seam import Seam


def _pool(lift: float, odd: float = 0.0, loops: int = 200) -> list[Seam]:
    rng = np.random.default_rng(5)
    seams = []
    for _ in range(loops):
        jumps, errors = rng.uniform(0.0, 0.4, 4), rng.normal(0.0, 3.0, 4)
        seams.append(Seam(jumps[0] + lift, errors[0] + 30.0 * lift, tuple(jumps[1:]), tuple(errors[1:])))
    if odd:
        seams[17] = Seam(odd, 30.0 * odd, seams[17].inner_jumps, seams[17].inner_lpc_db)
    return seams


def test_wraps_like_bar_lines_pass() -> None:
    assert all(verdict.passes for verdict in judge(_pool(0.0)))


def test_wraps_that_click_fail() -> None:
    assert not any(verdict.passes for verdict in judge(_pool(0.5)))


def test_a_single_bad_click_fails() -> None:
    verdicts = judge(_pool(0.0, odd=2.0))
    assert all(verdict.exceeding <= verdict.allowed for verdict in verdicts)
    assert not any(verdict.passes for verdict in verdicts)


def test_the_baseline_is_griffin_lim(loop: NDArray[np.float32]) -> None:
    samples = loop[0, : 345 * 256]
    np.testing.assert_allclose(reflect_istft(reflect_stft(samples, 345, 2048), 345, 2048), samples, atol=1e-5)
    magnitudes = np.abs(reflect_stft(samples, 345, 2048))
    errors = []
    for iterations in (0, 4, 16):
        made = griffin_lim_reflect(magnitudes, 345, 2048, iterations=iterations)
        errors.append(convergence_db(magnitudes, np.abs(reflect_stft(made, 345, 2048))))
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < -10.0


def test_the_envelope_tells_attacks_from_noise(loop: NDArray[np.float32]) -> None:
    assert envelope_correlation(loop[0], loop[0]) == pytest.approx(1.0)
    assert envelope_correlation(loop[0], np.roll(loop[0], 5000)) < 0.5
