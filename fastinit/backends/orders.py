"""Random orders, in NumPy and Python: what the C backend does at once, step by step.

csrc/kernels/shuffles.h says which order is whose. The reference has all from here; Numba the last step in compiled code.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastinit.backends.generator_requests import ShuffleRequest
from fastinit.backends.reference import redraw
from fastinit.backends.request import Fill, FillRequest, Stream
from fastinit.runtime.types import UInt64Array

TILE_WORDS = 2048
ShuffleBuckets = Callable[[np.ndarray, np.ndarray, np.ndarray, Stream, int], None]
"""shuffle_buckets(order, starts, words, stream, position): shuffle order[starts[i] : starts[i + 1]] for each i, in place, by
the words of the places, the first of which is at `position`."""


def shuffle_buckets(order: np.ndarray, starts: np.ndarray, words: np.ndarray, stream: Stream, position: int) -> None:
    """Fisher and Yates (1938), with Lemire's (2019) integers below a bound."""
    for first, end in zip(starts[:-1].tolist(), starts[1:].tolist()):
        for place in range(first, end):
            size = place - first + 1
            chosen, remainder = divmod(int(words[place]) * size, 2**32)
            if remainder < 2**32 % size:
                chosen = int(redraw(stream, np.array([position + place], np.uint64), size)[0])
            order[place], order[first + chosen] = order[first + chosen], order[place]


def distinct(values: np.ndarray, below: int) -> Callable[[int], int]:
    """See `fastinit.backends.generator_requests.Operations`."""

    def moved(known: int) -> int:
        _, places = np.unique(values, return_index=True)
        values[: len(places)] = values[np.sort(places)]
        return len(places)

    return moved


def shuffle_with(fill: Fill, shuffle: ShuffleBuckets) -> Callable[[ShuffleRequest], None]:
    """The function of a backend that fills by `fill`."""

    def words_at(stream: Stream, position: int, n: int) -> np.ndarray:
        words = np.empty(n, np.uint32)
        start: UInt64Array = np.array([position], np.uint64)
        fill(FillRequest("words_uint32", stream, np.empty(0), start, n, 1, words))
        return words

    def order(request: ShuffleRequest) -> None:
        stream, start, bits, _, items, out, _ = request
        n = len(out)
        bucket = words_at(stream, start, n).astype(np.uint64) << np.uint64(bits) >> np.uint64(32)
        order = np.argsort(bucket, kind="stable")
        starts = np.searchsorted(bucket[order], np.arange(2**bits + 1, dtype=np.uint64))
        position = start + -(-n // TILE_WORDS) * TILE_WORDS
        shuffle(order, starts, words_at(stream, position, n), stream, position)
        out[...] = order if items is None else items[order]

    return order
