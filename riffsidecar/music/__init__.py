"""Musical time and harmony as exact values: tempo, meter, loop length, key and chords."""

from riffsidecar.music.boundaries import bars_of_duration, quarters_to_next_bar, seconds_to_next_bar
from riffsidecar.music.chords import QUALITIES, Chord, Chords
from riffsidecar.music.harmony import MODES, Key, pitch_class, spell
from riffsidecar.music.length import (
    MAX_BARS,
    MAX_DURATION_S,
    MIN_BARS,
    SAMPLE_RATES,
    LoopLength,
    check_grid,
    check_sample_rate,
    parse_bars,
    phases,
)
from riffsidecar.music.shown import shown
from riffsidecar.music.spans import BarSpans
from riffsidecar.music.time import FRAMES_PER_COLUMN, MAX_BPM, MIN_BPM, Meter, Tempo, TempoGrid, exact

__all__ = [
    "FRAMES_PER_COLUMN",
    "MAX_BARS",
    "MAX_BPM",
    "MAX_DURATION_S",
    "MIN_BARS",
    "MIN_BPM",
    "MODES",
    "QUALITIES",
    "SAMPLE_RATES",
    "BarSpans",
    "Chord",
    "Chords",
    "Key",
    "LoopLength",
    "Meter",
    "Tempo",
    "TempoGrid",
    "bars_of_duration",
    "check_grid",
    "check_sample_rate",
    "exact",
    "parse_bars",
    "phases",
    "pitch_class",
    "quarters_to_next_bar",
    "seconds_to_next_bar",
    "shown",
    "spell",
]
