"""Compose loops: genre grammars, harmony, drums, bass, comping and melody, all seeded.

genres*      what a genre is: tempi, feel, grooves, players, chords, sound
harmony      progressions in roman numerals, placed in time and voiced
drums, bass, comping, melody    the lines, from step patterns and rules
arrange      which players take part in a family of loops
finish       swing, looseness, place in the mix
describe     what a listener would say
loops        all of it: `compose`
"""

from riffsidecar.training.compose.loops import FAMILY_WEIGHTS, GENRES, compose

__all__ = ["FAMILY_WEIGHTS", "GENRES", "compose"]
