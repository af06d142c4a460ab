"""What ties the loops of a chain, as text: the recipe of each carries it.

So a loop from the middle of a chain can be made again by itself.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

import numpy as np
from numpy.typing import NDArray

from riffsidecar.errors import SessionError

__all__ = ["pack_stitch", "unpack_stitch"]

_CHANNELS: Final = 2


def pack_stitch(stitch: NDArray[np.float32]) -> str:
    """Write a stitch (2, num_samples) as text, rounded to half precision.

    >>> pack_stitch(np.ones((2, 1), np.float32))
    'ADwAPA=='
    """
    return base64.b64encode(stitch.astype("<f2").tobytes()).decode("ascii")


def unpack_stitch(text: str) -> NDArray[np.float32]:
    """Read what `pack_stitch` wrote.

    Raises:
        SessionError: a text that is none.

    >>> unpack_stitch("ADwAPA==").tolist()
    [[1.0], [1.0]]
    """
    try:
        flat = np.frombuffer(base64.b64decode(text, validate=True), "<f2").astype(np.float32)
    except (binascii.Error, ValueError) as error:
        raise SessionError(f"the tie of the chain cannot be read: {error}") from error
    if not flat.size or flat.size % _CHANNELS or not np.isfinite(flat).all():
        raise SessionError("the tie of the chain cannot be read; the file is damaged")
    return flat.reshape(_CHANNELS, -1)
