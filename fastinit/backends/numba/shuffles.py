"""Shuffles the buckets of a random order, as csrc/kernels/shuffles.c does."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy import uint32, uint64

from fastinit.backends.numba.compiling import compile_for, compiled_at_first_call
from fastinit.backends.numba.integers import redraw
from fastinit.backends.numba.kernels import digest
from fastinit.backends.numba.operations import Untyped, Words
from fastinit.backends.request import Stream


def _shuffle(order: np.ndarray, starts: np.ndarray, words: Words, stream: Words, position: np.uint64) -> None:
    for bucket in range(len(starts) - 1):
        first = starts[bucket]
        for place in range(first, starts[bucket + 1]):
            size = uint64(place - first + 1)
            product = uint64(words[place]) * size
            chosen = product >> uint64(32)
            if uint64(uint32(product)) < uint64(2**32) % size:
                chosen = redraw(stream, position + uint64(place), size)
            other = first + np.int64(chosen)
            order[place], order[other] = order[other], order[place]


@cache
def _dispatcher() -> Untyped:
    _shuffle.__name__ = _shuffle.__qualname__ = f"shuffle_{digest()}"  # so that the cache notices the other files
    return compiled_at_first_call(_shuffle, is_cached=bool(digest()))


def shuffle_buckets(order: np.ndarray, starts: np.ndarray, words: np.ndarray, stream: Stream, position: int) -> None:
    """See `fastinit.backends.orders.shuffle_buckets`."""
    arguments = order, starts, words, np.array(stream, uint32), uint64(position)
    compile_for(_dispatcher(), arguments, "shuffles")
    _dispatcher()(*arguments)
