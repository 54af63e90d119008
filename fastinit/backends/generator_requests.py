"""What a generator asks of a backend beside fills."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastinit.backends.request import Parameters, Stream
from fastinit.backends.table import Table


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
