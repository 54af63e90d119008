"""Collects small arrays and fills them together, so that they share the cost of a kernel's call and of waking threads."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from fastinit.backends import Backend, current
from fastinit.core.pieces import LEAST_FOR_THREADS, TILE
from fastinit.runtime import threads
from fastinit.runtime.types import Array, Float64Array

PART = 64 * TILE  # elements that a thread takes at a time, some hundred microseconds of small arrays
MOST_ARRAYS = 1000  # that a thread takes at a time: an interrupt waits for them
SMALL = LEAST_FOR_THREADS  # elements: a larger array is filled by itself, by several threads


def is_small(out: Array) -> bool:
    """Whether it is an array that `SmallArrays` fills."""
    return 0 < out.size <= SMALL and out.flags.c_contiguous and out.flags.aligned and out.dtype.isnative


class SmallArrays:
    """Small arrays of one dtype, each with its kernel and stream, to be filled from the start of these."""

    def __init__(self) -> None:
        self._kernels: list[str] = []
        self._streams: list[bytes] = []
        self._parameters: list[Float64Array] = []
        self._outs: list[Array] = []

    def add(self, kernel: str, stream: bytes, parameters: Float64Array, out: Array) -> None:
        """Take an array that `is_small`; `kernel` with the dtype's name, `stream` the four words (`Stream.packed`)."""
        self._kernels.append(kernel)
        self._streams.append(stream)
        self._parameters.append(parameters)
        self._outs.append(out)

    def fill(self) -> None:
        """Fill all that were added."""
        sizes = [out.size for out in self._outs]
        num_threads = threads.get_num_threads() if sum(sizes) > LEAST_FOR_THREADS else 1
        backend = current()
        threads.run((partial(self._fill_part, backend, part) for part in _parts(sizes)), num_threads)
        for added in (self._kernels, self._streams, self._parameters, self._outs):
            added.clear()

    def _fill_part(self, backend: Backend, part: slice) -> None:
        streams = b"".join(self._streams[part])
        backend.fill_many(self._kernels[part], streams, self._parameters[part], self._outs[part])


def _parts(sizes: Sequence[int]) -> list[slice]:
    """The list in parts of about `PART` elements and at most `MOST_ARRAYS` arrays."""
    ends, in_part = [0], 0
    for i, size in enumerate(sizes, 1):
        in_part += size
        if in_part >= PART or i - ends[-1] >= MOST_ARRAYS or i == len(sizes):
            ends.append(i)
            in_part = 0
    return [slice(first, last) for first, last in pairwise(ends)]
