"""The player: every sample is where the bar grid says, however blocks are cut and loops are swapped."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from riffsidecar.audio.player import CHANNELS, Deck, PlayedLoop, bar_line, mix, prepared
from riffsidecar.audio.waveform import Waveform
from riffsidecar.errors import AudioError
from riffsidecar.music import Meter, Tempo

BARS = st.fractions(min_value=Fraction(30), max_value=Fraction(120), max_denominator=7)


def loop_of(samples_per_bar: Fraction, bars: int, level: float) -> PlayedLoop:
    """Return a loop whose every sample says which loop it is of and where it lies."""
    count = round(bars * samples_per_bar)
    ramp = level + np.arange(count) / (1000.0 * count)
    return PlayedLoop(np.repeat(ramp[:, None], CHANNELS, axis=1).astype(np.float32), bars, str(level))


def played(deck: Deck, sizes: list[int]) -> tuple[NDArray[np.float32], Deck]:
    out = []
    for size in sizes:
        block = np.full((size, CHANNELS), np.nan, np.float32)
        deck = mix(deck, block)
        out.append(block)
    return np.concatenate(out), deck


def oracle(bar: Fraction, history: list[tuple[int, PlayedLoop | None]], total: int) -> NDArray[np.float32]:
    """Return what one pad sounds like, sample by sample; ``history`` are cues and where they fell."""
    lines = [bar_line(k, bar) for k in range(int(total / bar) + 3)]
    out = np.zeros((total, CHANNELS), np.float32)
    for sample in range(total):
        current: tuple[int, PlayedLoop] | None = None
        for at, loop in history:
            first = next(k for k, line in enumerate(lines) if line >= at)
            if lines[first] <= sample:
                current = None if loop is None else (first, loop)
        if current is None:
            continue
        first, loop = current
        bar_now = max(k for k, line in enumerate(lines) if line <= sample)
        turn = bar_now - (bar_now - first) % loop.bars
        out[sample] = loop.frames[(sample - lines[turn]) % len(loop.frames)]
    return out


@settings(max_examples=40, deadline=None)
@given(
    bar=BARS,
    sizes=st.lists(st.integers(1, 97), min_size=6, max_size=10),
    cues=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=3),
)
def test_a_swap_happens_on_the_bar_line_to_the_sample_however_blocks_are_cut(
    bar: Fraction, sizes: list[int], cues: list[tuple[int, int]]
) -> None:
    loops = [loop_of(bar, 1, 0.1), loop_of(bar, 2, 0.3), None]
    starts = np.cumsum([0, *sizes])
    history = [(0, loops[0])]
    deck = Deck(bar).cue(1, loops[0])
    out = []
    for number, size in enumerate(sizes):
        for _, which in [cue for cue in sorted(cues) if cue[0] == number]:
            deck = deck.cue(1, loops[which])
            history.append((int(starts[number]), loops[which]))
        block, deck = played(deck, [size])
        out.append(block)
    found = np.concatenate(out)
    np.testing.assert_array_equal(found, oracle(bar, history, len(found)))


def test_a_swapped_loop_goes_on_from_the_old_one_without_a_sample_missing() -> None:
    deck = Deck.at(Tempo.parse(120), Meter(4, 4), 44100)
    old, new = loop_of(deck.samples_per_bar, 1, 0.25), loop_of(deck.samples_per_bar, 2, 0.5)
    first, deck = played(deck.cue(1, old), [50_000])
    rest, deck = played(deck.cue(1, new), [512] * 600)
    sound = np.concatenate([first, rest])
    np.testing.assert_array_equal(sound[:88_200], old.frames)
    np.testing.assert_array_equal(sound[88_200 : 88_200 + 176_400], new.frames)
    assert (np.abs(sound) > 0).all()


@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=12))
@settings(max_examples=30, deadline=None)
def test_the_size_of_the_blocks_changes_no_sample(sizes: list[int]) -> None:
    bar = Fraction(1000, 7)
    deck = Deck(bar).cue(1, loop_of(bar, 1, 0.1)).cue(2, loop_of(bar, 3, 0.2))
    cut, after = played(deck, sizes)
    whole, same = played(deck, [sum(sizes)])
    np.testing.assert_array_equal(cut, whole)
    assert after.position == same.position == sum(sizes)


def test_hours_of_a_loop_stay_on_the_grid() -> None:
    deck = Deck.at(Tempo.parse(124), Meter(4, 4), 44100)
    loop = loop_of(deck.samples_per_bar, 4, 0.1)
    deck = mix(deck.cue(1, loop), np.zeros((1, CHANNELS), np.float32))
    bar = 124 // 4 * 60 * 4  # four hours
    deck = replace(deck, position=bar_line(bar, deck.samples_per_bar))
    out, _ = played(deck, [64])
    np.testing.assert_array_equal(out, loop.frames[:64])
    assert abs(bar * deck.samples_per_bar - bar // 4 * len(loop.frames)) > 100, "plain repetition would drift"


def test_pads_sound_together_and_are_never_louder_than_full_scale() -> None:
    deck = Deck(Fraction(100))
    for pad in range(1, 5):
        deck = deck.cue(pad, loop_of(Fraction(100), 1, 0.3))
    out, deck = played(deck, [100])
    assert out.max() == 1.0
    silent, _ = played(deck.stop(), [100])
    assert not silent.any()


def test_the_state_that_went_in_is_what_it_was() -> None:
    deck = Deck(Fraction(100)).cue(1, loop_of(Fraction(100), 1, 0.3))
    first, _ = played(deck, [150])
    second, _ = played(deck, [150])
    np.testing.assert_array_equal(first, second)
    assert deck.position == 0


def test_less_than_a_bar_is_repeated_to_whole_bars() -> None:
    half = Waveform(np.full((1, 50), 0.5, np.float32), 8000)
    loop = prepared(half, Fraction(1, 2), gain=0.5)
    assert (loop.bars, loop.frames.shape) == (1, (100, 2))
    assert (loop.frames == 0.25).all()
    assert prepared(half, Fraction(3, 2)).bars == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: PlayedLoop(np.zeros((4, 1), np.float32), 1),
        lambda: PlayedLoop(np.zeros((4, 2), np.float32), 0),
        lambda: Deck(Fraction(0)),
    ],
)
def test_what_cannot_be_played_cannot_be_built(make: object) -> None:
    with pytest.raises(AudioError):
        make()  # type: ignore[operator]
