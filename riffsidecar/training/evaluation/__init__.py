"""Measure a checkpoint beside references that give its figures a scale, in an evaluation that can fail.

`run` measures the parts that `parts` names.
"""
