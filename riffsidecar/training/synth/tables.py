"""Make band-limited single-cycle tables from their harmonics."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["TABLE_SIZE", "harmonics_below", "organ_table", "random_table", "shape_table"]

TABLE_SIZE = 4096
_TOP_HZ = 19500.0


def harmonics_below(frequency_hz: float, top_hz: float = _TOP_HZ) -> int:
    """Return how many harmonics fit under ``top_hz``, rounded down so that near pitches share a table.

    >>> harmonics_below(10000.0)
    1
    """
    count = max(1.0, min(top_hz / max(frequency_hz, 1.0), TABLE_SIZE / 4))
    return max(1, int(2.0 ** (np.floor(4.0 * np.log2(count)) / 4.0)))


def _cycle(sines: NDArray[np.float64], cosines: NDArray[np.float64] | None = None) -> NDArray[np.float32]:
    spectrum = np.zeros(TABLE_SIZE // 2 + 1, dtype=np.complex128)
    spectrum[1 : len(sines) + 1] = -0.5j * sines * TABLE_SIZE
    if cosines is not None:
        spectrum[1 : len(cosines) + 1] += 0.5 * cosines * TABLE_SIZE
    return np.fft.irfft(spectrum, TABLE_SIZE).astype(np.float32)


@lru_cache(maxsize=256)
def shape_table(shape: str, harmonics: int) -> NDArray[np.float32]:
    """Return one cycle of ``sine``, ``saw``, ``square``, ``triangle``, ``pulse25`` or ``pulse12``.

    Returns:
        (TABLE_SIZE,) float32 with an amplitude of about 1.
    """
    n = np.arange(1, harmonics + 1, dtype=np.float64)
    # Lanczos' factors round off the ringing of the cut series.
    round_off = np.sinc(n / (harmonics + 1)) ** 0.5
    if shape == "sine":
        return _cycle(np.ones(1))
    if shape == "saw":
        return _cycle(2.0 / (np.pi * n) * round_off)
    if shape == "square":
        return _cycle(np.where(n % 2 == 1, 4.0 / (np.pi * n), 0.0) * round_off * 0.8)
    if shape == "triangle":
        sign = np.where((n // 2) % 2 == 0, 1.0, -1.0)
        return _cycle(np.where(n % 2 == 1, 8.0 / (np.pi * n) ** 2 * sign, 0.0))
    width = {"pulse25": 0.25, "pulse12": 0.125}[shape]
    return _cycle(np.zeros(harmonics), 4.0 / (np.pi * n) * np.sin(np.pi * n * width) * round_off * 0.8)


@lru_cache(maxsize=256)
def organ_table(drawbars: tuple[int, ...], harmonics: int) -> NDArray[np.float32]:
    """Return one cycle, at the sub-octave, of nine drawbars of 0 to 8."""
    places = (1, 3, 2, 4, 6, 8, 10, 12, 16)
    sines = np.zeros(16)
    for place, pulled in zip(places, drawbars, strict=True):
        if pulled and place <= harmonics:
            sines[place - 1] = 10.0 ** (-3.0 * (8 - pulled) / 20.0)
    return _cycle(sines / max(1.0, float(np.sqrt((sines**2).sum()))))


@lru_cache(maxsize=256)
def random_table(seed: int, kind: str, harmonics: int) -> NDArray[np.float32]:
    """Return one seeded cycle: ``formant``, ``comb`` (every few harmonics), ``hollow`` or ``glass`` (few)."""
    rng = np.random.default_rng(seed)
    n = np.arange(1, 1025, dtype=np.float64)
    slope = n ** -rng.uniform(0.7, 1.2)
    if kind == "formant":
        weight = sum(
            rng.uniform(0.5, 1.0) * np.exp(-(((n - centre) / spread) ** 2))
            for centre, spread in zip(rng.uniform(1, 30, 4), rng.uniform(1.0, 6.0, 4), strict=True)
        )
        sines = weight * n**-0.3 + 0.15 * slope
    elif kind == "comb":
        sines = slope * (n % int(rng.integers(2, 6)) == 1)
        sines[0] = 1.0
    elif kind == "hollow":
        sines = slope * np.where(n % 2 == 1, 1.0, rng.uniform(0.0, 0.25))
    else:
        sines = np.zeros(1024)
        sines[rng.choice(np.arange(1, 16), 4, replace=False)] = rng.uniform(0.15, 0.6, 4)
        sines[0] = 1.0
    angles = rng.uniform(0.0, 2.0 * np.pi, 1024) * (kind != "comb")
    sines = sines[:harmonics]
    angles = angles[:harmonics]
    sines = sines / np.sqrt((sines**2).sum())
    return _cycle(sines * np.cos(angles), sines * np.sin(angles))
