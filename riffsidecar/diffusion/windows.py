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


def window_starts(columns: int, width: int, *, on_line: bool = False) -> tuple[int, ...]:
    """Return where windows of ``width`` begin on a circle of ``columns``; none where one picture will do.

    They overlap by half at least. A picture a quarter wider than the model knows is painted in one. On a
    line, no window goes beyond the end.

    >>> window_starts(64, 64), window_starts(128, 64), window_starts(200, 64)
    ((), (0, 32, 64, 96), (0, 29, 57, 86, 114, 143, 171))
    >>> window_starts(128, 64, on_line=True)
    (0, 32, 64)

    Raises:
        DiffusionError: a circle or a window without columns.
    """
    if columns < 1 or width < 2:
        raise DiffusionError(f"windows of {width} on {columns} columns: must be 2 or more, on 1 or more")
    if columns <= _MOST_BEYOND * width:
        return ()
    if on_line:
        beyond = columns - width
        gaps = -(-2 * beyond // width)
        return tuple(round(index * beyond / gaps) for index in range(gaps + 1))
    count = -(-2 * columns // width)
    return tuple(round(index * columns / count) for index in range(count))


def over_windows(
    predict: Callable[[Tensor], Tensor], picture: Tensor, starts: tuple[int, ...], width: int
) -> Tensor:
    """Return what ``predict`` says of a picture (..., columns), averaged over the windows.

    Args:
        predict: takes (..., ``width``); what it gives may be wider or narrower, all windows alike.
        picture: the whole loop.
        starts: of the windows, from `window_starts`.
        width: of each window.
    """
    columns = picture.shape[-1]
    places = torch.arange(width, device=picture.device)
    total: Tensor | None = None
    for start in starts:
        said = predict(picture[..., (places + start) % columns])
        wide = said.shape[-1]
        if total is None:
            total = said.new_zeros((*said.shape[:-1], columns * wide // width))
            share = said.new_zeros(total.shape[-1])
        found = torch.arange(wide, device=said.device)
        weight = torch.sin(torch.pi * (found + 0.5) / wide).square().to(said.dtype)
        window = (found + start * wide // width) % total.shape[-1]
        total.index_add_(-1, window, said * weight)
        share.index_add_(0, window, weight)
    if total is None:
        raise DiffusionError("no windows: where one picture will do, there is nothing to average")
    return total / share
