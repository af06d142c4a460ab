"""Make nets without drawing the numbers that they would begin with: they are given theirs at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import torch.nn.init
from torch import nn
from torch.overrides import TorchFunctionMode

__all__ = ["unfilled"]

_Net = TypeVar("_Net", bound=nn.Module)


class _NothingDrawn(TorchFunctionMode):
    """Leave tensors as they are where `torch.nn.init` would draw numbers for them; all else is done."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if getattr(func, "__module__", None) == torch.nn.init.__name__:
            return named["tensor"] if "tensor" in named else args[0]
        return func(*args, **named)


def unfilled(make: Callable[[], _Net]) -> _Net:
    """Return the net that ``make`` makes, whose parameters hold anything at all; buffers are as they should.

    It is for a net that is given a whole state before it is used.
    """
    with _NothingDrawn():
        return make()
