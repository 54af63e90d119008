"""What a backend is called with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Stream = tuple[int, int, int, int]
"""The words k0, k1, s0, s1 that a tensor's values are drawn from: the key of Philox and half of its counter."""

Parameters = NDArray[np.float64]
"""A distribution's parameters, exact in the type that its values are computed in; see csrc/kernels/values.h."""


class FillRequest(NamedTuple):
    """The values at positions start, start + step, ..., `length` of them for each of `starts`, one run after the other."""

    kernel: str
    """A name of `catalogue.KERNELS`."""
    stream: Stream
    parameters: Parameters
    starts: NDArray[np.uint64]
    length: int
    step: int
    out: NDArray[np.generic]
    """1-D, contiguous, aligned, of starts.size * length elements of the storage type (uint16 for 16-bit floats, uint8 for
    8-bit ones). For a backend that `takes_rows` it may be (starts.size, length): contiguous rows, any distance apart."""
    non_temporal: bool = False
    """Whether to write with non-temporal stores, which leave the caches as they are: for arrays larger than those."""
    num_threads: int = 1
    """How many threads a backend that `has_threads` may use, the calling one included."""


class AxesRequest(NamedTuple):
    """The values at positions origin + the sum of index * step, for each index of `out`, an array of any strides."""

    kernel: str
    stream: Stream
    parameters: Parameters
    origin: int
    steps: tuple[int, ...]
    """One for each axis of `out`."""
    out: NDArray[np.generic]
    """Aligned and of the storage type."""
    non_temporal: bool = False
    num_threads: int = 1


FillAxes = Callable[[AxesRequest], None]
"""What fills arrays of any strides, for backends that have it."""

Fill = Callable[[FillRequest], None]
"""The one function that every backend has."""

FillMany = Callable[[Sequence[str], bytes, Sequence[Parameters], Sequence[NDArray[np.generic]]], None]
"""fill_many(kernels, streams, parameters, outs): fill each array from position 0 of its own stream on.

streams: the four words for each array, one after the other; outs: C-contiguous, aligned, of their element's dtype; the rest
as in `FillRequest`, one for each array.
"""


class ShuffleRequest(NamedTuple):
    """A random order of n items, of which the first `wanted` are needed: csrc/kernels/shuffles.h says which."""

    stream: Stream
    start: int
    """The position of the first of its words."""
    bits: int
    """2^bits buckets are shuffled."""
    wanted: int
    items: NDArray[np.generic] | None
    """1-D, contiguous, aligned, of unsigned integers of 1, 2, 4 or 8 bytes; None for the numbers from 0 on."""
    out: NDArray[Any]
    """1-D, contiguous, of the same type, int64 for numbers; n long. It may be `items`."""
    num_threads: int = 1


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


class SearchRequest(NamedTuple):
    """The numbers that a table gives at positions start, start + 1, ...: the first whose cdf is above the uniform there."""

    stream: Stream
    table: Table
    start: int
    out: NDArray[np.int64]
    num_threads: int = 1


class Orders(NamedTuple):
    """What a backend has beside `fill`: random orders, searches in tables, and products."""

    shuffle: Callable[[ShuffleRequest], None]
    search: Callable[[SearchRequest], None]
    distinct: Callable[[NDArray[np.int64], int], Callable[[int], int]]
    """distinct(values, below) is a function of how many of the values, all from 0 to `below` - 1, are unlike each other and
    stand first: it moves those of the others that occur for the first time behind them, and returns how many it is now."""
    product: Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int], NDArray[np.float64]]
    """product(x, factor, added, num_threads): x @ factor + added, summed in one order: csrc/kernels/products.h."""
