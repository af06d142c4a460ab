"""Windows that wrap around: a loop longer than the pictures a model was trained on (MultiDiffusion).

Bar-Tal et al. 2023: at every step the model looks at overlapping windows of the width it knows, and what it
says of a place is averaged over the windows that see it. Here the windows lie on a circle, evenly, and count
most in their middle, so that no place of the loop is an edge.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from riffsidecar.errors import DiffusionError

__all__ = ["over_windows", "window_starts"]

_MOST_BEYOND = 1.25


def window_starts(columns: int, width: int) -> tuple[int, ...]:
    """Return where windows of ``width`` begin on a circle of ``columns``; none where one picture will do.

    They overlap by half at least. A picture a quarter wider than the model knows is painted in one.

    >>> window_starts(64, 64), window_starts(128, 64), window_starts(200, 64)
    ((), (0, 32, 64, 96), (0, 29, 57, 86, 114, 143, 171))

    Raises:
        DiffusionError: a circle or a window without columns.
    """
    if columns < 1 or width < 2:
        raise DiffusionError(f"windows of {width} on {columns} columns: must be 2 or more, on 1 or more")
    if columns <= _MOST_BEYOND * width:
        return ()
    count = -(-2 * columns // width)
    return tuple(round(index * columns / count) for index in range(count))


def over_windows(
    predict: Callable[[Tensor], Tensor], latents: Tensor, starts: tuple[int, ...], width: int
) -> Tensor:
    """Return what ``predict`` says of latents (1, channels, rows, columns), averaged over the windows.

    Args:
        predict: takes and gives (1, channels, rows, ``width``).
        latents: the whole loop.
        starts: of the windows, from `window_starts`.
        width: of each window.
    """
    columns = latents.shape[-1]
    places = torch.arange(width, device=latents.device)
    weight = torch.sin(torch.pi * (places + 0.5) / width).square().to(latents.dtype)
    total = torch.zeros_like(latents)
    share = latents.new_zeros(columns)
    for start in starts:
        window = (places + start) % columns
        total.index_add_(-1, window, predict(latents[..., window]) * weight)
        share.index_add_(0, window, weight)
    return total / share
