"""Random orders, and searches in tables, in NumPy and Python: what the C backend does at once, step by step.

csrc/kernels/shuffles.h says which order is whose. The reference has all from here; Numba the last step in compiled code.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastinit.backends.reference import redraw
from fastinit.backends.request import Fill, FillRequest, Orders, SearchRequest, ShuffleRequest, Stream
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
    """See `fastinit.backends.request.Orders`."""

    def moved(known: int) -> int:
        _, places = np.unique(values, return_index=True)
        values[: len(places)] = values[np.sort(places)]
        return len(places)

    return moved


ROWS = 512  # whose products are added together, in the caches


def product(x: np.ndarray, factor: np.ndarray, added: np.ndarray, num_threads: int) -> np.ndarray:
    """See `fastinit.backends.request.Orders`."""
    products = np.zeros(x.shape)
    for first in range(0, len(x), ROWS):
        some, sums = x[first : first + ROWS], products[first : first + ROWS]
        for k, row in enumerate(factor):
            sums += some[:, k : k + 1] * row
    products += added
    return products


def orders_with(fill: Fill, shuffle: ShuffleBuckets) -> Orders:
    """The functions of a backend that fills by `fill`."""

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

    def search(request: SearchRequest) -> None:
        stream, table, start, out, _ = request
        u = np.empty(len(out))
        fill(FillRequest("uniform_float64", stream, np.array([0.0, 1.0]), np.array([start], np.uint64), len(u), 1, u))
        np.add(np.searchsorted(table.cdf, u, "right"), table.first, out=out)

    return Orders(order, search, distinct, product)
