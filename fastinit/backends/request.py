"""What a backend's fills are called with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

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
