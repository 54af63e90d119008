"""Finds the vectors that point the same way, or the opposite one, among many, without comparing each with each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import numpy.typing as npt

from fastinit.auditing.leading import ALIKE
from fastinit.runtime.types import Float64Array

LARGEST = 8  # components by which a vector is looked up
SHARED = 5  # so many of them two vectors must share to be compared
MATRIX = 512  # vectors that are compared with one another at once


def alike(vectors: Float64Array) -> Iterator[tuple[int, int]]:
    """Pairs (i, j), j < i, of vectors of length 1 whose product is beyond ALIKE, either way, the least j for each i.

    Vectors are compared that have five of their eight largest components at the same places, and of the same signs but for
    one sign of all: two with a product of 0.99 differ by 0.14 in all, so that in 64 components none moves far in that order.
    Of independent ones with 64 components these are one in 40,000 of all pairs, with 16 one in 22.
    """
    there = np.flatnonzero(vectors.any(axis=1))
    earliest: dict[int, int] = {}
    for group in _groups(_keys(vectors[there])):
        left = there[group]
        if len(left) <= MATRIX and np.count_nonzero(np.abs(vectors[left] @ vectors[left].T) > ALIKE) == len(left):
            continue  # each is like itself alone
        while len(left) > 1:
            first, others = int(left[0]), left[1:]
            same = np.abs(vectors[others] @ vectors[first]) > ALIKE
            for i in others[same].tolist():
                earliest[i] = min(first, earliest.get(i, first))
            left = others[~same]
    yield from sorted(earliest.items())


def _keys(vectors: Float64Array) -> npt.NDArray[np.int64]:
    """For each vector a number for every five of its largest components: their places, and signs against the first's."""
    n, length = vectors.shape
    largest = np.sort(np.argsort(-np.abs(vectors), axis=1, kind="stable")[:, :LARGEST], axis=1)
    negative = np.signbit(np.take_along_axis(vectors, largest, axis=1))
    keys = []
    for chosen in combinations(range(largest.shape[1]), SHARED):
        key = np.zeros(n, np.int64)
        for at in chosen:
            key = (key * length + largest[:, at]) * 2 + (negative[:, at] != negative[:, chosen[0]])
        keys.append(key)
    return np.stack(keys, axis=1)


def _groups(keys: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.intp]]:
    """The rows, ascending, that have a key in common, for every key of two rows or more."""
    order = np.argsort(keys.reshape(-1), kind="stable")
    borders = np.flatnonzero(np.diff(keys.reshape(-1)[order])) + 1
    starts, ends = np.append(0, borders), np.append(borders, len(order))
    several = ends - starts > 1
    for start, end in zip(starts[several].tolist(), ends[several].tolist()):
        yield order[start:end] // keys.shape[1]
