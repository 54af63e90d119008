"""Parts of small tensors, which C makes whole faster than the positions of a part are found: NumPy takes the part."""

from __future__ import annotations

import math
from types import EllipsisType
from typing import Any

import numpy as np

from fastinit.core.pieces import TILE
from fastinit.runtime.types import Array, Index

# Elements of a tensor whose slices are taken so: all of them take a few microseconds, the positions of slices 30. Those of
# arrays and masks take 80 or more, which is the time of all tensors of which C remembers the fill.
MOST_SLICED = 4 * TILE


def is_taken(shape: Any, index: Any) -> bool:
    """Whether the part is to be taken from the whole tensor, if that is a small one. `shape` may be anything."""
    items = index if type(index) is tuple else (index,)
    if not all(map(_is_plain, items)):
        return False
    return any(type(item) is np.ndarray for item in items) or _size(shape) <= MOST_SLICED


def take(full: Array, index: Index) -> Any:
    """full[index] as an array of its own, or a single value; None where NumPy refuses the index."""
    try:
        part = full[index]
    except (IndexError, TypeError):
        return None
    is_own = not isinstance(part, np.ndarray) or (part.base is None and part.flags.c_contiguous)
    return part if is_own else part.copy()


def _is_plain(item: Any) -> bool:
    """Whether NumPy takes the item for what `fastinit.core.indices` does."""
    if type(item) is np.ndarray:
        return item.ndim > 0 and item.dtype.kind in "biu"
    return item is None or type(item) in (int, slice, EllipsisType)


def _size(shape: Any) -> int:
    lengths = shape if type(shape) is tuple else (shape,)
    return math.prod(lengths) if all(type(n) is int for n in lengths) else MOST_SLICED + 1
