"""What a backend is called with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

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


class ChoiceRequest(NamedTuple):
    """The items whose numbers a kernel of 64-bit integers has at positions start, start + 1, ..., one for each of `out`."""

    kernel: str
    stream: Stream
    parameters: Parameters
    start: int
    items: NDArray[np.generic]
    """C-contiguous, of any dtype without objects; an item is what it has at a place of its first axis."""
    out: NDArray[np.generic]
    """C-contiguous, of the same dtype and axes, and not empty."""
    num_threads: int = 1


class DirichletRequest(NamedTuple):
    """Rows of gamma values from position `start` on, each over the sum of its row, which is made from the first one on."""

    stream: Stream
    parameters: Parameters
    """Of the gamma values."""
    start: int
    out: NDArray[np.float64]
    """Of the rows and columns, C-contiguous and not empty."""
    num_threads: int = 1


class NoncentralRequest(NamedTuple):
    """Noncentral chi-squared values: gamma values plus the squares of normals, whose means are `roots`."""

    stream: Stream
    parameters: Parameters
    """Of the gamma values."""
    start: int
    """The position of the first gamma value,"""
    first_normal: int
    """and of the first normal."""
    roots: Parameters
    """As a kernel has its only parameter: for all values, or for each its own."""
    out: NDArray[np.float64]
    """1-D and contiguous."""
    num_threads: int = 1


Product: TypeAlias = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int], NDArray[np.float64]]


class Operations(NamedTuple):
    """What a generator needs of a backend beside `fill`."""

    shuffle: Callable[[ShuffleRequest], None]
    distinct: Callable[[NDArray[np.int64], int], Callable[[int], int]]
    """distinct(values, below) is a function of how many of the values, all from 0 to `below` - 1, are unlike each other and
    stand first: it moves those of the others that occur for the first time behind them, and returns how many it is now."""
    search: Callable[[SearchRequest], None]
    take: Callable[[NDArray[np.generic], NDArray[np.int64], NDArray[np.generic], int], None]
    """take(items, numbers, out, num_threads): out[i] = items[numbers[i]]; the arrays are those of a `ChoiceRequest`."""
    choose: Callable[[ChoiceRequest], None]
    product: Product
    """product(x, factor, added, num_threads): x @ factor + added, summed in one order: csrc/kernels/products.h."""
    dirichlet: Callable[[DirichletRequest], None]
    noncentral_chisquare: Callable[[NoncentralRequest], None]
