"""Shuffles the buckets of a random order, as csrc/kernels/shuffles.c does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba import types
from numpy import uint32, uint64

from fastinit.backends.numba.compiling import address_of, compiled_for_python, compiled_once, pointer_to
from fastinit.backends.numba.integers import redraw
from fastinit.backends.numba.operations import Words
from fastinit.backends.request import Stream


def _shuffle(
    order: np.ndarray, starts: np.ndarray, num_buckets: int, words: Words, stream: Words, position: np.uint64
) -> None:
    for bucket in range(num_buckets):
        first = starts[bucket]
        for place in range(first, starts[bucket + 1]):
            size = uint64(place - first + 1)
            product = uint64(words[place]) * size
            chosen = product >> uint64(32)
            if uint64(uint32(product)) < uint64(2**32) % size:
                chosen = redraw(stream, position + uint64(place), size)
            other = first + np.int64(chosen)
            order[place], order[other] = order[other], order[place]


def _compiled() -> Callable[..., None]:
    numbers, words = pointer_to(np.int64), pointer_to(uint32)
    return compiled_for_python(_shuffle, "shuffle_buckets", (numbers, numbers, types.int64, words, words, types.uint64))


def shuffle_buckets(order: np.ndarray, starts: np.ndarray, words: np.ndarray, stream: Stream, position: int) -> None:
    """See `fastinit.backends.orders.shuffle_buckets`."""
    shuffle, own = compiled_once("shuffle_buckets", _compiled), np.array(stream, uint32)
    shuffle(address_of(order), address_of(starts), len(starts) - 1, address_of(words), address_of(own), position)
