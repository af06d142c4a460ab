"""Compose loops without end: the front door of `riffsidecar.training.compose`.

>>> score = compose(7, family="bass")
>>> score.attributes.family, score == compose(7, family="bass")
('bass', True)
"""

from riffsidecar.training.compose.loops import FAMILY_WEIGHTS, GENRES, compose

__all__ = ["FAMILY_WEIGHTS", "GENRES", "compose"]
