"""Shuffles the buckets of a random order, as csrc/kernels/shuffles.c does."""

from __future__ import annotations

import numba
import numpy as np
from numba import types
from numpy import uint32, uint64

from fastinit.backends.numba.compiling import compiled_at_first_call, compiled_once, compiling
from fastinit.backends.numba.integers import redraw
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


def _compiled() -> Untyped:
    shuffle = compiled_at_first_call(_shuffle, "shuffle_buckets")
    numbers, words = (types.Array(numba.from_dtype(np.dtype(of)), 1, "C") for of in (np.int64, np.uint32))
    with compiling("shuffles"):
        shuffle.compile((numbers, numbers, words, words, types.uint64))
    return shuffle


def shuffle_buckets(order: np.ndarray, starts: np.ndarray, words: np.ndarray, stream: Stream, position: int) -> None:
    """See `fastinit.backends.orders.shuffle_buckets`."""
    shuffle = compiled_once("shuffle_buckets", _compiled)
    shuffle(order, starts, words, np.array(stream, uint32), uint64(position))
