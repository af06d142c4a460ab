"""Pitch classes of loops, and of pads over the same chords."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support_evaluation import LENGTH, World, lost, tones

from riffsidecar.errors import TrainingError
from riffsidecar.music import Chords, LoopLength, Meter, Tempo
from riffsidecar.training.evaluation import pitch as room
from riffsidecar.training.evaluation.loops import Ask, Loop
from riffsidecar.training.evaluation.pitch import measure_pads, measure_pitch, pad_scores
from riffsidecar.training.pitch_classes import agreement, bar_stretches, chord_stretches, share_in
from riffsidecar.training.score import Score


def test_every_chord_is_heard_in_its_own_stretch() -> None:
    length = LoopLength(Fraction(2), Meter(4, 4), Tempo.parse(120))
    bar = length.num_samples(44100) // 2
    samples = np.concatenate([tones(length, (0, 4, 7))[:, :bar], tones(length, (9, 0, 4))[:, bar:]], axis=1)
    stretches = chord_stretches(samples, length, Chords.parse("C Am"), 44100)
    assert [set(notes) for _, notes in stretches] == [{0, 4, 7}, {9, 0, 4}]
    heard = [chroma for chroma, _ in stretches]
    assert share_in(heard, [notes for _, notes in stretches]) > 0.95
    assert share_in(heard, [(2, 5, 8)] * 2) < 0.1
    halves = chord_stretches(samples, length, Chords.parse("C F | Am"), 44100)
    assert len(halves) == 3
    assert len(bar_stretches(samples, length, 44100)) == 2


def test_loops_of_the_same_notes_agree_and_moved_ones_do_not() -> None:
    one = bar_stretches(tones(LENGTH, (0, 4, 7)), LENGTH, 44100)
    other = bar_stretches(tones(LENGTH, (0, 7)), LENGTH, 44100)
    assert agreement(one, other) > 0.7 > 0.2 > agreement(one, other, moved=1)


def test_silence_has_no_pitch_class() -> None:
    silent = bar_stretches(np.zeros((2, 1000)), LENGTH, 44100)
    assert share_in(silent, [(0,)] * 2) == agreement(silent, silent) == 0.0


class _Detuned(World):
    """A model that plays its chords some semitones away."""

    moved = 1

    def play(self, ask: Ask, trained: bool) -> Loop:
        if not trained:
            return super().play(ask, trained)
        index = self.index_of(ask)
        notes = (0,) if ask.chords is None else ask.chords.bars[0][0].pitch_classes
        samples = tones(ask.length, tuple((note + self.moved) % 12 for note in notes), index)
        return self.loop(ask.length, lost(index), samples)


def test_a_model_in_key_and_chords_passes_and_one_a_semitone_up_fails(tmp_path: Path) -> None:
    good = measure_pitch(World(tmp_path, 16).bench)
    assert [check.name for check in good.checks if not check.holds] == []
    bad = {check.name: check for check in measure_pitch(_Detuned(tmp_path, 16).bench).checks}
    assert bad["codec: in scale"].holds
    assert not bad["in scale"].holds and not bad["follows chords"].holds


def test_drums_alone_have_no_pitch_to_measure(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="adherence_loops"):
        measure_pitch(World(tmp_path, 1).bench)


def test_pads_are_two_lines_of_one_band_each_by_itself(tmp_path: Path) -> None:
    pairs = pad_scores(World(tmp_path, 8, pad_pairs=3).bench)
    assert len(pairs) == 3
    for one, other in pairs:
        assert one.chords == other.chords is not None
        assert len(one.parts) == len(other.parts) == 1
        assert one.parts[0].role != other.parts[0].role
        assert one.parts[0].instrument != other.parts[0].instrument


class _Deaf(_Detuned):
    """A model whose second pad of each pair is in another key than the first."""

    def play(self, ask: Ask, trained: bool) -> Loop:
        self.moved = 1 if ask.seed % 2 else 0
        return super().play(ask, trained)


def test_pads_that_agree_pass_and_pads_in_another_key_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sung(score: Score, _: object) -> Loop:
        chords = score.chords or Chords.parse("C")
        samples = tones(score.length, chords.bars[0][0].pitch_classes)
        return Loop(score.length, samples, np.zeros((2, 1, 1), np.float32))

    monkeypatch.setattr(room, "rendered", sung)
    together = _Detuned(tmp_path, 8, pad_pairs=2)
    together.moved = 0
    (check,) = measure_pads(together.bench).checks
    assert check.holds and not check.passing_floors
    (check,) = measure_pads(_Deaf(tmp_path, 8, pad_pairs=2).bench).checks
    assert not check.holds
    assert all(ask.chords is not None for ask, _ in together.studio.asked)
