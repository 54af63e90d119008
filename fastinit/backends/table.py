"""Tables of distributions of integers, as backends search them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Table(NamedTuple):
    """A distribution of the numbers from `first` on: cdf[i] is the probability of those up to first + i, and 1 at last."""

    cdf: NDArray[np.float64]
    first: int
    guide: NDArray[np.int32]
    """Of 2^k entries; where the C backend begins to search: how many of the cdf are at most j / 2^k."""

    @classmethod
    def of(cls, cdf: NDArray[np.float64], first: int = 0) -> Table:
        cells = 2 << min(len(cdf).bit_length(), 29)  # a power of 2: the products are exact
        counts = np.bincount(np.ceil(cdf * cells).astype(np.int64), minlength=cells)[:cells]
        return cls(cdf, first, counts.cumsum().astype(np.int32))
