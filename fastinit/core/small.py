"""Collects small arrays and fills them together, so that they share the cost of a kernel's call and of waking threads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from fastinit.backends import Backend, current
from fastinit.backends.elements import ElementType
from fastinit.core.pieces import LEAST_FOR_THREADS, TILE
from fastinit.core.stream import Stream
from fastinit.runtime import threads
from fastinit.runtime.types import Array, Float64Array, UInt32Array

PART = 64 * TILE  # elements that a thread takes at a time, some hundred microseconds of small arrays
MOST_ARRAYS = 1000  # that a thread takes at a time: an interrupt waits for them
SMALL = LEAST_FOR_THREADS  # elements: a larger array is filled by itself, by several threads


def is_small(out: Array) -> bool:
    """Whether it is an array that `SmallArrays` fills."""
    return 0 < out.size <= SMALL and out.flags.c_contiguous and out.flags.aligned and out.dtype.isnative


class _Small(NamedTuple):
    """A small array, and what a backend needs to fill it."""

    kernel: str
    stream: Stream | UInt32Array
    parameters: Float64Array
    out: Array


class SmallArrays:
    """Small arrays of one dtype, each with its kernel and stream, to be filled from the start of these."""

    def __init__(self, element: ElementType) -> None:
        self._storage = element.storage
        self._arrays: list[_Small] = []

    def add(self, kernel: str, stream: Stream | UInt32Array, parameters: Float64Array, out: Array) -> None:
        """Take an array that `is_small`; `kernel` with the dtype's name."""
        flat = np.asarray(out).reshape(-1).view(self._storage)
        self._arrays.append(_Small(kernel, stream, parameters, flat))

    def fill(self) -> None:
        """Fill all that were added."""
        sizes = [small.out.size for small in self._arrays]
        num_threads = threads.get_num_threads() if sum(sizes) > LEAST_FOR_THREADS else 1
        backend = current()
        threads.run((partial(_fill_part, backend, self._arrays[part]) for part in _parts(sizes)), num_threads)
        self._arrays.clear()


def _fill_part(backend: Backend, part: Sequence[_Small]) -> None:
    kernels, streams, parameters, outs = zip(*part)
    backend.fill_many(kernels, np.array(streams, np.uint32), parameters, outs)


def _parts(sizes: Sequence[int]) -> list[slice]:
    """The list in parts of about `PART` elements and at most `MOST_ARRAYS` arrays."""
    ends, in_part = [0], 0
    for i, size in enumerate(sizes, 1):
        in_part += size
        if in_part >= PART or i - ends[-1] >= MOST_ARRAYS or i == len(sizes):
            ends.append(i)
            in_part = 0
    return [slice(first, last) for first, last in pairwise(ends)]
